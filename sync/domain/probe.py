"""Experiments that settle what the two systems' descriptions leave open, on a test company that the operator names.

Each asks one question of one system and answers yes, no, or unknown, with what was seen. Yes and no are stored as
capabilities of the connection; a connector that finds none there takes the safest assumption. The questions are those
of section 8 of the two API pages.

What is made carries a name of its own (`NAME`) and is set inactive at the end, found by that name: so is a record
whose answer got lost, and what a killed probe left. Groups cannot be inactive; they stay and are listed. Nothing is
deleted (rule M10).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from mappings.engine import to_remote
from mappings.entities.customer import CUSTOMER
from mappings.entities.customer_group import CUSTOMER_GROUP
from mappings.spec import Entity, Side, System
from sync.connectors.base import Answer, Connector, Row, Written
from sync.connectors.errors import ConnectionBroken, NeedsAttention, RemoteError, RetryLater
from sync.connectors.intempus.client import PATCH_CAPABILITY, STAMP
from sync.domain.check import Check, failed, ok, said, warn
from sync.domain.connections import NotReadyError, Recorder, connector_for
from sync.domain.said import Said, entity_said, say
from tenants.models import Connection, Tenant
from tenants.scoping import tenant_scope

NAME = re.compile(r"Probe \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (Uniconta|Intempus)")
#: Far above every change stamp, far after every time, and no record's number.
HUGE_STAMP, FAR_FUTURE, NOBODY = 2**62, "2900-01-01T00:00:00", "PROBE-NOBODY"


@dataclass(frozen=True)
class Finding:
    """`value`: True yes, False no, None unknown. `seen`: what the answer rests on."""

    value: bool | None
    seen: Said


@dataclass
class Bench:
    """What the experiments of one probe share. `made`: what was created, or the error that prevented it, by name."""

    connectors: Mapping[System, Connector]
    started: str  # in names: 2026-11-27 18:40:12
    tick: Row  # keeps a Uniconta record out of the synchronisation, by the tenant's own polarity
    made: dict[str, Any] = field(default_factory=dict)

    def name(self, system: System) -> str:
        return f"Probe {self.started} {Connection.System(system.value).label}"

    @property
    def number(self) -> str:
        """Unused so far, and at most 20 characters."""
        return "PROBE" + re.sub(r"\D", "", self.started)[2:]

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Made by the first experiment that needs it. Raises the same RemoteError for all when it failed."""
        if name not in self.made:
            try:
                self.made[name] = make()
            except RemoteError as error:
                self.made[name] = error
        if isinstance(self.made[name], RemoteError):
            raise self.made[name]
        return self.made[name]


@dataclass(frozen=True)
class Experiment:
    """`name` is that of the capability. Raises RemoteError where there is no answer."""

    system: System
    name: str
    question: Said
    run: Callable[[Bench], Finding]


# --------------------------------------------------------------------------------------------- Uniconta


def _debtor(bench: Bench) -> Answer:
    """The answer to inserting the probe's debtor."""

    def make() -> Answer:
        connector = bench.connectors[System.UNICONTA]
        # A debtor needs a group; any will do.
        group = next(connector.read_all(CUSTOMER_GROUP.uniconta), {}).get("Group")
        body = {"Account": bench.number, "Name": bench.name(System.UNICONTA), "Address1": "Probe 1", **bench.tick}
        return connector.ask("POST", CUSTOMER.uniconta, body=body | ({"Group": group} if group else {}))

    answer: Answer = bench.once("debtor", make)
    return answer


def _debtor_row(bench: Bench) -> Row:
    """The probe's debtor as it stands now."""
    _debtor(bench)
    found = bench.connectors[System.UNICONTA].find_by_key(CUSTOMER.uniconta, [bench.number])
    if not found:
        raise RetryLater("not_found_after_write", bench.number, is_outage=False)
    return found[0]


