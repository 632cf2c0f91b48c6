"""A case closed in Intempus does not block its project in Uniconta while reports on it are on their way there."""

from __future__ import annotations

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from mappings.entities.work_report import HOURS_ON
from mappings.models import RecordLink
from mappings.spec import Entity
from sync.domain.doorbell import ring
from sync.models import ChangeEvent, WorkReport

State = WorkReport.State
REASON = "open_hours"
#: Not in Uniconta yet, and meant to get there.
ON_THEIR_WAY = (State.WAITING, State.HELD, State.NEEDS_ATTENTION, State.READY, State.SENDING)


def has_open_hours(entity: Entity, link: RecordLink) -> bool:
    """Whether reports on this record are on their way. Call inside a scope."""
    column = HOURS_ON.get(entity.name)
    if column is None or not link.intempus_id:
        return False
    reports = WorkReport.objects.filter(tenant_id=link.tenant_id, state__in=ON_THEIR_WAY)
    return reports.filter(**{column: link.intempus_id}).exists()


def release_cases(tenant_id: int) -> int:
    """Look again at the records that waited for their last report; returns how many. Call inside a scope."""
    released: list[int] = []
    for entity, column in HOURS_ON.items():
        open_reports = WorkReport.objects.filter(
            tenant_id=tenant_id, state__in=ON_THEIR_WAY, **{column: OuterRef("intempus_id")}
        )
        waiting = RecordLink.objects.filter(
            tenant_id=tenant_id, entity=entity, state=RecordLink.State.WAITING, reason=REASON
        )
        released += waiting.exclude(Exists(open_reports)).values_list("pk", flat=True)
    if released:
        events = ChangeEvent.objects.filter(link__in=released, state=ChangeEvent.State.WAITING, waits_for=REASON)
        events.update(state=ChangeEvent.State.PENDING, waits_for="", due_at=Now())
        ring(tenant_id)
    return len(released)
