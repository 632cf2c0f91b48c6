"""Numbers for records born in Intempus: the next of a Uniconta series, or a prefix and the Intempus id.

Uniconta does not number by itself over its API (API page 8.20), so the platform draws: it moves the series on first and
uses the number then. A crash in between leaves a gap in the series, never a number used twice.
"""

from __future__ import annotations

from mappings.models import RecordLink
from mappings.spec import Entity, Side, System
from sync.connectors.base import Row
from sync.connectors.errors import NeedsAttention
from sync.domain.context import Context

NUMBER_SERIES = Side(System.UNICONTA, resource="NumberSerie", id_field="RowId", key_field="Serie", name_field="Name")
#: Numbers of a series that people used by hand already are passed over, this many at most in one go.
PASS_OVER = 40


def reserve_number(context: Context, entity: Entity, link: RecordLink) -> str:
    """The number under which `link` is to be created. Raises NeedsAttention and whatever the connector raises."""
    series = context.policies[entity.name].number_series
    return known_number(context, entity, link) or _short_enough(entity, _draw(context, entity, series))


def known_number(context: Context, entity: Entity, link: RecordLink) -> str:
    """The same as far as nobody needs to be asked for it: "" where a number series decides. Raises NeedsAttention."""
    policy = context.policies[entity.name]
    if link.reserved_number:
        return link.reserved_number  # an earlier try may have arrived under it
    if policy.number_series:
        return ""
    if entity.keeps_number and (current := link.current(System.INTEMPUS)) and current.get(entity.key.name):
        return _short_enough(entity, str(current[entity.key.name]))
    return _short_enough(entity, f"{policy.number_prefix}{link.intempus_id}")


def _short_enough(entity: Entity, number: str) -> str:
    longest = entity.uniconta.key_max_length
    if longest is not None and len(number) > longest:
        raise NeedsAttention("key_too_long", number)
    return number


def _draw(context: Context, entity: Entity, name: str) -> str:
    connector = context.connectors[System.UNICONTA]
    rows = connector.find_by_key(NUMBER_SERIES, [name])
    if not rows:
        raise NeedsAttention("number_series_missing", name)
    row = rows[0]
    first = int(row.get("Next") or 1)
    numbers = {f"{row.get('Prefix') or ''}{number}": number for number in range(first, first + PASS_OVER)}
    taken = {str(found[entity.uniconta.key_field]) for found in connector.find_by_key(entity.uniconta, list(numbers))}
    free = next((text for text in numbers if text not in taken), None)
    last = int(row.get("Last") or 0)
    if free is None or (last and numbers[free] > last):
        raise NeedsAttention("number_series_used_up", name)

    def is_as_planned(now: Row) -> bool:
        return int(now.get("Next") or 1) == first

    record_id = str(row[NUMBER_SERIES.id_field])
    connector.update(NUMBER_SERIES, record_id, {"Next": numbers[free] + 1}, is_as_planned=is_as_planned, stamp=None)
    return free
