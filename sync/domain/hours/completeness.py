"""The hours check: whether everything that is ready in Intempus stands in Uniconta, by week, employee and unit.

It trusts no state that says "transferred". Per report it lays what counts as ready now against what was last *seen* in
Uniconta of its lines, reversals with their sign; each report falls into exactly one `Standing`, and for every sum

    ready - transferred = difference + answered

holds, where `answered` is what a person accepted or did by hand. Read-only; everything here takes a scope for granted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection
from django.utils import timezone

from mappings.hours import Ready
from mappings.models import HoursPolicy, RecordLink
from sync.models import JournalLine, ReferenceRow, WorkReport

State = WorkReport.State
LineState = JournalLine.State
ZERO = Decimal(0)


class Standing(StrEnum):
    """Where one report stands. Only OPEN is a difference."""

    COMPLETE = "complete"
    OPEN = "open"
    ANSWERED = "answered"  # accepted as it is, or done by hand
    WAITING = "waiting"  # for approval, or whatever the tenant's rule waits for
    HELD = "held"  # by rule, or its line is on hold in the journal
    SKIPPED = "skipped"
    BEFORE_START = "before_start"
    EARLIER = "earlier"
    GONE = "gone"  # deleted, and never stood in Uniconta


@dataclass(frozen=True)
class Span:
    """Whose hours of which days worked, first and last included. `employees`: Intempus ids; None means everybody."""

    tenant_id: int
    first: date
    last: date
    employees: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Amount:
    """Sums of one unit, each report rounded as it is transferred."""

    ready: Decimal = ZERO
    transferred: Decimal = ZERO  # posted or not
    posted: Decimal = ZERO
    answered: Decimal = ZERO
    open_count: int = 0  # reports that differ; their differences may cancel out

    @property
    def difference(self) -> Decimal:
        return self.ready - self.transferred - self.answered

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.ready + other.ready,
            self.transferred + other.transferred,
            self.posted + other.posted,
            self.answered + other.answered,
            self.open_count + other.open_count,
        )


@dataclass(frozen=True)
class Group:
    """Reports of one kind: how many, and how much of each unit."""

    count: int = 0
    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    def plus(self, count: int, unit: str, amount: Decimal) -> Group:
        return Group(self.count + count, {**self.amounts, unit: self.amounts.get(unit, ZERO) + amount})


@dataclass(frozen=True)
class Employee:
    id: str
    number: str
    name: str


@dataclass(frozen=True)
class Check:
    """What the hours check found. Weeks are named by their Monday (ISO 8601)."""

    span: Span
    by_week: Mapping[tuple[date, str], Amount]
    by_employee: Mapping[tuple[Employee, str], Amount]
    groups: Mapping[Standing, Group]
    needs_attention: Group  # ready or not
    changed: Group  # after their transfer, unanswered

    @property
    def by_unit(self) -> dict[str, Amount]:
        """Unit → sums, that of the most first."""
        sums: dict[str, Amount] = defaultdict(Amount)
        for (_, unit), amount in self.by_employee.items():
            sums[unit] += amount
        return dict(sorted(sums.items(), key=lambda each: (-each[1].ready, each[0])))

    @property
    def open_count(self) -> int:
        return self.groups[Standing.OPEN].count

    @property
    def is_complete(self) -> bool:
        return not self.open_count


@dataclass(frozen=True)
class Difference:
    """One report that is ready and not through, or through and not ready. `code`: why, in the catalogue."""

    report_id: int
    intempus_id: str
    starts_on: date
    employee: Employee
    case: str
    work_type: str
    unit: str
    ready: Decimal
    transferred: Decimal
    code: str
    about: str

    @property
    def difference(self) -> Decimal:
        return self.ready - self.transferred


@dataclass(frozen=True)
class Awaited:
    """Reports that wait for one person. `approver` is "" where Intempus names nobody."""

    approver: str
    reports: Group
    oldest_on: date


def whole_span(tenant_id: int, first: date | None = None, last: date | None = None) -> Span:
    """From the first day transferred until today, or as asked."""
    policy = HoursPolicy.objects.filter(tenant_id=tenant_id).first()
    start = policy.transfer_from if policy else None
    last = last or timezone.localdate()
    return Span(tenant_id, first or start or last, last)


def employees_in(tenant_id: int, groups: Sequence[str]) -> tuple[str, ...] | None:
    """The Intempus ids of the employees in some groups of Uniconta's; None, everybody, for no groups."""
    if not groups:
        return None
    rows = ReferenceRow.objects.filter(tenant_id=tenant_id, list="employee", data__Group__in=list(groups))
    links = RecordLink.objects.filter(tenant_id=tenant_id, entity="employee", uniconta_key__in=rows.values("key"))
    return tuple(links.exclude(intempus_id="").values_list("intempus_id", flat=True))


