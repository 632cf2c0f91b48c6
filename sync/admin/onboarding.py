"""The page *Onboarding* of a company: the steps from a new customer to a live one, each with its checks and its buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import modelform_factory
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mappings.models import EntityPolicy, HoursPolicy, Template
from mappings.spec import System
from sync.admin.carriers import company_page
from sync.admin.checks import checks_shown
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.check import Area
from sync.domain.rights import rights_needed
from sync.domain.secret_links import VALID_FOR, make_link, withdraw_links
from sync.domain.steps import Name, Standing, Step, steps_of, title_of
from sync.models import Run
from tenants.admin.base import Press, TenantAdmin, UnfoldAdminTextInputWidget, label
from tenants.admin.connection import ConnectionForm, audit_connection
from tenants.models import Connection, Tenant
from tenants.roles import Right, has_right

TONES = {Standing.DONE: "good", Standing.NEXT: "busy", Standing.WAITS: "neutral"}
STANDINGS = {Standing.DONE: _("Done"), Standing.NEXT: _("To do"), Standing.WAITS: _("Waits")}
#: Where the systems usually are; a new connection begins with it.
ADDRESSES = {System.UNICONTA: "https://odata.uniconta.com", System.INTEMPUS: "https://intempus.dk"}
FORM_FIELDS = ["base_url", "username", "secret", "company_id"]


def onboarding_url(tenant_id: int) -> str:
    return reverse("admin:tenants_tenant_onboarding", args=[tenant_id])


class OnboardingPages(TenantAdmin):
    """Pages and buttons of the onboarding, for the page of a company."""

    presses: Sequence[Press] = (
        Press("confirm-uniconta", _("Yes, that is the customer"), "check", "press_confirm_uniconta", Right.CONFIGURE),
        Press("confirm-intempus", _("Yes, that is the customer"), "check", "press_confirm_intempus", Right.CONFIGURE),
        Press("pre-sale", _("Pre-sale check"), "query_stats", "press_pre_sale", Right.CONFIGURE),
        Press("ask-uniconta", _("Link for the customer"), "link", "press_ask_uniconta", Right.CONFIGURE),
        Press("ask-intempus", _("Link for the customer"), "link", "press_ask_intempus", Right.CONFIGURE),
        Press("unask-uniconta", _("Withdraw the link"), "link_off", "press_unask_uniconta", Right.CONFIGURE),
        Press("unask-intempus", _("Withdraw the link"), "link_off", "press_unask_intempus", Right.CONFIGURE),
    )

    def get_urls(self) -> list[URLPattern]:
        def page(view: Any) -> Any:
            return self.admin_site.admin_view(partial(view, self))

        return [
            path("<path:object_id>/onboarding/", page(onboarding_view), name="tenants_tenant_onboarding"),
            path(
                "<path:object_id>/onboarding/connection/<slug:system>/",
                page(connection_view),
                name="tenants_tenant_onboarding_connection",
            ),
            path(
                "<path:object_id>/onboarding/check/<slug:area>/",
                page(check_view),
                name="tenants_tenant_onboarding_check",
            ),
            *super().get_urls(),
        ]

    def press_confirm_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _confirm(request, tenant, System.UNICONTA)

    def press_confirm_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _confirm(request, tenant, System.INTEMPUS)

    def press_pre_sale(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        run = actions.start_run(Run(tenant=tenant, kind=Run.Kind.PRE_SALE, requested_by_id=request.user.pk))
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    def press_ask_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _ask(self, request, tenant, System.UNICONTA)

    def press_ask_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _ask(self, request, tenant, System.INTEMPUS)

    def press_unask_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _unask(request, tenant, System.UNICONTA)

    def press_unask_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return _unask(request, tenant, System.INTEMPUS)


def _ask(model_admin: Any, request: HttpRequest, tenant: Tenant, system: System) -> HttpResponse:
    """The link, in clear and once, on a page that no browser keeps."""
    try:
        url = make_link(tenant.pk, system.value, request.user.pk)
    except actions.RefusedError as error:
        why = explain_code(error.code)
        messages.error(request, f"{why.text} {why.fix}".strip())
        return HttpResponseRedirect(onboarding_url(tenant.pk))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Link for the customer"),
        "tenant": tenant,
        "system": Connection.System(system.value).label,
        "url": url,
        "days": VALID_FOR.days,
        "back_url": onboarding_url(tenant.pk),
    }
    response = TemplateResponse(request, "console/secret_link.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _unask(request: HttpRequest, tenant: Tenant, system: System) -> HttpResponse:
    withdraw_links(tenant.pk, system.value, request.user.pk)
    return HttpResponseRedirect(onboarding_url(tenant.pk))


def _confirm(request: HttpRequest, tenant: Tenant, system: System) -> HttpResponse:
    """The company that the person saw on the page; another one that was pinned meanwhile is not confirmed by it."""
    if not actions.confirm_company(tenant.pk, system, request.POST.get("company", ""), request.user.pk):
        messages.error(request, gettext("The connection leads to another company by now. Look again."))
    return HttpResponseRedirect(onboarding_url(tenant.pk))


def company_to_set_up(model_admin: Any, request: HttpRequest, object_id: str) -> Tenant:
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    if not has_right(request.user, Right.CONFIGURE, tenant.pk):
        raise PermissionDenied
    return tenant


def onboarding_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    tenant = company_to_set_up(model_admin, request, object_id)
    policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant).order_by("pk")}
    steps = steps_of(tenant, policies)
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)}
    is_busy = any(step.run for step in steps)
    first = next((step for step in steps if step.standing is Standing.NEXT), None)
    response = TemplateResponse(
        request,
        "console/onboarding.html",
        {
            **company_page(model_admin, request, tenant, "onboarding", gettext("Onboarding")),
            "steps": [
                {**_shown(tenant, step, presses), "number": number, "is_current": step is first}
                for number, step in enumerate(steps, 1)
            ],
            "done": sum(step.standing is Standing.DONE for step in steps),
            "rights": _rights(tenant, policies),
            "templates": _templates(tenant) if tenant.state == Tenant.State.PREPARING else [],
            "is_busy": is_busy,
            "pre_sale": presses.get("pre-sale") if _has_both_log_ins(steps) else None,
        },
    )
    if is_busy:
        response["Refresh"] = "2"
    return response


def _shown(tenant: Tenant, step: Step, presses: dict[str, Press]) -> dict[str, Any]:
    """A step as the page says it; `links` lead to pages that are there anyway, `presses` do something."""
    tenant_page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    connection = step.connection
    links: dict[Name, list[tuple[str, str]]] = {
        Name.CUSTOMER: [(gettext("Settings of the company"), tenant_page)],
        Name.UNICONTA: [(gettext("Log-in"), _connection_url(tenant, System.UNICONTA))],
        Name.INTEMPUS: [(gettext("Log-in"), _connection_url(tenant, System.INTEMPUS))],
        Name.WEBHOOKS: [(gettext("To Webhooks"), reverse("admin:tenants_tenant_webhooks", args=[tenant.pk]))],
        Name.POLICIES: [(gettext("Entity policies"), f"{tenant_page}#policies")],
        Name.MATCHING: [
            (gettext("Look at the list"), reverse("admin:tenants_tenant_first_matchings", args=[tenant.pk]))
        ],
        Name.LIVE: [(gettext("Go live"), reverse("admin:tenants_tenant_go_live", args=[tenant.pk]))],
    }
    verbs = {
        Name.UNICONTA: ["unask-uniconta" if step.link else "ask-uniconta"] if connection else [],
        Name.INTEMPUS: ["unask-intempus" if step.link else "ask-intempus"] if connection else [],
        Name.WEBHOOKS: ["check-hooks", "create-hooks", "new-token"],
        Name.MATCHING: ["first-matching"],
    }
    is_open = step.standing is not Standing.WAITS and tenant.state == Tenant.State.PREPARING
    may_check = step.name in set(Area) and step.standing is not Standing.WAITS and _has_something(step)
    return {
        "step": step,
        "title": title_of(step.name),
        "label": label(STANDINGS[step.standing], TONES[step.standing]),
        "links": links[step.name] if step.standing is not Standing.WAITS else [],
        "presses": [presses[verb] for verb in verbs.get(step.name, ()) if verb in presses] if is_open else [],
        "check_url": reverse("admin:tenants_tenant_onboarding_check", args=[tenant.pk, step.name]) if may_check else "",
        "checks": checks_shown(tenant.pk, step.checks),
        # What leads on from here: a page, where nothing on this one does.
        "is_link_first": step.name in (Name.CUSTOMER, Name.LIVE) or (step.name in set(System) and connection is None),
        "is_to_test": bool(connection and connection.sealed_secret and connection.state == Connection.State.UNTESTED),
        "confirm": presses.get(f"confirm-{step.name}") if connection and _asks_for_confirmation(connection) else None,
    }


def _templates(tenant: Tenant) -> list[tuple[str, str]]:
    return [
        (template.name, reverse("admin:tenants_tenant_onboarding_template", args=[tenant.pk, template.pk]))
        for template in Template.objects.all()
    ]


def _has_both_log_ins(steps: Sequence[Step]) -> bool:
    return all(step.connection and step.connection.sealed_secret for step in steps if step.name in set(System))


def _has_something(step: Step) -> bool:
    return step.name not in set(System) or bool(step.connection and step.connection.sealed_secret)


def _asks_for_confirmation(connection: Connection) -> bool:
    return (
        connection.state == Connection.State.WORKING
        and bool(connection.pinned_company_id)
        and not connection.is_confirmed
    )


def _rights(tenant: Tenant, policies: Mapping[str, EntityPolicy]) -> list[dict[str, Any]]:
    with_hours = HoursPolicy.objects.filter(tenant=tenant, enabled=True).exists()
    return [
        {
            "system": Connection.System(right.system.value).label,
            "right": right,
            "may": _words(changes=right.changes, creates=right.creates),
        }
        for right in rights_needed(policies, with_hours=with_hours)
    ]


def _words(*, changes: bool, creates: bool) -> str:
    if changes and creates:
        return gettext("read, change and create")
    if changes:
        return gettext("read and change")
    return gettext("read and create") if creates else gettext("read only")


# ------------------------------------------------------------------------------------------------ the parts


def _connection_url(tenant: Tenant, system: System) -> str:
    return reverse("admin:tenants_tenant_onboarding_connection", args=[tenant.pk, system.value])


def check_view(model_admin: Any, request: HttpRequest, object_id: str, area: str) -> HttpResponse:
    """Have the checks of one step done."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant = company_to_set_up(model_admin, request, object_id)
    if area not in set(Area):
        raise Http404
    actions.start_run(Run(tenant=tenant, kind=Run.Kind.STEP, result={"area": area}, requested_by_id=request.user.pk))
    return HttpResponseRedirect(onboarding_url(tenant.pk))


