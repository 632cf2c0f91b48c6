"""What carries a company's changes, on pages of their own: *Webhooks* and *Schedules*; and the tabs that lead to them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext

from sync.admin.hook_table import hook_table
from sync.domain.catalogue import explain_code
from sync.domain.hooks import last_look
from sync.domain.rhythm import Hooks, hooks_of, schedules_of
from tenants.admin.webhook_token import masked_url
from tenants.models import Connection, Tenant, WebhookToken
from tenants.roles import Right, has_right


def webhooks_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Who calls us about this company, for what, when last, and at which addresses."""
    tenant = visible_company(model_admin, request, object_id)
    look = last_look(tenant.pk)
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)}
    may_see_tokens = has_right(request.user, Right.CONFIGURE, tenant.pk)
    tokens = WebhookToken.objects.filter(tenant=tenant) if may_see_tokens else WebhookToken.objects.none()
    return TemplateResponse(
        request,
        "console/webhooks.html",
        {
            **company_page(model_admin, request, tenant, "webhooks", gettext("Webhooks")),
            **_silence(hooks_of([tenant.pk])[tenant.pk]),
            "hook_rows": hook_table(tenant.pk, look) if look else None,
            "look": look,
            "presses": [presses[verb] for verb in ("check-hooks", "create-hooks", "new-token") if verb in presses],
            "tokens": [
                {
                    "row": token,
                    "urls": [(system.label, masked_url(tenant, system.value)) for system in Connection.System],
                }
                for token in tokens
            ],
            "may_see_tokens": may_see_tokens,
            "may_reveal": has_right(request.user, Right.REVEAL, tenant.pk),
        },
    )


def schedules_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """What is done by the clock for this company, how often, when last and next, and how it ended."""
    tenant = visible_company(model_admin, request, object_id)
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)} if tenant.is_live else {}
    hooks = hooks_of([tenant.pk])[tenant.pk]
    rows = schedules_of(tenant, hooks)
    return TemplateResponse(
        request,
        "console/schedules.html",
        {
            **company_page(model_admin, request, tenant, "schedules", gettext("Schedules")),
            "panel": {"tenant": tenant, "hooks": hooks, "are_checks_stretched": hooks.are_stretched(tenant)},
            "rows": [{"schedule": row, "press": presses.get(row.kind)} for row in rows],
        },
    )


def summary(tenant: Tenant) -> dict[str, Any]:
    """Both in a line each, for the company's own page."""
    hooks = hooks_of([tenant.pk])[tenant.pk]
    look = last_look(tenant.pk)
    schedules = schedules_of(tenant, hooks)
    planned = [row for row in schedules if row.next_at]
    return {
        **_silence(hooks),
        "hook_problems": sum(bool(row["why"]) for row in hook_table(tenant.pk, look)) if look else 0,
        "next": min(planned, key=lambda row: row.next_at or 0, default=None),
        "failed": [row for row in schedules if row.last_error],
    }


def company_tabs(model_admin: Any, request: HttpRequest, tenant: Tenant, here: str = "") -> list[dict[str, Any]]:
    """unfold's tabs of a company: the parts of its form, then the pages. `here`: "" on the form, else the page's name."""
    form = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    parts = [("general", gettext("General"))]
    for formset, inline in model_admin.get_formsets_with_inlines(request, tenant):
        parts.append((formset.get_default_prefix(), capfirst(inline.opts.verbose_name_plural)))
    pages = [
        *([("onboarding", gettext("Onboarding"))] if _may_onboard(request, tenant) else []),
        *([("off_boarding", gettext("Off-boarding"))] if _leaves(request, tenant) else []),
        ("today", gettext("Today")),
        ("webhooks", gettext("Webhooks")),
        ("schedules", gettext("Schedules")),
        ("hours", gettext("Hours")),
        ("hours_check", gettext("Hours check")),
        *([("auditor_pack", gettext("Auditor pack"))] if has_right(request.user, Right.AUDIT, tenant.pk) else []),
    ]
    items = [
        # On the form a click shows a part of it; from another page it leads there.
        {"title": title, "link": form, "inline": part} if not here else {"title": title, "link": f"{form}#{part}"}
        for part, title in parts
    ] + [
        {"title": title, "link": reverse(f"admin:tenants_tenant_{name}", args=[tenant.pk]), "active": name == here}
        for name, title in pages
    ]
    shown = [{"has_permission": True, "active": False, **item} for item in items]
    return [{"models": [{"name": str(model_admin.opts), "detail": True}], "items": shown}]


def _leaves(request: HttpRequest, tenant: Tenant) -> bool:
    return tenant.is_leaving and has_right(request.user, Right.CONFIGURE, tenant.pk)


def _may_onboard(request: HttpRequest, tenant: Tenant) -> bool:
    return tenant.state == Tenant.State.PREPARING and has_right(request.user, Right.CONFIGURE, tenant.pk)


def visible_company(model_admin: Any, request: HttpRequest, object_id: str) -> Tenant:
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    if not model_admin.has_view_permission(request, tenant):
        raise PermissionDenied
    return tenant


def company_page(model_admin: Any, request: HttpRequest, tenant: Tenant, name: str, title: str) -> dict[str, Any]:
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": tenant,
        "title": f"{title}: {tenant}",
        "subtitle": None,
        "tenant": tenant,
        "tab_list": company_tabs(model_admin, request, tenant, name),
        "press_url": "admin:tenants_tenant_press",
    }


def _silence(hooks: Hooks) -> dict[str, Any]:
    return {"hooks": hooks, "hooks_silent": explain_code("hooks_silent")}
