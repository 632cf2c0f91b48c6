"""Before the first write: both systems are full, a person sees what corresponds to what, and decides."""

from __future__ import annotations

import pytest

from mappings.models import EntityPolicy, MatchRow, RecordLink
from mappings.spec import System
from sync.connectors.uniconta import UnicontaConnector
from sync.domain import actions
from sync.domain.first_matching import first_matching, summarise
from sync.domain.match_decisions import choose_winners, decide, link_by_hand, take_in_again, unlink
from sync.domain.move import move_company
from sync.domain.preview import preview_entity
from sync.models import ChangeEvent, Cursor
from tenants.scoping import ALL, tenant_scope
from tests.journeys.conftest import CVR, Company, World
from tests.journeys.test_m08_own_fields import add_rows

pytestmark = pytest.mark.one_profile

COUNTS = {"certain": 3, "probable": 1, "ambiguous": 5, "only_in_uniconta": 3, "only_in_intempus": 1}


@pytest.fixture
def full(world: World) -> Company:
    """A company that is being prepared, with records of every kind; its neighbour holds the same numbers."""
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    for each in (company, other):
        each.update(state="preparing")
    other.debtor("1001", Name="Jens Hansen", CompanyRegNo=CVR[0])
    company.debtor("1001", Name="Hansen Byg", CompanyRegNo=f"DK{CVR[0]}")
    company.customer(name="Hansen", number="a", vat_registration_number=f"{CVR[0][:2]} {CVR[0][2:]}")
    company.debtor("1002", Name="Holm")
    company.customer(name="Ida Holm", number="1002")
    company.debtor("1003", Name="Jens Hansen")
    company.customer(name="JENS HANSEN", number="b")
    # One CVR number, held by two debtors and by two customers.
    company.debtor("1004", Name="Kæden Nord", CompanyRegNo=CVR[1])
    company.debtor("1005", Name="Kæden Syd", CompanyRegNo=CVR[1])
    company.customer(name="Kæden", number="c", vat_registration_number=CVR[1])
    company.customer(name="Kæden filial", number="d", vat_registration_number=CVR[1])
    # The same, where the number tells which of the two the customer is: the other one is not new because of that.
    company.debtor("1010", Name="Filial 1", CompanyRegNo=CVR[2])
    company.debtor("1011", Name="Filial 2", CompanyRegNo=CVR[2])
    company.customer(name="Filialen", number="1010", vat_registration_number=CVR[2])
    company.debtor("1006", Name="Ny kunde")
    company.debtor("1007", Name="Lukket", Blocked=True)
    company.debtor("1008", Name="Uden flueben", xIntempus=False)
    company.customer(name="Kun i Intempus", number="e")
    return company


def read(company: Company) -> dict[str, int]:
    run = first_matching(company.tenant.pk)
    assert run is not None
    assert (run.state, run.error_code) == ("done", "")
    return {name: count for name, count in run.counts.items() if name != "read"}


def rows(company: Company) -> dict[str, MatchRow]:
    """By the name of the record."""
    with tenant_scope(company.tenant.pk):
        found = MatchRow.objects.filter(tenant=company.tenant).select_related("link", "other")
        return {row.link.name: row for row in found}


