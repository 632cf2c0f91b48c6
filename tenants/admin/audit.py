from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.admin.base import InfinitePaginator, ReadOnlyMixin, TenantAdmin, TenantFilter
from tenants.labels import moment
from tenants.models import AuditEntry
from tenants.roles import Right

#: What a person did, by the stable word stored for it.
ACTIONS = {
    "connection_changed": _("Changed a connection"),
    "connection_paused": _("Paused a connection"),
    "connection_resumed": _("Resumed a connection"),
    "flag_accepted": _("Accepted that the tick field appeared or went"),
    "match_chosen": _("Chose a match"),
    "match_rejected": _("Said that none of the matches is right"),
    "paused": _("Paused synchronisation"),
    "resumed": _("Resumed synchronisation"),
    "run_preview": _("Asked for a preview"),
    "run_pull": _("Fetched from Intempus"),
    "run_sweep": _("Checked Uniconta"),
    "run_test": _("Tested a connection"),
    "sync_now": _("Pressed Sync now or Retry"),
    "webhook_token_made": _("Made a change URL"),
    "webhook_token_revoked": _("Revoked a change URL"),
    "webhook_url_shown": _("Looked at a change URL"),
    "webhook_wrong_company": _("A change URL was called for another company"),
    "went_live": _("Went live"),
}


def audit(request: HttpRequest, tenant_id: int | None, action: str, detail: str = "") -> None:
    """Write down who did what. `action` is a stable word; `detail` never holds a secret."""
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=request.user.pk, action=action, detail=detail[:500])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, TenantAdmin):
    """Who looked at a secret or pressed what."""

    view_right = Right.AUDIT
    list_display = ["at_shown", "tenant", "user", "action_shown", "detail"]
    list_filter = [TenantFilter]
    list_select_related = ["tenant", "user"]
    list_display_links = None
    ordering = ["-at"]
    paginator = InfinitePaginator
    fields: Any = ["at_shown", "tenant", "user", "action_shown", "detail"]

    @admin.display(description=_("at"), ordering="at")
    def at_shown(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("action"), ordering="action")
    def action_shown(self, entry: AuditEntry) -> str:
        return str(ACTIONS.get(entry.action, entry.action))
