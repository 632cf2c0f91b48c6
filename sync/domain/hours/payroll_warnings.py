"""What is not through as a cut-off comes near: of every company at once, for the front page. Call inside a scope.

Counted by the states of the reports, by index; the hours check itself proves the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from sync.domain.hours.pay_periods import Period, due_period
from sync.models import PayCalendar, SignOff
from tenants.models import Tenant


@dataclass(frozen=True)
class PayrollWarning:
    """Of one pay calendar's period: reports ready and not through, reports that wait, lines not posted for long."""

    calendar_id: int
    calendar: str
    period: Period
    open: int
    waiting: int
    unposted: int


#: What of a pay calendar says which period it has to look at, and what to warn of.
COLUMNS = ("id", "tenant_id", "name", "kind", "anchor_on", "day_of_month", "cut_off_days", "warn_days", "unposted_days")


def with_calendars(tenants: QuerySet[Tenant]) -> QuerySet[Tenant]:
    """The rows as `payroll_warnings` takes them: each with its pay calendars in use."""
    signed = SignOff.objects.filter(calendar=OuterRef("pk")).order_by("-last").values("last")[:1]
    calendars = PayCalendar.objects.filter(tenant=OuterRef("pk"), is_active=True).order_by("pk")
    columns = JSONObject(**{name: name for name in COLUMNS}, signed_until=Subquery(signed))
    return tenants.annotate(pay_calendars=ArraySubquery(calendars.values(columns=columns)))


def payroll_warnings(tenants: Iterable[Any]) -> dict[int, list[PayrollWarning]]:
    """Tenant → what to warn of, nearest cut-off first; each row as `with_calendars` gives it. At most one query."""
    today = timezone.localdate()
    due: dict[int, tuple[PayCalendar, Period]] = {}
    for columns in (columns for tenant in tenants for columns in tenant.pay_calendars):
        signed_until, anchor = columns.pop("signed_until"), columns.pop("anchor_on")
        calendar = PayCalendar(**columns, anchor_on=date.fromisoformat(anchor) if anchor else None)
        period = due_period(calendar, today)
        if signed_until is None or date.fromisoformat(signed_until) < period.last:
            due[calendar.pk] = (calendar, period)
    found = defaultdict(list)
    for key, *counts in _counts(due):
        calendar, period = due[key]
        found[calendar.tenant_id].append(PayrollWarning(key, calendar.name, period, *counts))
    return {tenant_id: sorted(rows, key=lambda row: row.period.cut_off_on) for tenant_id, rows in found.items()}


def _counts(due: dict[int, tuple[PayCalendar, Period]]) -> list[tuple[int, int, int, int]]:
    if not due:
        return []
    now = timezone.now()
    rows = [
        (key, calendar.tenant_id, period.first, period.last, now - timedelta(days=calendar.unposted_days))
        for key, (calendar, period) in due.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [list(column) for column in zip(*rows, strict=True)])
        counted: list[tuple[int, int, int, int]] = cursor.fetchall()
    return counted


#: A withdrawn report whose line was set on hold waits, it does not differ.
COUNTS = """
WITH asked AS (
    SELECT asked.*, c.groups
    FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[], %s::timestamptz[])
        AS asked (calendar_id, tenant_id, first, last, sent_before)
    JOIN sync_paycalendar c ON c.id = asked.calendar_id
), paid AS (
    SELECT asked.calendar_id, link.intempus_id
    FROM asked
    JOIN sync_referencerow employee ON employee.tenant_id = asked.tenant_id AND employee.list = 'employee'
        AND employee.data ->> 'Group' = ANY (asked.groups)
    JOIN mappings_recordlink link ON link.tenant_id = asked.tenant_id AND link.entity = 'employee'
        AND link.uniconta_key = employee.key
), counted AS (
    SELECT asked.calendar_id, r.employee_id, r.state <> 'waiting' AS is_open, r.state = 'waiting' AS is_waiting,
        false AS is_unposted
    FROM asked JOIN sync_workreport r ON r.tenant_id = asked.tenant_id AND r.starts_on BETWEEN first AND last
        AND r.state IN ('ready', 'sending', 'needs_attention', 'changed', 'waiting') AND r.reason <> 'line_held'
    UNION ALL
    SELECT asked.calendar_id, r.employee_id, false, false, true
    FROM asked JOIN sync_journalline l ON l.tenant_id = asked.tenant_id AND l.state = 'in_journal'
        AND l.confirmed_at < asked.sent_before
    JOIN sync_workreport r ON r.id = l.report_id AND r.starts_on BETWEEN first AND last
)
SELECT counted.calendar_id, count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE is_waiting),
    count(*) FILTER (WHERE is_unposted)
FROM counted JOIN asked USING (calendar_id)
WHERE groups = '{}' OR (calendar_id, employee_id) IN (SELECT calendar_id, intempus_id FROM paid)
GROUP BY counted.calendar_id
"""
