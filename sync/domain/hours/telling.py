"""One work report as a person reads it: what stands in the way and where that is mended, and what its lines say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import Q
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mappings.hours import Kind
from mappings.units import MEMBER_OF_SPELLING, TEXT_OF_MEMBER
from sync.domain.catalogue import Explanation, explain_code
from sync.models import JournalLine, ReferenceRow, WorkReport

#: The fields of a line as people read them, in Uniconta's spelling: what they are called, and whose keys they hold.
FIELDS: Mapping[str, tuple[Promise, str]] = {
    "Date": (_("day"), ""),
    "Employee": (_("employee"), "employee"),
    "Project": (_("project"), "project"),
    "Item": (_("item"), "item"),
    "PrCategory": (_("project category"), "category"),
    "PayrollCategory": (_("pay type"), "pay_type"),
    "Qty": (_("quantity"), ""),
    "Unit": (_("unit"), ""),
    "Text": (_("text"), ""),
    "TimeFrom": (_("from"), ""),
    "TimeTo": (_("to"), ""),
    "Invoiceable": (_("invoiceable"), ""),
    "Journal": (_("project journal"), "journal"),
    "CostPrice": (_("cost price"), ""),
    "SalesPrice": (_("sales price"), ""),
    "Voucher": (_("voucher"), ""),
}
#: Which lists those are.
LISTS = sorted({name for _words, name in FIELDS.values() if name})
#: What a change of a report in Intempus touches, by column.
COLUMNS: Mapping[str, Promise] = {
    "work_type_name": _("work type"),
    "unit": _("unit"),
    "starts_on": _("day"),
    "ends_on": _("until"),
    "starts_at": _("from"),
    "ends_at": _("to"),
    "amount": _("amount"),
    "quantity": _("quantity"),
    "remarks": _("remarks"),
    "is_approved": _("approved"),
    "is_locked": _("locked"),
    "employee_id": _("employee"),
    "case_id": _("case"),
    "work_type_id": _("work type"),
    "product_id": _("material"),
    "is_gone": _("deleted"),
    "unreadable": _("cannot be understood"),
}


class Place(StrEnum):
    """Where what stands in the way is mended."""

    BOARD = "board"
    SETTINGS = "settings"
    PROJECT = "project"
    EMPLOYEE = "employee"
    PRODUCT = "product"


#: By code. What is not here is mended in Intempus, or by the buttons of the report's own page.
PLACES: Mapping[str, Place] = {
    **dict.fromkeys((f"{verb}_{kind}" for verb in ("skipped", "held") for kind in Kind), Place.SETTINGS),
    **dict.fromkeys(
        ("journal_missing", "journal_blocked", "period_closed", "text_too_long", "before_start"), Place.SETTINGS
    ),
    **dict.fromkeys(("rule_missing", "item_missing", "item_blocked", "category_missing"), Place.BOARD),
    **dict.fromkeys(("pay_type_missing", "pay_type_blocked", "pay_type_not_found"), Place.BOARD),
    **dict.fromkeys(("skipped_work", "held_work"), Place.BOARD),
    **dict.fromkeys(("project_not_linked", "project_missing", "project_blocked", "project_phase"), Place.PROJECT),
    **dict.fromkeys(("employee_not_linked", "employee_ended"), Place.EMPLOYEE),
    "product_not_linked": Place.PRODUCT,
}


@dataclass(frozen=True)
class Told:
    """A problem or warning in words, and where it is mended."""

    why: Explanation
    about: str
    place: Place | None


def tell(code: str, about: str = "") -> Told:
    is_said = code in ("line_refused", "report_unreadable")  # the remote system's own words
    return Told(explain_code(code, about if is_said else ""), "" if is_said else about, PLACES.get(code))


def problems_of(report: WorkReport) -> list[Told]:
    """What stands in the way, the reason first; also while the report still waits for approval."""
    return [tell(code, about) for code, about in report.problems]


def warnings_of(report: WorkReport) -> list[Told]:
    return [tell(code, report.work_type_name) for code in report.warnings]


# ------------------------------------------------------------------------------------------------ lines


@dataclass(frozen=True)
class FieldRow:
    """One field of a line in each of its versions, as people write it; "" where a version says nothing about it."""

    name: Promise
    values: tuple[str, ...]
    differs: bool


class Names:
    """What the keys on lines stand for: "TIME" is "Arbejdstime". One query for all of them. Call inside a scope."""

    def __init__(self, tenant_id: int, versions: Iterable[Mapping[str, Any]]) -> None:
        wanted: dict[str, set[str]] = {name: set() for name in LISTS}
        for values in versions:
            for field, (_words, name) in FIELDS.items():
                if name and values.get(field):
                    wanted[name].add(str(values[field]))
        asked = Q()
        for name, keys in wanted.items():
            asked |= Q(list=name, key__in=keys) if keys else Q()
        rows = ReferenceRow.objects.filter(asked, tenant_id=tenant_id, is_gone=False) if asked else ()
        self._names = {(row.list, row.key): row.name for row in rows}

    def spell(self, field: str, value: Any) -> str:
        if value in (None, ""):
            return ""
        _words, name = FIELDS[field]
        if name:
            return f"{value} {self._names.get((name, str(value)), '')}".strip()
        if field == "Date":
            return f"{date.fromisoformat(str(value)[:10]):%d-%m-%Y}"
        if field in ("Qty", "CostPrice", "SalesPrice"):
            return plain(Decimal(str(value)))
        if field == "Invoiceable":
            return str(_("yes") if value else _("no"))
        if field == "Unit":  # Uniconta says it in the language of whoever asks, and it is the same unit
            member = MEMBER_OF_SPELLING.get(str(value).casefold(), str(value))
            return TEXT_OF_MEMBER.get(member, member)
        return str(value)


def plain(number: Decimal) -> str:
    """As people write it: 7.5 and not 7.50000000000000, with the decimal sign of the language."""
    text = format(number.normalize(), "f")
    decimals = len(text.partition(".")[2])
    return number_format(number, max(decimals, 2) if decimals else 0, use_l10n=True)


def spell_column(column: str, value: Any) -> Any:
    """A value of a report, as `COLUMNS` names them, as people write it."""
    return plain(Decimal(str(value))) if column in ("amount", "quantity") and value not in (None, "") else value


def field_rows(names: Names, *versions: Mapping[str, Any]) -> list[FieldRow]:
    """Versions of one line field by field; what all of them leave out is left out."""
    rows = []
    for field, (words, _list) in FIELDS.items():
        values = tuple(names.spell(field, version.get(field)) for version in versions)
        if any(values):
            said = {value for value, version in zip(values, versions, strict=True) if field in version}
            rows.append(FieldRow(words, values, len(said) > 1))
    return rows


def unposted_count(tenant_id: int) -> int:
    """Lines of ours that stand in a journal. Call inside a scope."""
    return JournalLine.objects.filter(tenant_id=tenant_id, state=JournalLine.State.IN_JOURNAL).count()
