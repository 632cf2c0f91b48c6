from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import OneForEach, TenantPolicyForm, entity_formfield
from mappings.labels import entity_label
from mappings.models import EntityPolicy
from tenants.admin.base import TenantFilter, TenantHistoryAdmin, TenantStackedInline, label


class EntityPolicyInline(TenantStackedInline):
    """What is switched on, one block per entity."""

    model = EntityPolicy
    form = TenantPolicyForm
    formset = OneForEach
    verbose_name_plural = _("entity policies")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("entity", "enabled"),
                    ("to_intempus", "to_uniconta"),
                    ("create_in_intempus", "create_in_uniconta"),
                ]
            },
        ),
        (
            _("Advanced"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("number_series", "number_prefix"),
                    "default_group",
                    "phases",
                    ("on_uniconta_delete", "on_intempus_delete"),
                ],
            },
        ),
    ]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(EntityPolicy)
class EntityPolicyAdmin(TenantHistoryAdmin):
    form = TenantPolicyForm
    list_display = ["entity_shown", "tenant", "enabled", "to_intempus", "to_uniconta", "held"]
    list_filter = [TenantFilter, "enabled"]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": [("tenant", "entity"), "enabled"]}),
        (_("Directions"), {"fields": [("to_intempus", "to_uniconta"), ("create_in_intempus", "create_in_uniconta")]}),
        (_("Numbers and groups"), {"fields": [("number_series", "number_prefix"), "default_group", "phases"]}),
        (_("Deletions"), {"fields": [("on_uniconta_delete", "on_intempus_delete")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant", "entity_shown"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fieldsets
        return [(None, {"fields": [("tenant", "entity_shown"), "enabled"]}), *self.fieldsets[1:]]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("entity"), ordering="entity")
    def entity_shown(self, policy: EntityPolicy) -> str:
        return entity_label(policy.entity)

    @admin.display(description=_("held"))
    def held(self, policy: EntityPolicy) -> str:
        return label(_("Waits for a person"), "bad", policy.hold_detail) if policy.hold_code else "–"
