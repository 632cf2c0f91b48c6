"""The page on which a person works in the Uniconta stand-in: records per company, and the Change URLs."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from tests.simulators.core import PersonRefusedError, html

from .tables import EMPTY_DATE, TABLES, Property, Table

if TYPE_CHECKING:
    from .simulator import UnicontaSimulator

ACCENT = "#24527a"
PAGES = (
    "Debtor",
    "DebtorGroup",
    "InvItem",
    "InvGroup",
    "Employee",
    "EmployeeGroup",
    "Project",
    "ProjectGroup",
    "EmpPayrollCategory",
    "PrCategory",
    "ProjectJournal",
    "ProjectJournalLine",
    "ProjectTrans",
    "NumberSerie",
    "TableChangeEvent",
)
BOOKING = (
    "Date",
    "Project",
    "Employee",
    "Item",
    "PrCategory",
    "PayrollCategory",
    "Qty",
    "Unit",
    "Text",
    "ReferenceNumber",
)
COLUMNS = {
    "Debtor": ("Account", "Name", "CompanyRegNo", "ZipCode", "City", "Phone", "Group", "Blocked"),
    "DebtorGroup": ("Group", "Name", "IsDefault"),
    "InvItem": ("Item", "Name", "Group", "Unit", "SalesPrice1", "CostPrice", "EAN", "Blocked"),
    "InvGroup": ("Group", "Name", "IsDefault"),
    "Employee": ("Number", "Name", "Group", "Email", "Mobil", "ZipCode", "City", "Terminated"),
    "EmployeeGroup": ("Number", "Name"),
    "Project": ("Number", "Name", "Account", "Group", "MasterProject", "Phase", "StartDate", "EndDate", "Blocked"),
    "ProjectGroup": ("Group", "Name", "IsDefault"),
    "EmpPayrollCategory": ("Number", "Name", "PayrollType", "Unit", "InternalType", "Rate", "SalesPrice", "Blocked"),
    "PrCategory": ("Number", "Name", "CatType", "Unit", "Invoiceable"),
    "ProjectJournal": ("Journal", "Name", "Blocked"),
    "ProjectJournalLine": ("Journal", *BOOKING, "OnHold"),
    "ProjectTrans": ("Voucher", "PostedDate", *BOOKING),
    "NumberSerie": ("Serie", "Name", "Prefix", "Next"),
    "TableChangeEvent": ("Table", "Url", "UsePost", "LastEvent", "HasError", "ErrorMessage"),
}


def page(simulator: "UnicontaSimulator", request: Request) -> Response:
    if request.path != "/":
        return Response("Not found", 404)
    if not simulator.company_ids:
        body = html.message("There is no company yet.")
        return _html(html.document(simulator.title, "a stand-in for the demo", ACCENT, body))
    if request.method == "POST":
        return _save(simulator, request)
    company = _company(simulator, request.args.get("company"))
    name = request.args.get("table", "Debtor")
    table = TABLES[name if name in PAGES else "Debtor"]
    row_id = request.args.get("row", type=int)
    parts = [_menus(simulator, company, table), html.message(request.args.get("saved", ""))]
    parts.append(html.message(request.args.get("refused", ""), bad=True))
    if table.writable and (row_id is not None or "new" in request.args):
        parts.append(_edit_section(simulator, company, table, row_id))
    parts.append(_list_section(simulator, company, table, request.args.get("q", "")))
    parts.append(html.calls_section(simulator.ledger.entries(origin="api")[-25:]))
    title = f"{simulator.title} – a stand-in for the demo"
    note = "What you save here is saved as a person would save it in Uniconta, and its Change URLs are called."
    return _html(html.document(title, note, ACCENT, "".join(parts)))


def _html(text: str) -> Response:
    return Response(text, content_type="text/html; charset=utf-8")


def _company(simulator: "UnicontaSimulator", text: str | None) -> int:
    company = int(text) if text and text.isdigit() else 0
    return company if company in simulator.company_ids else simulator.company_ids[0]


def _menus(simulator: "UnicontaSimulator", company: int, table: Table) -> str:
    companies = "".join(
        html.link(f"{each['name']} ({each['id']})", current=each["id"] == company, company=each["id"], table=table.name)
        for each in simulator.companies_as_json()
    )
    pages = "".join(
        html.link(TABLES[name].title, current=name == table.name, company=company, table=name) for name in PAGES
    )
    return f'<nav aria-label="Company">{companies}</nav><nav aria-label="Table">{pages}</nav>'


def _list_section(simulator: "UnicontaSimulator", company: int, table: Table, query: str) -> str:
    fields = list(simulator.fields_of(company, table))
    columns = [*COLUMNS[table.name], *fields]
    rows = simulator.rows(company, table.name)
    if query:
        wanted = query.casefold()
        rows = [row for row in rows if any(wanted in str(row.get(c) or "").casefold() for c in columns)]
    keep: dict[str, Any] = {"company": company, "table": table.name}
    new = html.link("New record", css="button", **keep, new=1) if table.writable else ""
    is_journal = table.name == "ProjectJournal"
    shown = [
        (
            "off" if row.get("Blocked") else "",
            [
                html.link(str(row["RowId"]), **keep, row=row["RowId"]),
                *(html.cell(_plain(row.get(c))) for c in columns),
                *([html.act_buttons([("post", "Post")], **keep, row=row["RowId"])] if is_journal else []),
            ],
        )
        for row in rows[: html.SHOWN]
    ]
    bar = html.search_bar(query, len(rows), new, **keep)
    heads = ("RowId", *columns, *([""] if is_journal else []))
    return f"<section><h2>{table.title}</h2>{bar}{html.table(heads, shown)}</section>"


def _plain(value: Any) -> Any:
    if value == EMPTY_DATE:
        return None
    return value.removesuffix("T00:00:00") if isinstance(value, str) else value


def _edit_section(simulator: "UnicontaSimulator", company: int, table: Table, row_id: int | None) -> str:
    row = simulator.row(company, table.name, row_id) if row_id is not None else {}
    if row is None:
        return html.message("That record does not exist any more.", bad=True)
    heading = f"Edit {row.get('KeyName') or row_id}" if row_id is not None else "New record"
    fields = "".join(_input(simulator, company, prop, row) for prop in _writable(simulator, company, table))
    keep: dict[str, Any] = {"company": company, "table": table.name}
    if row_id is not None:
        keep["row"] = row_id
    form = html.edit_form(fields, deletable=row_id is not None, **keep)
    return f"<section><h2>{html.cell(heading)}</h2>{form}</section>"


def _writable(simulator: "UnicontaSimulator", company: int, table: Table) -> list[Property]:
    """User-defined fields first: they are what a consultant looks for."""
    own = [field.as_property() for field in simulator.fields_of(company, table).values()]
    return [*own, *(prop for prop in table.properties if not prop.read_only)]


def _input(simulator: "UnicontaSimulator", company: int, prop: Property, row: dict[str, Any]) -> str:
    value = row.get(prop.name, prop.empty)
    if prop.type == "bool":
        return html.tick_box(prop.name, value)
    if prop.enum is not None:
        return html.select(prop.name, value, [(member.name, member.en) for member in prop.enum.members])
    if prop.references is not None and TABLES[prop.references].group:
        key = TABLES[prop.references].key
        groups = [
            (str(each[key]), f"{each[key]} – {each['Name']}") for each in simulator.rows(company, prop.references)
        ]
        return html.select(prop.name, value, [("", "–"), *groups])
    return html.text_input(prop.name, _plain(value))


def _save(simulator: "UnicontaSimulator", request: Request) -> Response:
    form = request.form
    company = _company(simulator, form.get("company"))
    table = TABLES[form["table"] if form.get("table") in PAGES else "Debtor"]
    row_id = form.get("row", type=int)
    back: dict[str, Any] = {"company": company, "table": table.name}
    try:
        if table.name == "ProjectJournal" and row_id is not None and form.get("act") == "post":
            back["saved"] = _post(simulator, company, row_id)
        elif form.get("act") == "delete" and row_id is not None:
            simulator.person_deletes(company, table.name, row_id)
            back["saved"] = f"Record {row_id} was deleted."
        else:
            back |= _save_values(simulator, company, table, row_id, form)
    except (PersonRefusedError, ValueError) as error:
        back["refused"] = str(error).strip('"')
        back |= {"row": row_id} if row_id is not None else {}
    return redirect(f"/?{urlencode(back)}", 303)


def _post(simulator: "UnicontaSimulator", company: int, row_id: int) -> str:
    row = simulator.row(company, "ProjectJournal", row_id)
    if row is None:
        raise PersonRefusedError("That journal does not exist any more.")
    return f"Journal {row['Journal']} was posted with voucher {simulator.person_posts(company, row['Journal'])}."


def _save_values(
    simulator: "UnicontaSimulator", company: int, table: Table, row_id: int | None, form: Any
) -> dict[str, Any]:
    """Only what the person changed is saved, as in a form that knows the record it opened."""
    values: dict[str, Any] = {}
    old = simulator.row(company, table.name, row_id) if row_id is not None else None
    for prop in _writable(simulator, company, table):
        value = prop.name in form if prop.type == "bool" else form.get(prop.name) or None
        before = None if old is None else _plain(old.get(prop.name))
        if (old is None and value) or (old is not None and str(value or "") != str(before or "")):
            values[prop.name] = value
    when = simulator.clock.now().strftime("%H:%M:%S")
    if row_id is None:
        row_id = simulator.person_creates(company, table.name, **values)
        return {"row": row_id, "saved": f"Record {row_id} was created at {when}."}
    if not values:
        return {"row": row_id, "saved": "Nothing was changed."}
    simulator.person_edits(company, table.name, row_id, **values)
    return {"row": row_id, "saved": f"Record {row_id} was saved at {when}: {', '.join(values)}."}
