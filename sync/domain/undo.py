"""*Undo run*: what a run wrote is taken back where nobody changed it since, and what it created is set inactive.

Each field becomes a wish like *Put back*, but for the one system that was written to: the drain plans it, refuses it when
the field moved, and the log says what came of it. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from mappings.entities import ENTITIES
from mappings.models import RecordLink
from sync.domain.actions import sync_now
from sync.domain.runs import finish_run, progress, start
from sync.models import PutBack, Run, SyncLogEntry
from tenants.scoping import tenant_scope

CHUNK = 200
#: What a run found is written soon, or after a long outage; the log is not searched any further.
CARRIED_OUT_WITHIN = timedelta(days=7)
#: Runs whose findings are written.
UNDOABLE = (Run.Kind.PULL, Run.Kind.SWEEP, Run.Kind.RECONCILE, Run.Kind.RETRY)


def written_by(run: Run) -> QuerySet[SyncLogEntry]:
    """What the run led to in either system, newest first. Call inside a scope."""
    return (
        SyncLogEntry.objects.filter(
            tenant_id=run.tenant_id,
            run_id=run.pk,
            at__gte=run.created_at,
            at__lt=run.created_at + CARRIED_OUT_WITHIN,
            state=SyncLogEntry.State.DONE,
        )
        .exclude(target="")
        .order_by("-at", "-id")
    )


@dataclass
class Former:
    """What shall stand again in one field of one record: `value`, where `stands` stands still."""

    entry: SyncLogEntry
    field: str
    value: Any
    stands: Any
    is_created: bool = False


def undo_run(tenant_id: int, run_id: int) -> Run | None:
    """Carry out an undo; its `result` is {"run": the run to undo}. None: somebody else has taken it.

    `counts`: records, and fields that shall have their former values. What is refused is seen on the records. A chunk
    done twice finds its wishes there.
    """
    with tenant_scope(tenant_id):
        run = start(run_id)
        if run is None:
            return None
        wanted = formers(written_by(Run.objects.get(pk=run.result["run"], tenant_id=tenant_id)))
    fields, ids = 0, list(wanted)
    for first in range(0, len(ids), CHUNK):
        with tenant_scope(tenant_id):
            links = RecordLink.objects.filter(tenant_id=tenant_id, pk__in=ids[first : first + CHUNK])
            pairs = [link for link in links if link.is_linked]
            fields += sum(_wish(link, former, run.requested_by_id) for link in pairs for former in wanted[link.pk])
            sync_now([link.pk for link in pairs], run.requested_by_id)
        progress(run, min(first + CHUNK, len(ids)), len(ids))
    return finish_run(run, counts={"records": len(ids), "fields": fields})


def formers(entries: Iterable[SyncLogEntry]) -> dict[int, list[Former]]:
    """By record what was there before the first of these writes, and what the last one left; newest first they come.

    Of a record that was created it is only that it is in use.
    """
    found: dict[int, dict[tuple[str, str], Former]] = {}
    for entry in entries:
        of_record = found.setdefault(entry.link_id, {})
        if entry.action == SyncLogEntry.Action.CREATE:
            activity = ENTITIES[entry.entity].activity
            of_record = {key: former for key, former in of_record.items() if key[0] != entry.target}
            if activity is not None:
                former = Former(entry, activity.name, value=False, stands=True, is_created=True)
                of_record[entry.target, activity.name] = former
            found[entry.link_id] = of_record
            continue
        for change in entry.plan.get("changes", ()):
            key = (entry.target, change["field"])
            if key in of_record:
                of_record[key].value = change["old"]
            else:
                of_record[key] = Former(entry, change["field"], change["old"], change["new"])
    return {link_id: list(of_record.values()) for link_id, of_record in found.items() if of_record}


def _wish(link: RecordLink, former: Former, user_id: int | None) -> int:
    """Note the wish; returns how many were noted, none where the same was asked for already."""
    try:
        with transaction.atomic():
            PutBack.objects.create(
                tenant_id=link.tenant_id,
                link=link,
                entry_id=former.entry.pk,
                field=former.field,
                value=former.value,
                stands=former.stands,
                target=former.entry.target,
                requested_by_id=user_id,
            )
    except IntegrityError:
        return 0
    if former.is_created:
        RecordLink.objects.filter(pk=link.pk).update(is_left_out=True)  # or its next change would bring it back
    return 1
