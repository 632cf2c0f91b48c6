"""Finding the other side of a record that has only one: by keys that are unique on both sides, never by name alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower

from mappings.engine import match_keys
from mappings.models import RecordLink
from mappings.spec import Entity, Match, System
from sync.models import ChangeEvent, SyncLogEntry


@dataclass(frozen=True)
class Found:
    """`other` is the certain match; otherwise `question` says why a person must choose ("" when nothing is alike)."""

    other: RecordLink | None = None
    question: str = ""
    candidates: tuple[RecordLink, ...] = ()


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


def match_record(entity: Entity, link: RecordLink) -> Found:
    """Look for the missing side of `link` among the records of the other system that are not linked.

    A key counts only while exactly one record on each side holds it. Call inside a scope.
    """
    system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
    siblings = RecordLink.objects.filter(tenant_id=link.tenant_id, entity=entity.name)
    ambiguous: list[RecordLink] = []
    for key in getattr(link, f"{system}_match_keys"):
        others = list(
            siblings.filter(**{f"{system.other}_match_keys__contains": [key]}).exclude(pk=link.pk).order_by("pk")[:5]
        )
        # What is linked to a deleted record is free again: a debtor that was deleted and made anew is the same one.
        free = [
            other
            for other in others
            if (not other.is_linked or (other.is_gone(system) and system is System.UNICONTA))
            and not other.is_gone(system.other)
        ]
        if not free:
            continue
        rivals = (
            siblings.filter(**{f"{system}_match_keys__contains": [key], f"is_gone_in_{system}": False})
            .exclude(**{f"{system}_id": ""})
            .exclude(pk=link.pk)
        )
        if len(others) == 1 and not rivals.exists():
            return Found(free[0])
        ambiguous += free
    if link.is_match_rejected:
        return Found()
    if ambiguous:
        return Found(question="ambiguous_match", candidates=tuple(ambiguous))
    alike = _proposals(entity, link, system)
    return Found(question="proposal_match", candidates=alike) if alike else Found()


def alike(entity: Entity, link: RecordLink) -> set[int]:
    """Ids of all records that share a key or the name with this one, on either side. Call inside a scope."""
    keys = [*link.uniconta_match_keys, *link.intempus_match_keys]
    same = Q(uniconta_match_keys__overlap=keys) | Q(intempus_match_keys__overlap=keys) | Q(name__iexact=link.name)
    others = RecordLink.objects.filter(same, tenant_id=link.tenant_id, entity=entity.name).exclude(pk=link.pk)
    return set(others.values_list("pk", flat=True))


def _proposals(entity: Entity, link: RecordLink, system: System) -> tuple[RecordLink, ...]:
    values = link.current(system)
    if not values or not match_keys(entity, system, values, Match.PROPOSAL):
        return ()
    alike = RecordLink.objects.filter(
        tenant_id=link.tenant_id, entity=entity.name, name__iexact=link.name, **{f"{system}_id": ""}
    ).exclude(**{f"{system.other}_id": ""})
    return tuple(
        other
        for other in alike.exclude(pk=link.pk).order_by("pk")[:5]
        if not other.is_gone(system.other) and not other.is_match_rejected
    )


def join(one: RecordLink, other: RecordLink) -> RecordLink:
    """Make one link of two halves; the Uniconta half survives, history and events follow. Call inside a fenced scope.

    Linking changes nothing on either side: there is no base yet, so the first plan adopts what is equal.
    """
    keep, drop = (one, other) if one.uniconta_id else (other, one)
    side = ("id", "key", "base", "seen", "seen_at", "match_keys")
    for name in (f"{System.INTEMPUS}_{field}" for field in side):
        setattr(keep, name, getattr(drop, name))
    keep.intempus_timestamp = drop.intempus_timestamp
    keep.was_sent = keep.was_sent or drop.was_sent
    # First sight of a pair: neither side has a base, whatever was remembered of the halves.
    for system in System:
        setattr(keep, f"{system}_seen", keep.current(system))
        setattr(keep, f"{system}_base", {})
    keep.is_gone_in_intempus = False
    ChangeEvent.objects.filter(link_id=drop.pk).update(link_id=keep.pk)
    SyncLogEntry.objects.filter(link_id=drop.pk).update(link_id=keep.pk)
    drop.delete()
    keep.save()
    return keep
