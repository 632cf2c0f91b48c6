"""A synchronisation in the foreground: read both sides, drain until nothing is due, and count what came of it.

The same reading and draining as in the background, under the same leases; a worker may well help at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q

from mappings.engine import Action
from mappings.models import HoursPolicy, RecordLink
from mappings.spec import System
from sync.connectors.errors import RemoteError
from sync.domain.budgets import cause_of
from sync.domain.connections import NotReadyError, Recorder, report_trouble
from sync.domain.context import database_now, open_context
from sync.domain.drain import drain
from sync.domain.hours.run import hours
from sync.domain.preview import Preview, Previewed
from sync.domain.pull import pull, pull_entity
from sync.domain.runs import begin, fail_run, finish_run
from sync.domain.sweep import sweep, sweep_entity
from sync.models import ChangeEvent, Exchange, Run, SyncLogEntry, WorkReport
from tenants.scoping import tenant_scope

#: Nothing moving for this long, with changes still due, means that something is in the way.
STUCK_SECONDS = 90

WHOLE: dict[System, Callable[[int], Run | None]] = {System.UNICONTA: sweep, System.INTEMPUS: pull}
KIND = {System.UNICONTA: Run.Kind.SWEEP, System.INTEMPUS: Run.Kind.PULL}


class StuckError(Exception):
    """Changes are due and nobody gets on with them."""


@dataclass
class Summary:
    """What one foreground synchronisation did, and where the records stand now."""

    read: int = 0
    created: int = 0
    updated: int = 0
    linked: int = 0
    unchanged: int = 0
    excluded: dict[str, int] = field(default_factory=dict)  # reason → records
    waiting: int = 0
    tried_again: int = 0  # events that are due later, after a failure
    needs_attention: int = 0
    calls: int = 0


def read_side(tenant_id: int, system: System, entity: str = "") -> Run | None:
    """Read one system, one entity of it or all. None: such a run is on already. The run says how it ended."""
    if not entity:
        return WHOLE[system](tenant_id)
    run = begin(tenant_id, KIND[system])
    if run is None:
        return None
    run.entity = entity
    recorder = Recorder(tenant_id, run, cause_of(run))
    try:
        context = open_context(tenant_id, recorder)
        context.connectors[system].identify()
        read = {System.UNICONTA: sweep_entity, System.INTEMPUS: pull_entity}[system]
        observed = read(context, context.entities[entity], run)
    except NotReadyError as error:
        return fail_run(run, error.code)
    except RemoteError as error:
        report_trouble(tenant_id, system, error)
        return fail_run(run, error.code, error.detail)
    finally:
        recorder.flush()
    return finish_run(run, counts=observed.counts())


def transfer_hours(tenant_id: int, sleep: Callable[[float], None] = time.sleep) -> Run | None:
    """One run of hours that looks at everything, after the one that a worker may be at; None when the tenant transfers none."""
    with tenant_scope(tenant_id):
        if not HoursPolicy.objects.filter(tenant_id=tenant_id, enabled=True).exists():
            return None
        run = Run.objects.create(tenant_id=tenant_id, kind=Run.Kind.HOURS)
    while (ended := hours(tenant_id, run.pk)) is None:
        sleep(0.5)
        with tenant_scope(tenant_id):
            run.refresh_from_db()
        if run.state in (Run.State.DONE, Run.State.FAILED):
            return run  # a worker took it
    return ended


def reports_by_state(tenant_id: int) -> list[tuple[str, int]]:
    """How the work reports stand: state in words, count."""
    with tenant_scope(tenant_id):
        reports = WorkReport.objects.filter(tenant_id=tenant_id)
        counts = dict(reports.values_list("state").annotate(count=Count("pk")))
    return [(str(label), counts[state]) for state, label in WorkReport.State.choices if state in counts]


def open_count(tenant_id: int) -> int:
    """Change events that are due now or in somebody's hands."""
    due = Q(state=ChangeEvent.State.PENDING, due_at__lte=database_now()) | Q(state=ChangeEvent.State.CLAIMED)
    with tenant_scope(tenant_id):
        return ChangeEvent.objects.filter(due, tenant_id=tenant_id).count()


