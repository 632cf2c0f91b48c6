"""A write counts only as far as the answer shows it: what did not stick is a question, never silence, never a loop."""

from sync.domain import actions
from tests.journeys.conftest import Company, World


def standing(company: Company) -> tuple[str, str, str, list[str]]:
    link = company.link()
    return link.state, link.reason, link.detail, link.differing


def test_a_field_intempus_does_not_keep(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id = company.debtor("1001", City="Odense", Phone="11111111")
    other.debtor("1001", City="Odense")
    company.settle()
    other.settle()
    world.intempus.switches.read_only_fields = ("city",)
    company.edit(row_id, City="Assens", Phone="22222222")
    company.settle()
    assert standing(company) == ("needs_attention", "not_stuck", "city", ["city"])
    [customer] = company.customers()
    assert (customer["city"], customer["phone"]) == ("Odense", "22222222")
    before = company.now()
    company.both()
    company.hint(row_id, times=2)
    company.settle()
    assert company.writes(before) == []  # asked once, not tried for ever

    world.intempus.switches.read_only_fields = ()
    company.press(actions.retry, [company.link().pk])
    company.settle()
    assert company.customers()[0]["city"] == "Assens"
    assert standing(company) == ("in_sync", "", "", [])
    assert other.customers()[0]["city"] == "Odense"


def test_a_field_uniconta_does_not_keep(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001", City="Odense", Phone="11111111")
    company.settle()
    world.uniconta.switches.read_only_fields = ("Phone",)
    company.edit_customer(company.customers()[0]["id"], phone="")
    company.pull()
    assert standing(company) == ("needs_attention", "not_stuck", "phone", ["phone"])
    assert company.debtors()["1001"]["Phone"] == "11111111"
    assert company.customers()[0]["phone"] == ""

    world.uniconta.switches.read_only_fields = ()
    company.press(actions.retry, [company.link().pk])
    company.settle()
    assert company.debtors()["1001"]["Phone"] in (None, "")
    assert standing(company) == ("in_sync", "", "", [])
