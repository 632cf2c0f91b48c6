"""M10: what a person may answer when one side of a pair was deleted."""

import pytest

from mappings.models import RecordLink
from sync.domain import actions
from sync.domain.merged import merge_into, targets
from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World
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


# ------------------------------------------------------------------------------------------------ merged into …


def merge(company: Company, gone: RecordLink, text: str) -> None:
    """A person types into what the record was merged."""
    with tenant_scope(company.tenant.pk):
        [target] = targets(gone, text)
    company.press(merge_into, gone.pk, target.pk)
    company.settle()


def project(company: Company, number: str, account: str) -> int:
    row = {"Number": number, "Name": f"Projekt {number}", "Account": account, "Group": "1", "Phase": "InProgress"}
    return int(company.uniconta.person_creates(company.number, "Project", **row))


def case_customer(company: Company, number: str) -> int:
    rows = company.intempus.rows(company.intempus_number, "case")
    return next(int(row["customer"]) for row in rows if row["number"] == number)


def test_merged_into_another_that_is_in_intempus(world: World) -> None:
    """Its own record there is closed, and what was under it is under the other one, also what Uniconta tells late."""
    company, other = world.nordbyg, world.havnen
    for each in world.companies:
        make_policy(each.tenant, "project", default_group="1")
        world.uniconta.bulk(each.number, "ProjectGroup", 1, Group="1", Name="Fast pris")
    before_other = [pair(other)]
    (row_id, gone_id), (_, stays_id) = pair(company), pair(company, "1002")
    project_id = project(company, "5001", "1001")
    company.settle()
    assert case_customer(company, "5001") == gone_id
    company.uniconta.person_edits(company.number, "Project", project_id, Account="1002")  # as Uniconta does
    delete_in_uniconta(company, row_id)
    merge(company, company.link(uniconta_key="1001"), "1002")
    link = company.link(uniconta_key="1001")
    assert (link.state, link.reason, link.detail) == ("excluded", "merged", "1002 Kunde 1002")
    assert {row["id"]: row["active"] for row in company.customers()} == {gone_id: False, stays_id: True}
    assert case_customer(company, "5001") == stays_id
    late = company.intempus.person_creates(
        company.intempus_number, "case", number="S-1", name="Sen sag", customer=gone_id, active=True
    )
    company.both()
    born = next(row for row in company.uniconta.rows(company.number, "Project") if row["Name"] == "Sen sag")
    assert (born["Account"], company.link(entity="project", intempus_id=str(late)).state) == ("1002", "in_sync")
    before = company.now()
    company.both()
    assert company.writes(before) == []
    assert [pair_id for _, pair_id in before_other] == [row["id"] for row in other.customers() if row["active"]]


def test_merged_into_another_that_intempus_does_not_have(world: World) -> None:
    """The record there is the other one's from now on: hours and cases stay where they are."""
    company = world.nordbyg
    row_id, customer_id = pair(company)
    company.debtor("1002", xIntempus=False, City="Odense")
    company.settle()
    delete_in_uniconta(company, row_id)
    before = company.now()
    merge(company, company.link(uniconta_key="1001"), "1002")
    company.both()
    assert company.writes(before) == []  # linked, but not ticked: nothing goes
    target = company.link(uniconta_key="1002")
    assert (target.intempus_id, target.reason) == (str(customer_id), "never_ticked")
    company.edit(int(target.uniconta_id), xIntempus=True)
    company.settle()
    [customer] = company.customers()
    assert (customer["id"], customer["number"], customer["city"], customer["active"]) == (
        customer_id,
        "1002",
        "Odense",
        True,
    )
    gone = company.link(uniconta_key="1001")
    assert (gone.reason, gone.intempus_id, gone.merged_into_id) == ("merged", "", target.pk)
    world.ends_well = False  # the log's first create names a record that is another link's now


def test_what_cannot_have_been_merged_is_refused(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id, _ = pair(company)
    pair(company, "1002")
    pair(other)
    gone, stays, foreign = company.link(uniconta_key="1001"), company.link(uniconta_key="1002"), other.link()
    with pytest.raises(ValueError, match="merged"):  # it is there
        company.press(merge_into, gone.pk, stays.pk)
    delete_in_uniconta(company, row_id)
    for pk in (gone.pk, foreign.pk):
        with pytest.raises(ValueError, match="merged"):
            company.press(merge_into, gone.pk, pk)
    merge(company, gone, "1002")
    again = company.debtor("1001", CompanyRegNo="25313763")  # somebody made it anew: the number is the new one's
    company.settle()
    assert company.link(uniconta_id=str(again)).merged_into is None
