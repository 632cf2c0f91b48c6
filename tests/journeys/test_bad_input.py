"""What people type and systems answer that they should not: one record asks its question, the others travel.

Its kin stand with their subject: phases, parents, excluded customers and end dates in `test_projects.py`, employees without a
number in `test_employees.py`, fields that do not stick in `test_verified_writes.py`, hostile values in `test_poison.py`.
"""

from typing import Any

import pytest

from sync.domain.drain import drain
from tests.factories import make_policy
from tests.journeys.conftest import Company, World
from tests.simulators.uniconta.tables import TABLES


@pytest.fixture(autouse=True)
def neighbour(world: World) -> Any:
    """Whatever happens at Nordbyg, Havnens El stays as it was."""
    havnen = world.havnen
    havnen.debtor("1001")
    havnen.settle()
    before = havnen.debtors(), havnen.customers()
    yield
    assert (havnen.debtors(), havnen.customers()) == before


def state(company: Company, **where: Any) -> tuple[str, str, str]:
    link = company.link(**where)
    return link.state, link.reason, link.detail


def numbers(company: Company) -> list[str]:
    return sorted(row["number"] for row in company.customers())


def test_a_name_too_long_for_the_other_side_is_said_before_anything_is_sent(world: World) -> None:
    company = world.nordbyg
    longest = "Å" * 255
    company.debtor("1001", Name=longest)
    row_id = company.debtor("1002", Name=longest + "Å", Group="2")
    company.both()
    assert company.groups_in_intempus() == [("1", "Danske")]  # who stays brings no group along
    assert [row["name"] for row in company.customers()] == [longest]
    assert [call.status for call in world.intempus.ledger.calls() if call.status == 400] == []
    standing, reason, detail = state(company, uniconta_key="1002")
    assert (standing, reason) == ("needs_attention", "value_refused")
    assert detail == "name: 256 characters, allowed are 255: 'ÅÅÅÅÅÅÅÅÅÅÅÅ...ÅÅÅÅÅÅÅÅÅÅÅÅÅ'"
    company.edit(row_id, Name="Kort")
    company.settle()
    assert numbers(company) == ["1001", "1002"]
    assert company.groups_in_intempus() == [("1", "Danske"), ("2", "Udland")]


def test_a_number_of_more_than_twenty_characters_is_not_cut_off(world: World) -> None:
    company = world.nordbyg
    make_policy(company.tenant, "project", default_group="1")
    world.uniconta.bulk(company.number, "ProjectGroup", 1, Group="1", Name="Regning")
    company.debtor("1001")
    company.both()
    longest = "S-" + "1" * 18
    values = {"name": "Fra Intempus", "customer": company.customers()[0]["id"]}
    for number in (longest, longest + "1"):
        world.intempus.person_creates(company.intempus_number, "case", number=number, **values)
    company.both()
    assert [row["Number"] for row in world.uniconta.rows(company.number, "Project")] == [longest]
    case = {row["number"]: row["id"] for row in world.intempus.rows(company.intempus_number, "case")}[longest + "1"]
    standing = state(company, entity="project", intempus_id=str(case))
    assert standing == ("needs_attention", "key_too_long", longest + "1")
    world.intempus.person_edits(company.intempus_number, "case", case, number="S-2")
    company.pull()
    assert [row["Number"] for row in world.uniconta.rows(company.number, "Project")] == [longest, "S-2"]


def test_two_records_with_one_number_in_intempus_are_a_question(world: World) -> None:
    company = world.nordbyg
    make_policy(company.tenant, "product")
    world.uniconta.bulk(company.number, "InvGroup", 1, Group="1", Name="Varer")
    for name in ("Kabel", "Kabel, ny"):
        world.intempus.person_creates(company.intempus_number, "product", name=name, number="4711", accessible=True)
    world.uniconta.bulk(company.number, "InvItem", 1, Item="4711", Name="Kabel 3x1,5", Group="1")
    company.both()
    names = [row["name"] for row in world.intempus.rows(company.intempus_number, "product")]
    assert names == ["Kabel", "Kabel, ny"]
    assert len(world.uniconta.rows(company.number, "InvItem")) == 1
    assert state(company, entity="product", uniconta_key="4711")[:2] == ("needs_attention", "ambiguous_match")


