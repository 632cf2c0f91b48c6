"""The hours check follows what really stands in both systems: what a person changes in Uniconta is seen, not assumed."""

from datetime import date
from decimal import Decimal

import pytest

from sync.domain.hours.completeness import Span, check_hours, differences
from tenants.scoping import tenant_scope
from tests.journeys.hours import Desk


@pytest.fixture
def desks(world):
    world.ends_well = False  # its promises are about linked pairs
    return Desk(world.nordbyg), Desk(world.havnen)


def sums(desk):
    """(ready, transferred, posted) of all units, and why each open report is open."""
    span = Span(desk.company.tenant.pk, date(2027, 3, 1), date(2027, 3, 31))
    with tenant_scope(desk.company.tenant.pk):
        [amount] = check_hours(span).by_unit.values()
        why = {each.intempus_id: each.code for each in differences(span)}
    return (amount.ready, amount.transferred, amount.posted), why


def decimals(*texts):
    return tuple(map(Decimal, texts))


def test_m09_hours_check(desks):
    desk, other = desks
    first, second, late = desk.report("7.53333"), desk.report("2.005", day="2027-03-09"), desk.report("4")
    other.approve(other.report("3"))
    other.run()
    desk.approve(first, second)
    desk.run()
    assert sums(desk) == (decimals("9.54", "9.54", "0"), {})

    desk.approve(late)
    row = desk.line_row(f"I{second}")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row["RowId"], Qty=1.5)
    desk.run()
    assert sums(desk) == (decimals("13.54", "13.03", "0"), {str(second): "line_edited"})

    desk.post()
    desk.run()
    assert sums(desk) == (decimals("13.54", "13.03", "13.03"), {str(second): "line_edited"})
    assert sums(other) == (decimals("3", "3", "0"), {})
