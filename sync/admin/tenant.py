"""A company's page: how it is doing, its connections with their buttons, and its settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.admin.entity_policy import EntityPolicyInline
from mappings.models import NOT_MATCHED, EntityPolicy, MatchRow, RecordLink
from mappings.spec import System
from sync.admin.carriers import company_tabs, schedules_view, summary, webhooks_view
from sync.admin.customer import auditor_pack_view, return_view, today_view, usage_view
from sync.admin.first_matching import export_view, first_matching_view, import_view
from sync.admin.hand_over import hand_over_view
from sync.admin.held_set import open_sets
from sync.admin.hours.check import hours_check_file_view, hours_check_view, sign_off_view
from sync.admin.hours.company import HoursPages
from sync.admin.move import move_view
from sync.admin.off_boarding import OffBoardingPages
from sync.admin.onboarding import OnboardingPages, onboarding_url
from sync.admin.template import template_view
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.first_matching import Summary, is_matched, summarise, to_match
from sync.domain.first_ten import go_on, is_held
from sync.domain.health import ConnectionHealth, TenantHealth, health, health_of, with_readings
from sync.domain.hooks import CREATE
from sync.domain.match_decisions import looking_context
from sync.domain.retry_many import can_retry_all, queue_retry
from sync.models import CallCount, Run
from tenants.admin.base import BoundedPaginator, Press, label
from tenants.admin.connection import TONES as CONNECTION_TONES
from tenants.admin.connection import ConnectionInline
from tenants.admin.membership import MembershipInline
from tenants.admin.tenant import TenantSettingsAdmin, tenant_state_label
from tenants.labels import age
from tenants.models import Connection, Tenant
from tenants.roles import Right, has_right

#: What reads or compares records; the rest looks at the set-up and helps to prepare a company.
LIVE_ONLY = (Run.Kind.PULL, Run.Kind.SWEEP, Run.Kind.RECONCILE)


@admin.register(Tenant)
class TenantPageAdmin(OnboardingPages, OffBoardingPages, HoursPages, TenantSettingsAdmin):
    paginator = BoundedPaginator
    list_display = ["name", "state_shown", "fetched", "checked", "waiting", "attention", "connections_shown"]
    list_filter = ["state"]
    inlines = [ConnectionInline, EntityPolicyInline, MembershipInline]
    change_form_outer_before_template = "console/tenant_panel.html"
    presses = [
        Press("pull", _("Fetch from Intempus"), "download", "pull", Right.OPERATE, "primary"),
        Press("sweep", _("Check Uniconta"), "fact_check", "sweep", Right.OPERATE, "primary"),
        Press("reconcile", _("Full comparison"), "compare_arrows", "reconcile", Right.OPERATE),
        Press("check_up", _("Check-up"), "stethoscope", "check_up", Right.OPERATE),
        Press("first-matching", _("First matching"), "compare_arrows", "first_matching", Right.OPERATE, "primary"),
        Press("pause", _("Pause synchronisation"), "pause", "pause", Right.CONFIGURE),
        Press("resume", _("Resume synchronisation"), "play_arrow", "resume", Right.CONFIGURE, "primary"),
        Press("go-live", _("Go live"), "rocket_launch", "go_live", Right.CONFIGURE, "primary"),
        Press("go-on", _("Go on with the rest"), "play_arrow", "go_on", Right.CONFIGURE, "primary"),
        Press("test-uniconta", _("Test connection"), "network_check", "test_uniconta", Right.OPERATE),
        Press("test-intempus", _("Test connection"), "network_check", "test_intempus", Right.OPERATE),
        Press("pause-uniconta", _("Pause"), "pause", "pause_uniconta", Right.OPERATE),
        Press("pause-intempus", _("Pause"), "pause", "pause_intempus", Right.OPERATE),
        Press("resume-uniconta", _("Resume"), "play_arrow", "resume_uniconta", Right.OPERATE),
        Press("resume-intempus", _("Resume"), "play_arrow", "resume_intempus", Right.OPERATE),
        Press("check-hooks", _("Check in Uniconta"), "fact_check", "check_hooks", Right.OPERATE),
        Press("create-hooks", _("Create in Uniconta"), "add_link", "create_hooks", Right.CONFIGURE),
        *HoursPages.presses,
        *OnboardingPages.presses,
        *OffBoardingPages.presses,
        *TenantSettingsAdmin.presses,
    ]

    # -------------------------------------------------------------------------------------------------- the list

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            rows: list[Any] = list(with_readings(context["cl"].result_list))
            for row, found in zip(rows, health(rows).tenants, strict=True):
                row.health = found
            context["cl"].result_list = rows
        return response

    @admin.display(description=_("state"), ordering="state")
    def state_shown(self, tenant: Tenant) -> str:
        return tenant_state_label(tenant.state)

    @admin.display(description=_("fetched from Intempus"))
    def fetched(self, tenant: Tenant) -> str:
        return freshness_label(_health_of(tenant), "pulled")

    @admin.display(description=_("Uniconta checked"))
    def checked(self, tenant: Tenant) -> str:
        return freshness_label(_health_of(tenant), "swept")

    @admin.display(description=_("waiting"))
    def waiting(self, tenant: Tenant) -> str:
        found = _health_of(tenant)
        if not found.held_records:
            return str(found.waiting or "–")
        return _join([str(found.waiting), label(gettext("%(count)s held") % {"count": found.held_records}, "bad")])

    @admin.display(description=_("needs attention"))
    def attention(self, tenant: Tenant) -> str:
        count = _health_of(tenant).needs_attention
        return label(count, "bad") if count else "–"

    @admin.display(description=_("connections"))
    def connections_shown(self, tenant: Tenant) -> str:
        labels = [connection_label(row) for row in _health_of(tenant).connections]
        return _join(labels)

    # -------------------------------------------------------------------------------------------------- the page

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A new company first gets its name; connections need its number for sealing."""
        return list(self.inlines) if obj else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        tenant: Tenant = self.object_or_404(request, object_id)
        panel = {**self._panel(request, tenant), "tab_list": company_tabs(self, request, tenant)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})

    def _panel(self, request: HttpRequest, tenant: Tenant) -> dict[str, Any]:
        found = health_of(tenant.pk, with_changes=True, with_calls=True)
        carriers = summary(tenant)
        presses = {press.verb: press for press in self.presses_for(request, tenant)}
        may_configure = has_right(request.user, Right.CONFIGURE, tenant.pk)
        return {
            "panel": {
                "tenant": tenant,
                "health": found,
                "now": timezone.now(),
                "state": tenant_state_label(tenant.state),
                "pulled": freshness_label(found, "pulled"),
                "swept": freshness_label(found, "swept"),
                "presses": _for_state(presses, tenant),
                "cards": [_card(row, presses) for row in found.connections],
                "causes": [(code, explain_code(code), count, can_retry_all(code)) for code, count in found.causes],
                "held": [
                    {
                        "row": policy,
                        "why": explain_code(policy.hold_code, policy.hold_detail),
                        "is_not_matched": policy.hold_code == NOT_MATCHED,
                    }
                    for policy in EntityPolicy.objects.filter(tenant=tenant).exclude(hold_code="").order_by("entity")
                ],
                "brakes": open_sets(tenant.pk),
                "carriers": carriers,
                "hooks": carriers["hooks"],
                "are_checks_stretched": carriers["hooks"].are_stretched(tenant),
                "may_configure": may_configure,
                "may_operate": has_right(request.user, Right.OPERATE, tenant.pk),
                "go_on": presses.get("go-on") if tenant.is_live and is_held(tenant.pk) else None,
                "first_ten": explain_code("first_ten"),
                "is_preparing": tenant.state == Tenant.State.PREPARING,
                "is_matched": is_matched(tenant.pk),
                "has_match_rows": MatchRow.objects.filter(tenant=tenant).exists(),
                "can_go_live": "go-live" in presses and tenant.state == Tenant.State.PREPARING,
                "runs": list(Run.objects.filter(tenant=tenant).select_related("requested_by")[:5]),
            },
            "press_url": "admin:tenants_tenant_press",
        }

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """A new company goes on where its onboarding begins."""
        return HttpResponseRedirect(onboarding_url(obj.pk))

    # ----------------------------------------------------------------------------------------------- the buttons

    def get_urls(self) -> list[URLPattern]:
        go_live = self.admin_site.admin_view(self.go_live_view)
        move = self.admin_site.admin_view(partial(move_view, self))
        matching = self.admin_site.admin_view(partial(first_matching_view, self))
        list_out = self.admin_site.admin_view(partial(export_view, self))
        list_in = self.admin_site.admin_view(partial(import_view, self))
        webhooks = self.admin_site.admin_view(partial(webhooks_view, self))
        schedules = self.admin_site.admin_view(partial(schedules_view, self))
        hours_check = self.admin_site.admin_view(partial(hours_check_view, self))
        hours_file = self.admin_site.admin_view(partial(hours_check_file_view, self))
        sign = self.admin_site.admin_view(partial(sign_off_view, self))
        retry_all = self.admin_site.admin_view(self.retry_all_view)
        today = self.admin_site.admin_view(partial(today_view, self))
        come_back = self.admin_site.admin_view(partial(return_view, self))
        audit_pack = self.admin_site.admin_view(partial(auditor_pack_view, self))
        accept = self.admin_site.admin_view(self.accept_flag_view)
        template = self.admin_site.admin_view(partial(template_view, self))
        hand_over = self.admin_site.admin_view(partial(hand_over_view, self))
        return [
            # Not "go-live/": that would also swallow the button’s own address, …/press/go-live/.
            path("<path:object_id>/confirm-go-live/", go_live, name="tenants_tenant_go_live"),
            path("<path:object_id>/move/<slug:system>/", move, name="tenants_tenant_move"),
            path("<path:object_id>/matching/", matching, name="tenants_tenant_first_matchings"),
            path("<path:object_id>/matching/<slug:entity>/", matching, name="tenants_tenant_first_matching"),
            path("<path:object_id>/matching/<slug:entity>/as/<slug:form>/", list_out, name="tenants_tenant_match_list"),
            path("<path:object_id>/matching/<slug:entity>/import/", list_in, name="tenants_tenant_match_list_in"),
            path("<path:object_id>/webhooks/", webhooks, name="tenants_tenant_webhooks"),
            path("<path:object_id>/schedules/", schedules, name="tenants_tenant_schedules"),
            path("<path:object_id>/hours-check/", hours_check, name="tenants_tenant_hours_check"),
            path("<path:object_id>/hours-check/xlsx/", hours_file, name="tenants_tenant_hours_check_file"),
            path("<path:object_id>/hours-check/sign-off/", sign, name="tenants_tenant_hours_check_sign"),
            path("<path:object_id>/accept-flag/<int:policy_id>/", accept, name="tenants_tenant_accept_flag"),
            path(
                "<path:object_id>/onboarding/template/<int:template_id>/",
                template,
                name="tenants_tenant_onboarding_template",
            ),
            path("<path:object_id>/hand-over/", hand_over, name="tenants_tenant_hand_over"),
            path("usage/", self.admin_site.admin_view(usage_view), name="tenants_tenant_usage"),
            path("<path:object_id>/today/", today, name="tenants_tenant_today"),
            path("<path:object_id>/return/", come_back, name="tenants_tenant_return"),
            path("<path:object_id>/auditor-pack/", audit_pack, name="tenants_tenant_auditor_pack"),
            path("<path:object_id>/retry-all/", retry_all, name="tenants_tenant_retry_all"),
            *super().get_urls(),
        ]

    def press_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        """Nothing can be pressed on a closed company, whatever page was still open."""
        if request.method == "POST":
            tenant: Tenant = self.object_or_404(request, object_id)
            if tenant.state == Tenant.State.CLOSED:
                return _refuse(request, tenant, "company_leaves")
        return super().press_view(request, object_id, verb)

    def retry_all_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try again every record of one company that needs attention for one cause."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        tenant: Tenant = self.object_or_404(request, object_id)
        if not has_right(request.user, Right.OPERATE, tenant.pk):
            raise PermissionDenied
        reason = request.GET.get("reason", "")
        if not can_retry_all(reason):
            return _refuse(request, tenant, "answered_one_by_one")
        wanted = {"state": RecordLink.State.NEEDS_ATTENTION.value, "reason": reason}
        run = queue_retry(tenant.pk, {"filter": wanted}, request.user.pk)
        if run is None:
            messages.info(request, gettext("There is nothing left to try again."))
            return _back(tenant)
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    def accept_flag_view(self, request: HttpRequest, object_id: str, policy_id: int) -> HttpResponse:
        """A person's word that the tick field or mapped fields of a table really appeared or went (rule M5)."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        tenant: Tenant = self.object_or_404(request, object_id)
        if not has_right(request.user, Right.CONFIGURE, tenant.pk):
            raise PermissionDenied
        if not EntityPolicy.objects.filter(pk=policy_id, tenant=tenant).exists():
            raise Http404
        if request.POST.get("code") == NOT_MATCHED:
            return self._begin_entity(request, tenant, policy_id)
        if actions.accept_fields(policy_id, request.POST.get("code", ""), request.user.pk):
            messages.success(request, gettext("Noted. Uniconta is checked again now."))
        else:
            messages.info(request, gettext("That question has been answered already; nothing was changed."))
        return _back(tenant)

    def _begin_entity(self, request: HttpRequest, tenant: Tenant, policy_id: int) -> HttpResponse:
        try:
            has_begun = actions.begin_entity(
                policy_id, request.user.pk, begins_with_ten=f"first_ten_{policy_id}" in request.POST
            )
        except actions.RefusedError as error:
            return _refuse(request, tenant, error.code)
        if has_begun:
            messages.success(
                request, gettext("This kind of record is synchronised from now on. Its first load has begun.")
            )
        else:
            messages.info(request, gettext("That question has been answered already; nothing was changed."))
        return _back(tenant)

    def _start(
        self, request: HttpRequest, tenant: Tenant, kind: str, system: str = "", result: dict[str, Any] | None = None
    ) -> HttpResponse:
        if kind in LIVE_ONLY and not tenant.is_live:
            return _refuse(request, tenant, "not_live")
        run = actions.start_run(
            Run(tenant=tenant, kind=kind, system=system, result=result or {}, requested_by_id=request.user.pk)
        )
        if request.GET.get("from") == "onboarding":  # which shows how far it is
            return HttpResponseRedirect(onboarding_url(tenant.pk))
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    def pull(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.PULL)

    def sweep(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.SWEEP)

    def reconcile(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.RECONCILE)

    def check_up(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.CHECK_UP)

    def first_matching(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        if not to_match(looking_context(tenant.pk)):
            return _refuse(request, tenant, "live_already")
        return self._start(request, tenant, Run.Kind.MATCHING)

    def test_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.TEST, System.UNICONTA.value)

    def test_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.TEST, System.INTEMPUS.value)

    def check_hooks(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.HOOKS, System.UNICONTA.value)

    def create_hooks(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._start(request, tenant, Run.Kind.HOOKS, System.UNICONTA.value, {"wanted": CREATE})

    def pause(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._change_state(
            request, tenant, actions.pause, gettext("Synchronisation is paused. Changes are collected and wait.")
        )

    def resume(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._change_state(
            request, tenant, actions.resume, gettext("Synchronisation goes on. What was collected is processed now.")
        )

    def _change_state(
        self, request: HttpRequest, tenant: Tenant, action: Callable[[int, int | None], None], done: str
    ) -> HttpResponse:
        try:
            action(tenant.pk, request.user.pk)
        except actions.RefusedError as error:
            return _refuse(request, tenant, error.code)
        messages.success(request, done)
        return _back(tenant)

    def pause_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._pause_connection(request, tenant, System.UNICONTA)

    def pause_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._pause_connection(request, tenant, System.INTEMPUS)

    def _pause_connection(self, request: HttpRequest, tenant: Tenant, system: System) -> HttpResponse:
        actions.pause_connection(_connection(tenant, system).pk, request.user.pk)
        messages.success(request, gettext("The connection is paused: the system is not called until it is resumed."))
        return _back(tenant)

    def resume_uniconta(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._resume_connection(request, tenant, System.UNICONTA)

    def resume_intempus(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        return self._resume_connection(request, tenant, System.INTEMPUS)

    def _resume_connection(self, request: HttpRequest, tenant: Tenant, system: System) -> HttpResponse:
        actions.resume_connection(_connection(tenant, system).pk, request.user.pk)
        messages.success(request, gettext("The connection is used again."))
        return _back(tenant)

    def go_live(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        chosen = request.POST.getlist("entity") if "chooses" in request.POST else None
        if chosen == []:
            messages.error(request, gettext("Choose at least one kind of record."))
            return HttpResponseRedirect(reverse("admin:tenants_tenant_go_live", args=[tenant.pk]))
        go_live = partial(actions.go_live, entities=chosen, begins_with_ten="first_ten" in request.POST)
        return self._change_state(request, tenant, go_live, gettext("The company is live. The first load has begun."))

    def go_on(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        count = go_on(tenant.pk, request.user.pk)
        text = ngettext("%(count)s record is carried out now.", "%(count)s records are carried out now.", count)
        messages.success(request, text % {"count": count})
        return _back(tenant)

    def go_live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What going live means, before it is confirmed."""
        tenant: Tenant = self.object_or_404(request, object_id)
        if not has_right(request.user, Right.CONFIGURE, tenant.pk):
            raise PermissionDenied
        found = health_of(tenant.pk)
        untested = [
            system.label
            for system in Connection.System
            if not any(row.system == system and row.state == Connection.State.WORKING for row in found.connections)
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": tenant,
            "title": gettext("Go live"),
            "tenant": tenant,
            "untested": untested,
            "connections": found.connections,
            "policies": list(EntityPolicy.objects.filter(tenant=tenant).order_by("entity")),
            "summaries": [_summary(summary) for summary in summarise(tenant.pk)],
            "is_matched": is_matched(tenant.pk),
        }
        return TemplateResponse(request, "console/go_live.html", context)