def check_hours(span: Span) -> Check:
    """The sums of a span of days, in one statement whatever the number of reports."""
    weeks: dict[tuple[date, str], Amount] = defaultdict(Amount)
    people: dict[tuple[str, str], Amount] = defaultdict(Amount)
    names: dict[str, Employee] = {}
    groups = dict.fromkeys(Standing, Group())
    asking = {State.NEEDS_ATTENTION.value: Group(), State.CHANGED.value: Group()}
    for row in _rows(SUMS, span):
        week, employee_id, number, name, unit, standing, state, count, quantity, ready, transferred, posted = row
        gap = ready - transferred if standing == Standing.ANSWERED else ZERO
        open_count = count if standing == Standing.OPEN else 0
        amount = Amount(ready, transferred, posted, gap, open_count)
        groups[Standing(standing)] = groups[Standing(standing)].plus(count, unit, quantity)
        if state in asking and standing != Standing.GONE:
            asking[state] = asking[state].plus(count, unit, quantity)
        if amount != Amount():
            weeks[week, unit] += amount
            people[employee_id, unit] += amount
            # Whoever changed the name meanwhile is one person still.
            known = names.get(employee_id, Employee(employee_id, "", ""))
            names[employee_id] = Employee(employee_id, max(known.number, number), max(known.name, name))
    order = sorted(people, key=lambda key: (names[key[0]].name, names[key[0]].number, key))
    return Check(
        span,
        dict(sorted(weeks.items())),
        {(names[employee_id], unit): people[employee_id, unit] for employee_id, unit in order},
        groups,
        asking[State.NEEDS_ATTENTION.value],
        asking[State.CHANGED.value],
    )


def differences(span: Span, limit: int | None = None) -> Iterator[Difference]:
    """The reports behind the differences, oldest day first."""
    for row in _rows(f"{OPEN_ONES} LIMIT %(limit)s", span, limit=limit):
        pk, intempus_id, day, *person, case, work_type, unit, ready, transferred, state, reason, problems, line = row
        code, about = _why(state, reason, json.loads(problems), line)
        yield Difference(
            pk, intempus_id, day, Employee(*person), case, work_type, unit, ready, transferred, code, about
        )


def awaited(span: Span) -> list[Awaited]:
    """Reports that wait for approval, by the person who is next; most first."""
    found: dict[str, Awaited] = {}
    for approver, unit, count, amount, oldest in _rows(WAITING, span):
        each = found.get(approver, Awaited(approver, Group(), oldest))
        found[approver] = replace(
            each, reports=each.reports.plus(count, unit, amount), oldest_on=min(each.oldest_on, oldest)
        )
    return sorted(found.values(), key=lambda each: (-each.reports.count, each.approver))


def unposted_count(span: Span, days: int) -> int:
    """Lines that have stood in the journal for more than so many days."""
    reports = WorkReport.objects.filter(tenant_id=span.tenant_id, starts_on__range=(span.first, span.last))
    if span.employees is not None:
        reports = reports.filter(employee_id__in=span.employees)
    return JournalLine.objects.filter(
        tenant_id=span.tenant_id,
        state=LineState.IN_JOURNAL,
        confirmed_at__lt=timezone.now() - timedelta(days=days),
        report__in=reports,
    ).count()


def _why(state: str, reason: str, problems: Sequence[Sequence[str]], line: str) -> tuple[str, str]:
    """The code of why a report is open, and what it is about."""
    if state in (State.NEEDS_ATTENTION, State.CHANGED) and reason:
        return reason, next((about for code, about in problems if code == reason), "")
    if state == State.READY:
        return "report_not_sent", ""
    if state == State.SENDING:
        return ("line_unclear" if line == LineState.UNCLEAR else "report_being_sent"), ""
    if state != State.TRANSFERRED:
        return "report_not_judged", ""
    if line == "misplaced":
        return "line_misplaced", ""
    return "line_quantity_differs", ""


# ------------------------------------------------------------------------------------------------ in SQL


