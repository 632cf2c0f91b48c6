"""What a paused company comes back to: what piled up, in which order it is caught up with, and what that costs.

Call inside a scope.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count
from django.utils import timezone

from mappings.entities import ENTITIES
from sync.models import ChangeEvent, Exchange
from tenants.models import AuditEntry

#: Calls for one record that changed: read it, look at the other side, write there. See docs/api-calls.md.
CALLS_PER_RECORD = 3
#: Reading both systems whole, per kind of record: what changed without telling us.
CALLS_PER_ENTITY = 2
#: One call, where none was measured lately.
USUAL_MS = 300


@dataclass(frozen=True)
class Pile:
    """The records of one kind that wait. `both` of them were changed on both sides, as far as we were told."""

    entity: str
    records: int
    both: int


@dataclass(frozen=True)
class ReturnPlan:
    """In the order of catching up: what others refer to comes first. `calls` and `minutes` are at most."""

    since: datetime | None
    piles: tuple[Pile, ...]
    calls: int
    minutes: int

    @property
    def records(self) -> int:
        return sum(pile.records for pile in self.piles)


def return_plan(tenant_id: int) -> ReturnPlan:
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    open_events = ChangeEvent.objects.filter(tenant_id=tenant_id, state__in=ChangeEvent.OPEN)
    hints = open_events.values_list("entity", "system", "link_id", "remote_id", "key").annotate(Count("pk"))
    for entity, system, link_id, remote_id, key, _number in hints:
        sides[entity, str(link_id or f"{system} {remote_id or key}")].add(system)
    piles = [
        Pile(
            name,
            sum(entity == name for entity, _ in sides),
            sum(entity == name and len(systems) > 1 for (entity, _), systems in sides.items()),
        )
        for name in ENTITIES
    ]
    calls = sum(pile.records for pile in piles) * CALLS_PER_RECORD + len(ENTITIES) * CALLS_PER_ENTITY
    week = timezone.now() - timedelta(days=7)
    measured = Exchange.objects.filter(tenant_id=tenant_id, at__gte=week).aggregate(ms=Avg("duration_ms"))["ms"]
    paused = AuditEntry.objects.filter(tenant_id=tenant_id, action="paused").order_by("-at").first()
    return ReturnPlan(
        since=paused.at if paused else None,
        piles=tuple(pile for pile in piles if pile.records),
        calls=calls,
        minutes=int(-(-calls * (measured or USUAL_MS) // 60_000)),
    )