def test_every_record_gets_its_category_and_nothing_is_written(world: World, full: Company) -> None:
    before = full.now()
    assert read(full) == COUNTS
    by_name = rows(full)
    assert {name: (row.category, row.other.name if row.other else "") for name, row in by_name.items()} == {
        "Hansen Byg": ("certain", "Hansen"),
        "Holm": ("certain", "Ida Holm"),
        "Jens Hansen": ("probable", "JENS HANSEN"),
        "Filial 1": ("certain", "Filialen"),
        "Filial 2": ("ambiguous", ""),
        "Kæden Nord": ("ambiguous", ""),
        "Kæden Syd": ("ambiguous", ""),
        "Kæden": ("ambiguous", ""),
        "Kæden filial": ("ambiguous", ""),
        "Ny kunde": ("only_in_uniconta", ""),
        "Lukket": ("only_in_uniconta", ""),
        "Uden flueben": ("only_in_uniconta", ""),
        "Kun i Intempus": ("only_in_intempus", ""),
    }
    pair = {by_name["Kæden Nord"].link_id, by_name["Kæden Syd"].link_id}
    assert set(by_name["Kæden"].candidates) == set(by_name["Kæden filial"].candidates) == pair
    assert {name: row.writes for name, row in by_name.items() if row.writes} == {
        "Hansen Byg": ["update intempus"],
        "Holm": ["update intempus"],
        "Filial 1": ["update intempus"],
        "Ny kunde": ["create intempus"],
        "Kun i Intempus": ["create uniconta"],
    }
    assert (by_name["Lukket"].reason, by_name["Uden flueben"].reason) == ("blocked_only_in_uniconta", "never_ticked")
    assert full.writes(before) == world.havnen.writes(before) == []
    with tenant_scope(ALL):
        assert (ChangeEvent.objects.count(), Cursor.objects.count()) == (0, 0)
        assert set(RecordLink.objects.values_list("tenant_id", flat=True)) == {full.tenant.pk}


def test_what_a_field_rule_may_name_is_known_after_the_first_reading(world: World, full: Company) -> None:
    full.edit(full.debtors()["1001"]["RowId"], Dimension1="100")
    read(full)
    returned = full.entity_policy().fields_returned
    assert "Dimension1" in returned["uniconta"] and "notes" in returned["intempus"]
    assert world.havnen.entity_policy().fields_returned == {}


def test_the_summary_says_what_going_live_would_do(full: Company) -> None:
    read(full)
    with tenant_scope(full.tenant.pk):
        [summary] = summarise(full.tenant.pk)
    assert (summary.entity, summary.categories, summary.asked, summary.links) == ("customer", COUNTS, 6, 3)
    assert summary.writes == {"update intempus": 3, "create intempus": 1, "create uniconta": 1}
    assert summary.calls == (2, 6)


def test_a_dry_run_counts_the_same(full: Company) -> None:
    read(full)
    assert preview_entity(full.tenant.pk, "customer").matches == COUNTS


def test_reading_again_finds_what_changed_and_forgets_what_went(world: World, full: Company) -> None:
    read(full)
    full.debtor("1009", Name="Endnu en")
    row_id = full.debtors()["1006"]["RowId"]
    world.uniconta.person_deletes(4242, "Debtor", row_id)
    full.edit(full.debtors()["1005"]["RowId"], CompanyRegNo="")
    assert read(full) == COUNTS | {"ambiguous": 4, "only_in_uniconta": 4}
    assert "Ny kunde" not in rows(full)


def go_live(company: Company) -> None:
    company.press(actions.go_live, company.tenant.pk)
    company.both()
    company.both()


def standing(company: Company) -> dict[str, tuple[str, str, str]]:
    """Name → number in Uniconta, name in Intempus, and why it waits or stays out."""
    in_intempus = {str(row["id"]): row["name"] for row in company.customers()}
    return {
        link.name: (link.uniconta_key, in_intempus.get(link.intempus_id, ""), link.reason) for link in company.links()
    }


def test_undecided_nothing_ambiguous_is_linked_or_created(world: World, full: Company) -> None:
    with pytest.raises(actions.RefusedError):
        full.press(actions.go_live, full.tenant.pk)
    read(full)
    go_live(full)
    [born] = [number for number in full.debtors() if number.startswith("I")]
    assert standing(full) == {
        "Hansen Byg": ("1001", "Hansen Byg", ""),
        "Holm": ("1002", "Holm", ""),
        "Jens Hansen": ("1003", "", "proposal_match"),
        "JENS HANSEN": ("", "JENS HANSEN", "proposal_match"),
        "Filial 1": ("1010", "Filial 1", ""),
        "Filial 2": ("1011", "", "ambiguous_match"),
        "Kæden Nord": ("1004", "", "ambiguous_match"),
        "Kæden Syd": ("1005", "", "ambiguous_match"),
        "Kæden": ("", "Kæden", "ambiguous_match"),
        "Kæden filial": ("", "Kæden filial", "ambiguous_match"),
        "Ny kunde": ("1006", "Ny kunde", ""),
        "Lukket": ("1007", "", "blocked_only_in_uniconta"),
        "Uden flueben": ("1008", "", "never_ticked"),
        "Kun i Intempus": (born, "Kun i Intempus", ""),
    }
    assert world.havnen.writes() == []
    # A question is answered on the record's own page as ever, and the row asks no more.
    other = full.link(name="JENS HANSEN")
    full.press(actions.choose_match, full.link(name="Jens Hansen").pk, other.pk)
    full.settle()
    assert standing(full)["Jens Hansen"] == ("1003", "Jens Hansen", "")
    assert rows(full)["Jens Hansen"].decision == "link"


