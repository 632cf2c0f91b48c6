"""Change URL rows in Uniconta (table TableChangeEvent): look at them, and create the missing ones on request.

Best effort: no source shows that the API allows either (API page 2.3), so a refusal is a sentence and costs nothing. No
address leaves this module but the one that is sent to Uniconta; the platform deletes no row (rule M10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Max

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy
from mappings.spec import Entity, Side, System
from sync.connectors.base import Connector, Row
from sync.connectors.errors import NeedsAttention, RemoteError, RetryLater, Unclear
from sync.domain.connections import Recorder, connector_for
from sync.domain.runs import begin, fail_run, finish_run
from sync.models import ChangeEvent, Run
from tenants.models import Connection, Tenant, WebhookToken
from tenants.models.webhook_token import hash_token
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError

#: Uniconta's own table of Change URLs. Its key is the row's number, not the address: errors name the key.
HOOKS = Side(
    System.UNICONTA,
    resource="TableChangeEvent",
    id_field="RowId",
    key_field="RowId",
    name_field="RowId",
    company_field="CompanyId",
)
#: Table numbers seen in the wild (API page 2.1), for rows that carry no name.
TABLE_NUMBERS = {50: "Debtor", 23: "InvItem", 95: "Employee"}
#: What a run's result says of the errand.
CREATE = "create"


@dataclass(frozen=True)
class HookRow:
    """A Change URL row of Uniconta that leads to one of our webhook addresses."""

    table: str  # "": all tables; "?": a number we do not know
    is_valid: bool  # its token is one of the tenant's, not revoked
    is_here: bool  # it leads to this installation's own address
    error: str
    is_post: bool = False  # it sends the whole record along


@dataclass(frozen=True)
class Hook:
    """One table of Uniconta for the console: what its calls carry, and how they go. `row` None: there is none."""

    entity: str
    table: str
    row: HookRow | None
    last_at: datetime | None

    @property
    def code(self) -> str:
        """What is wrong, as a code of the catalogue; "" when nothing is."""
        if self.row is None:
            return "hook_missing"
        if not self.row.is_valid or not self.row.is_here:
            return "hook_outdated"
        return "hook_failing" if self.row.error else ""


def entities_in_use(policies: Mapping[str, EntityPolicy]) -> list[Entity]:
    """What is switched on, and the groups it uses: they need no policy of their own."""
    names = {name for name, policy in policies.items() if policy.enabled and name in ENTITIES}
    for name in list(names):
        names |= {a.reference for a in ENTITIES[name].references if ENTITIES[a.reference].is_on_demand}
    return [entity for name, entity in ENTITIES.items() if name in names]


# ------------------------------------------------------------------------------------------------- reading rows


def other_hosts(rows: Sequence[Row]) -> list[str]:
    """Where Uniconta's Change URL rows lead that are not ours: another integration's, or somebody's own."""
    found = set()
    for row in rows:
        parts = urlsplit(str(row.get("Url") or ""))
        if parts.hostname and "hooks" not in parts.path.split("/"):
            found.add(parts.hostname)
    return sorted(found)


def hook_rows(slug: str, valid_hashes: set[str], rows: Sequence[Row]) -> list[HookRow]:
    """The rows that lead to a webhook address of this tenant, wherever. No address leaves this function."""
    found = []
    for row in rows:
        parts = urlsplit(str(row.get("Url") or ""))
        path = [part for part in parts.path.split("/") if part]
        if len(path) < 4 or path[-4:-2] != ["hooks", slug]:
            continue
        token = path[-2]
        here = urlsplit(settings.PUBLIC_URL)
        error = _error_of(row).replace(token, "***")
        found.append(
            HookRow(
                table=_table_of(row),
                is_valid=hash_token(token) in valid_hashes,
                is_here=(parts.scheme, parts.netloc) == (here.scheme, here.netloc),
                error=error,
                is_post=bool(row.get("UsePost")),
            )
        )
    return found


def _error_of(row: Mapping[str, Any]) -> str:
    if not row.get("HasError"):
        return ""
    at = str(row.get("LastEvent") or "").replace("T", " ")[:16]
    return str(row.get("ErrorMessage") or "no reason given") + (f" ({at})" if at else "")


def _table_of(row: Mapping[str, Any]) -> str:
    if name := str(row.get("Table") or ""):
        return name.removesuffix("Client")
    number = row.get("TableId") or 0
    return TABLE_NUMBERS.get(number, "?") if number else ""


def _read(tenant_id: int, connector: Connector) -> list[HookRow]:
    """One call. Raises RemoteError."""
    with tenant_scope(tenant_id):
        slug = Tenant.objects.get(pk=tenant_id).slug
        tokens = WebhookToken.objects.filter(tenant_id=tenant_id, revoked_at=None)
        valid = set(tokens.values_list("token_hash", flat=True))
    return hook_rows(slug, valid, list(connector.read_all(HOOKS)))


def watch(tenant_id: int, connector: Connector) -> dict[str, Any]:
    """For a run's result: {"hooks": [a HookRow as a dict, …]}, or {"hooks_error": code} where Uniconta does not say."""
    try:
        return _kept(_read(tenant_id, connector))
    except RemoteError as error:
        return {"hooks_error": error.code}


def _kept(rows: Iterable[HookRow]) -> dict[str, Any]:
    return {"hooks": [asdict(row) for row in rows]}


# ------------------------------------------------------------------------------------------------- the run


