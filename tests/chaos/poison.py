"""R10: records as no system should hold them, and one that takes down every worker that touches it."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.chaos.bench import Bench
from tests.chaos.fail_points import FailPoints, Killed, mortal
from tests.chaos.hints import at_work
from tests.chaos.oracle import Verdict, log_against_ledgers, trespasses
from tests.chaos.programme import Outcome, Trial, row
from tests.hostile import HOSTILE

SLUG = "nordbyg"
LETHAL = "Dræberen"
#: The crash in company of others, three alone, and as many more as there might be if nobody counted.
DEATHS = 12


@row("R10", "poison records, and one that kills its worker", "a_crash_is_forgotten", kind=Bench)
def poison(trial: Trial) -> Outcome:
    """One in a hundred of Intempus' new customers is hostile, and one debtor deadly. Everybody else's edits arrive."""
    place, people = at_work(trial, debtors=20)
    company = place.companies[SLUG]
    hostile = 0 if trial.defect else trial.size(100, least=len(HOSTILE))
    titles = list(HOSTILE)
    bad = [{"name": HOSTILE[t], "city": HOSTILE[t], "number": HOSTILE[t]} for t in (titles * hostile)[:hostile]]
    if bad:
        sow(place, company[1], bad)
    deadly = place.create("uniconta", company[0], "Debtor", Account="66667", Name=LETHAL, Group="1", Country="Denmark")
    deaths = 0
    for _ in range(DEATHS):
        people.edit(trial.size(20, least=4))
        if die_over_the_deadly(place):
            deaths += 1
    verdict = Verdict()
    states = place.query(
        "SELECT state, error_code FROM sync_changeevent WHERE link_id IN (SELECT id FROM mappings_recordlink"
        " WHERE uniconta_id = %s AND tenant_id = %s) AND error_code <> ''",
        str(deadly),
        place.tenants[SLUG],
    )
    if ("quarantined", "crashed") not in states or deaths > 4:
        verdict.wrong.append(f"the deadly record took down {deaths} workers, and ended as {states}")
        return Outcome(f"{hostile} hostile records, {deaths} deaths", verdict)
    place.catch_up()
    verdict.lost += people.forgotten()
    for slug in place.companies:
        there = place.rows("intempus", slug, "customer")
        cities = {each["number"]: each["city"] for each in there if isinstance(each["number"], str)}
        verdict.lost += [
            f"{slug}: customer {number} is in {cities.get(number)!r}, not in {city!r}"
            for (owner, number), city in people.last.items()
            if owner == slug and number.isdigit() and cities.get(number) != city
        ]
    verdict.wrong += log_against_ledgers(place) + trespasses(place)
    return Outcome(f"{hostile} hostile records, {deaths} deaths", verdict)


def sow(place: Bench, company: int, rows: list[dict[str, Any]]) -> None:
    """Seed rows are stored unchecked; NaN is spelled as Intempus would, which is no JSON."""
    body = json.dumps({"company": company, "resource": "customer", "rows": rows})
    reply = requests.post(f"{place.url('intempus')}/_control/seed_rows", data=body.encode(), timeout=60)
    assert reply.ok, reply.text


def die_over_the_deadly(place: Bench) -> bool:
    """Do what there is to do, and die where the deadly record is planned; whether that came to pass."""
    from sync.domain import drain

    plan_items = drain.plan_items
    points = FailPoints()

    def plan_or_die(context: Any, entity: Any, items: Any, **options: Any) -> None:
        if any(item.link.name == LETHAL for item in items):
            points.what = LETHAL
            raise Killed(LETHAL)
        plan_items(context, entity, items, **options)

    drain.plan_items = plan_or_die
    try:
        for _ in range(6):
            place.control("uniconta", "wait_for_webhooks", timeout=30)
            with mortal(points):
                place.step(waits=False)
            if points.is_dead:
                break
    finally:
        drain.plan_items = plan_items
    return points.is_dead
