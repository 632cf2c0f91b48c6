"""Which records a list shows: its filters and its search, so that a run can find the same ones without being told each."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from mappings.entities import ENTITIES
from mappings.models import RecordLink

#: Filters that are a column's value.
COLUMNS = ("entity", "state", "reason", "inactive_reason")
DIFFERS, SEARCH = "differs", "q"
#: What a list's address may carry, by the names it carries it under.
CRITERIA = (*COLUMNS, DIFFERS, SEARCH)


def select(links: QuerySet[RecordLink], criteria: Mapping[str, str]) -> QuerySet[RecordLink]:
    """Those that all criteria fit; blank ones do not count."""
    # Naming the entities lets the indexes over (tenant, entity, …) answer.
    links = links.filter(entity__in=list(ENTITIES))
    links = links.filter(**{name: criteria[name] for name in COLUMNS if criteria.get(name)})
    return search(differing(links, criteria.get(DIFFERS, "")), criteria.get(SEARCH, ""))


def differing(links: QuerySet[RecordLink], answer: str) -> QuerySet[RecordLink]:
    match answer:
        case "yes":
            return links.exclude(differing=[])
        case "no":
            return links.filter(differing=[])
    return links


def search(links: QuerySet[RecordLink], term: str) -> QuerySet[RecordLink]:
    """Ids exactly, numbers and names from their beginning: nothing that would read a whole table in the middle."""
    term = term.strip()
    if not term:
        return links
    return links.filter(entity__in=list(ENTITIES)).filter(
        Q(uniconta_id=term)
        | Q(intempus_id=term)
        | Q(uniconta_key__startswith=term)
        | Q(intempus_key__startswith=term)
        | Q(name__istartswith=term)
    )
