"""The page *Hours check* of a company: what is ready against what stands in Uniconta, and the sign-off of a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext

from sync.admin.carriers import company_page, visible_company
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.hours.check_file import as_xlsx
from sync.domain.hours.completeness import (
    Amount,
    Awaited,
    Check,
    Difference,
    Group,
    Standing,
    awaited,
    check_hours,
    differences,
    unposted_count,
)
from sync.domain.hours.pay_periods import Period, due_period, period_after, period_before, period_of
from sync.domain.hours.sign_off import Moved, moved_since, sign_off, sign_offs_of, span_of
from sync.domain.spreadsheet import XLSX
from sync.models import PayCalendar
from tenants.models import Tenant
from tenants.roles import Right, has_right

DIFFERENCES_SHOWN = 200
#: Where a company has no pay calendar.
UNPOSTED_DAYS = 7
SIGN = Right.ANSWER_HOURS
#: Shown beside the sums, in this order.
BESIDE = (
    Standing.WAITING,
    Standing.HELD,
    Standing.SKIPPED,
    Standing.BEFORE_START,
    Standing.EARLIER,
    Standing.ANSWERED,
)


@dataclass(frozen=True)
class Choice:
    """Which days, and whose: those of a pay calendar's period, or as typed."""

    calendar: PayCalendar | None
    first: date
    last: date
    period: Period | None = None

    @property
    def query(self) -> dict[str, Any]:
        if self.calendar:
            return {"calendar": self.calendar.pk, "day": self.first}
        return {"from": self.first, "to": self.last}


def check_url(tenant_id: int, page: str = "", **query: Any) -> str:
    url = reverse(f"admin:tenants_tenant_hours_check{page}", args=[tenant_id])
    return f"{url}?{urlencode(query)}" if query else url


def hours_check_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The sums, the differences with their reasons, and what waits."""
    tenant = visible_company(model_admin, request, object_id)
    calendars = list(PayCalendar.objects.filter(tenant=tenant, is_active=True).order_by("name"))
    choice = _choice(request.GET, calendars)
    span = span_of(tenant.pk, choice.calendar, choice.first, choice.last)
    check = check_hours(span)
    signed = sign_offs_of(tenant.pk, choice.calendar, choice.first, choice.last)
    units = list(check.by_unit)
    unit = request.GET.get("unit")  # "" is one, too: what is counted in pieces
    if unit not in units:
        unit = units[0] if units else ""
    days = choice.calendar.unposted_days if choice.calendar else UNPOSTED_DAYS
    return TemplateResponse(
        request,
        "console/hours/check.html",
        {
            **company_page(model_admin, request, tenant, "hours_check", gettext("Hours check")),
            "choice": choice,
            "calendars": [
                {"row": each, "is_here": each == choice.calendar, "url": check_url(tenant.pk, calendar=each.pk)}
                for each in calendars
            ],
            "around": _around(tenant.pk, choice),
            "check": check,
            "sums": [{"unit": name, **_shown(amount)} for name, amount in check.by_unit.items()],
            "people": [
                {"who": who, "unit": name, **_shown(amount)} for (who, name), amount in check.by_employee.items()
            ],
            "weeks": [{"monday": day, "unit": name, **_shown(sums)} for (day, name), sums in check.by_week.items()],
            "unit": unit,
            "units": [(name, check_url(tenant.pk, **choice.query, unit=name)) for name in units],
            "chart": [(day, sums) for (day, name), sums in check.by_week.items() if name == unit],
            "beside": _beside(check),
            "differences": [_difference(each) for each in islice(differences(span), DIFFERENCES_SHOWN)],
            "more_differences": max(0, check.open_count - DIFFERENCES_SHOWN),
            "awaited": [_awaited(each) for each in awaited(span)] if check.groups[Standing.WAITING].count else [],
            "unposted": unposted_count(span, days),
            "unposted_days": days,
            "signed": [{"row": each, "moved": [_moved(row) for row in moved_since(each, check)]} for each in signed],
            "may_sign": has_right(request.user, SIGN, tenant.pk),
            "file_url": check_url(tenant.pk, "_file", **choice.query),
            "sign_url": check_url(tenant.pk, "_sign", **choice.query),
            "today": timezone.localdate(),
        },
    )


def hours_check_file_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The same as a spreadsheet, with every difference."""
    tenant = visible_company(model_admin, request, object_id)
    choice = _chosen(request, tenant)
    check = check_hours(span_of(tenant.pk, choice.calendar, choice.first, choice.last))
    response = HttpResponse(as_xlsx(check), content_type=XLSX)
    name = f"{tenant.slug}-hours-check-{choice.first}-{choice.last}.xlsx"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    actions.audit(tenant.pk, request.user.pk, "hours_check_exported", f"{choice.first} – {choice.last}")
    return response


