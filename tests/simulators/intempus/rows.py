"""From a client's JSON to a stored row, and back to the JSON of a list or a detail."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tests.simulators.core import RefusedError, Reply, Row, json_reply

from .resources import RESOURCES, TIMESTAMP, Field, Resource
from .texts import sentence

if TYPE_CHECKING:
    from .simulator import IntempusSimulator

PLACEHOLDER_TIMESTAMP = 42  # what Intempus answers to a POST instead of the real value
BASE = "/web/v1"


def uri_of(resource: str, row_id: int) -> str:
    return f"{BASE}/{resource}/{row_id}/"


def bad_request(text: Any) -> RefusedError:
    return RefusedError(json_reply({"error": text}, 400))


# -- rendering -------------------------------------------------------------------------------------------------------

Shower = Callable[[Row], Any]


def row_as_json(
    simulator: "IntempusSimulator", resource: Resource, row: Row, embed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One row, keys in alphabetical order; relations in `embed` as whole objects instead of URIs."""
    shown: dict[str, Any] = {"id": row["id"], "resource_uri": uri_of(resource.name, row["id"])}
    if resource.has_uuid:
        shown["uuid"] = None
    if resource.has_creation_id:
        shown["creation_id"] = row["creation_id"]
    if simulator.has_timestamp(resource):
        shown[TIMESTAMP] = row[TIMESTAMP]
    for each in resource.fields:
        if not (each.personal or each.write_only):
            shown[each.name] = _shown(simulator, resource, row, each, embed)
    for name in simulator.hidden_from(resource.name, row["id"]):
        shown.pop(name, None)
    return dict(sorted(shown.items()))


def _shown(simulator: "IntempusSimulator", resource: Resource, row: Row, each: Field, embed: tuple[str, ...]) -> Any:
    if each.type == "uri":
        if row[each.name] is None:
            return None
        if each.name in embed:
            return _embedded(simulator, each.target, row[each.name])
        return uri_of(each.target, row[each.name])
    if each.type == "copy":
        return _copied(simulator, resource, row, each, embed=each.name in embed)
    if resource.name == "case" and each.name == "number_of_children":
        return simulator.number_of_children(row["id"])
    if resource.name == "employee" and each.name == "active_contract":
        return row[each.name] or simulator.has_contract_now(row["id"])
    if resource.name == "employee" and each.name == "contract":
        ids = simulator.contracts_of(row["id"])
        return [_embedded(simulator, "contract", i) if each.name in embed else uri_of("contract", i) for i in ids]
    return row[each.name]


def _embedded(simulator: "IntempusSimulator", target: str, row_id: int) -> Any:
    related = simulator.find(target, row_id)
    return None if related is None else row_as_json(simulator, RESOURCES[target], related)


def _copied(simulator: "IntempusSimulator", resource: Resource, row: Row, each: Field, *, embed: bool) -> Any:
    *steps, there = each.source
    found: Row | None = row
    for step in steps:
        if found is None or found[step] is None:
            return None
        target, row_id = resource.by_name[step].target, found[step]
        resource, found = RESOURCES[target], simulator.find(target, row_id)
    if there == "resource_uri":
        return _embedded(simulator, target, row_id) if embed else uri_of(target, row_id)
    if there == "id":
        return str(row_id)
    return None if found is None else found[there]


# -- reading a client's values ---------------------------------------------------------------------------------------


def read_values(
    simulator: "IntempusSimulator", resource: Resource, body: dict[str, Any], company: int
) -> dict[str, Any]:
    """The part of a client's JSON that is taken: unknown and read-only fields vanish silently."""
    values = {}
    for name, value in body.items():
        each = resource.by_name.get(name)
        if each is not None and not each.read_only:
            values[name] = read_value(simulator, resource, each, value, company)
    return values


def read_value(simulator: "IntempusSimulator", resource: Resource, each: Field, value: Any, company: int) -> Any:
    if value is None:
        if each.required:
            raise missing(each)
        return list(each.null_means) if isinstance(each.null_means, list) else each.null_means
    reader = READERS.get(each.type)
    if reader is not None:
        return reader(each, value)
    if each.type == "uri":
        return _relation(simulator, each, value, company)
    text = str(value)
    if each.below and text and not (text.isascii() and text.isdigit() and 0 < int(text) < each.below):
        message = sentence("number_range", simulator.switches.language, last=each.below - 1)
        raise RefusedError(json_reply({resource.name: {each.name: [message]}}, 400))
    limit = simulator.switches.max_text_length
    if limit and len(text) > limit:
        message = sentence("too_long", simulator.switches.language, limit=limit)
        raise RefusedError(json_reply({resource.name: {each.name: [message]}}, 400))
    return text


def _uris(each: Field, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise bad_request(f"The '{each.name}' field takes a list")
    return [str(uri) for uri in value]


def missing(each: Field) -> RefusedError:
    return bad_request(f"The '{each.name}' field has no data and doesn't allow a default or null value.")


def read_decimal(each: Field, value: Any) -> str | None:
    if value == "":
        return None
    try:
        number = Decimal(str(value))
        return str(number.quantize(Decimal(1).scaleb(-each.decimals)))
    except InvalidOperation:
        raise bad_request(f"Invalid decimal string for '{each.name}' field: '{value}'") from None


def _date(each: Field, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        message = f"Datetime provided to '{each.name}' field doesn't appear to be a valid date string: '{value}'"
        raise bad_request(message) from None


def _time(each: Field, value: Any) -> str:
    try:
        return time.fromisoformat(str(value)).isoformat(timespec="seconds")
    except ValueError:
        message = f"Datetime provided to '{each.name}' field doesn't appear to be valid: '{value}'"
        raise bad_request(message) from None


READERS: dict[str, Callable[[Field, Any], Any]] = {
    "bool": lambda _, value: bool(value),
    "int": lambda _, value: int(value),
    "decimal": read_decimal,
    "date": _date,
    "time": _time,
    "uris": _uris,
}


def _relation(simulator: "IntempusSimulator", each: Field, value: Any, company: int) -> int:
    if isinstance(value, dict):
        # An embedded object that was read and sent back; nothing but a URI is safe to write.
        raise bad_request("You cannot specify pk when creating an instance")
    parts = str(value).strip("/").split("/")
    target = RESOURCES[each.target]
    if len(parts) < 2 or parts[-2] != each.target or not parts[-1].isdigit():
        message = f"An incorrect URL was provided '{value}' for the '{target.class_name}' resource."
        raise RefusedError(json_reply({"error": message}, 404))
    row = simulator.find(each.target, int(parts[-1]))
    if row is None or simulator.company_of(each.target, row) != company:
        raise bad_request(f"Could not find the provided {each.target} object via resource URI '{value}'.")
    return int(parts[-1])


def not_found() -> RefusedError:
    return RefusedError(Reply(404, b"", None))
