"""What needs a person, by its cause: one entry however many records and companies have it.

Derived from where records, reports, connections and questions stand, so an entry goes when the last of them is well.
Only what people say about a cause is stored. Call inside a scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BigIntegerField, Count, F, Func, Max, Min, Q, QuerySet, Value
from django.db.models.functions import Concat

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy, RecordLink
from sync.domain.hours.corrections import fetch_now
from sync.domain.retry_many import can_retry_all, queue_retry
from sync.domain.rhythm import hooks_of
from sync.models import CauseNote, ChangeEvent, HeldSet, WorkReport
from tenants.models import Connection, Tenant
from tenants.scoping import ALL

#: Reports that stand still until a person answers.
ASKING_REPORTS = (WorkReport.State.NEEDS_ATTENTION, WorkReport.State.CHANGED)


#: Their line stands, or stood, in Uniconta: somebody says of each what becomes of it.
ANSWERED_REPORTS = frozenset(
    {
        "changed_after_transfer",
        "deleted_after_transfer",
        "withdrawn_after_transfer",
        "earlier_found",
        "line_cut",
        "line_doubled",
        "line_edited",
        "line_missing",
    }
)


class Kind(StrEnum):
    """What has the cause, in the order in which it matters."""

    CONNECTION = "connection"
    EVENT = "event"  # changes nobody could process: quarantined
    QUESTION = "question"  # of the brake or the field watch
    REPORT = "report"
    RECORD = "record"
    HOOKS = "hooks"  # silent change URLs


#: What stands for a reason that was not written down.
UNNAMED = {
    Kind.CONNECTION: "connection_broken",
    Kind.EVENT: "crashed",
    Kind.REPORT: "changed_after_transfer",
    Kind.RECORD: "crashed",
}


@dataclass(frozen=True)
class Part:
    """A cause's share of one company. `example` is the primary key of the newest."""

    tenant_id: int
    count: int
    example: int | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass
class Cause:
    kind: Kind
    code: str
    parts: list[Part] = field(default_factory=list)  # most first

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def tenant_ids(self) -> list[int]:
        return sorted(part.tenant_id for part in self.parts)

    @property
    def first_at(self) -> datetime | None:
        """Since when the one that has stood so for longest has stood so."""
        return min((part.first_at for part in self.parts if part.first_at), default=None)

    @property
    def last_at(self) -> datetime | None:
        return max((part.last_at for part in self.parts if part.last_at), default=None)

    @property
    def newest(self) -> Part:
        """The part with the newest example."""
        return max(self.parts, key=lambda part: (part.last_at is not None, part.last_at, part.tenant_id))

    @property
    def can_retry(self) -> bool:
        """Whether trying again may help without an answer to each."""
        if self.kind == Kind.REPORT:
            return self.code not in ANSWERED_REPORTS
        return self.kind == Kind.RECORD and can_retry_all(self.code)


def causes_of(tenants: str | Collection[int]) -> list[Cause]:
    """Every cause in these companies (ALL or their ids), those of most records first in each kind."""
    ids = (
        list(Tenant.objects.order_by().values_list("pk", flat=True)) if tenants == ALL else [int(pk) for pk in tenants]
    )
    found: dict[tuple[Kind, str], Cause] = {}
    for kind, code, part in _parts(ids):
        found.setdefault((kind, code), Cause(kind, code)).parts.append(part)
    order = list(Kind)
    for cause in found.values():
        cause.parts.sort(key=lambda part: (-part.count, part.tenant_id))
    return sorted(found.values(), key=lambda cause: (order.index(cause.kind), -cause.count, cause.code))


def _parts(ids: list[int]) -> Iterator[tuple[Kind, str, Part]]:
    # Naming the entities lets the index over (tenant, entity, state) answer.
    links = RecordLink.objects.filter(
        tenant_id__in=ids, entity__in=list(ENTITIES), state=RecordLink.State.NEEDS_ATTENTION
    )
    reports = WorkReport.objects.filter(tenant_id__in=ids, state__in=ASKING_REPORTS)
    broken = Connection.objects.filter(tenant_id__in=ids, state=Connection.State.BROKEN)
    events = ChangeEvent.objects.filter(tenant_id__in=ids, state=ChangeEvent.State.QUARANTINED)
    everything = _grouped(Kind.RECORD, links, "reason", "changed_at").union(
        _grouped(Kind.REPORT, reports, "reason", "changed_at"),
        _grouped(Kind.CONNECTION, broken, "state_code", "tested_at"),
        _grouped(Kind.EVENT, events, "error_code", "finished_at"),
        all=True,
    )
    for code, *figures, kind in everything:
        yield Kind(kind), code or UNNAMED[Kind(kind)], Part(*figures)
    yield from _questions(ids)
    for tenant_id, hooks in hooks_of(ids).items():
        if silent := hooks.silent:
            last = hooks.last_at
            yield Kind.HOOKS, "hooks_silent", Part(tenant_id, len(silent), None, last, last)


