"""Claiming due change events: several of one record become one piece of work, crashes are counted at the claim."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from mappings.models import RecordLink
from mappings.spec import Entity, System
from sync.connectors.errors import NeedsAttention
from sync.domain.budgets import CAUSE_OF_PRIORITY, LOOK_AGAIN_AFTER, waits
from sync.domain.context import Context, database_now
from sync.domain.doorbell import Lease, renew
from sync.models import ChangeEvent, SyncLogEntry
from tenants.scoping import tenant_scope

State = ChangeEvent.State

#: Records per claim: one batch read from Uniconta, one conflict read from Intempus that is at most this many writes old,
#: and all that a crash makes suspicious.
GROUP = 40
#: Crashes of an event claimed alone before it is put aside (the first one happened in company).
CRASHES_ALONE = 3
#: Own failures of a record before a person is asked; the waits grow from seconds to an hour.
ATTEMPTS, BACK_OFF_FIRST, BACK_OFF_LONGEST = 10, 5, 3600

# What a drain that died has left: claims and writes that are not ours.
HAS_ORPHANS = """
SELECT EXISTS (
    SELECT FROM sync_changeevent WHERE tenant_id = %(tenant)s AND state = 'claimed' AND claim IS DISTINCT FROM %(token)s
) OR EXISTS (
    SELECT FROM sync_synclogentry WHERE tenant_id = %(tenant)s AND state = 'sending' AND claim IS DISTINCT FROM %(token)s
)
"""


class LeaseLostError(Exception):
    """Somebody else drains this tenant by now: stop at once, send nothing more."""


@dataclass
class Claimed:
    """Some records of one entity, each with the events that were claimed for it."""

    entity: Entity
    links: list[int] = field(default_factory=list)
    events: dict[int, list[ChangeEvent]] = field(default_factory=dict)  # by link
    wants_sweep: bool = False
    refused: dict[int, NeedsAttention] = field(default_factory=dict)  # by link: why it is not even planned
    cause: str = ""  # of the most urgent event: what the calls are counted as

    def add(self, events: Iterable[ChangeEvent]) -> None:
        for event in events:
            assert event.link_id is not None
            if event.link_id not in self.events:
                self.links.append(event.link_id)
            self.events.setdefault(event.link_id, []).append(event)


def fence(lease: Lease) -> datetime:
    """First statement of every transaction that completes something; returns the database's time. Raises LeaseLostError."""
    now = renew(lease)
    if now is None:
        raise LeaseLostError
    return now


def recover(context: Context, lease: Lease) -> None:
    """Take over from a drain that died: its claims become due again, its unfinished writes become unclear.

    A create whose answer is unknown is looked for no earlier than UNCLEAR_WAIT_SECONDS later: the remote may still be
    storing it.
    """
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        if not _has_orphans(lease):
            return  # as nearly always
        orphans = ChangeEvent.objects.filter(tenant_id=context.tenant_id, state=State.CLAIMED).exclude(
            claim=lease.token
        )
        sending = SyncLogEntry.objects.filter(tenant_id=context.tenant_id, state=SyncLogEntry.State.SENDING).exclude(
            claim=lease.token
        )
        creates = list(sending.filter(action=SyncLogEntry.Action.CREATE).values_list("link_id", flat=True))
        sending.update(state=SyncLogEntry.State.UNCLEAR, error_code="crashed", finished_at=timezone.now())
        dangerous = list(orphans.filter(crashes__gt=CRASHES_ALONE).values_list("link_id", flat=True))
        orphans.filter(crashes__gt=CRASHES_ALONE).update(
            state=State.QUARANTINED, error_code="crashed", claim=None, finished_at=timezone.now()
        )
        later = now + timedelta(seconds=settings.UNCLEAR_WAIT_SECONDS)
        orphans.filter(link_id__in=creates).update(state=State.PENDING, claim=None, due_at=later)
        orphans.update(state=State.PENDING, claim=None)
        RecordLink.objects.filter(
            pk__in=[link for link in dangerous if link],
            state__in=[RecordLink.State.NEW, RecordLink.State.IN_SYNC],
        ).update(state=RecordLink.State.NEEDS_ATTENTION, reason="crashed")


def _has_orphans(lease: Lease) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HAS_ORPHANS, {"tenant": lease.tenant_id, "token": lease.token})
        return bool(cursor.fetchone()[0])


def claim(context: Context, lease: Lease, *, backfill_first: bool = False) -> Claimed | None:
    """The next records to work on: people's and webhooks' events before backfill, what others refer to first.

    `backfill_first` turns that round: now and then, so that somebody who saves without end starves no first load.
    """
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        due = ChangeEvent.objects.filter(tenant_id=context.tenant_id, state=State.PENDING, due_at__lte=now).order_by(
            "priority", "due_at", "id"
        )
        waiting = set(due.order_by().values_list("entity", "priority").distinct())
        if any(entity not in context.entities for entity, _ in waiting):
            due.exclude(entity__in=list(context.entities)).update(
                state=State.IGNORED, error_code="entity_off", finished_at=timezone.now()
            )
        if deferred := [p for p, cause in CAUSE_OF_PRIORITY.items() if waits(cause, context.recorder.share)]:
            due.filter(priority__in=deferred).update(
                due_at=now + LOOK_AGAIN_AFTER, error_code="budget_low", error_detail=""
            )
        for is_backfill in (True, False) if backfill_first else (False, True):
            priorities = [p for p in ChangeEvent.Priority if (p >= ChangeEvent.Priority.BACKFILL) is is_backfill]
            for entity in context.entities.values():
                if not any((entity.name, priority) in waiting for priority in priorities):
                    continue
                events = list(due.filter(priority__in=priorities, entity=entity.name)[:GROUP])
                if events:
                    return _take(context, lease, entity, events)
    return None


