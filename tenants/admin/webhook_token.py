"""The secret part of a company's change URLs. Masked everywhere; *Show* asks for a right and is written down."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import audit
from tenants.admin.base import Press, ReadOnlyMixin, TenantAdmin, TenantFilter
from tenants.labels import moment
from tenants.models import Connection, Tenant, WebhookToken
from tenants.roles import Right


def masked_url(tenant: Tenant, system: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/hooks/{tenant.slug}/••••••••/{system}/"


@admin.register(WebhookToken)
class WebhookTokenAdmin(ReadOnlyMixin, TenantAdmin):
    view_right = Right.CONFIGURE
    list_display = ["note_or_number", "tenant", "made", "revoked"]
    list_filter = [TenantFilter]
    list_select_related = ["tenant"]
    fields = ["tenant", "note", "made", "revoked"]
    presses = [
        Press("show", _("Show"), "visibility", "show", Right.REVEAL),
        Press("revoke", _("Revoke"), "block", "revoke", Right.CONFIGURE, "danger"),
    ]

    @admin.display(description=_("webhook token"))
    def note_or_number(self, token: WebhookToken) -> str:
        return token.note or f"#{token.pk}"

    @admin.display(description=_("created"), ordering="created_at")
    def made(self, token: WebhookToken) -> str:
        return moment(token.created_at)

    @admin.display(description=_("revoked"), ordering="revoked_at")
    def revoked(self, token: WebhookToken) -> str:
        return moment(token.revoked_at)

    def show(self, request: HttpRequest, token: WebhookToken) -> HttpResponse:
        """The URLs in clear, once, on a page that no browser keeps."""
        audit(request, token.tenant_id, "webhook_url_shown", f"token {token.pk}")
        response = TemplateResponse(
            request,
            "console/webhook_urls.html",
            {
                **self.admin_site.each_context(request),
                "title": gettext("Change URLs (webhooks)"),
                "tenant": token.tenant,
                "urls": [(system.label, token.url(system.value)) for system in Connection.System],
            },
        )
        response["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest, token: WebhookToken) -> HttpResponse:
        if token.revoked_at is None:
            WebhookToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
            audit(request, token.tenant_id, "webhook_token_revoked", f"token {token.pk}")
            messages.success(request, gettext("The change URL no longer works."))
        return HttpResponseRedirect(reverse("admin:tenants_tenant_webhooks", args=[token.tenant_id]))
