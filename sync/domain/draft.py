"""What a tenant's own fields would do, before they are saved: to one record, or to all. Nothing is written anywhere."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mappings.engine import read_value, to_remote, write_value
from mappings.entities import ENTITIES
from mappings.models import OwnFields, RecordLink
from mappings.spec import Attribute, DeclarationError, Direction, Entity, System
from mappings.transforms import MappingError
from sync.connectors.base import Row
from sync.connectors.errors import RemoteError
from sync.connectors.masking import mask_personal_numbers
from sync.domain.brake import classify, limit_for
from sync.domain.connections import NotReadyError, Recorder
from sync.domain.context import Context, database_now
from sync.domain.decide import Item, plan_items
from sync.domain.first_matching import preparing_context
from sync.domain.observe import note_seen, read_row
from sync.domain.runs import fail_run, finish_run, progress, start
from sync.models import Run
from tenants.scoping import tenant_scope

CHUNK = 500
#: So many altered records are kept with the run, to look through; all are counted.
SHOWN = 1_000


def draft_run(
    tenant_id: int, kind: str, entity: str, draft: OwnFields, attribute: str, user_id: int | None, link_id: int | None
) -> Run:
    """A run that looks at this draft; the caller starts it. The draft lives in the run, and in no table of rules."""
    return Run(
        tenant_id=tenant_id,
        kind=kind,
        entity=entity,
        link_id=link_id,
        requested_by_id=user_id,
        result={"draft": draft.as_json(), "attribute": attribute},
    )


def try_out(tenant_id: int, run_id: int) -> None:
    """One attribute of one record by the draft of a run: source, canonical value, target, in each direction it goes."""
    _carry_out(tenant_id, run_id, _try_out)


def preview_effect(tenant_id: int, run_id: int) -> None:
    """Which records the draft of a run would alter, and how, from a complete reading of both systems.

    `result["held"]`: what the brake would hold of it, [{"kind", "count", "limit"}, …].
    """
    _carry_out(tenant_id, run_id, _preview_effect)


def _carry_out(tenant_id: int, run_id: int, work: Any) -> None:
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return
    recorder = Recorder(tenant_id, run)
    try:
        context = preparing_context(tenant_id, recorder)
        drafted = OwnFields.from_json(run.result["draft"]).laid_over(ENTITIES[run.entity])
        work(run, context, drafted)
    except NotReadyError as error:
        fail_run(run, error.code)
    except RemoteError as error:
        fail_run(run, error.code, error.detail)
    except DeclarationError as error:
        fail_run(run, "own_fields_contradict", str(error))
    finally:
        recorder.flush()


# ------------------------------------------------------------------------------------------------ one record


def _try_out(run: Run, context: Context, drafted: Entity) -> None:
    with tenant_scope(context.tenant_id):
        link = RecordLink.objects.get(tenant_id=context.tenant_id, pk=run.link_id or 0)
    rows: dict[System, Row | None] = {system: _read_one(context, drafted, system, link) for system in System}
    name = run.result["attribute"]
    attribute = next((each for each in drafted.attributes if each.name == name), None)
    journeys = []
    for source in System:
        row = rows[source]
        if (
            attribute is None
            or row is None
            or (source is System.INTEMPUS and attribute.direction is not Direction.BOTH)
        ):
            continue
        journeys.append(_journey(attribute, source, row, rows[source.other]))
    finish_run(run, counts={"read": sum(row is not None for row in rows.values())}, result={"journeys": journeys})


def _read_one(context: Context, entity: Entity, system: System, link: RecordLink) -> Row | None:
    record_id = link.remote_id(system)
    if not record_id:
        return None
    return context.connectors[system].read_by_ids(entity.side(system), [record_id]).get(record_id)


def _journey(attribute: Attribute, source: System, row: Row, other: Row | None) -> dict[str, Any]:
    """What becomes of one value on its way, or why it does not arrive. Personal numbers are masked before they are kept."""
    target = source.other
    told: dict[str, Any] = {
        "source": source.value,
        "source_field": attribute.field_on(source),
        "raw": _shown(row.get(attribute.field_on(source))),
        "target": target.value,
        "target_field": attribute.field_on(target),
        "stands": _shown(other.get(attribute.field_on(target))) if other is not None else None,
    }
    try:
        value = read_value(attribute, source, row)
        told["canonical"] = _shown(value)
        # A reference travels as the other system's id of the same record; what it is called here tells more.
        told["written"] = _shown(value if attribute.reference else write_value(attribute, target, value))
    except MappingError as error:
        told |= {"error_code": error.code, "error_detail": mask_personal_numbers(str(error))}
    return told


def _shown(value: Any) -> Any:
    return value if isinstance(value, bool | int) else mask_personal_numbers("" if value is None else str(value))


# ------------------------------------------------------------------------------------------------ all records


@dataclass(frozen=True)
class _Side:
    """One way to see the records: as the rows stand, or as the draft has them."""

    context: Context
    entity: Entity
    forgets: frozenset[str]  # attributes whose bases the change would make worthless


def _preview_effect(run: Run, context: Context, drafted: Entity) -> None:
    stored = context.entities[run.entity]
    with tenant_scope(context.tenant_id):
        read_at = database_now()
    rows: dict[System, dict[str, Row]] = {}
    for system in System:
        side = stored.side(system)
        rows[system] = {str(row[side.id_field]): row for row in context.connectors[system].read_all(side)}
    now = _Side(context, stored, frozenset())
    then = _Side(
        replace(context, entities={**context.entities, run.entity: drafted}), drafted, _changed(stored, drafted)
    )
    with tenant_scope(context.tenant_id):
        links = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=run.entity).order_by("pk")
        ids = list(links.values_list("pk", flat=True))
    effects: list[dict[str, Any]] = []
    counts = {"records": 0, "altered": 0, "needs_attention": 0}
    drastic: Counter[str] = Counter()
    for begin in range(0, len(ids), CHUNK):
        with tenant_scope(context.tenant_id):
            chunk = list(links.filter(pk__in=ids[begin : begin + CHUNK]))
            pairs = list(zip(_planned(now, chunk, rows, read_at), _planned(then, chunk, rows, read_at), strict=True))
        for before, after in pairs:
            counts["records"] += 1
            if (effect := _effect(stored, before, drafted, after)) is None:
                continue
            counts["altered"] += 1
            counts["needs_attention"] += bool(effect["error_code"])
            drastic.update(after.brakes)
            if len(effects) < SHOWN:
                effects.append(effect)
        progress(run, begin + len(chunk), len(ids))
    run.done = run.total = len(ids)
    with tenant_scope(context.tenant_id):
        limit = limit_for(context, drafted)
    held = [{"kind": kind, "count": count, "limit": limit} for kind, count in drastic.items() if count > limit]
    finish_run(run, counts=counts, result={"effects": effects, "held": held})


def _changed(stored: Entity, drafted: Entity) -> frozenset[str]:
    before, after = ({each.name: each for each in entity.attributes} for entity in (stored, drafted))
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _planned(
    way: _Side, links: list[RecordLink], rows: Mapping[System, Mapping[str, Row]], read_at: datetime
) -> Iterator[Item]:
    """Plans for copies of these links, as if the rows had been read just now. Call inside a scope."""
    items = [Item(_as_read(way, link, rows, read_at)) for link in links]
    plan_items(way.context, way.entity, items)
    classify(way.context, way.entity, items)
    yield from items


def _as_read(way: _Side, stored: RecordLink, rows: Mapping[System, Mapping[str, Row]], read_at: datetime) -> RecordLink:
    link = copy.copy(stored)
    for system in System:
        for column in (f"{system}_base", f"{system}_seen"):
            values = getattr(link, column)
            if values is not None:
                kept = {name: value for name, value in values.items() if name not in way.forgets}
                setattr(link, column, kept)
        row = rows[system].get(link.remote_id(system))
        if row is not None:
            note_seen(link, system, read_row(way.context, way.entity, system, row), read_at)
    return link


def _effect(stored: Entity, before: Item, drafted: Entity, after: Item) -> dict[str, Any] | None:
    """What would be written with the draft and not without it, and the other way round; None: the same."""
    was, would = _writes(stored, before), _writes(drafted, after)
    problem, new_problem = _problem(stored, before), _problem(drafted, after)
    if was == would and problem == new_problem:
        return None
    return {
        "label": str(after.link),
        "link": after.link.pk,
        "writes": [dict(would[key]) for key in would if was.get(key) != would[key]],
        "dropped": [dict(was[key]) for key in was if key not in would],
        "error_code": new_problem[0] if new_problem != problem else "",
        "error_detail": mask_personal_numbers(new_problem[1]) if new_problem != problem else "",
    }


def _writes(entity: Entity, item: Item) -> dict[tuple[str, str], dict[str, Any]]:
    """Target and field → what would be written there, spelled as it is now and as it would be."""
    return {
        (write.target.value, change.field): {
            "target": write.target.value,
            "action": write.action.value,
            "field": change.field,
            "old": _spelled(entity, write.target, change.field, change.old),
            "new": _spelled(entity, write.target, change.field, change.new),
        }
        for write in item.plan.writes
        for change in write.changes
    }


def _spelled(entity: Entity, system: System, name: str, value: Any) -> Any:
    """A canonical value in the words of that system, as far as the value maps know them."""
    words = dict(entity.attribute(name).translations) if system is System.INTEMPUS else {}
    return _shown(words.get(str(value), value))


def _problem(entity: Entity, item: Item) -> tuple[str, str]:
    """Why nothing can be sent for this record: by its plan, or because a field cannot hold the value."""
    if item.error is not None:
        return item.error.code, item.error.detail
    for write in item.plan.writes:
        try:
            to_remote(entity, write.target, write.values)
        except MappingError as error:
            return error.code, f"{error.field}: {error}"
    return "", ""


def find_record(tenant_id: int, entity: str, key: str) -> RecordLink | None:
    """The record with this number in either system; without a number the pair that changed last. Call inside a scope."""
    links = RecordLink.objects.filter(tenant_id=tenant_id, entity=entity).order_by("-changed_at")
    if not key:
        return links.exclude(uniconta_id="").exclude(intempus_id="").first() or links.first()
    return links.filter(uniconta_key=key).first() or links.filter(intempus_key=key).first()
