"""The field watch (rule M5): the tick field and every mapped field of a table that appear, vanish or get another name.

A field that no row of a table carries any more is gone, not blank; a tick field that vanished never means "all un-ticked".
Creates and deactivations of the entity wait until a person has said what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from mappings.models import NOT_MATCHED, EntityPolicy, RecordLink
from mappings.spec import Entity, System
from sync.domain.context import Context, database_now
from sync.domain.doorbell import ring
from sync.domain.references import waiting_on
from sync.models import ChangeEvent
from tenants.scoping import tenant_scope

FIELD_GONE = "field_disappeared"
HOLD_CODES = ("flag_appeared", "flag_disappeared", FIELD_GONE)
#: What this module notes on a policy.
WATCHED = ("has_flag", "fields_seen", "fields_gone", "fields_returned", "hold_code", "hold_detail")


def watch_flag(context: Context, entity: Entity, rows_have_flag: bool) -> bool:
    """Remember whether the table carries the tick field; a change on a live tenant holds the entity and asks a person.

    Returns whether the entity may go on. A flag that vanished never means "all un-ticked", one that appeared never means "none is ticked".
    """
    with _locked(context, entity) as policy:
        _note_flag(context, entity, policy, rows_have_flag)
    return not policy.hold_code


def watch_fields(context: Context, entity: Entity, system: System, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare the mapped fields that a complete read shows with those seen before. Call it before the rows count.

    The remote leaves out what is empty (Uniconta API page 1.5), so a field counts as gone only while records are there
    that had a value in it.
    """
    if any(rows):
        with _locked(context, entity) as policy:
            _note_fields(context, entity, system, policy, rows)


def watch_table(context: Context, entity: Entity, rows: Sequence[Mapping[str, Any]]) -> None:
    """Both, over a whole table of Uniconta. An empty one says nothing."""
    if any(rows):
        with _locked(context, entity) as policy:
            _note_flag(context, entity, policy, any(context.tenant.opt_in_field in row for row in rows))
            _note_fields(context, entity, System.UNICONTA, policy, rows)


def _note_flag(context: Context, entity: Entity, policy: EntityPolicy, rows_have_flag: bool) -> None:
    if not entity.uniconta.is_flaggable:
        return
    if policy.has_flag is None or policy.hold_code == NOT_MATCHED:
        policy.has_flag = rows_have_flag
    elif policy.has_flag is not rows_have_flag:
        policy.hold_code = "flag_appeared" if rows_have_flag else "flag_disappeared"
        policy.hold_detail = context.tenant.opt_in_field
    elif not context.is_tick_known(entity):
        # As it was before: a right given back, or the tenant's setting follows the new name of the field.
        release_hold(policy)


@contextmanager
def _locked(context: Context, entity: Entity) -> Iterator[EntityPolicy]:
    """The policy as it stands now; what is changed on it is stored at the end.

    This read may have begun before another one, or a person, noted something else. A group without a row of its own
    has nothing to note.
    """
    policy = context.policies[entity.name]
    with tenant_scope(context.tenant_id):
        if policy.pk is not None:
            policy.refresh_from_db(fields=WATCHED, from_queryset=EntityPolicy.objects.select_for_update())
        before = {name: copy(getattr(policy, name)) for name in WATCHED}
        yield policy
        noted = {name: getattr(policy, name) for name in WATCHED if getattr(policy, name) != before[name]}
        if noted and policy.pk is not None:
            EntityPolicy.objects.filter(pk=policy.pk).update(**noted)


def _note_fields(
    context: Context, entity: Entity, system: System, policy: EntityPolicy, rows: Sequence[Mapping[str, Any]]
) -> None:
    present: set[str] = set()
    for row in rows:
        present.update(row)
    attributes = {attribute.field_on(system): attribute.name for attribute in entity.attributes}
    seen = set(policy.fields_seen.get(system.value, []))
    gone_before = set(policy.fields_gone.get(system.value, []))
    missing = (seen & attributes.keys()) - present
    gone = {
        name for name in missing if name in gone_before or _had_values(context, entity, system, attributes[name], rows)
    }
    seen = (seen - missing) | gone | (present & attributes.keys())
    policy.fields_seen |= {system.value: sorted(seen)}
    policy.fields_gone |= {system.value: sorted(gone)}
    policy.fields_returned |= {system.value: sorted(present | seen - gone)}
    if gone - gone_before and policy.hold_code in ("", FIELD_GONE):
        policy.hold_code, policy.hold_detail = FIELD_GONE, ", ".join(all_gone(policy))
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


def release_hold(policy: EntityPolicy) -> None:
    """The entity goes on: what waited is read again and planned with what is there now.

    Call inside a scope, with the policy's row locked, and store the policy.
    """
    now = database_now()
    waiting_on(policy.tenant_id, policy.hold_code, policy.entity).update(
        state=ChangeEvent.State.PENDING, waits_for="", due_at=now, received_at=now
    )
    policy.hold_code, policy.hold_detail = "", ""
    ring(policy.tenant_id)


def forget_fields(policy: EntityPolicy, system: System) -> None:
    """The tenant leaves its company in this system: nothing is known of the next one's fields. Not stored here."""
    for fields in (policy.fields_seen, policy.fields_gone, policy.fields_returned):
        fields.pop(system.value, None)
    if system is System.UNICONTA:
        policy.has_flag = None
    if policy.hold_code == FIELD_GONE:
        policy.hold_detail = ", ".join(all_gone(policy))
        policy.hold_code = FIELD_GONE if policy.hold_detail else ""
    elif system is System.UNICONTA:
        policy.hold_code = policy.hold_detail = ""


def accept(policy_id: int, code: str) -> EntityPolicy | None:
    """A person says that what `code` asks about is meant; None when that is not the question any more.

    What is gone is not carried any more, until it is back. Call inside a scope.
    """
    policy = EntityPolicy.objects.select_for_update().filter(pk=policy_id, hold_code=code).exclude(hold_code="").first()
    if policy is None:
        return None
    if code != FIELD_GONE:
        policy.has_flag = code == "flag_appeared"
    release_hold(policy)
    EntityPolicy.objects.filter(pk=policy.pk).update(has_flag=policy.has_flag, hold_code="", hold_detail="")
    return policy