def _rows(sql: str, span: Span, **more: Any) -> list[tuple[Any, ...]]:
    policy = HoursPolicy.objects.filter(tenant_id=span.tenant_id).first()
    terms = policy.terms() if policy else None
    parameters = {
        "tenant": span.tenant_id,
        "first": span.first,
        "last": span.last,
        "employees": list(span.employees) if span.employees is not None else None,
        "transfer_from": (terms.transfer_from if terms else None) or date.max,
        "ready_when": terms.ready_when.value if terms else Ready.APPROVED.value,
        "ready_until": timezone.localdate() - timedelta(days=terms.ready_days if terms else 0),
        "standing_lines": list(JournalLine.STANDING),
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{JUDGED} {sql}", parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


#: One row per report of the span: what is ready of it, what stands in Uniconta, and where that leaves it.
#: A line of which nothing was seen counts as sent; one that Uniconta shows without a quantity counts as 0. A line on hold
#: of a report that is not ready (any more) is set aside: it says what Intempus says.
JUDGED = """
WITH due AS (
    SELECT r.id, r.starts_on, r.employee_id, r.employee_number, r.employee_name, r.unit, r.quantity, r.state, r.reason,
        r.is_gone, NOT r.is_gone AND r.starts_on >= %(transfer_from)s
        AND r.state NOT IN ('skipped', 'held', 'before_start', 'earlier')
        AND CASE %(ready_when)s WHEN 'approved' THEN r.is_approved WHEN 'locked' THEN r.is_locked
            ELSE r.starts_on <= %(ready_until)s END AS is_due
    FROM sync_workreport r
    WHERE r.tenant_id = %(tenant)s AND r.starts_on BETWEEN %(first)s AND %(last)s AND r.state <> 'closed'
        AND (%(employees)s::text[] IS NULL OR r.employee_id = ANY (%(employees)s::text[]))
), seen AS (
    SELECT l.report_id, l.state = 'posted' AS is_posted, l.is_on_hold,
        l.differing && ARRAY['Date', 'Employee']::varchar[] AS is_misplaced,
        coalesce((l.seen ->> 'Qty')::numeric, CASE l.seen WHEN '{}' THEN l.quantity ELSE 0 END) AS quantity
    FROM due JOIN sync_journalline l ON l.report_id = due.id
    WHERE l.state = ANY (%(standing_lines)s)
        AND NOT (l.is_on_hold AND NOT due.is_due)
), sums AS (
    SELECT report_id, sum(quantity) AS transferred, coalesce(sum(quantity) FILTER (WHERE is_posted), 0) AS posted,
        bool_or(is_misplaced) AS is_misplaced
    FROM seen GROUP BY report_id
), compared AS (
    SELECT due.*, CASE WHEN is_due THEN quantity ELSE 0 END AS ready, coalesce(transferred, 0) AS transferred,
        coalesce(posted, 0) AS posted, coalesce(is_misplaced, false) AS is_misplaced,
        sums.report_id IS NOT NULL AS has_lines
    FROM due LEFT JOIN sums ON sums.report_id = due.id
), judged AS (
    SELECT *, CASE
        WHEN state IN ('accepted', 'by_hand') THEN 'answered'
        WHEN ready <> transferred OR is_due AND NOT has_lines OR is_misplaced
            OR is_due AND state = 'needs_attention' OR state = 'changed' AND reason <> 'line_held' THEN 'open'
        WHEN state IN ('earlier', 'skipped', 'held', 'before_start') THEN state
        WHEN state = 'changed' THEN 'held'
        WHEN is_due THEN 'complete'
        WHEN is_gone THEN 'gone'
        ELSE 'waiting' END AS standing
    FROM compared
)
"""

SUMS = """
SELECT date_trunc('week', starts_on)::date AS week, employee_id, max(employee_number), max(employee_name), unit,
    standing, state, count(*), sum(quantity), sum(ready), sum(transferred), sum(posted)
FROM judged GROUP BY week, employee_id, unit, standing, state
"""

OPEN_ONES = """
SELECT r.id, r.intempus_id, r.starts_on, r.employee_id, r.employee_number, r.employee_name, r.case_name,
    r.work_type_name, r.unit, ready, transferred, r.state, r.reason, r.problems, CASE WHEN is_misplaced THEN 'misplaced' ELSE coalesce((
        SELECT l.state FROM sync_journalline l WHERE l.report_id = r.id ORDER BY l.number DESC LIMIT 1
    ), '') END
FROM judged JOIN sync_workreport r USING (id) WHERE standing = 'open' ORDER BY r.starts_on, r.employee_name, r.id
"""

WAITING = """
SELECT coalesce(next.who, '') AS approver, r.unit, count(*), sum(r.quantity), min(r.starts_on)
FROM judged JOIN sync_workreport r USING (id) LEFT JOIN LATERAL (
    SELECT coalesce(nullif(each.value ->> 'name', ''), each.value ->> 'label') AS who
    FROM jsonb_array_elements(r.approvals) WITH ORDINALITY AS each (value, place)
    WHERE coalesce(each.value ->> 'date', '') = '' ORDER BY place LIMIT 1
) AS next ON true
WHERE standing = 'waiting' GROUP BY approver, r.unit
"""
