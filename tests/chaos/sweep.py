"""R21: one operation after the other, killed at every fail point there is. No randomness: each point once.

Every kill has a record of its own. Afterwards the engine starts anew, and the record must stand right on both sides, once,
with one line in the log for each write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.chaos.bench import Bench, faults
from tests.chaos.fail_points import FailPoints, mortal
from tests.chaos.oracle import Verdict, log_against_ledgers, trespasses, unhappy_events
from tests.chaos.programme import Outcome, Trial, row

SLUG, OTHER = "nordbyg", "havnen"


@dataclass
class Subject:
    """One record, and what people expect of it in the end: by field names of each side."""

    place: Bench
    number: int
    row_id: int = 0
    record_id: int = 0
    uniconta: dict[str, Any] = field(default_factory=dict)
    intempus: dict[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return str(self.number)

    @property
    def tenant_id(self) -> int:
        return self.place.tenants[SLUG]

    @property
    def company(self) -> int:
        return self.place.companies[SLUG][0]

    @property
    def intempus_company(self) -> int:
        return self.place.companies[SLUG][1]

    # ---------------------------------------------------------------- people

    def debtor(self, **values: Any) -> None:
        plain = {"Account": self.account, "Name": f"Kunde {self.number}", "Group": "1", "xIntempus": True}
        self.uniconta = plain | values
        self.row_id = self.place.create("uniconta", self.company, "Debtor", Country="Denmark", **self.uniconta)

    def customer(self, **values: Any) -> None:
        self.intempus = {"name": f"Kunde {self.number}", "active": True} | values
        self.record_id = self.place.create("intempus", self.intempus_company, "customer", **self.intempus)

    def pair(self, **values: Any) -> None:
        """A debtor that is in Intempus since a while: complete after the next `yield`."""
        self.debtor(**{"City": "Odense"} | values)
        self.is_like_debtor()

    def edit(self, **values: Any) -> None:
        self.place.edit("uniconta", self.company, "Debtor", self.row_id, **values)
        self.uniconta |= values

    def edit_customer(self, **values: Any) -> None:
        if not self.record_id:
            [self.record_id] = [each["id"] for each in self.of(self.place.rows("intempus", SLUG, "customer"), "number")]
        self.place.edit("intempus", self.intempus_company, "customer", self.record_id, **values)
        self.intempus |= values

    # ---------------------------------------------------------------- what they expect

    def is_like_debtor(self, **values: Any) -> None:
        """Intempus shows what stands in Uniconta."""
        debtor = self.uniconta
        self.intempus = {
            "number": debtor["Account"],
            "name": debtor["Name"],
            "city": debtor.get("City", ""),
            "group": debtor["Group"],
            "active": debtor["xIntempus"] and not debtor.get("Blocked", False),
        } | values

    def is_like_customer(self, **values: Any) -> None:
        """Uniconta shows what stands in Intempus."""
        self.uniconta |= {"Name": self.intempus["name"], "City": self.intempus.get("city", "")} | values

    def of(self, rows: list[dict[str, Any]], number: str) -> list[dict[str, Any]]:
        """Those of a table's rows that are this record."""
        ids = {("RowId", self.row_id), ("id", self.record_id), (number, self.uniconta.get("Account", self.account))}
        return [each for each in rows if any((name, each.get(name)) in ids for name in ("RowId", "id", number))]

    def problems(self, tables: Tables) -> list[str]:
        found = []
        for side, number, wanted in (("debtor", "Account", self.uniconta), ("customer", "number", self.intempus)):
            rows = self.of(tables.rows[side], number)
            if len(rows) != (1 if wanted else 0):
                found.append(f"{len(rows)} {side}s")
            elif wanted:
                there = {**rows[0], "group": tables.groups.get(rows[0].get("customer_group"))}
                found += [
                    f"{side} {name}: {there[name]!r} instead of {value!r}"
                    for name, value in wanted.items()
                    if (there[name] or "") != (value or "")
                ]
        return found


class StuckError(Exception):
    """Something was lost, and everything after it would only wait for it."""


class Tables:
    """What stands in both systems now."""

    def __init__(self, place: Bench) -> None:
        self.rows = {
            "debtor": place.rows("uniconta", SLUG, "Debtor"),
            "customer": place.rows("intempus", SLUG, "customer"),
        }
        groups = place.rows("intempus", SLUG, "customer_group")
        self.groups = {each["id"]: each["number"] for each in groups}
        self.twins = sorted({number for number in self.groups.values() if list(self.groups.values()).count(number) > 1})


Act = Callable[[Subject], Any]
Steps = Iterator[Act | None]
#: Generators: up to a plain `yield` comes what is done for all records, in peace; up to the next what people do with this
#: one; it yields what the process does that dies; and after it stands what everybody expects.
OPERATIONS: list[tuple[str, Callable[[Subject], Steps]]] = []


