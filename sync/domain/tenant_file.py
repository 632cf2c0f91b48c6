"""The tenant file of `manage.py onboard`: TOML in, checked entries out, and back again.

Checks here need neither database nor environment: shape, spelling, types. All of a file's mistakes are found at once.
What may stand in the file follows from the editable columns of the models, so a new column needs no line here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from mappings.entities import ENTITIES
from mappings.entities.work_report import NAME as WORK_REPORT
from mappings.models import EntityPolicy, FieldRule, HoursPolicy, ValueMap, WorkTypeRule
from sync.models import PayCalendar
from tenants.models import Connection, Tenant

#: The key that names the environment variable of each system's secret.
SECRET_KEYS: Mapping[str, str] = {"uniconta": "password_env", "intempus": "api_key_env"}
#: How the variable is called in an exported file, after the tenant's own name.
VARIABLES: Mapping[str, str] = {"uniconta": "UNICONTA_PASSWORD", "intempus": "INTEMPUS_KEY"}
#: What people write when they put the secret itself in the file; never shown back to them.
SECRET_WORDS = ("password", "api_key", "key", "secret", "webhook_token", "token")

TENANT_KEYS: Mapping[str, type[Any]] = {"live": bool, "webhook_token_env": str}

TYPE_NAMES: Mapping[type[Any], str] = {
    bool: "true or false",
    str: 'text in "quotes"',
    int: "a whole number",
    date: "a date such as 2027-01-01",
    list: 'a list such as ["a", "b"]',
    dict: "a table",
}


class TenantFileError(Exception):
    """The file cannot be applied; `errors` says everything that is wrong with it."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(self.errors))


@dataclass(frozen=True)
class ConnectionEntry:
    values: Mapping[str, Any]
    secret_env: str = ""


@dataclass(frozen=True)
class TenantEntry:
    """One `[[tenant]]`. Only what the file says: a key it leaves out stays as it is."""

    slug: str
    values: Mapping[str, Any]
    live: bool | None = None
    token_env: str = ""
    connections: Mapping[str, ConnectionEntry] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hours: Mapping[str, Any] | None = None  # the table entities.work_report
    work_type_rules: tuple[Mapping[str, Any], ...] = ()
    pay_calendars: tuple[Mapping[str, Any], ...] = ()
    field_rules: tuple[Mapping[str, Any], ...] = ()
    value_maps: tuple[Mapping[str, Any], ...] = ()


# --------------------------------------------------------------------------------------------- which keys there are


def editable_fields(model: type[models.Model], *without: str) -> dict[str, models.Field[Any, Any]]:
    """The columns a person may set, in the order in which the model declares them."""
    return {
        column.name: column
        for column in model._meta.fields  # noqa: SLF001 - Django's public API in all but name
        if column.editable and not column.primary_key and column.name not in without
    }


def tenant_fields() -> dict[str, models.Field[Any, Any]]:
    return editable_fields(Tenant, "state")


def connection_fields() -> dict[str, models.Field[Any, Any]]:
    return editable_fields(Connection, "tenant", "system")


def policy_fields() -> dict[str, models.Field[Any, Any]]:
    return editable_fields(EntityPolicy, "tenant", "entity")


def hours_fields() -> dict[str, models.Field[Any, Any]]:
    return editable_fields(HoursPolicy, "tenant")


def _type_of(column: models.Field[Any, Any]) -> type[Any]:
    kinds: tuple[tuple[type[models.Field[Any, Any]], type[Any]], ...] = (
        (models.BooleanField, bool),
        (models.IntegerField, int),
        (models.DateField, date),
        (ArrayField, list),
    )
    return next((kind for of, kind in kinds if isinstance(column, of)), str)


def _types(columns: Mapping[str, models.Field[Any, Any]]) -> dict[str, type[Any]]:
    return {name: _type_of(column) for name, column in columns.items()}


# --------------------------------------------------------------------------------------------- reading


