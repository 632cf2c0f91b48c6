"""Finding the other side of a record that has only one: by keys that are unique on both sides, never by name alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from mappings.engine import match_keys
from mappings.models import MatchRow, RecordLink
from mappings.spec import Entity, Match, System
from sync.domain.bulk import save_many
from sync.domain.personal_number import PREFIX, personal_keys
from sync.models import ChangeEvent, SyncLogEntry

#: So many holders of one key are looked at; more than one is a question already.
HOLDERS = 20
#: So many candidates are shown.
CANDIDATES = 5


@dataclass(frozen=True)
class Found:
    """`other` is the certain match, by `key`; otherwise `question` says why a person must choose ("" when nothing is
    alike).
    """

    other: RecordLink | None = None
    question: str = ""
    candidates: tuple[RecordLink, ...] = ()
    key: str = ""


# ------------------------------------------------------------------------------------------------ who holds a key


class Holders:
    """Records of one tenant and entity, by what they can be recognised by: all of them, or all that are alike."""

    def __init__(self, links: Iterable[RecordLink]) -> None:
        self.by_pk: dict[int, RecordLink] = {}
        self.by_key: dict[tuple[System, str], list[RecordLink]] = defaultdict(list)
        self.by_name: dict[str, list[RecordLink]] = defaultdict(list)
        for link in links:
            self.by_pk[link.pk] = link
            for system in System:
                for key in getattr(link, f"{system}_match_keys"):
                    self.by_key[system, key].append(link)
            if not link.is_linked:
                self.by_name[link.name.lower()].append(link)

    def holding(self, system: System, key: str) -> Sequence[RecordLink]:
        return self.by_key.get((system, key), ())[:HOLDERS]

    def named(self, name: str) -> Sequence[RecordLink]:
        return self.by_name.get(name.lower(), ())[:HOLDERS]

    def note_pair(self, one: RecordLink, other: RecordLink) -> None:
        """From here on these two are one: nobody else's."""
        for link, twin in ((one, other), (other, one)):
            own = self.by_pk[link.pk]
            own.is_gone_in_uniconta = False
            for system in System:
                setattr(own, f"{system}_id", own.remote_id(system) or twin.remote_id(system))


def load_holders(entity: Entity, links: Sequence[RecordLink]) -> Holders:
    """Whoever shares a key or the name with one of these records, and whoever shares a key with those: two queries,
    however many records. Call inside a scope.
    """
    ours = RecordLink.objects.filter(tenant_id=links[0].tenant_id, entity=entity.name)
    halves = ours.filter(Q(uniconta_id="") | Q(intempus_id="")).annotate(lower_name=Lower("name"))
    names = {link.name.lower() for link in links} - {""}
    alike = list(_sharing_a_key(ours, links)) + list(halves.filter(lower_name__in=names))
    found = {link.pk: link for link in (*alike, *_sharing_a_key(ours, alike))}
    return Holders(found[pk] for pk in sorted(found))


def _sharing_a_key(ours: QuerySet[RecordLink], links: Iterable[RecordLink]) -> QuerySet[RecordLink]:
    keys = sorted({key for link in links for key in (*link.uniconta_match_keys, *link.intempus_match_keys)})
    return ours.filter(Q(uniconta_match_keys__overlap=keys) | Q(intempus_match_keys__overlap=keys))


# ------------------------------------------------------------------------------------------------ matching


def worth_matching(entity: Entity, links: Sequence[RecordLink]) -> set[int]:
    """Ids of those links for which a free record of the other system shares a key or the name: two queries for all.

    At a first load into an empty system that is none of them. Call inside a scope.
    """
    worth: set[int] = set()
    for system in System:
        halves = [link for link in links if link.remote_id(system) and not link.remote_id(system.other)]
        if not halves:
            continue
        keys = {key for link in halves for key in getattr(link, f"{system}_match_keys")}
        names = {link.name.lower() for link in halves}
        free = (
            RecordLink.objects.filter(tenant_id=halves[0].tenant_id, entity=entity.name)
            .filter(Q(**{f"{system}_id": ""}) | Q(**{f"is_gone_in_{system}": True}))
            .exclude(**{f"{system.other}_id": ""})
        )
        alike = Q(**{f"{system.other}_match_keys__overlap": sorted(keys)}) | Q(lower_name__in=sorted(names))
        found = free.annotate(lower_name=Lower("name")).filter(alike).values_list(f"{system.other}_match_keys", "name")
        hits = {key for other_keys, _ in found for key in other_keys} | {f"name:{name.lower()}" for _, name in found}
        worth |= {
            link.pk
            for link in halves
            if hits.intersection(getattr(link, f"{system}_match_keys")) or f"name:{link.name.lower()}" in hits
        }
    return worth


