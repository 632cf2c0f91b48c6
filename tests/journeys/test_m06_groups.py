"""M6: groups go to Intempus only with a record that uses them."""

from sync.domain import actions
from sync.domain.drain import drain
from tests.journeys.conftest import Company, World


def group_of(company: Company, number: str) -> str | None:
    found = company.customer_by_number(number)["customer_group"]
    names = {row["id"]: row["number"] for row in company.intempus.rows(company.intempus_number, "customer_group")}
    return names.get(found)


def test_a_group_comes_with_its_first_user(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001", Group="2", xIntempus=False)
    company.both()
    assert company.groups_in_intempus() == []
    assert company.group_link("2").reason == "not_used"
    company.debtor("1002", Group="1")
    company.debtor("1003", Group="1")
    company.settle()
    assert company.groups_in_intempus() == [("1", "Danske")]
    assert (group_of(company, "1002"), group_of(company, "1003")) == ("1", "1")
    assert world.havnen.groups_in_intempus() == []


def test_a_rename_follows_in_key_and_name(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", Group="1")
    company.settle()
    [group] = [row for row in world.uniconta.rows(4242, "DebtorGroup") if row["Group"] == "1"]
    world.uniconta.person_edits(4242, "DebtorGroup", group["RowId"], Group="DK", Name="Indland")
    company.hint(row_id)
    company.settle()
    company.both()
    assert company.groups_in_intempus() == [("DK", "Indland")]
    assert group_of(company, "1001") == "DK"
    company.debtor("1002", Group="DK")
    company.settle()
    assert company.groups_in_intempus() == [("DK", "Indland")]


def test_a_group_of_intempus_only_means_the_default_group(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    own = world.intempus.person_creates(61001, "customer_group", number="77", name="Kun her")
    customer_id = company.customer(name="Født her", customer_group=own)
    company.pull()
    link = company.link(intempus_id=str(customer_id))
    assert company.debtors()[f"I{customer_id}"]["Group"] == "1"
    assert "group_unknown" in company.notes(link)
    assert [row["Group"] for row in world.uniconta.rows(4242, "DebtorGroup")] == ["1", "2"]
    assert group_of(company, f"I{customer_id}") == "1"


def test_without_a_refused_group_the_customer_goes_and_is_completed_later(world: World) -> None:
    company = world.nordbyg
    refusal = '{"customer_group": {"name": ["Feltet er for langt"]}}'
    fault = world.intempus.faults.add("status", method="POST", path="/customer_group/", status=400, body=refusal)
    company.debtor("1001", Group="1")
    company.settle()
    assert (company.groups_in_intempus(), group_of(company, "1001")) == ([], None)
    link, group = company.link(), company.group_link("1")
    assert "reference_missing" in company.notes(link)
    assert (group.state, group.reason) == ("needs_attention", "refused")
    company.sweep()
    company.sweep()
    assert [event.waits_for for event in company.events(state="waiting")] == ["customer_group:1"]
    assert company.notes(link) == ["reference_missing"]

    world.intempus.faults.clear(fault.id)
    company.press(actions.retry, [group.pk])
    company.settle()
    assert (company.groups_in_intempus(), group_of(company, "1001")) == ([("1", "Danske")], "1")
    assert company.events(state="waiting") == []
    assert company.overwritten() == []


def test_a_group_made_by_hand_in_intempus_is_used(world: World) -> None:
    company = world.nordbyg
    fault = world.intempus.faults.add(
        "status", method="POST", path="/customer_group/", status=400, body='{"error": "x"}'
    )
    company.debtor("1001", Group="1")
    company.settle()
    world.intempus.person_creates(61001, "customer_group", number="1", name="Danske")
    company.pull()
    assert (company.groups_in_intempus(), group_of(company, "1001")) == ([("1", "Danske")], "1")
    world.intempus.faults.clear(fault.id)


def test_an_outage_at_the_group_holds_the_customer_back(world: World) -> None:
    company = world.nordbyg
    world.intempus.faults.add("status", method="POST", path="customer_group/", status=500, times=1)
    company.debtor("1001", Group="2")
    company.uniconta.wait_for_webhooks()
    drain(company.tenant.pk)
    assert company.customers() == []  # never without its group for something that passes
    company.settle()
    assert company.groups_in_intempus() == [("2", "Udland")]
    [group] = company.intempus.rows(company.intempus_number, "customer_group")
    assert company.customer_by_number("1001")["customer_group"] == group["id"]
