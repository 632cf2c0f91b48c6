"""Checks of one tenant and of the installation, as data: the command line prints them, the console may show them.

Every check looks only; it repairs nothing and stores nothing but the count of its calls. Each says what was found and,
where that is not well, what to do. Checks that call out hold no scope open meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from mappings.labels import entity_label
from mappings.models import EntityPolicy
from mappings.spec import Entity, Side, System
from sync.connectors.base import Connector, Exchange, Row
from sync.connectors.errors import RemoteError
from sync.connectors.reach import can_be_reached
from sync.domain.catalogue import explain_code
from sync.domain.connections import Recorder, connector_for
from sync.domain.context import database_now
from sync.domain.health import health, worker_health
from sync.domain.hooks import HOOKS, HookRow, entities_in_use, hook_rows
from tenants.models import Connection, Tenant, WebhookToken
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError

CLOCK_SECONDS = 5


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing looked at. `fix` is "" where nothing is asked of anybody."""

    name: str
    grade: Grade
    found: str
    fix: str = ""


@dataclass
class _Systems:
    """What the checks of one tenant share: connectors that work, and the rows read with them."""

    connectors: dict[System, Connector] = field(default_factory=dict)
    rows: dict[str, Sequence[Row]] = field(default_factory=dict)


class _Bodiless(Recorder):
    """Counts calls, keeps no bodies: they may hold webhook addresses, and nobody needs a doctor's readings."""

    def __call__(self, exchange: Exchange) -> None:
        super().__call__(replace(exchange, request_body="", response_body=""))


def ok(name: str, found: str) -> Check:
    return Check(name, Grade.OK, found)


def warn(name: str, found: str, fix: str = "") -> Check:
    return Check(name, Grade.WARNING, found, fix)


def failed(name: str, found: str, fix: str = "") -> Check:
    return Check(name, Grade.FAILED, found, fix)


def said(name: str, error: RemoteError, make: Callable[[str, str, str], Check] = failed) -> Check:
    explanation = explain_code(error.code, error.detail)
    parts = dict.fromkeys([explanation.text, explanation.detail])
    return make(name, " ".join(part for part in parts if part), explanation.fix)


# --------------------------------------------------------------------------------------------- the installation


def check_installation() -> list[Check]:
    return [check_clock(), check_worker(), check_address()]


def check_clock() -> Check:
    """Leases and due times are in database time; log-ins and mails in this machine's."""
    apart = abs((database_now() - timezone.now()).total_seconds())
    if apart <= CLOCK_SECONDS:
        return ok("Clocks", f"database and this machine agree within {CLOCK_SECONDS} s")
    return failed("Clocks", f"database and this machine are {apart:.0f} s apart", "Set up time synchronisation (NTP)")


def check_worker() -> Check:
    worker = worker_health()
    if worker.beat_at is None:
        return failed("Worker", "has never been heard of", "Start it: make worker")
    seconds = (timezone.now() - worker.beat_at).total_seconds()
    if worker.is_alive(timezone.now()):
        return ok("Worker", f"heard of {max(0, seconds):.0f} s ago")
    return failed("Worker", f"silent for {seconds / 60:.0f} min", "Look at its log and restart it: make worker")


def check_address() -> Check:
    """Change URL calls come in at this address: while it is silent, nothing is left to them."""
    if can_be_reached(settings.PUBLIC_URL):
        return ok("Address", f"{settings.PUBLIC_URL} answers")
    return warn(
        "Address",
        f"{settings.PUBLIC_URL} does not answer this machine: Uniconta is read at every check, whatever is called",
        "Look at the web server, and at what PUBLIC_URL leads to from here",
    )


# --------------------------------------------------------------------------------------------- a tenant