def operation(title: str) -> Callable[[Callable[[Subject], Steps]], Callable[[Subject], Steps]]:
    def register(steps: Callable[[Subject], Steps]) -> Callable[[Subject], Steps]:
        OPERATIONS.append((title, steps))
        return steps

    return register


def drain(subject: Subject) -> None:
    subject.place.drain(SLUG)


def pull_and_drain(subject: Subject) -> None:
    run_and_drain(subject, "pull")


def sweep_and_drain(subject: Subject) -> None:
    run_and_drain(subject, "sweep")


def run_and_drain(subject: Subject, kind: str) -> None:
    """A run that is queued already: its row is what is left of it when the process dies."""
    from sync import tasks

    getattr(tasks, kind)(subject.tenant_id, queue(subject, kind))
    subject.place.drain(SLUG)


def queue(subject: Subject, kind: str) -> int:
    [(run_id,)] = subject.place.query(
        """INSERT INTO sync_run (tenant_id, kind, entity, system, state, created_at, alive_at, start_count, done, counts,
                                 result, error_code, error_detail)
           VALUES (%s, %s, '', '', 'queued', now(), now(), 0, 0, '{}', '{}', '', '') RETURNING id""",
        subject.tenant_id,
        kind,
    )
    return int(run_id)


def unheard(subject: Subject, **values: Any) -> None:
    """An edit in Uniconta that nobody calls out."""
    place = subject.place
    place.control("uniconta", "switches", webhook_drop_probability=1.0)
    subject.edit(**values)
    place.control("uniconta", "wait_for_webhooks", timeout=30)
    place.control("uniconta", "switches", webhook_drop_probability=0.0)


# -------------------------------------------------------------------------------------------- the operations


@operation("a debtor is created in Intempus")
def create_in_intempus(subject: Subject) -> Steps:
    yield None
    subject.debtor(City="Odense")
    yield drain
    subject.is_like_debtor()


@operation("a customer is created in Uniconta")
def create_in_uniconta(subject: Subject) -> Steps:
    yield None
    subject.customer(city="Nyborg")
    yield pull_and_drain
    number = f"I{subject.record_id}"
    subject.is_like_customer(Account=number, Group="1", xIntempus=True)
    subject.intempus |= {"number": number, "group": "1"}


