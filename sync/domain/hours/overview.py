"""How a company's hours are, in figures. Call inside a scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from sync.models import WorkReport

State = WorkReport.State
#: A warning stays on its report for good; those of older days are history.
WARNED_WITHIN = timedelta(days=31)


@dataclass(frozen=True)
class Asking:
    """What of a company's hours asks for a person."""

    needs_attention: int = 0
    changed: int = 0
    warned: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether something stands still until a person answers; a warning does not stop anything."""
        return bool(self.needs_attention or self.changed)


def asking(tenant_ids: Iterable[int]) -> dict[int, Asking]:
    """One query, however many companies there are; companies with nothing are left out."""
    is_warned = Q(starts_on__gte=timezone.localdate() - WARNED_WITHIN) & ~Q(warnings=[])
    is_asking = Q(state__in=[State.NEEDS_ATTENTION, State.CHANGED])
    rows = WorkReport.objects.filter(is_asking | is_warned, tenant_id__in=list(tenant_ids)).order_by()
    counted = rows.values_list("tenant_id").annotate(
        stopped=Count("pk", filter=Q(state=State.NEEDS_ATTENTION)),
        changed=Count("pk", filter=Q(state=State.CHANGED)),
        warned=Count("pk", filter=is_warned),
    )
    return {tenant_id: Asking(*figures) for tenant_id, *figures in counted}


def by_state(tenant_id: int) -> dict[str, int]:
    rows = WorkReport.objects.filter(tenant_id=tenant_id).order_by().values_list("state").annotate(Count("pk"))
    return dict(rows)