def test_decisions_are_carried_out_when_the_company_goes_live(world: World, full: Company) -> None:
    read(full)
    by_name = rows(full)

    def say(name: str, decision: str) -> None:
        full.press(decide, full.tenant.pk, [by_name[name].pk], decision)

    say("Jens Hansen", "link")
    say("Hansen Byg", "exclude")
    say("Ny kunde", "exclude")
    say("Holm", "exclude")
    say("Holm", "")  # taken back
    full.press(link_by_hand, full.tenant.pk, by_name["Kæden Nord"].pk, by_name["Kæden filial"].link_id)
    say("Kæden Syd", "create")
    say("Filial 2", "create")
    say("Kæden", "exclude")
    assert read(full) == COUNTS | {"ambiguous": 4}  # the decisions stand
    go_live(full)
    assert standing(full) == {
        "Hansen Byg": ("1001", "", "left_out"),
        "Hansen": ("", "Hansen", "left_out"),
        "Holm": ("1002", "Holm", ""),
        "Jens Hansen": ("1003", "Jens Hansen", ""),
        "Filial 1": ("1010", "Filial 1", ""),
        "Filial 2": ("1011", "Filial 2", ""),
        "Kæden Nord": ("1004", "Kæden Nord", ""),
        "Kæden Syd": ("1005", "Kæden Syd", ""),
        "Kæden": ("", "Kæden", "left_out"),
        "Ny kunde": ("1006", "", "left_out"),
        "Lukket": ("1007", "", "blocked_only_in_uniconta"),
        "Uden flueben": ("1008", "", "never_ticked"),
        "Kun i Intempus": (full.link(name="Kun i Intempus").uniconta_key, "Kun i Intempus", ""),
    }
    # Left out means both ways and for good.
    before = full.now()
    full.edit(full.debtors()["1001"]["RowId"], City="Odense")
    full.edit_customer(int(full.link(name="Hansen").intempus_id), city="Vejle")
    full.both()
    assert full.writes(before) == []
    assert world.havnen.writes() == []


def test_per_field_the_person_says_which_value_stands(world: World, full: Company) -> None:
    full.edit(full.debtors()["1001"]["RowId"], City="Odense", Phone="11111111", Address1="")
    hansen = next(row["id"] for row in full.customers() if row["name"] == "Hansen")
    full.edit_customer(hansen, city="Vejle", phone="22222222", street_address="Gaden 1", zip_code="")
    full.edit(full.debtors()["1001"]["RowId"], ZipCode="5000")
    full.edit(full.debtors()["1002"]["RowId"], City="Odense", ZipCode="5000")
    holm = next(row["id"] for row in full.customers() if row["name"] == "Ida Holm")
    full.edit_customer(holm, city="Vejle", phone="33333333")
    read(full)
    by_name = rows(full)
    full.press(choose_winners, full.tenant.pk, [by_name["Hansen Byg"].pk], {"city": "intempus", "phone": "blanks"})
    full.press(choose_winners, full.tenant.pk, [by_name["Holm"].pk], {"": "blanks"})
    assert rows(full)["Hansen Byg"].writes == ["update intempus", "update uniconta"]
    go_live(full)
    debtors, customers = full.debtors(), {row["id"]: row for row in full.customers()}
    names = ("city", "phone", "street_address", "zip_code", "name")
    assert [customers[hansen][name] for name in names] == ["Vejle", "22222222", "Gaden 1", "5000", "Hansen Byg"]
    assert [debtors["1001"][name] for name in ("City", "Phone", "Address1", "ZipCode", "Name")] == [
        "Vejle", "11111111", "Gaden 1", "5000", "Hansen Byg"
    ]  # fmt: skip
    assert [customers[holm][name] for name in ("city", "phone", "zip_code", "name")] == [
        "Vejle", "33333333", "5000", "Ida Holm"
    ]  # fmt: skip
    assert [debtors["1002"][name] for name in ("City", "Phone", "Name")] == ["Odense", "33333333", "Holm"]
    assert full.link(name="Holm").differing == ["name", "city"]
    assert world.havnen.writes() == []


