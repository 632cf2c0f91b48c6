"""The settings part of a company's page. `sync.admin.tenant` adds health and buttons and registers it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import audit
from tenants.admin.base import Press, TenantHistoryAdmin, label
from tenants.admin.connection import ConnectionForm, ConnectionInline, audit_connection
from tenants.admin.membership import MembershipInline
from tenants.labels import moment
from tenants.models import Tenant, WebhookToken
from tenants.roles import Right

TONES = {
    Tenant.State.LIVE: "good",
    Tenant.State.PREPARING: "neutral",
    Tenant.State.PAUSED: "warning",
    Tenant.State.LEAVING: "warning",
    Tenant.State.CLOSED: "neutral",
}


def tenant_state_label(state: str) -> str:
    return label(Tenant.State(state).label, TONES[Tenant.State(state)])


class TenantSettingsAdmin(TenantHistoryAdmin):
    """Companies are made by administrators and are paused, never deleted (rule M10)."""

    search_fields = ["name__istartswith", "slug__startswith"]
    ordering = ["name"]
    inlines = [ConnectionInline, MembershipInline]
    readonly_fields = ["state", "created"]
    fieldsets = [
        (_("Company"), {"fields": [("name", "slug"), ("language", "contact_email"), ("state", "created")]}),
        (
            _("Synchronisation"),
            {
                "fields": [
                    ("opt_in_field", "opt_in_means"),
                    "conflict_policy",
                    ("pull_minutes", "sweep_minutes"),
                ]
            },
        ),
    ]
    presses = [Press("new-token", _("New change URL"), "add_link", "new_token", Right.CONFIGURE)]

    @admin.display(description=_("created"))
    def created(self, tenant: Tenant) -> str:
        return moment(tenant.created_at)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The short name is part of every change URL that customers have pasted into Uniconta."""
        return [*self.readonly_fields, "slug"] if obj else list(self.readonly_fields)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        super().save_formset(request, form, formset, change)
        if issubclass(formset.form, ConnectionForm):
            for connection_form in formset.forms:
                if connection_form.has_changed() and connection_form.instance.pk:
                    audit_connection(request, connection_form)

    def new_token(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        token = WebhookToken.issue(tenant)
        audit(request, tenant.pk, "webhook_token_made", f"token {token.pk}")
        messages.success(
            request, gettext("A new change URL was made. The old ones keep working until they are revoked.")
        )
        return HttpResponseRedirect(reverse("admin:tenants_tenant_webhooks", args=[tenant.pk]))
