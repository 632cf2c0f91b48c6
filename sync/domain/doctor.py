"""Checks of one tenant and of the installation, as data: the command line prints them, the console may show them.

Every check looks only; it repairs nothing and stores nothing but the count of its calls. Each says what was found and,
where that is not well, what to do. Checks that call out hold no scope open meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils import timezone

from mappings.models import EntityPolicy, HoursPolicy
from mappings.spec import Entity, Side, System
from sync.connectors.base import Connector, Exchange, Row
from sync.connectors.errors import RemoteError
from sync.connectors.reach import can_be_reached
from sync.domain.catalogue import explain_code
from sync.domain.check import Area, Check, Grade, failed, ok, said, warn
from sync.domain.connections import Recorder, connector_for
from sync.domain.context import database_now
from sync.domain.health import health_of, worker_health
from sync.domain.hooks import HOOKS, HookRow, entities_in_use, hook_rows
from sync.domain.hours.checks import check_hours
from sync.domain.said import Said, entity_said, fix_of, say, text_of
from sync.domain.set_up_checks import check_clock_of, check_groups_and_numbers, check_language, check_work_models
from tenants.models import Connection, Tenant, WebhookToken
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError

CLOCK_SECONDS = 5


@dataclass
class _Systems:
    """What the checks of one tenant share: connectors that work, and the rows read with them."""

    connectors: dict[System, Connector] = field(default_factory=dict)
    rows: dict[str, Sequence[Row]] = field(default_factory=dict)


class _Bodiless(Recorder):
    """Counts calls, keeps no bodies: they may hold webhook addresses, and nobody needs a doctor's readings.

    `apart`: by system, how many seconds its clock was ahead of ours in its first answer that told the time.
    """

    def __init__(self, tenant_id: int) -> None:
        super().__init__(tenant_id)
        self.apart: dict[str, float] = {}

    def __call__(self, exchange: Exchange) -> None:
        if exchange.said_at is not None:
            self.apart.setdefault(exchange.system, (exchange.said_at - timezone.now()).total_seconds())
        super().__call__(replace(exchange, request_body="", response_body=""))


# --------------------------------------------------------------------------------------------- the installation


def check_installation() -> list[Check]:
    return [check_clock(), check_worker(), check_address()]


def check_clock() -> Check:
    """Leases and due times are in database time; log-ins and mails in this machine's."""
    apart = abs((database_now() - timezone.now()).total_seconds())
    name = say("Clocks")
    if apart <= CLOCK_SECONDS:
        return ok(name, say("database and this machine agree within {seconds} s", seconds=CLOCK_SECONDS))
    return failed(
        name,
        say("database and this machine are {seconds} s apart", seconds=round(apart)),
        say("Set up time synchronisation (NTP)"),
    )


def check_worker() -> Check:
    worker, name = worker_health(), say("Worker")
    if worker.beat_at is None:
        return failed(name, say("has never been heard of"), say("Start it: make worker"))
    seconds = (timezone.now() - worker.beat_at).total_seconds()
    if worker.is_alive(timezone.now()):
        return ok(name, say("heard of {seconds} s ago", seconds=round(max(0, seconds))))
    found = say("silent for {minutes} min", minutes=round(seconds / 60))
    return failed(name, found, say("Look at its log and restart it: make worker"))


def check_address() -> Check:
    """Change URL calls come in at this address: while it is silent, nothing is left to them."""
    name = say("Address")
    if can_be_reached(settings.PUBLIC_URL):
        return ok(name, say("{address} answers", address=settings.PUBLIC_URL))
    return warn(
        name,
        say(
            "{address} does not answer this machine: Uniconta is read at every check, whatever is called",
            address=settings.PUBLIC_URL,
        ),
        say("Look at the web server, and at what PUBLIC_URL leads to from here"),
    )


# --------------------------------------------------------------------------------------------- a tenant