def _take(context: Context, lease: Lease, entity: Entity, events: list[ChangeEvent]) -> Claimed:
    claimed = Claimed(entity, cause=CAUSE_OF_PRIORITY[min(event.priority for event in events)])
    without_record = [event for event in events if not event.remote_id and not event.link_id]
    if without_record:
        claimed.wants_sweep = True
        finish(without_record, State.DONE)
        events = [event for event in events if event not in without_record]
    # What crashed before is worked on alone, so that it takes nothing else down with it.
    healthy = [event for event in events if not event.crashes]
    events = healthy or events[:1]
    _link(context, entity, events)
    claimed.add(take_for(lease, [event.link_id for event in events if event.link_id]))
    return claimed


def _link(context: Context, entity: Entity, events: list[ChangeEvent]) -> None:
    """Give every event its record link; a record heard of for the first time gets a row."""
    for system in System:
        loose = [event for event in events if event.link_id is None and event.system == system.value]
        if not loose:
            continue
        scope = {"tenant_id": context.tenant_id, "entity": entity.name}
        ids = {event.remote_id for event in loose}
        found = RecordLink.objects.filter(**scope, **{f"{system}_id__in": ids})
        links = {link.remote_id(system): link for link in found}
        if unknown := sorted(ids - links.keys()):
            RecordLink.objects.bulk_create(
                [RecordLink(**scope, **{f"{system}_id": record_id}) for record_id in unknown], ignore_conflicts=True
            )
            links = {link.remote_id(system): link for link in found.all()}
        for event in loose:
            event.link = links[event.remote_id]
        ChangeEvent.objects.bulk_update(loose, ["link"])


def take_for(lease: Lease, links: list[int], *, are_read: bool = False) -> list[ChangeEvent]:
    """Claim whatever is pending for these records, due or not: one look answers all of it. Most urgent first.

    `are_read`: Uniconta was read already, so what came since stays for the next look, which reads it anew.
    """
    if not links:
        return []
    pending = ChangeEvent.objects.filter(tenant_id=lease.tenant_id, state=State.PENDING)
    if are_read and not pending.exists():
        return []  # as nearly always: the claim has taken what there was
    records = RecordLink.objects.only("entity", "uniconta_id", "intempus_id", "uniconta_seen_at").in_bulk(links)
    # One index for each way to belong to a record. Asked for in one statement none of them is used: with 1,500 events
    # pending that took 14 seconds, where these take milliseconds.
    found = [(event, event.link_id) for event in pending.filter(link_id__in=links)]
    # A webhook that came since the link was made is known only by its record id.
    for system in System:
        by_id = {(link.entity, link.remote_id(system)): pk for pk, link in records.items() if link.remote_id(system)}
        entities, ids = {entity for entity, _ in by_id}, [record_id for _, record_id in by_id]
        loose = pending.filter(link=None, system=system.value, entity__in=entities, remote_id__in=ids)
        named = ((event, by_id.get((event.entity, event.remote_id))) for event in loose)
        found += [(event, pk) for event, pk in named if pk is not None]
    if are_read:
        found = [(event, pk) for event, pk in found if not _came_since(event, records[pk])]
    if not found:
        return []
    loose_ones = [(event, pk) for event, pk in found if event.link_id is None]
    for event, pk in loose_ones:
        event.link_id = pk
    ChangeEvent.objects.bulk_update([event for event, _ in loose_ones], ["link"])
    ids_taken = [event.pk for event, _ in found]
    pending.filter(pk__in=ids_taken).update(state=State.CLAIMED, claim=lease.token, crashes=F("crashes") + 1)
    taken = ChangeEvent.objects.filter(pk__in=ids_taken, state=State.CLAIMED, claim=lease.token)
    return list(taken.order_by("priority", "id"))


def _came_since(event: ChangeEvent, link: RecordLink) -> bool:
    """Whether the event says that Uniconta holds something newer than what was read of this record."""
    if event.system != System.UNICONTA.value:
        return False
    return link.uniconta_seen_at is None or event.received_at > link.uniconta_seen_at


def finish(events: Iterable[ChangeEvent], state: str, code: str = "", detail: str = "") -> None:
    """Record an outcome that ends events. Call inside a fenced scope."""
    ids = [event.pk for event in events]
    ChangeEvent.objects.filter(pk__in=ids).update(
        state=state, error_code=code, error_detail=detail, claim=None, crashes=0, finished_at=timezone.now()
    )


def put_back(events: Iterable[ChangeEvent], code: str, detail: str, *, due_at: datetime | None, counts: bool) -> bool:
    """Let events be tried again; `counts` raises the attempts. False: they have had enough, a person must look.

    Call inside a fenced scope.
    """
    events = list(events)
    attempts = max((event.attempts for event in events), default=0) + counts
    if attempts >= ATTEMPTS:
        return False
    if due_at is None:
        wait = min(BACK_OFF_FIRST * 2**attempts, BACK_OFF_LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311
        due_at = database_now() + timedelta(seconds=wait)
    ChangeEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        state=State.PENDING,
        due_at=due_at,
        attempts=attempts,
        error_code=code,
        error_detail=detail,
        claim=None,
        crashes=0,
    )
    return True


def has_due(tenant_id: int) -> bool:
    with tenant_scope(tenant_id):
        return ChangeEvent.objects.filter(tenant_id=tenant_id, state=State.PENDING, due_at__lte=Now()).exists()
