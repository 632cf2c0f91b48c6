from mappings.models.entity_policy import EntityPolicy
from mappings.models.field_rule import FieldRule, ValueMap
from mappings.models.hours_policy import HoursPolicy, WorkTypeRule
from mappings.models.match_row import MatchRow
from mappings.models.own_fields import OwnFields
from mappings.models.record_link import RecordLink

__all__ = [
    "EntityPolicy",
    "FieldRule",
    "HoursPolicy",
    "MatchRow",
    "OwnFields",
    "RecordLink",
    "ValueMap",
    "WorkTypeRule",
]