def hooks(tenant_id: int, run_id: int) -> None:
    """Keep in the run's result how the rows stand.

    Where its `result["wanted"]` is CREATE, a row is first made for every table in use that no valid row covers; pressed
    twice it makes nothing.
    """
    # One run of the kind at a time: two that look at once would both create.
    run = begin(tenant_id, Run.Kind.HOOKS, run_id)
    if run is None:
        return
    is_create = run.result.get("wanted") == CREATE
    recorder = Recorder(tenant_id, run)
    seen: list[HookRow] | None = None
    counts: dict[str, int] = {}
    connector: Connector | None = None
    try:
        url = _url(tenant_id) if is_create else ""
        connector = connector_for(tenant_id, System.UNICONTA, recorder)
        connector.identify()  # of our company, before anything is read or written (rule M13)
        seen = _read(tenant_id, connector)
        for table in _missing(tenant_id, seen) if is_create else ():
            before = _covered(seen)
            _create(connector, table, url)
            seen = _read(tenant_id, connector)  # each time: what is shown stands there now, whatever comes next
            others = _covered(seen) - before - Counter([table])
            if others:
                raise NeedsAttention("hook_other_table", f"{table} → {', '.join(other or '*' for other in others)}")
            counts["created"] = counts.get("created", 0) + 1
        if counts and (left := _missing(tenant_id, seen)):
            raise NeedsAttention("hooks_refused", ", ".join(left))
    except Connection.DoesNotExist:
        fail_run(run, "connection_missing")
    except SecretError:
        fail_run(run, "hook_url_sealed")
    except RemoteError as error:
        fail_run(run, error.code, error.detail, counts=counts, result=None if seen is None else _kept(seen))
    else:
        finish_run(run, counts=counts, result=_kept(seen) | {"is_complete": is_create and not counts})
    finally:
        if connector is not None:
            connector.close()
        recorder.flush()


def _url(tenant_id: int) -> str:
    """The newest valid address, unsealed. Raises RemoteError without one, SecretError when its key is gone."""
    with tenant_scope(tenant_id):
        connection = Connection.objects.get(tenant_id=tenant_id, system=System.UNICONTA.value)
        if connection.state != Connection.State.WORKING or not connection.pinned_company_id:
            raise NeedsAttention(f"connection_{connection.state}")
        token = WebhookToken.objects.filter(tenant_id=tenant_id, revoked_at=None).select_related("tenant").first()
        if token is None:
            raise NeedsAttention("hook_no_token")
        return token.url(System.UNICONTA.value)


def _tables(tenant_id: int) -> dict[str, str]:
    """Table → entity of what is in use. Call inside a scope."""
    policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant_id=tenant_id)}
    return {entity.uniconta.table: entity.name for entity in entities_in_use(policies) if entity.uniconta.table}


def _covered(rows: Sequence[HookRow]) -> Counter[str]:
    """How many working rows there are by table."""
    return Counter(row.table for row in rows if row.is_valid and row.is_here)


def _missing(tenant_id: int, rows: Sequence[HookRow]) -> list[str]:
    covered = _covered(rows)
    if "" in covered:
        return []
    with tenant_scope(tenant_id):
        tables = [table for table in _tables(tenant_id) if table not in covered]
    # A row of a number we do not know may be any of these; another one would be called twice for each change.
    return [table for table in tables if table in TABLE_NUMBERS.values()] if "?" in covered else tables


def _create(connector: Connector, table: str, url: str) -> None:
    """Make one row. Raises RemoteError. An unclear answer is none: the look that follows tells."""
    values: dict[str, Any] = {"Table": table, "Url": url, "UsePost": False}
    # Without its number the row is made by the table's name alone. Should Uniconta not keep that, it stands for all tables.
    numbers = {name: number for number, name in TABLE_NUMBERS.items()}
    if table in numbers:
        values["TableId"] = numbers[table]
    try:
        connector.create(HOOKS, values, creation_id="")
    except Unclear:
        return
    except RetryLater:
        raise
    except RemoteError as error:  # whatever it is called, the log-in has just read: it may not create rows
        raise NeedsAttention("hooks_refused", error.detail or error.code) from error


# ------------------------------------------------------------------------------------------------- the console


def last_look(tenant_id: int) -> Run | None:
    """The newest run that saw the rows. Call inside a scope."""
    runs = Run.objects.filter(tenant_id=tenant_id, kind__in=[Run.Kind.HOOKS, Run.Kind.RECONCILE])
    return runs.filter(finished_at__isnull=False, result__has_key="hooks").first()


def hooks_shown(tenant_id: int, run: Run) -> list[Hook]:
    """Per table in use, as `run` saw it. Call inside a scope."""
    seen = [HookRow(**row) for row in run.result.get("hooks", ())]
    calls = ChangeEvent.objects.filter(tenant_id=tenant_id, origin=ChangeEvent.Origin.WEBHOOK).order_by()
    last = dict(calls.values("entity").annotate(at=Max("received_at")).values_list("entity", "at"))
    found = []
    for table, entity in _tables(tenant_id).items():
        rows = [row for row in seen if row.table in ("", "?", table)]
        # A row that works covers the table, even beside an outdated one; an error of it is shown.
        rows.sort(key=lambda row: (not row.is_valid or not row.is_here, not row.error))
        found.append(Hook(entity, table, rows[0] if rows else None, last.get(entity)))
    return found
