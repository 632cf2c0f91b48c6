"""The settings part of a value translation's page. `sync.admin.field_rule` registers it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import entity_formfield
from mappings.labels import entity_label
from mappings.models import ValueMap
from tenants.admin.base import TenantFilter, TenantHistoryAdmin


class ValueMapSettingsAdmin(TenantHistoryAdmin):
    delete_right = TenantHistoryAdmin.change_right
    list_display = ["attribute", "entity_shown", "tenant", "uniconta_value", "intempus_value"]
    list_filter = [TenantFilter]
    list_select_related = ["tenant"]
    fields: Any = [("tenant", "entity"), "attribute", ("uniconta_value", "intempus_value")]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant", "entity_shown", "attribute"] if obj else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a translation is about stays: for another field it is another one."""
        return [("tenant", "entity_shown" if obj else "entity"), *self.fields[1:]]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("entity"), ordering="entity")
    def entity_shown(self, value_map: ValueMap) -> str:
        return entity_label(value_map.entity)