def _odata(bench: Bench, condition: str) -> list[Row]:
    """The first page of debtors for which the condition holds, or all where the server ignores it."""
    answer = bench.connectors[System.UNICONTA].ask("GET", CUSTOMER.uniconta, params={"$filter": condition})
    return _rows(answer, "value")


def insert_answers_row(bench: Bench) -> Finding:
    answer = _debtor(bench)
    row = answer.value[0] if isinstance(answer.value, list) and answer.value else answer.value
    if isinstance(row, dict) and row.get("RowId"):
        return Finding(True, say("{status} with the row", status=answer.status))
    return Finding(False, say("{status} without a row: it is read back by its number", status=answer.status))


def filter_honoured(bench: Bench) -> Finding:
    _debtor(bench)
    wanted = _odata(bench, f"Account eq '{bench.number}'")
    strange = _odata(bench, f"Account eq '{NOBODY}'")
    if [row.get("Account") for row in wanted] == [bench.number] and not strange:
        return Finding(True, say("one row for one number, none for a number nobody has"))
    return Finding(
        False,
        say("{count} rows for one number, {strange} for a number nobody has", count=len(wanted), strange=len(strange)),
    )


def put_merges(bench: Bench) -> Finding:
    before = _debtor_row(bench)
    kept = {name: before[name] for name in ("RowId", "Account", "Name", "Group") if before.get(name)}
    bench.connectors[System.UNICONTA].ask("PUT", CUSTOMER.uniconta, body=kept)
    address = _debtor_row(bench).get("Address1")
    if address == before.get("Address1"):
        return Finding(True, say("a field that was left out kept its value"))
    if not address:
        return Finding(False, say("a field that was left out became blank: the whole record must be sent"))
    return Finding(None, say("a field that was left out became “{value}”", value=address))


def updated_at_present(bench: Bench) -> Finding:
    value = _debtor_row(bench).get("UpdatedAt")
    return Finding(bool(value), say("on the debtor") if value else say("the debtor has none"))


def updated_at_filterable(bench: Bench) -> Finding:
    row = _debtor_row(bench)
    if not row.get("UpdatedAt"):
        return Finding(False, say("there is no UpdatedAt"))
    at = str(row["UpdatedAt"])[:19]
    try:
        since = _odata(bench, f"UpdatedAt ge datetime'{at}'")
        later = _odata(bench, f"UpdatedAt gt datetime'{FAR_FUTURE}'")
    except NeedsAttention as error:
        return Finding(False, say("refused: {detail}", detail=error.detail))
    if later or row["RowId"] not in [each.get("RowId") for each in since]:
        return Finding(False, say("{count} rows from the far future: the condition is not kept", count=len(later)))
    return Finding(True, say("what changed since a time, and nothing from the far future"))


# --------------------------------------------------------------------------------------------- Intempus


def _pair(bench: Bench, entity: Entity) -> tuple[Written, Written]:
    """Two creates with one `creation_id`: one record where it is honoured, two where not. Without a number, which
    the company may want to be unique.
    """
    side = entity.intempus

    def make() -> tuple[Written, Written]:
        create = bench.connectors[System.INTEMPUS].create
        values = {"name": bench.name(System.INTEMPUS)}
        return (
            create(side, values, creation_id=f"probe-{bench.number}"),
            create(side, values, creation_id=f"probe-{bench.number}"),
        )

    pair: tuple[Written, Written] = bench.once(side.resource, make)
    return pair


def _customer(bench: Bench) -> str:
    return _pair(bench, CUSTOMER)[0].id


def _row_now(bench: Bench, side: Side, record_id: str) -> Row:
    row = bench.connectors[side.system].read_by_ids(side, [record_id]).get(record_id)
    if row is None:
        raise RetryLater("not_found_after_write", f"{side.resource} {record_id}", is_outage=False)
    return row


def _write(bench: Bench, **values: str) -> None:
    """Change the probe's customer the way the platform does, by PATCH or PUT."""
    connector = bench.connectors[System.INTEMPUS]
    connector.update(CUSTOMER.intempus, _customer(bench), values, is_as_planned=lambda _: True, stamp=None)


