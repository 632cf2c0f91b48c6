"""*First ten, then the rest*: at going live a few records are written, and the rest waits until somebody has looked at them."""

from __future__ import annotations

from mappings.models import EntityPolicy
from mappings.spec import Entity
from sync.domain.context import Context, database_now
from sync.domain.decide import Item, wait
from sync.domain.doorbell import ring
from sync.domain.references import waiting_on
from sync.models import ChangeEvent
from tenants.models import AuditEntry

FIRST = 10
REASON = "first_ten"


def hold_the_rest(context: Context, entity: Entity, items: list[Item]) -> None:
    """Let so many records through as may still be written, and hold the others. What a person asks for goes in any case.

    Call inside a fenced scope.
    """
    policies = EntityPolicy.objects.filter(tenant_id=context.tenant_id, entity=entity.name, first_left__isnull=False)
    policy = policies.first()
    if policy is None or policy.first_left is None:
        return
    left = policy.first_left
    for item in items:
        if item.error or not item.plan.writes or any(event.is_single_wish for event in item.events):
            continue
        if left:
            left -= 1
        else:
            item.plan = wait(item.link, REASON)
    if left != policy.first_left:
        policies.update(first_left=left)


def begin_with_ten(tenant_id: int) -> None:
    """Call inside a scope."""
    EntityPolicy.objects.filter(tenant_id=tenant_id, enabled=True).update(first_left=FIRST)


def go_on(tenant_id: int, user_id: int | None) -> int:
    """A person has looked at the first ones: the rest goes on. Returns how many records waited. Call inside a scope."""
    EntityPolicy.objects.filter(tenant_id=tenant_id).update(first_left=None)
    waiting = waiting_on(tenant_id, REASON)
    count = waiting.values("link").distinct().count()
    waiting.update(state=ChangeEvent.State.PENDING, waits_for="", due_at=database_now())
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=user_id, action="went_on", detail=str(count))
    ring(tenant_id)
    return count


def is_held(tenant_id: int) -> bool:
    """Whether the rest waits, or will. Call inside a scope."""
    return EntityPolicy.objects.filter(tenant_id=tenant_id, first_left__isnull=False).exists()
