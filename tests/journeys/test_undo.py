"""Going live with ten records first, and taking back what a run wrote."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils import timezone

from mappings.models import EntityPolicy
from sync.domain import first_ten
from sync.domain.put_back import put_back
from sync.domain.retry_many import queue_retry, retry_many
from sync.domain.undo import undo_run
from sync.models import ChangeEvent, Run, SyncLogEntry
from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World
from tests.journeys.test_m04_put_back import cities, overwritten_pair

pytestmark = pytest.mark.one_profile


def undo(company: Company, run: Run) -> dict[str, int]:
    with tenant_scope(company.tenant.pk):
        row = Run.objects.create(tenant=company.tenant, kind=Run.Kind.UNDO, result={"run": run.pk})
    done = undo_run(company.tenant.pk, row.pk)
    assert done is not None
    company.settle()
    return done.counts


def test_the_first_ten_are_written_and_the_rest_waits_for_a_person(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    for number in range(13):
        company.debtor(str(1001 + number))
    for number in range(11):
        other.debtor(str(1001 + number))
    company.press(
        lambda policies, _user: first_ten.begin_with_ten(policies), EntityPolicy.objects.filter(tenant=company.tenant)
    )
    for each in (company, other):
        each.both()
    assert (len(company.customers()), len(other.customers())) == (10, 11)
    assert sorted(link.reason for link in company.links() if not link.intempus_id) == ["first_ten"] * 3
    company.both()
    with tenant_scope(company.tenant.pk):  # a wish for many is no look at the ten
        run = queue_retry(company.tenant.pk, {"filter": {"reason": "first_ten"}}, None)
    assert run is not None
    retry_many(company.tenant.pk, run.pk)
    company.settle()
    assert len(company.customers()) == 10
    row_id = next(row["RowId"] for row in company.debtors().values() if row["Account"] == "1001")
    company.edit(row_id, City="Odense")  # not even a change of the ten is written until somebody has looked
    company.both()
    assert company.customer_by_number("1001")["city"] == ""
    company.press(first_ten.go_on, company.tenant.pk)
    company.settle()
    assert len(company.customers()) == 13
    assert company.customer_by_number("1001")["city"] == "Odense"


def test_what_could_not_be_written_is_none_of_the_ten(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.press(
        lambda policies, _user: first_ten.begin_with_ten(policies), EntityPolicy.objects.filter(tenant=company.tenant)
    )
    world.intempus.faults.add("status", method="POST", path="/web/v1/customer/", status=400, times=12)
    for number in range(12):
        company.debtor(f"{number:03}")
    company.both()
    assert [link.reason for link in company.links()] == ["refused"] * 12  # others went in place of the first ten
    for number in range(12):
        for each in (company, other):
            each.debtor(str(1001 + number))
    for each in (company, other):
        each.both()
    assert (len(company.customers()), len(other.customers())) == (10, 12)
    assert Counter(link.reason for link in company.links()) == {"": 10, "refused": 12, "first_ten": 2}


def test_whoever_waits_for_one_of_the_rest_goes_on_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked customer goes only because a project needs it, and has no event of its own."""
    company = world.nordbyg
    make_policy(company.tenant, "project", default_group="10")
    world.uniconta.bulk(company.number, "ProjectGroup", 1, Group="10", Name="Fast pris")
    company.debtor("1001", Blocked=True)
    company.both()
    company.policy(first_ten_at=timezone.now())
    monkeypatch.setattr(first_ten, "FIRST", 0)
    company.uniconta.person_creates(company.number, "Project", Number="5001", Name="Tag", Account="1001", Group="10")
    company.settle()
    assert (company.customers(), company.link(uniconta_key="1001").reason) == ([], "first_ten")
    company.press(first_ten.go_on, company.tenant.pk)
    company.settle()
    [case] = company.intempus.rows(company.intempus_number, "case")
    assert (case["number"], case["customer"]) == ("5001", company.customer_by_number("1001")["id"])
    # The group of what is needed is needed, too.
    [group] = company.intempus.rows(company.intempus_number, "customer_group")
    assert company.customer_by_number("1001")["customer_group"] == group["id"]
    assert world.havnen.writes() == []


def test_undoing_a_run_restores_what_nobody_changed_since(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.policy(create_in_uniconta=False)
    for each in (company, other):
        each.debtor("1001", Name="Hansen", City="Odense", Phone="11111111")
        each.debtor("1002", Name="Ny")
    hansen = company.customer(name="hansen", number="1001", city="Vejle", phone="22222222", email="a@example.dk")
    other.sweep()
    company.pull()
    run = company.sweep()
    customers = {row["number"]: row for row in company.customers()}
    assert (customers["1001"]["city"], company.debtors()["1001"]["ContactEmail"]) == ("Odense", "a@example.dk")
    company.edit_customer(hansen, phone="33333333")  # somebody knows better
    others = other.now()
    undo(company, run)
    customers = {row["number"]: row for row in company.customers()}
    assert [customers["1001"][name] for name in ("name", "city", "phone")] == ["hansen", "Vejle", "33333333"]
    assert not company.debtors()["1001"]["ContactEmail"]
    assert (company.debtors()["1001"]["Name"], company.debtors()["1001"]["City"]) == ("Hansen", "Odense")
    assert (customers["1002"]["active"], company.debtors()["1002"]["Blocked"]) == (False, False)
    assert company.link(uniconta_key="1002").reason == "left_out"
    before = company.now()
    company.both()
    assert company.writes(before) == []
    assert other.writes(others) == []


def test_what_one_run_wrote_into_one_field_of_both_systems_is_undone_in_both(world: World) -> None:
    """A *Put back* whose first try failed is carried out by a *Retry all*: one run, one field, two systems."""
    company, other = world.nordbyg, world.havnen
    overwritten_pair(world, company)
    overwritten_pair(world, other)
    others = other.now()
    with tenant_scope(company.tenant.pk):
        put_back(SyncLogEntry.objects.get(tenant=company.tenant, has_overwritten=True), "city", None)
        ChangeEvent.objects.filter(tenant=company.tenant, state="pending").update(state="needs_attention")
        run = queue_retry(company.tenant.pk, {"links": [company.link().pk]}, None)
    assert run is not None
    retry_many(company.tenant.pk, run.pk)
    company.settle()
    assert cities(company) == ("Nyborg", "Nyborg")
    assert undo(company, run) == {"records": 1, "fields": 2}
    assert cities(company) == ("Assens", "Assens")
    assert other.writes(others) == []
