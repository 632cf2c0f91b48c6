"""After the writes: bases from the answers, log entries closed, events ended or put back. Always fenced by the lease."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from mappings.engine import BY_INTEMPUS_ID, UNSENT, Outcome, Plan, effective, says_nothing
from mappings.models import RecordLink
from mappings.spec import Entity, System, Value
from sync.connectors.base import Written
from sync.connectors.errors import ConnectionBroken, Gone, Moved, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.masking import mask_text
from sync.domain.bulk import save_many
from sync.domain.claim import finish, put_back
from sync.domain.connections import report_trouble
from sync.domain.context import Context, database_now
from sync.domain.decide import Item
from sync.domain.observe import Reading, read_row, store_events
from sync.domain.push import Done, Job, new_entry
from sync.domain.put_back import close
from sync.domain.references import LinkReferences
from sync.models import ChangeEvent, PutBack, SyncLogEntry
from tenants.secrets import seal

State = SyncLogEntry.State

STATE_OF_OUTCOME = {
    Outcome.IN_SYNC: State.DONE,
    Outcome.EXCLUDED: State.EXCLUDED,
    Outcome.WAITING: State.WAITING,
    Outcome.NEEDS_ATTENTION: State.NEEDS_ATTENTION,
}
#: Columns of a link that an outcome may change.
REMEMBERED = [
    *(f"{system}_{name}" for system in System for name in ("id", "key", "base", "seen", "seen_at", "match_keys")),
    *(f"is_gone_in_{system}" for system in System),
    "intempus_timestamp",
    "is_after_gap",
    "is_ticked",
    "was_sent",
    "inactive_reason",
    "state",
    "reason",
    "detail",
    "differing",
    "winners",
]
CLOSED = ["state", "finished_at", "error_code", "error_detail", "sealed_pre_image", "plan", "has_overwritten"]
#: Nothing went wrong, it is only too early: neither logged nor counted.
WAITS = ("first_load", "lease_short", "answer_awaited", "not_begun")
#: Events that wait for a person.
ASKED = (ChangeEvent.State.NEEDS_ATTENTION, ChangeEvent.State.QUARANTINED)
#: Origins that are not worth a log entry when they led to nothing: mostly our own writes coming back.
QUIET = {ChangeEvent.Origin.PULL, ChangeEvent.Origin.FOLLOW_UP, ChangeEvent.Origin.SWEEP}


def remember(context: Context, entity: Entity, handful: list[Done], now: datetime) -> None:
    """Store the outcome of records, written or not. Call inside a scope, with what its fence returned."""
    rows = RecordLink.objects.select_for_update().in_bulk([done.item.link.pk for done in handful])
    references = LinkReferences(context, entity, [done.item.link for done in handful])
    entries: list[SyncLogEntry] = []
    ended: list[ChangeEvent] = []
    appeared: list[str] = []
    for done in handful:
        row = rows.get(done.item.link.pk)
        if row is None:
            continue
        if done.error is None:
            done.error = done.item.error
        entries += _close_entries(context, entity, done, now)
        if done.error is None:
            _succeed(context, entity, row, done, references, now)
            ended += _end_events(context, entity, row, done.item, done.item.plan)
            appeared += [row.uniconta_key, f"{BY_INTEMPUS_ID}{row.intempus_id}"] if row.is_linked else []
        else:
            _fail(context, entity, row, done, now)
            if not done.item.events and row.state != RecordLink.State.NEEDS_ATTENTION:
                # Here for another record's sake, so no event of its own says "again".
                store_events(context, entity, System.UNICONTA, [row], now, ChangeEvent.Origin.FOLLOW_UP)
    save_many(list(rows.values()), REMEMBERED)
    finish(ended, ChangeEvent.State.DONE)
    # What was asked about these records earlier is answered by now, and what was held is no longer wanted.
    answered = [pk for pk, row in rows.items() if row.state != RecordLink.State.NEEDS_ATTENTION]
    free = [pk for pk in answered if rows[pk].state != RecordLink.State.WAITING]
    over = Q(link_id__in=answered, state__in=ASKED)
    over |= Q(link_id__in=free, state=ChangeEvent.State.WAITING, waits_for__startswith="held_")
    ChangeEvent.objects.filter(over).update(state=ChangeEvent.State.DONE, finished_at=now)
    wake(context.tenant_id, entity.name, appeared, now)
    closed = [entry for entry in entries if entry.pk is not None]
    SyncLogEntry.objects.bulk_create([entry for entry in entries if entry.pk is None])
    save_many(closed, CLOSED)


# ------------------------------------------------------------------------------------------------ the log


def _close_entries(context: Context, entity: Entity, done: Done, now: Any) -> list[SyncLogEntry]:
    entries = []
    for job, written in done.written:
        entry = job.entry
        assert entry is not None
        entry.state = State.DONE
        if written.pre_image is not None:
            row = f"pre_image:{context.tenant_id}:{done.item.link.pk}"
            entry.sealed_pre_image = seal(mask_text(json.dumps(dict(written.pre_image), default=str)), row)  # no CPR
        if written.unseen_edit:
            entry.plan = {**entry.plan, "notes": [*entry.plan.get("notes", []), "unseen_edit"]}
            entry.has_overwritten = True
        entries.append(entry)
    if done.failed_job is not None and done.failed_job.entry is not None and done.error is not None:
        entry = done.failed_job.entry
        entry.state = _state_of(done.error)
        entry.error_code, entry.error_detail = done.error.code, done.error.detail
        entries.append(entry)
    elif not done.item.plan.writes or done.error is not None:
        entries += _entry_without_write(context, entity, done)
    for job in done.unsent:
        if job.entry is not None:
            job.entry.state = State.NOT_DONE
            entries.append(job.entry)
    for entry in entries:
        entry.finished_at = now
    return entries


def _state_of(error: RemoteError) -> str:
    if isinstance(error, Unclear):
        return State.UNCLEAR
    return State.RETRY if isinstance(error, (RetryLater, Gone, ConnectionBroken)) else State.NEEDS_ATTENTION


def _entry_without_write(context: Context, entity: Entity, done: Done) -> list[SyncLogEntry]:
    item, error = done.item, done.error
    if error is not None:
        if isinstance(error, RetryLater) and error.code in WAITS:
            return []
        # Nothing of the record itself was sent, so nothing of it can be unclear.
        state = State.RETRY if isinstance(error, Unclear) else _state_of(error)
        entry = new_entry(context, entity, item, None, state)
        entry.error_code, entry.error_detail = error.code, error.detail
        return [entry]
    plan = item.plan
    is_news = (
        item.is_joined
        or plan.not_taken_over
        or (plan.notes and not _waiting(item).exists())
        or (plan.outcome.value, plan.reason) != (item.link.state, item.link.reason)
    )
    if not is_news and all(event.origin in QUIET for event in item.events):
        return []
    entry = new_entry(context, entity, item, None, STATE_OF_OUTCOME[plan.outcome])
    if plan.outcome in (Outcome.NEEDS_ATTENTION, Outcome.WAITING):
        entry.error_code, entry.error_detail = plan.reason, plan.detail
    return [entry]


# ------------------------------------------------------------------------------------------------ success


def _succeed(
    context: Context, entity: Entity, row: RecordLink, done: Done, references: LinkReferences, now: Any
) -> None:
    item, plan = done.item, done.item.plan
    answers = {job.write.target: (job, written) for job, written in done.written}
    not_stuck: list[str] = []
    created_in: set[System] = set()
    for system in System:
        if system in answers:
            job, written = answers[system]
            not_stuck += _take_answer(context, entity, row, item, system, job, written, now)
            if job.write.action == "create":
                created_in.add(system)
        elif not plan.keeps_bases:
            _take_current(context, entity, row, item, system)
    if System.INTEMPUS in answers and item.link.is_ticked is not False:
        row.was_sent = True
    row.was_sent = row.was_sent or item.link.was_sent
    row.is_after_gap = plan.keeps_bases and row.is_after_gap
    row.inactive_reason = plan.inactive_reason.value
    row.state, row.reason, row.detail = plan.outcome.value, plan.reason, plan.detail
    row.differing = differing(context, entity, row, references)
    row.winners = _open_choices(row, plan)
    not_stuck += _still_not_stuck(item, row, answers.values())
    if not_stuck:
        row.state, row.reason = RecordLink.State.NEEDS_ATTENTION, "not_stuck"
        row.detail = ", ".join(not_stuck)
    for wish in item.put_backs:
        if wish.field in not_stuck:
            close(
                wish,
                PutBack.State.REFUSED,
                {system.value: (row.current(system) or {}).get(wish.field) for system in System},
            )
        else:
            close(wish, PutBack.State.DONE)
    if System.UNICONTA in created_in:
        # A record born in Intempus takes its new number back there.
        store_events(context, entity, System.UNICONTA, [row], now, ChangeEvent.Origin.FOLLOW_UP)


def _open_choices(row: RecordLink, plan: Plan) -> dict[str, str]:
    """What a person chose at the first matching was for the first writing: over where both sides have a base.

    A reference that could not be written yet keeps its own; a field that is mapped later has never been chosen about.
    """
    if not (row.uniconta_base and row.intempus_base):
        chosen: dict[str, str] = row.winners
        return chosen
    names = {name for name, _, _ in plan.unresolved}
    return {name: said for name in names if (said := row.winners.get(name, row.winners.get("", "")))}


def _still_not_stuck(item: Item, row: RecordLink, answers: Iterable[tuple[Job, Written]]) -> list[str]:
    """Fields that did not stick earlier and differ yet: our own write coming back as a hint does not answer them."""
    if item.link.reason != "not_stuck":
        return []
    written = {name for job, _ in answers for name in job.write.values}
    return [name for name in item.link.detail.split(", ") if name in row.differing and name not in written]


def _take_answer(
    context: Context,
    entity: Entity,
    row: RecordLink,
    item: Item,
    system: System,
    job: Job,
    written: Written,
    now: Any,
) -> list[str]:
    """What we wrote is the new base of that side; returns the fields whose value did not stick.

    Fields we did not write keep the base they were planned with: where the answer shows another value, somebody changed
    it between our read and our write, and that has yet to travel.
    """
    reading = read_row(context, entity, system, written.row)
    planned = item.link.current(system)
    is_newer = getattr(row, f"{system}_seen_at") != getattr(item.link, f"{system}_seen_at")
    setattr(row, f"{system}_id", written.id)
    setattr(row, f"{system}_key", reading.key)
    setattr(row, f"{system}_match_keys", reading.match_keys)
    setattr(row, f"{system}_seen_at", now)
    setattr(row, f"is_gone_in_{system}", False)
    if system is System.INTEMPUS:
        row.intempus_timestamp = reading.timestamp
    elif reading.is_tick_known:
        row.is_ticked = reading.is_ticked
    base = _as_base(context, entity, system, reading, row.is_ticked)
    if planned is not None:
        base = {name: value for name, value in base.items() if name in job.write.values}
        base = _planned_base(context, entity, item, system, planned) | base
    elif system is System.UNICONTA:
        # What Uniconta gave the record itself (its number, a default group) has yet to travel: no base for it.
        references = {attribute.name for attribute in entity.references}
        base = {name: value for name, value in base.items() if name in job.write.values and name not in references}
    setattr(row, f"{system}_base", base)
    setattr(row, f"{system}_seen", None if reading.values == base else reading.values)
    others = {name for name in planned or {} if name not in job.write.values}
    is_moved = planned is not None and any(reading.values.get(name) != planned[name] for name in others)
    if is_moved or (is_newer and planned is not None):
        # A read of somebody else's came between: only a look at the record itself tells whether it saw more than ours.
        operation = "missing" if is_newer and system is System.INTEMPUS else ""
        origin = ChangeEvent.Origin.FOLLOW_UP
        store_events(context, entity, system, [row], database_now(), origin, operation=operation)
    return [name for name, value in job.write.values.items() if reading.values.get(name) != value]


def _as_base(
    context: Context, entity: Entity, system: System, reading: Reading, is_ticked: bool | None
) -> dict[str, Value]:
    return (
        effective(entity, reading.values, context.policy(entity), is_ticked)
        if system is System.UNICONTA
        else reading.values
    )


def _take_current(context: Context, entity: Entity, row: RecordLink, item: Item, system: System) -> None:
    """What was read for the plan becomes the base of a side we did not write, except where it has yet to travel."""
    current = item.link.current(system)
    if current is None:
        return
    base = _planned_base(context, entity, item, system, current)
    newer = getattr(row, f"{system}_seen_at") != getattr(item.link, f"{system}_seen_at")
    last = row.current(system)  # before the base changes: "seen" may lean on it
    setattr(row, f"{system}_base", base)
    seen = last if newer else current
    setattr(row, f"{system}_seen", None if seen == base else seen)


def _planned_base(
    context: Context, entity: Entity, item: Item, system: System, current: dict[str, Value]
) -> dict[str, Value]:
    base = (
        effective(entity, current, context.policy(entity), item.link.is_ticked)
        if system is System.UNICONTA
        else dict(current)
    )
    before = item.link.base(system)
    for name in item.plan.kept_fields:
        base.pop(name, None)
        if name in before:
            base[name] = before[name]
    if system is System.UNICONTA:
        for name, _, _ in item.plan.unresolved:
            base[name] = UNSENT
    return base


def differing(context: Context, entity: Entity, row: RecordLink, references: LinkReferences) -> list[str]:
    """The fields in which the two sides of a pair differ, by what was last read."""
    uniconta, intempus = row.current(System.UNICONTA), row.current(System.INTEMPUS)
    if not row.is_linked or uniconta is None or intempus is None:
        return []
    uniconta = effective(entity, uniconta, context.policy(entity), row.is_ticked)
    names = []
    for attribute in entity.attributes:
        left: Value | None = uniconta.get(attribute.name)
        if attribute.reference and left:
            left = references.to_intempus(attribute.reference, str(left)) or ""
        if left != intempus.get(attribute.name) and not says_nothing(attribute, left):
            names.append(attribute.name)
    return names


def _end_events(context: Context, entity: Entity, row: RecordLink, item: Item, plan: Plan) -> list[ChangeEvent]:
    """Give events that are not over their state; returns those that are."""
    if plan.outcome is Outcome.WAITING:
        waits_for = f"{plan.unresolved[0][1]}:{plan.unresolved[0][2]}" if plan.unresolved else plan.reason
        ChangeEvent.objects.filter(pk__in=[event.pk for event in item.events]).update(
            state=ChangeEvent.State.WAITING,
            waits_for=waits_for,
            claim=None,
            crashes=0,
            error_code=plan.reason,
            error_detail=plan.detail,
        )
        return []
    if plan.outcome is Outcome.NEEDS_ATTENTION:
        finish(item.events, ChangeEvent.State.NEEDS_ATTENTION, plan.reason, plan.detail)
        return []
    for _, referenced, key in plan.unresolved:
        # Sent without an optional reference: planned again when it appears.
        if _waiting(item).filter(waits_for=f"{referenced}:{key}").exists():
            continue
        ChangeEvent.objects.create(
            tenant_id=context.tenant_id,
            entity=entity.name,
            system=System.UNICONTA.value,
            remote_id=row.uniconta_id,
            key=row.uniconta_key,
            origin=ChangeEvent.Origin.FOLLOW_UP,
            link=row,
            state=ChangeEvent.State.WAITING,
            waits_for=f"{referenced}:{key}",
            error_code="reference_missing",
        )
    return item.events


def _waiting(item: Item) -> QuerySet[ChangeEvent]:
    return ChangeEvent.objects.filter(link_id=item.link.pk, state=ChangeEvent.State.WAITING)


def wake(tenant_id: int, entity: str, keys: list[str], now: Any) -> None:
    """Whoever waited for one of these records goes on. Call inside a scope."""
    if not keys:
        return
    ChangeEvent.objects.filter(
        tenant_id=tenant_id,
        state=ChangeEvent.State.WAITING,
        waits_for__in=[f"{entity}:{key}" for key in keys],
    ).update(state=ChangeEvent.State.PENDING, waits_for="", due_at=now)


# ------------------------------------------------------------------------------------------------ failure


def _fail(context: Context, entity: Entity, row: RecordLink, done: Done, now: Any) -> None:
    item, error = done.item, done.error
    assert error is not None
    for job, written in done.written:
        # The first of two writes went through: its answer counts.
        _take_answer(context, entity, row, item, job.write.target, job, written, now)
    system = done.failed_job.write.target if done.failed_job else System.UNICONTA
    if isinstance(error, NeedsAttention):
        _ask(row, item, error.code, error.detail)
    elif isinstance(error, Gone):
        setattr(row, f"is_gone_in_{system}", True)
        if not put_back(item.events, error.code, error.detail, due_at=now, counts=True):
            _ask(row, item, error.code, "")
    elif isinstance(error, ConnectionBroken):
        context.troubled.add(system)
        report_trouble(context.tenant_id, system, error)
        put_back(item.events, error.code, error.detail, due_at=now, counts=False)
    elif isinstance(error, Unclear):
        due_at = now + timedelta(seconds=settings.UNCLEAR_WAIT_SECONDS)
        put_back(item.events, error.code, error.detail, due_at=due_at, counts=False)
        _report_outage(context, system, error)
    else:
        assert isinstance(error, RetryLater)
        _retry(context, row, item, system, error, now)


def _retry(context: Context, row: RecordLink, item: Item, system: System, error: RetryLater, now: Any) -> None:
    due_at = now + timedelta(seconds=error.after) if error.after is not None else None
    if error.is_outage:
        due_at = _report_outage(context, system, error) or due_at or now
    counts = not error.is_outage and not isinstance(error, Moved) and error.code not in WAITS
    if not put_back(item.events, error.code, error.detail, due_at=due_at, counts=counts):
        if error.code == "internal_error":
            finish(item.events, ChangeEvent.State.QUARANTINED, error.code, error.detail)
            row.state, row.reason, row.detail = RecordLink.State.NEEDS_ATTENTION, error.code, error.detail
        else:
            _ask(row, item, error.code, error.detail)


def _report_outage(context: Context, system: System, error: RetryLater) -> Any:
    if not error.is_outage:
        return None
    context.troubled.add(system)
    return report_trouble(context.tenant_id, system, error)


def _ask(row: RecordLink, item: Item, code: str, detail: str) -> None:
    row.state, row.reason, row.detail = RecordLink.State.NEEDS_ATTENTION, code, detail
    finish(item.events, ChangeEvent.State.NEEDS_ATTENTION, code, detail)
