from mappings.models.entity_policy import NOT_MATCHED, EntityPolicy, PolicySettings
from mappings.models.field_rule import FieldRule, ValueMap
from mappings.models.hours_policy import HoursPolicy, WorkTypeRule
from mappings.models.match_row import MatchRow
from mappings.models.own_fields import OwnFields
from mappings.models.record_link import RecordLink
from mappings.models.template import Template, TemplatePolicy, TemplateUse

__all__ = [
    "NOT_MATCHED",
    "EntityPolicy",
    "FieldRule",
    "HoursPolicy",
    "MatchRow",
    "OwnFields",
    "PolicySettings",
    "RecordLink",
    "Template",
    "TemplatePolicy",
    "TemplateUse",
    "ValueMap",
    "WorkTypeRule",
]