def check_tenant(tenant_id: int) -> Iterator[Check]:
    """All checks of a tenant, one after the other, as they are done."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        connections = {row.system: row for row in Connection.objects.filter(tenant=tenant)}
        policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}
        tokens = list(WebhookToken.objects.filter(tenant=tenant))
    yield check_state(tenant, policies)
    yield check_capabilities(connections)
    systems, recorder = _Systems(), _Bodiless(tenant_id)
    entities = entities_in_use(policies)
    try:
        for system in System:
            yield from check_connection(tenant, system, connections.get(system.value), systems, recorder)
            if system in systems.connectors:
                for entity in entities:
                    yield check_read(entity.side(system), entity, systems)
        for entity in entities:
            if entity.uniconta.is_flaggable and entity.name in systems.rows:
                yield check_flag(tenant, entity, policies.get(entity.name), systems.rows[entity.name])
        yield from check_webhooks(tenant, entities, tokens, systems.connectors.get(System.UNICONTA))
    finally:
        for connector in systems.connectors.values():
            connector.close()
        recorder.flush()
    yield from check_budgets(tenant_id)
    yield from check_work(tenant_id)


def check_state(tenant: Tenant, policies: Mapping[str, EntityPolicy]) -> Check:
    if not any(policy.enabled for policy in policies.values()):
        return failed(
            "State", "nothing is switched on", "Add [tenant.entities.customer] to the tenant file, or in the console"
        )
    if tenant.is_live:
        return ok("State", "live")
    return warn("State", str(tenant.get_state_display()).lower(), "Nothing synchronises until the tenant is live")


def check_capabilities(connections: Mapping[str, Connection]) -> Check:
    """Whether `doctor --probe` was ever run here, and when last, per system."""
    parts = []
    for system in System:
        row = connections.get(system.value)
        dates = [str(entry["at"])[:10] for entry in row.capabilities.values()] if row else []
        state = f"measured on {max(dates)}" if dates else "not measured: safest assumption"
        parts.append(f"{Connection.System(system.value).label} {state}")
    return ok("Capabilities", "; ".join(parts))


def check_connection(
    tenant: Tenant, system: System, row: Connection | None, systems: _Systems, recorder: Recorder
) -> Iterator[Check]:
    """Credentials and company of one system; leaves a working connector in `systems`."""
    name = Connection.System(system.value).label
    if row is None:
        yield failed(name, "no connection", f"Add [tenant.{system}] to the tenant file and run onboard")
        return
    try:
        connector = connector_for(tenant.pk, system, recorder)
        company = connector.identify()
    except SecretError as error:
        yield failed(name, str(error), "Restore the credential keys, or onboard again with the secret")
        return
    except RemoteError as error:
        yield said(name, error)
        return
    systems.connectors[system] = connector
    shown = f"{company.name} ({company.id}{', CVR ' + company.number if company.number else ''})"
    if row.state in (Connection.State.BROKEN, Connection.State.PAUSED):
        yield warn(name, f"answers as {shown}, but is {row.get_state_display().lower()} here", "Test it in the console")
    elif not row.pinned_company_id:
        yield warn(name, f"answers as {shown}; not pinned yet", "Run onboard, or test the connection in the console")
    elif row.pinned_company_id != company.id:
        yield failed(
            name,
            f"answers as {shown}, but was {row.pinned_company_name} ({row.pinned_company_id})",
            "Correct the log-in or the company id; another company is set up under a short name of its own",
        )
    elif (row.pinned_company_name, row.pinned_company_number) != (company.name, company.number):
        yield warn(
            name, f"the company is now called {shown}; it was {row.pinned_company_name}", "Check that it is the same"
        )
    else:
        yield ok(name, f"log-in works, company {shown}")


def check_read(side: Side, entity: Entity, systems: _Systems) -> Check:
    """The right to read one table. One that may carry the tick is read whole, because that check needs every row."""
    name = f"{Connection.System(side.system.value).label}, {side.resource}"
    rows = systems.connectors[side.system].read_all(side)
    try:
        if side.is_flaggable:
            systems.rows[entity.name] = found = list(rows)
            return ok(name, f"{len(found)} records can be read")
        first = next(rows, None)
    except RemoteError as error:
        return said(name, error)
    return ok(name, "can be read" if first is not None else "can be read; it is empty")


def check_flag(tenant: Tenant, entity: Entity, policy: EntityPolicy | None, rows: Sequence[Row]) -> Check:
    """The tick field on real records: there at all, and which way round it is used."""
    name = f"Tick {tenant.opt_in_field}, {entity_label(entity.name)}"
    if not rows:
        return warn(name, "no records to see it on")
    if policy is not None and policy.hold_code:
        explanation = explain_code(policy.hold_code, policy.hold_detail)
        return failed(name, f"on hold: {explanation.text}", explanation.fix or "Answer the question in the console")
    having = [row for row in rows if tenant.opt_in_field in row]
    if not having:
        return _no_flag(name, tenant, policy, rows)
    ticked = sum(bool(row[tenant.opt_in_field]) for row in having)
    means_sync = tenant.opt_in_means == Tenant.OptInMeans.SYNC
    going = ticked if means_sync else len(rows) - ticked
    found = f"{ticked} ticked, {len(rows) - ticked} not; a tick means {'synchronise' if means_sync else 'do not synchronise'}"
    if not going:
        return warn(name, f"{found}: nothing synchronises", "Tick records in Uniconta, or turn opt_in_means round")
    return ok(name, found)


def _no_flag(name: str, tenant: Tenant, policy: EntityPolicy | None, rows: Sequence[Row]) -> Check:
    if policy is not None and policy.has_flag:
        return failed(
            name, "was there and is gone", "Restore the field in Uniconta (Tools / Custom fields) under its name"
        )
    alike = sorted({str(key) for row in rows for key in row if str(key).lower() == tenant.opt_in_field.lower()})
    if alike:
        return failed(name, f"not there, but {alike[0]} is", f'Write opt_in_field = "{alike[0]}" in the tenant file')
    return ok(name, f"not on this table, so all {len(rows)} records synchronise")


# --------------------------------------------------------------------------------------------- webhooks


def check_webhooks(
    tenant: Tenant, entities: Sequence[Entity], tokens: Sequence[WebhookToken], connector: Connector | None
) -> Iterator[Check]:
    """Whether Uniconta tells us of changes: a valid token, and a Change URL row for every table that needs one."""
    name = "Change URL"
    valid = {token.token_hash for token in tokens if token.revoked_at is None}
    if not valid:
        yield failed(name, "the tenant has no webhook token", "Run onboard, which makes one")
        return
    if connector is None:
        yield warn(name, "not looked at, because Uniconta does not answer")
        return
    try:
        rows = hook_rows(tenant.slug, valid, list(connector.read_all(HOOKS)))
    except RemoteError as error:
        yield said(name, error, warn)
        return
    for row in rows:
        yield from _check_hook(name, row)
    yield from _check_coverage(name, entities, {row.table for row in rows if row.is_valid})


def _check_hook(name: str, row: HookRow) -> Iterator[Check]:
    if not row.is_valid:
        yield failed(name, f"the row for {_table(row)} has an address that is no longer valid", _PASTE)
    elif not row.is_here:
        yield warn(name, f"the row for {_table(row)} leads elsewhere than {settings.PUBLIC_URL}", _PASTE)
    if row.error:
        fix = "Check that this address can be reached from the internet"
        yield failed(name, f"Uniconta could not call the row for {_table(row)}: {row.error}", fix)


def _check_coverage(name: str, entities: Sequence[Entity], covered: set[str]) -> Iterator[Check]:
    if "" in covered:
        yield ok(name, "Uniconta reports changes of all tables")
        return
    for entity in entities:
        table = entity.uniconta.table
        missing = f"no row for {table}; its changes are found by the regular check only"
        if not table:
            continue
        if table in covered:
            yield ok(name, f"Uniconta reports changes of {table}")
        elif "?" in covered:
            yield warn(name, f"no row is known to be for {table}; one row's table could not be told")
        else:
            yield warn(name, missing, _PASTE) if entity.is_on_demand else failed(name, missing, _PASTE)


_PASTE = "In Uniconta: Company / Maintenance / Change URL; the address comes from onboard FILE.toml --show-urls"


def _table(row: HookRow) -> str:
    return {"": "all tables", "?": "a table"}.get(row.table, row.table)


# --------------------------------------------------------------------------------------------- what is going on


def check_budgets(tenant_id: int) -> Iterator[Check]:
    with tenant_scope(tenant_id):
        figures = health([tenant_id], with_changes=False).tenants[0]
    for connection in figures.connections:
        name = f"Calls, {Connection.System(connection.system).label}"
        if connection.is_open(timezone.now()):
            until = timezone.localtime(connection.open_until)
            yield warn(
                name,
                f"held back until {until:%H:%M:%S} after repeated failures",
                "Wait, or see the connection in the console",
            )
            continue
        figures_today = f"{connection.call_count} of {connection.calls_per_day} today"
        if connection.waiting_code:
            explanation = explain_code(connection.waiting_code)
            yield warn(name, f"{figures_today}. {explanation.text}", explanation.fix)
        else:
            yield ok(name, figures_today)


def check_work(tenant_id: int) -> Iterator[Check]:
    """Whether changes get through: what is due, what is stuck, what a person must look at."""
    now = timezone.now()
    with tenant_scope(tenant_id):
        tenant = health([tenant_id], with_changes=False).tenants[0]
    if tenant.is_stuck(now) and tenant.oldest_due_at is not None:
        minutes = (now - tenant.oldest_due_at).total_seconds() / 60
        yield failed(
            "Changes",
            f"{tenant.waiting} waiting, the oldest for {minutes:.0f} min",
            "Look at the worker and at the connections above",
        )
    else:
        yield ok("Changes", f"{tenant.waiting} waiting" if tenant.waiting else "none waiting")
    if tenant.quarantined:
        yield failed(
            "Quarantine", f"{tenant.quarantined} changes stopped the worker again and again", "See them in the console"
        )
    for entity, code in tenant.held:
        explanation = explain_code(code)
        yield failed(
            f"On hold, {entity_label(entity)}",
            explanation.text,
            explanation.fix or "Answer the question in the console",
        )
    if tenant.needs_attention:
        yield warn(
            "Records",
            f"{tenant.needs_attention} need attention",
            "See them in the console, or: explain SLUG ENTITY KEY",
        )
    if tenant.is_live:
        for label, freshness in (("Fetch from Intempus", tenant.pulled), ("Check of Uniconta", tenant.swept)):
            if freshness.at is None:
                yield warn(
                    label, "never completed yet", "It should follow within minutes; otherwise look at the worker"
                )
            elif freshness.is_late(now):
                yield failed(
                    label,
                    f"last completed {timezone.localtime(freshness.at):%d-%m %H:%M}",
                    "Look at the worker and at the runs in the console",
                )
            else:
                yield ok(label, f"last completed {timezone.localtime(freshness.at):%H:%M}")
