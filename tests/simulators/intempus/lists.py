"""List GET: filters, ordering, offset and cursor paging, in tastypie's manner.

The well-known trap is kept: a parameter whose first part names no field is ignored, so a typo in a filter returns
the whole list.
"""

import base64
import operator
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.simulators.core import Call, Reply, Row, json_bytes

from .resources import ONE_OF, RANGE, TIMESTAMP, Resource, shown_in
from .rows import bad_request, row_as_json

if TYPE_CHECKING:
    from .simulator import IntempusSimulator

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
LOOKUPS = {*OPERATORS, "in", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "isnull"}
Test = Callable[[Row], bool]


def answer_list(simulator: "IntempusSimulator", call: Call, resource: Resource) -> Reply:
    assert call.company is not None
    tests = [
        test for name, value in call.query.items(multi=True) if (test := _filter(simulator, resource, name, value))
    ]
    limit = _limit(simulator, call)
    cursor = call.query.get("pagination_type") == "cursor" and simulator.switches.cursor_paging_supported
    offset = _whole(call, "offset", 0)
    order_by = call.query.get("order_by")
    if order_by is not None:
        _check_order_by(simulator, resource, order_by)
    after = _cursor_position(call)
    rows = simulator.visible_rows(resource, call.company)
    related = bool(shown_in(resource.name))

    def render() -> bytes:
        found = rows
        for test in tests:
            found = [row for row in found if test(row)]
        found = _ordered(simulator, found, order_by, cursor=cursor)
        page, meta = (_cursor_page if cursor else _offset_page)(simulator, call, found, limit, offset, after)
        view = simulator.view(resource)
        texts = [_text(simulator, resource, row, view) for row in page]
        return b'{"meta": ' + json_bytes(meta) + f', "objects": [{", ".join(texts)}]}}'.encode()

    # Copies of related rows are looked up while rendering, so such lists are rendered under the lock.
    return Reply(200, render() if related else render)


def _text(simulator: "IntempusSimulator", resource: Resource, row: Row, view: Any) -> str:
    rendered = row.rendered.get(view)
    if rendered is None:
        rendered = json_bytes(row_as_json(simulator, resource, row)).decode()
        row.rendered = {view: rendered}
    return rendered


# -- filters ---------------------------------------------------------------------------------------------------------


def _filter(simulator: "IntempusSimulator", resource: Resource, parameter: str, value: str) -> Test | None:
    parts = parameter.split("__")
    name = parts[0]
    if not _is_field(simulator, resource, name):
        return None
    lookup = parts.pop() if len(parts) > 1 and parts[-1] in LOOKUPS else "exact"
    allowed = _allowed(simulator, resource, name)
    if not allowed or len(parts) > 1:
        raise bad_request(f"The '{name}' field does not allow filtering.")
    if lookup not in allowed:
        raise bad_request(f"'{lookup}' is not an allowed filter on the '{name}' field.")
    type_ = "int" if name in ("id", TIMESTAMP) else resource.by_name[name].type
    if lookup == "in":
        wanted = {_python(type_, each) for each in value.split(",")}
        return lambda row: row[name] in wanted
    if lookup == "icontains":
        return lambda row: value.casefold() in str(row[name] or "").casefold()
    wanted_value = _python(type_, value)
    compare = OPERATORS[lookup]
    return lambda row: row[name] is not None and compare(row[name], wanted_value)


def _is_field(simulator: "IntempusSimulator", resource: Resource, name: str) -> bool:
    if name == TIMESTAMP:
        return simulator.has_timestamp(resource)
    if name == "creation_id":
        return resource.has_creation_id
    return name in ("id", "resource_uri") or (name == "uuid" and resource.has_uuid) or name in resource.by_name


def _allowed(simulator: "IntempusSimulator", resource: Resource, name: str) -> frozenset[str]:
    if name == TIMESTAMP:
        return RANGE
    if name == "number" and simulator.switches.number_filter_allowed:
        return ONE_OF
    each = resource.by_name.get(name)
    allowed = frozenset() if each is None else each.filters
    if name == "start_date" and not simulator.switches.start_date_lt_allowed:
        return allowed & {"gte", "lte"}
    return allowed


def _python(type_: str, value: str) -> Any:
    try:
        if type_ in ("int", "uri"):
            return int(value)
    except ValueError:
        raise bad_request("Invalid resource lookup data provided (mismatched type).") from None
    if type_ == "bool":
        return {"true": True, "false": False, "none": None}.get(value.lower(), bool(value))
    return value


def _check_order_by(simulator: "IntempusSimulator", resource: Resource, order_by: str) -> None:
    name = order_by.removeprefix("-").split("__")[0]
    if not _is_field(simulator, resource, name):
        raise bad_request(f"No matching '{name}' field for ordering on.")
    if not simulator.switches.order_by_allowed:
        raise bad_request(f"The '{name}' field does not allow ordering.")


def _ordered(simulator: "IntempusSimulator", rows: list[Row], order_by: str | None, *, cursor: bool) -> list[Row]:
    if order_by is not None:
        name = order_by.removeprefix("-")
        return sorted(rows, key=lambda row: (str(row[name]), row["id"]), reverse=order_by.startswith("-"))
    if cursor or simulator.switches.list_order_by_id:
        return sorted(rows, key=lambda row: row["id"])
    return sorted(rows, key=lambda row: zlib.crc32(str(row["id"]).encode()))


# -- paging ----------------------------------------------------------------------------------------------------------


def _limit(simulator: "IntempusSimulator", call: Call) -> int:
    limit = _whole(call, "limit", simulator.switches.default_limit)
    return min(limit or simulator.switches.max_limit, simulator.switches.max_limit)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise bad_request(f"Invalid {name} '{text}' provided. Please provide a positive integer.") from None
    if value < 0:
        raise bad_request(f"Invalid {name} '{value}' provided. Please provide a positive integer >= 0.")
    return value


def _offset_page(
    simulator: "IntempusSimulator", call: Call, rows: list[Row], limit: int, offset: int, after: int
) -> tuple[list[Row], dict[str, Any]]:
    following = offset + limit if offset + limit < len(rows) else None
    previous = offset - limit if offset - limit >= 0 else None
    meta = {
        "limit": limit,
        "next": None if following is None else _path(call, limit=limit, offset=following),
        "offset": offset,
        "previous": None if previous is None else _path(call, limit=limit, offset=previous),
        "total_count": len(rows),
    }
    return rows[offset : offset + limit], meta


def _cursor_page(
    simulator: "IntempusSimulator", call: Call, rows: list[Row], limit: int, offset: int, after: int
) -> tuple[list[Row], dict[str, Any]]:
    """Rows after the last id seen: rows created meanwhile come at the end, nothing shifts."""
    total = len(rows) if simulator.switches.list_total_count else None
    rows = [row for row in rows if row["id"] > after]
    page = rows[:limit]
    token = base64.urlsafe_b64encode(f"id:{page[-1]['id']}".encode()).decode() if len(rows) > limit else None
    meta = {
        "limit": limit,
        "next": None if token is None else _path(call, limit=limit, pagination_type="cursor", after=token),
        "offset": None,
        "previous": None,
        "total_count": total,
    }
    return page, meta


def _cursor_position(call: Call) -> int:
    token = call.query.get("after")
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("id:"))
    except ValueError:
        raise bad_request("Invalid cursor provided.") from None


def _path(call: Call, **changed: Any) -> str:
    query = [(name, value) for name, value in call.query.items(multi=True) if name not in changed]
    return f"{call.path}?{urlencode(query + list(changed.items()))}"