@operation("an edit travels to Intempus")
def update_intempus(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(City="Assens", Group="2")
    yield drain
    subject.is_like_debtor()


@operation("an edit travels to Uniconta")
def update_uniconta(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit_customer(city="Faaborg")
    yield pull_and_drain
    subject.is_like_customer()


@operation("edited on both sides, different fields")
def update_both(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(City="Assens")
    subject.edit_customer(phone="12345678")
    yield drain
    subject.is_like_debtor(phone="")  # Uniconta wins, whole records
    subject.uniconta["Phone"] = ""


@operation("edited on both sides, the same field")
def conflict(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(City="Assens")
    subject.edit_customer(city="Faaborg")
    yield drain
    subject.is_like_debtor()
    lost = subject.place.query(
        """SELECT count(*) FROM sync_synclogentry entry JOIN mappings_recordlink link ON link.id = entry.link_id
           WHERE link.tenant_id = %s AND link.uniconta_id = %s AND entry.plan->'overwritten' @> '[{"old": "Faaborg"}]'
             AND entry.state = 'done'""",
        subject.tenant_id,
        str(subject.row_id),
    )[0][0]
    assert lost == 1, f"the overwritten value stands in the log {lost} times"


@operation("a new group goes along")
def create_with_group(subject: Subject) -> Steps:
    yield None
    group = f"G{subject.number}"
    subject.place.create("uniconta", subject.company, "DebtorGroup", Group=group, Name=f"Gruppe {group}")
    subject.debtor(Group=group)
    yield drain
    subject.is_like_debtor()


@operation("a group is renamed")
def rename_group(subject: Subject) -> Steps:
    group = f"G{subject.number}"
    place = subject.place
    group_id = place.create("uniconta", subject.company, "DebtorGroup", Group=group, Name="Gammelt navn")
    subject.debtor(Group=group)
    yield None
    place.edit("uniconta", subject.company, "DebtorGroup", group_id, Name=f"Nyt navn {group}")
    yield sweep_and_drain
    subject.is_like_debtor()
    names = {each["number"]: each["name"] for each in place.rows("intempus", SLUG, "customer_group")}
    assert names[group] == f"Nyt navn {group}", f"the group is still called {names[group]}"


@operation("the tick is removed")
def untick(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(xIntempus=False)
    yield drain
    subject.is_like_debtor()


@operation("the tick comes back")
def tick_again(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(xIntempus=False)
    subject.place.work()
    subject.edit(xIntempus=True, City="Assens")
    yield drain
    subject.is_like_debtor()


@operation("blocked in Uniconta")
def block(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit(Blocked=True)
    yield drain
    subject.is_like_debtor()


@operation("set inactive in Intempus")
def set_inactive(subject: Subject) -> Steps:
    subject.pair()
    yield None
    subject.edit_customer(active=False)
    yield pull_and_drain
    subject.is_like_customer(Blocked=True)


@operation("two halves are linked")
def link(subject: Subject) -> Steps:
    yield None
    subject.customer(number=subject.account, city="Nyborg")
    subject.debtor(City="Nyborg")
    yield drain
    subject.is_like_debtor()


@operation("an edit that nobody called out is found by a check")
def found_by_check(subject: Subject) -> Steps:
    subject.pair()
    yield None
    unheard(subject, City="Assens")
    yield sweep_and_drain
    subject.is_like_debtor()


@operation("a hint arrives")
def hint(subject: Subject) -> Steps:
    from sync.domain.receive import Outcome, receive_uniconta

    place = subject.place
    subject.pair()
    yield None
    unheard(subject, City="Assens")
    query = f"CompanyId={subject.company}&Table=Debtor&Action=update&RowId={subject.row_id}".encode()
    answers = []

    def receive(_: Subject) -> None:
        answers.append(receive_uniconta(SLUG, place.environment[f"HOOK_{SLUG}"], query, 0))

    yield receive
    if answers == [Outcome.STORED]:
        subject.is_like_debtor()  # what was answered is not lost
    else:
        place.sweep(subject.tenant_id)
        place.work()
        subject.is_like_debtor()


@operation("the answer to a create in Intempus is lost")
def lost_create_in_intempus(subject: Subject) -> Steps:
    yield None
    subject.debtor()
    with faults(
        subject.place, "intempus", {"kind": "drop", "method": "POST", "path": "/web/v1/customer/$", "times": 1}
    ):
        yield drain
    subject.is_like_debtor()


@operation("the answer to a create in Uniconta is lost")
def lost_create_in_uniconta(subject: Subject) -> Steps:
    yield None
    subject.customer()
    with faults(subject.place, "uniconta", {"kind": "drop", "method": "POST", "path": "/Insert/", "times": 1}):
        yield pull_and_drain
    number = f"I{subject.record_id}"
    subject.is_like_customer(Account=number)
    subject.intempus |= {"number": number}


@operation("deleted in Uniconta, and a person says: set inactive")
def answer_deletion(subject: Subject) -> Steps:
    from sync.domain import actions
    from tenants.scoping import tenant_scope

    place = subject.place
    subject.pair()
    yield None
    place.control("uniconta", "person/delete", company=subject.company, resource="Debtor", id=subject.row_id)
    place.control("uniconta", "wait_for_webhooks", timeout=30)
    place.work()
    is_pressed = []

    def press(subject: Subject) -> None:
        [(link_id,)] = place.query(
            "SELECT id FROM mappings_recordlink WHERE entity = 'customer' AND tenant_id = %s AND uniconta_id = %s",
            subject.tenant_id,
            str(subject.row_id),
        )
        with tenant_scope(subject.tenant_id):
            actions.answer_deletion(link_id, "switch_off", None)
        is_pressed.append(True)

    def press_and_drain(subject: Subject) -> None:
        press(subject)
        drain(subject)

    yield press_and_drain
    if not is_pressed:
        press(subject)
        place.work()
    subject.is_like_debtor(active=False)
    subject.uniconta = {}
    subject.row_id = 0


# -------------------------------------------------------------------------------------------- the row


@row(
    "R21",
    "killed at every fail point",
    "claims_are_never_released",
    "nothing_is_looked_up_before_a_create",
    "events_end_before_the_answer_is_stored",
    kind=Bench,
)
def kill_everywhere(trial: Trial) -> Outcome:
    """With little time only some points of each operation, beginning with another one each time, and each operation with
    one of both kinds of remote system only.
    """
    place = trial.place
    assert isinstance(place, Bench)
    set_up(trial, place)
    numbers = count(20001)
    verdict, kills = Verdict(), 0
    step = 1 if trial.defect else max(1, round(0.5 / trial.scale))
    for each, profile in enumerate(("ALL_ADVERSE",) if trial.defect else ("DEFAULT", "ALL_ADVERSE")):
        place.use_profile(profile)
        for position, (title, steps) in enumerate(OPERATIONS[:1] if trial.defect else OPERATIONS):
            if step > 1 and position % 2 != each:
                continue
            others = [place.rows("uniconta", OTHER, "Debtor"), place.rows("intempus", OTHER, "customer")]
            try:
                kills += kill_at(place, f"{profile} {title}", steps, numbers, position, step, verdict)
            except StuckError:
                return Outcome(f"{title}: stuck", verdict)
            if others != [place.rows("uniconta", OTHER, "Debtor"), place.rows("intempus", OTHER, "customer")]:
                verdict.wrong.append(f"{title}: the other company changed")
    verdict.wrong += trespasses(place)
    return Outcome(f"{len(OPERATIONS)} operations, {kills} kills", verdict)


def set_up(trial: Trial, place: Bench) -> None:
    """A company whose debtors have the tick field, and another one that shall not change."""
    place.start_engine(trial.defect)
    place.load_companies(0)
    company, other = place.companies[SLUG][0], place.companies[OTHER][0]
    place.control("uniconta", "user_fields", action="add", company=company, table="Debtor", name="xIntempus")
    place.onboard()
    place.create("uniconta", company, "Debtor", Account="1", Name="Den første", Group="1", xIntempus=True)
    for number in ("1", "2", "3"):
        place.create("uniconta", other, "Debtor", Account=number, Name=f"Anden {number}", Group="1")
    place.work()
    place.catch_up()


def kill_at(
    place: Bench,
    title: str,
    steps: Callable[[Subject], Steps],
    numbers: Iterator[int],
    position: int,
    step: int,
    verdict: Verdict,
) -> int:
    """Kill the operation at every so many of its points, with a record for each; returns how often it was killed."""
    before = place.now()
    [(last_entry,)] = place.query("SELECT coalesce(max(id), 0) FROM sync_synclogentry")
    alive = FailPoints()
    subjects = [Subject(place, next(numbers))]
    stories = carry_out(place, title, steps, subjects, [alive], verdict)
    first = 1 + position % min(step, alive.count)
    points = [FailPoints(at) for at in range(first, alive.count + 1, step)]
    subjects += (more := [Subject(place, next(numbers)) for _ in points])
    stories += carry_out(place, title, steps, more, points, verdict)
    tables = Tables(place)
    verdict.duplicated += [f"{title}: the group {number} stands twice" for number in tables.twins]
    for subject, story in zip(subjects, stories, strict=True):
        compare(subject, tables, story, verdict)
    verdict.wrong += [f"{title}: event {number} ended {state}: {code}" for number, state, code in unhappy_events(place)]
    verdict.wrong += [f"{title}: {sentence}" for sentence in log_against_ledgers(place, before, last_entry)]
    quiet = place.now()
    try:
        place.catch_up()
    except AssertionError as error:
        verdict.lost.append(f"{title}: {str(error).splitlines()[0]}")
    verdict.wrong += [f"{title}: written when all was quiet: {effect}" for effect in place.effects(quiet)]
    return sum(fail_points.is_dead for fail_points in points)


def compare(subject: Subject, tables: Tables, story: str, verdict: Verdict) -> None:
    for sentence in subject.problems(tables):
        found = verdict.duplicated if sentence[0] in "23456789" else verdict.wrong
        if f"{story}: {sentence}" not in found:
            found.append(f"{story}: {sentence}")


def carry_out(
    place: Bench,
    title: str,
    steps: Callable[[Subject], Steps],
    subjects: list[Subject],
    points: list[FailPoints],
    verdict: Verdict,
) -> list[str]:
    """Each subject's operation, with its death; returns the stories."""
    operations = [steps(subject) for subject in subjects]
    for operation in operations:
        next(operation)
    place.work()
    stories = []
    for subject, operation, fail_points in zip(subjects, operations, points, strict=True):
        # Otherwise what became of the one before is read here, which is a stretch more, and the one to kill in is missed.
        place.pull(subject.tenant_id)
        place.work()
        dies = next(operation)
        assert dies is not None
        place.control("uniconta", "wait_for_webhooks", timeout=30)
        with mortal(fail_points):
            dies(subject)
        stories.append(f"{title}, killed at {fail_points.at} ({fail_points.what or 'not reached'})")
        try:
            place.work()
            with suppress(StopIteration):
                next(operation)
            # At once: the work on the next record might put this one right.
            compare(subject, Tables(place), stories[-1], verdict)
            if place.query("SELECT id FROM sync_synclogentry WHERE state = 'sending'"):
                verdict.wrong.append(f"{stories[-1]}: nobody asks what became of a write")
        except AssertionError as error:
            verdict.lost.append(f"{stories[-1]}: {str(error).splitlines()[0]}")
            if "get quiet" in str(error):
                raise StuckError from error  # nothing after it would tell any more
    return stories
