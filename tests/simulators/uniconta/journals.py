"""Project journals: what is checked when a line is saved, and posting, which only a person can do."""

from typing import TYPE_CHECKING, Any

from tests.simulators.core import PersonRefusedError, Row

from .tables import TABLES
from .texts import error_text

if TYPE_CHECKING:
    from .simulator import Change, UnicontaSimulator

JOURNAL, LINE, TRANS = TABLES["ProjectJournal"], TABLES["ProjectJournalLine"], TABLES["ProjectTrans"]


def complete_line(simulator: "UnicontaSimulator", company: int, row: dict[str, Any]) -> None:
    """Prices left blank are Uniconta's: pay type, then item, then employee (assumed). Amounts follow from them."""

    def found(table: str, name: str) -> Row | dict[str, Any]:
        return simulator.table_rows(company, TABLES[table]).by_key(row[name]) or {}

    if simulator.switches.line_prices_filled:
        pay_type = found("EmpPayrollCategory", "PayrollCategory")
        item, employee = found("InvItem", "Item"), found("Employee", "Employee")
        costs = (pay_type.get("Rate"), item.get("CostPrice"), employee.get("CostPrice"))
        prices = (pay_type.get("SalesPrice"), item.get("SalesPrice1"), employee.get("SalesPrice"))
        row["CostPrice"] = row["CostPrice"] or next(filter(None, costs), 0.0)
        row["SalesPrice"] = row["SalesPrice"] or next(filter(None, prices), 0.0)
    row["CostAmount"] = round(row["Qty"] * row["CostPrice"], 2)
    row["SalesAmount"] = round(row["Qty"] * row["SalesPrice"] * (1 - row["DiscountPct"] / 100), 2)


def check_line(simulator: "UnicontaSimulator", company: int, row: dict[str, Any], language: str) -> None:
    """Raises RefusedError. Whether the real API looks at these things is not known, so each is a switch."""
    switches = simulator.switches
    limit = switches.line_text_max
    if limit and len(row["Text"] or "") > limit:
        if not switches.line_text_truncated:
            raise simulator.refuse("TextTooLong", language)
        row["Text"] = row["Text"][:limit]
    if switches.line_reference_max:
        row["ReferenceNumber"] = (row["ReferenceNumber"] or "")[: switches.line_reference_max] or None
    if switches.blocked_projects_refused and _is_blocked(simulator, company, "Project", row["Project"]):
        raise simulator.refuse("ProjectIsBlocked", language)
    if switches.blocked_journals_refused and _is_blocked(simulator, company, "ProjectJournal", row["Journal"]):
        raise simulator.refuse("JournalIsBlocked", language)
    if switches.closed_periods_refused and _is_closed(simulator, company, row):
        raise simulator.refuse("PeriodIsClosed", language)


def _is_blocked(simulator: "UnicontaSimulator", company: int, table: str, key: str) -> bool:
    row = simulator.table_rows(company, TABLES[table]).by_key(key)
    return row is not None and bool(row["Blocked"])


def _is_closed(simulator: "UnicontaSimulator", company: int, row: dict[str, Any]) -> bool:
    return bool(row["Date"][:10] <= simulator.closed_until.get(company, ""))


def post(
    simulator: "UnicontaSimulator", company: int, journal: str, changes: "list[Change]", *, keeps_reference: bool
) -> int:
    """Move the lines into the project transactions and return the voucher number.

    Lines on hold stay, and those not approved where the journal asks for that. Raises PersonRefusedError, and then
    nothing was posted, when the journal is missing or blocked or a line lies in a closed period.
    """
    head = simulator.table_rows(company, JOURNAL).by_key(journal)
    if head is None or head["Blocked"]:
        raise PersonRefusedError(error_text("CouldNotFind" if head is None else "JournalIsBlocked", "en"))
    lines = [
        line
        for line in simulator.table_rows(company, LINE)
        if line["Journal"] == head["Journal"] and not line["OnHold"] and (line["Approved"] or not head["UseApproved"])
    ]
    if any(_is_closed(simulator, company, line) for line in lines):
        raise PersonRefusedError(error_text("PeriodIsClosed", "en"))
    voucher = 1 + max((trans["Voucher"] for trans in simulator.table_rows(company, TRANS)), default=0)
    for line in lines:
        values = {name: value for name, value in line.items() if name in TRANS.by_name} | {"Voucher": voucher}
        if not keeps_reference:
            values["ReferenceNumber"] = None
        simulator.put_transaction(company, values, changes)
        if head["DeleteLines"]:
            simulator.delete(company, LINE, line["RowId"], "en", changes)
    return voucher
