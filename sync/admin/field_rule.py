"""The pages of field rules and value translations: settings, drafts before they are saved, and versions afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext

from mappings.admin.field_rule import FieldRuleSettingsAdmin
from mappings.admin.value_map import ValueMapSettingsAdmin
from mappings.entities import ENTITIES
from mappings.models import FieldRule, OwnFields, ValueMap
from sync.admin.own_fields import DraftMixin
from sync.domain import actions
from sync.domain.draft import draft_run
from sync.domain.versions import CannotRestoreError, restore, versions
from sync.models import Run
from tenants.admin.base import tenants_with
from tenants.models import Tenant
from tenants.roles import Right, has_right
from tenants.scoping import ALL

#: Before anybody changed anything.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: So many companies' versions are linked from the list; choosing a company there shows its own.
LINKED = 30


@admin.register(FieldRule)
class FieldRuleAdmin(DraftMixin, FieldRuleSettingsAdmin):
    change_form_after_template = "console/field_rule.html"
    list_before_template = "console/version_links.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.versions_view)
        press = self.admin_site.admin_view(self.version_view)
        return [
            path("versions/<int:tenant_id>/<slug:entity>/", page, name="mappings_fieldrule_versions"),
            path("versions/<int:tenant_id>/<slug:entity>/<slug:verb>/", press, name="mappings_fieldrule_version"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "version_pages": self._pages(request)})

    def _pages(self, request: HttpRequest) -> list[tuple[Tenant, str]]:
        """Whose own fields have versions, also where every row was deleted since."""
        visible = tenants_with(request.user, Right.VIEW)
        chosen = request.GET.get("tenant", "")
        found: set[tuple[int, str]] = set()
        for model in (FieldRule, ValueMap):
            rows = model.history.all() if visible == ALL else model.history.filter(tenant_id__in=visible)
            if chosen.isdigit():
                rows = rows.filter(tenant_id=chosen)
            found.update(rows.order_by().values_list("tenant_id", "entity").distinct()[:LINKED])
        tenants = Tenant.objects.in_bulk([tenant_id for tenant_id, _ in found])
        pages = [(tenants[tenant_id], entity) for tenant_id, entity in found if tenant_id in tenants]
        return sorted(pages, key=lambda page: (page[0].name, page[1]))[:LINKED]

    def versions_view(self, request: HttpRequest, tenant_id: int, entity: str) -> HttpResponse:
        tenant = _visible(request, tenant_id, entity)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Versions of own fields"),
            "tenant": tenant,
            "entity": entity,
            "versions": versions(tenant_id, entity),
            "may_configure": has_right(request.user, Right.CONFIGURE, tenant_id),
        }
        return TemplateResponse(request, "console/versions.html", context)

    def version_view(self, request: HttpRequest, tenant_id: int, entity: str, verb: str) -> HttpResponse:
        """Go back to a version, or say what that would change."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _visible(request, tenant_id, entity)
        if not has_right(request.user, Right.CONFIGURE, tenant_id):
            raise PermissionDenied
        at = _instant(request.POST.get("at", ""))
        if verb == "effect":
            draft = OwnFields.as_of(tenant_id, entity, at)
            run = actions.start_run(draft_run(tenant_id, Run.Kind.EFFECT, entity, draft, "", request.user.pk, None))
            return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))
        if verb != "restore":
            raise Http404
        try:
            restore(tenant_id, entity, at, request.user.pk)
            messages.success(
                request, gettext("The version is in force again. The records it concerns are looked for now.")
            )
        except CannotRestoreError as error:
            messages.error(request, gettext("This version does not fit together any more: %(why)s") % {"why": error})
        return HttpResponseRedirect(reverse("admin:mappings_fieldrule_versions", args=[tenant_id, entity]))


@admin.register(ValueMap)
class ValueMapAdmin(DraftMixin, ValueMapSettingsAdmin):
    pass


def _visible(request: HttpRequest, tenant_id: int, entity: str) -> Tenant:
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is None or entity not in ENTITIES or not has_right(request.user, Right.VIEW, tenant_id):
        raise Http404
    return tenant


def _instant(text: str) -> datetime:
    if not text:
        return BEGINNING
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    if at.tzinfo is None:
        raise Http404
    return at
