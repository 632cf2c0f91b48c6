"""One search over everything a person sees: companies, records on either side, groups, work reports. Call inside a scope.

"nordbyg 1042" names a company and what to find there; either may stand alone. Ids are found exactly, numbers and names by
their beginning, reports by employee and day: nothing reads a whole table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from mappings.models import RecordLink
from sync.domain.hours.finding import find_reports, read_search
from sync.domain.selection import search
from sync.models import WorkReport

SHOWN = 25
#: One letter names no company.
SHORTEST_NAME = 2


@dataclass(frozen=True)
class Found:
    """`meant`: the companies that a word names; `term`: what is left to find there, or everywhere where none is."""

    meant: tuple[int, ...]
    term: str
    links: tuple[RecordLink, ...] = ()
    reports: tuple[WorkReport, ...] = ()
    has_more: bool = False


def find(names: Mapping[int, tuple[str, str]], typed: str, today: date) -> Found:
    """`names`: short name and name of every company that may be looked into. In a company that is named first, and if
    nothing is there (its name may be that of a record), everywhere.
    """
    words = typed.split()
    meant, rest = _companies(names, words)
    if meant and rest:
        found = _find(meant, meant, rest, today)
        if found.links or found.reports:
            return found
        everywhere = _find(meant, tuple(names), words, today)
        return everywhere if everywhere.links or everywhere.reports else found
    return _find(meant, tuple(names), words, today)


def _companies(names: Mapping[int, tuple[str, str]], words: list[str]) -> tuple[tuple[int, ...], list[str]]:
    """Those whose name begins with most of the first words, or of the last ones, and the words that are left."""
    for count in range(len(words), 0, -1):
        for part, rest in ((words[:count], words[count:]), (words[-count:], words[:-count])):
            text = " ".join(part).casefold()
            if len(text) < SHORTEST_NAME or text.isdigit():
                continue
            meant = tuple(pk for pk, (slug, name) in names.items() if _is_called(slug, name, text))
            if meant:
                return meant, rest
    return (), words


def _is_called(slug: str, name: str, text: str) -> bool:
    small = name.casefold()
    return slug.startswith(text) or small.startswith(text) or f" {text}" in small


def _find(meant: tuple[int, ...], where: tuple[int, ...], words: list[str], today: date) -> Found:
    term = " ".join(words)
    if not term:
        return Found(meant, "")
    links = search(RecordLink.objects.filter(tenant_id__in=where), term).select_related("tenant")
    links = links.defer("uniconta_base", "intempus_base", "uniconta_seen", "intempus_seen")
    rows = list(links[: SHOWN + 1])
    reports = _reports(where, term, words, today)
    has_more = len(rows) > SHOWN or len(reports) > SHOWN
    return Found(meant, term, tuple(rows[:SHOWN]), tuple(reports[:SHOWN]), has_more)


def _reports(where: tuple[int, ...], term: str, words: list[str], today: date) -> list[WorkReport]:
    """By a day with or without an employee, or by the report's own number; a name alone would read them all."""
    reports = WorkReport.objects.filter(tenant_id__in=where).select_related("tenant")
    wanted = read_search(term, today)
    if wanted.first:
        return list(find_reports(reports, term, today).order_by("-starts_on", "-pk")[: SHOWN + 1])
    number = words[0].lstrip("Ii").partition(".")[0] if len(words) == 1 else ""
    if not number.isdigit():
        return []
    return list(reports.filter(Q(intempus_id=number))[: SHOWN + 1])
