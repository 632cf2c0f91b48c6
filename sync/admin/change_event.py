from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mappings.labels import entity_label
from sync.admin.lists import EntityFilter, NewestFirstMixin, link_to
from sync.domain.catalogue import explain_code
from sync.models import ChangeEvent
from sync.templatetags.console import system_name
from tenants.admin.base import ChoiceFilter, InfinitePaginator, ReadOnlyMixin, TenantAdmin, TenantFilter, label
from tenants.labels import age, moment

TONES = {
    ChangeEvent.State.PENDING: "busy",
    ChangeEvent.State.CLAIMED: "busy",
    ChangeEvent.State.WAITING: "warning",
    ChangeEvent.State.DONE: "good",
    ChangeEvent.State.NEEDS_ATTENTION: "bad",
    ChangeEvent.State.QUARANTINED: "bad",
    ChangeEvent.State.IGNORED: "neutral",
}


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [("open", _("Not finished")), *ChangeEvent.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "open":
            return queryset.filter(state__in=ChangeEvent.OPEN)
        return super().queryset(request, queryset)


class OriginFilter(ChoiceFilter):
    title = _("origin")
    parameter_name = field = "origin"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(ChangeEvent.Origin.choices)


class SystemFilter(ChoiceFilter):
    title = _("system")
    parameter_name = field = "system"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [("uniconta", "Uniconta"), ("intempus", "Intempus")]


@admin.register(ChangeEvent)
class ChangeEventAdmin(NewestFirstMixin, ReadOnlyMixin, TenantAdmin):
    """The inbox: hints that a record may have changed."""

    time_column = "received_at"
    paginator = InfinitePaginator
    list_display = ["record", "entity_shown", "system_shown", "company", "origin", "state_shown", "received", "due"]
    list_filter = [TenantFilter, StateFilter, OriginFilter, SystemFilter, EntityFilter]
    fieldsets = [
        (None, {"fields": [("tenant", "record_link"), ("entity_shown", "system_shown"), ("key", "remote_id")]}),
        (_("What arrived"), {"fields": [("origin", "operation"), ("table", "size"), "received"]}),
        (
            _("What became of it"),
            {"fields": [("state_shown", "attempts"), ("due", "finished"), "waits_for_shown", "what_happened"]},
        ),
    ]

    @admin.display(description=_("record"))
    def record(self, event: ChangeEvent) -> str:
        return event.key or event.remote_id or event.table or f"#{event.pk}"

    @admin.display(description=_("linked pair"))
    def record_link(self, event: ChangeEvent) -> str:
        return link_to("admin:mappings_recordlink_change", event.link_id, event.link or "–")

    @admin.display(description=_("entity"))
    def entity_shown(self, event: ChangeEvent) -> str:
        return entity_label(event.entity) if event.entity else event.table or "–"

    @admin.display(description=_("system"))
    def system_shown(self, event: ChangeEvent) -> str:
        return system_name(event.system)

    @admin.display(description=_("state"))
    def state_shown(self, event: ChangeEvent) -> str:
        reason = explain_code(event.error_code).text if event.error_code else ""
        return label(event.state_label, TONES[ChangeEvent.State(event.state)], reason)

    @admin.display(description=_("received"), ordering="received_at")
    def received(self, event: ChangeEvent) -> str:
        return moment(event.received_at)

    @admin.display(description=_("due"))
    def due(self, event: ChangeEvent) -> str:
        if event.state not in ChangeEvent.OPEN:
            return "–"
        return moment(event.due_at) if event.attempts else age(event.due_at)

    @admin.display(description=_("finished"))
    def finished(self, event: ChangeEvent) -> str:
        return moment(event.finished_at)

    @admin.display(description=_("waits for"))
    def waits_for_shown(self, event: ChangeEvent) -> str:
        """A record (`customer_group:4`) or a question (`held_deactivate`), in words."""
        name, _colon, key = event.waits_for.partition(":")
        return f"{entity_label(name)} {key}" if key else explain_code(name).text if name else "–"

    @admin.display(description=_("what happened"))
    def what_happened(self, event: ChangeEvent) -> str:
        if not event.error_code:
            return "–"
        explanation = explain_code(event.error_code, event.error_detail)
        return " ".join(part for part in (explanation.text, explanation.fix, explanation.detail) if part)
