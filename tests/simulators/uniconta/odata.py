"""Family A: `/odata/[<companyId>/][<Entity>]`, reading only."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.simulators.core import Call, RefusedError, Reply, Row, json_reply

from .filters import BadFilterError, Filter, parse_filter, sort_rows
from .rows import property_types, row_text
from .tables import TABLES, Table, table_of_entity

if TYPE_CHECKING:
    from .simulator import UnicontaSimulator

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Ask with Accept: application/json</title></feed>"""
PAGING_OPTIONS = ("$skip", "$select", "$count")
OPTIONS = ("$filter", "$orderby", "$top", "$skiptoken", "$format")


def answer(simulator: "UnicontaSimulator", call: Call) -> Reply:
    if call.method != "GET":
        return Reply(405, b"", None)
    if simulator.switches.json_needs_accept_header and not _wants_json(call):
        return Reply(200, ATOM, "application/atom+xml;type=feed;charset=utf-8")
    parts = [part for part in call.path.split("/") if part][1:]
    if parts and parts[0].isdigit():
        parts = parts[1:]
    if not parts:
        return _service_document(call)
    found = table_of_entity(parts[0]) if len(parts) == 1 else None
    if found is None:
        return Reply(404, b"", None)
    return read_table(simulator, call, *found)


def _wants_json(call: Call) -> bool:
    # One client sends only Content-Type and still gets JSON, so that counts as asking for it.
    return any("application/json" in call.headers.get(name, "") for name in ("Accept", "Content-Type"))


def _service_document(call: Call) -> Reply:
    names = [f"{table.name}{suffix}" for table in TABLES.values() for suffix in ("Client", "ClientUser")]
    entries = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return json_reply({"@odata.context": f"{call.host_url}odata/$metadata", "value": entries})


def read_table(simulator: "UnicontaSimulator", call: Call, table: Table, with_user_fields: bool) -> Reply:
    assert call.company is not None
    switches = simulator.switches
    fields = simulator.fields_of(call.company, table)
    types = property_types(table, fields if with_user_fields else {}, switches)
    options = {name: value for name, value in call.query.items() if name.startswith("$")}
    bad = [name for name in options if name not in OPTIONS]
    if not switches.skip_select_count_supported and bad:
        return _bad_request(f"The query option '{bad[0]}' is not supported")
    if [name for name in bad if name not in PAGING_OPTIONS]:
        return _bad_request(f"The query option '{bad[0]}' is not supported")
    try:
        condition = None
        if options.get("$filter"):
            condition = parse_filter(options["$filter"], table, types, switches.max_or_values)
        top = _whole_number(options, "$top")
        skip = _whole_number(options, "$skip")
        token = _whole_number(options, "$skiptoken")
        rows = _candidates(simulator, call, table, condition, types)
        if options.get("$orderby"):
            rows = sort_rows(rows, options["$orderby"], types)
    except BadFilterError as error:
        return _bad_request(str(error))
    selected = {name for name in options.get("$select", "").split(",") if name}
    hidden = frozenset() if with_user_fields else frozenset(fields)
    ordered = bool(options.get("$orderby"))

    def render() -> bytes:
        found = _apply(rows, condition)
        count = len(found)
        found = found[skip or 0 :]
        found, next_token = _page(found, top, token, switches.page_size if switches.next_link else None, ordered)
        shown = (hidden | {name for name in types if name not in selected}) if selected else hidden
        texts = [
            row_text(row, table, call.language, switches, frozenset(hidden), with_user_fields)
            if not selected
            else _selected_text(row, table, call.language, switches, shown)
            for row in found
        ]
        head = f'{{"@odata.context":"{call.host_url}odata/$metadata#{table.entity}",'
        if options.get("$count") == "true":
            head += f'"@odata.count":{count},'
        tail = "]"
        if next_token is not None:
            tail += f',"{switches.next_link_name}":"{_next_url(call, next_token)}"'
        return f'{head}"value":[{",".join(texts)}{tail}}}'.encode()

    return Reply(200, render, "application/json; charset=utf-8")


def company_rows(simulator: "UnicontaSimulator", call: Call, table: Table) -> list[Row]:
    """The rows of the call's company; for Company perhaps those of every company the user may open."""
    assert call.company is not None
    assert call.user is not None
    if table.name == "Company" and simulator.switches.company_client_lists == "all":
        ids = simulator.users[call.user].companies
        return [row for i in ids for row in simulator.table_rows(i, table)]
    return list(simulator.table_rows(call.company, table))


def _candidates(
    simulator: "UnicontaSimulator", call: Call, table: Table, condition: Filter | None, types: dict[str, str]
) -> list[Row]:
    """The rows that may satisfy the condition: by the index where it asks for texts of one property only."""
    assert call.company is not None
    if condition is not None and condition.equal_to is not None and table.name != "Company":
        [(name, texts)] = condition.equal_to.items()
        if types[name] == "text":
            return simulator.table_rows(call.company, table).with_text(name, texts)
    return company_rows(simulator, call, table)


def _apply(rows: list[Row], condition: Filter | None) -> list[Row]:
    return rows if condition is None else [row for row in rows if condition.test(row)]


def _page(
    rows: list[Row], top: int | None, token: int | None, size: int | None, ordered: bool
) -> tuple[list[Row], int | None]:
    """One page and the token of the next; by RowId in natural order, by position in an asked-for order."""
    if token is not None:
        rows = rows[token:] if ordered else [row for row in rows if row["RowId"] > token]
    if top is not None:
        return rows[:top], None
    if size is None or len(rows) <= size:
        return rows, None
    page = rows[:size]
    return page, (token or 0) + size if ordered else page[-1]["RowId"]


def _next_url(call: Call, token: int) -> str:
    query = {name: value for name, value in call.query.items() if name != "$skiptoken"} | {"$skiptoken": token}
    return f"{call.host_url.rstrip('/')}{call.path}?{urlencode(query)}"


def _selected_text(row: Row, table: Table, language: str, switches: Any, hidden: set[str] | frozenset[str]) -> str:
    import json

    from .rows import row_as_json

    return json.dumps(row_as_json(row, table, language, switches, set(hidden)), ensure_ascii=False)


def _whole_number(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not options[name].isdigit():
        raise BadFilterError(f"{name} must be a number")
    return int(options[name])


def _bad_request(message: str) -> Reply:
    return json_reply({"error": {"code": "", "message": message}}, 400)


__all__ = ["RefusedError", "answer", "read_table"]
