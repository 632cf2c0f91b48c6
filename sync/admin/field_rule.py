"""A field rule's page: the settings, and beside them what a rule would do before it is saved."""

from __future__ import annotations

from django.contrib import admin

from mappings.admin.field_rule import FieldRuleSettingsAdmin
from mappings.models import FieldRule


@admin.register(FieldRule)
class FieldRuleAdmin(FieldRuleSettingsAdmin):
    change_form_after_template = "console/field_rule.html"
