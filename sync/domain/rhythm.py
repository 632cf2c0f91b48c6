"""What carries a company's changes, in plain words: its change URLs and its schedules. When it last did, and when it will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mappings.models import EntityPolicy
from sync.domain.schedules import KINDS, minutes_of, next_runs
from sync.models import ChangeEvent, Run
from tenants.models import Tenant

#: kind → what people call it, and what it carries
WORDS: dict[str, tuple[Promise, Promise]] = {
    "pull": (_("Fetch from Intempus"), _("What people changed or made in Intempus.")),
    "sweep": (_("Check Uniconta"), _("What was saved in Uniconta and no change URL call announced.")),
    "reconcile": (_("Full comparison"), _("Both systems, record by record; what differs is listed.")),
    "digest": (_("Mail about overwritten changes"), _("What Uniconta overwrote since the last mail, to the contact.")),
}
#: Change URLs are taken for dead when checks found so many changes within this time and not one call came.
SILENCE, FOUND_MEANWHILE = timedelta(hours=24), 3


@dataclass(frozen=True)
class Schedule:
    kind: str
    name: str
    carries: str
    every_minutes: int
    last_at: datetime | None
    last_error: str  # a code of the catalogue, "" when the last one went well
    next_at: datetime | None


@dataclass(frozen=True)
class Hooks:
    """The change URL calls of the last 24 hours, and what checks found that none of them had announced."""

    last_at: datetime | None
    call_count: int
    found_count: int

    @property
    def is_silent(self) -> bool:
        return not self.call_count and self.found_count >= FOUND_MEANWHILE


def schedules_of(tenant: Tenant) -> list[Schedule]:
    """In the order of WORDS. Call inside a scope."""
    next_at = next_runs(tenant.pk)
    last: dict[str, Run] = {}
    ended = Run.objects.filter(tenant=tenant, kind__in=list(WORDS), finished_at__isnull=False)
    for run in ended.order_by("kind", "-created_at").distinct("kind"):
        last[run.kind] = run
    return [
        Schedule(
            kind=kind,
            name=str(name),
            carries=str(carries),
            every_minutes=minutes_of(kind, tenant),
            last_at=tenant.digest_until if kind == "digest" else last[kind].finished_at if kind in last else None,
            last_error=last[kind].error_code if kind in last else "",
            next_at=next_at.get(kind),
        )
        for kind, (name, carries) in WORDS.items()
    ]


def hooks_of(tenant_ids: Sequence[int]) -> dict[int, Hooks]:
    """Two queries, however many companies. Call inside a scope."""
    now = timezone.now()
    # The first load is found by a check, too, and says nothing about change URLs.
    loaded_at = EntityPolicy.objects.filter(tenant=OuterRef("tenant")).order_by(F("loaded_at").desc(nulls_last=True))
    events = ChangeEvent.objects.filter(tenant__in=tenant_ids).values("tenant_id").order_by()
    found = events.filter(origin=ChangeEvent.Origin.SWEEP, received_at__gte=now - SILENCE).filter(
        received_at__gte=Subquery(loaded_at.values("loaded_at")[:1]) + timedelta(hours=1)
    )
    found_counts = dict(found.annotate(number=Count("link", distinct=True)).values_list("tenant_id", "number"))
    calls = events.filter(origin=ChangeEvent.Origin.WEBHOOK).annotate(
        last_at=Max("received_at"), number=Count("pk", filter=Q(received_at__gte=now - SILENCE))
    )
    called = {row["tenant_id"]: (row["last_at"], row["number"]) for row in calls}
    return {pk: Hooks(*called.get(pk, (None, 0)), found_counts.get(pk, 0)) for pk in tenant_ids}


assert WORDS.keys() == KINDS.keys(), "a schedule without words"
