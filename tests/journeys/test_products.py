"""Products: items of Uniconta and products of Intempus, their groups on demand, prices one way only."""

from typing import Any

import pytest

from mappings.models import FieldRule
from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World


@pytest.fixture
def company(world: World) -> Company:
    """Both companies synchronise products; Havnens El has one already, with the same number and row id."""
    for each in world.companies:
        make_policy(each.tenant, "product", number_prefix="P", default_group="20")
        for group, name in (("10", "Kabler"), ("20", "Diverse")):
            world.uniconta.bulk(each.number, "InvGroup", 1, Group=group, Name=name)
    world.nordbyg.has_tick_field()
    world.uniconta.add_user_field(world.nordbyg.number, "InvItem", "xIntempus")
    item(world.havnen, Name="Kontakt", Group="10", SalesPrice1=40.0)
    world.havnen.settle()
    return world.nordbyg


@pytest.fixture(autouse=True)
def neighbour(world: World, company: Company) -> Any:
    """Whatever happens at Nordbyg, Havnens El stays as it was."""
    before = stands(world.havnen)
    assert (len(before[0]), len(before[1])) == (1, 1)
    yield
    assert stands(world.havnen) == before


def stands(company: Company) -> tuple[Any, Any, Any]:
    return items(company), products(company), groups(company)


def item(company: Company, number: str = "4711", **values: Any) -> int:
    defaults = {"Name": "Kabel 3x1,5", "Group": "10", "Unit": "Pcs"}
    return int(company.uniconta.person_creates(company.number, "InvItem", Item=number, **(defaults | values)))


def edit_item(company: Company, row_id: int, **values: Any) -> None:
    company.uniconta.person_edits(company.number, "InvItem", row_id, **values)
    company.settle()


def edit_product(company: Company, record_id: int, **values: Any) -> None:
    company.intempus.person_edits(company.intempus_number, "product", record_id, **values)
    company.pull()


def items(company: Company) -> list[dict[str, Any]]:
    return [dict(row) for row in company.uniconta.rows(company.number, "InvItem")]


def products(company: Company) -> list[dict[str, Any]]:
    """All a person sees of the products in Intempus; the change counter is nobody's value."""
    rows = sorted(company.intempus.rows(company.intempus_number, "product"), key=lambda row: row["id"])
    return [{name: value for name, value in row.items() if name != "logical_timestamp"} for row in rows]


def groups(company: Company) -> list[tuple[str, str]]:
    rows = company.intempus.rows(company.intempus_number, "product_group")
    return sorted((row["number"], row["name"]) for row in rows)


