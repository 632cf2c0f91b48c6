"""From claimed records to plans: settle what was unclear, match, make sure of references, then let the engine plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from mappings.engine import (
    Action,
    ConflictPolicy,
    Inactive,
    Outcome,
    Plan,
    SideView,
    Standing,
    Winner,
    has_ended,
    is_refused,
    kept_out,
    make_plan,
    may_be_created,
    to_remote,
)
from mappings.models import NOT_MATCHED, MatchRow, RecordLink
from mappings.spec import Entity, System
from mappings.transforms import MappingError
from sync.connectors.errors import NeedsAttention, RemoteError, RetryLater
from sync.domain.catalogue import NEEDED_BY
from sync.domain.context import Context, longest_silence
from sync.domain.hours.open_cases import REASON as OPEN_HOURS
from sync.domain.hours.open_cases import has_open_hours
from sync.domain.match import Holders, has_answer, join, load_holders, match_record, worth_matching
from sync.domain.references import LinkReferences, is_used, why_not_there
from sync.models import ChangeEvent, PutBack, SyncLogEntry

log = structlog.get_logger()

#: Why a record asks what is to become of its other side.
DELETIONS = ("deleted_in_uniconta", "deleted_in_intempus")
#: Reason of a record that another one stands for since both were merged in Uniconta.
MERGED = "merged"
#: Which question a row of the first matching asks on the record.
QUESTIONS = {MatchRow.Category.AMBIGUOUS: "ambiguous_match", MatchRow.Category.PROBABLE: "proposal_match"}


@dataclass
class Item:
    """One record in hand: its link as read for the plan, the events that brought it here, and what came of it."""

    link: RecordLink
    events: list[ChangeEvent] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    candidates: tuple[RecordLink, ...] = ()
    is_joined: bool = False
    error: RemoteError | None = None
    reserved_number: str = ""
    put_backs: list[PutBack] = field(default_factory=list)  # persons' wishes that the plan fulfils
    brakes: list[str] = field(default_factory=list)  # kinds of change that the brake counts this one among


def load_items(links: Iterable[int], events: dict[int, list[ChangeEvent]]) -> list[Item]:
    """Records in hand, those with a Uniconta side first. Call inside a scope."""
    rows = RecordLink.objects.in_bulk(list(links))
    items = [Item(rows[pk], events.get(pk, [])) for pk in links if pk in rows]
    return sorted(items, key=lambda item: not item.link.uniconta_id)


# ------------------------------------------------------------------------------------------------ before planning


def settle_unclear(entity: Entity, items: list[Item]) -> None:
    """Close writes whose answer was lost, now that both sides were read again and matched: done or not done.

    A write that did arrive is our own: its values become that side's base, or it would look like a person's edit.
    """
    by_link = {item.link.pk: item for item in items}
    references = {attribute.name for attribute in entity.references}
    unclear = SyncLogEntry.objects.filter(link_id__in=by_link, state=SyncLogEntry.State.UNCLEAR).exclude(target="")
    columns = ("link_id", "at", "finished_at", "target", "action", "state", "plan", "reserved_number")
    for entry in unclear.order_by("id").only(*columns):
        link = by_link[entry.link_id].link
        now = link.current(entry.target)
        written = {change["field"]: change["new"] for change in entry.plan.get("changes", [])}
        is_create = entry.action == SyncLogEntry.Action.CREATE
        # What we created was found by its own keys; a person may have edited it since.
        arrived = now is not None and (is_create or all(now.get(name) == value for name, value in written.items()))
        if arrived:
            link.base(entry.target).update(written)
            if is_create:
                plain = {name: value for name, value in written.items() if name not in references}
                link.base(System(entry.target).other).update(plain)
            if entry.target == System.INTEMPUS and (is_create or link.is_ticked is not False):
                link.was_sent = True
            link.save(update_fields=["uniconta_base", "intempus_base", "was_sent"])
        elif is_create and (wait := _still_storing(entry)) > 0:
            # Somebody rang meanwhile: the remote may still be storing it, and a second try would double it.
            by_link[entry.link_id].error = RetryLater("answer_awaited", after=wait, is_outage=False)
            continue
        elif is_create and entity.is_creation_costly and not _is_asked_for(by_link[entry.link_id], entry):
            by_link[entry.link_id].error = NeedsAttention("not_created_again")
            continue
        elif entry.reserved_number:
            continue  # the look-up of its number right before the next try tells
        entry.state = SyncLogEntry.State.DONE if arrived else SyncLogEntry.State.NOT_DONE
        entry.save(update_fields=["state"])


def _is_asked_for(item: Item, entry: SyncLogEntry) -> bool:
    """Whether a person asked for the record again since this write."""
    person = ChangeEvent.Origin.PERSON
    return any(event.origin == person and event.received_at > entry.at for event in item.events)


def _still_storing(entry: SyncLogEntry) -> float:
    """Seconds for which a create without an answer must not be repeated."""
    ended_at = entry.finished_at or entry.at
    return float(settings.UNCLEAR_WAIT_SECONDS - (timezone.now() - ended_at).total_seconds())


def _with_unclear_create(links: Iterable[int]) -> set[int]:
    """Those whose other side we may have made already: nobody heard the answer."""
    creates = SyncLogEntry.objects.filter(state=SyncLogEntry.State.UNCLEAR, action=SyncLogEntry.Action.CREATE)
    return set(creates.filter(link_id__in=links).values_list("link_id", flat=True))


def _looks_for_a_match(context: Context, entity: Entity, link: RecordLink, *, is_needed: bool) -> bool:
    """Whether this half may be joined with another now."""
    if link.is_left_out or not context.policy(entity).enabled or link.reason == "mapping_error":
        return False
    if not link.uniconta_id:
        return link.current(System.INTEMPUS) is not None
    if link.current(System.UNICONTA) is None:
        return False
    if link.is_ticked is False and not has_answer(link):
        return False  # not ticked: it looks for nobody; an Intempus record that finds it is linked and left alone
    return not entity.is_on_demand or is_needed or is_used(context, entity, link)


def find_matches(
    context: Context, entity: Entity, items: list[Item], needed: Mapping[str, str] | None = None
) -> list[Item]:
    """Join halves that belong together; returns the items with every joined pair as one. `needed` as in `plan_items`."""
    owners: dict[int, Item] = {}  # by either half's number
    asked = _asked_rows(context, [item.link for item in items])
    worth = worth_matching(entity, [item.link for item in items]) | asked.keys()
    # What we made ourselves belongs to us, whatever became of tick, switches or use since.
    unclear = _with_unclear_create(worth) if worth else set()
    holders = load_holders(entity, [item.link for item in items if item.link.pk in worth]) if worth else Holders(())
    pairs: list[tuple[RecordLink, RecordLink]] = []
    for item in items:
        link = item.link
        if link.pk not in worth or link.pk in owners or link.is_linked:
            continue
        if link.pk not in unclear and not _looks_for_a_match(
            context, entity, link, is_needed=link.uniconta_key in (needed or {})
        ):
            continue
        found = match_record(entity, link, holders)
        is_lonely_group = entity.is_on_demand and not link.uniconta_id
        if is_lonely_group and (found.other is None or not is_used(context, entity, found.other)):
            continue  # a group that stands in Intempus already is linked once a record of ours uses it
        if found.other is None:
            item.candidates = found.candidates
            question = found.question or asked.get(link.pk, "")
            if question:
                item.error = NeedsAttention(question, ", ".join(str(other) for other in found.candidates))
            continue
        holders.note_pair(link, found.other)
        pairs.append((link, found.other))
        item.is_joined = True
        owners |= dict.fromkeys((link.pk, found.other.pk), item)
    joined = join(pairs)
    result: list[Item] = []
    for item in items:
        if item.is_joined:
            item.link = joined[item.link.pk]
            result.append(item)
        elif item.link.pk in owners:
            # The other half was in hand as well: its events belong to the pair now.
            owners[item.link.pk].events += item.events
        else:
            result.append(item)
    return result


def _asked_rows(context: Context, links: list[RecordLink]) -> dict[int, str]:
    """What the first matching asked about these records and nobody answered: link → question.

    It stands even when what made it doubtful is linked by now: nothing ambiguous is created by itself either.
    """
    halves = [link.pk for link in links if not link.is_linked]
    rows = MatchRow.objects.filter(
        Q(link_id__in=halves) | Q(other_id__in=halves),
        tenant_id=context.tenant_id,
        decision="",
        category__in=MatchRow.ASKED,
    )
    return {
        pk: QUESTIONS[MatchRow.Category(category)]
        for link_id, other_id, category in rows.values_list("link_id", "other_id", "category")
        for pk in (link_id, other_id)
        if pk is not None
    }


def needed_references(
    context: Context, entity: Entity, items: list[Item], needed: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """What must be in Intempus, and in use there, before these records: entity → Uniconta key → who needs it first.

    In use: a mandatory reference of a record that comes into use itself, unless that does not synchronise. `needed` as in
    `plan_items`: what others need goes even where Uniconta blocked it.
    """
    references = LinkReferences(context, entity, [item.link for item in items])
    found: dict[str, dict[str, str]] = {}
    for item in items:
        values = item.link.current(System.UNICONTA)
        is_needed = item.link.uniconta_key in (needed or {})
        if values is None or not is_on_its_way(context, entity, item, is_needed=is_needed):
            continue
        if not _is_sendable(entity, values, is_linked=item.link.is_linked):
            continue
        for attribute in entity.references:
            reference = attribute.reference, str(values.get(attribute.name, ""))
            is_asleep = reference in references.inactive and reference not in references.not_ticked
            if reference[0] not in context.entities or not reference[1] or reference[0] == entity.name:
                continue  # its own kind: parents went before, see `sync/domain/parents.py`
            wakes = attribute.is_mandatory and is_asleep and _comes_into_use(context, entity, item, references)
            if references.to_intempus(*reference) is None or wakes:
                found.setdefault(reference[0], {}).setdefault(reference[1], f"{entity.name}:{item.link.uniconta_key}")
    return found


def awaited(context: Context, entity: Entity, items: list[Item]) -> dict[str, str]:
    """Of records that a person asked for: who waits for them, as `needed` of `plan_items`. Call inside a scope.

    What was released may be wanted for another record's sake only, and has no other event to say so.
    """
    keys = {
        f"{entity.name}:{item.link.uniconta_key}"
        for item in items
        if item.link.uniconta_key and any(event.is_single_wish for event in item.events)
    }
    if not keys:
        return {}
    waiting = ChangeEvent.objects.filter(
        tenant_id=context.tenant_id, state=ChangeEvent.State.WAITING, waits_for__in=keys
    )
    return {
        waits_for.partition(":")[2]: f"{user}:{key}"
        for waits_for, user, key in waiting.order_by("-id").values_list("waits_for", "entity", "key")
    }


def _is_sendable(entity: Entity, values: Mapping[str, Any], *, is_linked: bool) -> bool:
    """Whether Intempus can hold these values: a record that asks a person first brings no group along (rule M6)."""
    plain = {each.name: values[each.name] for each in entity.attributes if not each.reference and each.name in values}
    if is_linked and is_refused(entity.key, plain.get(entity.key.name, "")):
        del plain[entity.key.name]  # the pair keeps the number it has in Intempus
    try:
        to_remote(entity, System.INTEMPUS, plain)
    except MappingError:
        return False
    return True


def is_on_its_way(context: Context, entity: Entity, item: Item, *, is_needed: bool = False) -> bool:
    """Whether this record of Uniconta may be written to Intempus, as far as that is known before its plan."""
    link, policy = item.link, context.policy(entity)
    values = link.current(System.UNICONTA)
    if values is None or link.is_left_out or item.error:
        return False
    why = kept_out(entity, values, policy, link.is_ticked)
    if why is Inactive.FLAG or (why is Inactive.PHASE and not (link.uniconta_base and link.intempus_base)):
        return False
    if not (policy.enabled and policy.to_intempus):
        return False
    is_worth_it = may_be_created(entity, values) or (is_needed and not has_ended(entity, values))
    return bool(link.intempus_id) or (policy.create_in_intempus and is_worth_it)


def _comes_into_use(context: Context, entity: Entity, item: Item, references: LinkReferences) -> bool:
    """Whether the plan makes the record in Intempus or activates it: closed by a person there just now, it stays closed."""
    try:
        plan = plan_item(context, entity, item, references)
    except RemoteError:
        return False
    to_intempus = [write for write in plan.writes if write.target is System.INTEMPUS]
    activity = entity.activity.name if entity.activity else ""
    return any(write.action is Action.CREATE or write.values.get(activity) is True for write in to_intempus)


# ------------------------------------------------------------------------------------------------ planning


def plan_item(context: Context, entity: Entity, item: Item, references: LinkReferences, *, needed_by: str = "") -> Plan:
    """The engine's plan for one record, after the gates that stand before any plan counts.

    `needed_by`: "entity:number" of the record for whose sake this one is looked at.
    """
    link = item.link
    if link.is_left_out:
        return Plan(Outcome.EXCLUDED, "left_out", keeps_bases=True, inactive_reason=Inactive(link.inactive_reason))
    policy = context.policy(entity)
    if link.deletion_answer:  # about this one record a person knows better than the policy
        is_off = link.deletion_answer != RecordLink.DeletionAnswer.LEAVE
        policy = replace(policy, deactivates_on_uniconta_delete=is_off, blocks_on_intempus_delete=is_off)
    views = (_view(link, System.UNICONTA), _view(link, System.INTEMPUS))
    standing = Standing(
        is_ticked=link.is_ticked,
        was_sent=link.was_sent,
        inactive_reason=Inactive(link.inactive_reason),
        is_used=bool(needed_by) or not entity.is_on_demand or link.is_linked or is_used(context, entity, link),
        is_needed=bool(needed_by),
        winners={name: Winner(chosen) for name, chosen in link.winners.items()},
    )
    apart = references.apart(entity, link)
    carried = entity.without(context.gone_attributes(entity, *System) | {name for name, _, _ in apart})
    plan = make_plan(carried, *views, policy, standing, references)
    if policy.conflict is not ConflictPolicy.MERGE_FIELDS and _is_after_gap(context, item):
        merged = make_plan(carried, *views, replace(policy, conflict=ConflictPolicy.MERGE_FIELDS), standing, references)
        if merged != plan:
            plan = replace(merged, notes=(*merged.notes, "merged_after_gap"))
    plan = _with_references(context, entity, item, plan, references)
    if apart and plan.outcome is Outcome.IN_SYNC:
        notes = (*plan.notes, "parent_of_other_customer")
        plan = replace(plan, unresolved=(*plan.unresolved, *apart), notes=notes)
    if needed_by and plan.writes:
        plan = replace(plan, notes=(*plan.notes, f"{NEEDED_BY}{needed_by}"))
    if link.deletion_answer == RecordLink.DeletionAnswer.LEAVE and plan.reason in DELETIONS:
        plan = replace(plan, outcome=Outcome.EXCLUDED)
    if link.merged_into and plan.reason in DELETIONS and plan.outcome is Outcome.EXCLUDED:
        plan = replace(plan, reason=MERGED, detail=str(link.merged_into))
    row = context.policies[entity.name]
    actions = {write.action for write in plan.writes}
    if row.hold_code not in ("", NOT_MATCHED) and actions & {Action.CREATE, Action.ACTIVATE, Action.DEACTIVATE}:
        return wait(link, row.hold_code)
    if _blocks(entity, plan) and has_open_hours(entity, link):
        return wait(link, OPEN_HOURS)
    is_born_in_intempus = any(w.action is Action.CREATE and w.target is System.UNICONTA for w in plan.writes)
    if is_born_in_intempus and row.loaded_at is None:
        # Before Uniconta's table was read once, a record that seems new may only be unknown to us.
        raise RetryLater("first_load", after=10, is_outage=False)
    return plan


def _blocks(entity: Entity, plan: Plan) -> bool:
    """Whether the record would be blocked in Uniconta."""
    activity = entity.activity
    return activity is not None and any(
        change.field == activity.name and change.new is False
        for write in plan.writes
        if write.target is System.UNICONTA
        for change in write.changes
    )


def _with_references(context: Context, entity: Entity, item: Item, plan: Plan, references: LinkReferences) -> Plan:
    """Say what a waiting record waits for; hold a new one whose mandatory reference was un-ticked after it was sent."""
    is_new = any(write.action is Action.CREATE and write.target is System.INTEMPUS for write in plan.writes)
    values = item.link.current(System.UNICONTA) or {}
    notes = plan.notes
    for attribute in entity.references:
        reference = attribute.reference, str(values.get(attribute.name, ""))
        if not (is_new and attribute.is_mandatory):
            continue
        if reference in references.not_ticked:
            plan = Plan(
                Outcome.WAITING, "reference_waits", unresolved=((attribute.name, *reference),), keeps_bases=True
            )
            break
        if reference in references.inactive:
            notes = (*notes, "reference_inactive")
    if plan.reason == "reference_waits":
        [(_, name, key)] = plan.unresolved
        return replace(plan, detail=f"{name}:{why_not_there(context, name, key)}:{key}")
    return replace(plan, notes=notes)


def _is_after_gap(context: Context, item: Item) -> bool:
    """Whether the record changed while one side could not be read, or while a hint lay here unprocessed as long."""
    oldest = timezone.now() - longest_silence(context.tenant)
    webhook = ChangeEvent.Origin.WEBHOOK
    return item.link.is_after_gap or any(e.origin == webhook and e.received_at < oldest for e in item.events)


def wait(link: RecordLink, reason: str) -> Plan:
    """Nothing is sent and nothing forgotten until a person decides."""
    return Plan(Outcome.WAITING, reason, keeps_bases=True, inactive_reason=Inactive(link.inactive_reason))


def plan_items(
    context: Context,
    entity: Entity,
    items: list[Item],
    *,
    needed: Mapping[str, str] | None = None,
    plan: Callable[..., Plan] = plan_item,
) -> None:
    """Plans for all items; trouble with one is kept on it and stops no other. Call inside a scope.

    `needed`: of records looked at for another's sake, by Uniconta key, who needs them.
    """
    references = LinkReferences(context, entity, [item.link for item in items])
    for item in items:
        if item.error is not None:
            continue
        if item.link.reason == "mapping_error":
            item.error = NeedsAttention("mapping_error", item.link.detail)
            continue
        try:
            item.plan = plan(
                context, entity, item, references, needed_by=(needed or {}).get(item.link.uniconta_key, "")
            )
        except RemoteError as error:
            item.error = error
        except Exception as error:
            log.exception("planning failed", tenant=context.tenant_id, entity=entity.name, link=item.link.pk)
            item.error = RetryLater("internal_error", f"{type(error).__name__}: {error}"[:500], is_outage=False)


def _view(link: RecordLink, system: System) -> SideView:
    current: dict[str, Any] | None = link.current(system)
    return SideView(id=link.remote_id(system), base=link.base(system), current=current, is_gone=link.is_gone(system))
