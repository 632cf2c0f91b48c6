"""What one piece of work knows about its tenant: settings, policies and rules, read once, valid outside any scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from mappings.engine import ConflictPolicy, Policy
from mappings.entities import ENTITIES
from mappings.models import NOT_MATCHED, EntityPolicy, FieldRule, ValueMap
from mappings.rules import with_rules
from mappings.spec import Entity, System
from sync.connectors.base import Connector
from sync.domain.connections import Recorder, open_both
from sync.models import Cursor
from tenants.models import Connection, Tenant
from tenants.scoping import tenant_scope

#: Names a record for `creation_id`; never change it, or repeated creates would look like new ones.
CREATION_IDS = uuid.UUID("5a3f4a0e-6c1b-4c56-9d3f-0d6f1f6f2a11")


@dataclass(frozen=True)
class Context:
    tenant: Tenant
    entities: Mapping[str, Entity]
    policies: Mapping[str, EntityPolicy]
    companies: Mapping[str, str]  # system → pinned company id
    connectors: Mapping[System, Connector]
    recorder: Recorder
    #: Systems whose connection was in trouble during this piece of work: nothing more is sent.
    troubled: set[System] = field(default_factory=set)
    #: Systems that could not be read for longer than two pull intervals before this piece of work (rule M4).
    gaps: frozenset[System] = frozenset()
    loaded_at: datetime = field(default_factory=timezone.now)
    #: The brake's look ahead, once per piece of work: entity → kind → links of pending events that would get it.
    forecasts: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    #: Rows of Intempus stored during this piece of work: entity → id → stamp. Every pull reads the last minutes again.
    stored: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def tenant_id(self) -> int:
        return int(self.tenant.pk)

    def policy(self, entity: Entity) -> Policy:
        row = self.policies[entity.name]
        return Policy(
            enabled=row.enabled,
            to_intempus=row.to_intempus,
            to_uniconta=row.to_uniconta,
            create_in_intempus=row.create_in_intempus,
            create_in_uniconta=row.create_in_uniconta,
            conflict=ConflictPolicy(self.tenant.conflict_policy),
            default_group=row.default_group,
            phases=frozenset(row.phases),
            deactivates_on_uniconta_delete=row.on_uniconta_delete == EntityPolicy.OnUnicontaDelete.DEACTIVATE,
            blocks_on_intempus_delete=row.on_intempus_delete == EntityPolicy.OnIntempusDelete.BLOCK,
        )

    def is_on(self, name: str) -> bool:
        """Whether an entity synchronises at all for this tenant."""
        return name in self.entities and self.policies[name].enabled

    def creation_id(self, entity: Entity, uniconta_id: str, generation: int = 1) -> str:
        """The same for every try to create one record in Intempus, and never derived from a database key."""
        name = "/".join(
            (self.companies["intempus"], entity.name, self.companies["uniconta"], uniconta_id, str(generation))
        )
        return str(uuid.uuid5(CREATION_IDS, name))

    def is_ticked(self, entity: Entity, row: Mapping[str, Any]) -> bool | None:
        """Whether a Uniconta row synchronises, by the tenant's own polarity; None where the table has no such field.

        In a table known to carry the field, a row without it is one whose field is empty.
        """
        name = self.tenant.opt_in_field
        if not entity.uniconta.is_flaggable or (name not in row and not self.policies[entity.name].has_flag):
            return None
        return bool(row.get(name)) is (self.tenant.opt_in_means == Tenant.OptInMeans.SYNC)

    def is_tick_known(self, entity: Entity) -> bool:
        """False while a person has yet to say what became of the field (field watch, M5)."""
        return not self.policies[entity.name].hold_code.startswith("flag_")

    def gone_attributes(self, entity: Entity, *systems: System) -> frozenset[str]:
        """Attributes whose field no row of the table carries any more in one of these systems (field watch, M5)."""
        gone = self.policies[entity.name].fields_gone
        return frozenset(
            attribute.name
            for attribute in entity.attributes
            if any(attribute.field_on(system) in gone.get(system.value, ()) for system in systems)
        )

    def tick(self) -> dict[str, bool]:
        """The flag as a record created by us carries it."""
        return {self.tenant.opt_in_field: self.tenant.opt_in_means == Tenant.OptInMeans.SYNC}


def open_context(tenant_id: int, recorder: Recorder) -> Context:
    """What work for a live tenant needs, with both its connectors. Raises NotReadyError."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        connections = list(Connection.objects.filter(tenant_id=tenant_id))
        connectors = open_both(tenant, connections, recorder)
        assert tenant is not None
        policies = load_policies(tenant.pk)
        for policy in policies.values():
            policy.enabled = policy.enabled and policy.hold_code != NOT_MATCHED  # for this piece of work, never stored
        return _load(tenant, connections, connectors, recorder, policies)


def load_context(tenant_id: int, connectors: Mapping[System, Connector], recorder: Recorder) -> Context:
    """The same in whatever state the tenant and its connections are. Call inside a scope."""
    connections = Connection.objects.filter(tenant_id=tenant_id)
    return _load(Tenant.objects.get(pk=tenant_id), connections, connectors, recorder, load_policies(tenant_id))


def load_policies(tenant_id: int) -> dict[str, EntityPolicy]:
    return {policy.entity: policy for policy in EntityPolicy.objects.filter(tenant_id=tenant_id)}


def _load(
    tenant: Tenant,
    connections: Iterable[Connection],
    connectors: Mapping[System, Connector],
    recorder: Recorder,
    policies: dict[str, EntityPolicy],
) -> Context:
    rules, translations = FieldRule.objects.filter(tenant=tenant), ValueMap.objects.filter(tenant=tenant)
    entities = {}
    for name, declared in ENTITIES.items():
        # A group needs no row of its own: it follows the records that use it.
        users = [user for user in policies if any(name == a.reference for a in ENTITIES[user].references)]
        if name not in policies and not (declared.is_on_demand and users):
            continue
        policies.setdefault(name, EntityPolicy(tenant_id=tenant.pk, entity=name))
        entities[name] = with_rules(
            declared,
            [rule for rule in rules if rule.entity == name],
            [translation for translation in translations if translation.entity == name],
        ).without(_pointing_to_what_is_off(declared, policies))
    return Context(
        tenant=tenant,
        entities=entities,
        policies=policies,
        companies={row.system: row.pinned_company_id or row.company_id for row in connections},
        connectors=connectors,
        recorder=recorder,
        gaps=_gaps(tenant),
    )


def _pointing_to_what_is_off(entity: Entity, policies: Mapping[str, EntityPolicy]) -> frozenset[str]:
    """References that a record can do without, to entities that are not switched on: nothing will ever be there."""
    return frozenset(
        attribute.name
        for attribute in entity.references
        if not (attribute.is_mandatory or attribute.reference == entity.name)
        and not ENTITIES[attribute.reference].is_on_demand
        and not (attribute.reference in policies and policies[attribute.reference].enabled)
    )


def longest_silence(tenant: Tenant) -> timedelta:
    """What is older than this is a gap, not the rhythm of pulls."""
    return 2 * timedelta(minutes=tenant.pull_minutes)


def _gaps(tenant: Tenant) -> frozenset[System]:
    last = Cursor.objects.filter(tenant=tenant).aggregate(intempus=Max("read_at"), uniconta=Max("uniconta_read_at"))
    limit = timezone.now() - longest_silence(tenant)
    return frozenset(system for system in System if (at := last[system.value]) is not None and at < limit)


def database_now() -> datetime:
    """The database's clock: all instants that are compared with each other come from it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
