"""M10: what a person may answer when one side of a pair was deleted."""

import pytest

from sync.domain import actions
from tests.journeys.conftest import World
from tests.journeys.test_m10_deletions import delete_in_uniconta, pair, state

pytestmark = pytest.mark.one_profile

SWITCH_OFF, LEAVE = "switch_off", "leave"


def delete_in_intempus(company, customer_id):
    company.intempus.person_deletes(company.intempus_number, "customer", customer_id)
    company.pull(is_complete=True)


def answer(company, what):
    company.press(actions.answer_deletion, company.link().pk, what)
    company.settle()


def test_deleted_in_uniconta_and_switched_off_in_intempus(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in world.companies:
        row_id, _ = pair(each)
        delete_in_uniconta(each, row_id)
    answer(company, SWITCH_OFF)
    assert state(company) == ("excluded", "deleted_in_uniconta")
    assert [row["active"] for row in company.customers()] == [False]
    assert company.log(company.link())[-1].origin == "person"
    assert state(other) == ("needs_attention", "deleted_in_uniconta")
    assert [row["active"] for row in other.customers()] == [True]


def test_deleted_in_intempus_and_blocked_in_uniconta(world: World) -> None:
    company = world.nordbyg
    _, customer_id = pair(company)
    delete_in_intempus(company, customer_id)
    assert state(company) == ("needs_attention", "deleted_in_intempus")
    answer(company, SWITCH_OFF)
    assert state(company) == ("excluded", "deleted_in_intempus")
    assert company.debtors()["1001"]["Blocked"] is True


@pytest.mark.parametrize("system", ["uniconta", "intempus"])
def test_left_as_it_is_and_switched_off_after_all(world: World, system: str) -> None:
    company = world.nordbyg
    row_id, customer_id = pair(company)
    before = company.now()
    if system == "uniconta":
        delete_in_uniconta(company, row_id)
    else:
        delete_in_intempus(company, customer_id)
    answer(company, LEAVE)
    assert state(company) == ("excluded", f"deleted_in_{system}")
    company.both()
    assert company.writes(before) == []
    answer(company, SWITCH_OFF)
    assert len(company.writes(before)) == 1


def test_deleted_in_intempus_and_made_again(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    _, customer_id = pair(company)
    pair(other)
    delete_in_intempus(company, customer_id)
    before = other.now()
    company.press(actions.create_again, company.link().pk)
    company.settle()
    [customer] = company.customers()
    assert customer["id"] != customer_id
    assert (customer["number"], customer["name"], customer["active"]) == ("1001", "Kunde 1001", True)
    assert state(company) == ("in_sync", "")
    assert other.writes(before) == []
    world.ends_well = False  # the log's first create names a record that is no longer this link's
    with pytest.raises(ValueError, match="deleted in Intempus"):
        company.press(actions.create_again, company.link().pk)


def test_an_answer_is_for_this_deletion_only(world: World) -> None:
    """Somebody restores the record; when it goes again, that is a new question."""
    company = world.nordbyg
    row_id, customer_id = pair(company)
    delete_in_uniconta(company, row_id)
    answer(company, LEAVE)
    again = company.debtor("1001", CompanyRegNo="25313763")
    company.settle()
    assert state(company, uniconta_id=str(again)) == ("in_sync", "")
    assert [row["id"] for row in company.customers()] == [customer_id]
    delete_in_uniconta(company, again)
    assert state(company, intempus_id=str(customer_id)) == ("needs_attention", "deleted_in_uniconta")


def test_a_record_that_is_there_has_no_deletion_to_answer(world: World) -> None:
    """The page was open since before somebody restored it."""
    company = world.nordbyg
    pair(company)
    before = company.now()
    with pytest.raises(ValueError, match="deletion"):
        company.press(actions.answer_deletion, company.link().pk, SWITCH_OFF)
    company.settle()
    assert company.link().deletion_answer == ""
    assert company.writes(before) == []
