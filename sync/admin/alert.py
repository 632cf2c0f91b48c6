"""Alert channels: who is told what by mail or chat, and when. The address of a chat goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sync import queue
from sync.connectors.chat import SERVICES, service_of
from sync.domain.actions import repair_schedules_on_commit
from sync.models import AlertChannel
from tenants.admin.audit import audit
from tenants.admin.base import (
    Press,
    TenantFilter,
    TenantHistoryAdmin,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    label,
)
from tenants.labels import moment
from tenants.roles import Right

Medium = AlertChannel.Medium


class AlertChannelForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        label=_("tell about"),
        choices=AlertChannel.Kind.choices,
        initial=AlertChannel.Kind.values,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    chat_url = forms.CharField(
        label=_("Address of the chat"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}, render_value=False),
        help_text=_("The address that Teams (Workflows), Slack, Discord or Google Chat gave for incoming messages."),
    )

    class Meta:
        model = AlertChannel
        fields = ["name"]  # the rest comes from the page, see ScopedMixin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.chat_service and "chat_url" in self.fields:
            hint = gettext("•••• %(service)s – type to replace") % {"service": self.instance.chat_service}
            self.fields["chat_url"].widget.attrs["placeholder"] = hint

    def clean_recipients(self) -> str:
        text: str = self.cleaned_data["recipients"]
        for address in text.replace(",", " ").replace(";", " ").split():
            validate_email(address)
        return text

    def clean_chat_url(self) -> str:
        url: str = self.cleaned_data["chat_url"].strip()
        self.service = service_of(url, allow_private_targets=settings.ALLOW_PRIVATE_TARGETS) if url else ""
        if url and not self.service:
            names = ", ".join(SERVICES.values())
            raise ValidationError(_("This is not the address of an incoming webhook of: %(names)s.") % {"names": names})
        return url

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("tenant") and data.get("group"):
            self.add_error("group", _("Choose a company or a staff group, not both."))
        has_chat = data.get("chat_url") or self.instance.sealed_chat_url or "chat_url" in self.errors
        if data.get("medium") == Medium.CHAT and not has_chat:
            self.add_error("chat_url", _("A chat needs an address."))
        has_mail = data.get("recipients") or data.get("group") or "recipients" in self.errors
        if data.get("medium") == Medium.EMAIL and not has_mail:
            self.add_error("recipients", _("Name an address, or a staff group."))
        if bool(data.get("quiet_from")) != bool(data.get("quiet_until")):
            self.add_error("quiet_until", _("Quiet hours have a beginning and an end."))
        return data


@admin.register(AlertChannel)
class AlertChannelAdmin(TenantHistoryAdmin):
    form = AlertChannelForm
    view_right = Right.CONFIGURE
    delete_right = Right.CONFIGURE
    list_display = ["name", "whose", "medium_shown", "last_message", "state_shown"]
    list_filter = [TenantFilter, "medium", "is_active"]
    list_select_related = ["tenant", "group"]
    readonly_fields = ["how_it_goes"]
    fieldsets = [
        (None, {"fields": [("name", "is_active"), ("tenant", "group"), "how_it_goes"]}),
        (_("Where to"), {"fields": [("medium", "language"), "recipients", "chat_url"]}),
        (_("What"), {"fields": ["kinds", "attention_above"]}),
        (
            _("When"),
            {"fields": ["every_minutes", ("quiet_from", "quiet_until"), ("is_bank_days_only", "is_urgent_at_once")]},
        ),
    ]
    presses = [Press("test", _("Send test"), "send", "press_test", Right.CONFIGURE, "primary")]
    change_form_outer_before_template = "console/alert_presses.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A channel keeps whose it is; one of several companies is made by an administrator."""
        return [*(["tenant", "group"] if obj else []), *self.readonly_fields]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if request.user.is_superuser:
            return self.fieldsets
        whose = {"fields": [("name", "is_active"), "tenant", "how_it_goes"]}
        return [(None, whose), *self.fieldsets[1:]]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "tenant" and not request.user.is_superuser:
            field.required = True
        return field

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        channel = self.object_or_404(request, object_id)
        extra = {**(extra_context or {}), "presses": self.presses_for(request, channel), "channel": channel}
        response: HttpResponse = super().change_view(request, object_id, form_url, extra)
        return response

    def save_model(self, request: HttpRequest, obj: AlertChannel, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if url := form.cleaned_data.get("chat_url"):
            obj.set_chat_url(url, form.service)
            AlertChannel.objects.filter(pk=obj.pk).update(
                sealed_chat_url=obj.sealed_chat_url, chat_service=obj.chat_service
            )
        audit(request, obj.tenant_id, "alert_channel_changed", f"{obj.name}: {', '.join(form.changed_data)}")
        repair_schedules_on_commit()

    def press_test(self, request: HttpRequest, channel: AlertChannel) -> HttpResponse:
        queue.enqueue("sync.tasks.alert_test", channel.pk)
        audit(request, channel.tenant_id, "alert_tested", channel.name)
        messages.success(request, gettext("The test is on its way; load the page again to see how it went."))
        return HttpResponseRedirect(reverse("admin:sync_alertchannel_change", args=[channel.pk]))

    @admin.display(description=_("for"))
    def whose(self, channel: AlertChannel) -> str:
        return str(channel.tenant or channel.group or gettext("all companies"))

    @admin.display(description=_("by"), ordering="medium")
    def medium_shown(self, channel: AlertChannel) -> str:
        return channel.chat_service or channel.get_medium_display()

    @admin.display(description=_("last message"), ordering="sent_at")
    def last_message(self, channel: AlertChannel) -> str:
        return moment(channel.sent_at)

    @admin.display(description=_("state"))
    def state_shown(self, channel: AlertChannel) -> str:
        if not channel.is_active:
            return label(_("not in use"), "neutral")
        if channel.failure:
            return label(_("Fails"), "bad", channel.failure)
        return label(_("in use"), "good")

    @admin.display(description=_("how it goes"))
    def how_it_goes(self, channel: AlertChannel) -> str:
        """What a person needs to know to trust it."""
        said = [gettext("Last message: %(at)s.") % {"at": moment(channel.sent_at)}]
        if channel.failure:
            said.append(gettext("It fails: %(failure)s") % {"failure": channel.failure})
        if channel.unconfirmed_at:
            text = gettext("A message before %(at)s was cut off: whether it arrived is not known.")
            said.append(text % {"at": moment(channel.unconfirmed_at)})
        if channel.tested_at:
            outcome = channel.test_failure or gettext("sent")
            said.append(
                gettext("Last test %(at)s: %(outcome)s") % {"at": moment(channel.tested_at), "outcome": outcome}
            )
        return " ".join(said)
