"""Files that leave the house: the auditor's pack of one period, and what each company used in a month.

Call inside a scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext

from mappings.models import RecordLink
from sync.domain.budgets import login_of
from sync.domain.catalogue import explain_code
from sync.domain.spreadsheet import book, sheet
from sync.models import CallCount, JournalLine, ReportEntry, SignOff, SyncLogEntry, WorkReport
from tenants.labels import action_label, person_name
from tenants.models import AuditEntry, Connection, Tenant


def _instants(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last, local time."""
    begin, end = (datetime.combine(day, time()) for day in (first, last + timedelta(days=1)))
    return timezone.make_aware(begin), timezone.make_aware(end)


def auditor_pack(tenant_id: int, first: date, last: date) -> bytes:
    """XLSX: sign-offs that touch the period, lines and corrections of its days, and who pressed what within it."""
    lines = JournalLine.objects.filter(
        tenant_id=tenant_id, report__starts_on__gte=first, report__starts_on__lte=last
    ).select_related("report", "user")
    ordered = list(lines.order_by("report__starts_on", "report_id", "number"))
    is_correction = Q(number__gt=1) | Q(kind=JournalLine.Kind.REVERSAL)
    corrected = set(lines.filter(is_correction).values_list("report_id", flat=True))
    headers = [
        gettext(name)
        for name in ("Day", "Employee", "Case", "Work type", "Reference", "Line", "State", "Quantity", "Sent", "Posted")
    ]
    return book(
        [
            _sign_offs(tenant_id, first, last),
            sheet(gettext("Transfers"), headers, [_line(each) for each in ordered]),
            sheet(
                gettext("Corrections"),
                [*headers, gettext("User")],
                [[*_line(each), person_name(each.user)] for each in ordered if each.report_id in corrected],
            ),
            _presses(tenant_id, first, last),
        ]
    )


def _line(line: JournalLine) -> list[object]:
    report = line.report
    return [
        report.starts_on,
        report.employee_name or report.employee_number,
        report.case_name,
        report.work_type_name,
        line.reference,
        line.get_kind_display(),
        line.get_state_display(),
        float(line.quantity),
        line.sent_at,
        line.posted_at,
    ]


def _sign_offs(tenant_id: int, first: date, last: date) -> object:
    rows = SignOff.objects.filter(tenant_id=tenant_id, first__lte=last, last__gte=first).order_by("at")
    headers = ["First day", "Last day", "Signed off", "Signed off by", "Why in spite of differences", "Note"]
    return sheet(
        gettext("Sign-offs"),
        [gettext(name) for name in headers],
        [[row.first, row.last, row.at, row.signed_by, row.reason, row.note] for row in rows],
    )


def _presses(tenant_id: int, first: date, last: date) -> object:
    begin, end = _instants(first, last)
    pressed: list[tuple[datetime, str, str, str]] = [
        (entry.at, person_name(entry.user), action_label(entry.action), entry.detail)
        for entry in AuditEntry.objects.filter(tenant_id=tenant_id, at__gte=begin, at__lt=end).select_related("user")
    ]
    # What was answered about a report stands in its own history.
    answered = ReportEntry.objects.filter(tenant_id=tenant_id, at__gte=begin, at__lt=end, user__isnull=False)
    pressed += [
        (entry.at, person_name(entry.user), explain_code(entry.code).text, f"{entry.report} {entry.detail}".strip())
        for entry in answered.select_related("user", "report")
    ]
    headers = [gettext(name) for name in ("At", "User", "Action", "Detail")]
    return sheet(gettext("Who pressed what"), headers, sorted(pressed, key=lambda row: row[0]))


def usage(tenants: Sequence[Tenant], month: date) -> bytes:
    """XLSX: what each company used in the month that begins on this day, for its invoice.

    Records and seats are as they stand now. Calls are counted per log-in: companies that share one show the same figure,
    and say so.
    """
    ids = [tenant.pk for tenant in tenants]
    after = (month + timedelta(days=32)).replace(day=1)
    begin, end = _instants(month, after - timedelta(days=1))
    linked = RecordLink.objects.filter(tenant_id__in=ids).exclude(uniconta_id="").exclude(intempus_id="")
    of_records = linked.order_by().values("tenant_id")
    records = {
        row["tenant_id"]: (row["records"], row["seats"])
        for row in of_records.annotate(
            records=Count("pk"), seats=Count("pk", filter=Q(entity="employee", inactive_reason=""))
        )
    }
    written = SyncLogEntry.objects.filter(
        tenant_id__in=ids, at__gte=begin, at__lt=end, state=SyncLogEntry.State.DONE
    ).exclude(action__in=[SyncLogEntry.Action.NOTHING, SyncLogEntry.Action.LINK])
    changes = dict(written.order_by().values_list("tenant_id").annotate(Count("pk")))
    moved = WorkReport.objects.filter(tenant_id__in=ids, transferred_at__gte=begin, transferred_at__lt=end)
    reports = dict(moved.order_by().values_list("tenant_id").annotate(Count("pk")))
    members = get_user_model().objects.filter(memberships__tenant_id__in=ids, is_active=True)
    people = dict(members.order_by().values_list("memberships__tenant_id").annotate(Count("pk", distinct=True)))
    calls, shared = _calls(ids, month, after)
    names = ["Company", "Short name", "Month", "Linked records", "Employees in both", "People with access"]
    headers = [gettext(name) for name in names]
    headers += [gettext(name) for name in ("Changes carried out", "Work reports transferred")]
    headers += [f"{gettext('Calls')} {system.label}" for system in Connection.System] + [gettext("Shared log-in")]
    rows = [
        [
            tenant.name,
            tenant.slug,
            month.strftime("%Y-%m"),
            *records.get(tenant.pk, (0, 0)),
            people.get(tenant.pk, 0),
            changes.get(tenant.pk, 0),
            reports.get(tenant.pk, 0),
            *(calls.get((tenant.pk, system.value), 0) for system in Connection.System),
            gettext("yes") if tenant.pk in shared else "",
        ]
        for tenant in tenants
    ]
    return book([sheet(gettext("Usage"), headers, rows)])


def _calls(ids: list[int], first: date, after: date) -> tuple[dict[tuple[int, str], int], set[int]]:
    """(company, system) → calls of its log-in; and the companies whose log-in another of them uses, too."""
    connections = Connection.objects.filter(tenant_id__in=ids).defer("sealed_secret", "capabilities")
    users: dict[tuple[str, ...], list[Connection]] = {}
    for connection in connections:
        users.setdefault(login_of(connection), []).append(connection)
    counted = CallCount.objects.filter(on__gte=first, on__lt=after).values_list("system", "base_url", "username")
    totals = {(base_url, username): number for _, base_url, username, number in counted.annotate(Sum("count"))}
    calls, shared = {}, set()
    for rows in users.values():
        for row in rows:
            calls[row.tenant_id, row.system] = totals.get((row.base_url, row.username), 0)
        if len(rows) > 1:
            shared |= {row.tenant_id for row in rows}
    return calls, shared
