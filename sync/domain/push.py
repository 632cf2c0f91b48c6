"""Intend, then send: every remote write stands in the log before it goes out.

HTTP runs in threads that touch no database; the database is written by the caller's thread only.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from mappings.engine import Action, Plan, Write, to_canonical, to_remote
from mappings.entities import ENTITIES
from mappings.models import RecordLink
from mappings.spec import Entity, Side, System, Values
from mappings.transforms import MappingError
from sync.connectors.base import Reference, Row, Written
from sync.connectors.errors import ConnectionBroken, NeedsAttention, RemoteError, RetryLater
from sync.domain.connections import current_entry
from sync.domain.context import Context
from sync.domain.decide import Item
from sync.domain.doorbell import Lease
from sync.domain.numbers import known_number, reserve_number
from sync.models import SyncLogEntry

#: Parallel calls per system: Uniconta allows few (API page 8.21), Intempus counts calls per minute.
PARALLEL = {System.UNICONTA: 2, System.INTEMPUS: 4}
#: Results are stored after this many answers or seconds, whichever comes first.
FLUSH_ANSWERS, FLUSH_SECONDS = 50, 0.5
CALL_SECONDS = 30


@dataclass
class Job:
    """One remote write of one record, ready to be sent."""

    write: Write
    record_id: str
    values: dict[str, Any]
    creation_id: str
    planned: Values | None
    stamp: int | None
    entry: SyncLogEntry | None = None


@dataclass
class Done:
    """What became of one record's writes, in order; an error ends the sequence."""

    item: Item
    written: list[tuple[Job, Written]] = field(default_factory=list)
    error: RemoteError | None = None
    failed_job: Job | None = None
    unsent: list[Job] = field(default_factory=list)  # what would have followed the failed one


def prepare(
    context: Context,
    entity: Entity,
    item: Item,
    number: Callable[[Context, Entity, RecordLink], str] = reserve_number,
) -> list[Job]:
    """The writes of a plan in the remote systems' own terms. Raises NeedsAttention when a value cannot be sent."""
    link = item.link
    jobs = []
    for write in item.plan.writes:
        side = entity.side(write.target)
        values: Values = dict(write.values)
        if write.action is Action.CREATE and write.target is System.UNICONTA:
            item.reserved_number = number(context, entity, link)
            values = {**values, entity.key.name: item.reserved_number}
        try:
            if item.reserved_number:  # it goes to Intempus as soon as the record is made: ask before, not after
                to_remote(entity, System.INTEMPUS, {entity.key.name: item.reserved_number})
            row = to_remote(entity, write.target, values)
        except MappingError as error:
            raise NeedsAttention(error.code, f"{error.field}: {error}") from None
        if write.target is System.INTEMPUS:
            _check_needs(entity, values, link.current(System.INTEMPUS) or {})
        for attribute in entity.references:
            if attribute.name in values:
                resource = ENTITIES[attribute.reference].side(write.target).resource
                row[attribute.field_on(write.target)] = Reference(resource, str(values[attribute.name]))
        row |= {field: values[name] for field, name in side.follows.items() if name in values}
        if write.action is Action.CREATE:
            row = {**side.defaults, **_only_at_creation(side, values), **row}
            # Unknown is sent, too: in a table that was always empty nobody has seen yet whether it has the field.
            if side.is_flaggable and context.policies[entity.name].has_flag is not False:
                row |= context.tick()
        jobs.append(
            Job(
                write=write,
                record_id=link.remote_id(write.target),
                values=row,
                creation_id=context.creation_id(entity, link.uniconta_id, link.generation)
                if write.action is Action.CREATE and write.target is System.INTEMPUS
                else "",
                planned=link.current(write.target),
                stamp=link.intempus_timestamp if write.target is System.INTEMPUS else None,
            )
        )
    return jobs


def foresee(context: Context, entity: Entity, items: Iterable[Item]) -> None:
    """Note on planned records what would keep them from being sent. Nobody is asked and no number is drawn."""
    for item in items:
        if item.error is None and item.plan.writes:
            try:
                prepare(context, entity, item, number=known_number)
            except NeedsAttention as error:
                item.error, item.plan = error, Plan()


def _check_needs(entity: Entity, values: Values, there: Values) -> None:
    """Raises NeedsAttention for what Intempus is known to refuse: say so here, before anything is sent."""
    stands = {**there, **values}
    for attribute in entity.attributes:
        is_written = attribute.needs and {attribute.name, attribute.needs} & set(values)
        if is_written and stands.get(attribute.name) and not stands.get(attribute.needs):
            raise NeedsAttention("end_without_start", f"{attribute.name}: {stands[attribute.name]}")


def _only_at_creation(side: Side, values: Values) -> dict[str, Any]:
    """What a new record needs beside its attributes. Raises NeedsAttention when an attribute it repeats is blank."""
    for name in side.copies.values():
        if not values.get(name):
            raise NeedsAttention("value_needed", name)
    repeated = {remote: values[name] for remote, name in side.copies.items()}
    return repeated | {remote: secrets.token_urlsafe(24) for remote in side.secret_fields}