def _grouped(kind: Kind, rows: QuerySet[Any], reason: str, time: str) -> QuerySet[Any, Any]:
    """By reason and company, with the newest row of each."""
    newest = Func(
        ArrayAgg("pk", order_by=F(time).desc(nulls_last=True)),
        template="(%(expressions)s)[1]",
        output_field=BigIntegerField(),
    )
    grouped: QuerySet[Any, Any] = (
        rows.order_by()
        .values_list(reason, "tenant_id")
        .annotate(number=Count("pk"), newest=newest, first=Min(time), last=Max(time), kind_of=Value(kind.value))
    )
    return grouped


def _questions(ids: list[int]) -> Iterator[tuple[Kind, str, Part]]:
    brakes = HeldSet.objects.filter(tenant_id__in=ids, state=HeldSet.State.OPEN).order_by()
    asked = brakes.values_list("tenant_id", Concat(Value("held_"), "kind"), "pk", "opened_at")
    watched = EntityPolicy.objects.filter(tenant_id__in=ids).exclude(hold_code="").order_by()
    by_cause: dict[tuple[str, int], list[tuple[int | None, datetime | None]]] = defaultdict(list)
    for tenant_id, code, pk, at in asked:
        by_cause[code, tenant_id].append((pk, at))
    for tenant_id, code in watched.values_list("tenant_id", "hold_code"):
        by_cause[code, tenant_id].append((None, None))
    for (code, tenant_id), rows in by_cause.items():
        instants = [at for _, at in rows if at]
        newest = max(rows, key=lambda row: (row[1] is not None, row[1]))[0]
        part = Part(tenant_id, len(rows), newest, min(instants, default=None), max(instants, default=None))
        yield Kind.QUESTION, code, part


# ----------------------------------------------------------------------------------------------- what people do


def retry_cause(cause: Cause, tenant_ids: Iterable[int], user_id: int | None) -> list[tuple[int, int]]:
    """Try again whatever has this cause in these companies; returns (company, how many). A report's company is read anew."""
    wanted, asked = set(tenant_ids), []
    for part in cause.parts:
        if part.tenant_id not in wanted or not cause.can_retry:
            continue
        if cause.kind == Kind.REPORT:
            fetch_now(part.tenant_id, user_id)
            asked.append((part.tenant_id, part.count))
            continue
        criteria = {"state": RecordLink.State.NEEDS_ATTENTION.value, "reason": cause.code}
        run = queue_retry(part.tenant_id, {"filter": criteria}, user_id)
        if run is not None:
            asked.append((part.tenant_id, run.total or 0))
    return asked


def notes() -> dict[tuple[str, str], CauseNote]:
    """The newest note on each cause, of those that row security shows."""
    rows = CauseNote.objects.select_related("assigned_to", "written_by").order_by("kind", "code", "-written_at")
    return {(row.kind, row.code): row for row in rows.distinct("kind", "code")}


def write_note(
    cause: Cause, tenant_ids: Iterable[int], assigned_to: int | None, text: str, user_id: int | None
) -> None:
    """Replace what was said about this cause in these companies, or fewer of them. Nothing said: nothing stays."""
    about = sorted(set(tenant_ids))
    CauseNote.objects.filter(kind=cause.kind, code=cause.code, tenant_ids__contained_by=about).delete()
    if assigned_to or text:
        CauseNote.objects.create(
            kind=cause.kind,
            code=cause.code,
            tenant_ids=about,
            assigned_to_id=assigned_to,
            note=text,
            written_by_id=user_id,
        )


def forget_healed(causes: Iterable[Cause]) -> int:
    """Remove notes on what none of their companies has any more. `causes`: those of all companies; call inside ALL."""
    standing = {(cause.kind.value, cause.code): cause.tenant_ids for cause in causes}
    gone = Q(pk__in=[])
    for kind, code in CauseNote.objects.values_list("kind", "code").distinct():
        about = Q(kind=kind, code=code)
        has_it = standing.get((kind, code))
        gone |= about & ~Q(tenant_ids__overlap=has_it) if has_it else about
    removed, _ = CauseNote.objects.filter(gone).delete()
    return removed
