"""The brake (rule M12): what would deactivate, blank, create or re-parent unusually many records waits as one question.

It stands between plan and intent. Counted is what was written within the last hour, what is planned now, and what the
events that are still pending would lead to: of 812 debtors un-ticked by one paste not even the first 25 go through.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from mappings.engine import Action
from mappings.models import RecordLink
from mappings.spec import Entity, System
from sync.domain.context import Context
from sync.domain.decide import Item, load_items, plan_items, wait
from sync.domain.sweep import sweep_entity
from sync.models import ChangeEvent, HeldSet, SyncLogEntry
from tenants.scoping import tenant_scope

Kind = HeldSet.Kind

#: More records than this, or than this share of the linked ones, within the window are unusual.
AT_LEAST, SHARE, WINDOW = 25, 0.05, timedelta(hours=1)
#: What appears for the first time so soon after the first complete read still belongs to the first load.
FIRST_LOAD = timedelta(minutes=15)
EXAMPLES = 10
FORECAST_AT_MOST = 5000


def brake(context: Context, entity: Entity, items: list[Item]) -> None:
    """Hold what is too much. Raises RemoteError, because it may have to read records nobody has looked at yet."""
    classify(context, entity, items)
    kinds = sorted({kind for item in items for kind in item.brakes})
    if not kinds:
        return
    with tenant_scope(context.tenant_id):
        limit = limit_for(context, entity)
        needs_forecast = entity.name not in context.forecasts and _could_exceed(context, entity, items, kinds, limit)
    if needs_forecast:
        context.forecasts[entity.name] = _forecast(context, entity, {item.link.pk for item in items})
    with tenant_scope(context.tenant_id):
        for kind in kinds:
            _hold(context, entity, kind, [item for item in items if kind in item.brakes], limit)


# ------------------------------------------------------------------------------------------------ what counts


def classify(context: Context, entity: Entity, items: list[Item]) -> None:
    """Note on each item which drastic kinds of change it counts among."""
    for item in items:
        if item.error is None and not _is_exempt(context, entity, item):
            item.brakes = kinds_of(entity, item)


def kinds_of(entity: Entity, item: Item) -> list[str]:
    """Which drastic kinds of change the plan of a record contains."""
    kinds: set[str] = set()
    for write in item.plan.writes:
        if write.action is Action.CREATE:
            kinds.add(Kind.CREATE)
            continue
        for change in write.changes:
            attribute = entity.attribute(change.field)
            if attribute.is_activity:
                kinds |= {Kind.DEACTIVATE} if change.new is False else set()
            elif change.old != "" and change.new == "":
                kinds.add(Kind.BLANK)
            elif attribute.reference and change.old != "":
                kinds.add(Kind.RE_PARENT)
    return sorted(kinds)


def _is_exempt(context: Context, entity: Entity, item: Item) -> bool:
    """A person asked for this very record (not for many at once), or it is part of a confirmed first load."""
    if any(event.is_single_wish for event in item.events):
        return True
    loaded_at = context.policies[entity.name].loaded_at
    is_new = not (item.link.uniconta_base and item.link.intempus_base)
    return loaded_at is None or (is_new and item.link.created_at <= loaded_at + FIRST_LOAD)


def limit_for(context: Context, entity: Entity) -> int:
    """More records than this are held. Call inside a scope."""
    linked = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
    return max(AT_LEAST, int(SHARE * linked.exclude(uniconta_id="").exclude(intempus_id="").count()))


def _written(context: Context, entity: Entity, kind: str) -> set[int]:
    entries = SyncLogEntry.objects.filter(
        tenant_id=context.tenant_id,
        entity=entity.name,
        at__gte=timezone.now() - WINDOW,
        state__in=SyncLogEntry.WRITTEN,
        plan__brakes__contains=[kind],
    )
    return set(entries.values_list("link_id", flat=True))


def _pending(context: Context, entity: Entity) -> QuerySet[ChangeEvent]:
    return ChangeEvent.objects.filter(tenant_id=context.tenant_id, entity=entity.name, state=ChangeEvent.State.PENDING)


def _could_exceed(context: Context, entity: Entity, items: list[Item], kinds: list[str], limit: int) -> bool:
    unknown = _pending(context, entity)[:FORECAST_AT_MOST].count()
    planned = {kind: {item.link.pk for item in items if kind in item.brakes} for kind in kinds}
    return any(len(_written(context, entity, kind) | planned[kind]) + unknown > limit for kind in kinds)


def _forecast(context: Context, entity: Entity, in_hand: set[int]) -> dict[str, set[int]]:
    """Links of pending events by the kinds their plans would contain. One table read tells what hints only announce."""
    with tenant_scope(context.tenant_id):
        hinted = _pending(context, entity)
        is_unread = hinted.filter(Q(link=None) | Q(received_at__gt=F("link__uniconta_seen_at"))).exists()
    if is_unread:
        sweep_entity(context, entity)
    found: dict[str, set[int]] = {kind: set() for kind in Kind.values}
    with tenant_scope(context.tenant_id):
        links = set(hinted.exclude(link=None).values_list("link_id", flat=True)[:FORECAST_AT_MOST])
        items = load_items(links - in_hand, {})
        plan_items(context, entity, items)
        classify(context, entity, items)
    for item in items:
        for kind in item.brakes:
            found[kind].add(item.link.pk)
    return found


# ------------------------------------------------------------------------------------------------ the question


def _hold(context: Context, entity: Entity, kind: str, items: list[Item], limit: int) -> None:
    held = HeldSet.objects.filter(
        tenant_id=context.tenant_id, entity=entity.name, kind=kind, state=HeldSet.State.OPEN
    ).first()
    wanted = {item.link.pk for item in items} | context.forecasts.get(entity.name, {}).get(kind, set())
    if held is None:
        count = len(_written(context, entity, kind) | wanted)
        if count <= limit:
            return
        held = _open(context, entity, kind, items, count, limit)
    else:
        members = set(held.members.values_list("pk", flat=True))
        held.count = max(held.count, len(members | wanted))
        held.save(update_fields=["count"])
    for item in items:
        item.plan = wait(item.link, held.reason)
        item.brakes = []


def _open(context: Context, entity: Entity, kind: str, items: list[Item], count: int, limit: int) -> HeldSet:
    cause, detail = _likely_cause(entity, kind, items)
    return HeldSet.objects.create(
        tenant_id=context.tenant_id,
        entity=entity.name,
        kind=kind,
        count=count,
        limit=limit,
        cause=cause,
        cause_detail=detail,
        examples=[str(item.link) for item in items[:EXAMPLES]],
    )


def _likely_cause(entity: Entity, kind: str, items: list[Item]) -> tuple[str, str]:
    """A code of the catalogue, and the field it is about where there is one."""
    writes = [write for item in items for write in item.plan.writes]
    changes = [change for write in writes for change in write.changes]
    if kind == Kind.CREATE:
        is_from_uniconta = sum(write.target is System.INTEMPUS for write in writes) * 2 >= len(writes)
        return ("many_new_in_uniconta" if is_from_uniconta else "many_new_in_intempus"), ""
    if kind == Kind.DEACTIVATE:
        reasons = Counter(
            change.reason for change in changes if entity.attribute(change.field).is_activity and change.new is False
        )
        return {
            "tick_removed": "many_unticked",
            "phase_left": "many_left_phase",
            "deleted_in_uniconta": "many_deleted",
            "deleted_in_intempus": "many_deleted",
        }.get(reasons.most_common(1)[0][0], "many_blocked"), ""
    if kind == Kind.BLANK:
        fields = Counter(change.field for change in changes if change.old != "" and change.new == "")
        return "many_blanked", fields.most_common(1)[0][0]
    fields = Counter(change.field for change in changes if entity.attribute(change.field).reference)
    return "many_regrouped", fields.most_common(1)[0][0]


def close_resolved(context: Context, entity: Entity) -> None:
    """Close questions that nobody asks any more: the ticks were set again, the import was taken back."""
    with tenant_scope(context.tenant_id):
        opened = HeldSet.objects.filter(
            tenant_id=context.tenant_id, entity=entity.name, state=HeldSet.State.OPEN, opened_at__lt=Now()
        )
        for held in opened:
            if not held.members.exists():
                held.state, held.closed_at = HeldSet.State.RESOLVED, timezone.now()
                held.save(update_fields=["state", "closed_at"])
