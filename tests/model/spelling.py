"""How the two systems spell what the model's records hold: tables, fields and values. No rules here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.model.rules import CUSTOMER, EMPLOYEE, PRODUCT, PROJECT, Kind

#: Word of the model and of Uniconta → word of Intempus.
UNITS = {"": "", "Pcs": "Styk", "Hours": "Timer", "km": "Kilometer"}
REFERENCES = {"customer": CUSTOMER, "parent": PROJECT, "person": EMPLOYEE}
LONG_AGO = "2020-01-31"


@dataclass(frozen=True)
class Spelling:
    table: str  # in Uniconta
    key: str
    resource: str  # in Intempus
    switch: str  # what says *active* there
    group_table: str
    group_key: str
    group_resource: str
    fields: dict[str, tuple[str, str]]  # name in the model → field in Uniconta, in Intempus


SPELLINGS: dict[Kind, Spelling] = {
    CUSTOMER: Spelling(
        "Debtor",
        "Account",
        "customer",
        "active",
        "DebtorGroup",
        "Group",
        "customer_group",
        {"name": ("Name", "name"), "city": ("City", "city"), "phone": ("Phone", "phone")},
    ),
    PRODUCT: Spelling(
        "InvItem",
        "Item",
        "product",
        "accessible",
        "InvGroup",
        "Group",
        "product_group",
        {
            "name": ("Name", "name"),
            "unit": ("Unit", "unit"),
            "price": ("SalesPrice1", "sales_price"),
            "bar_code": ("EAN", "bar_code"),
        },
    ),
    EMPLOYEE: Spelling(
        "Employee",
        "Number",
        "employee",
        "",
        "EmployeeGroup",
        "Number",
        "employee_group",
        {
            "name": ("Name", "name"),
            "city": ("City", "city"),
            "has_left": ("Terminated", ""),
            "may_report": ("", "may_add_work_reports_to_all_cases"),
        },
    ),
    PROJECT: Spelling(
        "Project",
        "Number",
        "case",
        "active",
        "ProjectGroup",
        "Group",
        "case_group",
        {
            "name": ("Name", "name"),
            "description": ("Description", "notes"),
            "start": ("StartDate", "start_date"),
            "end": ("EndDate", "end_date"),
            "phase": ("Phase", "case_state"),
            "customer": ("Account", "customer"),
            "parent": ("MasterProject", "parent"),
            "person": ("PersonInCharge", "responsible"),
        },
    ),
}


def number(raw: Any) -> str:
    return "" if raw in (None, "") else f"{float(raw):g}"


def day(raw: Any) -> str:
    return "" if raw in (None, "") or str(raw).startswith("0001") else str(raw)[:10]
