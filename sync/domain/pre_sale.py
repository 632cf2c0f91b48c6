"""The pre-sale check: both systems are read once, completely, and only counted. Nothing is written, and nothing is kept but
the counts and the numbers of some records that stand twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mappings.engine import match_keys, may_be_created, to_canonical
from mappings.entities import ENTITIES
from mappings.spec import Entity, System
from mappings.transforms import MappingError
from sync.connectors.base import Connector, Row
from sync.connectors.errors import ConnectionBroken, RemoteError
from sync.domain.connections import Recorder, connector_for
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.models import Run
from tenants.models import Connection, Tenant
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError

DAY_MINUTES = 24 * 60
EXAMPLES = 5


@dataclass
class Counted:
    """One table as read. `keys`: how many rows hold each of the keys that the matching goes by."""

    count: int = 0
    unreadable: int = 0
    ticked: int | None = None  # None: the table has no tick field
    keys: Counter[str] = field(default_factory=Counter)
    rows: list[tuple[str, frozenset[str], bool]] = field(default_factory=list)  # number, keys, in use

    @property
    def doubles(self) -> list[str]:
        """Numbers of the records that share a key with another one of the same system."""
        return [number for number, keys, _ in self.rows if any(self.keys[key] > 1 for key in keys)]


def pre_sale(tenant_id: int, run_id: int) -> Run | None:
    """Count all tables of all standard kinds of records. Returns the run; see `_result` for what it keeps."""
    run = begin(tenant_id, Run.Kind.PRE_SALE, run_id)
    if run is None:
        return None
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
    recorder = Recorder(tenant_id, run)
    connectors: dict[System, Connector] = {}
    counted: dict[tuple[str, System], Counted] = {}
    refused: list[dict[str, str]] = []
    try:
        for system in System:
            connectors[system] = connector_for(tenant_id, system, recorder)
            connectors[system].identify()
        entities = [entity for entity in ENTITIES.values() if not entity.is_on_demand]
        for done, (entity, system) in enumerate(((e, s) for e in entities for s in System), 1):
            try:
                rows = connectors[system].read_all(entity.side(system))
                counted[entity.name, system] = _count(entity, system, rows, tenant.opt_in_field)
            except ConnectionBroken:
                raise
            except RemoteError as error:  # a right that is missing is one of the findings
                refused.append({"entity": entity.name, "system": system.value, "code": error.code})
            progress(run, done, 2 * len(entities))
    except Connection.DoesNotExist:
        return fail_run(run, "connection_missing")
    except SecretError:
        return fail_run(run, "secret_sealed")
    except RemoteError as error:
        return fail_run(run, error.code, error.detail)
    finally:
        for connector in connectors.values():
            connector.close()
        recorder.flush()
    return finish_run(run, result=_result(tenant, entities, counted, refused))


def _count(entity: Entity, system: System, rows: Iterable[Row], opt_in_field: str) -> Counted:
    found = Counted()
    for row in rows:
        found.count += 1
        if opt_in_field in row and system is System.UNICONTA:
            found.ticked = (found.ticked or 0) + bool(row[opt_in_field])
        try:
            values = to_canonical(entity, system, row)
            keys = frozenset(match_keys(entity, system, values))
        except MappingError:
            found.unreadable += 1
            continue
        found.keys.update(keys)
        number = str(values.get(entity.key.name) or row.get(entity.side(system).id_field) or "")
        found.rows.append((number, keys, may_be_created(entity, values)))
    return found


def _result(
    tenant: Tenant,
    entities: Iterable[Entity],
    counted: dict[tuple[str, System], Counted],
    refused: list[dict[str, str]],
) -> dict[str, Any]:
    """What the run keeps.

    {"pre_sale": [{"entity", "uniconta", "intempus", "ticked", "alike", "unreadable", "doubles": {system: count},
    "examples": [numbers]}], "seats", "calls": {system: a day}, "refused": [{"entity", "system", "code"}]}
    """
    rows = []
    seats = 0
    for entity in entities:
        there = {system: counted.get((entity.name, system), Counted()) for system in System}
        uniconta, intempus = there[System.UNICONTA], there[System.INTEMPUS]
        alike = [
            number
            for number, keys, _ in uniconta.rows
            if any(intempus.keys[key] == uniconta.keys[key] == 1 for key in keys)
        ]
        if entity.is_creation_costly:
            seats += sum(in_use and not any(intempus.keys[key] for key in keys) for _, keys, in_use in uniconta.rows)
        rows.append(
            {
                "entity": entity.name,
                "uniconta": uniconta.count,
                "intempus": intempus.count,
                "ticked": uniconta.ticked,
                "alike": len(alike),
                "unreadable": uniconta.unreadable + intempus.unreadable,
                "doubles": {system.value: len(there[system].doubles) for system in System},
                "examples": [number for system in System for number in there[system].doubles][:EXAMPLES],
            }
        )
    return {"pre_sale": rows, "seats": seats, "calls": _calls(tenant), "refused": refused}


def _calls(tenant: Tenant) -> dict[str, int]:
    """What the regular readings cost a day, by the company's intervals; each change comes on top with two or three."""
    kinds = len(ENTITIES)
    return {
        System.UNICONTA.value: DAY_MINUTES // max(1, tenant.sweep_minutes) * kinds,
        System.INTEMPUS.value: DAY_MINUTES // max(1, tenant.pull_minutes) * kinds,
    }
