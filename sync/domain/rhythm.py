"""What carries a company's changes, in plain words: its change URLs and its schedules. When it last did, and when it will."""

from __future__ import annotations

from collections import Counter, defaultdict
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

#: kind, also of the runs it leaves (the mail leaves none) → what people call it, and what it carries
WORDS: dict[str, tuple[Promise, Promise]] = {
    "pull": (_("Fetch from Intempus"), _("What people changed or made in Intempus.")),
    "sweep": (_("Check Uniconta"), _("What was saved in Uniconta and no change URL call announced.")),
    "reconcile": (_("Full comparison"), _("Both systems, record by record; what differs is listed.")),
    "check_up": (
        _("Check-up"),
        _("Log-ins, rights, the tick field, Change URLs and budgets: what drifted is found here."),
    ),
    "digest": (_("Mail about overwritten changes"), _("What Uniconta overwrote since the last mail, to the contact.")),
}
#: Change URLs are taken for dead when checks found so many changes within this time and not one call came.
SILENCE, FOUND_MEANWHILE = timedelta(hours=24), 3
#: A call within this time shows that a company's change URLs work (a weekend is no silence); tables are then read so often.
PROOF_LASTS, SWEEP_WHILE_PROVEN = timedelta(days=7), timedelta(hours=1)


@dataclass(frozen=True)
class Schedule:
    kind: str
    name: str
    carries: str
    every_minutes: int
    is_stretched: bool  # carried out more rarely for the moment, because change URLs carry the changes
    last_at: datetime | None
    last_error: str  # a code of the catalogue, "" when the last one went well
    next_at: datetime | None


@dataclass(frozen=True)
class Hooks:
    """The change URL calls of the last 24 hours, and what checks found that none of them had announced."""

    last_at: datetime | None
    call_count: int
    found_count: int
    found_entities: frozenset[str] = frozenset()  # in which of them

    @property
    def is_silent(self) -> bool:
        return not self.call_count and self.found_count >= FOUND_MEANWHILE

    @property
    def are_proven(self) -> bool:
        return self.last_at is not None and timezone.now() - self.last_at < PROOF_LASTS

    def sweep_every(self, tenant: Tenant, entity: str = "") -> timedelta:
        """How often Uniconta's table of an entity is read whole; without an entity, of the one read most rarely."""
        every = timedelta(minutes=tenant.sweep_minutes)
        return max(every, SWEEP_WHILE_PROVEN) if self.are_proven and entity not in self.found_entities else every


def schedules_of(tenant: Tenant, hooks: Hooks) -> list[Schedule]:
    """In the order of WORDS. Call inside a scope."""
    stretched = hooks.sweep_every(tenant) > timedelta(minutes=tenant.sweep_minutes)
    next_at = next_runs(tenant.pk)
    last: dict[str, tuple[datetime | None, str]] = {"digest": (tenant.digest_until, "")}
    ended = Run.objects.filter(tenant=tenant, kind__in=list(WORDS), finished_at__isnull=False)
    for run in ended.order_by("kind", "-created_at").distinct("kind"):
        last[run.kind] = (run.finished_at, run.error_code)
    return [
        Schedule(
            kind=kind,
            name=str(name),
            carries=str(carries),
            every_minutes=minutes_of(kind, tenant),
            is_stretched=kind == "sweep" and stretched,
            last_at=last.get(kind, (None, ""))[0],
            last_error=last.get(kind, (None, ""))[1],
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
    found_counts: Counter[int] = Counter()
    found_entities: dict[int, set[str]] = defaultdict(set)
    for row in found.values("tenant_id", "entity").annotate(number=Count("link", distinct=True)):
        found_counts[row["tenant_id"]] += row["number"]
        found_entities[row["tenant_id"]].add(row["entity"])
    calls = events.filter(origin=ChangeEvent.Origin.WEBHOOK).annotate(
        last_at=Max("received_at"), number=Count("pk", filter=Q(received_at__gte=now - SILENCE))
    )
    called = {row["tenant_id"]: (row["last_at"], row["number"]) for row in calls}
    return {pk: Hooks(*called.get(pk, (None, 0)), found_counts[pk], frozenset(found_entities[pk])) for pk in tenant_ids}


assert WORDS.keys() == KINDS.keys(), "a schedule without words"
