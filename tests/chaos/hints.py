"""R8, R9, R14: hints that come twice, late, in disorder or never, and those that our own writes cause."""

from __future__ import annotations

import re
import threading
from typing import Any

from tests.chaos.bench import Bench, before_answers
from tests.chaos.oracle import judge
from tests.chaos.programme import Outcome, People, Trial, row


def at_work(trial: Trial, debtors: int) -> tuple[Bench, People]:
    """Two companies that are in step."""
    place = trial.place
    assert isinstance(place, Bench)
    place.start_engine(trial.defect)
    place.load_companies(debtors)
    place.onboard()
    place.work()
    return place, People(place, trial.random)


def delivered(place: Bench) -> int:
    return sum(1 for each in place.control("uniconta", "deliveries?since=0") if each["status"] == 200)


@row(
    "R8",
    "hints doubled, late and in disorder",
    "what_came_in_meanwhile_counts_as_answered",
    kind=Bench,
)
def disorder(trial: Trial) -> Outcome:
    """Nothing but hints tells of edits in Uniconta here, and no write is made twice for one."""
    place, people = at_work(trial, debtors=20)
    before, told = place.now(), delivered(place)
    place.control("uniconta", "switches", webhook_duplicate=True, webhook_reorder=True, webhook_stale_body=True)
    edits = 0
    again: list[int] = []

    def save_again(method: str, path: str) -> None:
        """In each turn once, and the hint of it is there before the answer to our write."""
        customer = re.fullmatch(r"/web/v1/customer/(\d+)/", path)
        if method == "PATCH" and customer and len(again) <= turn and people.save_again(int(customer[1])):
            again.append(turn)
            place.control("uniconta", "wait_for_webhooks", timeout=30)

    with before_answers(save_again):
        for turn in range(trial.size(200, least=10)):
            place.control("uniconta", "switches", webhook_delay_seconds=trial.random.choice((0.0, 0.02, 0.3)))
            edits += (burst := trial.random.randrange(1, 12))
            saving = threading.Thread(target=people.edit, args=(burst,))
            saving.start()
            if turn % 3 == 0:
                place.pull(place.tenants["nordbyg"])
            place.step(waits=False)  # while people go on, and hints are still on their way
            saving.join()
    edits += len(again)
    place.work()
    for tenant_id in place.tenants.values():
        place.pull(tenant_id)  # Intempus sends no hints
    verdict = judge(place, seconds=60)
    verdict.lost += people.forgotten()
    written = len(place.effects(before))
    if written > edits:
        verdict.wrong.append(f"{written} writes for {edits} edits")
    return Outcome(f"{edits} edits, {delivered(place) - told} hints, {written} writes", verdict)


@row("R9", "1, 10 and 100 % of the hints never arrive", "a_check_of_uniconta_sees_nothing", kind=Bench)
def silence(trial: Trial) -> Outcome:
    """What no hint told of is found by the next check of Uniconta, and counted there."""
    place, people = at_work(trial, debtors=20)
    for share in (0.01, 0.1, 1.0):
        place.control("uniconta", "switches", webhook_drop_probability=share)
        for _ in range(trial.size(60, least=3)):
            people.edit(10)
            place.step()
        place.control("uniconta", "switches", webhook_drop_probability=0.0)
        place.work()
        place.catch_up()
    deliveries: list[dict[str, Any]] = place.control("uniconta", "deliveries?since=0")
    lost = sum(1 for each in deliveries if each["dropped"])
    counted = place.query("SELECT coalesce(sum((counts->>'changed')::int), 0) FROM sync_run WHERE kind = 'sweep'")
    verdict = judge(place, seconds=60)
    verdict.lost += people.forgotten()
    return Outcome(f"{lost} hints of {len(deliveries)} lost, {counted[0][0]} changes found by checks", verdict)


@row("R14", "our own writes come back as hints", "a_look_always_writes", kind=Bench)
def echoes(trial: Trial) -> Outcome:
    """Each record that was edited is written once, though Uniconta calls out that write as well."""
    place, people = at_work(trial, debtors=20)
    before, edits, records = place.now(), 0, 0
    for _ in range(trial.size(125, least=6)):
        edits += (burst := trial.random.randrange(1, 16))
        records += len(people.edit(burst))
        for tenant_id in place.tenants.values():
            place.pull(tenant_id)
        place.work(rounds=10)
    place.catch_up()
    written = place.effects(before)
    verdict = judge(place, seconds=60)
    verdict.lost += people.forgotten()
    if len(written) != records:
        verdict.wrong.append(f"{len(written)} writes for {records} edited records")
    return Outcome(f"{edits} edits, {len(written)} writes", verdict)