def _summary(summary: Summary) -> dict[str, Any]:
    """What going live would do to one entity, as the page says it."""
    writes = summary.writes
    return {
        "entity": summary.entity,
        "asked": summary.asked,
        "links": summary.links,
        "left_out": summary.left_out,
        "created": [(system.value, writes.get(f"create {system}", 0)) for system in System],
        "updated": [
            (system.value, writes.get(f"update {system}", 0) + writes.get(f"activate {system}", 0)) for system in System
        ],
        "deactivated": sum(writes.get(f"deactivate {system}", 0) for system in System),
        "calls": list(zip((system.value for system in System), summary.calls, strict=True)),
        "url": reverse("admin:tenants_tenant_first_matching", args=[summary.tenant_id, summary.entity]),
    }


def _connection(tenant: Tenant, system: System) -> Connection:
    connection = Connection.objects.filter(tenant=tenant, system=system.value).first()
    if connection is None:
        raise Http404
    return connection


def _refuse(request: HttpRequest, tenant: Tenant, code: str) -> HttpResponse:
    why = explain_code(code)
    messages.error(request, f"{why.text} {why.fix}".strip())
    return _back(tenant)


def _back(tenant: Tenant) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))


def _health_of(tenant: Tenant) -> TenantHealth:
    found: TenantHealth | None = getattr(tenant, "health", None)
    return found or health_of(tenant.pk)


