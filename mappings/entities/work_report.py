"""Work report: hours, mileage, materials and the like registered in Intempus; a project journal line in Uniconta.

It goes one way and is no linked pair: a report becomes one line, a line leaves the journal when it is posted, and what
proves the connection is the line's `ReferenceNumber`. So it has no place in the register of entities.

Sources: Intempus API page 3.6–3.9 (work_type, work_category, work_report, approval), Uniconta API page section 3
(ProjectJournalLineClient and the tables a line refers to; transactions carry the same fields).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mappings.spec import Side, System
from mappings.transforms import MappingError, read_number, read_text

NAME = "work_report"


def _intempus(resource: str, *, has_cursor: bool = False, company_field: str = "") -> Side:
    return Side(
        System.INTEMPUS,
        resource=resource,
        id_field="id",
        key_field="number",
        name_field="name",
        has_cursor=has_cursor,
        timestamp_field="logical_timestamp" if has_cursor else "",
        company_field=company_field,
    )


def _uniconta(resource: str, key_field: str = "Number", name_field: str = "Name") -> Side:
    return Side(
        System.UNICONTA,
        resource=resource,
        id_field="RowId",
        key_field=key_field,
        name_field=name_field,
        company_field="CompanyId",
    )


REPORT = _intempus("work_report", has_cursor=True, company_field="company")
WORK_TYPE = _intempus("work_type")
WORK_CATEGORY = _intempus("work_category")

# A line is found by its reference; all lines of a journal, or all transactions of a project, by the same means.
LINE = _uniconta("ProjectJournalLine", "ReferenceNumber", "Text")
LINE_BY_JOURNAL = _uniconta("ProjectJournalLine", "Journal", "Text")
TRANSACTION = _uniconta("ProjectTrans", "ReferenceNumber", "Text")
TRANSACTION_BY_PROJECT = _uniconta("ProjectTrans", "Project", "Text")

#: Lists that hours refer to, by the name under which they are kept; read, never written.
LISTS: Mapping[str, Side] = {
    "work_category": WORK_CATEGORY,
    "work_type": WORK_TYPE,
    "journal": _uniconta("ProjectJournal", "Journal"),
    "category": _uniconta("PrCategory"),
    "pay_type": _uniconta("EmpPayrollCategory"),
    "item": _uniconta("InvItem", "Item"),
    "employee": _uniconta("Employee"),
    "project": _uniconta("Project"),
}

#: What is kept of a row of such a list beside id, number and name. An employee's card holds the CPR number: only this.
KEPT: Mapping[str, tuple[str, ...]] = {
    "work_category": ("type", "supplement", "work_model"),
    "work_type": ("active", "work_model", "work_category"),
    "journal": ("Blocked", "DeleteLines"),
    "category": ("Item", "Unit"),
    "pay_type": ("Blocked", "Unit", "InternalType"),
    "item": ("Blocked", "Unit", "PrCategory"),
    "employee": ("Blocked", "Terminated", "Group"),
    "project": ("Blocked", "Phase"),
}

#: Entities whose record in Intempus stays in use in Uniconta while reports on it are on their way: the report's column.
HOURS_ON: Mapping[str, str] = {"project": "case_id"}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?")


def id_of(raw: Any) -> str:
    """The id in a resource URI, an embedded object or a bare id; "" for nothing (Intempus API page 1.5)."""
    if isinstance(raw, Mapping):
        raw = raw.get("id") or raw.get("resource_uri")
    text = read_text(raw)
    return text.rstrip("/").rpartition("/")[2]


def read_report(row: Mapping[str, Any]) -> dict[str, Any]:
    """A report as it is kept: the columns of `sync.models.WorkReport` that the remote row decides.

    Raises MappingError when date or amount cannot be understood: without them no line can be made.
    """
    start = _date(row, "start_date")
    if not start:
        raise MappingError(f"expected a date, got {row.get('start_date')!r}", "start_date")
    amount = read_number(row.get("amount"))
    if amount is None:
        raise MappingError("expected a number, got nothing", "amount")
    return {
        "employee_id": id_of(row.get("employee")) or read_text(row.get("employee_id")),
        "employee_number": read_text(row.get("employee_number"))[:40],
        "employee_name": read_text(row.get("employee_name"))[:255],
        "case_id": id_of(row.get("case")),
        "case_name": read_text(row.get("case_name"))[:255],
        "work_type_id": id_of(row.get("worktype")),
        "work_type_name": read_text(row.get("worktype_name"))[:255],
        "category_name": read_text(row.get("work_category_name"))[:255],
        "product_id": id_of(row.get("product")),
        "unit": read_text(row.get("work_type_unit"))[:60],
        "starts_on": start,
        "ends_on": _date(row, "end_date") or start,
        "starts_at": _time(row, "start_time"),
        "ends_at": _time(row, "end_time"),
        "amount": amount,
        "remarks": read_text(row.get("remarks")),
        "origin": read_text(row.get("origin"))[:60],
        "is_approved": row.get("approved") is True,
        "is_locked": row.get("isimmutable") is True,
        "approvals": [
            {name: read_text(level.get(name))[:120] for name in ("level", "label", "date", "name")}
            for level in row.get("approved_by") or []
            if isinstance(level, Mapping)
        ],
    }


def _date(row: Mapping[str, Any], name: str) -> str:
    """A Danish calendar date, whatever time of day is appended (Intempus API page, section 5)."""
    found = _DATE.match(read_text(row.get(name)))
    return found.group() if found else ""


def _time(row: Mapping[str, Any], name: str) -> str | None:
    found = _TIME.match(read_text(row.get(name)))
    return found.group() if found else None