def read_tenant_file(text: str) -> list[TenantEntry]:
    """The tenants of a file. Raises TenantFileError with all mistakes found."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TenantFileError([f"This is not valid TOML: {error}"]) from None
    reader = _Reader()
    tables = document.get("tenant")
    is_single = isinstance(tables, dict)
    reader.check_keys("", document, {"tenant": dict if is_single else list})
    if is_single:
        reader.error("", "write [[tenant]] with two brackets: a file may hold several tenants")
    elif not tables and not reader.errors:
        reader.error("", "there is no [[tenant]] in it; nothing to do")
    if reader.errors:
        raise TenantFileError(reader.errors)
    entries = [reader.tenant(table, index) for index, table in enumerate(tables or [])]
    slugs = [entry.slug for entry in entries if entry.slug]
    for slug in sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        reader.error(f"tenant '{slug}'", "stands in the file more than once; keep one of them")
    if reader.errors:
        raise TenantFileError(reader.errors)
    return entries


class _Reader:
    """Collects mistakes while it walks through a document."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, where: str, what: str) -> None:
        self.errors.append(f"{where}: {what}" if where else what[0].upper() + what[1:])

    def check_keys(self, where: str, table: Mapping[str, Any], types: Mapping[str, type[Any]]) -> dict[str, Any]:
        """The entries of `table` that have a known name and the right type; the others become mistakes."""
        good = {}
        for name, value in table.items():
            if name not in types:
                self.error(f"{where}, {name}" if where else name, self._unknown(name, types))
            elif not _has_type(value, types[name]):
                self.error(f"{where}, {name}", f"must be {TYPE_NAMES[types[name]]}, not {_kind(value)}")
            else:
                good[name] = value
        return good

    def _unknown(self, name: str, known: Iterable[str]) -> str:
        names = list(known)
        if name.lower() in SECRET_WORDS:
            variable = next((known for known in names if known.endswith("_env")), "")
            if variable:
                return (
                    f"secrets do not belong in the file; put it in an environment variable and name that in {variable}"
                )
        close = get_close_matches(name, names, n=1)
        if close:
            return f"there is no such key; did you mean '{close[0]}'?"
        return f"there is no such key; possible are {', '.join(names)}"

    def tenant(self, table: Any, index: int) -> TenantEntry:
        where = f"tenant number {index + 1}"
        if not isinstance(table, dict):
            self.error(where, "must be a table: write [[tenant]]")
            return TenantEntry("", {})
        slug = table.get("slug")
        if not isinstance(slug, str) or not slug:
            self.error(where, 'has no slug; it is the short name in every URL, such as slug = "nordbyg"')
            slug = ""
        else:
            where = f"tenant '{slug}'"
        types = _types(tenant_fields()) | dict(TENANT_KEYS)
        tables = {"uniconta": dict, "intempus": dict, "entities": dict, "field_rules": list, "value_maps": list}
        tables |= {"work_type_rules": list, "pay_calendars": list}
        good = self.check_keys(where, table, types | tables)
        return TenantEntry(
            slug=slug,
            values={name: good[name] for name in tenant_fields() if name in good},
            live=good.get("live"),
            token_env=self._variable(f"{where}, webhook_token_env", good.get("webhook_token_env")),
            connections={
                system: self._connection(f"{where}, {system}", system, good[system])
                for system in SECRET_KEYS
                if system in good
            },
            policies=self._policies(where, good.get("entities", {})),
            hours=self._hours(where, good.get("entities", {})),
            work_type_rules=self._rows(where, "work_type_rules", good, WorkTypeRule, ()),
            pay_calendars=self._rows(where, "pay_calendars", good, PayCalendar, ("name",)),
            field_rules=self._rows(where, "field_rules", good, FieldRule),
            value_maps=self._rows(where, "value_maps", good, ValueMap),
        )

    def _connection(self, where: str, system: str, table: Mapping[str, Any]) -> ConnectionEntry:
        table = dict(table)
        # A company id is a number to people and a name to the database; both spellings are fine.
        if isinstance(company := table.get("company_id"), int) and not isinstance(company, bool):
            table["company_id"] = str(company)
        types = _types(connection_fields())
        good = self.check_keys(where, table, types | {SECRET_KEYS[system]: str})
        variable = self._variable(f"{where}.{SECRET_KEYS[system]}", good.pop(SECRET_KEYS[system], None))
        return ConnectionEntry(good, variable)

    def _variable(self, where: str, name: str | None) -> str:
        """The name of an environment variable. What does not look like one may be the secret: it is not repeated."""
        if name is None:
            return ""
        if not (name.isascii() and name.isidentifier()):
            self.error(where, "must be the name of an environment variable, such as NORDBYG_UNICONTA_PASSWORD")
            return ""
        return name

    def _policies(self, where: str, tables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        types = _types(policy_fields())
        policies: dict[str, Mapping[str, Any]] = {}
        for entity, table in tables.items():
            here = f"{where}, entities.{entity}"
            if entity == WORK_REPORT:
                continue
            if self._is_entity(here, entity):
                if isinstance(table, dict):
                    policies[entity] = self.check_keys(here, table, types)
                else:
                    self.error(here, f"must be a table: write [tenant.entities.{entity}]")
        return policies

    def _hours(self, where: str, tables: Mapping[str, Any]) -> Mapping[str, Any] | None:
        table = tables.get(WORK_REPORT)
        here = f"{where}, entities.{WORK_REPORT}"
        if isinstance(table, dict):
            return self.check_keys(here, table, _types(hours_fields()))
        if table is not None:
            self.error(here, f"must be a table: write [tenant.entities.{WORK_REPORT}]")
        return None

    def _rows(
        self,
        where: str,
        name: str,
        good: Mapping[str, Any],
        model: type[models.Model],
        needed: tuple[str, ...] = ("entity", "attribute"),
    ) -> tuple[Mapping[str, Any], ...]:
        rows = []
        types = _types(editable_fields(model, "tenant"))
        for index, table in enumerate(good.get(name, [])):
            here = f"{where}, {name} number {index + 1}"
            if not isinstance(table, dict):
                self.error(here, f"must be a table: write [[tenant.{name}]]")
                continue
            row = self.check_keys(here, table, types)
            missing = [key for key in needed if key not in table]
            if missing:
                self.error(here, f"{' and '.join(missing)} missing")
            elif "entity" not in needed or ("entity" in row and self._is_entity(here, row["entity"])):
                rows.append(row)
        return tuple(rows)

    def _is_entity(self, where: str, name: str) -> bool:
        if name in ENTITIES:
            return True
        close = get_close_matches(name, [*ENTITIES, WORK_REPORT], n=1)
        possible = ", ".join([*ENTITIES, WORK_REPORT])
        hint = f"did you mean '{close[0]}'?" if close else f"possible are {possible}"
        self.error(where, f"there is no entity '{name}'; {hint}")
        return False


def _has_type(value: Any, kind: type[Any]) -> bool:
    """As TOML means it: true is no number, and a date with a time is no date."""
    if kind is list:
        return isinstance(value, list)
    return type(value) is kind or (kind is dict and isinstance(value, dict))


def _kind(value: Any) -> str:
    return TYPE_NAMES.get(type(value), f"a {type(value).__name__}")


# --------------------------------------------------------------------------------------------- writing


def write_tenant_file(
    tenant: Tenant,
    connections: Iterable[Connection],
    policies: Iterable[EntityPolicy],
    field_rules: Iterable[FieldRule],
    value_maps: Iterable[ValueMap],
    hours: HoursPolicy | None,
    work_type_rules: Iterable[WorkTypeRule],
    pay_calendars: Iterable[PayCalendar],
) -> str:
    """The file that `onboard` would find nothing to do with. Holds no secret, only names of variables."""
    prefix = tenant.slug.upper().replace("-", "_")
    lines = ["[[tenant]]", *_lines(tenant, tenant_fields()), f"live = {_toml(tenant.is_live)}"]
    lines += [f'# webhook_token_env = "{prefix}_HOOK"  # only to set a token of your own']
    for connection in connections:
        lines += ["", f"[tenant.{connection.system}]", *_lines(connection, connection_fields())]
        lines += [f'{SECRET_KEYS[connection.system]} = "{prefix}_{VARIABLES[connection.system]}"']
    for policy in policies:
        lines += ["", f"[tenant.entities.{policy.entity}]", *_lines(policy, policy_fields())]
    if hours is not None:
        lines += ["", f"[tenant.entities.{WORK_REPORT}]", *_lines(hours, hours_fields())]
    tables: tuple[tuple[str, Iterable[models.Model], type[models.Model]], ...] = (
        ("field_rules", field_rules, FieldRule),
        ("value_maps", value_maps, ValueMap),
        ("work_type_rules", work_type_rules, WorkTypeRule),
        ("pay_calendars", pay_calendars, PayCalendar),
    )
    for name, rows, model in tables:
        for row in rows:
            lines += ["", f"[[tenant.{name}]]", *_lines(row, editable_fields(model, "tenant"))]
    return "\n".join(lines) + "\n"


def _lines(row: models.Model, columns: Mapping[str, models.Field[Any, Any]]) -> list[str]:
    values = {name: getattr(row, name) for name in columns}
    return [
        f"{name} = {int(value) if name == 'company_id' and _is_plain_number(value) else _toml(value)}"
        for name, value in values.items()
        if value is not None and value != [] and not (value == "" and name == "company_id")
    ]


def _is_plain_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and str(int(text)) == text


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case date():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case _:
            # JSON's escapes are TOML's, except that TOML does not allow DEL as it is.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