def connection_view(model_admin: Any, request: HttpRequest, object_id: str, system: str) -> HttpResponse:
    """The log-in to one system, alone on a page; saved, its checks begin."""
    tenant = company_to_set_up(model_admin, request, object_id)
    if system not in set(System):
        raise Http404
    stored = Connection.objects.filter(tenant=tenant, system=system).first()
    fields = [name for name in FORM_FIELDS if name != "company_id" or system == System.UNICONTA]
    plain = [name for name in fields if name != "secret"]
    widgets = {name: UnfoldAdminTextInputWidget() for name in plain}
    form_class = modelform_factory(Connection, form=ConnectionForm, fields=plain, widgets=widgets)
    instance = stored or Connection(tenant=tenant, system=system, base_url=ADDRESSES[System(system)])
    form = form_class(request.POST if request.method == "POST" else None, instance=instance)
    form.order_fields(fields)
    if request.method == "POST" and form.is_valid():
        form.save()
        audit_connection(request, form)
        if form.instance.sealed_secret:
            result = {"area": system}
            actions.start_run(Run(tenant=tenant, kind=Run.Kind.STEP, result=result, requested_by_id=request.user.pk))
        return HttpResponseRedirect(onboarding_url(tenant.pk))
    title = str(title_of(Name(system)))
    policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}
    return TemplateResponse(
        request,
        "console/onboarding_connection.html",
        {
            **company_page(model_admin, request, tenant, "onboarding", title),
            "heading": title,
            "form": form,
            "system": Connection.System(system).label,
            "rights": [row for row in _rights(tenant, policies) if row["right"].system == system],
            "back_url": onboarding_url(tenant.pk),
        },
    )