def sign_off_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """A person's word that the period is in order."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant = visible_company(model_admin, request, object_id)
    if not has_right(request.user, SIGN, tenant.pk):
        raise PermissionDenied
    choice = _chosen(request, tenant)
    said = {name: request.POST.get(name, "") for name in ("reason", "note")}
    try:
        sign_off(tenant.pk, choice.calendar, choice.first, choice.last, request.user.pk or 0, **said)
    except actions.RefusedError as error:
        why = explain_code(error.code)
        messages.error(request, f"{why.text} {why.fix}")
    else:
        messages.success(request, gettext("The period is signed off, with the figures as they stand now."))
    return HttpResponseRedirect(check_url(tenant.pk, **choice.query))


# ------------------------------------------------------------------------------------------------ which days


def _chosen(request: HttpRequest, tenant: Tenant) -> Choice:
    return _choice(request.GET, list(PayCalendar.objects.filter(tenant=tenant, is_active=True)))


def _choice(query: Mapping[str, str], calendars: list[PayCalendar]) -> Choice:
    """What the address asks for; without a word, the period that the first pay calendar has to look at now."""
    first, last = _day(query.get("from", "")), _day(query.get("to", ""))
    if first and last:
        return Choice(None, min(first, last), max(first, last))
    wanted = query.get("calendar", "")
    calendar = next((each for each in calendars if str(each.pk) == wanted), calendars[0] if calendars else None)
    today = timezone.localdate()
    if calendar is None:
        this_month = today.replace(day=1)
        return Choice(None, (this_month - timedelta(days=1)).replace(day=1), today)
    day = _day(query.get("day", ""))
    period = period_of(calendar, day) if day else due_period(calendar, today)
    return Choice(calendar, period.first, period.last, period)


#: Beyond these years no period is reckoned.
YEARS = range(2000, 2200)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _around(tenant_id: int, choice: Choice) -> list[tuple[str, str]]:
    if choice.calendar is None or choice.period is None:
        return []
    before, after = period_before(choice.calendar, choice.period), period_after(choice.calendar, choice.period)
    return [
        (gettext("Previous period"), check_url(tenant_id, calendar=choice.calendar.pk, day=before.first)),
        (gettext("Next period"), check_url(tenant_id, calendar=choice.calendar.pk, day=after.first)),
    ]


# ------------------------------------------------------------------------------------------------ in words


def _number(amount: Decimal) -> str:
    return number_format(amount, 2)


def _shown(amount: Amount) -> dict[str, Any]:
    names = ("ready", "transferred", "posted", "answered", "difference")
    return {name: _number(getattr(amount, name)) for name in names} | {"open_count": amount.open_count}


def _amounts(group: Group) -> str:
    return ", ".join(f"{_number(amount)} {unit}".strip() for unit, amount in group.amounts.items())


def _beside(check: Check) -> list[dict[str, Any]]:
    """What is no difference, and what to know of it."""
    rows = [(f"hours_{standing}", check.groups[standing]) for standing in BESIDE]
    rows += [("hours_needs_attention", check.needs_attention), ("hours_changed", check.changed)]
    return [
        {"text": explain_code(code).text, "count": group.count, "amounts": _amounts(group)}
        for code, group in rows
        if group.count
    ]


def _difference(each: Difference) -> dict[str, Any]:
    try:
        url = reverse("admin:sync_workreport_change", args=[each.report_id])
    except NoReverseMatch:
        url = ""
    return {
        "row": each,
        "url": url,
        "why": explain_code(each.code, each.about),
        "ready": _number(each.ready),
        "transferred": _number(each.transferred),
    }


def _awaited(each: Awaited) -> dict[str, Any]:
    return {"row": each, "amounts": _amounts(each.reports)}


def _moved(row: Moved) -> dict[str, Any]:
    pairs = zip(row.then, row.now, strict=True)
    return {"row": row, "columns": [(_number(then), _number(now), then != now) for then, now in pairs]}
