from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.admin.base import InfinitePaginator, ReadOnlyMixin, TenantAdmin, TenantFilter
from tenants.labels import action_label, moment, person_name
from tenants.models import AuditEntry
from tenants.roles import Right


def audit(request: HttpRequest, tenant_id: int | None, action: str, detail: str = "") -> None:
    """Write down who did what. `action` is a stable word; `detail` never holds a secret."""
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=request.user.pk, action=action, detail=detail[:500])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, TenantAdmin):
    """Who looked at a secret or pressed what."""

    view_right = Right.AUDIT
    list_display = ["at_shown", "company", "person", "action_shown", "detail"]
    list_filter = [TenantFilter]
    list_select_related = ["tenant", "user"]
    list_display_links = None
    ordering = ["-at"]
    paginator = InfinitePaginator
    fields: Any = ["at_shown", "company", "person", "action_shown", "detail"]

    @admin.display(description=_("at"), ordering="at")
    def at_shown(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("company"))
    def company(self, entry: AuditEntry) -> str:
        return str(entry.tenant or "–")

    @admin.display(description=_("user"))
    def person(self, entry: AuditEntry) -> str:
        return person_name(entry.user)

    @admin.display(description=_("action"), ordering="action")
    def action_shown(self, entry: AuditEntry) -> str:
        return action_label(entry.action)
