"""What a person keeps of the front page: pinned companies and saved views."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from sync.models import Pin, SavedView
from tenants.admin.base import tenants_with
from tenants.models import Tenant
from tenants.roles import Right, has_right
from tenants.scoping import ALL

#: What of the front page's address makes a view.
KEPT = ("q", "show", "sort")
VIEWS_AT_MOST = 50


def kept_query(query: str) -> str:
    """The part of an address that a view keeps."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name in KEPT and value])


def views_view(request: HttpRequest) -> HttpResponse:
    """The saved views; a POST saves one under a name, or deletes one."""
    if not has_right(request.user, Right.VIEW):
        raise PermissionDenied
    mine = SavedView.objects.filter(user_id=request.user.pk or 0)
    if request.method == "POST":
        name = request.POST.get("name", "").strip()[:60]
        if request.POST.get("delete", "").isdigit():
            mine.filter(pk=request.POST["delete"]).delete()
        elif name and mine.count() < VIEWS_AT_MOST:
            query = kept_query(request.POST.get("query", ""))[:300]
            SavedView.objects.update_or_create(user_id=request.user.pk or 0, name=name, defaults={"query": query})
        return HttpResponseRedirect(reverse("views"))
    context = {**admin.site.each_context(request), "title": gettext("Saved views"), "views": list(mine)}
    return TemplateResponse(request, "console/views.html", context)


def pin_view(request: HttpRequest) -> HttpResponse:
    """Pin a company, or let go of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    visible = tenants_with(request.user, Right.VIEW)
    tenant = request.POST.get("tenant", "")
    rows = Tenant.objects.all() if visible == ALL else Tenant.objects.filter(pk__in=visible)
    if not tenant.isdigit() or not rows.filter(pk=tenant).exists():
        raise Http404
    pin, is_new = Pin.objects.get_or_create(user_id=request.user.pk or 0, tenant_id=int(tenant))
    if not is_new:
        pin.delete()
    query = kept_query(request.POST.get("query", ""))
    return HttpResponseRedirect(f"{reverse('admin:index')}?{query}#companies")
