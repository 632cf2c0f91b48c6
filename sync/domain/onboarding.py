"""Tenants from a file: compare with what is stored, check everything, store the difference.

`onboard` stores everything or nothing and can be repeated: what is the same already is not written again, so history
shows real changes only. Testing and going live come afterwards (`going_live`), because they call out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mappings.entities import ENTITIES
from mappings.entities.work_report import NAME as WORK_REPORT
from mappings.models import EntityPolicy, FieldRule, HoursPolicy, RecordLink, ValueMap, WorkTypeRule
from mappings.rules import with_rules
from mappings.spec import DeclarationError
from sync.domain.actions import compare_again
from sync.domain.tenant_file import SECRET_KEYS, ConnectionEntry, TenantEntry, TenantFileError
from sync.models import PayCalendar
from tenants.models import Connection, Tenant, WebhookToken
from tenants.models.webhook_token import hash_token
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError, seal

#: A wrong or missing company id silently means the user's default company in these systems (Uniconta API page 5.4).
NEEDS_COMPANY_ID = frozenset({"uniconta"})
#: Added by the connectors; in the file they would stand twice.
PATHS_ADDED = ("/web/v1", "/odata", "/api/entities")
SHORTEST_TOKEN = 16
TOKEN_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


@dataclass(frozen=True)
class Onboarded:
    """What storing one tenant's entry did. `changes` is empty when everything stood there already."""

    tenant_id: int
    slug: str
    is_new: bool
    changes: tuple[str, ...]
    left_alone: tuple[str, ...]  # stored, but not in the file
    wants_live: bool | None
    made_token_id: int | None  # of a token made here, which is shown once
    given_token_id: int | None


# --------------------------------------------------------------------------------------------- storing


def onboard(entries: Sequence[TenantEntry], environment: Mapping[str, str]) -> list[Onboarded]:
    """Store all entries of a file, or none. Raises TenantFileError with everything that is wrong."""
    errors: list[str] = []
    with tenant_scope(ALL):
        works = [_Work(entry, environment, errors) for entry in entries]
        _check_companies(works, errors)
        _check_tokens(works)
        if errors:
            raise TenantFileError(errors)
        return [work.store() for work in works]


Row = TypeVar("Row", EntityPolicy, FieldRule, PayCalendar, ValueMap, WorkTypeRule)


