from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import entity_formfield, transform_choices
from mappings.labels import entity_label
from mappings.models import FieldRule
from tenants.admin.base import TenantFilter, TenantHistoryAdmin, UnfoldAdminSelectWidget


@admin.register(FieldRule)
class FieldRuleAdmin(TenantHistoryAdmin):
    """A company's own field mapping: a field more, another field, or one field less (rule M8)."""

    delete_right = TenantHistoryAdmin.change_right
    list_display = ["attribute", "entity_shown", "tenant", "uniconta_field", "intempus_field", "direction", "is_off"]
    list_filter = [TenantFilter, "direction", "is_off"]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": [("tenant", "entity"), ("attribute", "is_off"), "direction"]}),
        ("Uniconta", {"fields": [("uniconta_field", "uniconta_transform")]}),
        ("Intempus", {"fields": [("intempus_field", "intempus_transform")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant"] if obj else []

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in ("uniconta_transform", "intempus_transform"):
            return forms.ChoiceField(
                choices=transform_choices,
                label=capfirst(db_field.verbose_name),
                initial=db_field.default,
                widget=UnfoldAdminSelectWidget(),
            )
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("entity"), ordering="entity")
    def entity_shown(self, rule: FieldRule) -> str:
        return entity_label(rule.entity)
