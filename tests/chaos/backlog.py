"""R17: a backlog of 200,000 due events. It drains slice by slice, others are served in between, and memory stays flat."""

from __future__ import annotations

import time
from statistics import median
from unittest.mock import patch

import psutil

from tests.chaos.bench import Bench
from tests.chaos.hints import at_work
from tests.chaos.oracle import Verdict, judge
from tests.chaos.programme import Outcome, People, Trial, row

FLOODED, OTHER = "nordbyg", "havnen"
HINTS_EACH = 10
#: Shorter than the product's, so that a small backlog is no single slice.
SLICE_SECONDS = 0.5
#: How much longer the other company's edit may take on its way while the backlog stands; the same process does both.
LIMIT = 1.5
#: What the process may grow by while it drains, whatever the size of the backlog.
GROWTH_MB = 60
HINTS = """
INSERT INTO sync_changeevent (tenant_id, entity, system, origin, remote_id, operation, key, state, priority, "table", size,
                              attempts, crashes, error_code, error_detail, waits_for, received_at, due_at)
SELECT link.tenant_id, 'customer', 'uniconta', 'webhook', link.uniconta_id, 'update', '', 'pending', 10, 'Debtor', 0,
       0, 0, '', '', '', clock_timestamp(), clock_timestamp()
FROM mappings_recordlink link, generate_series(1, %s)
WHERE link.tenant_id = %s AND link.entity = 'customer'
"""


@row("R17", "200,000 due events", "a_drain_keeps_its_worker", kind=Bench)
def backlog(trial: Trial) -> Outcome:
    place, people = at_work(trial, debtors=trial.size(20_000, least=400))
    from sync.domain import drain

    with patch.object(drain, "SLICE_SECONDS", drain.SLICE_SECONDS if trial.defect else SLICE_SECONDS):
        return drain_it(trial, place, people)


def drain_it(trial: Trial, place: Bench, people: People) -> Outcome:
    calm = median(seconds_to_arrive(place, number) for number in range(9))
    place.query(HINTS, HINTS_EACH, place.tenants[FLOODED])
    stored = due(place)
    process = psutil.Process()
    place.drain(FLOODED)
    verdict = Verdict()
    if not due(place):
        verdict.wrong.append("one drain kept its worker until all was done")
    before, troubled, memory = due(place), [], [process.memory_info().rss]
    while left := due(place):
        troubled.append(seconds_to_arrive(place, len(troubled)))
        place.drain(FLOODED)
        memory.append(process.memory_info().rss)
        if due(place) == left == before:
            verdict.lost.append(f"the backlog stands at {left}")
            break
    people.edit(20)
    place.catch_up()
    ratio = median(troubled) / calm if troubled else 1.0
    if ratio > LIMIT:
        verdict.wrong.append(f"the other company's edits took {ratio:.2f} x as long")
    if (growth := (max(memory) - memory[0]) >> 20) > GROWTH_MB:
        verdict.wrong.append(f"memory grew by {growth} MB")
    last = judge(place, seconds=60)
    last.lost += verdict.lost + people.forgotten()
    last.wrong += verdict.wrong
    return Outcome(f"{stored} events, others x {ratio:.2f}, memory + {growth} MB", last)


def due(place: Bench) -> int:
    """How many events of the flooded company nobody has looked at."""
    pending = "SELECT count(*) FROM sync_changeevent WHERE state = 'pending' AND tenant_id = %s"
    return int(place.query(pending, place.tenants[FLOODED])[0][0])


def seconds_to_arrive(place: Bench, number: int) -> float:
    """What one drain takes that carries an edit of the other company."""
    debtor = place.rows("uniconta", OTHER, "Debtor")[0]
    place.edit("uniconta", place.companies[OTHER][0], "Debtor", debtor["RowId"], City=f"Havn {number}")
    place.control("uniconta", "wait_for_webhooks", timeout=30)
    started = time.monotonic()
    place.drain(OTHER)
    return time.monotonic() - started