def shown(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


PRICED = {"xIntempus": True, "SalesPrice1": 125.5, "CostPrice": 80.25, "EAN": "5701234567899"}


def test_an_item_arrives_with_its_group(company: Company) -> None:
    item(company, **PRICED)
    item(company, "4712", xIntempus=False, Group="20")
    company.settle()
    [product] = products(company)
    [group] = company.intempus.rows(company.intempus_number, "product_group")
    assert shown(product, "number", "name", "unit", "sales_price", "bar_code", "accessible") == (
        "4711",
        "Kabel 3x1,5",
        "Styk",
        "125.50",
        "5701234567899",
        True,
    )
    assert product["cost_price"] is None  # off by default
    assert product["product_group"] == group["id"]
    assert groups(company) == [("10", "Kabler")]
    company.both()
    assert company.link(entity="product", uniconta_key="4712").reason == "never_ticked"
    assert company.link(entity="product_group", uniconta_key="20").reason == "not_used"
    assert groups(company) == [("10", "Kabler")]


def test_edits_of_price_unit_and_bar_code_travel(company: Company) -> None:
    row_id = item(company, **PRICED)
    company.settle()
    edit_item(company, row_id, SalesPrice1=1234.567, Unit="Hours", EAN="")
    [product] = products(company)
    assert shown(product, "sales_price", "unit", "bar_code") == ("1234.57", "Timer", "")
    assert company.link(entity="product").differing == []


def test_a_price_edited_in_intempus_is_not_taken_over(company: Company) -> None:
    item(company, **PRICED)
    company.settle()
    [product] = products(company)
    edit_product(company, product["id"], sales_price="99.00", bar_code="1")
    assert shown(items(company)[0], "SalesPrice1", "EAN") == (125.5, "5701234567899")
    assert shown(products(company)[0], "sales_price", "bar_code") == ("99.00", "1")
    assert sorted(company.not_taken_over()) == [("bar_code", "5701234567899", "1"), ("sales_price", "125.5", "99")]


def test_a_price_edited_in_intempus_differs_until_uniconta_prices_anew(company: Company) -> None:
    row_id = item(company, **PRICED)
    company.settle()
    [product] = products(company)
    edit_product(company, product["id"], sales_price="99.00")
    edit_item(company, row_id, Name="Kabel 5x1,5")
    assert shown(products(company)[0], "name", "sales_price") == ("Kabel 5x1,5", "99.00")
    assert company.link(entity="product").differing == ["sales_price"]
    edit_item(company, row_id, SalesPrice1=130.0)
    assert shown(products(company)[0], "sales_price") == ("130.00",)
    assert company.link(entity="product").differing == []


def test_blocked_is_inactive_both_ways(company: Company) -> None:
    row_id = item(company, **PRICED)
    company.settle()
    record_id = products(company)[0]["id"]

    def state() -> tuple[bool, bool, str]:
        link = company.link(entity="product")
        return items(company)[0]["Blocked"], products(company)[0]["accessible"], link.inactive_reason

    assert state() == (False, True, "")
    edit_item(company, row_id, Blocked=True)
    assert state() == (True, False, "blocked")
    edit_item(company, row_id, Blocked=False)
    assert state() == (False, True, "")
    edit_product(company, record_id, accessible=False)
    assert state() == (True, False, "person")
    edit_product(company, record_id, accessible=True)
    assert state() == (False, True, "")
    edit_item(company, row_id, xIntempus=False)
    assert state() == (False, False, "flag")


def test_a_product_born_in_intempus_gets_the_default_group(company: Company) -> None:
    company.sweep()  # what Uniconta has must be known before anything is made there
    record_id = company.intempus.person_creates(
        company.intempus_number, "product", name="Beslag", unit="Styk", sales_price="12.00", accessible=True
    )
    company.pull()
    [row] = items(company)
    assert shown(row, "Item", "Name", "Group", "Unit", "Blocked", "xIntempus") == (
        f"P{record_id}",
        "Beslag",
        "20",
        "Pcs",
        False,
        True,
    )
    assert (
        row["SalesPrice1"] == 0.0
    )  # prices are Uniconta's, and that is none yet: the one in Intempus stays, and is told
    assert shown(products(company)[0], "number", "name", "sales_price") == (f"P{record_id}", "Beslag", "12.00")
    assert company.not_taken_over() == [("sales_price", "", "12")]
    assert company.link(entity="product").differing == ["sales_price"]
    company.both()
    assert shown(products(company)[0], "sales_price") == ("12.00",)
    edit_item(company, row["RowId"], SalesPrice1=15.0)
    assert shown(products(company)[0], "sales_price") == ("15.00",)
    assert groups(company) == [("20", "Diverse")]


def test_a_unit_that_uniconta_does_not_have_asks_a_person(company: Company) -> None:
    company.sweep()
    company.intempus.person_creates(company.intempus_number, "product", name="Palle", unit="Palle", accessible=True)
    company.pull()
    assert items(company) == []
    link = company.link(entity="product")
    assert (link.state, link.reason) == ("needs_attention", "value_refused")
    assert "Uniconta has no unit 'Palle'" in link.detail


def test_the_same_number_is_one_product(company: Company) -> None:
    company.intempus.person_creates(company.intempus_number, "product", number="4711", name="Ledning", accessible=True)
    item(company, **PRICED)
    company.both()
    assert [shown(row, "number", "name") for row in products(company)] == [("4711", "Kabel 3x1,5")]
    assert company.link(entity="product").is_linked


def test_cost_price_travels_where_a_rule_switches_it_on(company: Company) -> None:
    row_id = item(company, **PRICED)
    company.settle()
    with tenant_scope(company.tenant.pk):
        rule = FieldRule(tenant=company.tenant, entity="product", attribute="cost_price")
        rule.full_clean()
        rule.save()
    company.both()
    assert products(company)[0]["cost_price"] == "80.25"
    edit_item(company, row_id, CostPrice=81.0)
    assert products(company)[0]["cost_price"] == "81.00"


def test_a_company_without_products_switched_on_is_left_alone(world: World, company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        company.tenant.policies.filter(entity="product").delete()
    since = company.now()
    item(company, **PRICED)
    company.both()
    assert products(company) == []
    assert [call for call in world.uniconta.ledger.calls(since=since[0]) if "Inv" in call.path] == []