def test_an_unknown_country_is_a_question_until_somebody_says_which(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    record_id = company.customers()[0]["id"]
    company.edit_customer(record_id, country="Atlantis", city="Odense")
    company.pull()
    assert (company.debtors()["1001"]["Country"], company.debtors()["1001"]["City"]) == ("Denmark", None)
    assert state(company)[:2] == ("needs_attention", "value_refused")
    assert "Uniconta has no country 'Atlantis'" in state(company)[2]
    company.edit_customer(record_id, country="SE")
    company.pull()
    assert (company.debtors()["1001"]["Country"], company.debtors()["1001"]["City"]) == ("Sweden", "Odense")
    assert state(company) == ("in_sync", "", "")


def test_a_price_with_a_decimal_comma_is_no_other_price(world: World) -> None:
    company = world.nordbyg
    make_policy(company.tenant, "product")
    world.uniconta.bulk(company.number, "InvGroup", 1, Group="1", Name="Varer")
    [row_id] = world.uniconta.bulk(company.number, "InvItem", 1, Item="4711", Name="Kabel", Group="1", SalesPrice1=12.5)
    company.both()
    table = world.uniconta._table(company.number, TABLES["InvItem"])
    table.put(row_id, {**table.rows[row_id], "SalesPrice1": "1.234,50", "Name": "Kabel 2"})
    company.sweep()
    [product] = world.intempus.rows(company.intempus_number, "product")
    assert (product["name"], product["sales_price"]) == ("Kabel", "12.50")
    standing, reason, detail = state(company, entity="product")
    assert (standing, reason) == ("needs_attention", "mapping_error")
    assert "'1.234,50' with a comma" in detail
    table.put(row_id, {**table.rows[row_id], "SalesPrice1": 1234.5})
    company.sweep()
    [product] = world.intempus.rows(company.intempus_number, "product")
    assert (product["name"], product["sales_price"]) == ("Kabel 2", "1234.50")


def test_a_record_that_vanishes_between_hint_and_read(world: World) -> None:
    """One that nobody knew leaves nothing behind; one that has a pair asks what is to become of it."""
    company = world.nordbyg
    known = company.debtor("1001")
    company.both()
    new = company.debtor("1002")
    company.edit(known, City="Odense")
    world.uniconta.wait_for_webhooks()
    for row_id in (new, known):
        world.uniconta.person_deletes(company.number, "Debtor", row_id)
    company.settle()
    assert numbers(company) == ["1001"]
    assert [link.uniconta_key for link in company.links()] == ["1001"]
    assert state(company)[:2] == ("needs_attention", "deleted_in_uniconta")
    assert company.customers()[0]["active"] is True


@pytest.mark.parametrize("side", ["uniconta", "intempus"])
def test_a_group_deleted_while_in_use(world: World, side: str) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", Group="2")
    company.both()
    [there] = world.intempus.rows(company.intempus_number, "customer_group")
    if side == "uniconta":
        # Uniconta refuses it to a person; an import does not ask.
        table = world.uniconta._table(company.number, TABLES["DebtorGroup"])
        [group] = [row["RowId"] for row in table if row["Group"] == "2"]
        table.drop(group)
    else:
        world.intempus.switches.delete_refused_with_dependants = False
        world.intempus.person_deletes(company.intempus_number, "customer_group", there["id"])
    company.both()
    company.pull(is_complete=True)
    company.edit(row_id, City="Odense")
    company.settle()
    company.debtor("1002", Group="1")
    company.settle()
    group = company.link(entity="customer_group", intempus_id=str(there["id"]))
    asked = {
        "uniconta": ("excluded", "deleted_in_uniconta"),
        "intempus": ("needs_attention", "deleted_in_intempus"),
    }[side]
    assert (group.state, group.reason) == asked
    assert numbers(company) == ["1001", "1002"]
    assert state(company, uniconta_key="1001") == state(company, uniconta_key="1002") == ("in_sync", "", "")
    assert company.customer_by_number("1001")["city"] == "Odense"


@pytest.mark.parametrize("word", ['"KeyExists"', '"NoRights"', "Der er sket en fejl", ""])
def test_uniconta_answers_a_read_with_200_and_a_text(world: World, word: str) -> None:
    """Never read as an empty table: nothing is gone, and the change arrives with the next answer."""
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.both()
    before = company.now()
    world.uniconta.faults.add("status", status=200, body=word, method="GET", path="DebtorClientUser", times=1)
    company.edit(row_id, City="Odense")
    world.uniconta.wait_for_webhooks()
    drain(company.tenant.pk)
    assert company.writes(before)[1:] == []
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Odense"
    assert state(company) == ("in_sync", "", "")


@pytest.mark.parametrize("word", ['"FieldCannotBeBlank"', '"Noget gik galt"'])
def test_uniconta_answers_a_write_with_200_and_a_text(world: World, word: str) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    world.uniconta.faults.add("status", status=200, body=word, method="PUT", path="DebtorClientUser", times=1)
    company.edit_customer(company.customers()[0]["id"], city="Odense")
    company.pull()
    assert company.debtors()["1001"]["City"] == "Odense"
    assert state(company) == ("in_sync", "", "")
