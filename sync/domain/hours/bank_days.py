"""Danish bank days: the days on which wages can be paid out. Pure arithmetic; see decision 0030."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

#: Great Prayer Day was a holiday for the last time in 2023.
LAST_GREAT_PRAYER_DAY = 2023
#: Days from Easter Sunday.
MAUNDY_THURSDAY, GOOD_FRIDAY, EASTER_MONDAY, GREAT_PRAYER_DAY = -3, -2, 1, 26
ASCENSION, DAY_AFTER_ASCENSION, WHIT_MONDAY = 39, 40, 50
#: Month and day: New Year, Constitution Day, Christmas Eve and both Christmas days, New Year's Eve.
FIXED = ((1, 1), (6, 5), (12, 24), (12, 25), (12, 26), (12, 31))
SATURDAY = 5


def easter_sunday(year: int) -> date:
    """In the Gregorian calendar: the golden number gives the moon, the rest the Sunday after it."""
    golden, century = year % 19, year // 100
    leap_centuries, century_rest = divmod(century, 4)
    moon_correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_correction + 15) % 30
    leaps, rest = divmod(year % 100, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leaps - epact - rest) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Days other than Saturdays and Sundays (some fall on one) on which Danish banks do not pay."""
    easter = easter_sunday(year)
    offsets = [MAUNDY_THURSDAY, GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, DAY_AFTER_ASCENSION, WHIT_MONDAY]
    if year <= LAST_GREAT_PRAYER_DAY:
        offsets.append(GREAT_PRAYER_DAY)
    movable = {easter + timedelta(days=offset) for offset in offsets}
    return frozenset(movable | {date(year, month, day) for month, day in FIXED})


def is_bank_day(day: date) -> bool:
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year)


def bank_day_by(day: date) -> date:
    """The day itself, or the last bank day before it: what has to be through by then is through in time."""
    while not is_bank_day(day):
        day -= timedelta(days=1)
    return day
