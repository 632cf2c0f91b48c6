"""*Put back* (rule M4): an overwritten value is written to Uniconta, then to Intempus, as a person's change.

Refused, with both values, when the field moved since: then somebody knows better than the log.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import IntegrityError, transaction
from django.utils import timezone

from mappings.engine import Action, FieldChange, Outcome, Plan, Write
from mappings.models import RecordLink
from mappings.spec import Attribute, Direction, Entity, System, Value
from sync.domain.actions import audit, sync_now
from sync.domain.decide import Item
from sync.domain.timeline import entity_of
from sync.models import ChangeEvent, PutBack, SyncLogEntry

REASON = "put_back"


class CannotPutBackError(Exception):
    """`code` of the catalogue says why not."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def can_be_put_back(entity: Entity, field: str) -> bool:
    """Only what travels both ways: on a one-way field Uniconta's value is the value."""
    attribute = _attribute(entity, field)
    return attribute is not None and attribute.direction is Direction.BOTH and not attribute.reference


def _attribute(entity: Entity, field: str) -> Attribute | None:
    return next((attribute for attribute in entity.attributes if attribute.name == field), None)


def put_back(entry: SyncLogEntry, field: str, user_id: int | None) -> PutBack:
    """Note the wish and look at the record at once. Call inside a scope. Raises CannotPutBackError."""
    lost = next((change for change in entry.plan.get("overwritten", ()) if change["field"] == field), None)
    link = RecordLink.objects.filter(pk=entry.link_id).first()
    if lost is None or link is None or not link.is_linked:
        raise CannotPutBackError("put_back_no_record")
    entity = entity_of(entry.tenant_id, entry.entity)
    if entity is None or not can_be_put_back(entity, field):
        raise CannotPutBackError("put_back_one_way")
    try:
        with transaction.atomic():
            wish = PutBack.objects.create(
                tenant_id=entry.tenant_id,
                link=link,
                entry_id=entry.pk,
                field=field,
                value=lost["old"],
                stands=lost["new"],
                requested_by_id=user_id,
            )
    except IntegrityError:
        raise CannotPutBackError("put_back_on_its_way") from None
    audit(entry.tenant_id, user_id, "put_back", f"{link}: {field}")
    sync_now([link.pk], user_id)
    return wish


def lay_put_backs(entity: Entity, items: list[Item]) -> None:
    """Add what persons want back to the plans of these records, or refuse it. Call inside a fenced scope."""
    asked = {
        item.link.pk: item
        for item in items
        if item.error is None and any(event.origin == ChangeEvent.Origin.PERSON for event in item.events)
    }
    if not asked:
        return
    for wish in PutBack.objects.filter(link__in=asked, state=PutBack.State.OPEN).order_by("pk"):
        item = asked[wish.link_id]
        now = {system: (item.link.current(system) or {}).get(wish.field) for system in System}
        targets = [System(wish.target)] if wish.target else [System.UNICONTA, System.INTEMPUS]
        planned = [
            write.values[wish.field]
            for write in item.plan.writes
            if write.target in targets and wish.field in write.values
        ]
        standing = [now[target] for target in targets]
        is_untouched = all(value in (wish.stands, wish.value) for value in (*standing, *planned))
        if is_untouched and _is_possible(entity, item, wish):
            item.plan = _with(item.plan, wish, now, targets)
            item.put_backs.append(wish)
        else:
            close(wish, PutBack.State.REFUSED, {system.value: value for system, value in now.items()})


def _is_possible(entity: Entity, item: Item, wish: PutBack) -> bool:
    if not wish.target:
        return item.plan.outcome is Outcome.IN_SYNC and can_be_put_back(entity, wish.field)
    # Undone is also what has been left out since; a group that was there before cannot be made blank again.
    is_open = item.plan.outcome is Outcome.IN_SYNC or item.link.is_left_out
    attribute = _attribute(entity, wish.field)
    return is_open and attribute is not None and not (attribute.reference and wish.value == "")


def close(wish: PutBack, state: str, found: dict[str, Value | None] | None = None) -> None:
    wish.state, wish.found, wish.closed_at = state, found or {}, timezone.now()
    wish.save(update_fields=["state", "found", "closed_at"])


def _with(plan: Plan, wish: PutBack, now: dict[System, Value | None], targets: list[System]) -> Plan:
    """The plan with the value on both sides, Uniconta first: should the second write fail, the value travels on."""
    writes = []
    for target in (System.UNICONTA, System.INTEMPUS):
        before = next((write for write in plan.writes if write.target is target), None)
        if target not in targets:
            writes += [before] if before else []
            continue
        changes = [change for change in (before.changes if before else ()) if change.field != wish.field]
        if (old := now[target]) != wish.value and old is not None:
            changes.append(FieldChange(wish.field, old, wish.value, REASON))
        if changes:
            writes.append(replace(before or Write(target, Action.UPDATE, ()), changes=tuple(changes)))
    return replace(plan, writes=tuple(writes), kept_fields=tuple(f for f in plan.kept_fields if f != wish.field))
