"""R13: our machine's clock, the database's and those of the remote systems do not agree; hours come twice or never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine

from tests.chaos.bench import Bench
from tests.chaos.hints import at_work
from tests.chaos.oracle import judge
from tests.chaos.programme import Outcome, Trial, row

HOUR = timedelta(hours=1)
#: Ours; summer time begins and ends in Denmark at 01:00 UTC, and a leap day's midnight passes.
MOMENTS = (
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC),
    datetime(2028, 2, 29, 22, 59, 59, tzinfo=UTC),
)


@row("R13", "clocks that disagree, jump, and change to summer time", "readings_are_dated_by_our_clock", kind=Bench)
def clocks(trial: Trial) -> Outcome:
    """Whatever the time is said to be, edits travel by their hints and pulls alone, and nobody waits for an hour."""
    place, people = at_work(trial, debtors=20)
    from sync.partitions import ensure_partitions

    now = datetime.now(UTC)
    ours = [now + HOUR, now - HOUR, now + HOUR, now - timedelta(minutes=10), *MOMENTS]
    if trial.defect:
        ours = ours[:2]
    edits = 0
    for moment in ours:
        with time_machine.travel(moment, tick=True):
            ensure_partitions()  # as the worker does every hour, and when it starts
            for theirs in (-3600, 7200, -3600):
                for system in ("uniconta", "intempus"):
                    place.control(system, "clock", advance=theirs)
                edits += (burst := trial.size(40, least=6))
                people.edit(burst)
                for tenant_id in place.tenants.values():
                    place.pull(tenant_id)
                place.work()
    late = people.forgotten()  # before any check could find it
    verdict = judge(place, seconds=60)
    verdict.lost += late
    verdict.wrong += breaker_lasts(place)
    return Outcome(f"{len(ours) * 3} clocks, {edits} edits", verdict)


def breaker_lasts(place: Bench) -> list[str]:
    """A breaker that opens for seconds is closed by the database's clock after seconds, wherever ours stands."""
    from sync.connectors.errors import RetryLater
    from sync.domain.connections import report_trouble

    tenant_id = place.tenants["nordbyg"]
    found = []
    for apart in (HOUR, -HOUR):
        with time_machine.travel(datetime.now(UTC) + apart, tick=True):
            report_trouble(tenant_id, "uniconta", RetryLater("server_error", after=30))
        [(seconds,)] = place.query(
            "SELECT extract(epoch FROM open_until - clock_timestamp())::float FROM tenants_connection"
            " WHERE tenant_id = %s AND system = 'uniconta'",
            tenant_id,
        )
        if not 20 < seconds <= 30:
            found.append(f"our clock {apart} off: a breaker for 30 s is open for {seconds:.0f} s")
    return found
