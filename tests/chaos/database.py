"""R5, R20: connections ended, slots used up, queue and schedules deleted; and the database of an hour ago."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import psycopg

from tests.chaos.bench import Bench
from tests.chaos.both_sides import TOLD
from tests.chaos.hints import at_work
from tests.chaos.kills import QUIET_SECONDS, finish, start_first_load
from tests.chaos.oracle import Verdict, judge, not_stored, trespasses, unhappy_events
from tests.chaos.programme import Outcome, People, Trial, hooks_without_end, row, since
from tests.processes.installation import Installation, wait_for

END_SOME = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < %s"
#: All that wakes somebody: bells, tasks and schedules. The change events are what counts.
FORGET_THE_QUEUE = ("DELETE FROM sync_bell", "DELETE FROM django_q_ormq", "DELETE FROM django_q_schedule")
SLOTS_TAKEN_SECONDS = 2.0


@row("R5", "connections ended, slots used up, queue deleted", "nobody_rings_for_what_is_due")
def without_a_database(trial: Trial) -> Outcome:
    """During a first load, a stream of hints and people's edits."""
    place, people = trial.place, People(trial.place, trial.random)
    debtors, blows = trial.size(500, least=40), trial.size(60, least=6)
    start_first_load(trial, debtors, **trial.defective)
    with hooks_without_end(place) as answered:
        for number in range(blows):
            before = len(answered)
            wait_for(lambda before=before: len(answered) > before + 20, 60, "hooks are answered")
            people.edit(trial.random.randrange(1, 10))
            match number % 3:
                case 0:
                    place.query(END_SOME, trial.random.choice((0.3, 1.0)))
                case 1:
                    take_all_slots(place)
                case 2:
                    for statement in FORGET_THE_QUEUE:
                        place.query(statement)
            struck = time.monotonic()
    lost = not_stored(place, answered)
    if trial.defect:
        place.query(END_SOME, 1.0)
        people.edit(20)
        for _ in range(20):  # whoever rang rings in vain
            place.query(FORGET_THE_QUEUE[0])
            time.sleep(0.05)
        return Outcome(f"{blows} blows", judge(place, answered, seconds=10))
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(struck)
    wait_for(lambda: place.query("SELECT 1 FROM django_q_schedule"), 90, "the schedules are there again")
    verdict = finish(place, people)
    verdict.lost += lost
    return Outcome(f"{2 * debtors} debtors, {len(answered)} hooks, {blows} blows", verdict, recovered)


def take_all_slots(place: Installation) -> None:
    """Sit on every connection the server has left, and on those that are given back meanwhile."""
    until = time.monotonic() + SLOTS_TAKEN_SECONDS
    with ExitStack() as sitting:
        while time.monotonic() < until:
            with suppress(psycopg.Error):
                sitting.enter_context(psycopg.connect(place.database_url, connect_timeout=2))
                continue
            time.sleep(0.05)


@row("R20", "the database of an hour ago restored", "nothing_is_looked_up_before_a_create", kind=Bench)
def restore(trial: Trial) -> Outcome:
    """Both systems moved on since, by people's hands and by ours, and of the latter nothing is known any more."""
    place, people = at_work(trial, debtors=20)
    place.control("intempus", "switches", creation_id_honoured=False)
    people.edit(trial.size(100, least=10))
    place.catch_up()
    save_copy(place)
    number = trial.size(100, least=10)
    before = place.now()
    for slug, (company, intempus_company) in place.companies.items():
        for each in range(number):
            plain = {"Name": f"Ny {each} {slug}", "City": "Odense", "Country": "Denmark", "Group": "2"}
            place.create("uniconta", company, "Debtor", Account=str(30001 + each), **plain)
            name = f"Født i Intempus {each} {slug}"
            place.create("intempus", intempus_company, "customer", name=name, city="Nyborg", active=True)
    place.debtors += 2 * number
    people.edit(2 * number)
    place.catch_up()
    people.edit(number)  # which the platform never hears of
    place.control("uniconta", "wait_for_webhooks", timeout=30)
    sent = len(place.effects(before))
    restored = time.monotonic()
    bring_back(place)
    after = place.now()
    place.catch_up()
    place.catch_up()
    recovered = since(restored)
    verdict = Verdict()
    verdict.wrong += [f"event {each} ended {state}: {code}" for each, state, code in unhappy_events(place)]
    for sentence in place.differences():
        (verdict.duplicated if "customers for debtor" in sentence else verdict.wrong).append(sentence)
    verdict.duplicated += [f"made again: {effect}" for effect in place.effects(after) if effect.startswith("created")]
    # An edit on top of one that was sent and forgotten is a conflict to whoever knows neither: Uniconta's stands, the
    # other is in the log.
    stands = {
        (slug, each["Account"]): each["City"]
        for slug in place.companies
        for each in place.rows("uniconta", slug, "Debtor")
    }
    for (slug, account), city in people.last.items():
        told = (account, place.tenants[slug], city, city, city)
        if stands[slug, account] != city and not place.query(TOLD, *told)[0][0]:
            verdict.lost.append(f"{slug}: debtor {account} is not in {city!r}, and nothing says so")
    verdict.wrong += trespasses(place)
    quiet = place.now()
    place.catch_up()
    verdict.wrong += [f"written when all was quiet: {effect}" for effect in place.effects(quiet)]
    return Outcome(f"{sent} writes forgotten, {number} edits unheard", verdict, recovered)


def save_copy(place: Bench) -> None:
    place.hang_up()
    place.server.run(END_ALL.format(place.database))
    place.server.run(f"CREATE DATABASE {place.database}_earlier TEMPLATE {place.database}")


def bring_back(place: Bench) -> None:
    place.hang_up()
    place.server.run(f"DROP DATABASE {place.database} WITH (FORCE)")
    place.server.run(f"ALTER DATABASE {place.database}_earlier RENAME TO {place.database}")


END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
