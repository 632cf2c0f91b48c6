"""What carries a company's changes, in plain words: its change URLs and its schedules. When it last did, and when it will."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, Value, When
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy
from sync.domain.schedules import CHOSEN, KINDS, minutes_of, next_runs
from sync.models import ChangeEvent, Run
from tenants.models import Tenant

#: kind, also of the runs it leaves (the mail leaves none) → what people call it, and what it carries
WORDS: dict[str, tuple[Promise, Promise]] = {
    "pull": (_("Fetch from Intempus"), _("What people changed or made in Intempus.")),
    "sweep": (_("Check Uniconta"), _("What was saved in Uniconta and no change URL call announced.")),
    "hours": (_("Transfer of hours"), _("Approved work reports, to the project journal in Uniconta.")),
    "reconcile": (_("Full comparison"), _("Both systems, record by record; what differs is listed.")),
    "check_up": (
        _("Check-up"),
        _("Log-ins, rights, the tick field, Change URLs and budgets: what drifted is found here."),
    ),
    "digest": (_("Mail about overwritten changes"), _("What Uniconta overwrote since the last mail, to the contact.")),
}
#: A table's change URL is taken for dead when checks found so many changes in it within this time and not one call came.
SILENCE, FOUND_MEANWHILE = timedelta(hours=24), 3
#: A call within this time shows that a company's change URLs work (a weekend is no silence); tables are then read so often.
PROOF_LASTS, SWEEP_WHILE_PROVEN = timedelta(days=7), timedelta(hours=1)
#: A tick of the schedule is never on the second, and a read takes a while.
TICK_TOLERANCE = timedelta(minutes=1)


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
class Calls:
    """The change URL calls for one table, and what checks found in it that none of them had announced."""

    last_at: datetime | None = None
    count: int = 0  # in the last 24 hours
    found_at: datetime | None = None  # the newest find, of a week at most
    found_count: int = 0  # records, in the last 24 hours

    @property
    def is_silent(self) -> bool:
        return not self.count and self.found_count >= FOUND_MEANWHILE

    @property
    def is_missed(self) -> bool:
        """Whether checks find what the calls should have announced: for a day, and until one comes for this table."""
        if self.found_at is None:
            return False
        return self.last_at is None or self.last_at < self.found_at or timezone.now() - self.found_at < SILENCE


@dataclass(frozen=True)
class Hooks:
    """A company's change URL calls by entity; the key "" holds those for tables that are no entity of ours."""

    by_entity: Mapping[str, Calls] = field(default_factory=dict)

    @property
    def last_at(self) -> datetime | None:
        return max((calls.last_at for calls in self.by_entity.values() if calls.last_at), default=None)

    @property
    def call_count(self) -> int:
        return sum(calls.count for calls in self.by_entity.values())

    @property
    def silent(self) -> list[str]:
        """The entities whose change URL seems to be dead, whatever comes for others."""
        return [entity for entity, calls in self.by_entity.items() if calls.is_silent]

    @property
    def missed(self) -> list[str]:
        return [entity for entity, calls in self.by_entity.items() if calls.is_missed]

    @property
    def are_proven(self) -> bool:
        return self.last_at is not None and timezone.now() - self.last_at < PROOF_LASTS

    def sweep_every(self, tenant: Tenant, entity: str = "") -> timedelta:
        """How often Uniconta's table of an entity is read whole; without an entity, of the one read most rarely."""
        every = timedelta(minutes=tenant.sweep_minutes)
        if not self.are_proven or self.by_entity.get(entity, Calls()).is_missed:
            return every
        return max(every, SWEEP_WHILE_PROVEN)

    def are_stretched(self, tenant: Tenant) -> bool:
        """Whether tables are read more rarely than the schedule ticks."""
        return self.sweep_every(tenant) > timedelta(minutes=tenant.sweep_minutes)


def is_due(read_at: datetime | None, every: timedelta, tick: timedelta, now: datetime) -> bool:
    """Whether what is to be read `every` so often is read at this tick, because the next one would be too late."""
    return read_at is None or now + tick - read_at > every + min(TICK_TOLERANCE, tick / 4)


def schedules_of(tenant: Tenant, hooks: Hooks) -> list[Schedule]:
    """In the order of WORDS. Call inside a scope."""
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
            is_stretched=kind == "sweep" and hooks.are_stretched(tenant),
            last_at=last.get(kind, (None, ""))[0],
            last_error=last.get(kind, (None, ""))[1],
            next_at=next_at.get(kind),
        )
        for kind, (name, carries) in WORDS.items()
        if kind not in CHOSEN or next_at.get(kind) or kind in last
    ]


def hooks_of(tenant_ids: Sequence[int]) -> dict[int, Hooks]:
    """One query, however many companies. Call inside a scope."""
    now = timezone.now()
    today = Q(received_at__gte=now - SILENCE)
    events = ChangeEvent.objects.filter(tenant__in=tenant_ids).order_by()
    called = events.filter(origin=ChangeEvent.Origin.WEBHOOK)
    # The first load of a table is found by a check, too, and says nothing about change URLs.
    found = events.alias(user=Case(*_USERS, default=F("entity"))).filter(
        origin=ChangeEvent.Origin.SWEEP,
        received_at__gte=now - PROOF_LASTS,
        received_at__gt=Subquery(_LOADED_AT) + timedelta(hours=1),
    )
    by_entity: dict[int, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    calls = called.values_list("tenant_id", "entity").annotate(
        at=Max("received_at"), number=Count("pk", filter=today), names=Value("last_at count")
    )
    finds = found.values_list("tenant_id", "entity").annotate(
        at=Max("received_at"), number=Count("link", distinct=True, filter=today), names=Value("found_at found_count")
    )
    for tenant_id, entity, *figures, names in calls.union(finds, all=True):
        by_entity[tenant_id][entity].update(zip(names.split(), figures, strict=True))
    return {pk: Hooks({entity: Calls(**row) for entity, row in by_entity[pk].items()}) for pk in tenant_ids}


#: A group's table is first read with that of whoever refers to it: it needs no policy of its own.
_USERS = [
    When(entity=attribute.reference, then=Value(entity.name))
    for entity in ENTITIES.values()
    for attribute in entity.references
    if ENTITIES[attribute.reference].is_on_demand
]
_LOADED_AT = (
    EntityPolicy.objects.filter(tenant=OuterRef("tenant"), entity__in=[OuterRef("entity"), OuterRef("user")])
    .order_by(F("loaded_at").desc(nulls_last=True))
    .values("loaded_at")[:1]
)

assert WORDS.keys() == KINDS.keys(), "a schedule without words"
