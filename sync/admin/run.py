"""Runs: what is running now, how far it is, and how it ended. An unfinished run's page refreshes itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mappings.labels import attribute_label, entity_label
from mappings.models import RecordLink
from mappings.spec import System
from sync.admin.checks import checks_shown
from sync.admin.hook_table import hook_table
from sync.admin.lists import NewestFirstMixin
from sync.admin.own_fields import shown_draft
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.runs import FOLLOWS
from sync.domain.timeline import Part, changes_shown, entity_of, reference_names, shown_exchanges
from sync.domain.undo import UNDOABLE, written_by
from sync.models import Exchange, Run, SyncLogEntry
from sync.templatetags.console import system_name
from tenants.admin.base import ChoiceFilter, InfinitePaginator, Press, ReadOnlyMixin, TenantAdmin, TenantFilter, label
from tenants.labels import age, person_name
from tenants.roles import Right

TONES = {
    Run.State.QUEUED: "busy",
    Run.State.RUNNING: "busy",
    Run.State.DONE: "good",
    Run.State.FAILED: "bad",
}

#: What runs count, in the order people want to read it.
COUNTS = {
    "read": _("read"),
    "seen": _("read"),
    "new": _("new"),
    "changed": _("changed"),
    "unchanged": _("unchanged"),
    "unreadable": pgettext_lazy("count", "left out, their id cannot be read"),
    "gone": _("gone"),
    "events": _("changes found"),
    "certain": _("certain"),
    "probable": _("probable"),
    "ambiguous": _("ambiguous"),
    "pairs": _("pairs"),
    "equal": _("equal"),
    "differing": _("differ"),
    "only_in_uniconta": _("only in Uniconta"),
    "only_in_intempus": _("only in Intempus"),
    "waiting": pgettext_lazy("count", "waiting"),
    "created": _("created"),
    "updated": _("updated"),
    "deactivated": pgettext_lazy("count", "set inactive"),
    "linked": pgettext_lazy("count", "linked"),
    "excluded": pgettext_lazy("count", "excluded"),
    "needs_attention": pgettext_lazy("count", "need attention"),
    "failed": pgettext_lazy("count", "failed"),
    "records": _("records"),
    "altered": pgettext_lazy("count", "would change"),
    "fields": _("fields"),
    "held": pgettext_lazy("count", "held by the brake"),
    "checks_ok": pgettext_lazy("count", "fine"),
    "checks_warning": pgettext_lazy("count", "to look at"),
    "checks_failed": pgettext_lazy("count", "wrong"),
    "ms": _("milliseconds"),
}


_ACTIONS: dict[str, Any] = dict(SyncLogEntry.Action.choices)


class KindFilter(ChoiceFilter):
    title = _("kind")
    parameter_name = field = "kind"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(Run.Kind.choices)


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(Run.State.choices)


@admin.register(Run)
class RunAdmin(NewestFirstMixin, ReadOnlyMixin, TenantAdmin):
    time_column = "created_at"
    paginator = InfinitePaginator
    list_display = ["kind_shown", "company", "state_shown", "progress", "person", "started", "took"]
    related = ("tenant", "requested_by")
    presses = [Press("undo", _("Undo run"), "undo", "undo", Right.CONFIGURE, "danger")]
    list_filter = [TenantFilter, KindFilter, StateFilter]

    @admin.display(description=_("kind"))
    def kind_shown(self, run: Run) -> str:
        about = entity_label(run.entity) if run.entity else system_name(run.system)
        return f"{run.get_kind_display()}{': ' + about if about else ''}"

    @admin.display(description=_("state"))
    def state_shown(self, run: Run) -> str:
        reason = explain_code(run.error_code).text if run.error_code else ""
        return label(run.get_state_display(), TONES[Run.State(run.state)], reason)

    @admin.display(description=_("processed"))
    def progress(self, run: Run) -> str:
        if run.total:
            return f"{run.done} / {run.total}"
        return str(run.done or run.counts.get("read") or "–")

    @admin.display(description=_("requested by"))
    def person(self, run: Run) -> str:
        return person_name(run.requested_by)

    @admin.display(description=_("started"), ordering="created_at")
    def started(self, run: Run) -> str:
        return age(run.started_at or run.created_at)

    @admin.display(description=_("took"))
    def took(self, run: Run) -> str:
        return duration(run)

    def presses_for(self, request: HttpRequest, obj: Any) -> list[Press]:
        """Only what wrote something can be undone, and once is enough."""
        is_over = obj.kind in UNDOABLE and obj.state == Run.State.DONE
        is_open = is_over and obj.tenant.is_live and written_by(obj).exists()
        return super().presses_for(request, obj) if is_open else []

    def undo(self, request: HttpRequest, run: Run) -> HttpResponse:
        if run.kind not in UNDOABLE or not run.tenant.is_live:
            raise Http404
        undone = Run(tenant_id=run.tenant_id, kind=Run.Kind.UNDO, requested_by_id=request.user.pk)
        undone.result = {"run": run.pk}
        actions.start_run(undone)
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[undone.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if object_id is None:
            raise PermissionDenied
        run: Run = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, run):
            raise Http404
        link = RecordLink.objects.filter(pk=run.link_id, tenant_id=run.tenant_id).first() if run.link_id else None
        is_unfinished = run.state in (Run.State.QUEUED, Run.State.RUNNING)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{run.get_kind_display()}: {run.tenant}",
            "subtitle": None,
            "run": run,
            "link": link,
            "state_label": label(run.get_state_display(), TONES[Run.State(run.state)]),
            "is_unfinished": is_unfinished,
            "ahead": _ahead(run),
            "percent": min(100, round(100 * run.done / run.total)) if run.total else None,
            "counts": _counts(run),
            "took": duration(run),
            "differing": _differing(run),
            "why": explain_code(run.error_code, run.error_detail) if run.error_code else None,
            "list_url": _list_url(run),
            "company": run.result.get("company") if isinstance(run.result, dict) else None,
            "hook_rows": hook_table(run.tenant_id, run) if "hooks" in run.result else None,
            "plan": preview(run, link),
            "answers": run.result.get("answers", []) if isinstance(run.result, dict) else [],
            **shown_draft(run, request.GET.get("page")),
            "checks": checks_shown(run.tenant_id, run.result.get("checks", []) if isinstance(run.result, dict) else []),
            "presses": self.presses_for(request, run),
            "press_url": "admin:sync_run_press",
            "exchanges": [] if is_unfinished else self._exchanges(run),
        }
        response = TemplateResponse(request, "console/run.html", context)
        if is_unfinished:
            response["Refresh"] = "2"
        return response

    def _exchanges(self, run: Run) -> list[Any]:
        """The first ones: a sweep may have sent hundreds."""
        rows: QuerySet[Exchange] = Exchange.objects.filter(
            run_id=run.pk, at__gte=run.created_at, tenant_id=run.tenant_id
        )
        if run.finished_at:
            rows = rows.filter(at__lte=run.finished_at)
        first = list(rows.order_by("at", "pk").values_list("pk", flat=True)[:30])
        return [exchange for _, exchange in shown_exchanges(rows.filter(pk__in=first))]


def _ahead(run: Run) -> Run | None:
    """The run at work that this one waits for."""
    if run.error_code != FOLLOWS:
        return None
    return Run.objects.filter(tenant=run.tenant_id, kind=run.kind, state=Run.State.RUNNING).first()


def _list_url(run: Run) -> str:
    """The list that the records of a retry were chosen from, or what a first matching found; "" for other kinds."""
    if run.kind == Run.Kind.MATCHING:
        return reverse("admin:tenants_tenant_first_matchings", args=[run.tenant_id])
    if run.kind != Run.Kind.RETRY:
        return ""
    query = urlencode({"tenant": run.tenant_id, **run.result.get("filter", {})})
    return f"{reverse('admin:mappings_recordlink_changelist')}?{query}"


def _counts(run: Run) -> list[tuple[Any, int]]:
    """In the order of COUNTS; the database keeps them in one of its own."""
    order = list(COUNTS)
    names = sorted(run.counts, key=lambda name: order.index(name) if name in COUNTS else len(order))
    return [(COUNTS.get(name, name), run.counts[name]) for name in names if name != "ms"]


def _differing(run: Run) -> list[tuple[str, int]]:
    """Of a full comparison: in which fields how many pairs differ."""
    found = run.result.get("differing_fields", {}) if isinstance(run.result, dict) else {}
    named = [(name.partition("."), count) for name, count in found.items()]
    return [
        (f"{entity_label(entity)}: {attribute_label(entity_of(run.tenant_id, entity), field)}", count)
        for (entity, _dot, field), count in named
    ]


def duration(run: Run) -> str:
    if not run.started_at or not run.finished_at:
        return "–"
    seconds = (run.finished_at - run.started_at).total_seconds()
    return f"{number_format(seconds, 1)} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def preview(run: Run, link: RecordLink | None) -> dict[str, Any] | None:
    """The plan of a preview with names and sentences; None while there is none."""
    plan = run.result
    if "outcome" not in plan:
        return None
    entity = entity_of(run.tenant_id, link.entity if link else run.entity)
    code = plan.get("error_code") or plan.get("reason")
    writes = plan.get("writes") or ()
    left = Part(run.tenant_id, entity, System.INTEMPUS.value, plan.get("not_taken_over") or ())
    parts = [Part(run.tenant_id, entity, write.get("target", ""), write.get("changes") or ()) for write in writes]
    names = reference_names([*parts, left])
    return {
        "why": explain_code(code, plan.get("error_detail", "")) if code else None,
        "notes": [explain_code(str(code)) for code in plan.get("notes") or ()],
        "not_taken_over": changes_shown(left, names),
        "writes": [
            {
                "target": part.system,
                "action": _ACTIONS.get(write.get("action", ""), write.get("action", "")),
                "changes": changes_shown(part, names),
            }
            for write, part in zip(writes, parts, strict=True)
        ],
    }
