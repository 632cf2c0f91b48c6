"""Family B: `/api/Entities/…`, bare JSON, reading and writing."""

from typing import TYPE_CHECKING, Any

from tests.simulators.core import Call, RefusedError, Reply, Row

from .odata import company_rows
from .rows import property_types, row_text
from .tables import Table, table_of_entity

if TYPE_CHECKING:
    from .simulator import Change, UnicontaSimulator

VERBS = {
    "Insert": "POST",
    "InsertList": "POST",
    "Update": "PUT",
    "UpdateList": "PUT",
    "Delete": "DELETE",
}


def answer(simulator: "UnicontaSimulator", call: Call) -> Reply:
    parts = [part for part in call.path.split("/") if part]
    if parts[:2] != ["api", "Entities"] or len(parts) not in (3, 4):
        return Reply(404, b"", None)
    verb = parts[2] if len(parts) == 4 else "Read"
    found = table_of_entity(parts[-1])
    if found is None:
        return Reply(404, b"", None)
    if verb == "Read" or verb.isdigit():
        return _read(simulator, call, *found) if call.method == "GET" else Reply(405, b"", None)
    if verb not in VERBS or (verb == "UpdateList" and not simulator.switches.update_list_supported):
        return Reply(404, b"", None)
    if call.method != VERBS[verb]:
        return Reply(405, b"", None)
    return _write(simulator, call, verb, *found)


def _read(simulator: "UnicontaSimulator", call: Call, table: Table, with_user_fields: bool) -> Reply:
    assert call.company is not None
    fields = simulator.fields_of(call.company, table)
    rows = company_rows(simulator, call, table)
    name = call.query.get("Name")
    if name is not None:
        types = property_types(table, fields if with_user_fields else {}, simulator.switches)
        if name not in types:
            raise simulator.refuse("InvalidValue", call.language, detail=name)
        rows = _equal_rows(simulator, call, table, rows, name, call.query.get("Value", ""))
    hidden = frozenset() if with_user_fields else frozenset(fields)

    def render() -> bytes:
        texts = [row_text(row, table, call.language, simulator.switches, hidden, with_user_fields) for row in rows]
        return f"[{','.join(texts)}]".encode()

    return Reply(200, render, "application/json; charset=utf-8")


def _equal_rows(
    simulator: "UnicontaSimulator", call: Call, table: Table, rows: list[Row], name: str, value: str
) -> list[Row]:
    assert call.company is not None
    if name == "RowId" and table.name != "Company":
        row = simulator.table_rows(call.company, table).rows.get(int(value)) if value.lstrip("-").isdigit() else None
        return [] if row is None else [row]
    values = table.enums.get(name)
    if values is not None:
        value = values.parse(value, call.language, any_language=True) or value
    return [row for row in rows if _as_text(row.get(name)) == value.casefold()]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).casefold()


def _write(simulator: "UnicontaSimulator", call: Call, verb: str, table: Table, with_user_fields: bool) -> Reply:
    body = _body(simulator, call)
    if not table.writable:
        raise simulator.refuse("NoRights", call.language)
    if isinstance(body, list) != verb.endswith("List"):
        raise simulator.refuse("InvalidValue", call.language, detail="body")
    changes: list[Change] = []
    if verb == "Insert":
        return _insert(simulator, call, table, with_user_fields, body, changes)
    if verb == "InsertList":
        return _insert_list(simulator, call, table, with_user_fields, body, changes)
    if verb == "Delete":
        simulator.delete(_company(call), table, _row_id(simulator, call, table, body), call.language, changes)
        simulator.commit(call, changes)
        return Reply(200, b"", None)
    bodies = body if verb == "UpdateList" else [body]
    rows = [_update(simulator, call, table, with_user_fields, each, changes) for each in bodies]
    simulator.commit(call, changes)
    if not simulator.switches.update_answers_row:
        return Reply(200, b"", None)
    return _rows_reply(simulator, call, table, with_user_fields, rows, as_list=verb == "UpdateList")


def _insert(
    simulator: "UnicontaSimulator",
    call: Call,
    table: Table,
    with_user_fields: bool,
    body: dict[str, Any],
    changes: "list[Change]",
) -> Reply:
    row = simulator.insert(_company(call), table, body, call.language, changes, with_user_fields)
    simulator.commit(call, changes)
    if simulator.switches.insert_answers_204:
        return Reply(204, b"", None)
    return _rows_reply(simulator, call, table, with_user_fields, [row], as_list=False)


def _insert_list(
    simulator: "UnicontaSimulator",
    call: Call,
    table: Table,
    with_user_fields: bool,
    bodies: list[dict[str, Any]],
    changes: "list[Change]",
) -> Reply:
    try:
        rows = [
            simulator.insert(_company(call), table, body, call.language, changes, with_user_fields) for body in bodies
        ]
    except RefusedError:
        if simulator.switches.insert_list_all_or_nothing:
            simulator.undo(changes)
        else:
            simulator.commit(call, changes)  # what stood before the bad row stays
        raise
    simulator.commit(call, changes)
    if simulator.switches.insert_list_answers_empty:
        return Reply(200, b"", None)
    return _rows_reply(simulator, call, table, with_user_fields, rows, as_list=True)


def _update(
    simulator: "UnicontaSimulator",
    call: Call,
    table: Table,
    with_user_fields: bool,
    body: dict[str, Any],
    changes: "list[Change]",
) -> Row:
    row_id = body.get("RowId")
    if not isinstance(row_id, int) or isinstance(row_id, bool):
        raise simulator.refuse("CouldNotFind", call.language)
    merge = simulator.switches.put_merges
    return simulator.update(_company(call), table, row_id, body, call.language, changes, with_user_fields, merge)


def _row_id(simulator: "UnicontaSimulator", call: Call, table: Table, body: dict[str, Any]) -> int:
    row_id = body.get("RowId")
    if isinstance(row_id, int):
        return row_id
    if not simulator.switches.delete_needs_row_id and table.key is not None:
        row = simulator.table_rows(_company(call), table).by_key(body.get(table.key))
        if row is not None:
            return int(row["RowId"])
    raise simulator.refuse("CouldNotFind", call.language)


def _rows_reply(
    simulator: "UnicontaSimulator", call: Call, table: Table, with_user_fields: bool, rows: list[Row], *, as_list: bool
) -> Reply:
    fields = simulator.fields_of(_company(call), table)
    hidden = frozenset() if with_user_fields else frozenset(fields)
    texts = [row_text(row, table, call.language, simulator.switches, hidden, with_user_fields) for row in rows]
    return Reply(200, (f"[{','.join(texts)}]" if as_list else texts[0]).encode(), "application/json; charset=utf-8")


def _body(simulator: "UnicontaSimulator", call: Call) -> Any:
    try:
        body = call.json()
    except ValueError:
        raise simulator.refuse("InvalidValue", call.language, detail="JSON") from None
    rows = body if isinstance(body, list) else [body]
    if not all(isinstance(row, dict) for row in rows):
        raise simulator.refuse("InvalidValue", call.language, detail="JSON")
    return body


def _company(call: Call) -> int:
    assert call.company is not None
    return call.company
