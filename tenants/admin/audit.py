from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from tenants.admin.base import InfinitePaginator, ReadOnlyMixin, TenantAdmin, TenantFilter
from tenants.models import AuditEntry
from tenants.roles import Right


def audit(request: HttpRequest, tenant_id: int | None, action: str, detail: str = "") -> None:
    """Write down who did what. `action` is a stable word; `detail` never holds a secret."""
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=request.user.pk, action=action, detail=detail[:500])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, TenantAdmin):
    """Who looked at a secret or pressed what."""

    view_right = Right.AUDIT
    list_display = ["at", "tenant", "user", "action", "detail"]
    list_filter = [TenantFilter]
    list_select_related = ["tenant", "user"]
    list_display_links = None
    ordering = ["-at"]
    paginator = InfinitePaginator
    fields: Any = ["at", "tenant", "user", "action", "detail"]
