"""Finding work reports by what a person types: an employee and a day, such as "bo torsdag", in one box."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, QuerySet

from sync.models import WorkReport

#: By `date.weekday()`.
WEEKDAYS = {
    name: number
    for names in (
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"),
    )
    for number, name in enumerate(names)
}
#: The Danish ones are written in two words.
DAYS_AGO = {"today": 0, "idag": 0, "yesterday": 1, "igår": 1}
#: No report runs longer; what begins earlier is not looked for.
LONGEST = timedelta(days=366)

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DANISH = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})")
_SHORT = re.compile(r"(\d{1,2})[./](\d{1,2})\.?")
_REFERENCE = re.compile(r"[Ii](\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Wanted:
    words: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None


def read_search(term: str, today: date) -> Wanted:
    """The words that name somebody, and the days meant: 2027-03-01, 01-03-2027, 1/3, a weekday (the last one, today
    included), today, yesterday, week 9; English and Danish alike.
    """
    rest = term.split()
    words: list[str] = []
    first = last = None
    while rest:
        word = rest.pop(0)
        small = word.casefold()
        if small in ("week", "uge") and rest and (monday := _monday(rest[0], today)):
            rest.pop(0)
            first, last = monday, monday + timedelta(days=6)
            continue
        if small == "i" and rest and f"i{rest[0].casefold()}" in DAYS_AGO:
            small = f"i{rest.pop(0).casefold()}"
        day = _day(small, today)
        if day is None:
            words.append(word)
        else:
            first = last = day
    return Wanted(tuple(words), first, last)


def find_reports(reports: QuerySet[WorkReport], term: str, today: date) -> QuerySet[WorkReport]:
    """Those of every word (employee number, name, report id or reference of a line) on the days meant."""
    wanted = read_search(term, today)
    for word in wanted.words:
        asked = Q(employee_number=word) | Q(employee_name__istartswith=word) | Q(employee_name__icontains=f" {word}")
        if found := _REFERENCE.fullmatch(word):
            asked |= Q(intempus_id=found[1])
        elif word.isdigit():
            asked |= Q(intempus_id=word)
        reports = reports.filter(asked)
    if wanted.first and wanted.last:
        reports = reports.filter(starts_on__range=(wanted.first - LONGEST, wanted.last), ends_on__gte=wanted.first)
    return reports


def _day(word: str, today: date) -> date | None:
    if word in DAYS_AGO:
        return today - timedelta(days=DAYS_AGO[word])
    if word in WEEKDAYS:
        return today - timedelta(days=(today.weekday() - WEEKDAYS[word]) % 7)
    if found := _ISO.fullmatch(word):
        return _date(*found.groups())
    if found := _DANISH.fullmatch(word):
        return _date(*reversed(found.groups()))
    if found := _SHORT.fullmatch(word):
        day, month = found.groups()
        this_year = _date(str(today.year), month, day)
        return this_year if this_year is None or this_year <= today else _date(str(today.year - 1), month, day)
    return None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _monday(number: str, today: date) -> date | None:
    """The Monday of that week: this year's, or last year's where this year's is still to come."""
    if not number.isdigit():
        return None
    for year in (today.isocalendar().year, today.isocalendar().year - 1):
        try:
            monday = date.fromisocalendar(year, int(number), 1)
        except ValueError:
            continue
        if monday <= today:
            return monday
    return None
