"""A tenant's own rows laid over a declared entity: the result is an entity like any other (rule M8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from mappings.spec import Attribute, Direction, Entity


class Rule(Protocol):
    """The columns of `mappings.models.FieldRule`; a protocol, so that this module stays free of Django."""

    attribute: str
    uniconta_field: str
    intempus_field: str
    uniconta_transform: str
    intempus_transform: str
    direction: str
    is_off: bool


class Translation(Protocol):
    """The columns of `mappings.models.ValueMap`."""

    attribute: str
    uniconta_value: str
    intempus_value: str


def with_rules(entity: Entity, rules: Iterable[Rule], translations: Iterable[Translation]) -> Entity:
    """`entity` as this tenant has it. Raises DeclarationError when a row contradicts the rest."""
    attributes = {attribute.name: attribute for attribute in entity.attributes if not attribute.is_off_by_default}
    off = {attribute.name: attribute for attribute in entity.attributes if attribute.is_off_by_default}
    for rule in rules:
        if rule.is_off:
            attributes.pop(rule.attribute, None)
            continue
        known = attributes.get(rule.attribute) or off.get(rule.attribute)
        attributes[rule.attribute] = replace(
            known or Attribute(rule.attribute, rule.attribute, rule.attribute, "", ""),
            uniconta=rule.uniconta_field or (known.uniconta if known else ""),
            intempus=rule.intempus_field or (known.intempus if known else ""),
            # Blank: as the attribute is declared; a new one travels as text.
            uniconta_transform=rule.uniconta_transform or (known.uniconta_transform if known else "text"),
            intempus_transform=rule.intempus_transform or (known.intempus_transform if known else "text"),
            direction=Direction(rule.direction),
        )
    for translation in translations:
        if (known := attributes.get(translation.attribute)) is not None:
            pairs = (*known.translations, (translation.uniconta_value, translation.intempus_value))
            attributes[translation.attribute] = replace(known, translations=pairs)
    return replace(entity, attributes=tuple(attributes.values()))