#: The systems that the checks of an area ask, and whether they read tables there.
_ASKS: dict[Area, tuple[tuple[System, ...], bool]] = {
    Area.UNICONTA: ((System.UNICONTA,), True),
    Area.INTEMPUS: ((System.INTEMPUS,), True),
    Area.WEBHOOKS: ((System.UNICONTA,), False),
    Area.POLICIES: ((System.UNICONTA,), True),
    Area.LIVE: ((), False),
}


def check_tenant(tenant_id: int, areas: Sequence[Area] = tuple(Area)) -> Iterator[Check]:
    """The checks of a tenant in these areas, one after the other, as they are done."""
    for area, check in _checks(tenant_id, areas):
        if area in areas:
            yield replace(check, area=area.value)


def _checks(tenant_id: int, areas: Sequence[Area]) -> Iterator[tuple[Area, Check]]:
    """What has to be looked at for these areas, each with its own: one area's rows may be read for another's checks."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        connections = {row.system: row for row in Connection.objects.filter(tenant=tenant)}
        policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}
        tokens = list(WebhookToken.objects.filter(tenant=tenant))
    yield Area.POLICIES, check_state(tenant, policies)
    yield Area.UNICONTA, check_capabilities(connections)
    systems, recorder = _Systems(), _Bodiless(tenant_id)
    entities = entities_in_use(policies)
    asked = {system for area in areas for system in _ASKS[area][0]}
    read = {system for area in areas for system in _ASKS[area][0] if _ASKS[area][1]}
    try:
        for system in (system for system in System if system in asked):
            tables = entities if system in read else ()
            for check in _check_system(tenant, system, connections.get(system.value), tables, systems, recorder):
                yield Area(system.value), check
        for entity in entities:
            if entity.uniconta.personal_number_field and not settings.CPR_KEY:
                yield Area.POLICIES, no_cpr_key(entity)
            if entity.uniconta.is_flaggable and entity.name in systems.rows:
                rows = systems.rows[entity.name]
                yield Area.POLICIES, check_flag(tenant, entity, policies.get(entity.name), rows)
        uniconta = systems.connectors.get(System.UNICONTA)
        if Area.WEBHOOKS in areas:
            yield from ((Area.WEBHOOKS, check) for check in check_webhooks(tenant, entities, tokens, uniconta))
        if Area.POLICIES in areas:
            if uniconta is not None:
                yield from ((Area.POLICIES, check) for check in check_groups_and_numbers(policies, uniconta))
            yield from ((Area.POLICIES, check) for check in _check_hours(tenant_id, uniconta))
    finally:
        for connector in systems.connectors.values():
            connector.close()
        recorder.flush()
    yield from ((Area(of_system), check) for of_system, check in check_budgets(tenant_id))
    yield from ((Area.LIVE, check) for check in check_work(tenant_id))


def _check_system(
    tenant: Tenant,
    system: System,
    row: Connection | None,
    tables: Sequence[Entity],
    systems: _Systems,
    recorder: _Bodiless,
) -> Iterator[Check]:
    """The log-in, and the right to read these tables."""
    yield from check_connection(tenant, system, row, systems, recorder)
    if system in systems.connectors:
        for entity in tables:
            yield check_read(entity.side(system), entity, systems)
        if system is System.UNICONTA:
            yield from check_language(systems.rows.get("project", ()))
        elif tables and _transfers_hours(tenant.pk):
            yield from check_work_models(systems.connectors[system])
        yield from check_clock_of(system, recorder.apart.get(system))


def _transfers_hours(tenant_id: int) -> bool:
    with tenant_scope(tenant_id):
        return HoursPolicy.objects.filter(tenant_id=tenant_id, enabled=True).exists()


def _check_hours(tenant_id: int, connector: Connector | None) -> Iterator[Check]:
    with tenant_scope(tenant_id):
        policy = HoursPolicy.objects.filter(tenant_id=tenant_id, enabled=True).first()
    if policy is None:
        return
    try:
        rows = list(connector.read_all(HOOKS)) if connector else None
    except RemoteError:
        rows = None  # said above, of the change URLs
    with tenant_scope(tenant_id):
        found = list(check_hours(policy, rows))
    for grade, name, what, fix in found:
        yield Check(name, Grade(grade), what, fix)


def check_state(tenant: Tenant, policies: Mapping[str, EntityPolicy]) -> Check:
    name = say("State")
    if not any(policy.enabled for policy in policies.values()):
        return failed(
            name,
            say("nothing is switched on"),
            say("Add [tenant.entities.customer] to the tenant file, or in the console"),
        )
    if tenant.is_live:
        return ok(name, say("live"))
    if tenant.is_leaving:
        return warn(name, say("on its way out"), say("Go on with the off-boarding in the console"))
    found = say("preparing") if tenant.state == Tenant.State.PREPARING else say("paused")
    return warn(name, found, say("Nothing synchronises until the company is live"))


def check_capabilities(connections: Mapping[str, Connection]) -> Check:
    """Whether `doctor --probe` was ever run here, and when last, per system."""
    parts = []
    for system in System:
        row = connections.get(system.value)
        dates = [str(entry["at"])[:10] for entry in row.capabilities.values()] if row else []
        state = say("measured on {date}", date=max(dates)) if dates else say("not measured: safest assumption")
        parts.append(say("{system} {state}", system=Connection.System(system.value).label, state=state))
    return ok(say("Capabilities"), say("{one}; {other}", one=parts[0], other=parts[1]))


def check_connection(
    tenant: Tenant, system: System, row: Connection | None, systems: _Systems, recorder: Recorder
) -> Iterator[Check]:
    """Credentials and company of one system; leaves a working connector in `systems`."""
    name = Connection.System(system.value).label
    if row is None:
        yield failed(
            name, say("no connection"), say("Add [tenant.{system}] to the tenant file and run onboard", system=system)
        )
        return
    try:
        connector = connector_for(tenant.pk, system, recorder)
        company = connector.identify()
    except SecretError as error:
        yield failed(name, str(error), say("Restore the credential keys, or onboard again with the secret"))
        return
    except RemoteError as error:
        yield said(name, error)
        return
    systems.connectors[system] = connector
    shown = f"{company.name} ({company.id}{', CVR ' + company.number if company.number else ''})"
    if row.state in (Connection.State.BROKEN, Connection.State.PAUSED):
        found = (
            say("answers as {company}, but is paused here", company=shown)
            if row.state == Connection.State.PAUSED
            else say("answers as {company}, but is broken here", company=shown)
        )
        yield warn(name, found, say("Test it in the console"))
    elif not row.pinned_company_id:
        yield warn(
            name,
            say("answers as {company}; not pinned yet", company=shown),
            say("Run onboard, or test the connection in the console"),
        )
    elif row.pinned_company_id != company.id:
        yield failed(
            name,
            say(
                "answers as {company}, but was {name} ({number})",
                company=shown,
                name=row.pinned_company_name,
                number=row.pinned_company_id,
            ),
            say("Correct the log-in or the company id; another company is set up under a short name of its own"),
        )
    elif (row.pinned_company_name, row.pinned_company_number) != (company.name, company.number):
        yield warn(
            name,
            say("the company is now called {company}; it was {name}", company=shown, name=row.pinned_company_name),
            say("Check that it is the same"),
        )
    else:
        yield ok(name, say("log-in works, company {company}", company=shown))


def check_read(side: Side, entity: Entity, systems: _Systems) -> Check:
    """The right to read one table. One that may carry the tick is read whole, because that check needs every row."""
    name = f"{Connection.System(side.system.value).label}, {side.resource}"
    rows = systems.connectors[side.system].read_all(side)
    try:
        if side.is_flaggable:
            systems.rows[entity.name] = found = list(rows)
            return ok(name, say("{count} records can be read", count=len(found)))
        first = next(rows, None)
    except RemoteError as error:
        return said(name, error)
    return ok(name, say("can be read") if first is not None else say("can be read; it is empty"))


def no_cpr_key(entity: Entity) -> Check:
    """Without the key nobody is recognised by CPR number; mobile and e-mail are left."""
    name = say("CPR numbers, {entity}", entity=entity_said(entity.name))
    return warn(
        name, say("CPR_KEY is not set, so they match nobody"), say("Set CPR_KEY in the environment of web and worker")
    )


def check_flag(tenant: Tenant, entity: Entity, policy: EntityPolicy | None, rows: Sequence[Row]) -> Check:
    """The tick field on real records: there at all, and which way round it is used."""
    name = say("Tick {field}, {entity}", field=tenant.opt_in_field, entity=entity_said(entity.name))
    if not rows:
        return warn(name, say("no records to see it on"))
    if policy is not None and policy.hold_code:
        found = say("on hold: {why}", why=text_of(policy.hold_code, policy.hold_detail))
        return failed(name, found, _fix_or_answer(policy.hold_code))
    having = [row for row in rows if tenant.opt_in_field in row]
    if not having:
        return _no_flag(name, tenant, policy, rows)
    ticked = sum(bool(row[tenant.opt_in_field]) for row in having)
    means_sync = tenant.opt_in_means == Tenant.OptInMeans.SYNC
    going = ticked if means_sync else len(rows) - ticked
    means = say("a tick means synchronise") if means_sync else say("a tick means do not synchronise")
    found = say("{ticked} ticked, {unticked} not; {means}", ticked=ticked, unticked=len(rows) - ticked, means=means)
    if not going:
        return warn(
            name,
            say("{found}: nothing synchronises", found=found),
            say("Tick records in Uniconta, or turn opt_in_means round"),
        )
    return ok(name, found)


def _fix_or_answer(code: str) -> Said:
    return fix_of(code) if explain_code(code).fix else say("Answer the question in the console")


def _no_flag(name: Said, tenant: Tenant, policy: EntityPolicy | None, rows: Sequence[Row]) -> Check:
    if policy is not None and policy.has_flag:
        return failed(
            name,
            say("was there and is gone"),
            say("Restore the field in Uniconta (Tools / Custom fields) under its name"),
        )
    alike = sorted({str(key) for row in rows for key in row if str(key).lower() == tenant.opt_in_field.lower()})
    if alike:
        return failed(
            name,
            say("not there, but {field} is", field=alike[0]),
            say('Write opt_in_field = "{field}" in the tenant file', field=alike[0]),
        )
    return ok(name, say("not on this table, so all {count} records synchronise", count=len(rows)))


# --------------------------------------------------------------------------------------------- webhooks


def check_webhooks(
    tenant: Tenant, entities: Sequence[Entity], tokens: Sequence[WebhookToken], connector: Connector | None
) -> Iterator[Check]:
    """Whether Uniconta tells us of changes: a valid token, and a Change URL row for every table that needs one."""
    name = say("Change URL")
    valid = {token.token_hash for token in tokens if token.revoked_at is None}
    if not valid:
        yield failed(
            name, say("the company has no change URL"), say("Make one on the page Webhooks"), "webhooks", "onboard"
        )
        return
    if connector is None:
        yield warn(name, say("not looked at, because Uniconta does not answer"))
        return
    try:
        rows = hook_rows(tenant.slug, valid, list(connector.read_all(HOOKS)))
    except RemoteError as error:
        yield said(name, error, warn)
        return
    for row in rows:
        yield from _check_hook(name, row)
    yield from _check_coverage(name, entities, {row.table for row in rows if row.is_valid})


def _check_hook(name: Said, row: HookRow) -> Iterator[Check]:
    table = {"": say("all tables"), "?": say("a table")}.get(row.table, row.table)
    if not row.is_valid:
        yield failed(
            name, say("the row for {table} has an address that is no longer valid", table=table), _PASTE, _HOOKS
        )
    elif not row.is_here:
        found = say("the row for {table} leads elsewhere than {address}", table=table, address=settings.PUBLIC_URL)
        yield warn(name, found, _PASTE, _HOOKS)
    if row.is_post:
        found = say("the row for {table} has Post on: then the whole record is sent, and thrown away here", table=table)
        yield warn(
            name, found, say("Take the tick off Post on the row in Uniconta; the address alone says enough"), _HOOKS
        )
    if row.error:
        found = say("Uniconta could not call the row for {table}: {error}", table=table, error=row.error)
        yield failed(name, found, say("Check that this address can be reached from the internet"))


def _check_coverage(name: Said, entities: Sequence[Entity], covered: set[str]) -> Iterator[Check]:
    if "" in covered:
        yield ok(name, say("Uniconta reports changes of all tables"))
        return
    for entity in entities:
        table = entity.uniconta.table
        missing = say("no row for {table}; its changes are found by the regular check only", table=table)
        if not table:
            continue
        if table in covered:
            yield ok(name, say("Uniconta reports changes of {table}", table=table))
        elif "?" in covered:
            yield warn(name, say("no row is known to be for {table}; one row’s table could not be told", table=table))
        else:
            make = warn if entity.is_on_demand else failed
            yield make(name, missing, _PASTE, _HOOKS)


_PASTE = say("In Uniconta: Company / Maintenance / Change URL; the address is on the company’s page Webhooks")
_HOOKS = "webhooks"


# --------------------------------------------------------------------------------------------- what is going on


def check_budgets(tenant_id: int) -> Iterator[tuple[str, Check]]:
    """Each with its system."""
    with tenant_scope(tenant_id):
        figures = health_of(tenant_id, with_calls=True)
    for connection in figures.connections:
        name = say("Calls, {system}", system=Connection.System(connection.system).label)
        if connection.is_open(timezone.now()):
            until = timezone.localtime(connection.open_until)
            held = say("held back until {at} after repeated failures", at=f"{until:%H:%M:%S}")
            yield connection.system, warn(name, held, say("Wait, or see the connection in the console"))
            continue
        figures_today = say("{count} of {limit} today", count=connection.call_count, limit=connection.calls_per_day)
        if code := connection.waiting_code:
            found = say("{figures}. {why}", figures=figures_today, why=text_of(code))
            yield connection.system, warn(name, found, fix_of(code))
        else:
            yield connection.system, ok(name, figures_today)


def check_work(tenant_id: int) -> Iterator[Check]:
    """Whether changes get through: what is due, what is stuck, what a person must look at."""
    now = timezone.now()
    with tenant_scope(tenant_id):
        tenant = health_of(tenant_id)
    if tenant.is_stuck(now) and tenant.oldest_due_at is not None:
        minutes = round((now - tenant.oldest_due_at).total_seconds() / 60)
        yield failed(
            say("Changes"),
            say("{count} waiting, the oldest for {minutes} min", count=tenant.waiting, minutes=minutes),
            say("Look at the worker and at the connections above"),
        )
    else:
        waiting = say("{count} waiting", count=tenant.waiting) if tenant.waiting else say("none waiting")
        yield ok(say("Changes"), waiting)
    if tenant.quarantined:
        yield failed(
            say("Quarantine"),
            say("{count} changes stopped the worker again and again", count=tenant.quarantined),
            say("See them in the console"),
            "changes",
        )
    for entity, code in tenant.held:
        yield failed(
            say("On hold, {entity}", entity=entity_said(entity)), text_of(code), _fix_or_answer(code), "company"
        )
    if tenant.needs_attention:
        yield warn(
            say("Records"),
            say("{count} need attention", count=tenant.needs_attention),
            say("Open each in the console: its page says what to do"),
            "records",
            "explain SLUG ENTITY KEY",
        )
    if tenant.is_live:
        for label, freshness in (
            (say("Fetch from Intempus"), tenant.pulled),
            (say("Check of Uniconta"), tenant.swept),
        ):
            if freshness.at is None:
                yield warn(
                    label,
                    say("never completed yet"),
                    say("It should follow within minutes; otherwise look at the worker"),
                )
            elif freshness.is_late(now):
                yield failed(
                    label,
                    say("last completed {at}", at=f"{timezone.localtime(freshness.at):%d-%m %H:%M}"),
                    say("Look at the worker and at the runs in the console"),
                )
            else:
                yield ok(label, say("last completed {at}", at=f"{timezone.localtime(freshness.at):%H:%M}"))
