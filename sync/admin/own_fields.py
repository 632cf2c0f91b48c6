"""What stands beside the form of a field rule and of a value translation: try it, and preview its effect, before saving."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from mappings.entities import ENTITIES
from mappings.labels import attribute_label
from mappings.models import FieldRule, OwnFields, ValueMap
from mappings.spec import DeclarationError
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.draft import draft_run, find_record
from sync.domain.timeline import entity_of
from sync.models import HeldSet, Run, SyncLogEntry
from tenants.admin.base import TenantAdmin
from tenants.roles import Right, has_right

KINDS = {"try": Run.Kind.TRY_OUT, "effect": Run.Kind.EFFECT}
#: Altered records shown beside the form, and on one page of the run.
FIRST, PER_PAGE = 5, 50

_ACTIONS: dict[str, Any] = dict(SyncLogEntry.Action.choices)


class DraftMixin(TenantAdmin):
    """Both buttons post the form as it stands, saved or not, into a box of the same page; nothing is saved by them."""

    change_form_after_template = "console/draft.html"

    def get_urls(self) -> list[URLPattern]:
        draft = self.admin_site.admin_view(self.draft_view)
        watch = self.admin_site.admin_view(self.watch_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("draft/<slug:verb>/", draft, name=f"{name}_draft"),
            path("draft/<int:run_id>/result/", watch, name=f"{name}_draft_result"),
            path("<path:object_id>/draft/<slug:verb>/", draft, name=f"{name}_draft_of"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        self._compare(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        self._compare(request, obj)

    def _compare(self, request: HttpRequest, row: FieldRule | ValueMap) -> None:
        if (run := actions.compare_again(row.tenant_id, row.entity, request.user.pk)) is not None:
            text = gettext("The records it concerns are looked for in a moment; only those are written:")
            url = reverse("admin:sync_run_change", args=[run.pk])
            messages.info(request, format_html('{} <a href="{}">{}</a>', text, url, run.get_kind_display()))

    def draft_view(self, request: HttpRequest, verb: str, object_id: str = "") -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if verb not in KINDS:
            raise Http404
        stored = self.object_or_404(request, unquote(object_id)) if object_id else None
        if not (self.has_change_permission(request, stored) if stored else self.has_add_permission(request)):
            raise PermissionDenied
        form = self.get_form(request, stored, change=stored is not None)(request.POST, instance=stored)
        if not form.is_valid():
            return self._box(request, errors=[message for each in form.errors.values() for message in each])
        row: FieldRule | ValueMap = form.instance
        if not has_right(request.user, Right.CONFIGURE, row.tenant_id):
            raise PermissionDenied
        draft = OwnFields.stored(row.tenant_id, row.entity).with_row(row)
        try:
            draft.laid_over(ENTITIES[row.entity])
        except DeclarationError as error:
            return self._box(request, errors=[str(error)])
        link = None
        if verb == "try":
            key = request.POST.get("record_key", "").strip()
            link = find_record(row.tenant_id, row.entity, key)
            if link is None:
                return self._box(request, errors=[gettext("There is no record with this number yet.")])
        run = draft_run(
            row.tenant_id, KINDS[verb], row.entity, draft, row.attribute, request.user.pk, link.pk if link else None
        )
        actions.start_run(run)
        return self._box(request, run)

    def watch_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = Run.objects.filter(pk=run_id, kind__in=KINDS.values()).first()
        if run is None or not has_right(request.user, Right.CONFIGURE, run.tenant_id):
            raise Http404
        return self._box(request, run)

    def _box(self, request: HttpRequest, run: Run | None = None, errors: list[str] | None = None) -> HttpResponse:
        context: dict[str, Any] = {"errors": errors, "run": run}
        if run is not None:
            context |= {
                "is_unfinished": run.state in (Run.State.QUEUED, Run.State.RUNNING),
                "result_url": f"admin:{self.opts.app_label}_{self.opts.model_name}_draft_result",
                "percent": min(100, round(100 * run.done / run.total)) if run.total else None,
                "why": explain_code(run.error_code, run.error_detail) if run.error_code else None,
                **shown_draft(run, per_page=FIRST),
            }
        return TemplateResponse(request, "console/draft_result.html", context)


def shown_draft(run: Run, page: str | None = None, per_page: int = PER_PAGE) -> dict[str, Any]:
    """What a finished run found out about a draft, with names and sentences; nothing for other runs."""
    if "journeys" in run.result:
        return {"journeys": [_with_reason(journey) for journey in run.result["journeys"]]}
    if "effects" not in run.result:
        return {}
    found = Paginator(run.result["effects"], per_page).get_page(page)
    entity = entity_of(run.tenant_id, run.entity)
    return {
        "altered": run.counts.get("altered", 0),
        "effects_page": found,
        "held": [each | {"what": HeldSet.Kind(each["kind"]).label} for each in run.result.get("held", ())],
        "effects": [
            {
                **_with_reason(effect),
                "writes": [_spelled(change, entity) for change in effect["writes"]],
                "dropped": [_spelled(change, entity) for change in effect["dropped"]],
            }
            for effect in found
        ],
    }


def _spelled(change: dict[str, Any], entity: Any) -> dict[str, Any]:
    return {
        "target": change["target"],
        "action": _ACTIONS.get(change["action"], change["action"]),
        "label": attribute_label(entity, change["field"]),
        "before": change["old"],
        "after": change["new"],
    }


def _with_reason(told: dict[str, Any]) -> dict[str, Any]:
    code = told.get("error_code")
    return told | {"why": explain_code(code, told.get("error_detail", "")) if code else None}
