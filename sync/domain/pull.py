"""The pull: what changed in Intempus since the cursor. Also the conflict read right before a group of writes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.utils import timezone

from mappings.models import EntityPolicy, FieldRule, ValueMap
from mappings.spec import Entity, System
from sync.connectors.base import Row
from sync.connectors.errors import RemoteError
from sync.domain.budgets import cause_of
from sync.domain.connections import NotReadyError, Recorder, report_success, report_trouble
from sync.domain.context import Context, database_now, open_context
from sync.domain.field_watch import watch_fields
from sync.domain.observe import Observed, observe
from sync.domain.runs import begin, fail_run, finish_run
from sync.models import ChangeEvent, Cursor, Run
from tenants.scoping import tenant_scope

#: How far a pull restarts behind the last reading: a transaction may commit late with a lower one (API page 8).
OVERLAP = timedelta(minutes=5)
#: A cursor shows no deletions; everything is read this often to find them.
COMPLETE_EVERY = timedelta(hours=24)


def pull_entity(context: Context, entity: Entity, run: Run | None = None, *, is_complete: bool = False) -> Observed:
    """Read one entity's changes and store them with the cursor. Raises RemoteError.

    A resource without stamps is read whole. The cursor moves only after the rows are stored, so a crash re-reads.
    """
    side = entity.intempus
    connector = context.connectors[System.INTEMPUS]
    with tenant_scope(context.tenant_id):
        read_at = database_now()
        cursor, _ = Cursor.objects.get_or_create(tenant_id=context.tenant_id, entity=entity.name)
    origin = ChangeEvent.Origin.PULL
    if not side.has_cursor:
        rows = list(connector.read_all(side))
        watch_fields(context, entity, System.INTEMPUS, rows)
        seen = observe(context, entity, System.INTEMPUS, rows, read_at, origin=origin, run=run, is_complete=True)
        with tenant_scope(context.tenant_id):
            Cursor.objects.filter(pk=cursor.pk).update(read_at=timezone.now())
        return seen
    is_complete = is_complete or not cursor.value
    changes = connector.read_changes(side, 0 if is_complete else restart(cursor))
    if is_complete:
        watch_fields(context, entity, System.INTEMPUS, changes.rows)
    new = changes.rows if is_complete else _not_stored(context, entity, changes.rows)
    observed = observe(context, entity, System.INTEMPUS, new, read_at, origin=origin, run=run, is_complete=is_complete)
    _note_stored(context, entity, new)
    if changes.cursor is not None:
        advance(context.tenant_id, cursor, changes.cursor, read_at)
    elif (
        cursor.trail
        and not changes.filter_ignored
        and read_at.timestamp() - cursor.trail[-1][0] > OVERLAP.total_seconds()
    ):
        advance(context.tenant_id, cursor, cursor.value, read_at)  # nothing is late any more: the overlap is read
    return observed


def _not_stored(context: Context, entity: Entity, rows: Sequence[Row]) -> list[Row]:
    """Without the rows that the overlap shows once more: a stamp that stayed is a row that stayed."""
    side, stored = entity.intempus, context.stored.get(entity.name, {})
    return [row for row in rows if stored.get(str(row[side.id_field]), -1) != row.get(side.timestamp_field)]


def _note_stored(context: Context, entity: Entity, rows: Sequence[Row]) -> None:
    side, stored = entity.intempus, context.stored.setdefault(entity.name, {})
    for row in rows:
        if (stamp := row.get(side.timestamp_field)) is not None:
            stored[str(row[side.id_field])] = stamp


def restart(cursor: Cursor) -> int:
    """Where to read from: where the counter stood an overlap before the *last* reading, however long ago that was.

    What had not committed then may have a stamp from before it. Stamps are gaps, nobody may compute with them.
    """
    if not cursor.trail:
        return 0
    limit = cursor.trail[-1][0] - OVERLAP.total_seconds()
    old = [value for at, value in cursor.trail if at <= limit]
    return int(max(old) if old else min(value for _, value in cursor.trail))


def advance(tenant_id: int, cursor: Cursor, value: int, now: datetime) -> None:
    """Note that everything up to `value` is stored, read from `now` on."""
    with tenant_scope(tenant_id):
        Cursor.objects.filter(pk=cursor.pk).update(
            value=max(cursor.value, value), trail=moved(cursor.trail, value, now), read_at=timezone.now()
        )


def moved(trail: list[list[float]], value: int, now: datetime) -> list[list[float]]:
    """The trail of a cursor that stood at `value` at `now`: what is younger than the overlap, and one place before it."""
    limit = (now - OVERLAP).timestamp()
    young = [[at, stamp] for at, stamp in trail if at > limit]
    older = [[at, stamp] for at, stamp in trail if at <= limit]
    if not young or now.timestamp() - young[-1][0] >= 10:
        young.append([now.timestamp(), value])
    return older[-1:] + young


def _is_complete_due(tenant_id: int) -> bool:
    """Whether everything must be read: once a day, and soon after the very first time. Call inside a scope.

    What commits late behind the first reading has a lower stamp than any the cursor will ever restart from.
    """
    done = Run.objects.filter(
        tenant_id=tenant_id, kind=Run.Kind.PULL, state=Run.State.DONE, result__is_complete=True
    ).order_by("-started_at")
    starts = [at for at in done.values_list("started_at", flat=True)[:2] if at is not None]
    if not starts:
        return True
    age = timezone.now() - starts[0]
    return age >= COMPLETE_EVERY or (len(starts) == 1 and age >= OVERLAP)


def _remapped(tenant_id: int) -> set[str]:
    """Entities whose policy, rules or value maps changed since everything of them was last read. Call inside a scope."""
    rows = [
        model.history.filter(tenant_id=tenant_id).order_by().values_list("entity").annotate(at=Max("history_date"))
        for model in (EntityPolicy, FieldRule, ValueMap)
    ]
    changed: dict[str, datetime] = {}
    for entity, at in rows[0].union(*rows[1:], all=True):
        changed[entity] = max(at, changed.get(entity, at))
    done = Run.objects.filter(tenant_id=tenant_id, state=Run.State.DONE)
    whole = done.filter(Q(kind=Run.Kind.PULL, result__is_complete=True) | Q(kind=Run.Kind.RECONCILE, entity=""))
    read_at = whole.aggregate(at=Max("started_at"))["at"]
    return {
        entity
        for entity, at in changed.items()
        if not (read_at and read_at > at)
        and not done.filter(
            Q(kind=Run.Kind.PULL, result__remapped__contains=[entity]) | Q(kind=Run.Kind.RECONCILE, entity=entity),
            started_at__gt=at,
        ).exists()
    }


def pull(tenant_id: int, run_id: int | None = None, *, is_complete: bool = False) -> Run | None:
    """Fetch from Intempus for one tenant: every entity that is switched on. Returns the run, None when one is on."""
    run = begin(tenant_id, Run.Kind.PULL, run_id)
    if run is None:
        return None
    recorder = Recorder(tenant_id, run, cause_of(run))
    counts: dict[str, int] = {}
    started = time.monotonic()
    with tenant_scope(tenant_id):
        is_complete = is_complete or _is_complete_due(tenant_id)
        remapped = set() if is_complete else _remapped(tenant_id)
    try:
        context = open_context(tenant_id, recorder)
        context.connectors[System.INTEMPUS].identify()
        for entity in context.entities.values():
            if context.policies[entity.name].enabled:
                whole = is_complete or entity.name in remapped
                for name, count in pull_entity(context, entity, run, is_complete=whole).counts().items():
                    counts[name] = counts.get(name, 0) + count
        report_success(tenant_id, System.INTEMPUS)
    except NotReadyError as error:
        return fail_run(run, error.code, counts=counts)
    except RemoteError as error:
        report_trouble(tenant_id, System.INTEMPUS, error)
        return fail_run(run, error.code, error.detail, counts=counts)
    finally:
        recorder.flush()
    counts["ms"] = round((time.monotonic() - started) * 1000)
    return finish_run(run, counts=counts, result={"is_complete": is_complete, "remapped": sorted(remapped)})
