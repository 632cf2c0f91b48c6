"""What would happen, without anything happening: the same reading, matching and planning, rolled back at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db import transaction

from mappings.engine import Plan
from mappings.models import RecordLink
from mappings.spec import Entity, System
from sync.connectors.errors import RemoteError
from sync.domain.connections import NotReadyError, Recorder
from sync.domain.context import Context, database_now
from sync.domain.decide import find_matches, load_items, needed_references, plan_items
from sync.domain.first_matching import count_categories, preparing_context
from sync.domain.observe import observe
from sync.domain.push import describe, foresee
from sync.domain.runs import fail_run, finish_run, start
from sync.models import ChangeEvent
from tenants.scoping import tenant_scope

T = TypeVar("T")


@dataclass(frozen=True)
class Previewed:
    """One record and what would be done with it; `error` says why nothing can be."""

    label: str
    link_id: int
    plan: Plan
    error_code: str = ""
    error_detail: str = ""


@dataclass(frozen=True)
class Preview:
    """What would happen to all records of an entity. `matches`: category of the first matching → records or pairs."""

    records: list[Previewed]
    matches: Mapping[str, int]


def preview_entity(tenant_id: int, entity_name: str) -> Preview:
    """Plans for every record of an entity from a complete read of both sides. Raises RemoteError.

    Everything written on the way is rolled back, so a preview leaves no trace in our tables either.
    """
    recorder = Recorder(tenant_id)
    context = preparing_context(tenant_id, recorder)
    needed = [
        entity
        for entity in context.entities.values()
        if entity.name == entity_name
        or any(entity.name == ref.reference for ref in context.entities[entity_name].references)
    ]
    rows = {
        (entity.name, system): list(context.connectors[system].read_all(entity.side(system)))
        for entity in needed
        for system in System
    }

    def compute() -> Preview:
        for entity in needed:
            for system in System:
                observe(
                    context,
                    entity,
                    system,
                    rows[entity.name, system],
                    database_now(),
                    origin=ChangeEvent.Origin.PERSON,
                    stores_events=False,
                )
        entity = context.entities[entity_name]
        context.policies[entity.name].loaded_at = context.policies[entity.name].loaded_at or database_now()
        matches = count_categories(context, entity)
        links = RecordLink.objects.filter(tenant_id=tenant_id, entity=entity_name).values_list("pk", flat=True)
        return Preview(list(_plan(context, entity, list(links))), matches)

    return _rolled_back(tenant_id, compute)


def preview_record(tenant_id: int, link_id: int) -> Previewed:
    """The plan for one record from a fresh read of both its sides. Raises RemoteError; leaves no trace."""
    recorder = Recorder(tenant_id)
    context = preparing_context(tenant_id, recorder)
    with tenant_scope(tenant_id):
        link = RecordLink.objects.get(pk=link_id)
    entity = context.entities[link.entity]
    rows = {
        system: context.connectors[system].read_by_ids(entity.side(system), [link.remote_id(system)])
        for system in System
        if link.remote_id(system)
    }
    recorder.flush()

    def compute() -> Previewed:
        for system, found in rows.items():
            now = database_now()
            observe(context, entity, system, found.values(), now, origin=ChangeEvent.Origin.PERSON, stores_events=False)
            if link.remote_id(system) not in found:
                RecordLink.objects.filter(pk=link_id).update(**{f"is_gone_in_{system}": True})
        [previewed] = _plan(context, entity, [link_id])
        return previewed

    return _rolled_back(tenant_id, compute)


def _rolled_back(tenant_id: int, compute: Callable[[], T]) -> T:
    with tenant_scope(tenant_id):
        result = compute()
        transaction.set_rollback(True)
    return result


def _plan(context: Context, entity: Entity, links: list[int]) -> Iterator[Previewed]:
    items = load_items(links, {})
    items = find_matches(context, entity, items)
    needed = needed_references(context, entity, items)
    plan_items(context, entity, items)
    foresee(context, entity, items)
    for item in items:
        yield Previewed(
            label=str(item.link),
            link_id=item.link.pk,
            # A group that is not there yet would be created first; the preview says so instead of "missing".
            plan=_with_created_groups(item.plan, needed),
            error_code=item.error.code if item.error else "",
            error_detail=item.error.detail if item.error else "",
        )


def _with_created_groups(plan: Plan, needed: dict[str, dict[str, str]]) -> Plan:
    created = [f"creates_{entity}" for _, entity, key in plan.unresolved if key in needed.get(entity, {})]
    if not created:
        return plan
    return replace(plan, notes=tuple(note for note in plan.notes if note != "reference_missing") + tuple(created))


def preview(tenant_id: int, run_id: int) -> None:
    """Preview one record as a run, for the console's button."""
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return
    try:
        assert run.link_id is not None
        previewed = preview_record(run.tenant_id, run.link_id)
    except NotReadyError as error:
        fail_run(run, error.code)
        return
    except RemoteError as error:
        fail_run(run, error.code, error.detail)
        return
    finish_run(run, result=_as_json(previewed))


def _as_json(previewed: Previewed) -> dict[str, Any]:
    plan = previewed.plan
    return {
        "label": previewed.label,
        "outcome": plan.outcome.value,
        "reason": plan.reason,
        "error_code": previewed.error_code,
        "error_detail": previewed.error_detail,
        "writes": [
            {"target": write.target.value, "action": write.action.value, **describe(plan, write)}
            for write in plan.writes
        ],
        **describe(plan),
    }