def _customers(bench: Bench, **params: str) -> list[Row]:
    """The first page of customers for which the parameters hold, or of all where the server ignores them."""
    return _rows(bench.connectors[System.INTEMPUS].ask("GET", CUSTOMER.intempus, params=params), "objects")


def creation_id_honoured(entity: Entity) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        first, second = _pair(bench, entity)
        if first.id == second.id:
            return Finding(True, say("the second create with one creation_id gave the first record"))
        return Finding(False, say("two creates with one creation_id gave two records"))

    return run


def patch_allowed(entity: Entity) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        record_id, name = _pair(bench, entity)[0].id, bench.name(System.INTEMPUS)
        try:
            # The name it has already: what counts is whether the method is taken.
            bench.connectors[System.INTEMPUS].ask("PATCH", entity.intempus, record_id=record_id, body={"name": name})
        except NeedsAttention as error:
            if error.code != "not_allowed":
                raise
            return Finding(False, say("405: updates go by PUT, which is partial here as well"))
        return Finding(True, say("taken"))

    return run


def blank_text_allowed(bench: Bench) -> Finding:
    _write(bench, street_address="Probe 1")
    if _row_now(bench, CUSTOMER.intempus, _customer(bench)).get("street_address") != "Probe 1":
        return Finding(None, say("the text to be blanked was not kept in the first place"))
    try:
        _write(bench, street_address="")
    except NeedsAttention as error:
        return Finding(False, say("refused: {detail}", detail=error.detail))
    if _row_now(bench, CUSTOMER.intempus, _customer(bench)).get("street_address"):
        return Finding(False, say("accepted, but the text stayed"))
    return Finding(True, say("a text can be emptied"))


def timestamp_moves(bench: Bench) -> Finding:
    before, after = bench.once("stamps", lambda: _stamps(bench))
    if before is None or after is None:
        return Finding(False, say("customers carry no {field}", field=STAMP))
    moved = int(after) > int(before)
    return Finding(moved, say("a write gives a higher one") if moved else say("a write left it as it was"))


def timestamp_filter_honoured(bench: Bench) -> Finding:
    before, after = bench.once("stamps", lambda: _stamps(bench))
    record_id = _customer(bench)
    try:
        huge = _customers(bench, **{f"{STAMP}__gt": str(HUGE_STAMP)})
        if before is None or after is None:
            return Finding(
                False,
                say("customers carry no {field}; {count} rows above a value nothing has", field=STAMP, count=len(huge)),
            )
        since = _customers(bench, **{f"{STAMP}__gt": str(int(before))})
        beyond = _customers(bench, **{f"{STAMP}__gt": str(int(after))})
    except NeedsAttention as error:
        return Finding(False, say("refused: {detail}", detail=error.detail))
    is_in = [record_id in [str(row.get("id")) for row in rows] for rows in (since, beyond)]
    if huge or is_in != [True, False]:
        return Finding(False, say("{count} rows above a value nothing has: the filter is not kept", count=len(huge)))
    return Finding(True, say("the change is listed after the value before it, and not after its own"))


def _stamps(bench: Bench) -> tuple[Any, Any]:
    """The customer's change stamp before and after a write."""
    record_id = _customer(bench)
    before = _row_now(bench, CUSTOMER.intempus, record_id).get(STAMP)
    _write(bench, city="Probe")
    return before, _row_now(bench, CUSTOMER.intempus, record_id).get(STAMP)


def unknown_filter_ignored(bench: Bench) -> Finding:
    _customer(bench)
    try:
        rows = _customers(bench, no_such_field_probe="1", limit="1")
    except NeedsAttention as error:
        return Finding(False, say("refused: {detail}", detail=error.detail))
    if rows:
        return Finding(True, say("a filter on a field that does not exist gives everything"))
    return Finding(False, say("a filter on a field that does not exist gives nothing"))


