"""*First ten, then the rest*: at going live a few records are written, and the rest waits until somebody has looked at them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from mappings.models import EntityPolicy, RecordLink
from mappings.spec import Entity
from sync.domain.context import Context, database_now
from sync.domain.decide import Item, wait
from sync.domain.doorbell import ring
from sync.domain.references import waiting_on
from sync.models import ChangeEvent, SyncLogEntry
from tenants.models import AuditEntry

FIRST = 10
REASON = "first_ten"


def hold_the_rest(context: Context, entity: Entity, items: list[Item]) -> None:
    """Let so many records through as may still be written, and hold the others. What a person asks for goes in any case.

    What counts is what was written, or may have been: a plan that the brake held or a system refused is none of the ten.
    Call inside a fenced scope.
    """
    policies = EntityPolicy.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
    since = policies.values_list("first_ten_at", flat=True).first()
    if since is None:
        return
    written = _written(context.tenant_id, entity, since)
    for item in items:
        if item.error or not item.plan.writes or any(event.is_single_wish for event in item.events):
            continue
        if len(written) < FIRST:
            written.add(item.link.pk)
        else:
            item.plan = wait(item.link, REASON)


def let_others_go(context: Context, entity: Entity) -> None:
    """In place of those of the ten that could not be written. Call inside a scope, when these have been sent."""
    since = EntityPolicy.objects.get(tenant_id=context.tenant_id, entity=entity.name).first_ten_at
    room = FIRST - len(_written(context.tenant_id, entity, since)) if since else 0
    held = ChangeEvent.objects.filter(
        tenant_id=context.tenant_id, entity=entity.name, state=ChangeEvent.State.WAITING, waits_for=REASON
    )
    links = list(dict.fromkeys(held.order_by("id").values_list("link_id", flat=True)))[: max(room, 0)]
    if links:
        held.filter(link_id__in=links).update(state=ChangeEvent.State.PENDING, waits_for="", due_at=database_now())


def _written(tenant_id: int, entity: Entity, since: datetime) -> set[int]:
    entries = SyncLogEntry.objects.filter(
        tenant_id=tenant_id, entity=entity.name, at__gte=since, state__in=SyncLogEntry.WRITTEN
    )
    return set(entries.exclude(target="").values_list("link_id", flat=True).distinct())


def begin_with_ten(policies: QuerySet[EntityPolicy]) -> None:
    """Call inside a scope."""
    policies.filter(enabled=True).update(first_ten_at=timezone.now())  # the log's clock


def go_on(tenant_id: int, user_id: int | None) -> int:
    """A person has looked at the first ones: the rest goes on. Returns how many records waited. Call inside a scope."""
    EntityPolicy.objects.filter(tenant_id=tenant_id).update(first_ten_at=None)
    waiting = waiting_on(tenant_id, REASON)
    count = waiting.values("link").distinct().count()
    waiting.update(state=ChangeEvent.State.PENDING, waits_for="", due_at=database_now())
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=user_id, action="went_on", detail=str(count))
    ring(tenant_id)
    return count


def is_held(tenant_id: int) -> bool:
    """Whether anything waits for a person to say “go on”. Call inside a scope."""
    limited = EntityPolicy.objects.filter(tenant_id=tenant_id, first_ten_at__isnull=False)
    waiting = RecordLink.objects.filter(tenant_id=tenant_id, state=RecordLink.State.WAITING, reason=REASON)
    return waiting.filter(entity__in=limited.values("entity")).exists()
