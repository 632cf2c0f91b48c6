"""All rows that make up one tenant's own fields of one entity: as stored, as they once were, or as somebody drafts them.

Plain data, so that a draft can be planned with, kept in a run and thrown away, without ever being saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from mappings.models.field_rule import FieldRule, ValueMap
from mappings.rules import with_rules
from mappings.spec import Entity


@dataclass
class RuleRow:
    """One field rule; `id` None: not saved yet."""

    id: int | None
    attribute: str
    uniconta_field: str
    intempus_field: str
    uniconta_transform: str
    intempus_transform: str
    direction: str
    is_off: bool


@dataclass
class TranslationRow:
    """One value map; `id` None: not saved yet."""

    id: int | None
    attribute: str
    uniconta_value: str
    intempus_value: str


@dataclass(frozen=True)
class OwnFields:
    rules: tuple[RuleRow, ...] = ()
    translations: tuple[TranslationRow, ...] = ()

    @classmethod
    def stored(cls, tenant_id: int, entity: str) -> Self:
        """Call inside a scope, like the others that read."""
        scope = {"tenant_id": tenant_id, "entity": entity}
        return cls._of(FieldRule.objects.filter(**scope), ValueMap.objects.filter(**scope))

    @classmethod
    def as_of(cls, tenant_id: int, entity: str, at: datetime) -> Self:
        """As the rows stood right after this instant."""
        scope = {"tenant_id": tenant_id, "entity": entity}
        return cls._of(
            FieldRule.history.as_of(at).filter(**scope),
            ValueMap.history.as_of(at).filter(**scope),
        )

    @classmethod
    def _of(cls, rules: Iterable[FieldRule], translations: Iterable[ValueMap]) -> Self:
        return cls(
            tuple(RuleRow(**_columns(RuleRow, each)) for each in sorted(rules, key=_id)),
            tuple(TranslationRow(**_columns(TranslationRow, each)) for each in sorted(translations, key=_id)),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(RuleRow(**row) for row in data["rules"]),
            tuple(TranslationRow(**row) for row in data["translations"]),
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def with_row(self, row: FieldRule | ValueMap) -> Self:
        """The same with this row as it stands in the form: in place of the stored one, or added."""
        if isinstance(row, FieldRule):
            others = tuple(each for each in self.rules if row.pk is None or each.id != row.pk)
            return replace(self, rules=(*others, RuleRow(**_columns(RuleRow, row))))
        others_of_kind = tuple(each for each in self.translations if row.pk is None or each.id != row.pk)
        return replace(self, translations=(*others_of_kind, TranslationRow(**_columns(TranslationRow, row))))

    def laid_over(self, entity: Entity) -> Entity:
        """Raises DeclarationError when the rows contradict each other."""
        return with_rules(entity, self.rules, self.translations)


def _columns(kind: type[RuleRow | TranslationRow], stored: Any) -> dict[str, Any]:
    return {column.name: getattr(stored, column.name) for column in fields(kind)}


def _id(row: FieldRule | ValueMap) -> int:
    return int(row.pk)
