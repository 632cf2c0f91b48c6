"""The page of *Move company* (rule M13): what it means, with counts, confirmed by typing the company's short name."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from mappings.spec import System
from sync.domain.move import BusyError, move_company, standing
from tenants.models import Connection, Tenant
from tenants.roles import Right, has_right


def move_view(model_admin: Any, request: HttpRequest, object_id: str, system: str) -> HttpResponse:
    """GET shows it, POST with the right name does it."""
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    if not has_right(request.user, Right.CONFIGURE, tenant.pk):
        raise PermissionDenied
    connection = Connection.objects.filter(tenant=tenant, system=system).first()
    if connection is None or tenant.is_leaving:
        raise Http404
    page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    error = ""
    if request.method == "POST":
        if request.POST.get("slug", "").strip() != tenant.slug:
            error = gettext("Type the short name exactly as it stands there.")
        else:
            try:
                move_company(tenant.pk, System(system), request.user.pk)
            except BusyError:
                error = gettext("Changes are being processed right now. Wait a moment and press again.")
            else:
                text = gettext(
                    "Unlinked. Enter the new company on the connection, test it, run the first matching, then go live again."
                )
                messages.success(request, text)
                return HttpResponseRedirect(page)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": tenant,
        "title": gettext("Move company"),
        "tenant": tenant,
        "connection": connection,
        "standing": standing(tenant.pk, System(system)),
        "error": error,
        "back_url": page,
    }
    return TemplateResponse(request, "console/move.html", context)