def has_answer(link: RecordLink) -> bool:
    """Whether a person said which record the other side of this one is."""
    return any(key.startswith("p:") for key in (*link.uniconta_match_keys, *link.intempus_match_keys))


def match_record(entity: Entity, link: RecordLink, holders: Holders | None = None) -> Found:
    """Look for the missing side of `link` among the records of the other system that are not linked.

    A key counts only while exactly one record on each side holds it, and both records come to each other by their first
    such key. `holders`: without them they are looked up, inside a scope.
    """
    holders = holders or load_holders(entity, [link])
    certain, ambiguous = _by_keys(entity, link, holders)
    if certain.other is not None:
        if certain.other.is_linked or _by_keys(entity, certain.other, holders)[0].other == link:
            return certain
        ambiguous.append(certain.other)
    if link.is_match_rejected:
        return Found()
    if ambiguous:
        return Found(question="ambiguous_match", candidates=tuple(dict.fromkeys(ambiguous)))
    alike = _proposals(entity, link, holders)
    return Found(question="proposal_match", candidates=alike) if alike else Found()


def _by_keys(entity: Entity, link: RecordLink, holders: Holders) -> tuple[Found, list[RecordLink]]:
    """What the record's first key that is unique on both sides leads to, and what its other keys lead to until then."""
    system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
    ambiguous: list[RecordLink] = []
    for key in getattr(link, f"{system}_match_keys"):
        if link.is_match_rejected and _is_of_a_rule(key):
            continue  # a new record, a person said; only our own creation or a later answer tells otherwise
        others = [other for other in holders.holding(system.other, key) if other.pk != link.pk]
        within = _within(entity, key)
        same = [other for other in others if _refer_to_the_same(entity, within, system, link, other)] if within else []
        others = same or others
        # What is linked to a deleted record is free again: a debtor that was deleted and made anew is the same one.
        free = [
            other
            for other in others
            if (not other.is_linked or (other.is_gone(system) and system is System.UNICONTA))
            and not other.is_gone(system.other)
            and not other.is_left_out
            and not (other.is_match_rejected and _is_of_a_rule(key))
        ]
        if not free:
            continue
        has_rival = any(
            rival.pk != link.pk
            and rival.remote_id(system)
            and not rival.is_gone(system)
            and not (same and (rival.current(system) or {}).get(within) != (link.current(system) or {}).get(within))
            for rival in holders.holding(system, key)
        )
        if len(others) == 1 and not has_rival and not _are_two_people(link, free[0]):
            return Found(free[0], key=key), ambiguous
        ambiguous += free
    return Found(), ambiguous


def _is_of_a_rule(key: str) -> bool:
    """Not one of ours: a person's answer, a creation id, a number we reserved."""
    return key[:1].isdigit() or key.startswith(PREFIX)


def _are_two_people(link: RecordLink, other: RecordLink) -> bool:
    """Whether both have a CPR number, and not the same: a telephone can be handed on."""
    numbers = [personal_keys((*each.uniconta_match_keys, *each.intempus_match_keys)) for each in (link, other)]
    return all(numbers) and not numbers[0] & numbers[1]


def _within(entity: Entity, key: str) -> str:
    """The reference that decides between records with the same key; "" where the key stands for itself."""
    index, _, _ = key.partition(":")
    return entity.match[int(index)].within if index.isdigit() else ""


def _refer_to_the_same(entity: Entity, name: str, system: System, link: RecordLink, other: RecordLink) -> bool:
    """Whether both halves refer to one linked record, each in its own system's spelling."""
    values = {system: link.current(system) or {}, system.other: other.current(system.other) or {}}
    here, there = (str(values[each].get(name, "")) for each in (System.UNICONTA, System.INTEMPUS))
    if not (here and there):
        return False
    referenced = RecordLink.objects.filter(tenant_id=link.tenant_id, entity=entity.attribute(name).reference)
    return referenced.filter(uniconta_key=here, intempus_id=there).exists()


