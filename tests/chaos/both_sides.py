"""R15: the same field saved in both systems within a second. Nobody's words go without a trace."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from random import Random
from typing import Any

from tests.chaos.bench import Bench, faults
from tests.chaos.hints import at_work
from tests.chaos.oracle import judge
from tests.chaos.programme import Outcome, Trial, row

SLUG = "nordbyg"
PAIRS_AT_ONCE = 10
WRITES = {"intempus": ("PATCH", "/web/v1/customer/"), "uniconta": ("PUT", "/Update")}
#: What the log tells of a value: it was overwritten, not taken over, it travelled, or somebody's edit went unseen.
TOLD = """
SELECT count(*) FROM sync_synclogentry entry JOIN mappings_recordlink link ON link.id = entry.link_id
WHERE link.entity = 'customer' AND link.uniconta_key = %s AND link.tenant_id = %s AND (
    entry.plan->'overwritten' @> jsonb_build_array(jsonb_build_object('old', %s::text))
    OR entry.plan->'not_taken_over' @> jsonb_build_array(jsonb_build_object('new', %s::text))
    OR (entry.state = 'done' AND entry.plan->'changes' @> jsonb_build_array(jsonb_build_object('new', %s::text)))
    OR entry.plan->'notes' ? 'unseen_edit'
)
"""


@row("R15", "both sides saved within a second", "nothing_says_what_was_overwritten", kind=Bench)
def both_at_once(trial: Trial) -> Outcome:
    """Two people save the same field of a record while it is read and written; each value stands on both sides in the
    end, or in the log as overwritten. But for what is saved in Uniconta between our look and our PUT: no answer of
    Uniconta's tells of that, so it is counted, and no more.
    """
    place, _ = at_work(trial, debtors=20)
    debtors = place.rows("uniconta", SLUG, "Debtor")
    customers = {each["number"]: each["id"] for each in place.rows("intempus", SLUG, "customer")}
    typed: list[tuple[str, str]] = []
    rounds = trial.size(100, least=8)
    with ExitStack() as slow:
        for system, (method, path) in WRITES.items():
            # So that people save between our read and our write, too.
            rule = {"kind": "delay", "method": method, "path": path, "seconds": 0.05}
            slow.enter_context(faults(place, system, rule))
        for number in range(rounds):
            pairs = trial.random.sample(debtors, PAIRS_AT_ONCE)
            values = [(each["Account"], f"U{number} {each['RowId']}", f"I{number} {each['RowId']}") for each in pairs]
            typed += [(account, city) for account, *cities in values for city in cities]
            seed = trial.random.random()
            saving = [
                threading.Thread(target=save, args=(place, "uniconta", pairs, values, customers, Random(f"u{seed}"))),
                threading.Thread(target=save, args=(place, "intempus", pairs, values, customers, Random(f"i{seed}"))),
            ]
            for thread in saving:
                thread.start()
            while any(thread.is_alive() for thread in saving):
                place.pull(place.tenants[SLUG])
                place.step(waits=False)
            for thread in saving:
                thread.join()
            place.catch_up()  # nobody saves over what the round before is still about
    verdict = judge(place, seconds=60)
    stands = {(each["Account"], each["City"]) for each in place.rows("uniconta", SLUG, "Debtor")}
    row_ids = {each["Account"]: each["RowId"] for each in debtors}
    calls = place.control("uniconta", "ledger?since=0")["entries"]
    calls = [call for call in calls if call["company"] == place.companies[SLUG][0]]
    unseen = 0
    for account, city in typed:
        told = (account, place.tenants[SLUG], city, city, city)
        if (account, city) in stands or place.query(TOLD, *told)[0][0]:
            continue
        if in_the_instant(calls, row_ids[account], city):
            unseen += 1
        else:
            verdict.lost.append(f"debtor {account}: {city!r} is gone, and nothing says so")
    return Outcome(f"{len(typed)} edits of {len(typed) // 2} records, {unseen} between look and PUT", verdict)


def in_the_instant(calls: list[dict[str, Any]], row_id: int, city: str) -> bool:
    """Whether this was saved in Uniconta after our last look before the PUT that wrote over it."""
    saved = next(
        (
            at
            for at, call in enumerate(calls)
            if call["origin"] == "person" and (call["body"] or {}).get("City") == city
        ),
        None,
    )
    for call in calls[saved + 1 :] if saved is not None else []:
        if call["origin"] == "person":
            continue
        if call["method"] == "GET" and f"Value={row_id}" in call["query"].split("&"):
            return False
        if call["method"] == "PUT" and any(str(effect["id"]) == str(row_id) for effect in call["effects"]):
            return True
    return False


def save(place: Bench, system: str, debtors: list, values: list, customers: dict, random: Random) -> None:  # type: ignore[type-arg]
    company, intempus_company = place.companies[SLUG]
    for debtor, (account, theirs, ours) in zip(debtors, values, strict=True):
        time.sleep(random.random() / PAIRS_AT_ONCE)
        if system == "uniconta":
            place.edit("uniconta", company, "Debtor", debtor["RowId"], City=theirs)
        else:
            place.edit("intempus", intempus_company, "customer", customers[account], city=ours)
