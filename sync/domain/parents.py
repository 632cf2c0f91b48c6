"""Parents before children, where records refer to their own kind: worked on from the top down, never in a circle.

Nothing here calls itself: a chain is walked level by level, each record once, whatever points to what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from mappings.models import RecordLink
from mappings.spec import Attribute, Entity, System
from sync.domain.context import Context

#: Why a record in a circle is not sent.
CIRCLE = "parent_circle"


@dataclass
class Families:
    """Records in hand and all above them, as last read."""

    links: dict[int, RecordLink]
    parent: dict[int, int] = field(default_factory=dict)  # link → link
    unknown: set[str] = field(default_factory=set)  # Uniconta keys of parents that no link knows
    circles: dict[int, tuple[int, ...]] = field(default_factory=dict)  # link → the circle it is part of

    def spell(self, pk: int) -> str:
        """The circle, from this record to itself."""
        circle = self.circles[pk]
        start = circle.index(pk)
        numbers = [self.links[each].uniconta_key or self.links[each].intempus_key for each in circle]
        return " → ".join([*numbers[start:], *numbers[:start], numbers[start]])

    def generations(self, in_hand: Iterable[int]) -> list[list[int]]:
        """The records in hand, and those above them that are on one side only: a parent comes in an earlier list."""
        depths: dict[int, int] = {}
        for pk in in_hand:
            chain: list[int] = []
            next_up: int | None = pk
            while next_up is not None and next_up not in depths and next_up not in chain:
                chain.append(next_up)
                above = self.parent.get(next_up)
                is_there = above is None or above in self.circles or self.links[above].is_linked
                next_up = None if is_there else above
            for each in reversed(chain):
                above = self.parent.get(each)
                depths[each] = depths[above] + 1 if above is not None and above in depths else 0
        lists: list[list[int]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
        for pk, depth in depths.items():
            lists[depth].append(pk)
        return lists


def parent_attribute(entity: Entity) -> Attribute | None:
    return next((attribute for attribute in entity.references if attribute.reference == entity.name), None)


def read_families(context: Context, entity: Entity, in_hand: Iterable[int]) -> Families:
    """Those in hand, those refused for a circle earlier, and everybody above them. Call inside a scope."""
    attribute = parent_attribute(entity)
    assert attribute is not None
    ours = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
    refused = Q(state=RecordLink.State.NEEDS_ATTENTION, reason=CIRCLE)
    families = Families({link.pk: link for link in ours.filter(Q(pk__in=list(in_hand)) | refused)})
    frontier = list(families.links.values())
    while frontier:
        wanted = {link.pk: _pointer(attribute, link) for link in frontier}
        keys = {value for system, value in wanted.values() if system is System.UNICONTA}
        ids = {value for system, value in wanted.values() if system is System.INTEMPUS}
        above = list(ours.filter(Q(uniconta_key__in=keys - {""}) | Q(intempus_id__in=ids - {""})))
        found = {(System.UNICONTA, link.uniconta_key): link.pk for link in above if not link.is_gone_in_uniconta}
        found |= {(System.INTEMPUS, link.intempus_id): link.pk for link in above}
        for pk, pointer in wanted.items():
            if pointer in found and pointer[1]:
                families.parent[pk] = found[pointer]
            elif pointer[0] is System.UNICONTA and pointer[1]:
                families.unknown.add(pointer[1])
        frontier = [link for link in above if link.pk not in families.links]
        families.links |= {link.pk: link for link in frontier}
    families.circles = _circles(families.parent)
    return families


def _pointer(attribute: Attribute, link: RecordLink) -> tuple[System, str]:
    """What names the parent: its number in Uniconta; of a record that Uniconta does not have, its id in Intempus."""
    system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
    return system, str((link.current(system) or {}).get(attribute.name, ""))


def _circles(parent: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    circles: dict[int, tuple[int, ...]] = {}
    done: set[int] = set()
    for start in parent:
        chain: list[int] = []
        pk: int | None = start
        while pk is not None and pk not in done:
            done.add(pk)
            chain.append(pk)
            pk = parent.get(pk)
        if pk in chain:
            circle = tuple(chain[chain.index(pk) :])
            circles |= dict.fromkeys(circle, circle)
    return circles
