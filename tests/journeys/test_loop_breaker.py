"""A field that another program keeps changing back is held with both values, instead of going round for ever."""

import pytest

from sync.domain import actions
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


def go_round(company: Company, row_id: int, customer_id: int, times: int) -> None:
    """Two programs that each insist on a city of their own."""
    for _ in range(times):
        company.edit_customer(customer_id, city="Nyborg")
        company.pull()
        company.edit(row_id, City="Odense")
        company.settle()


def test_to_and_fro_is_held_with_both_values(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id = company.debtor("1001", City="Odense")
    other.debtor("1001", City="Odense")
    company.settle()
    other.settle()
    customer_id = company.customer_by_number("1001")["id"]
    go_round(company, row_id, customer_id, 1)
    assert company.link().state == "in_sync"
    go_round(company, row_id, customer_id, 4)
    link = company.link()
    assert (link.state, link.reason) == ("needs_attention", "loop")
    assert link.detail == "City: Uniconta “Odense”, Intempus “Nyborg”"
    cities = [
        change["new"]
        for entry in company.entries(state="done")
        if entry.action == "update"
        for change in entry.plan.get("changes", ())
    ]
    assert cities == ["Nyborg", "Odense", "Nyborg"]
    before = company.now()
    company.hint(row_id, times=3)
    company.both()
    assert company.writes(before) == []

    company.press(actions.retry, [link.pk])  # a person decides: Uniconta's record wins, as ever
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Odense"
    assert company.link().state == "in_sync"
    assert other.customers()[0]["city"] == "Odense"


def test_a_person_who_changes_her_mind_is_no_loop(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    for city in ("Assens", "Odense", "Assens", "Odense", "Assens"):
        company.edit(row_id, City=city)
        company.settle()
    for tick in (False, True, False, True):
        company.edit(row_id, xIntempus=tick)
        company.settle()
    assert company.link().state == "in_sync"
    [customer] = company.customers()
    assert (customer["city"], customer["active"]) == ("Assens", True)
