"""M7: Blocked in Uniconta is inactive in Intempus, both ways, and the link keeps why."""

from tests.journeys.conftest import Company, World


def where(company: Company, account: str = "1001") -> tuple[bool, bool, str]:
    link = company.link(uniconta_key=account)
    return company.debtors()[account]["Blocked"], company.customer_by_number(account)["active"], link.inactive_reason


def test_blocked_travels_both_ways(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        each.debtor("1001")
        each.settle()
    row_id, customer_id = company.debtors()["1001"]["RowId"], company.customer_by_number("1001")["id"]
    assert where(company) == (False, True, "")
    company.edit(row_id, Blocked=True)
    company.settle()
    assert where(company) == (True, False, "blocked")
    company.edit(row_id, Blocked=False)
    company.settle()
    assert where(company) == (False, True, "")
    company.edit_customer(customer_id, active=False)
    company.pull()
    assert where(company) == (True, False, "person")
    company.edit_customer(customer_id, active=True)
    company.pull()
    assert where(company) == (False, True, "")
    assert where(other) == (False, True, "")


def test_what_we_switched_off_does_not_come_back_as_blocked(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    company.edit(row_id, xIntempus=False)
    company.settle()
    company.both()
    assert where(company) == (False, False, "flag")


def test_blocked_while_unticked_stays_inactive_after_the_tick(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    company.edit(row_id, xIntempus=False)
    company.settle()
    company.edit(row_id, Blocked=True)
    company.settle()
    company.edit(row_id, xIntempus=True)
    company.settle()
    assert where(company) == (True, False, "blocked")
    company.edit(row_id, Blocked=False)
    company.settle()
    assert where(company) == (False, True, "")


def test_a_blocked_debtor_arrives_once_it_is_not_blocked_any_more(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", Blocked=True)
    company.settle()
    company.both()
    assert company.customers() == []
    assert (company.link().state, company.link().reason) == ("excluded", "blocked_only_in_uniconta")
    company.edit(row_id, Blocked=False)
    company.settle()
    assert where(company) == (False, True, "")
