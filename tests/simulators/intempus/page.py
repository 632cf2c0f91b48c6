"""The page on which a person works in the Intempus stand-in."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from tests.simulators.core import PersonRefusedError, html

from .resources import RESOURCES, TIMESTAMP, Field, Resource

if TYPE_CHECKING:
    from .simulator import IntempusSimulator

ACCENT = "#1f6b52"
PAGES = (
    "customer",
    "customer_group",
    "product",
    "product_group",
    "employee",
    "employee_group",
    "case",
    "case_group",
    "case_state",
    "work_report",
    "work_type",
    "work_category",
    "work_model",
    "contract",
    "responsible",
)
COLUMNS = {
    "customer": ("number", "name", "vat_registration_number", "zip_code", "city", "phone", "customer_group", "active"),
    "product": ("number", "name", "product_group", "unit", "sales_price", "bar_code", "accessible"),
    "employee": ("number", "name", "username", "email", "phone", "city", "employee_group"),
    "case": ("number", "name", "customer", "case_group", "case_state", "start_date", "end_date", "active"),
    "work_report": ("start_date", "employee", "case", "worktype", "product", "amount", "remarks"),
    "work_type": ("number", "name", "work_category", "work_model", "unit", "active"),
    "work_category": ("name", "type", "supplement", "case_related", "work_model"),
    "contract": ("employee", "work_model", "start_date", "end_date", "locked_date"),
    "responsible": ("employee", "level"),
}
#: State of a work report → its look and what a person may do with it.
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "waiting": ("", ("approve",)),
    "half approved": ("", ("approve", "withdraw")),
    "approved": ("good", ("withdraw", "lock")),
    "locked": ("good", ("unlock",)),
}
DONE = {"approve": "approved", "withdraw": "withdrawn", "lock": "locked", "unlock": "unlocked"}


def page(simulator: "IntempusSimulator", request: Request) -> Response:
    if request.path != "/":
        return Response("Not found", 404)
    if not simulator.company_ids:
        body = html.message("There is no company yet.")
        return _html(html.document(simulator.title, "a stand-in for the demo", ACCENT, body))
    if request.method == "POST":
        return _save(simulator, request)
    company = _company(simulator, request.args.get("company"))
    resource = _resource(request.args.get("resource"))
    row_id = request.args.get("row", type=int)
    parts = [_menus(simulator, company, resource), html.message(request.args.get("saved", ""))]
    parts.append(html.message(request.args.get("refused", ""), bad=True))
    if row_id is not None or "new" in request.args:
        parts.append(_edit_section(simulator, company, resource, row_id))
    parts.append(_list_section(simulator, company, resource, request.args.get("q", "")))
    parts.append(html.calls_section(simulator.ledger.entries(origin="api")[-25:]))
    title = f"{simulator.title} – a stand-in for the demo"
    note = "What you save here is saved as a person would save it in Intempus; others see it at their next look."
    return _html(html.document(title, note, ACCENT, "".join(parts)))


def _html(text: str) -> Response:
    return Response(text, content_type="text/html; charset=utf-8")


def _company(simulator: "IntempusSimulator", text: str | None) -> int:
    company = int(text) if text and text.isdigit() else 0
    return company if company in simulator.company_ids else simulator.company_ids[0]


def _resource(name: str | None) -> Resource:
    return RESOURCES[name if name in PAGES else "customer"]


def _menus(simulator: "IntempusSimulator", company: int, resource: Resource) -> str:
    companies = "".join(
        html.link(f"{each['name']} ({each['id']})", current=each["id"] == company, company=each["id"])
        for each in simulator.companies_as_json()
    )
    pages = "".join(
        html.link(RESOURCES[name].title, current=name == resource.name, company=company, resource=name)
        for name in PAGES
    )
    return f'<nav aria-label="Company">{companies}</nav><nav aria-label="Resource">{pages}</nav>'


def _list_section(simulator: "IntempusSimulator", company: int, resource: Resource, query: str) -> str:
    columns = COLUMNS.get(resource.name, ("number", "name"))
    rows = simulator.rows(company, resource.name)
    reports = resource.name == "work_report"
    if reports:
        rows.sort(key=lambda row: (row["start_date"], row["id"]), reverse=True)
    names = _names(simulator, company, resource)
    shown_rows = [(row, [_shown(names, c, row.get(c)) for c in columns]) for row in rows]
    if query:
        wanted = query.casefold()
        shown_rows = [each for each in shown_rows if any(wanted in str(v or "").casefold() for v in each[1])]
    keep: dict[str, Any] = {"company": company, "resource": resource.name}
    cells = [
        (
            "off" if row.get("active") is False else "",
            [
                html.link(str(row["id"]), css="keep", **keep, row=row["id"]),
                *([_state_cell(row, **keep)] if reports else []),
                *(_cell(resource, column, value) for column, value in zip(columns, values, strict=True)),
                f'<span class="soft">{row[TIMESTAMP]}</span>',
            ],
        )
        for row, values in shown_rows[: html.SHOWN]
    ]
    new = html.link("New record", css="button", **keep, new=1)
    bar = html.search_bar(query, len(shown_rows), new, **keep)
    heads = ("id", *(["state"] if reports else []), *columns, TIMESTAMP)
    return f"<section><h2>{resource.title}</h2>{bar}{html.table(heads, cells)}</section>"


def _state_cell(row: dict[str, Any], **keep: Any) -> str:
    signed = any(each["date"] for each in row["approved_by"])
    state = (
        "locked" if row["isimmutable"] else "approved" if row["approved"] else "half approved" if signed else "waiting"
    )
    css, acts = STATES[state]
    buttons = html.act_buttons([(act, act.capitalize()) for act in acts], **keep, row=row["id"])
    return f'<div class="keep">{html.chip(state, css)}</div><div class="keep">{buttons}</div>'


def _names(simulator: "IntempusSimulator", company: int, resource: Resource) -> dict[str, dict[int, str]]:
    """Per relation: id → name, for showing and choosing."""
    return {
        each.name: {row["id"]: _name(row) for row in simulator.rows(company, each.target)}
        for each in resource.fields
        if each.type == "uri" and each.name != "company"
    }


def _name(row: dict[str, Any]) -> str:
    return f"{row.get('number', '')} {row.get('name', '')}".strip() or str(row["id"])


def _shown(names: dict[str, dict[int, str]], column: str, value: Any) -> Any:
    if column in names:
        return names[column].get(value, "")
    if column == "amount":
        return f"{Decimal(value).normalize():f}"  # the zeros at its end are Intempus' own
    return value


def _cell(resource: Resource, column: str, value: Any) -> str:
    text = html.cell(value)
    return f'<span class="keep">{text}</span>' if resource.by_name[column].type in ("date", "decimal") else text


def _writable(resource: Resource) -> list[Field]:
    taken = ("copy", "uris")
    return [
        f
        for f in resource.fields
        if not (f.read_only or f.personal or f.write_only or f.type in taken or f.name == "company")
    ]


def _edit_section(simulator: "IntempusSimulator", company: int, resource: Resource, row_id: int | None) -> str:
    row = simulator.row(company, resource.name, row_id) if row_id is not None else {}
    if row is None:
        return html.message("That record does not exist any more.", bad=True)
    names = _names(simulator, company, resource)
    fields = "".join(_input(each, names, row.get(each.name, each.default)) for each in _writable(resource))
    heading = f"Edit {row.get('name', row_id)}" if row_id is not None else "New record"
    keep: dict[str, Any] = {"company": company, "resource": resource.name}
    if row_id is not None:
        keep["row"] = row_id
    form = html.edit_form(fields, deletable=row_id is not None, **keep)
    return f"<section><h2>{html.cell(heading)}</h2>{form}</section>"


def _input(each: Field, names: dict[str, dict[int, str]], value: Any) -> str:
    if each.type == "bool":
        return html.tick_box(each.name, value)
    if each.type == "uri":
        options = [(str(key), text) for key, text in names[each.name].items()]
        return html.select(each.name, value, [("", "–"), *options])
    return html.text_input(each.name, value, long=each.name == "notes")


def _save(simulator: "IntempusSimulator", request: Request) -> Response:
    form = request.form
    company = _company(simulator, form.get("company"))
    resource = _resource(form.get("resource"))
    row_id = form.get("row", type=int)
    back: dict[str, Any] = {"company": company, "resource": resource.name}
    try:
        if resource.name == "work_report" and row_id is not None and form.get("act") in DONE:
            _restate(simulator, company, row_id, form["act"])
            back["saved"] = f"Report {row_id} was {DONE[form['act']]}."
        elif form.get("act") == "delete" and row_id is not None:
            simulator.person_deletes(company, resource.name, row_id)
            back["saved"] = f"Record {row_id} was deleted."
        else:
            back |= _save_values(simulator, company, resource, row_id, form)
    except (PersonRefusedError, ValueError) as error:
        back["refused"] = str(error)
        back |= {"row": row_id} if row_id is not None else {}
    return redirect(f"/?{urlencode(back)}", 303)


def _restate(simulator: "IntempusSimulator", company: int, row_id: int, act: str) -> None:
    if act == "approve":
        simulator.person_approves(company, row_id)
    elif act == "withdraw":
        simulator.person_withdraws(company, row_id)
    else:
        simulator.person_locks(company, row_id, locked=act == "lock")


def _save_values(
    simulator: "IntempusSimulator", company: int, resource: Resource, row_id: int | None, form: Any
) -> dict[str, Any]:
    """Only what the person changed is saved, as in a form that knows the record it opened."""
    values: dict[str, Any] = {}
    old = simulator.row(company, resource.name, row_id) if row_id is not None else None
    for each in _writable(resource):
        value: Any = each.name in form if each.type == "bool" else form.get(each.name) or None
        if each.type == "uri" and value is not None:
            value = int(value)
        if old is None or str(value or "") != str(old.get(each.name) or ""):
            values[each.name] = value
    when = simulator.clock.now().strftime("%H:%M:%S")
    if row_id is None:
        row_id = simulator.person_creates(company, resource.name, **values)
        return {"row": row_id, "saved": f"Record {row_id} was created at {when}."}
    if not values:
        return {"row": row_id, "saved": "Nothing was changed."}
    simulator.person_edits(company, resource.name, row_id, **values)
    return {"row": row_id, "saved": f"Record {row_id} was saved at {when}: {', '.join(values)}."}