class _Work:
    """One entry laid over what is stored. Computing it writes nothing; `store` writes what differs."""

    def __init__(self, entry: TenantEntry, environment: Mapping[str, str], errors: list[str]) -> None:
        self.entry = entry
        self.environment = environment
        self.where = f"tenant '{entry.slug}'"
        self.errors = errors
        self.changes: list[str] = []
        self.left_alone: list[str] = []
        self.rows: list[models.Model] = []
        self.secrets: list[tuple[Connection, str]] = []
        self.token = self.variable("webhook_token_env", entry.token_env)
        known = Tenant.objects.filter(slug=entry.slug).first()
        self.is_new = known is None
        self.tenant = known or Tenant(slug=entry.slug)
        if known is not None and known.is_leaving:
            self.error(
                "", "is on its way out or closed; press “The customer stays”, or set it up under another short name"
            )
        self.overlay("", self.tenant, entry.values)
        self.connections = self.lay_connections()
        self.lay_rows(
            "entities", EntityPolicy, ("entity",), [{"entity": e} | dict(v) for e, v in entry.policies.items()]
        )
        self.rules: list[FieldRule] = self.lay_rows(
            "field_rules", FieldRule, ("entity", "attribute"), entry.field_rules
        )
        self.check_together(self.rules)
        self.lay_rows("value_maps", ValueMap, ("entity", "attribute", "uniconta_value"), entry.value_maps)
        self.lay_hours()
        self.lay_rows("work_type_rules", WorkTypeRule, ("work_type_id", "work_type_name"), entry.work_type_rules)
        self.lay_rows("pay_calendars", PayCalendar, ("name",), entry.pay_calendars)

    def error(self, key: str, what: str) -> None:
        self.errors.append(f"{self.where}, {key}: {what}" if key else f"{self.where}: {what}")

    def variable(self, key: str, name: str) -> str:
        """The value of an environment variable the file names."""
        if not name:
            return ""
        if not (value := self.environment.get(name, "")):
            # A name in small letters may be a password in the wrong place: do not show it.
            shown = name if name.isupper() else "named there"
            self.error(key, f"the environment variable {shown} is not set; set it and run onboard again")
        return value

    def overlay(self, key: str, row: models.Model, values: Mapping[str, Any]) -> bool:
        """Put `values` on `row`, note what changes, check the whole row. Whether anything changes."""
        is_new = row.pk is None
        before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        if is_new:
            self.changes.append(f"{key or 'tenant'}: new")
        else:
            prefix = f"{key}." if key else ""
            self.changes += [
                f"{prefix}{name}: {_shown(before[name])} → {_shown(value)}"
                for name, value in values.items()
                if before[name] != value
            ]
        self.check(key, row)
        if is_new or any(before[name] != value for name, value in values.items()):
            self.rows.append(row)
            return True
        return False

    def check(self, key: str, row: models.Model) -> None:
        # Rows of a tenant that is not stored yet cannot be validated against it; the database's constraints remain.
        try:
            row.clean_fields(exclude={"tenant"})
            if isinstance(row, ValueMap):
                row.check_against(self.rules)
            else:
                row.clean()
        except ValidationError as error:
            problems = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            for name, messages in problems.items():
                self.error(".".join(part for part in (key, name) if part), " ".join(messages))

    def lay_hours(self) -> None:
        if self.entry.hours is None:
            return
        stored = None if self.is_new else HoursPolicy.objects.filter(tenant=self.tenant).first()
        key = f"entities.{WORK_REPORT}"
        self.overlay(key, stored or HoursPolicy(tenant=self.tenant), self.entry.hours)

    def lay_connections(self) -> dict[str, Connection]:
        stored = {row.system: row for row in self.tenant.connections.all()} if not self.is_new else {}
        for system, entry in self.entry.connections.items():
            stored[system] = self.lay_connection(system, entry, stored.get(system))
        if self.entry.live:
            for system in SECRET_KEYS:
                if system not in stored:
                    self.error(system, f"missing; a live tenant needs both connections: add [tenant.{system}]")
        return stored

    def lay_connection(self, system: str, entry: ConnectionEntry, stored: Connection | None) -> Connection:
        row = stored or Connection(tenant=self.tenant, system=system)
        values = dict(entry.values)
        if "base_url" in values:
            values["base_url"] = self.address(f"{system}.base_url", values["base_url"])
        if (company := values.get("company_id", "")).isdecimal():
            values["company_id"] = str(int(company))  # 04242 and 4242 are one company
        needed = ["base_url", "username", *(["company_id"] if system in NEEDS_COMPANY_ID else [])]
        for name in needed:
            if not values.get(name) and (stored is None or name in values):
                self.error(f"{system}.{name}", "missing")
                values.pop(name, None)
                setattr(row, name, "-")  # said once; validation need not say it again
        if stored is None and not entry.secret_env:
            self.error(
                f"{system}.{SECRET_KEYS[system]}", "missing; name the environment variable that holds the secret"
            )
        secret = self.variable(f"{system}.{SECRET_KEYS[system]}", entry.secret_env)
        moves = [name for name in ("base_url", "company_id") if name in values and getattr(row, name) != values[name]]
        if stored is not None and moves:
            self.check_move(system, moves)
        changed = self.overlay(system, row, values)
        if secret and (note := _secret_change(row, secret)):
            if stored is not None:
                self.changes.append(f"{system}: {note}")
            self.secrets.append((row, secret))
            if row not in self.rows:
                self.rows.append(row)
            changed = True
        if changed and stored is not None:
            _forget_test(row, with_company=bool(moves))
        return row

    def check_move(self, system: str, moves: Iterable[str]) -> None:
        """Rule M13: while records are linked their ids belong to this very company."""
        both = RecordLink.objects.filter(tenant=self.tenant).exclude(uniconta_id="").exclude(intempus_id="")
        if count := both.count():
            for name in moves:
                self.error(
                    f"{system}.{name}",
                    f"cannot change while {count} records are linked: their ids belong to the present company. "
                    "Press “Move company” in the console, or set the other company up under a short name of its own",
                )

    def address(self, key: str, address: str) -> str:
        """The address in the one spelling that is stored, so that two spellings are never two companies."""
        parts = urlsplit(address.strip())
        if parts.username or parts.password:
            self.error(key, "must not hold a user name or password; those have keys of their own")
            return ""
        if parts.query or parts.fragment:
            self.error(key, "must end before any ? or #")
        if parts.scheme != "https" and not (parts.scheme == "http" and settings.ALLOW_PRIVATE_TARGETS):
            self.error(key, "must start with https://")
        path = parts.path.rstrip("/")
        for added in PATHS_ADDED:
            if path.lower().endswith(added):
                self.error(key, f"leave out {added}/; it is added")
        return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}"

    def lay_rows(
        self, key: str, model: type[Row], names: Sequence[str], rows: Iterable[Mapping[str, Any]]
    ) -> list[Row]:
        """All rows as they will stand: those of the file, and those that it leaves alone."""
        stored: dict[tuple[str, ...], Row] = {}
        if not self.is_new:
            stored = {tuple(getattr(row, n) for n in names): row for row in model.objects.filter(tenant=self.tenant)}
        laid: dict[tuple[str, ...], Row] = {}
        for values in rows:
            name = tuple(str(values.get(each, "")) for each in names)
            where = f"{key}.{'.'.join(name)}"
            if name in laid:
                self.error(where, "stands in the file more than once; keep one of them")
                continue
            # A new row is told what it is about at once: what it starts with may depend on that.
            new = {each: values[each] for each in names if each in values}
            row = laid[name] = stored.get(name) or model(tenant=self.tenant, **new)
            self.overlay(where, row, values)
        self.left_alone += [f"{key}.{'.'.join(name)}" for name in stored if name not in laid]
        return list({**stored, **laid}.values())

    def check_together(self, rules: list[FieldRule]) -> None:
        """Two rules, each right by itself, may use one field; then nothing of the entity could be planned any more."""
        if self.errors:
            return
        for entity in {rule.entity for rule in rules}:
            try:
                with_rules(ENTITIES[entity], [rule for rule in rules if rule.entity == entity], [])
            except DeclarationError as error:
                self.error(f"field_rules.{entity}", str(error))

    def store(self) -> Onboarded:
        for row in self.rows:
            if isinstance(row, Tenant):
                row.save()
        for connection, secret in self.secrets:
            connection.tenant = self.tenant  # has its id only now; the secret is bound to it
            connection.set_secret(secret)
        for row in self.rows:
            if not isinstance(row, Tenant):
                row.tenant = self.tenant  # type: ignore[attr-defined]
                row.save()
        for entity in {row.entity for row in self.rows if isinstance(row, FieldRule | ValueMap)}:
            compare_again(self.tenant.pk, entity, None)
        made, given = self.store_token()
        return Onboarded(
            self.tenant.pk,
            self.tenant.slug,
            self.is_new,
            tuple(self.changes),
            tuple(self.left_alone),
            self.entry.live,
            made,
            given,
        )

    def store_token(self) -> tuple[int | None, int | None]:
        """The tenant's webhook token: the one given, else the one it has, else a new one."""
        if not self.token:
            if WebhookToken.objects.filter(tenant=self.tenant, revoked_at=None).exists():
                return None, None
            row = WebhookToken.issue(self.tenant, note="made by onboard")
            self.changes.append("webhook token: made")
            return row.pk, None
        stored = WebhookToken.objects.filter(tenant=self.tenant, token_hash=hash_token(self.token)).first()
        if stored is None:
            row = WebhookToken.issue(self.tenant, self.token, "from the environment")
            self.changes.append("webhook token: stored")
            return None, row.pk
        if not _can_be_opened(lambda: stored.token):
            stored.sealed_token = seal(self.token, stored._row)  # noqa: SLF001 - a repair; nothing else re-seals a token
            stored.save(update_fields=["sealed_token"])
            self.changes.append("webhook token: sealed again")
        return None, stored.pk


