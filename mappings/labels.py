"""Names of entities and attributes in the reader's language: they are declared, not in the database."""

from __future__ import annotations

from django.utils.translation import get_language, gettext

from mappings.entities import ENTITIES
from mappings.entities.work_report import NAME as WORK_REPORT
from mappings.spec import Entity


def is_danish() -> bool:
    return (get_language() or "en").startswith("da")


def entity_label(name: str) -> str:
    if name == WORK_REPORT:  # no linked pair, and yet a kind of record to people
        return gettext("Work report")
    entity = ENTITIES.get(name)
    if entity is None:
        return name
    return entity.label_da if is_danish() else entity.label


def entity_choices() -> list[tuple[str, str]]:
    return [(name, entity_label(name)) for name in ENTITIES]


def attribute_label(entity: Entity | None, name: str) -> str:
    """An attribute that is no longer declared shows its plain name."""
    try:
        attribute = entity.attribute(name) if entity else None
    except KeyError:
        attribute = None
    if attribute is None:
        return name
    return attribute.label_da if is_danish() else attribute.label


def field_name(entity: str, attribute: str) -> str:
    """Both in the reader's language; a tenant's own field is called what the tenant calls it."""
    return f"{entity_label(entity)}: {attribute_label(ENTITIES.get(entity), attribute)}"
