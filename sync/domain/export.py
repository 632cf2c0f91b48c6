"""What the platform knows of a company, for taking along: as one JSON text, or as a spreadsheet with a sheet per kind.

No password, key or address of ours is in it. Call inside a scope.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.utils import timezone
from tablib import Databook, Dataset

from mappings.models import EntityPolicy, FieldRule, HoursPolicy, PolicySettings, RecordLink, ValueMap, WorkTypeRule
from sync.domain.spreadsheet import neutral
from sync.models import JournalLine, SignOff
from tenants.models import Tenant

POLICY_FIELDS = [field.name for field in PolicySettings._meta.get_fields()]  # noqa: SLF001 - public all but in name
LINE_FIELDS = [
    "report__intempus_id", "report__employee_number", "report__employee_name", "report__case_name",
    "report__work_type_name", "report__starts_on", "report__unit", "reference", "kind", "state", "journal", "quantity",
    "uniconta_id", "sent_at", "confirmed_at", "posted_at",
]  # fmt: skip
FIRST_LINE = Q(number=1, kind=JournalLine.Kind.TRANSFER)


@dataclass(frozen=True)
class Kind:
    """One list of the export, by the name of its sheet: at most 31 characters, English in both forms."""

    name: str
    rows: QuerySet[Any]
    columns: Sequence[str]

    def values(self) -> Iterator[dict[str, Any]]:
        for row in self.rows.values_list(*self.columns).iterator(chunk_size=2000):
            yield {column.replace("report__", ""): value for column, value in zip(self.columns, row, strict=True)}


def kinds(tenant: Tenant) -> list[Kind]:
    def of(model: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = model.objects.filter(tenant=tenant).order_by("pk")
        return rows

    hours = [field.name for field in HoursPolicy._meta.concrete_fields if field.name not in ("id", "tenant")]  # noqa: SLF001
    return [
        Kind(
            "pairs",
            of(RecordLink),
            [
                "entity", "name", "uniconta_id", "uniconta_key", "intempus_id", "intempus_key", "state", "reason",
                "inactive_reason", "is_ticked", "created_at", "changed_at",
            ],
        ),
        Kind("policies", of(EntityPolicy), POLICY_FIELDS),
        Kind(
            "field_rules",
            of(FieldRule),
            [
                "entity", "attribute", "uniconta_field", "intempus_field", "uniconta_transform", "intempus_transform",
                "direction", "is_off",
            ],
        ),
        Kind("value_translations", of(ValueMap), ["entity", "attribute", "uniconta_value", "intempus_value"]),
        Kind("hours_settings", of(HoursPolicy), hours),
        Kind(
            "work_type_rules",
            of(WorkTypeRule),
            ["work_type_id", "work_type_name", "item", "category", "pay_type", "unit", "journal", "treatment", "invoiceable"],
        ),
        Kind("transfers", of(JournalLine).filter(FIRST_LINE), LINE_FIELDS),
        Kind("corrections", of(JournalLine).exclude(FIRST_LINE), LINE_FIELDS),
        Kind("sign_offs", of(SignOff), ["calendar__name", "first", "last", "at", "signed_by", "reason", "note", "figures"]),
    ]  # fmt: skip


def as_json(tenant: Tenant) -> str:
    """{"company", "short_name", "taken_at", and a list of objects per kind}."""
    content: dict[str, Any] = {"company": tenant.name, "short_name": tenant.slug, "taken_at": timezone.now()}
    content |= {kind.name: list(kind.values()) for kind in kinds(tenant)}
    return json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def as_xlsx(tenant: Tenant) -> bytes:
    """The same, one sheet per kind; no text can be a formula."""
    sheets = []
    for kind in kinds(tenant):
        columns = [column.replace("report__", "") for column in kind.columns]
        data = Dataset(headers=columns, title=kind.name)
        for row in kind.values():
            data.append([_cell(row[column]) for column in columns])
        sheets.append(data)
    content: bytes = Databook(sheets).export("xlsx")
    return content


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None)  # a spreadsheet knows no zones
    if isinstance(value, dict | list):
        return neutral(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False))
    return neutral(value) if isinstance(value, str) else value
