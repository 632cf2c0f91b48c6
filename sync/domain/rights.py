"""What the two log-ins must be allowed to do, and no more: derived from what is switched on, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.entities import ENTITIES
from mappings.entities.work_report import LINE, LISTS, REPORT, TRANSACTION
from mappings.models import EntityPolicy
from mappings.spec import System
from sync.domain.hooks import HOOKS, entities_in_use
from sync.domain.numbers import NUMBER_SERIES
from sync.domain.said import Said, entity_said, say


@dataclass(frozen=True)
class TableRight:
    """One table of one system. Everything is read; `changes` and `creates` where that is switched on; nothing is deleted."""

    system: System
    table: str  # in the system's own spelling
    what: Said
    changes: bool = False
    creates: bool = False


def rights_needed(policies: Mapping[str, EntityPolicy], *, with_hours: bool) -> list[TableRight]:
    """By system and table. Without any policy: what all kinds of records would need as they come."""
    if not any(policy.enabled for policy in policies.values()):
        policies = {name: EntityPolicy(entity=name) for name, entity in ENTITIES.items() if not entity.is_on_demand}
    found = [
        TableRight(
            system,
            entity.side(system).resource,
            entity_said(entity.name),
            changes=_may(policies, entity.name, "to_intempus" if system is System.INTEMPUS else "to_uniconta"),
            creates=_may(policies, entity.name, f"create_in_{system}"),
        )
        for system in System
        for entity in entities_in_use(policies)
    ]
    found.append(
        TableRight(System.UNICONTA, HOOKS.resource, say("Change URLs; only if we shall create them"), creates=True)
    )
    if any(policy.enabled and policy.number_series for policy in policies.values()):
        found.append(TableRight(System.UNICONTA, NUMBER_SERIES.resource, say("Number series"), changes=True))
    known = {(right.system, right.table) for right in found}
    if with_hours:
        sides = {(side.system, side.resource): side for side in (REPORT, TRANSACTION, *LISTS.values())}
        found += [TableRight(*key, say("Hours")) for key in sides if key not in known]
        found.append(TableRight(LINE.system, LINE.resource, say("Hours"), changes=True, creates=True))
    return sorted(found, key=lambda right: (right.system != System.UNICONTA, right.table))


def _may(policies: Mapping[str, EntityPolicy], entity: str, what: str) -> bool:
    """Groups have no policy: they follow the records that use them, to Intempus only."""
    policy = policies.get(entity)
    if policy is not None:
        return bool(getattr(policy, what))
    return what in ("to_intempus", "create_in_intempus")
