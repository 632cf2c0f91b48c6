"""A full comparison finds what was missed and says how both sides stand; it writes to neither."""

import pytest

from sync.domain.reconcile import reconcile
from sync.models import Run
from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


def compare(company: Company) -> Run:
    run = reconcile(company.tenant.pk)
    assert run is not None
    assert (run.state, run.error_code) == ("done", "")
    return run


def test_it_counts_both_sides_and_only_queues_what_it_finds(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    rows = [company.debtor(str(1001 + number), City="Odense") for number in range(4)]
    company.debtor("2001", xIntempus=False)
    other.debtor("1001")
    company.both()
    other.both()
    asleep = company.customer(name="Sover", active=False)
    company.pull()
    company.edit_customer(company.customer_by_number("1002")["id"], vat_registration_number="32842809")
    company.pull()
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.edit(rows[0], City="Assens")  # nobody told us
    before = company.now()

    run = compare(company)
    assert company.writes(before) == []
    expected = {
        "pairs": 5,  # four customers and their group
        "differing": 2,
        "equal": 3,
        "only_in_uniconta": 2,  # the one without a tick, and a group nobody uses
        "only_in_intempus": 1,
        "excluded": 3,
        "events": 1,
    }
    assert {name: run.counts.get(name, 0) for name in expected} == expected
    assert run.result["differing_fields"] == {"customer.city": 1, "customer.cvr": 1}
    assert company.link(intempus_id=str(asleep)).uniconta_id == ""

    company.settle()
    assert company.customer_by_number("1001")["city"] == "Assens"
    again = compare(company)
    assert (again.counts["differing"], again.counts["events"]) == (1, 0)
    assert other.customers()[0]["city"] == ""


def test_an_outage_fails_it_and_leaves_everything_as_it_is(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    before = company.now()
    world.intempus.faults.add("status", method="GET", status=503, times=20)
    run = reconcile(company.tenant.pk)
    assert run is not None
    assert run.state == "failed"
    world.intempus.faults.clear()
    company.settle()
    assert company.writes(before) == []


def test_what_a_field_rule_may_name_is_known_of_groups_too(world: World) -> None:
    """Their table in Intempus has no cursor: it is read whole each time."""
    company, other = world.nordbyg, world.havnen
    make_policy(company.tenant, "customer_group")
    company.debtor("1001")
    company.settle()
    reconcile(company.tenant.pk)
    with tenant_scope(company.tenant.pk):
        returned = company.tenant.policies.get(entity="customer_group").fields_returned
    assert "Name" in returned["uniconta"] and "name" in returned["intempus"]
    assert other.entity_policy().fields_returned == {}