EXPERIMENTS = (
    Experiment(System.UNICONTA, "insert_answers_row", say("an insert answers with the row"), insert_answers_row),
    Experiment(System.UNICONTA, "filter_honoured", say("$filter is kept"), filter_honoured),
    Experiment(System.UNICONTA, "put_merges", say("PUT keeps what is left out"), put_merges),
    Experiment(System.UNICONTA, "updated_at_present", say("UpdatedAt is there"), updated_at_present),
    Experiment(System.UNICONTA, "updated_at_filterable", say("UpdatedAt can be filtered on"), updated_at_filterable),
    Experiment(
        System.INTEMPUS,
        "creation_id_honoured_customer",
        say("creation_id is kept, {entity}", entity=entity_said("customer")),
        creation_id_honoured(CUSTOMER),
    ),
    Experiment(
        System.INTEMPUS,
        "creation_id_honoured_customer_group",
        say("creation_id is kept, {entity}", entity=entity_said("customer_group")),
        creation_id_honoured(CUSTOMER_GROUP),
    ),
    Experiment(
        System.INTEMPUS,
        f"{PATCH_CAPABILITY}customer",
        say("PATCH is taken, {entity}", entity=entity_said("customer")),
        patch_allowed(CUSTOMER),
    ),
    Experiment(
        System.INTEMPUS,
        f"{PATCH_CAPABILITY}customer_group",
        say("PATCH is taken, {entity}", entity=entity_said("customer_group")),
        patch_allowed(CUSTOMER_GROUP),
    ),
    Experiment(System.INTEMPUS, "blank_text_allowed", say("a text can be blanked"), blank_text_allowed),
    Experiment(System.INTEMPUS, "timestamp_moves", say("{field} moves at a write", field=STAMP), timestamp_moves),
    Experiment(
        System.INTEMPUS,
        "timestamp_filter_honoured",
        say("{field} filter is kept", field=STAMP),
        timestamp_filter_honoured,
    ),
    Experiment(System.INTEMPUS, "unknown_filter_ignored", say("an unknown filter is ignored"), unknown_filter_ignored),
)


