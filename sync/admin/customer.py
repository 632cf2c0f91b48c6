"""What a customer's own people see first, the link that shows counts without a log-in, and the return from a pause."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mappings.labels import entity_label
from sync.admin.carriers import company_page, visible_company
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.customer import LINK_DAYS, Today, in_words, make_link, read_link, today
from sync.domain.reports_for_others import auditor_pack, usage
from sync.domain.retry_many import can_retry_all
from sync.domain.return_plan import return_plan
from sync.domain.spreadsheet import XLSX
from tenants.models import Membership, Tenant
from tenants.roles import Right, has_right, tenants_with
from tenants.scoping import ALL, tenant_scope

#: Those who come to look after their own company and nothing else.
OWN_PEOPLE = (Membership.Role.CUSTOMER, Membership.Role.BOOKKEEPER)


def home(request: HttpRequest) -> HttpResponse:
    """After the log-in: a customer's own people go to their company, everybody else to the overview."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    if not request.user.is_superuser:
        memberships = list(Membership.objects.filter(user_id=request.user.pk)[:2])
        if len(memberships) == 1 and memberships[0].role in OWN_PEOPLE:
            return redirect("admin:tenants_tenant_today", memberships[0].tenant_id)
    return redirect("admin:index")


def today_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Health in words, the last hour, and what waits for somebody, with what to do and *Try again*."""
    tenant = visible_company(model_admin, request, object_id)
    may_retry = has_right(request.user, Right.RETRY, tenant.pk)
    link = ""
    if request.method == "POST":
        link = _new_link(request, tenant)
    found = today(tenant.pk)
    response = TemplateResponse(
        request,
        "console/today.html",
        {
            **company_page(model_admin, request, tenant, "today", gettext("Today")),
            "today": found,
            "words": list(in_words(found)),
            "errors": [
                {
                    "record": record,
                    "kind": entity_label(record.entity),
                    "why": explain_code(record.reason, record.detail),
                    "can_retry": may_retry and tenant.is_live and can_retry_all(record.reason),
                }
                for record in found.records
            ],
            "reports": [{"report": report, "why": explain_code(report.reason)} for report in found.reports],
            "may_share": may_retry,
            "link_days": LINK_DAYS,
            "link": link,
        },
    )
    if link:
        response["Cache-Control"] = "no-store"
    return response


def _new_link(request: HttpRequest, tenant: Tenant) -> str:
    if not has_right(request.user, Right.RETRY, tenant.pk):
        raise PermissionDenied
    days = request.POST.get("days", "")
    if days not in map(str, LINK_DAYS):
        return ""
    actions.audit(tenant.pk, request.user.pk, "status_link_made", gettext("%(count)s days") % {"count": days})
    return request.build_absolute_uri(reverse("status-link", args=[make_link(tenant.pk, int(days))]))


@require_safe
@never_cache
def status_link_view(request: HttpRequest, token: str) -> HttpResponse:
    """Counts only, for whoever has the link: no name, no record, no other address of ours."""
    tenant_id = read_link(token)
    found: Today | None = None
    if tenant_id is not None:
        with tenant_scope(tenant_id):
            if Tenant.objects.filter(pk=tenant_id).exclude(state=Tenant.State.CLOSED).exists():
                found = today(tenant_id, with_rows=False)
    if found is None:
        raise Http404
    response = TemplateResponse(request, "account/status.html", {"today": found, "words": list(in_words(found))})
    response["X-Robots-Tag"] = "noindex"
    return response


def return_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Before the synchronisation goes on: what piled up, in which order it is caught up with, and at what cost."""
    tenant = visible_company(model_admin, request, object_id)
    if tenant.state != Tenant.State.PAUSED:
        return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
    plan = return_plan(tenant.pk)
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)}
    return TemplateResponse(
        request,
        "console/return.html",
        {
            **company_page(model_admin, request, tenant, "", gettext("After the pause")),
            "plan": plan,
            "piles": [(entity_label(pile.entity), pile) for pile in plan.piles],
            "press": presses.get("resume"),
        },
    )


class _Period(forms.Form):
    first = forms.DateField()
    last = forms.DateField()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and data.get("last") and data["first"] > data["last"]:
            raise forms.ValidationError("first > last")
        return data


def auditor_pack_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Choose a period, get the file."""
    tenant = visible_company(model_admin, request, object_id)
    if not has_right(request.user, Right.AUDIT, tenant.pk):
        raise PermissionDenied
    period = _Period(request.GET)
    if not period.is_valid():
        last = timezone.localdate().replace(day=1) - timedelta(days=1)
        context = {
            **company_page(model_admin, request, tenant, "auditor_pack", gettext("Auditor pack")),
            "first": last.replace(day=1).isoformat(),
            "last": last.isoformat(),
        }
        return TemplateResponse(request, "console/auditor_pack.html", context)
    first, last = period.cleaned_data["first"], period.cleaned_data["last"]
    actions.audit(tenant.pk, request.user.pk, "auditor_pack_exported", f"{first} – {last}")
    return _file(auditor_pack(tenant.pk, first, last), f"{tenant.slug}-audit-{first}-{last}.xlsx")


def usage_view(request: HttpRequest) -> HttpResponse:
    """What each company used in a month (`?month=2026-11`; the last whole one without), for invoicing."""
    tenants = tenants_with(request.user, Right.CONFIGURE)
    if not tenants:
        raise PermissionDenied
    try:
        month = date.fromisoformat(f"{request.GET['month']}-01")
    except (KeyError, ValueError):
        month = (timezone.localdate().replace(day=1) - timedelta(days=1)).replace(day=1)
    rows = Tenant.objects.order_by("name")
    chosen = rows if tenants == ALL else rows.filter(pk__in=tenants)
    return _file(usage(list(chosen), month), f"usage-{month:%Y-%m}.xlsx")


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
