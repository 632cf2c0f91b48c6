"""A company's connections. The password or key goes in and never comes out again: not on pages, not into histories."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import audit
from tenants.admin.base import (
    TenantFilter,
    TenantHistoryAdmin,
    TenantStackedInline,
    UnfoldAdminPasswordWidget,
    label,
)
from tenants.labels import age, moment
from tenants.models import Connection
from tenants.roles import Right

TONES = {
    Connection.State.WORKING: "good",
    Connection.State.UNTESTED: "neutral",
    Connection.State.PAUSED: "warning",
    Connection.State.BROKEN: "bad",
}


def state_label(connection: Connection) -> str:
    return label(connection.get_state_display(), TONES[Connection.State(connection.state)])


class ConnectionForm(forms.ModelForm):
    """Write-only secret. What it protects may not move away from under it: a new address asks for it again."""

    secret = forms.CharField(
        label=_("Password or API key"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )

    class Meta:
        model = Connection
        fields = [
            "system",
            "username",
            "secret",
            "company_id",
            "calls_per_day",
        ]  # the address comes from the page, see ScopedMixin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            if "system" in self.fields:
                self.fields["system"].disabled = True
            if self.instance.secret_set_at and "secret" in self.fields:
                hint = gettext("•••• set %(age)s – type to replace") % {"age": age(self.instance.secret_set_at)}
                self.fields["secret"].widget.attrs["placeholder"] = hint

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"].rstrip("/")
        if urlsplit(url).scheme != "https" and not settings.ALLOW_PRIVATE_TARGETS:
            raise ValidationError(_("The address must begin with https://."))
        return url

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk or self.errors:
            return data
        stored = Connection.objects.get(pk=self.instance.pk)
        has_links = stored.tenant.links.exclude(**{f"{stored.system}_id": ""}).exists()
        if data.get("company_id") != stored.company_id and has_links:
            self.add_error(
                "company_id",
                _(
                    "The company id cannot change while records of the present company are known (rule M13). Press “Move company” on the company’s page first."
                ),
            )
        moved = data.get("base_url") != stored.base_url
        if moved and stored.sealed_secret and not data.get("secret"):
            self.add_error("secret", _("The address changed: type the password or key again."))
        return data

    def save(self, commit: bool = True) -> Connection:  # noqa: FBT002 - as Django calls it
        connection = self.instance
        if connection.pk and set(self.changed_data) & {"base_url", "username", "secret", "company_id"}:
            connection.state, connection.state_code = Connection.State.UNTESTED, ""
            connection.state_detail = ""
            if "company_id" in self.changed_data:
                connection.pinned_company_id = connection.pinned_company_name = connection.pinned_company_number = ""
        if self.cleaned_data.get("secret"):
            connection.set_secret(self.cleaned_data["secret"])
        saved: Connection = super().save(commit)
        return saved


class ConnectionFormSet(BaseInlineFormSet):
    """One connection per system."""

    def clean(self) -> None:
        super().clean()
        systems = [form.instance.system or form.cleaned_data.get("system") for form in self.forms if form.has_changed()]
        kept = [form.instance.system for form in self.forms if form.instance.pk and not form.has_changed()]
        if len(set(systems + kept)) < len(systems + kept):
            raise ValidationError(_("A company has one connection per system."))


class ConnectionInline(TenantStackedInline):
    model = Connection
    form = ConnectionForm
    fields = ["system", "base_url", "username", "secret", "company_id"]
    max_num = len(Connection.System)
    view_right = Right.CONFIGURE


@admin.register(Connection)
class ConnectionAdmin(TenantHistoryAdmin):
    """Reached from the company's page; it carries the history of the settings."""

    form = ConnectionForm
    view_right = Right.CONFIGURE
    add_right = None
    list_display = ["tenant", "system", "state_shown", "base_url", "pinned_company_name", "tested"]
    list_display_links = ["tenant", "system"]
    list_filter = [TenantFilter, "system", "state"]
    list_select_related = ["tenant"]
    fields = ["tenant", "system", "base_url", "username", "secret", "company_id"]
    readonly_fields = ["tenant"]

    @admin.display(description=_("state"), ordering="state")
    def state_shown(self, connection: Connection) -> str:
        return state_label(connection)

    @admin.display(description=_("last tested"), ordering="tested_at")
    def tested(self, connection: Connection) -> str:
        return moment(connection.tested_at)

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        audit_connection(request, form)


def audit_connection(request: HttpRequest, form: Any) -> None:
    """Who changed which field of a connection; values are in the history, secrets are nowhere."""
    if form.changed_data:
        connection: Connection = form.instance
        detail = f"{connection.system}: {', '.join(form.changed_data)}"
        audit(request, connection.tenant_id, "connection_changed", detail)
