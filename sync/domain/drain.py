"""The drain: process one tenant's due change events. One at a time per tenant, by lease; no transaction over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.db import DatabaseError
from django.db.models.functions import Now

from mappings.engine import Action
from mappings.models import RecordLink
from mappings.spec import Entity, System
from sync.connectors.base import Row
from sync.connectors.errors import NeedsAttention, RemoteError, RetryLater
from sync.domain.brake import brake, close_resolved
from sync.domain.claim import GROUP, Claimed, LeaseLostError, claim, fence, finish, has_due, put_back, recover, take_for
from sync.domain.connections import NotReadyError, Recorder, report_success, report_trouble
from sync.domain.context import Context, database_now, open_context
from sync.domain.decide import Item, awaited, find_matches, load_items, needed_references, plan_items, settle_unclear
from sync.domain.doorbell import Lease, lease_seconds, release, ring, take_lease
from sync.domain.field_watch import watch_flag
from sync.domain.first_ten import REASON, hold_the_rest, let_others_go
from sync.domain.loop_breaker import break_loops
from sync.domain.observe import observe
from sync.domain.parents import CIRCLE, parent_attribute, read_families
from sync.domain.pull import pull_entity
from sync.domain.push import Done, Job, intend, prepare, send
from sync.domain.put_back import lay_put_backs
from sync.domain.remember import remember
from sync.domain.sweep import note_read, sweep_entity
from sync.models import ChangeEvent, SyncLogEntry
from tenants.scoping import tenant_scope

log = structlog.get_logger()

#: A drain stops starting slices after this many seconds, so that no tenant keeps a worker for itself.
SLICE_SECONDS = 10
#: Every so many slices the backfill comes first.
BACKFILL_EVERY = 4
#: A reading that waited longer than this, through an outage or a long backlog, is no basis for a plan any more.
READ_AGAIN_AFTER = timedelta(minutes=1)
#: So many records a connector looks up one by one; more at once would be a list again, which is what we doubt.
SINGLY = 20
#: While a burst is still arriving, gather it for a moment, and longer the longer it lasts: fewer reads for the same hints,
#: and a company that saves without end leaves the machine to the others.
GATHER_SECONDS, GATHER_LONGEST, GATHER_BELOW = 0.2, 1.0, 40


def drain(tenant_id: int) -> int:
    """Work on what is due; returns how many records were looked at. Safe to call at any time, from anywhere."""
    lease = take_lease(tenant_id)
    if lease is None:
        return 0
    recorder = Recorder(tenant_id)
    count, is_ready = 0, True
    try:
        context = open_context(tenant_id, recorder)
        recover(context, lease)
        count = _drain(context, lease)
    except NotReadyError:
        is_ready = False
    except LeaseLostError:
        log.warning("lease lost", tenant=tenant_id)
        return count
    finally:
        _tidy(recorder, lease)
    # Between our last look and the release somebody may have rung in vain: look once more.
    if is_ready and has_due(tenant_id):
        ring(tenant_id)
    return count


def _tidy(recorder: Recorder, lease: Lease) -> None:
    try:
        recorder.flush()
        release(lease)
    except DatabaseError:
        log.warning("database lost while draining; the lease will run out", tenant=lease.tenant_id)


def _drain(context: Context, lease: Lease) -> int:
    count = slices = 0
    started = time.monotonic()
    while time.monotonic() - started < SLICE_SECONDS:
        if count:
            _gather(context.tenant_id, slices)
        slices += 1
        claimed = claim(context, lease, backfill_first=slices % BACKFILL_EVERY == 0)
        if claimed is None:
            break
        count += len(claimed.links) + claimed.wants_sweep
        context.recorder.cause = claimed.cause
        try:
            if claimed.wants_sweep:
                with _blaming(System.UNICONTA):
                    sweep_entity(context, claimed.entity)
            _process(context, lease, claimed)
            close_resolved(context, claimed.entity)
            answered = [system for system in System if context.recorder.call_counts.get(system.value)]
            report_success(context.tenant_id, *(system for system in answered if system not in context.troubled))
        except RemoteError as error:
            _put_all_back(context, lease, error)
            break
        except TroubleError:
            _give_back(context, lease)
        finally:
            context.recorder.flush()
        if context.troubled:
            break  # nothing more goes there before the breaker, or a person, says so
    return count


def _give_back(context: Context, lease: Lease) -> None:
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        mine = ChangeEvent.objects.filter(
            tenant_id=context.tenant_id, state=ChangeEvent.State.CLAIMED, claim=lease.token
        )
        put_back(list(mine), "", "", due_at=now, counts=False)


def _gather(tenant_id: int, slices: int) -> None:
    with tenant_scope(tenant_id):
        due = ChangeEvent.objects.filter(tenant_id=tenant_id, state=ChangeEvent.State.PENDING)
        waiting = due.filter(due_at__lte=Now(), origin=ChangeEvent.Origin.WEBHOOK)[:GATHER_BELOW].count()
    if 0 < waiting < GATHER_BELOW:
        time.sleep(min(GATHER_SECONDS * 2 ** (slices - 1), GATHER_LONGEST))


class TroubleError(Exception):
    """A write ran into an outage or broken credentials: what was not begun goes back unharmed."""


@contextmanager
def _blaming(system: System) -> Iterator[None]:
    """Note on a remote error which system it came from."""
    try:
        yield
    except RemoteError as error:
        error.system = system.value
        raise


def _put_all_back(context: Context, lease: Lease, error: RemoteError) -> None:
    """A read failed: no record is at fault. The events stay, the connection feels it."""
    system = error.system or System.UNICONTA.value
    if isinstance(error, NeedsAttention):
        error = RetryLater(error.code, error.detail, after=60)
    due_at = report_trouble(context.tenant_id, system, error)
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        mine = ChangeEvent.objects.filter(
            tenant_id=context.tenant_id, state=ChangeEvent.State.CLAIMED, claim=lease.token
        )
        put_back(list(mine), error.code, error.detail, due_at=due_at or now, counts=False)


# ------------------------------------------------------------------------------------------------ one claim


def _process(context: Context, lease: Lease, claimed: Claimed) -> None:
    entity = claimed.entity
    _read_uniconta(context, lease, entity, claimed)
    _confirm_missing(context, lease, entity, claimed)
    if parent_attribute(entity) is None:
        process_group(context, lease, entity, claimed, claimed.links)
        return
    for generation in _generations(context, entity, claimed):
        for start in range(0, len(generation), GROUP):
            process_group(context, lease, entity, claimed, generation[start : start + GROUP])


def _generations(context: Context, entity: Entity, claimed: Claimed) -> list[list[int]]:
    """The claimed records and those above them, parents first. A circle counts only in freshly read rows: whoever is
    part of one is refused, and looked at again when somebody has broken it.
    """
    side, origin = System.UNICONTA, ChangeEvent.Origin.FOLLOW_UP
    asked: set[str] = set()
    is_fresh = False
    while True:
        with tenant_scope(context.tenant_id):
            families = read_families(context, entity, claimed.links)
            read_at = database_now()
        with _blaming(side):
            if unknown := families.unknown - asked:
                asked |= unknown
                rows: Iterable[Row] = context.connectors[side].find_by_key(entity.uniconta, sorted(unknown))
                observe(context, entity, side, rows, read_at, origin=origin)
            elif families.circles and not is_fresh:
                is_fresh = True
                ids = [families.links[pk].uniconta_id for pk in families.circles if families.links[pk].uniconta_id]
                rows = context.connectors[side].read_by_ids(entity.uniconta, ids).values()
                observe(context, entity, side, rows, read_at, origin=origin)
            else:
                break
    claimed.refused = {pk: NeedsAttention(CIRCLE, families.spell(pk)) for pk in claimed.links if pk in families.circles}
    freed = [
        pk
        for pk, link in families.links.items()
        if link.reason == CIRCLE and pk not in families.circles and pk not in claimed.links
    ]
    claimed.links += freed
    claimed.events |= {pk: [] for pk in freed}
    generations = families.generations(claimed.links)
    for pk in {pk for generation in generations for pk in generation} - set(claimed.links):
        claimed.links.append(pk)
        claimed.events[pk] = []
    return generations


def process_group(
    context: Context,
    lease: Lease,
    entity: Entity,
    claimed: Claimed,
    links: list[int],
    needed: Mapping[str, str] | None = None,
) -> None:
    """Conflict read, plan, intend, push, remember: for at most `GROUP` records of one entity.

    `needed`: where they are here for other records' sake, by Uniconta key, who needs them.
    """
    if context.troubled:
        raise TroubleError
    if not lease.has_time_for(lease_seconds() / 2):  # reading takes a while, and completes nothing
        with tenant_scope(context.tenant_id):
            fence(lease)
    with _blaming(System.INTEMPUS):
        pull_entity(context, entity)
        for name in {a.reference for a in entity.references if a.is_mandatory and context.is_on(a.reference)}:
            pull_entity(context, context.entities[name])  # what a new record hangs on may be inactive by now
    with tenant_scope(context.tenant_id):
        fence(lease)
        claimed.add(take_for(lease, links, are_read=True))
        items = load_items(links, claimed.events)
        for item in items:
            item.error = claimed.refused.get(item.link.pk)
        needed = needed or awaited(context, entity, items)
        items = find_matches(context, entity, items, needed)
        settle_unclear(entity, items)
        references = needed_references(context, entity, items, needed)
    for name, who in references.items():
        _ensure(context, lease, context.entities[name], who)
    if context.troubled:
        raise TroubleError  # a reference could not be sent: who needs it waits with it
    with tenant_scope(context.tenant_id):
        fence(lease)
        plan_items(context, entity, items, needed=needed)
        lay_put_backs(entity, items)
        break_loops(context, entity, items)
        hold_the_rest(context, entity, items)
    brake(context, entity, items)
    work = _prepare(context, entity, items)
    work = _look_before_create(context, lease, entity, work)
    if work:
        with tenant_scope(context.tenant_id):
            fence(lease)
            intend(context, lease, entity, work)
    with_writes = {id(item) for item, _ in work}
    _remember(context, lease, entity, [Done(item) for item in items if id(item) not in with_writes])
    for handful in send(context, lease, entity, work):
        _remember(context, lease, entity, handful)
        context.recorder.flush()
    if any(item.plan.reason == REASON for item in items):
        with tenant_scope(context.tenant_id):
            let_others_go(context, entity)


def _prepare(context: Context, entity: Entity, items: list[Item]) -> list[tuple[Item, list[Job]]]:
    work = []
    for item in items:
        if item.error is None and item.plan.writes:
            try:
                work.append((item, prepare(context, entity, item)))
            except RemoteError as error:  # also from drawing a number
                error.system = System.UNICONTA.value
                item.error = error
    return work


def _remember(context: Context, lease: Lease, entity: Entity, handful: list[Done]) -> None:
    if handful:
        with tenant_scope(context.tenant_id):
            remember(context, entity, handful, fence(lease))


# ------------------------------------------------------------------------------------------------ reading


def _read_uniconta(context: Context, lease: Lease, entity: Entity, claimed: Claimed) -> None:
    """Read afresh every record that was hinted at since its last read. What a sweep read just now is not read again."""
    with tenant_scope(context.tenant_id):
        read_at = fence(lease)
        rows = RecordLink.objects.in_bulk(claimed.links)
        stale = {
            link.uniconta_id: link
            for link in rows.values()
            if link.uniconta_id
            and (
                link.uniconta_seen_at is None
                or link.uniconta_seen_at < read_at - READ_AGAIN_AFTER
                or any(event.received_at > link.uniconta_seen_at for event in claimed.events[link.pk])
            )
        }
    if not stale:
        return
    with _blaming(System.UNICONTA):
        found = context.connectors[System.UNICONTA].read_by_ids(entity.uniconta, list(stale))
        if found:
            watch_flag(context, entity, any(context.tenant.opt_in_field in row for row in found.values()))
        observe(
            context,
            entity,
            System.UNICONTA,
            found.values(),
            read_at,
            origin=ChangeEvent.Origin.WEBHOOK,
            stores_events=False,
        )
    with tenant_scope(context.tenant_id):
        note_read(context, entity)
    missing = [link for key, link in stale.items() if key not in found]
    strangers = {link.pk for link in missing if link.uniconta_seen_at is None and not link.is_linked}
    _forget(context, lease, claimed, strangers)
    _mark_gone(context, lease, System.UNICONTA, [link.pk for link in missing if link.pk not in strangers])


def _forget(context: Context, lease: Lease, claimed: Claimed, strangers: set[int]) -> None:
    """A hint at a record that nobody ever saw, and that is not there, says nothing about any record of ours."""
    if not strangers:
        return
    with tenant_scope(context.tenant_id):
        fence(lease)
        ChangeEvent.objects.filter(link_id__in=strangers).update(link=None)
        hints = [event for pk in strangers for event in claimed.events.pop(pk)]
        finish(hints, ChangeEvent.State.IGNORED, "unknown_record")
        claimed.links = [pk for pk in claimed.links if pk not in strangers]
        RecordLink.objects.filter(pk__in=strangers).delete()


def _confirm_missing(context: Context, lease: Lease, entity: Entity, claimed: Claimed) -> None:
    """A record missing from a complete read of Intempus is looked up by itself before anything is said."""
    missing = [
        pk
        for pk in claimed.links
        if any(event.operation == "missing" and event.system == System.INTEMPUS for event in claimed.events[pk])
    ]
    if not missing:
        return
    with tenant_scope(context.tenant_id):
        suspects = {
            link.intempus_id: link for link in RecordLink.objects.filter(pk__in=missing).exclude(intempus_id="")
        }
        read_at = database_now()
    if not suspects:
        return
    found = _look_up(context, entity, list(suspects))
    with _blaming(System.INTEMPUS):
        observe(
            context,
            entity,
            System.INTEMPUS,
            found.values(),
            read_at,
            origin=ChangeEvent.Origin.PULL,
            stores_events=False,
        )
    _mark_gone(context, lease, System.INTEMPUS, [link.pk for key, link in suspects.items() if key not in found])


def _look_up(context: Context, entity: Entity, ids: list[str]) -> dict[str, Row]:
    """Records of Intempus one by one, by id: a list is what we doubt."""
    found: dict[str, Row] = {}
    with _blaming(System.INTEMPUS):
        for start in range(0, len(ids), SINGLY):
            found |= context.connectors[System.INTEMPUS].read_by_ids(entity.intempus, ids[start : start + SINGLY])
    return found


def _mark_gone(context: Context, lease: Lease, system: System, links: list[int]) -> None:
    if links:
        with tenant_scope(context.tenant_id):
            fence(lease)
            RecordLink.objects.filter(pk__in=links).update(
                **{f"is_gone_in_{system}": True, f"{system}_seen_at": database_now()}
            )


def _ensure(context: Context, lease: Lease, entity: Entity, needed: Mapping[str, str]) -> None:
    """References first: see to it that the records with these Uniconta keys are in Intempus, and in use there, as far
    as that is possible. `needed` says who needs them.
    """
    side = System.UNICONTA
    with tenant_scope(context.tenant_id):
        links = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name, is_gone_in_uniconta=False)
        known = set(links.filter(uniconta_key__in=needed).values_list("uniconta_key", flat=True))
        read_at = database_now()
    if unknown := set(needed) - known:
        # A key we do not know: a new record, or a renamed one (same row id, new key).
        with _blaming(side):
            rows = context.connectors[side].find_by_key(entity.uniconta, sorted(unknown))
            observe(context, entity, side, rows, read_at, origin=ChangeEvent.Origin.FOLLOW_UP)
    with tenant_scope(context.tenant_id):
        ids = [
            link.pk
            for link in links.filter(uniconta_key__in=needed)
            if not link.intempus_id or link.current(System.INTEMPUS) is not None
        ]
        claimed = Claimed(entity, list(ids), {pk: [] for pk in ids})
        woken = [link.pk for link in links.filter(pk__in=ids) if link.is_linked]
    # What another record wakes is written to in Uniconta, too: on what stands there now.
    _read_uniconta(context, lease, entity, Claimed(entity, woken, {pk: [] for pk in woken}))
    for start in range(0, len(ids), GROUP):
        process_group(context, lease, entity, claimed, ids[start : start + GROUP], needed)


def _look_before_create(
    context: Context, lease: Lease, entity: Entity, work: list[tuple[Item, list[Job]]]
) -> list[tuple[Item, list[Job]]]:
    """Look up the numbers of records before they are created in Uniconta: theirs, from a lost answer, or taken. And the
    records themselves, which may be deleted by now.

    For Intempus the conflict read did the same: what it found was matched by key and creation id.
    """
    creates = {
        item.reserved_number.casefold(): item
        for item, jobs in work
        if any(job.write.action is Action.CREATE and job.write.target is System.UNICONTA for job in jobs)
    }
    if not creates:
        return work
    side = entity.uniconta
    read_at = database_now()
    with _blaming(System.UNICONTA):
        found = context.connectors[System.UNICONTA].find_by_key(
            side, [item.reserved_number for item in creates.values()]
        )
    for row in found:
        number = str(row[side.key_field])
        item = creates[number.casefold()]
        if item.link.reserved_number != number:
            item.error = NeedsAttention("key_taken", number)
            continue
        # Ours: the answer got lost. Seen as a half of its own, it matches by the reserved number at the next look.
        origin = ChangeEvent.Origin.FOLLOW_UP
        observe(context, entity, System.UNICONTA, [row], read_at, origin=origin)
        item.error = RetryLater("answer_found", number, after=0, is_outage=False)
    born = {item.link.intempus_id: item for item in creates.values() if item.error is None}
    there = _look_up(context, entity, list(born))
    if deleted := [item for record_id, item in born.items() if record_id not in there]:
        # A cursor shows no deletions: what was read a while ago may be gone by now.
        _mark_gone(context, lease, System.INTEMPUS, [item.link.pk for item in deleted])
        for item in deleted:
            item.error = RetryLater("deleted_in_intempus", after=0, is_outage=False)
    with tenant_scope(context.tenant_id):
        not_there = [item.link.pk for item in creates.values() if item.error is None]
        unclear = SyncLogEntry.objects.filter(link_id__in=not_there, state=SyncLogEntry.State.UNCLEAR)
        unclear.exclude(reserved_number="").update(state=SyncLogEntry.State.NOT_DONE)
    return [(item, jobs) for item, jobs in work if item.error is None]
