"""How every company is doing: one grouped query per figure, however many companies there are. Call inside a scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, TruncHour
from django.utils import timezone

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy, RecordLink
from sync.domain.budgets import calls_today, limit_of, login_of, waiting_code
from sync.domain.field_watch import HOLD_CODES
from sync.domain.first_ten import REASON as FIRST_TEN
from sync.domain.hours.payroll_warnings import PayrollWarning, payroll_warnings
from sync.domain.rhythm import hooks_of
from sync.models import ChangeEvent, HeldSet, Run, SyncLogEntry, WorkerBeat
from tenants.models import Connection, RemoteHost, Tenant

#: A worker that has not been heard of for this long is taken for dead.
WORKER_SILENCE = timedelta(seconds=90)
#: A fetch or check may be late by this much before anybody is told.
GRACE = timedelta(minutes=2)
#: Changes that wait longer than this are no longer on the way (rule M2).
STALE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Freshness:
    """When something was last read completely, and how often that is promised."""

    at: datetime | None
    every: timedelta

    def is_late(self, now: datetime) -> bool:
        return self.at is None or now - self.at > 2 * self.every + GRACE


@dataclass(frozen=True)
class ConnectionHealth:
    id: int
    system: str
    state: str
    state_code: str
    state_detail: str
    company: str
    tested_at: datetime | None
    open_until: datetime | None
    calls: dict[str, int]  # today, by cause, of its log-in; empty unless asked for
    calls_per_day: int
    base_url: str = ""
    down_since: datetime | None = None  # of its address: since when it has answered no company

    @property
    def call_count(self) -> int:
        return sum(self.calls.values())

    @property
    def waiting_code(self) -> str:
        return waiting_code(self.call_count / self.calls_per_day)

    def is_open(self, now: datetime) -> bool:
        """Whether the breaker holds calls back because the remote system does not answer."""
        return self.open_until is not None and self.open_until > now


@dataclass(frozen=True)
class TenantHealth:
    tenant_id: int
    name: str
    state: str
    pulled: Freshness
    swept: Freshness
    waiting: int = 0  # records with changes on the way; what a question holds is not
    held_records: int = 0  # records whose changes wait for a person's answer (brake, field watch)
    oldest_due_at: datetime | None = None
    quarantined: int = 0
    causes: tuple[tuple[str, int], ...] = ()  # (reason, records that need attention), most first
    held: tuple[tuple[str, str], ...] = ()  # (entity, code) of what waits for a person's decision
    connections: tuple[ConnectionHealth, ...] = ()
    changes_by_hour: tuple[int, ...] = ()  # the last 24 hours, oldest first
    reads_by_hour: tuple[int, ...] = ()  # the same of completed fetches from Intempus; the last hour is not over
    are_hooks_silent: bool = False
    payroll: tuple[PayrollWarning, ...] = ()  # what is not through as a cut-off comes near; empty unless asked for

    @property
    def needs_attention(self) -> int:
        return sum(count for _, count in self.causes)

    @property
    def is_live(self) -> bool:
        return self.state == Tenant.State.LIVE

    def is_stuck(self, now: datetime) -> bool:
        return self.oldest_due_at is not None and now - self.oldest_due_at > STALE_AFTER

    def broken(self, now: datetime) -> list[ConnectionHealth]:
        return [
            connection
            for connection in self.connections
            if connection.state in (Connection.State.BROKEN, Connection.State.PAUSED) or connection.is_open(now)
        ]

    def verdict(self, now: datetime) -> str:
        """bad, warning, good or neutral (not live): the colour of the row, and what the list is sorted by."""
        if not self.is_live:
            return "neutral"
        if any(connection.state == Connection.State.BROKEN for connection in self.connections):
            return "bad"
        if self.pulled.is_late(now) or self.swept.is_late(now) or self.quarantined:
            return "bad"
        asks = self.held or self.broken(now) or self.is_stuck(now) or self.are_hooks_silent or self.needs_attention
        return "warning" if asks or self.payroll else "good"


@dataclass(frozen=True)
class WorkerHealth:
    beat_at: datetime | None
    upkeep_errors: tuple[str, ...] = ()  # "name of the worker: what failed: how", of those alive

    def is_alive(self, now: datetime) -> bool:
        return self.beat_at is not None and now - self.beat_at < WORKER_SILENCE


@dataclass(frozen=True)
class DownHost:
    """A remote address that answers nobody, and the companies that work with it."""

    system: str
    since: datetime
    tenant_ids: tuple[int, ...]


@dataclass(frozen=True)
class Health:
    at: datetime
    tenants: tuple[TenantHealth, ...]

    @property
    def waiting(self) -> int:
        return sum(tenant.waiting for tenant in self.tenants)

    @property
    def needs_attention(self) -> int:
        return sum(tenant.needs_attention for tenant in self.tenants)

    @property
    def held_records(self) -> int:
        return sum(tenant.held_records for tenant in self.tenants)

    @property
    def live(self) -> int:
        return sum(tenant.is_live for tenant in self.tenants)

    @property
    def causes(self) -> list[tuple[str, int]]:
        """Reasons over all companies, most first."""
        totals: dict[str, int] = defaultdict(int)
        for tenant in self.tenants:
            for reason, count in tenant.causes:
                totals[reason] += count
        return sorted(totals.items(), key=lambda cause: -cause[1])

    @property
    def hosts_down(self) -> list[DownHost]:
        """Uniconta first; of live companies."""
        callers: dict[tuple[str, str, datetime], list[int]] = defaultdict(list)
        for tenant in self.tenants:
            for each in tenant.connections:
                if each.down_since is not None and tenant.is_live:
                    callers[each.system, each.base_url, each.down_since].append(tenant.tenant_id)
        hosts = sorted(callers.items(), reverse=True)
        return [DownHost(Connection.System(system).label, since, tuple(ids)) for (system, _, since), ids in hosts]

    @property
    def changes_by_hour(self) -> tuple[int, ...]:
        return tuple(sum(column) for column in zip(*(tenant.changes_by_hour for tenant in self.tenants), strict=True))


def worker_health() -> WorkerHealth:
    beats = list(WorkerBeat.objects.order_by("-beat_at"))
    if not beats:
        return WorkerHealth(None)
    alive = [beat for beat in beats if timezone.now() - beat.beat_at < WORKER_SILENCE]
    errors = (f"{beat}: {line}" for beat in alive for line in beat.upkeep_error.splitlines())
    return WorkerHealth(beats[0].beat_at, tuple(errors))


@dataclass
class _Events:
    waiting: int = 0
    oldest_due_at: datetime | None = None
    quarantined: int = 0


@dataclass
class _Figures:
    events: dict[int, _Events] = field(default_factory=lambda: defaultdict(_Events))
    causes: dict[int, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    held_records: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[int, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    connections: dict[int, list[ConnectionHealth]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 24))
    reads: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 24))


def with_readings(tenants: QuerySet[Tenant]) -> QuerySet[Tenant]:
    """The rows as `health` takes them: with when Intempus (`pulled_at`) and Uniconta (`swept_at`) were last read whole."""
    return tenants.annotate(pulled_at=_last(Run.Kind.PULL), swept_at=_last(Run.Kind.SWEEP))


def health_of(tenant_id: int, *, with_changes: bool = False, with_calls: bool = False) -> TenantHealth:
    """As `health`, of one company."""
    rows = with_readings(Tenant.objects.filter(pk=tenant_id))
    return health(rows, with_changes=with_changes, with_calls=with_calls).tenants[0]


def health(
    tenants: Iterable[Tenant], *, with_changes: bool = False, with_calls: bool = False, with_payroll: bool = False
) -> Health:
    """The health of companies, in their order; each row as `with_readings` gives it.

    `with_changes`: also what was done in each of the last 24 hours. `with_calls`: also what each log-in called today.
    `with_payroll`: also what is not through before a cut-off, of rows as `with_calendars` gives them, too.
    """
    now = timezone.now()
    rows: list[Any] = list(tenants)
    figures = _Figures()
    ids = [row.pk for row in rows]
    _count_events(figures, ids)
    _count_records(figures, ids)
    _find_held(figures, ids)
    _find_connections(figures, ids, with_calls)
    hooks = hooks_of(ids)
    payroll = payroll_warnings(rows) if with_payroll else {}
    if with_changes:
        _count_changes(figures, ids, now)
    return Health(
        at=now,
        tenants=tuple(
            TenantHealth(
                tenant_id=row.pk,
                name=row.name,
                state=row.state,
                pulled=Freshness(row.pulled_at, timedelta(minutes=row.pull_minutes)),
                swept=Freshness(row.swept_at, hooks[row.pk].sweep_every(row)),
                waiting=figures.events[row.pk].waiting,
                held_records=figures.held_records[row.pk],
                oldest_due_at=figures.events[row.pk].oldest_due_at,
                quarantined=figures.events[row.pk].quarantined,
                causes=tuple(sorted(figures.causes[row.pk], key=lambda cause: -cause[1])),
                held=tuple(figures.held[row.pk]),
                connections=tuple(figures.connections[row.pk]),
                changes_by_hour=tuple(figures.changes[row.pk]),
                reads_by_hour=tuple(figures.reads[row.pk]),
                are_hooks_silent=bool(hooks[row.pk].silent),
                payroll=tuple(payroll.get(row.pk, ())),
            )
            for row in rows
        ),
    )


def _last(kind: str) -> Subquery:
    runs = Run.objects.filter(tenant=OuterRef("pk"), kind=kind, state=Run.State.DONE)
    return Subquery(runs.order_by("-created_at").values("finished_at")[:1])


#: What a record waits for while a question about it is open.
QUESTIONS = (*(f"held_{kind}" for kind in HeldSet.Kind.values), *HOLD_CODES, FIRST_TEN)
#: Several hints about one record are one record on its way. Hints that have met no link yet carry its id, or name nothing.
RECORD = Coalesce(
    Cast("link_id", TextField()),
    NullIf(Concat("system", "entity", "remote_id", "key"), Concat("system", "entity")),
    Cast("pk", TextField()),
)


def _count_events(figures: _Figures, ids: list[int]) -> None:
    is_open, is_quarantined = Q(state__in=ChangeEvent.OPEN), Q(state=ChangeEvent.State.QUARANTINED)
    is_held = Q(state=ChangeEvent.State.WAITING, waits_for__in=QUESTIONS)
    is_due = Q(state=ChangeEvent.State.PENDING, due_at__lte=timezone.now())
    events = ChangeEvent.objects.filter(is_open | is_quarantined, tenant_id__in=ids).values("tenant_id")
    for row in events.annotate(
        waiting=Count(RECORD, filter=is_open & ~is_held, distinct=True),
        quarantined=Count("pk", filter=is_quarantined),
        oldest=Min("due_at", filter=is_due),
    ):
        figures.events[row["tenant_id"]] = _Events(row["waiting"], row["oldest"], row["quarantined"])


def _count_records(figures: _Figures, ids: list[int]) -> None:
    is_held = Q(state=RecordLink.State.WAITING, reason__in=QUESTIONS)
    # Naming the entities lets the index over (tenant, entity, state) answer.
    links = RecordLink.objects.filter(
        Q(state=RecordLink.State.NEEDS_ATTENTION) | is_held, tenant_id__in=ids, entity__in=list(ENTITIES)
    )
    for tenant_id, state, reason, number in links.values_list("tenant_id", "state", "reason").annotate(Count("pk")):
        if state == RecordLink.State.NEEDS_ATTENTION:
            figures.causes[tenant_id].append((reason, number))
        else:
            figures.held_records[tenant_id] += number


def _find_held(figures: _Figures, ids: list[int]) -> None:
    held = EntityPolicy.objects.filter(tenant_id__in=ids).exclude(hold_code="")
    brakes = HeldSet.objects.filter(tenant_id__in=ids, state=HeldSet.State.OPEN).order_by()
    questions = held.values_list("tenant_id", "entity", "hold_code").union(
        brakes.values_list("tenant_id", "entity", Concat(Value("held_"), "kind"))
    )
    for tenant_id, entity, code in questions:
        figures.held[tenant_id].append((entity, code))


def _find_connections(figures: _Figures, ids: list[int], with_calls: bool) -> None:
    # Uniconta first, everywhere.
    down_since = RemoteHost.objects.filter(pk=OuterRef("base_url")).values("down_since")
    connections = Connection.objects.filter(tenant_id__in=ids).annotate(down_since=Subquery(down_since))
    rows: list[Any] = list(connections.order_by("-system").defer("sealed_secret", "capabilities"))
    calls = calls_today(rows) if with_calls else {}
    for row in rows:
        figures.connections[row.tenant_id].append(
            ConnectionHealth(
                id=row.pk,
                system=row.system,
                state=row.state,
                state_code=row.state_code,
                state_detail=row.state_detail,
                company=row.pinned_company_name,
                tested_at=row.tested_at,
                open_until=row.open_until,
                calls=calls.get(login_of(row), {}),
                calls_per_day=limit_of(row),
                base_url=row.base_url,
                down_since=row.down_since,
            )
        )


def _count_changes(figures: _Figures, ids: list[int], now: datetime) -> None:
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    entries = SyncLogEntry.objects.filter(tenant_id__in=ids, at__gte=first, state=SyncLogEntry.State.DONE)
    entries = entries.exclude(action=SyncLogEntry.Action.NOTHING).order_by()
    runs = Run.objects.filter(tenant_id__in=ids, kind=Run.Kind.PULL, created_at__gte=first, state=Run.State.DONE)
    changes, reads = (
        rows.values_list("tenant_id").annotate(hour=TruncHour(time), number=Count("pk"), what=Value(what))
        for rows, time, what in ((entries, "at", "changes"), (runs.order_by(), "finished_at", "reads"))
    )
    for tenant_id, hour, number, what in changes.union(reads, all=True):
        index = int((hour - first).total_seconds() // 3600)
        if 0 <= index < 24:
            (figures.changes if what == "changes" else figures.reads)[tenant_id][index] = number
