"""The search box of the side bar: one page that finds companies, records, groups and work reports, or offers to look them up."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext

from mappings.entities import ENTITIES
from mappings.labels import entity_choices
from sync.admin.hours.work_report import state_label as report_state
from sync.admin.record_link import state_label
from sync.domain.catalogue import explain_code
from sync.domain.explain_run import ask
from sync.domain.find import find
from tenants.admin.base import tenants_with
from tenants.models import Tenant
from tenants.roles import Right, has_right
from tenants.scoping import ALL

#: A key is a number or an id; what is longer is neither.
LONGEST_KEY = 60


def find_view(request: HttpRequest) -> HttpResponse:
    if not has_right(request.user, Right.VIEW):
        raise PermissionDenied
    typed = request.GET.get("q", "").strip()[:200]
    names = _names(request)
    found = find(names, typed, timezone.localdate()) if typed else None
    operate = tenants_with(request.user, Right.OPERATE)
    askable = [pk for pk in names if operate == ALL or pk in operate]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("Search"),
        "typed": typed,
        "found": found,
    }
    if found is not None:
        chosen = [pk for pk in found.meant if pk in askable]
        context |= {
            "companies": [{"pk": pk, "name": names[pk][1]} for pk in found.meant],
            "links": [_link(link) for link in found.links],
            "reports": [{"row": row, "state": report_state(row)} for row in found.reports],
            "askable": [(pk, names[pk][1]) for pk in chosen or askable] if _is_key(found.term) else [],
            "entities": entity_choices(),
        }
    return TemplateResponse(request, "console/find.html", context)


def explain_view(request: HttpRequest) -> HttpResponse:
    """Look up what was found nowhere, in both systems, as a run."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant, entity, key = (request.POST.get(name, "").strip() for name in ("tenant", "entity", "key"))
    if not tenant.isdigit() or int(tenant) not in _names(request) or entity not in ENTITIES or not _is_key(key):
        raise Http404
    if not has_right(request.user, Right.OPERATE, int(tenant)):
        raise PermissionDenied
    language = (get_language() or settings.LANGUAGE_CODE)[:2]
    run = ask(int(tenant), entity, key, language, request.user.pk)
    return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))


def _names(request: HttpRequest) -> dict[int, tuple[str, str]]:
    visible = tenants_with(request.user, Right.VIEW)
    rows = Tenant.objects.all() if visible == ALL else Tenant.objects.filter(pk__in=visible)
    return {pk: (slug, name) for pk, slug, name in rows.order_by("name").values_list("pk", "slug", "name")}


def _is_key(text: str) -> bool:
    return 0 < len(text) <= LONGEST_KEY


def _link(link: Any) -> dict[str, Any]:
    return {"row": link, "state": state_label(link), "why": explain_code(link.reason).text if link.reason else ""}
