"""The page *Off-boarding* of a company: the way out, step by step, up to the certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sync.admin.carriers import company_page
from sync.admin.onboarding import company_to_set_up
from sync.domain.actions import RefusedError, audit
from sync.domain.catalogue import explain_code
from sync.domain.export import as_json, as_xlsx
from sync.domain.off_boarding import DAYS_KEPT, LONGEST_KEPT, begin_leaving, certificate, close, steps_of, undo_leaving
from sync.domain.spreadsheet import XLSX
from tenants.admin.base import Press, TenantAdmin, label
from tenants.models import Tenant
from tenants.roles import Right

FORMS: dict[str, tuple[str, Callable[[Tenant], str | bytes]]] = {
    "json": ("application/json; charset=utf-8", as_json),
    "xlsx": (XLSX, as_xlsx),
}


def off_boarding_url(tenant_id: int) -> str:
    return reverse("admin:tenants_tenant_off_boarding", args=[tenant_id])


class OffBoardingPages(TenantAdmin):
    """Pages and buttons of the off-boarding, for the page of a company."""

    presses: Sequence[Press] = (
        Press("leave", _("Begin off-boarding"), "logout", "press_leave", Right.CONFIGURE, "danger"),
        Press("stay", _("The customer stays"), "undo", "press_stay", Right.CONFIGURE),
    )

    def get_urls(self) -> list[URLPattern]:
        def page(view: Any) -> Any:
            return self.admin_site.admin_view(partial(view, self))

        base = "<path:object_id>/off-boarding/"
        return [
            path(base, page(off_boarding_view), name="tenants_tenant_off_boarding"),
            path(f"{base}export/<slug:form>/", page(export_view), name="tenants_tenant_export"),
            path(f"{base}close/", page(close_view), name="tenants_tenant_close"),
            path(f"{base}certificate/", page(certificate_view), name="tenants_tenant_certificate"),
            *super().get_urls(),
        ]

    def press_leave(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _do(request, tenant, begin_leaving)

    def press_stay(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _do(request, tenant, undo_leaving)


def _do(request: HttpRequest, tenant: Tenant, action: Callable[[int, int | None], None]) -> HttpResponse:
    try:
        action(tenant.pk, request.user.pk)
    except RefusedError as error:
        _say(request, error)
    return HttpResponseRedirect(off_boarding_url(tenant.pk))


def _say(request: HttpRequest, error: RefusedError) -> None:
    why = explain_code(error.code)
    messages.error(request, f"{why.text} {why.fix}".strip())


def off_boarding_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    tenant = company_to_set_up(model_admin, request, object_id)
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)}
    is_leaving, is_closed = tenant.state == Tenant.State.LEAVING, tenant.state == Tenant.State.CLOSED
    steps = steps_of(tenant)
    wanted = ["stay", "check-hooks"] if is_leaving else [] if is_closed else ["leave"]
    context = {
        **company_page(model_admin, request, tenant, "off_boarding", gettext("Off-boarding")),
        "steps": [
            (step, label(_("Done") if step.is_done else _("To do"), "good" if step.is_done else "neutral"))
            for step in steps
        ],
        "buttons": [presses[verb] for verb in wanted if verb in presses],
        "is_leaving": is_leaving,
        "is_closed": is_closed,
        "may_close": is_leaving and all(step.is_done or not step.is_needed for step in steps),
        "days": DAYS_KEPT,
        "longest": LONGEST_KEPT,
    }
    return TemplateResponse(request, "console/off_boarding.html", context)


def export_view(model_admin: Any, request: HttpRequest, object_id: str, form: str) -> HttpResponse:
    """Everything as a file. POST: it is noted who took it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant = company_to_set_up(model_admin, request, object_id)
    if form not in FORMS:
        raise Http404
    content_type, make = FORMS[form]
    response = HttpResponse(make(tenant), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{tenant.slug}.{form}"'
    audit(tenant.pk, request.user.pk, "export_taken", form)
    return response


def close_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Close for good: the short name has to be typed."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant = company_to_set_up(model_admin, request, object_id)
    days = request.POST.get("days", "")
    if request.POST.get("slug", "").strip() != tenant.slug:
        messages.error(request, gettext("Type the short name exactly as it stands there."))
    elif not days.isdecimal():
        messages.error(request, gettext("Say after how many days personal data is erased."))
    else:
        try:
            close(tenant.pk, request.user.pk, int(days))
        except RefusedError as error:
            _say(request, error)
    return HttpResponseRedirect(off_boarding_url(tenant.pk))


def certificate_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """For the customer, in its language; made for printing."""
    tenant = company_to_set_up(model_admin, request, object_id)
    if tenant.state != Tenant.State.CLOSED:
        raise Http404
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Certificate"),
        "back_url": off_boarding_url(tenant.pk),
        **certificate(tenant),
    }
    return TemplateResponse(request, "console/certificate.html", context)