def test_a_choice_is_for_the_first_writing_only(world: World, full: Company) -> None:
    """What the person was shown is written by then; a field that is mapped later is Uniconta's, as for every other pair."""
    read(full)
    full.press(choose_winners, full.tenant.pk, [rows(full)["Hansen Byg"].pk], {"": "intempus"})
    go_live(full)
    assert full.debtors()["1001"]["Name"] == "Hansen"
    full.edit(full.debtors()["1001"]["RowId"], Dimension1="100")
    full.edit_customer(int(full.link(uniconta_key="1001").intempus_id), notes="200")
    full.both()
    add_rows(full)
    full.forget_the_overlap()
    full.both()
    assert full.debtors()["1001"]["Dimension1"] == "100"
    assert full.customer_by_number("1001")["notes"] == "Tømrer"
    assert full.link(uniconta_key="1001").winners == {}
    assert world.havnen.writes() == []


def test_a_pair_that_joins_by_its_keys_is_asked_about_no_more(world: World, full: Company) -> None:
    read(full)
    go_live(full)
    assert rows(full)["Jens Hansen"].is_asked
    twin = int(full.link(name="JENS HANSEN").intempus_id)
    full.edit(full.debtors()["1003"]["RowId"], CompanyRegNo=CVR[3])
    full.edit_customer(twin, vat_registration_number=CVR[3])
    full.both()
    assert standing(full)["Jens Hansen"] == ("1003", "Jens Hansen", "")
    asked = {name for name, row in rows(full).items() if row.is_asked}
    assert asked == {"Filial 2", "Kæden Nord", "Kæden Syd", "Kæden", "Kæden filial"}
    assert world.havnen.writes() == []


def test_a_pair_is_taken_apart_and_put_together_otherwise(world: World) -> None:
    company = world.nordbyg
    world.uniconta.switches.webhook_drop_probability = 1.0
    row_id = company.debtor("1001", Name="Hansen", City="Odense")
    right = company.customer(name="En anden", number="x", city="Vejle")
    company.policy(create_in_uniconta=False)
    company.both()
    wrong = int(company.link(uniconta_key="1001").intempus_id)
    before = company.now()
    company.press(unlink, company.link(uniconta_key="1001").pk)
    company.edit(row_id, City="Assens")
    company.edit_customer(wrong, city="Nyborg")
    company.both()
    assert company.writes(before) == []
    assert [(link.uniconta_key, link.intempus_id, link.reason) for link in company.links()] == [
        ("", str(right), "creates_off"), ("", str(wrong), "left_out"), ("1001", "", "left_out")
    ]  # fmt: skip
    link = company.link(uniconta_key="1001")
    company.press(actions.choose_match, link.pk, company.link(intempus_id=str(right)).pk)
    company.settle()
    assert {row["id"]: (row["number"], row["city"]) for row in company.customers()} == {
        right: ("1001", "Assens"), wrong: ("1001", "Nyborg")
    }  # fmt: skip
    assert company.link(intempus_id=str(wrong)).reason == "left_out"
    company.press(take_in_again, company.link(intempus_id=str(wrong)).pk)
    company.settle()
    assert company.link(intempus_id=str(wrong)).reason == "creates_off"
    world.ends_well = False  # a half's log entries stayed with the other half


