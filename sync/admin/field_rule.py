"""The pages of field rules and value translations: their settings, and what they would do before they are saved."""

from __future__ import annotations

from django.contrib import admin

from mappings.admin.field_rule import FieldRuleSettingsAdmin
from mappings.admin.value_map import ValueMapSettingsAdmin
from mappings.models import FieldRule, ValueMap
from sync.admin.own_fields import DraftMixin


@admin.register(FieldRule)
class FieldRuleAdmin(DraftMixin, FieldRuleSettingsAdmin):
    change_form_after_template = "console/field_rule.html"


@admin.register(ValueMap)
class ValueMapAdmin(DraftMixin, ValueMapSettingsAdmin):
    pass