def describe(plan: Plan, write: Write | None = None) -> dict[str, Any]:
    """A plan as the log keeps it."""

    def spell(changes: Any) -> list[dict[str, Any]]:
        return [
            {"field": c.field, "old": c.old, "new": c.new, "reason": c.reason, **({"loses": True} if c.loses else {})}
            for c in changes
        ]

    described: dict[str, Any] = {}
    if write is not None:
        described["changes"] = spell(write.changes)
        described["overwritten"] = spell(change for change in write.changes if change.loses)
    described["not_taken_over"] = spell(plan.not_taken_over)
    described["notes"] = list(plan.notes)
    if plan.reason:
        described["reason"] = plan.reason
    return {name: value for name, value in described.items() if value}


def intend(context: Context, lease: Lease, entity: Entity, work: list[tuple[Item, list[Job]]]) -> None:
    """One insert that states every write about to be sent. Call inside a fenced scope; commit before sending."""
    jobs = []
    for item, jobs_of_item in work:
        for job in jobs_of_item:
            job.entry = new_entry(context, entity, item, job.write, SyncLogEntry.State.SENDING)
            job.entry.claim = lease.token
            job.entry.creation_id = job.creation_id
            job.entry.reserved_number = item.reserved_number
            jobs.append(job)
    for item in (item for item, _ in work if item.reserved_number):
        # From here on a record with this number in Uniconta may be ours, whatever becomes of the answer.
        item.link.reserved_number = item.reserved_number
        own = f"n:{item.reserved_number}"
        keys = [own, *(key for key in item.link.intempus_match_keys if key != own)]
        RecordLink.objects.filter(pk=item.link.pk).update(
            reserved_number=item.reserved_number, intempus_match_keys=keys
        )
    entries = SyncLogEntry.objects.bulk_create([job.entry for job in jobs if job.entry])
    for job, entry in zip(jobs, entries, strict=True):
        job.entry = entry


def new_entry(context: Context, entity: Entity, item: Item, write: Write | None, state: str) -> SyncLogEntry:
    """A log entry for one record, not saved yet."""
    first = item.events[0] if item.events else None
    nothing = SyncLogEntry.Action.LINK if item.is_joined else SyncLogEntry.Action.NOTHING
    plan = describe(item.plan, write)
    if write and item.brakes:
        plan["brakes"] = item.brakes
    if plan.get("overwritten"):
        seen = {system.value: getattr(item.link, f"{system}_seen_at") for system in System}
        plan["first_seen_at"] = {name: at.isoformat() for name, at in seen.items() if at is not None}
    return SyncLogEntry(
        tenant_id=context.tenant_id,
        link_id=item.link.pk,
        entity=entity.name,
        origin=first.origin if first else "",
        run_id=first.run_id if first else None,
        user_id=next((event.requested_by_id for event in item.events if event.requested_by_id), None),
        target=write.target.value if write else "",
        action=write.action.value if write else nothing,
        state=state,
        plan=plan,
        has_overwritten=bool(write and any(change.loses for change in write.changes)),
    )


def send(context: Context, lease: Lease, entity: Entity, work: list[tuple[Item, list[Job]]]) -> Iterator[list[Done]]:
    """Carry out the jobs, several records at once; yields what is done in handfuls for the caller to store."""
    if not work:
        return
    gates = {system: threading.Semaphore(limit) for system, limit in PARALLEL.items()}
    with ThreadPoolExecutor(max_workers=sum(PARALLEL.values())) as pool:
        running: set[Future[Done]] = {
            pool.submit(_carry_out, context, lease, entity, item, jobs, gates) for item, jobs in work
        }
        try:
            while running:
                ended, running = _some(running)
                yield [future.result() for future in ended]
        finally:
            for future in running:
                future.cancel()


def _some(running: set[Future[Done]]) -> tuple[set[Future[Done]], set[Future[Done]]]:
    ended: set[Future[Done]] = set()
    timeout: float | None = None
    while running and len(ended) < FLUSH_ANSWERS:
        done, running = wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
        if not done:
            break
        ended |= done
        timeout = FLUSH_SECONDS
    return ended, running


def _carry_out(
    context: Context,
    lease: Lease,
    entity: Entity,
    item: Item,
    jobs: list[Job],
    gates: Mapping[System, threading.Semaphore],
) -> Done:
    done = Done(item)
    for job in jobs:
        assert job.entry is not None
        token = current_entry.set(job.entry.pk)
        try:
            with gates[job.write.target]:
                # The lease may have gone while this thread stood still; then somebody else may be sending.
                if not lease.has_time_for(min(CALL_SECONDS, 0.6 * settings.LEASE_SECONDS)):
                    raise RetryLater("lease_short", after=0, is_outage=False)
                if job.write.target in context.troubled:
                    raise RetryLater("not_begun", after=0, is_outage=False)
                done.written.append((job, _send(context, entity, job)))
        except RemoteError as error:
            if isinstance(error, ConnectionBroken) or getattr(error, "is_outage", False):
                context.troubled.add(job.write.target)  # nobody else starts a call that can only fail as well
            done.error, done.failed_job = error, job
            done.unsent = jobs[jobs.index(job) + 1 :]
            break
        finally:
            current_entry.reset(token)
    return done


def _send(context: Context, entity: Entity, job: Job) -> Written:
    side = entity.side(job.write.target)
    connector = context.connectors[job.write.target]
    if job.write.action is Action.CREATE:
        return connector.create(side, job.values, creation_id=job.creation_id)

    def is_as_planned(row: Row) -> bool:
        try:
            return to_canonical(entity, job.write.target, row) == job.planned
        except MappingError:
            return False

    return connector.update(side, job.record_id, job.values, is_as_planned=is_as_planned, stamp=job.stamp)