def _rows(answer: Answer, name: str) -> list[Row]:
    """Raises RetryLater where the answer is no list of rows."""
    rows = answer.value.get(name) if isinstance(answer.value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RetryLater("unreadable_answer", f"no list of rows under {name}", is_outage=False)
    return rows


# --------------------------------------------------------------------------------------------- one probe


def check_may_probe(tenant_id: int, company_id: str) -> dict[System, Connection]:
    """The connections to probe. Raises NotReadyError unless this is the named test company; calls nothing.

    A paused company has been live, and its records are as real as before.
    """
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        rows = {row.system: row for row in Connection.objects.filter(tenant=tenant)}
    if tenant.state != Tenant.State.PREPARING:
        raise NotReadyError("probe_not_preparing")
    for system in System:
        if system.value not in rows:
            raise NotReadyError("connection_missing")
        row = rows[system.value]
        if row.state != Connection.State.WORKING or not row.pinned_company_id:
            raise NotReadyError(f"connection_{row.state}")
    if company_id.strip() != rows[System.UNICONTA.value].pinned_company_id:
        raise NotReadyError("probe_wrong_company")
    return {system: rows[system.value] for system in System}


def announce(connections: Mapping[System, Connection]) -> list[Said]:
    """What will be made and where, one sentence a line."""
    shown = {
        system: say(
            "{system} company {name} ({number})",
            system=Connection.System(system.value).label,
            name=row.pinned_company_name,
            number=row.pinned_company_id,
        )
        for system, row in connections.items()
    }
    return [
        say("In {company}: one debtor is made, and blocked at the end.", company=shown[System.UNICONTA]),
        say("In {company}: one or two customers are made, and inactive at the end;", company=shown[System.INTEMPUS]),
        say("one or two customer groups are made, and stay. Their names begin with Probe. Nothing is deleted."),
    ]


def probe(tenant_id: int, company_id: str) -> Iterator[Check]:
    """All experiments, one check each; stores the answers. Raises NotReadyError, see `check_may_probe`.

    No scope is open while it calls. An experiment without an answer leaves what was measured before.
    """
    check_may_probe(tenant_id, company_id)
    recorder = Recorder(tenant_id)
    connectors = {system: connector_for(tenant_id, system, recorder) for system in System}
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
    bench = Bench(
        connectors=connectors,
        started=f"{timezone.localtime():%Y-%m-%d %H:%M:%S}",
        tick={tenant.opt_in_field: tenant.opt_in_means != Tenant.OptInMeans.SYNC},
    )
    try:
        for system in connectors:
            yield from _probe_system(tenant_id, system, bench)
    finally:
        for connector in connectors.values():
            connector.close()
        recorder.flush()


def _probe_system(tenant_id: int, system: System, bench: Bench) -> Iterator[Check]:
    label = Connection.System(system.value).label
    try:
        bench.connectors[system].identify()  # the pinned company, or nothing is made
    except RemoteError as error:
        yield said(label, error)
        return
    try:
        for experiment in EXPERIMENTS:
            if experiment.system is system:
                yield _tried(tenant_id, label, experiment, bench)
    except ConnectionBroken as error:  # not once more: lock-out rules are unknown
        yield said(
            say("{system}, broken off, look for records called {name}", system=label, name=bench.name(system)), error
        )
        return
    yield from _tidy(label, system, bench)


def _tried(tenant_id: int, label: str, experiment: Experiment, bench: Bench) -> Check:
    name = say("{system}, {question}", system=label, question=experiment.question)
    try:
        finding = experiment.run(bench)
    except ConnectionBroken:
        raise
    except RemoteError as error:
        return said(say("{question}: unknown", question=name), error, warn)
    if finding.value is None:
        return warn(say("{question}: unknown", question=name), finding.seen)
    _store(tenant_id, experiment, finding.value)
    answer = say("{question}: yes", question=name) if finding.value else say("{question}: no", question=name)
    return ok(answer, finding.seen)


def _store(tenant_id: int, experiment: Experiment, value: bool) -> None:
    entry = {"value": value, "at": timezone.now().isoformat(timespec="seconds")}
    with tenant_scope(tenant_id):
        row = Connection.objects.select_for_update().get(tenant_id=tenant_id, system=experiment.system.value)
        row.capabilities = {**row.capabilities, experiment.name: entry}
        Connection.objects.filter(pk=row.pk).update(capabilities=row.capabilities)


def _tidy(label: str, system: System, bench: Bench) -> Iterator[Check]:
    """Set the customers of this and of broken-off probes inactive; list the groups of this one."""
    side = CUSTOMER.side(system)
    inactive = to_remote(CUSTOMER, system, {"active": False})
    connector = bench.connectors[system]
    name, count = say("{system}, left behind", system=label), 0
    values = {**inactive, **(bench.tick if side.is_flaggable else {})}
    try:
        for row in list(connector.read_all(side)):
            is_ours = NAME.fullmatch(str(row.get(side.name_field) or "")) is not None
            if is_ours and not inactive.items() <= dict(row).items():
                record_id = str(row[side.id_field])
                connector.update(side, record_id, values, is_as_planned=lambda _: True, stamp=None)
                count += 1
        groups = [
            str(row[CUSTOMER_GROUP.side(system).id_field])
            for row in connector.read_all(CUSTOMER_GROUP.side(system))
            if row.get(CUSTOMER_GROUP.side(system).name_field) == bench.name(system)
        ]
    except RemoteError as error:
        yield said(say("{what}: look for the name {name}", what=name, name=bench.name(system)), error, failed)
        return
    yield ok(name, say("{count} inactive, called {name}", count=count, name=bench.name(system)))
    if groups:
        yield warn(
            name,
            say("customer group {numbers}", numbers=", ".join(groups)),
            say("Delete it by hand if it disturbs"),
        )