def freshness_label(found: TenantHealth, name: str) -> str:
    """How old the last complete reading is, against the promise."""
    freshness = found.pulled if name == "pulled" else found.swept
    minutes = int(freshness.every.total_seconds() // 60)
    promise = ngettext("promised every minute", "promised every %(minutes)s minutes", minutes)
    title = promise % {"minutes": minutes}
    if not found.is_live:
        return label(age(freshness.at), "neutral", title)
    return label(age(freshness.at), "bad" if freshness.is_late(timezone.now()) else "good", title)


def connection_label(row: ConnectionHealth) -> str:
    state = Connection.State(row.state)
    tone = "warning" if row.is_open(timezone.now()) else CONNECTION_TONES[state]
    return label(f"{Connection.System(row.system).label}: {state.label}", tone, row.state_detail)


def _join(labels: list[str]) -> str:
    return format_html_join(" ", "{}", ((text,) for text in labels)) if labels else "–"


def _for_state(presses: dict[str, Press], tenant: Tenant) -> list[Press]:
    """The buttons that make sense now."""
    wanted = {
        Tenant.State.LIVE: ["pull", "sweep", "reconcile", "pause"],
        Tenant.State.PAUSED: ["resume", "check_up"],
        Tenant.State.PREPARING: ["check_up"],
        Tenant.State.LEAVING: [],
        Tenant.State.CLOSED: [],
    }[Tenant.State(tenant.state)]
    return [presses[verb] for verb in wanted if verb in presses]


def _card(row: ConnectionHealth, presses: dict[str, Press]) -> dict[str, Any]:
    verbs = [f"test-{row.system}"]
    if row.state in (Connection.State.PAUSED, Connection.State.BROKEN) or row.is_open(timezone.now()):
        verbs.append(f"resume-{row.system}")
    elif row.state == Connection.State.WORKING:
        verbs.append(f"pause-{row.system}")
    return {
        "row": row,
        "system": Connection.System(row.system).label,
        "label": connection_label(row),
        "calls": [(CallCount.Cause(cause).label, count) for cause, count in sorted(row.calls.items())],
        "state": label(
            Connection.State(row.state).label,
            "warning" if row.is_open(timezone.now()) else CONNECTION_TONES[Connection.State(row.state)],
        ),
        "is_open": row.is_open(timezone.now()),
        "waits": explain_code(row.waiting_code) if row.waiting_code else None,
        "why": explain_code(row.state_code, row.state_detail) if row.state_code else None,
        "presses": [presses[verb] for verb in verbs if verb in presses],
    }
