"""M4: Uniconta overwrites, nothing is lost silently, and the order of hints means nothing."""

import pytest

from tests.journeys.conftest import Company, World


def both_sides(company: Company) -> tuple[dict[str, object], dict[str, object]]:
    debtor, [customer] = company.debtors()["1001"], company.customers()
    return (
        {name: debtor[name] or "" for name in ("Name", "City", "Phone")},
        {name: customer[name] for name in ("name", "city", "phone")},
    )


def pair(company: Company) -> tuple[int, int]:
    row_id = company.debtor("1001", Name="Hansen", City="Odense", Phone="11111111")
    company.settle()
    return row_id, company.customer_by_number("1001")["id"]


@pytest.mark.parametrize("first", ["uniconta", "intempus"])
def test_both_changed_uniconta_wins_in_either_order(world: World, first: str) -> None:
    company, other = world.nordbyg, world.havnen
    row_id, customer_id = pair(company)
    pair(other)
    world.uniconta.switches.webhook_drop_probability = 1.0
    edits = [
        lambda: company.edit(row_id, City="Assens"),
        lambda: company.edit_customer(customer_id, city="Nyborg", phone="22222222"),
    ]
    for edit in edits if first == "uniconta" else edits[::-1]:
        edit()
    if first == "uniconta":
        company.hint(row_id, times=3)
        company.sweep()
        company.hint(row_id, times=2)
        company.pull()
    else:
        company.pull()
        company.sweep()
    expected = {"Name": "Hansen", "City": "Assens", "Phone": "11111111"}
    assert both_sides(company) == (expected, {name.lower(): value for name, value in expected.items()})
    assert company.overwritten() == [("city", "Nyborg", "Assens"), ("phone", "22222222", "11111111")]
    assert other.overwritten() == []


def test_hints_doubled_and_reordered_make_no_difference(world: World) -> None:
    company = world.nordbyg
    row_id, customer_id = pair(company)
    world.uniconta.switches.webhook_duplicate = world.uniconta.switches.webhook_reorder = True
    company.edit_customer(customer_id, city="Nyborg", phone="22222222")
    for city in ("Ringe", "Faaborg", "Assens"):
        company.edit(row_id, City=city)
    company.hint(row_id, times=4)
    before = company.now()
    company.both()
    expected = {"Name": "Hansen", "City": "Assens", "Phone": "11111111"}
    assert both_sides(company) == (expected, {name.lower(): value for name, value in expected.items()})
    assert company.overwritten() == [("city", "Nyborg", "Assens"), ("phone", "22222222", "11111111")]
    assert company.writes(before) == [("updated", "customer", customer_id)]


def test_one_side_changed_travels(world: World) -> None:
    company = world.nordbyg
    row_id, customer_id = pair(company)
    company.edit(row_id, City="Assens")
    company.settle()
    company.edit_customer(customer_id, phone="22222222")
    company.pull()
    expected = {"Name": "Hansen", "City": "Assens", "Phone": "22222222"}
    assert both_sides(company) == (expected, {name.lower(): value for name, value in expected.items()})
    assert company.overwritten() == []


def test_a_save_that_alters_no_mapped_field_overwrites_nothing(world: World) -> None:
    company = world.nordbyg
    row_id, customer_id = pair(company)
    company.edit_customer(customer_id, city="Nyborg")
    company.edit(row_id, CreditMax=12345)  # saved in Uniconta, but nothing of ours
    company.settle()
    assert both_sides(company)[0]["City"] == "Nyborg"
    assert company.overwritten() == []


def test_a_renamed_group_is_no_save_of_its_debtors(world: World) -> None:
    company = world.nordbyg
    row_id, customer_id = pair(company)
    [group] = [row for row in world.uniconta.rows(4242, "DebtorGroup") if row["Group"] == "1"]
    world.uniconta.person_edits(4242, "DebtorGroup", group["RowId"], Group="1A")
    company.edit_customer(customer_id, city="Nyborg")
    company.hint(row_id)
    company.settle()
    company.both()
    assert both_sides(company)[0]["City"] == "Nyborg"
    assert company.overwritten() == []
    assert company.link(intempus_id=str(customer_id)).differing == []


def test_merge_fields_keeps_what_only_intempus_changed(world: World) -> None:
    company = world.nordbyg
    company.update(conflict_policy="merge_fields")
    row_id, customer_id = pair(company)
    company.edit_customer(customer_id, city="Nyborg", phone="22222222")
    company.edit(row_id, City="Assens", Name="Jensen")
    company.settle()
    expected = {"Name": "Jensen", "City": "Assens", "Phone": "22222222"}
    assert both_sides(company) == (expected, {name.lower(): value for name, value in expected.items()})
    assert company.overwritten() == [("city", "Nyborg", "Assens")]


def test_the_first_link_adopts_fills_and_lists(world: World) -> None:
    company = world.nordbyg
    customer_id = company.customer(
        number="25313763", name="Hansen", city="Nyborg", phone="22222222", vat_registration_number="25313763"
    )
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.debtor("1001", CompanyRegNo="25313763", Name="Hansen", City="Odense", Address1="Vej 1")
    company.both()
    debtor, [customer] = company.debtors()["1001"], company.customers()
    assert customer["id"] == customer_id
    assert (customer["name"], debtor["Name"]) == ("Hansen", "Hansen")  # equal: adopted
    assert (customer["street_address"], debtor["Phone"]) == ("Vej 1", "22222222")  # one blank: filled
    assert (customer["city"], debtor["City"]) == ("Odense", "Odense")  # both filled: Uniconta's
    assert company.overwritten() == [("number", "25313763", "1001"), ("city", "Nyborg", "Odense")]
    assert company.link().is_linked
