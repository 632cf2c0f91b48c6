"""A customer made in Intempus becomes a debtor with a number of the tenant's own, which travels back."""

from sync.domain import actions
from tests.journeys.conftest import World


def test_prefix_default_group_and_the_number_back(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.both()
    customer_id = company.customer(name="Født her", city="Nyborg", country="SE", email="x@y.dk", contact="Bo")
    asleep = company.customer(name="Sover", active=False)
    company.pull()
    number = f"I{customer_id}"
    debtor = company.debtors()[number]
    names = ("Name", "City", "Country", "ContactEmail", "ContactPerson", "InvoiceEmail", "Group", "CompanyRegNo")
    assert [debtor[name] for name in names] == [
        "Født her", "Nyborg", "Sweden", "x@y.dk", "Bo", None, "1", None
    ]  # fmt: skip
    customer = company.customer_by_number(number)
    assert (customer["id"], customer["name"], customer["active"]) == (customer_id, "Født her", True)
    assert list(company.debtors()) == [number]
    assert company.link(intempus_id=str(asleep)).reason == "inactive_only_in_intempus"
    assert company.link(uniconta_key=number).state == "in_sync"
    assert company.link(uniconta_key=number).differing == []
    assert other.debtors() == {}


def test_before_the_first_load_nothing_is_made(world: World) -> None:
    company = world.nordbyg
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.debtor("1001", CompanyRegNo="25313763", xIntempus=False)
    customer_id = company.customer(name="Kendt", number="25313763")
    company.pull()
    assert list(company.debtors()) == ["1001"]
    company.sweep()
    assert list(company.debtors()) == ["1001"]
    assert company.link().intempus_id == str(customer_id)


def test_a_number_that_is_taken_is_a_question(world: World) -> None:
    company = world.nordbyg
    company.both()
    customer_id = company.customer(name="Født her")
    taken = company.debtor(f"i{customer_id}", Name="Har nummeret", xIntempus=False)
    company.pull()
    link = company.link(intempus_id=str(customer_id))
    assert (link.state, link.reason) == ("needs_attention", "key_taken")
    assert list(company.debtors()) == [f"i{customer_id}"]
    company.edit(taken, Account="2000")
    company.settle()
    company.press(actions.retry, [link.pk])
    company.settle()
    assert sorted(company.debtors()) == ["2000", f"I{customer_id}"]
    assert company.debtors()["2000"]["Name"] == "Har nummeret"


def test_switched_off_creates_wait_for_the_switch(world: World) -> None:
    company = world.nordbyg
    company.both()
    company.policy(create_in_uniconta=False, create_in_intempus=False)
    customer_id = company.customer(name="Født her")
    company.debtor("1001")
    company.both()
    assert [(link.state, link.reason) for link in company.links()] == [("excluded", "creates_off")] * 2
    company.policy(create_in_uniconta=True, create_in_intempus=True)
    company.sweep()
    company.pull()
    assert sorted(company.debtors()) == ["1001", f"I{customer_id}"]
    assert sorted(row["number"] for row in company.customers()) == ["1001", f"I{customer_id}"]


def test_a_direction_that_is_off_keeps_its_changes(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    customer_id = company.customer_by_number("1001")["id"]
    company.policy(to_intempus=False)
    company.edit(row_id, City="Assens")
    company.edit_customer(customer_id, phone="22222222")
    company.settle()
    company.both()
    assert (company.customer_by_number("1001")["city"], company.debtors()["1001"]["Phone"]) == ("", "22222222")
    company.policy(to_intempus=True)
    company.sweep()
    assert company.customer_by_number("1001")["city"] == "Assens"
    assert company.overwritten() == []


def test_the_next_number_of_a_series_passes_over_numbers_in_use(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    world.uniconta.bulk(company.number, "NumberSerie", 1, Serie="Kunder", Name="Kundenumre", Next=1000, Last=1003)
    company.policy(number_series="Kunder")
    company.debtor("1000", xIntempus=False)  # somebody used the number by hand
    company.both()
    first, second, third, fourth = (company.customer(name=f"Født {n}") for n in range(4))
    company.pull()
    numbers = {row["id"]: row["number"] for row in company.customers()}
    assert [numbers[record] for record in (first, second, third)] == ["1001", "1002", "1003"]
    assert sorted(company.debtors()) == ["1000", "1001", "1002", "1003"]
    late = company.link(intempus_id=str(fourth))
    assert (late.state, late.reason, numbers[fourth]) == ("needs_attention", "number_series_used_up", "")

    [series] = world.uniconta.rows(company.number, "NumberSerie")
    world.uniconta.person_edits(company.number, "NumberSerie", series["RowId"], Last=2000)
    company.press(actions.retry, [late.pk])
    company.settle()
    assert company.debtors()["1004"]["Name"] == "Født 3"
    [series] = world.uniconta.rows(company.number, "NumberSerie")
    assert series["Next"] == 1005
    assert other.debtors() == {}