def drain_all(tenant_id: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Drain until nothing is due; yields how much is left after each round. Raises StuckError."""
    moved_at = time.monotonic()
    left = open_count(tenant_id)
    while left:
        yield left
        done = drain(tenant_id)
        before, left = left, open_count(tenant_id)
        if done or left < before:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STUCK_SECONDS:
            raise StuckError
        elif left:
            sleep(0.5)  # a worker has the lease, or a breaker is open
    yield 0


def summarise(tenant_id: int, since: datetime, read: int, entity: str = "") -> Summary:
    """What happened since, from the log; and how the records stand, from the links."""
    of_entity = {"entity": entity} if entity else {}
    with tenant_scope(tenant_id):
        entries = SyncLogEntry.objects.filter(tenant_id=tenant_id, at__gte=since, **of_entity)
        done = entries.filter(state=SyncLogEntry.State.DONE)
        by_action = dict(done.values_list("action").annotate(count=Count("link_id", distinct=True)))
        links = RecordLink.objects.filter(tenant_id=tenant_id, **of_entity)
        by_state = dict(links.values_list("state").annotate(count=Count("pk")))
        excluded = links.filter(state=RecordLink.State.EXCLUDED)
        touched = done.exclude(action=SyncLogEntry.Action.NOTHING).values("link_id").distinct().count()
        later = ChangeEvent.objects.filter(tenant_id=tenant_id, state=ChangeEvent.State.PENDING, **of_entity)
        return Summary(
            read=read,
            created=by_action.get(SyncLogEntry.Action.CREATE, 0),
            updated=sum(
                by_action.get(action, 0)
                for action in (SyncLogEntry.Action.UPDATE, SyncLogEntry.Action.ACTIVATE, SyncLogEntry.Action.DEACTIVATE)
            ),
            linked=by_action.get(SyncLogEntry.Action.LINK, 0),
            unchanged=max(0, by_state.get(RecordLink.State.IN_SYNC, 0) - touched),
            excluded=dict(excluded.values_list("reason").annotate(count=Count("pk")).order_by("-count", "reason")),
            waiting=by_state.get(RecordLink.State.WAITING, 0),
            tried_again=later.filter(attempts__gt=0).count(),
            needs_attention=by_state.get(RecordLink.State.NEEDS_ATTENTION, 0),
            calls=Exchange.objects.filter(tenant_id=tenant_id, at__gte=since).count(),
        )


# --------------------------------------------------------------------------------------------- dry run


@dataclass
class Group:
    """Records for which the same would happen, with the first of them."""

    code: str  # of the reason, "" where the writes speak for themselves
    writes: tuple[tuple[System, Action], ...]
    count: int = 0
    examples: list[Previewed] = field(default_factory=list)


def preview_groups(preview: Preview, only_from: System | None = None, examples: int = 20) -> list[Group]:
    """What would happen to every record of an entity, alike ones together, writes first.

    `only_from`: leave out what would travel from the other system.
    """
    groups: dict[tuple[str, tuple[tuple[System, Action], ...]], Group] = {}
    for previewed in preview.records:
        plan = previewed.plan
        writes = tuple(
            (write.target, write.action) for write in plan.writes if only_from is None or write.target is not only_from
        )
        if only_from is not None and plan.writes and not writes:
            continue
        code = previewed.error_code or plan.reason
        group = groups.setdefault((code, writes), Group(code, writes))
        group.count += 1
        if len(group.examples) < examples:
            group.examples.append(previewed)
    return sorted(groups.values(), key=lambda group: (not group.writes, -group.count))


def read_total(runs: list[Run]) -> int:
    return sum(run.counts.get("read", 0) for run in runs)
