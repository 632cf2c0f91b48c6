"""The periods of a pay calendar, and the days by which their hours must be through. Computes; reads nothing."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from sync.domain.hours.bank_days import bank_day_by
from sync.models import PayCalendar

Kind = PayCalendar.Kind
DAY = timedelta(days=1)
FORTNIGHT = 14


@dataclass(frozen=True, order=True)
class Period:
    """First and last day worked, and the bank day by which they must be through."""

    first: date
    last: date
    cut_off_on: date


def period_of(calendar: PayCalendar, day: date) -> Period:
    """The period that a day worked belongs to."""
    last = _end_on_or_after(calendar, day)
    first = _end_before(calendar, last) + DAY
    return Period(first, last, bank_day_by(last + timedelta(days=calendar.cut_off_days)))


def period_before(calendar: PayCalendar, period: Period) -> Period:
    return period_of(calendar, period.first - DAY)


def period_after(calendar: PayCalendar, period: Period) -> Period:
    return period_of(calendar, period.last + DAY)


def due_period(calendar: PayCalendar, today: date) -> Period:
    """The latest period whose warning days have begun: the one to look at now, until the next takes its place."""
    period = period_of(calendar, today + timedelta(days=calendar.warn_days))
    while period.cut_off_on - timedelta(days=calendar.warn_days) > today:
        period = period_before(calendar, period)
    return period


def _end_on_or_after(calendar: PayCalendar, day: date) -> date:
    if calendar.kind == Kind.FORTNIGHT:
        assert calendar.anchor_on is not None
        return day + timedelta(days=(calendar.anchor_on - day).days % FORTNIGHT)
    end = _end_in(calendar, day.year, day.month)
    return end if day <= end else _step(calendar, day, 1)


def _end_before(calendar: PayCalendar, last: date) -> date:
    if calendar.kind == Kind.FORTNIGHT:
        return last - timedelta(days=FORTNIGHT)
    return _step(calendar, last, -1)


def _step(calendar: PayCalendar, day: date, by: int) -> date:
    """The end in the next or previous year, or month."""
    if calendar.kind == Kind.YEAR_END:
        return _end_in(calendar, day.year + by, day.month)
    month = day.year * 12 + day.month - 1 + by
    return _end_in(calendar, month // 12, month % 12 + 1)


def _end_in(calendar: PayCalendar, year: int, month: int) -> date:
    if calendar.kind == Kind.YEAR_END:
        assert calendar.anchor_on is not None
        month, wanted = calendar.anchor_on.month, calendar.anchor_on.day
    else:
        wanted = calendar.day_of_month
    return date(year, month, min(wanted, monthrange(year, month)[1]))