def test_a_decision_said_twice_takes_no_other_one_back(world: World, full: Company) -> None:
    read(full)
    by_name = rows(full)
    full.press(decide, full.tenant.pk, [by_name["Jens Hansen"].pk], "create")
    full.press(decide, full.tenant.pk, [rows(full)["JENS HANSEN"].pk], "exclude")
    full.press(decide, full.tenant.pk, [by_name["Jens Hansen"].pk], "create")
    assert rows(full)["JENS HANSEN"].decision == "exclude"
    go_live(full)
    assert standing(full)["JENS HANSEN"] == ("", "JENS HANSEN", "left_out")
    assert standing(full)["Jens Hansen"] == ("1003", "Jens Hansen", "")
    assert world.havnen.writes() == []


def test_an_empty_table_forgets_no_decision(world: World, full: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right withdrawn in Uniconta looks like an empty table."""
    read(full)
    full.press(decide, full.tenant.pk, [rows(full)["Ny kunde"].pk], "exclude")
    with monkeypatch.context() as patch:
        patch.setattr(UnicontaConnector, "read_all", lambda *_: iter(()))
        read(full)
    assert read(full) == COUNTS
    assert rows(full)["Ny kunde"].decision == "exclude"
    assert world.havnen.writes() == []


def test_nothing_decided_moves_to_another_company(world: World, full: Company) -> None:
    read(full)
    by_name = rows(full)
    full.press(choose_winners, full.tenant.pk, [by_name["Hansen Byg"].pk], {"": "intempus"})
    full.press(decide, full.tenant.pk, [by_name["Kæden Nord"].pk], "create")
    full.press(decide, full.tenant.pk, [by_name["Ny kunde"].pk], "exclude")
    with tenant_scope(full.tenant.pk):
        move_company(full.tenant.pk, System.INTEMPUS, None)
    marks = {(link.state, link.is_match_rejected, link.is_left_out, str(link.winners)) for link in full.links()}
    assert marks == {("new", False, False, "{}")}
    assert world.havnen.writes() == []


def test_an_entity_switched_on_later_goes_through_its_own_first_matching(world: World) -> None:
    """Customers are live; items are switched on in the console. Nothing of them moves before a person has looked."""
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    for each in (company, other):
        each.debtor("1001")
        world.uniconta.bulk(each.number, "InvGroup", 1, Group="10", Name="Varer")
        item = {"Name": "Kabel", "Group": "10", "SalesPrice1": 5.0}
        each.uniconta.person_creates(each.number, "InvItem", Item="A1", **item)
        each.uniconta.person_creates(each.number, "InvItem", Item="A2", **item | {"Name": "Rør"})
        each.intempus.person_creates(
            each.intempus_number, "product", number="A1", name="Kabel (gammel)", accessible=True
        )
        each.intempus.person_creates(each.intempus_number, "product", number="x", name="Rør", accessible=True)
        each.both()
    policy = EntityPolicy(tenant=company.tenant, entity="product", default_group="10", create_in_uniconta=False)
    policy.begin_later()  # as the console's form does
    with tenant_scope(company.tenant.pk):
        policy.save()
    before = company.now()
    company.debtor("1002")
    company.both()
    assert [write[1] for write in company.writes(before)] == ["customer"]
    assert products(company) == [("A1", "Kabel (gammel)"), ("x", "Rør")]
    with pytest.raises(actions.RefusedError, match="not_matched"):
        company.press(actions.begin_entity, policy.pk)
    assert read(company) == {"certain": 1, "probable": 1}
    company.press(decide, company.tenant.pk, [rows(company)["Rør"].pk], "create")
    assert products(company) == [("A1", "Kabel (gammel)"), ("x", "Rør")]
    company.press(actions.begin_entity, policy.pk)
    company.both()
    assert products(company) == [("A1", "Kabel"), ("A2", "Rør"), ("x", "Rør")]
    assert first_matching(company.tenant.pk).error_code == "live_already"  # type: ignore[union-attr]
    assert products(other) == [("A1", "Kabel (gammel)"), ("x", "Rør")]


def products(company: Company) -> list[tuple[str, str]]:
    rows = company.intempus.rows(company.intempus_number, "product")
    return sorted((row["number"], row["name"]) for row in rows)
