"""The field watch (rule M5): the tick field and every mapped field of a table that appear, vanish or get another name.

A field that no row of a table carries any more is gone, not blank; a tick field that vanished never means "all un-ticked".
Creates and deactivations of the entity wait until a person has said what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.models import EntityPolicy, RecordLink
from mappings.spec import Entity, System
from sync.domain.context import Context, database_now
from sync.domain.doorbell import ring
from sync.models import ChangeEvent
from tenants.scoping import tenant_scope

FIELD_GONE = "field_disappeared"


def watch_flag(context: Context, entity: Entity, rows_have_flag: bool) -> bool:
    """Remember whether the table carries the tick field; a change on a live tenant holds the entity and asks a person.

    Returns whether the entity may go on. A flag that vanished never means "all un-ticked", one that appeared never
    means "none is ticked".
    """
    policy = context.policies[entity.name]
    if not entity.uniconta.is_flaggable:
        return not policy.hold_code
    if policy.has_flag is rows_have_flag:
        if not context.is_tick_known(entity):
            # As it was before: a right given back, or the tenant's setting follows the new name of the field.
            with tenant_scope(context.tenant_id):
                release_hold(policy, has_flag=rows_have_flag)
        return not policy.hold_code
    with tenant_scope(context.tenant_id):
        if policy.has_flag is None:
            EntityPolicy.objects.filter(pk=policy.pk).update(has_flag=rows_have_flag)
            policy.has_flag = rows_have_flag
            return True
        code = "flag_appeared" if rows_have_flag else "flag_disappeared"
        EntityPolicy.objects.filter(pk=policy.pk).update(hold_code=code, hold_detail=context.tenant.opt_in_field)
    policy.hold_code = code
    return False


def watch_fields(context: Context, entity: Entity, system: System, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare the mapped fields that a complete read shows with those seen before. Call it before the rows count.

    The remote leaves out what is empty (Uniconta API page 1.5), so a field counts as gone only while records are there
    that had a value in it.
    """
    present: set[str] = set()
    for row in rows:
        present.update(row)
    policy = context.policies[entity.name]
    if not present or policy.pk is None:
        return
    attributes = {attribute.field_on(system): attribute.name for attribute in entity.attributes}
    seen, gone_before = set(policy.fields_seen.get(system.value, [])), set(policy.fields_gone.get(system.value, []))
    missing = (seen & attributes.keys()) - present
    gone = {
        name for name in missing if name in gone_before or _had_values(context, entity, system, attributes[name], rows)
    }
    seen = (seen - missing) | gone | (present & attributes.keys())
    found = {"fields_seen": sorted(seen), "fields_gone": sorted(gone), "fields_returned": sorted(present | seen - gone)}
    if all(getattr(policy, column).get(system.value) == names for column, names in found.items()):
        return
    for column, names in found.items():
        setattr(policy, column, getattr(policy, column) | {system.value: names})
    with tenant_scope(context.tenant_id):
        EntityPolicy.objects.filter(pk=policy.pk).update(**{column: getattr(policy, column) for column in found})
        if gone - gone_before and policy.hold_code in ("", FIELD_GONE):
            policy.hold_code, policy.hold_detail = FIELD_GONE, ", ".join(all_gone(policy))
            EntityPolicy.objects.filter(pk=policy.pk).update(hold_code=FIELD_GONE, hold_detail=policy.hold_detail)
        elif policy.hold_code == FIELD_GONE and not all_gone(policy):
            release_hold(policy)  # they are back, or the rule follows the new name


def all_gone(policy: EntityPolicy) -> list[str]:
    """Remote names of the fields that no row carries any more."""
    return sorted({name for names in policy.fields_gone.values() for name in names})


def _had_values(
    context: Context, entity: Entity, system: System, attribute: str, rows: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether one of these rows had a value there when it was last read, alone or with others."""
    blank = entity.attribute(attribute).transform_on(system).read(None)
    base = f"{system}_base"
    with tenant_scope(context.tenant_id):
        known = RecordLink.objects.filter(
            tenant_id=context.tenant_id, entity=entity.name, **{f"{base}__has_key": attribute}
        )
        known = known.exclude(**{f"{base}__{attribute}": blank})
        filled = {
            record_id
            for record_id, seen in known.values_list(f"{system}_id", f"{system}_seen")
            if seen is None or seen.get(attribute, blank) != blank  # not: emptied by hand, and held by the brake
        }
    return any(str(row.get(entity.side(system).id_field)) in filled for row in rows)


def release_hold(policy: EntityPolicy, *, has_flag: bool | None = None) -> None:
    """The entity goes on: what waited is read again and planned with what is there now. Call inside a scope."""
    now = database_now()
    ChangeEvent.objects.filter(
        tenant_id=policy.tenant_id, entity=policy.entity, state=ChangeEvent.State.WAITING, waits_for=policy.hold_code
    ).update(state=ChangeEvent.State.PENDING, waits_for="", due_at=now, received_at=now)
    if has_flag is not None:
        policy.has_flag = has_flag
    policy.hold_code, policy.hold_detail = "", ""
    EntityPolicy.objects.filter(pk=policy.pk).update(has_flag=policy.has_flag, hold_code="", hold_detail="")
    ring(policy.tenant_id)