def alike(entity: Entity, link: RecordLink) -> set[int]:
    """Ids of all records that share a key or the name with this one, on either side. Call inside a scope."""
    keys = [*link.uniconta_match_keys, *link.intempus_match_keys]
    same = Q(uniconta_match_keys__overlap=keys) | Q(intempus_match_keys__overlap=keys) | Q(name__iexact=link.name)
    others = RecordLink.objects.filter(same, tenant_id=link.tenant_id, entity=entity.name).exclude(pk=link.pk)
    return set(others.values_list("pk", flat=True))


def _proposals(entity: Entity, link: RecordLink, holders: Holders) -> tuple[RecordLink, ...]:
    system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
    values = link.current(system)
    if not values or not match_keys(entity, system, values, Match.PROPOSAL):
        return ()
    return tuple(
        other
        for other in holders.named(link.name)
        if other.remote_id(system.other)
        and not other.remote_id(system)
        and not (other.is_gone(system.other) or other.is_match_rejected or other.is_left_out)
    )[:CANDIDATES]


# ------------------------------------------------------------------------------------------------ joining


INTEMPUS_SIDE = [f"{System.INTEMPUS}_{name}" for name in ("id", "key", "base", "seen", "seen_at", "match_keys")]
#: Columns that `lay_together` changes.
LAID_TOGETHER = [
    *INTEMPUS_SIDE,
    *("uniconta_base", "uniconta_seen", "intempus_timestamp", "was_sent", "is_gone_in_intempus"),
]


def lay_together(keep: RecordLink, drop: RecordLink) -> None:
    """Give the Uniconta half the side of the Intempus half; nothing is saved.

    Linking changes nothing on either side: there is no base yet, so the first plan adopts what is equal.
    """
    for name in INTEMPUS_SIDE:
        setattr(keep, name, getattr(drop, name))
    keep.intempus_timestamp = drop.intempus_timestamp
    keep.was_sent = keep.was_sent or drop.was_sent
    # First sight of a pair: neither side has a base, whatever was remembered of the halves.
    for system in System:
        setattr(keep, f"{system}_seen", keep.current(system))
        setattr(keep, f"{system}_base", {})
    keep.is_gone_in_intempus = False


def join(pairs: Sequence[tuple[RecordLink, RecordLink]]) -> dict[int, RecordLink]:
    """Make one link of every two halves; returns it by the number of either. The Uniconta half survives, history and
    events follow. Call inside a fenced scope.
    """
    if not pairs:
        return {}
    rows = RecordLink.objects.select_for_update().order_by("pk").in_bulk([link.pk for pair in pairs for link in pair])
    keeps: dict[int, RecordLink] = {}  # by the half that goes
    for one, other in pairs:
        keep, drop = (one.pk, other.pk) if one.uniconta_id else (other.pk, one.pk)
        lay_together(rows[keep], rows[drop])
        keeps[drop] = rows[keep]
    for model in (ChangeEvent, SyncLogEntry):
        moved: list[Any] = list(model.objects.filter(link_id__in=keeps))
        for row in moved:
            row.link_id = keeps[row.link_id].pk
        save_many(moved, ["link_id"])
    _ask_no_more([keep.pk for keep in keeps.values()], list(keeps))
    RecordLink.objects.filter(pk__in=keeps).delete()
    save_many(list(keeps.values()), LAID_TOGETHER)
    return keeps | {keep.pk: keep for keep in keeps.values()}


def _ask_no_more(keeps: Sequence[int], drops: Sequence[int]) -> None:
    """What the first matching asked about these pairs is answered by their keys; whom else it found either for must look
    further.
    """
    asked = MatchRow.objects.filter(decision="", category__in=MatchRow.ASKED)
    asked.filter(link_id__in=keeps).update(
        category=MatchRow.Category.CERTAIN, other=None, key="", candidates=[], writes=[], reason=""
    )
    asked.filter(other_id__in=drops).update(category=MatchRow.Category.AMBIGUOUS, other=None, reason="ambiguous_match")
