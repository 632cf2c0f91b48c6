"""The sweep over Uniconta: heals every webhook that was missed, and is the first load of a new tenant."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from mappings.models import EntityPolicy
from mappings.spec import Entity, System
from sync.connectors.errors import RemoteError
from sync.connectors.reach import can_be_reached
from sync.domain.budgets import cause_of
from sync.domain.connections import NotReadyError, Recorder, report_success, report_trouble
from sync.domain.context import Context, database_now, open_context
from sync.domain.field_watch import watch_table
from sync.domain.observe import Observed, observe
from sync.domain.rhythm import Hooks, hooks_of, is_due
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.models import CallCount, ChangeEvent, Cursor, Run
from tenants.scoping import tenant_scope


def sweep_entity(context: Context, entity: Entity, run: Run | None = None) -> Observed:
    """Read one whole table of Uniconta and store what differs. Raises RemoteError.

    The rows are checked before any counts: right company (M13) and the same fields as before (field watch, M5). While
    that waits for a person, the ticks remembered so far stand and creates are held; everything else goes on.
    """
    read_at = database_now()
    rows = list(context.connectors[System.UNICONTA].read_all(entity.uniconta))
    watch_table(context, entity, rows)
    observed = observe(
        context,
        entity,
        System.UNICONTA,
        _with_progress(rows, run),
        read_at,
        origin=ChangeEvent.Origin.SWEEP,
        run=run,
        # An empty table is believed only while we know no record of it: a right withdrawn looks the same.
        is_complete=bool(rows),
        # Groups wait until a record uses them (M6); they are looked at when that record is planned.
        stores_events=True,
    )
    with tenant_scope(context.tenant_id):
        EntityPolicy.objects.filter(tenant_id=context.tenant_id, entity=entity.name, loaded_at__isnull=True).update(
            loaded_at=timezone.now()
        )
        note_read(context, entity, is_whole=True)
    return observed


def note_read(context: Context, entity: Entity, *, is_whole: bool = False) -> None:
    """Remember when Uniconta was last heard: a longer silence is a gap, after which fields are merged. Call in a scope.

    `is_whole`: the table was read from end to end.

    Whatever was called out during a gap is lost, so after one every table is due.
    """
    now = timezone.now()
    if System.UNICONTA in context.gaps:
        # Not what this very piece of work has read since.
        before = Cursor.objects.filter(tenant_id=context.tenant_id, swept_at__lt=context.loaded_at)
        before.update(swept_at=None)
    heard = {"uniconta_read_at": now, **({"swept_at": now} if is_whole else {})}
    if not Cursor.objects.filter(tenant_id=context.tenant_id, entity=entity.name).update(**heard):
        Cursor.objects.update_or_create(tenant_id=context.tenant_id, entity=entity.name, defaults=heard)


def _with_progress(rows: list[Mapping[str, Any]], run: Run | None) -> Iterable[Mapping[str, Any]]:
    def count() -> Iterator[Mapping[str, Any]]:
        for index, row in enumerate(rows):
            if run is not None and index and index % 500 == 0:
                progress(run, index, len(rows))
            yield row

    return count()


def tick(tenant_id: int) -> Run | None:
    """The schedule's check of Uniconta: the tables that are due, and no run at all when none is.

    Nothing to read counts as hearing from Uniconta only with what was really heard: a change URL call, or an answer. While
    calls cannot reach us, or were lost in a gap, every table is due.
    """
    recorder = Recorder(tenant_id, cause=CallCount.Cause.SWEEP)
    try:
        context = open_context(tenant_id, recorder)
    except NotReadyError:
        return sweep(tenant_id)  # says in a run why not; a silence that the gap must count
    with tenant_scope(tenant_id):
        hooks = hooks_of([tenant_id])[tenant_id]
        due = _due(context, hooks)
    enabled = {name for name in context.entities if context.policies[name].enabled}
    heard_at, is_called = timezone.now(), False
    if hooks.last_at is not None and heard_at - hooks.last_at < timedelta(minutes=context.tenant.sweep_minutes):
        heard_at, is_called = hooks.last_at, True
    if due != enabled and not is_called and not can_be_reached(settings.PUBLIC_URL):
        due = enabled
    if due:
        return sweep(tenant_id, only=due)
    try:
        if not is_called:
            context.connectors[System.UNICONTA].identify()
    except RemoteError:
        return sweep(tenant_id)  # the same trouble, told in a run
    finally:
        recorder.flush()
    with tenant_scope(tenant_id):
        Cursor.objects.filter(tenant_id=tenant_id, uniconta_read_at__lt=heard_at).update(uniconta_read_at=heard_at)
    return None


def _due(context: Context, hooks: Hooks) -> set[str]:
    """The entities whose table is to be read at this tick of the schedule. Call inside a scope.

    Each at every tick, until change URLs prove themselves: then a table is read whole once an hour, and as before after a
    read of it found what no call had announced. A call costs nothing of a log-in's day, a read does.
    """
    enabled = {name for name in context.entities if context.policies[name].enabled}
    if System.UNICONTA in context.gaps:
        return enabled
    read_at = dict(Cursor.objects.filter(tenant_id=context.tenant_id).values_list("entity", "swept_at"))
    tick, now = timedelta(minutes=context.tenant.sweep_minutes), timezone.now()
    return {name for name in enabled if is_due(read_at.get(name), hooks.sweep_every(context.tenant, name), tick, now)}


def sweep(tenant_id: int, run_id: int | None = None, *, only: set[str] | None = None) -> Run | None:
    """Check Uniconta for one tenant: every entity that is switched on, or of those `only` the ones named.

    Returns the run, None when one is on already.
    """
    run = begin(tenant_id, Run.Kind.SWEEP, run_id)
    if run is None:
        return None
    recorder = Recorder(tenant_id, run, cause_of(run))
    counts: dict[str, int] = {}
    started = time.monotonic()
    try:
        context = open_context(tenant_id, recorder)
        context.connectors[System.UNICONTA].identify()
        held = []
        for entity in context.entities.values():
            if not context.policies[entity.name].enabled:
                continue
            if only is not None and entity.name not in only:
                with tenant_scope(tenant_id):
                    note_read(context, entity)
                continue
            for name, count in sweep_entity(context, entity, run).counts().items():
                counts[name] = counts.get(name, 0) + count
            if context.policies[entity.name].hold_code:
                held.append(entity.name)
        report_success(tenant_id, System.UNICONTA)
    except NotReadyError as error:
        return fail_run(run, error.code, counts=counts)
    except RemoteError as error:
        report_trouble(tenant_id, System.UNICONTA, error)
        return fail_run(run, error.code, error.detail, counts=counts)
    finally:
        recorder.flush()
    counts["ms"] = round((time.monotonic() - started) * 1000)
    if held:
        return fail_run(run, context.policies[held[0]].hold_code, ", ".join(held), counts=counts)
    return finish_run(run, counts=counts)
