"""The versions of a tenant's own fields of one entity: who changed what when, and going back to one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from mappings.entities import ENTITIES
from mappings.models import FieldRule, OwnFields, ValueMap
from mappings.models.own_fields import RuleRow, TranslationRow
from mappings.spec import DeclarationError
from sync.domain.actions import audit, compare_again

#: Rows saved together, by a file or by going back, are one version.
TOGETHER = timedelta(seconds=1)


class CannotRestoreError(Exception):
    """A version does not fit together any more; the message says what contradicts what."""


@dataclass
class Change:
    """One row that was added (+), changed (~) or deleted (-); `columns`: column, value before, value after."""

    kind: str
    row: FieldRule | ValueMap
    columns: list[tuple[Any, Any, Any]]


@dataclass
class Version:
    """Own fields as they stood from `at` on."""

    at: datetime
    person: str
    changes: list[Change] = field(default_factory=list)


def versions(tenant_id: int, entity: str) -> list[Version]:
    """Newest first. Call inside a scope."""
    found: list[Version] = []
    before: dict[tuple[type, int], Any] = {}
    rows = [
        row
        for model in (FieldRule, ValueMap)
        for row in model.history.filter(tenant_id=tenant_id, entity=entity).select_related("history_user")
    ]
    for row in sorted(rows, key=lambda row: (row.history_date, row.history_id)):
        person = str(row.history_user or "")
        if not found or found[-1].person != person or row.history_date - found[-1].at > TOGETHER:
            found.append(Version(row.history_date, person))
        key = (type(row), row.id)
        found[-1].at = row.history_date
        found[-1].changes.append(Change(row.history_type, row.instance, _columns(before.get(key), row)))
        before[key] = row if row.history_type != "-" else None
    return found[::-1]


def _columns(old: Any, new: Any) -> list[tuple[Any, Any, Any]]:
    if old is None or new.history_type == "-":
        return []
    columns = [column for column in new.instance._meta.fields if column.editable]  # noqa: SLF001 - public all but in name
    pairs = [(column.verbose_name, getattr(old, column.attname), getattr(new, column.attname)) for column in columns]
    return [(name, was, now) for name, was, now in pairs if was != now]


def restore(tenant_id: int, entity: str, at: datetime, user_id: int | None) -> None:
    """Put all rows back as they stood right after `at`; what goes is kept as a version, too. Call inside a scope.

    Raises CannotRestoreError, and then nothing has changed.
    """
    wanted = OwnFields.as_of(tenant_id, entity, at)
    try:
        wanted.laid_over(ENTITIES[entity])
        with transaction.atomic():
            _put(FieldRule, tenant_id, entity, wanted.rules)
            _put(ValueMap, tenant_id, entity, wanted.translations)
    except (DeclarationError, IntegrityError) as error:
        raise CannotRestoreError(str(error)) from None
    audit(tenant_id, user_id, "own_fields_restored", f"{entity}: {at.isoformat()}")
    compare_again(tenant_id, entity, user_id)


def _put(
    model: type[FieldRule | ValueMap], tenant_id: int, entity: str, wanted: tuple[RuleRow | TranslationRow, ...]
) -> None:
    stored = {row.pk: row for row in model.objects.select_for_update().filter(tenant_id=tenant_id, entity=entity)}
    ids = {row.id for row in wanted}
    for pk, row in stored.items():
        if pk not in ids:
            row.delete()  # first, so that none stands in the way of one that comes back
    for values in wanted:
        columns = vars(values)
        row = stored.get(values.id or 0) or model(tenant_id=tenant_id, entity=entity)
        if row.pk is None or any(getattr(row, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(row, name, value)
            row.save()
