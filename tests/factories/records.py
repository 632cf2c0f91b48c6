"""What belongs to a tenant's records: policies, links, change events, runs, log entries."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from mappings.models import EntityPolicy, HoursPolicy, RecordLink
from sync.models import ChangeEvent, HeldSet, Run, SyncLogEntry
from tenants.models import Tenant
from tenants.scoping import tenant_scope

_numbers = count(1)


def make_policy(tenant: Tenant, entity: str = "customer", **values: Any) -> EntityPolicy:
    with tenant_scope(tenant.pk):
        return EntityPolicy.objects.create(tenant=tenant, entity=entity, **values)


def make_hours_policy(tenant: Tenant, **values: Any) -> HoursPolicy:
    defaults = {"journal": "Intempus", "transfer_from": date(2027, 1, 1)}
    with tenant_scope(tenant.pk):
        return HoursPolicy.objects.create(tenant=tenant, **(defaults | values))


def make_link(tenant: Tenant, entity: str = "customer", **values: Any) -> RecordLink:
    """A pair in sync, known on both sides; say `intempus_id=""` for one that is not linked."""
    number = next(_numbers)
    defaults = {
        "uniconta_id": str(number),
        "uniconta_key": f"{10000 + number}",
        "intempus_id": str(500000 + number),
        "intempus_key": f"{10000 + number}",
        "name": f"Record {number}",
        "state": RecordLink.State.IN_SYNC,
    }
    with tenant_scope(tenant.pk):
        return RecordLink.objects.create(tenant=tenant, entity=entity, **(defaults | values))


def make_event(tenant: Tenant, entity: str = "customer", system: str = "uniconta", **values: Any) -> ChangeEvent:
    values.setdefault("origin", ChangeEvent.Origin.WEBHOOK)
    with tenant_scope(tenant.pk):
        return ChangeEvent.objects.create(tenant=tenant, entity=entity, system=system, **values)


def make_run(tenant: Tenant, kind: str = Run.Kind.PULL, **values: Any) -> Run:
    with tenant_scope(tenant.pk):
        return Run.objects.create(tenant=tenant, kind=kind, **values)


def make_held_set(tenant: Tenant, entity: str = "customer", **values: Any) -> HeldSet:
    with tenant_scope(tenant.pk):
        return HeldSet.objects.create(tenant=tenant, entity=entity, **({"kind": "deactivate", "count": 30} | values))


def make_log_entry(link: RecordLink, **values: Any) -> SyncLogEntry:
    values.setdefault("action", SyncLogEntry.Action.UPDATE)
    values.setdefault("state", SyncLogEntry.State.DONE)
    with tenant_scope(link.tenant_id):
        return SyncLogEntry.objects.create(tenant_id=link.tenant_id, link_id=link.pk, entity=link.entity, **values)
