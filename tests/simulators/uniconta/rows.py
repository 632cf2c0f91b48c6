"""From a client's JSON to a stored row and back to JSON text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from tests.simulators.core import Row

from .profiles import Switches
from .tables import EMPTY_DATE, Property, Table

# One encoder for all rows: `json.dumps` with options makes a new one per call.
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
TECHNICAL = ("RowId", "CompanyId", "KeyStr", "KeyName", "UpdatedAt", "HasDocs", "HasNotes")


@dataclass(frozen=True)
class UserField:
    """A user-defined field of one table in one company."""

    name: str
    type: str = "bool"
    default: Any = None

    def as_property(self) -> Property:
        return Property(self.name, self.type, self.default)


class BadValueError(ValueError):
    pass


def coerce(prop: Property, value: Any, language: str, switches: Switches) -> Any:
    """What the server stores for a value a client sent; BadValueError where the JSON type cannot be read at all."""
    if value is None or value == "":
        return prop.empty if prop.type != "text" else None
    try:
        return _coerce(prop, value, language, switches)
    except (ValueError, TypeError) as error:
        raise BadValueError(f"{prop.name}: {value!r}") from error


def _coerce(prop: Property, value: Any, language: str, switches: Switches) -> Any:
    match prop.type:
        case "bool":
            return _boolean(value)
        case "int":
            return int(value)
        case "number":
            return float(value)
        case "date":
            return _date_text(value)
        case "time":
            return _time_text(value)
        case "enum":
            assert prop.enum is not None
            member = prop.enum.parse(value, language, any_language=switches.enum_accepts_any_language)
            return prop.empty if member is None else member  # an unknown label silently becomes the default
    if isinstance(value, (dict, list)):
        raise BadValueError(prop.name)
    return str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise BadValueError(value)
        return value.lower() == "true"
    if isinstance(value, (bool, int)):
        return bool(value)
    raise BadValueError(str(value))


def _date_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None, microsecond=0).isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    parsed = datetime.fromisoformat(str(value))
    return parsed.replace(tzinfo=None, microsecond=0).isoformat()


def _time_text(value: Any) -> str:
    """A clock time, sent alone or within a date and time."""
    parsed = time.fromisoformat(str(value).rpartition("T")[2])
    return parsed.replace(tzinfo=None, microsecond=0).isoformat()


def empty_values(table: Table, user_fields: Mapping[str, UserField]) -> dict[str, Any]:
    values = dict(table.empty)
    values.update({name: field.as_property().empty for name, field in user_fields.items()})
    return values


def property_types(table: Table, user_fields: Mapping[str, UserField], switches: Switches) -> dict[str, str]:
    """What may be filtered and ordered by."""
    types = {prop.name: prop.type for prop in table.properties}
    types.update({name: field.type for name, field in user_fields.items()})
    types.update({"RowId": "int", "CompanyId": "int", "KeyStr": "text", "KeyName": "text"})
    if table.has_updated_at and switches.updated_at_present:
        types["UpdatedAt"] = "date"
    if table.name == "Company":
        types["PrimaryKeyId"] = "int"
    return types


def row_as_json(
    row: Row,
    table: Table,
    language: str,
    switches: Switches,
    hidden: frozenset[str] | set[str] = frozenset(),
) -> dict[str, Any]:
    """One row as Uniconta shows it: null and empty texts left out, enums as labels."""
    shown = {name: value for name, value in row.items() if value is not None}
    for name in hidden:
        shown.pop(name, None)
    for name, values in table.localised_enums.items():
        if name in shown:
            shown[name] = values.label(shown[name], language)
    if not switches.updated_at_present:
        shown.pop("UpdatedAt", None)
    if switches.times_as_datetimes:
        shown |= {name: f"0001-01-01T{shown[name]}" for name in ("TimeFrom", "TimeTo") if name in shown}
    if switches.omit_false_booleans:
        shown = {name: value for name, value in shown.items() if value is not False}
    return shown


def row_text(
    row: Row, table: Table, language: str, switches: Switches, hidden: frozenset[str], with_user_fields: bool
) -> str:
    """`row_as_json` as text, remembered on the row until the row is replaced."""
    view = (
        language,
        with_user_fields,
        switches.updated_at_present,
        switches.omit_false_booleans,
        switches.times_as_datetimes,
    )
    rendered = row.rendered.get(view)
    if rendered is None:
        shown = row_as_json(row, table, language, switches, hidden)
        rendered = row.rendered[view] = ENCODE(shown)
    return rendered


def country_name(label: str) -> str:
    return "" if label == "Unknown" else label


__all__ = [
    "EMPTY_DATE",
    "TECHNICAL",
    "BadValueError",
    "UserField",
    "coerce",
    "country_name",
    "empty_values",
    "property_types",
    "row_as_json",
    "row_text",
]
