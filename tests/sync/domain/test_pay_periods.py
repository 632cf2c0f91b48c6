"""When Danish banks pay, and what the periods of a pay calendar are."""

from datetime import date, timedelta

import pytest

from sync.domain.hours.bank_days import bank_day_by, bank_holidays, easter_sunday, is_bank_day
from sync.domain.hours.pay_periods import Period, due_period, period_after, period_before, period_of
from sync.models import PayCalendar

#: Easter Sundays as almanacs print them.
EASTERS = (
    "2008-03-23",
    "2011-04-24",
    "2024-03-31",
    "2025-04-20",
    "2026-04-05",
    "2027-03-28",
    "2038-04-25",
    "2049-04-18",
)
#: The days, Saturdays and Sundays aside, on which Danish banks are closed.
CLOSED = {
    2023: "01-01 04-06 04-07 04-10 05-05 05-18 05-19 05-29 06-05 12-24 12-25 12-26 12-31",
    2024: "01-01 03-28 03-29 04-01 05-09 05-10 05-20 06-05 12-24 12-25 12-26 12-31",
    2026: "01-01 04-02 04-03 04-06 05-14 05-15 05-25 06-05 12-24 12-25 12-26 12-31",
    2027: "01-01 03-25 03-26 03-29 05-06 05-07 05-17 06-05 12-24 12-25 12-26 12-31",
}


@pytest.mark.parametrize("easter", EASTERS)
def test_easter(easter):
    assert easter_sunday(int(easter[:4])) == date.fromisoformat(easter)


@pytest.mark.parametrize("year", CLOSED)
def test_bank_holidays(year):
    assert bank_holidays(year) == {date.fromisoformat(f"{year}-{day}") for day in CLOSED[year].split()}


def test_weekends_and_holidays_are_no_bank_days_labour_day_is():
    assert [is_bank_day(date(2026, 5, day)) for day in (1, 2, 3, 4, 14, 15)] == [True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("day", "bank_day"),
    [
        ("2026-01-31", "2026-01-30"),  # Saturday
        ("2026-12-31", "2026-12-30"),
        ("2027-03-28", "2027-03-24"),  # Easter Sunday: back past Good Friday and Maundy Thursday
        ("2028-01-01", "2027-12-30"),
        ("2024-04-26", "2024-04-26"),  # once Great Prayer Day
        ("2023-05-05", "2023-05-04"),
    ],
)
def test_a_day_moves_to_the_bank_day_before(day, bank_day):
    assert bank_day_by(date.fromisoformat(day)) == date.fromisoformat(bank_day)


def calendar(kind, **values):
    return PayCalendar(kind=kind, **({"cut_off_days": 0} | values))


FORTNIGHT = calendar("fortnight", anchor_on=date(2026, 1, 11))
PERIODS = [
    (FORTNIGHT, "2026-01-11", "2025-12-29", "2026-01-11"),
    (FORTNIGHT, "2026-01-12", "2026-01-12", "2026-01-25"),
    (FORTNIGHT, "2025-12-28", "2025-12-15", "2025-12-28"),  # before the anchor, too
    (FORTNIGHT, "2027-03-04", "2027-02-22", "2027-03-07"),
    (calendar("month"), "2026-02-14", "2026-02-01", "2026-02-28"),
    (calendar("month"), "2028-02-29", "2028-02-01", "2028-02-29"),
    (calendar("month", day_of_month=19), "2026-01-19", "2025-12-20", "2026-01-19"),
    (calendar("month", day_of_month=19), "2025-12-20", "2025-12-20", "2026-01-19"),
    (calendar("month", day_of_month=30), "2026-03-01", "2026-03-01", "2026-03-30"),
    (calendar("invoicing"), "2026-12-31", "2026-12-01", "2026-12-31"),
    (calendar("year_end", anchor_on=date(2025, 12, 31)), "2026-05-01", "2026-01-01", "2026-12-31"),
    (calendar("year_end", anchor_on=date(2025, 6, 30)), "2026-07-01", "2026-07-01", "2027-06-30"),
    (calendar("year_end", anchor_on=date(2024, 2, 29)), "2026-03-01", "2026-03-01", "2027-02-28"),
]


@pytest.mark.parametrize(("calendar", "day", "first", "last"), PERIODS)
def test_a_day_belongs_to_one_period(calendar, day, first, last):
    period = period_of(calendar, date.fromisoformat(day))
    assert (period.first, period.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("calendar", [row[0] for row in PERIODS], ids=str)
def test_periods_follow_each_other_without_a_gap(calendar):
    period = period_of(calendar, date(2024, 1, 15))
    for _ in range(80):
        after = period_after(calendar, period)
        assert after.first == period.last + timedelta(days=1)
        assert period_before(calendar, after) == period
        assert all(period_of(calendar, day) == after for day in (after.first, after.last))
        period = after


def test_the_cut_off_is_counted_from_the_end_and_moved_off_holidays():
    assert period_of(calendar("month", cut_off_days=2), date(2026, 5, 1)).cut_off_on == date(2026, 6, 2)
    assert period_of(calendar("month", cut_off_days=5), date(2026, 5, 1)).cut_off_on == date(2026, 6, 4)  # 5 June
    assert period_of(calendar("month"), date(2026, 12, 1)).cut_off_on == date(2026, 12, 30)


def test_the_period_to_look_at_is_the_one_whose_warning_days_have_begun():
    monthly = calendar("month", cut_off_days=2, warn_days=3)
    february = Period(date(2027, 2, 1), date(2027, 2, 28), date(2027, 3, 2))
    assert period_of(monthly, date(2027, 2, 1)) == february
    assert due_period(monthly, date(2027, 2, 26)) == period_before(monthly, february)
    assert due_period(monthly, date(2027, 2, 27)) == february
    assert due_period(monthly, date(2027, 3, 29)) == february
    assert due_period(monthly, date(2027, 3, 30)) == period_after(monthly, february)  # through by 2 April