def _secret_change(row: Connection, secret: str) -> str:
    """What storing `secret` would change, in words; "" when it is stored already."""
    if not row.sealed_secret:
        return "secret set"
    try:
        return "" if row.secret == secret else "secret changed"
    except SecretError:
        return "secret set again; the stored one could not be opened"


def _can_be_opened(read: Callable[[], str]) -> bool:
    try:
        read()
    except SecretError:
        return False
    return True


def _forget_test(row: Connection, *, with_company: bool) -> None:
    """A changed connection is an untested one; the company it was pinned to goes only with the address or id."""
    row.state = Connection.State.UNTESTED
    row.state_code = row.state_detail = ""
    if with_company:
        row.pinned_company_id = row.pinned_company_name = row.pinned_company_number = ""


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"'{value}'"


def _check_companies(works: Sequence[_Work], errors: list[str]) -> None:
    """Rule M13: one company never belongs to two tenants, neither in the file nor in the database."""
    owners: dict[tuple[str, str, str], str] = {}
    in_file = {work.tenant.slug for work in works}
    for row in Connection.objects.select_related("tenant").exclude(tenant__slug__in=in_file):
        for company in {row.pinned_company_id, row.company_id} - {""}:
            owners[row.system, row.base_url, company] = row.tenant.slug
    for work in works:
        for system, row in work.connections.items():
            for company in {row.pinned_company_id, row.company_id} - {"", "-"}:
                owner = owners.setdefault((system, row.base_url, company), work.tenant.slug)
                if owner != work.tenant.slug:
                    errors.append(
                        f"{work.where}, {system}.company_id: company {company} belongs to tenant '{owner}' already; "
                        "a company can have one tenant only"
                    )


def _check_tokens(works: Sequence[_Work]) -> None:
    """A token tells one tenant from another, so it must be well made and nobody else's."""
    taken: dict[str, str] = {}
    for work in works:
        if not work.token:
            continue
        key = "webhook_token_env"
        if len(work.token) < SHORTEST_TOKEN or set(work.token) - TOKEN_CHARACTERS:
            work.error(
                key,
                f"the token must have at least {SHORTEST_TOKEN} characters, only letters, digits and - _ . ~; "
                'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
            continue
        hashed = hash_token(work.token)
        stored = WebhookToken.objects.select_related("tenant").filter(token_hash=hashed).first()
        owner = stored.tenant.slug if stored else taken.setdefault(hashed, work.tenant.slug)
        if owner != work.tenant.slug:
            work.error(key, f"the token belongs to tenant '{owner}'; each tenant needs its own")
        elif stored and stored.revoked_at:
            work.error(key, "the token was revoked; use another one")
