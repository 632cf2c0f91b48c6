"""M5: the tick decides what synchronises, and the table's field itself is watched."""

import pytest

from mappings.models import RecordLink
from sync.domain import actions
from tests.journeys.conftest import Company, World


def accept(company: Company) -> None:
    policy = company.entity_policy()
    company.press(actions.accept_fields, policy.pk, policy.hold_code)
    company.sweep()


def standing(link: RecordLink) -> tuple[str, str, str]:
    return link.state, link.reason, link.inactive_reason


def test_the_tick_comes_goes_and_comes_back(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id = company.debtor("1001", City="Odense", xIntempus=False)
    other.debtor("1001")
    company.sweep()
    other.sweep()
    assert company.customers() == []
    assert standing(company.link()) == ("excluded", "never_ticked", "")
    assert [row["number"] for row in other.customers()] == ["1001"]  # no such field there: everything syncs
    assert other.link().is_ticked is None

    company.edit(row_id, xIntempus=True)
    company.settle()
    customer_id = company.customer_by_number("1001")["id"]
    company.edit(row_id, xIntempus=False)
    company.settle()
    assert company.customer_by_number("1001")["active"] is False
    assert standing(company.link()) == ("excluded", "unticked", "flag")

    before = company.now()
    company.edit(row_id, City="Assens")  # edits meanwhile stay where they are
    company.edit_customer(customer_id, phone="22222222")
    company.settle()
    company.both()
    assert company.writes(before) == []
    assert company.not_taken_over() == [("phone", "", "22222222")]
    assert standing(company.link()) == ("excluded", "unticked", "flag")

    company.edit(row_id, xIntempus=True)
    company.settle()
    customer = company.customer_by_number("1001")
    assert (customer["active"], customer["city"]) == (True, "Assens")
    [lost] = [entry for entry in company.log(company.link()) if entry.has_overwritten]
    assert [(change["field"], change["old"], change["new"]) for change in lost.plan["overwritten"]] == [
        ("phone", "22222222", "")
    ]
    assert standing(company.link()) == ("in_sync", "", "")
    assert company.debtors()["1001"]["Phone"] is None
    assert [row["active"] for row in other.customers()] == [True]


def test_switched_on_by_hand_against_the_flag_is_listed_not_corrected(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    company.edit(row_id, xIntempus=False)
    company.settle()
    before = company.now()
    company.edit_customer(company.customer_by_number("1001")["id"], active=True)
    company.both()
    assert company.customer_by_number("1001")["active"] is True
    assert standing(company.link()) == ("excluded", "reactivated_by_hand", "flag")
    assert company.debtors()["1001"]["Blocked"] is False
    assert company.writes(before) == []


def test_the_other_polarity_and_another_name_of_the_field(world: World) -> None:
    company = world.nordbyg
    world.uniconta.add_user_field(4242, "Debtor", "xSkjult")
    company.update(opt_in_field="xSkjult", opt_in_means="do_not_sync")
    company.debtor("1001", xIntempus=False, xSkjult=False)
    company.debtor("1002", xIntempus=True, xSkjult=True)
    company.settle()
    assert [row["number"] for row in company.customers()] == ["1001"]
    company.customer(name="Født i Intempus")
    company.both()
    born = company.debtors()[company.link(name="Født i Intempus").uniconta_key]
    assert born["xSkjult"] is False


def test_a_record_the_platform_creates_gets_the_tick(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.sweep()
    customer_id = company.customer(name="Født i Intempus", phone="22222222")
    company.pull()
    born = company.debtors()[f"I{customer_id}"]
    assert (born["xIntempus"], born["Phone"]) == (True, "22222222")
    assert company.link(intempus_id=str(customer_id)).is_ticked is True


@pytest.mark.parametrize("first", ["uniconta", "intempus"])
def test_linking_a_never_ticked_record_changes_nothing(world: World, first: str) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", CompanyRegNo="25313763", City="Odense", xIntempus=False)
    if first == "uniconta":
        company.sweep()
    customer_id = company.customer(number="25313763", name="Kunde 1001", city="Nyborg")
    company.pull()
    company.sweep()
    assert company.writes() == []
    assert list(company.debtors()) == ["1001"]

    company.edit_customer(customer_id, city="Ringe")
    company.both()
    assert company.writes() == []
    company.edit(row_id, xIntempus=True)  # now it is looked at as on the first day
    company.settle()
    assert [(row["id"], row["number"], row["city"]) for row in company.customers()] == [(customer_id, "1001", "Odense")]
    assert company.overwritten() == [("number", "25313763", "1001"), ("city", "Ringe", "Odense")]


def test_a_field_that_vanishes_holds_and_asks(world: World) -> None:
    company = world.nordbyg
    ticked = company.debtor("1001")
    company.debtor("1002", xIntempus=False)
    unticked = company.debtor("1003")
    company.settle()
    company.edit(unticked, xIntempus=False)
    company.settle()
    world.uniconta.remove_user_field(4242, "Debtor", "xIntempus")
    company.uniconta_fields = set()
    before = company.now()
    run = company.sweep()
    assert (run.state, run.error_code) == ("failed", "flag_disappeared")
    company.debtor("1004")
    company.edit(unticked, City="Assens")
    company.settle()
    company.both()
    assert company.writes(before) == []  # neither "all un-ticked" nor "all in"
    assert standing(company.link(uniconta_key="1004"))[:2] == ("waiting", "flag_disappeared")
    company.edit(ticked, City="Ringe")  # what was ticked goes on
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Ringe"

    accept(company)
    assert sorted(row["number"] for row in company.customers()) == ["1001", "1002", "1003", "1004"]
    assert {row["active"] for row in company.customers()} == {True}
    assert company.customer_by_number("1003")["city"] == "Assens"


def test_a_field_that_appears_holds_and_asks(world: World) -> None:
    company = world.havnen
    row_id = company.debtor("1001")
    company.sweep()
    world.uniconta.add_user_field(4343, "Debtor", "xIntempus")
    company.uniconta_fields = {"xIntempus"}
    before = company.now()
    run = company.sweep()
    assert (run.state, run.error_code) == ("failed", "flag_appeared")
    company.debtor("1002", xIntempus=False)
    company.settle()
    assert company.writes(before) == []
    company.edit(row_id, City="Ringe")  # known records go on as before
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Ringe"
    assert company.customer_by_number("1001")["active"] is True

    company.edit(row_id, xIntempus=True)
    accept(company)
    assert [(row["number"], row["active"]) for row in company.customers()] == [("1001", True)]
    assert standing(company.link(uniconta_key="1002")) == ("excluded", "never_ticked", "")


def test_a_renamed_field_is_followed_by_the_setting(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.debtor("1002", xIntempus=False)
    company.settle()
    world.uniconta.rename_user_field(4242, "Debtor", "xIntempus", "xTid")
    before = company.now()
    assert company.sweep().error_code == "flag_disappeared"
    assert company.writes(before) == []
    company.update(opt_in_field="xTid")
    assert company.sweep().state == "done"
    assert company.entity_policy().hold_code == ""
    assert company.writes(before) == []
    assert standing(company.link(uniconta_key="1002")) == ("excluded", "never_ticked", "")
