"""The loop breaker: a field that goes to and fro between the systems is held, and a person sees both values.

Another program that keeps setting a field back looks like a person's edit each time. What gives it away is that we wrote
the field three times within the hour, in the two systems by turns, and are about to write a value that we wrote before.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from django.utils import timezone

from mappings.engine import Action
from mappings.spec import Entity, System, Value
from sync.connectors.errors import NeedsAttention
from sync.domain.context import Context
from sync.domain.decide import Item
from sync.models import ChangeEvent, SyncLogEntry

WINDOW, TIMES = timedelta(hours=1), 3

Writes = dict[str, list[tuple[str, Value]]]  # field → (target, value) in the order of the log


def break_loops(context: Context, entity: Entity, items: list[Item]) -> None:
    """Turn the plans of records that run in circles into questions. Call inside a scope."""
    writing = {
        item.link.pk: item
        for item in items
        if item.error is None
        and any(write.action is not Action.CREATE for write in item.plan.writes)
        and not any(event.origin == ChangeEvent.Origin.PERSON for event in item.events)
    }
    if not writing:
        return
    written = _written(context, list(writing))
    for pk, item in writing.items():
        for write in item.plan.writes:
            for change in write.changes:
                if item.link.reason == "loop" or _is_loop(written[pk].get(change.field, []), write.target, change.new):
                    item.error = NeedsAttention("loop", _both_values(entity, item, change.field))


def _written(context: Context, links: list[int]) -> dict[int, Writes]:
    """What we wrote of these records within the hour, since a person last pressed something."""
    entries = SyncLogEntry.objects.filter(
        tenant_id=context.tenant_id,
        link_id__in=links,
        at__gte=timezone.now() - WINDOW,
        state=SyncLogEntry.State.DONE,
    ).exclude(target="")
    entries = entries.exclude(action=SyncLogEntry.Action.CREATE)
    found: dict[int, Writes] = defaultdict(dict)
    for entry in entries.order_by("at", "id").only("link_id", "at", "origin", "target", "plan"):
        if entry.origin == ChangeEvent.Origin.PERSON:
            found[entry.link_id] = {}
        for change in entry.plan.get("changes", ()):
            found[entry.link_id].setdefault(change["field"], []).append((entry.target, change["new"]))
    return found


def _is_loop(earlier: list[tuple[str, Value]], target: System, value: Value) -> bool:
    """The last writes and this one went to the systems in turns, and come back to a value that was there before."""
    targets = [*(str(system) for system, _ in earlier[-TIMES:]), target.value]
    goes_to_and_fro = len(targets) > TIMES and all(one != other for one, other in pairwise(targets))
    return goes_to_and_fro and any(old == value for _, old in earlier)


def _both_values(entity: Entity, item: Item, field: str) -> str:
    now = [(item.link.current(system) or {}).get(field, "") for system in System]
    return f"{entity.attribute(field).label}: Uniconta “{now[0]}”, Intempus “{now[1]}”"
