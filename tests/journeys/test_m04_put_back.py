"""M4: what was overwritten can be put back, by a person, unless the field moved since."""

from typing import Any

import pytest

from sync.domain.put_back import CannotPutBackError, put_back
from sync.models import PutBack, SyncLogEntry
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World


def overwritten_pair(world: World, company: Company) -> tuple[int, int]:
    """Uniconta's save replaced a city and a phone number that somebody had typed in Intempus."""
    row_id = company.debtor("1001", Name="Hansen", City="Odense", Phone="11111111", CompanyRegNo="25313763")
    company.settle()
    customer_id = company.customer_by_number("1001")["id"]
    drop = world.uniconta.switches.webhook_drop_probability
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.edit_customer(customer_id, city="Nyborg", phone="22222222", vat_registration_number="32842809")
    company.edit(row_id, City="Assens")
    company.sweep()
    world.uniconta.switches.webhook_drop_probability = drop
    return row_id, customer_id


def press(company: Company, field: str) -> None:
    with tenant_scope(company.tenant.pk):
        entry = SyncLogEntry.objects.get(tenant=company.tenant, has_overwritten=True)
        put_back(entry, field, None)
    company.settle()


def wishes(company: Company) -> list[tuple[str, str, dict[str, Any]]]:
    with tenant_scope(company.tenant.pk):
        return [(w.field, w.state, w.found) for w in PutBack.objects.filter(tenant=company.tenant).order_by("pk")]


def cities(company: Company) -> tuple[Any, Any]:
    return company.debtors()["1001"]["City"], company.customer_by_number("1001")["city"]


def test_a_value_is_put_back_on_both_sides(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id, customer_id = overwritten_pair(world, company)
    overwritten_pair(world, other)
    assert cities(company) == ("Assens", "Assens")
    before = company.now()
    press(company, "city")
    assert cities(company) == ("Nyborg", "Nyborg")
    assert company.debtors()["1001"]["Phone"] == "11111111"  # only what was asked for
    assert wishes(company) == [("city", "done", {})]
    assert company.writes(before) == [("updated", "Debtor", row_id), ("updated", "customer", customer_id)]
    reasons = [change["reason"] for entry in company.entries(origin="person") for change in entry.plan["changes"]]
    assert reasons == ["put_back", "put_back"]
    assert company.link().state == "in_sync"
    assert cities(other) == ("Assens", "Assens")


def test_when_each_was_first_seen_stands_with_it(world: World) -> None:
    company = world.nordbyg
    overwritten_pair(world, company)
    [entry] = company.entries(has_overwritten=True)
    assert set(entry.plan["first_seen_at"]) == {"uniconta", "intempus"}


@pytest.mark.parametrize("side", ["uniconta", "intempus"])
def test_a_field_that_moved_since_is_refused_with_both_values(world: World, side: str) -> None:
    company = world.nordbyg
    row_id, customer_id = overwritten_pair(world, company)
    if side == "uniconta":
        company.edit(row_id, City="Faaborg")
    else:
        company.edit_customer(customer_id, city="Faaborg")
    press(company, "city")
    company.both()
    assert cities(company) == ("Faaborg", "Faaborg")
    [(field, state, found)] = wishes(company)
    assert (field, state) == ("city", "refused")
    assert found[side] == "Faaborg"
    press(company, "phone")  # another field of the same change is another question
    assert company.customer_by_number("1001")["phone"] == "22222222"


def test_one_way_fields_are_not_put_back(world: World) -> None:
    company = world.nordbyg
    overwritten_pair(world, company)
    with tenant_scope(company.tenant.pk):
        entry = SyncLogEntry.objects.get(tenant=company.tenant, has_overwritten=True)
        with pytest.raises(CannotPutBackError, match="put_back_one_way"):
            put_back(entry, "cvr", None)
    assert wishes(company) == []


def test_an_answer_that_was_lost_in_between_is_made_good(world: World) -> None:
    company = world.nordbyg
    _, customer_id = overwritten_pair(world, company)
    method = "PUT" if world.is_adverse else "PATCH"
    world.intempus.faults.add("drop", method=method, path="/customer/", times=1, effect=False)
    press(company, "city")
    assert cities(company) == ("Nyborg", "Nyborg")
    assert wishes(company) == [("city", "done", {})]
    assert company.customer_by_number("1001")["id"] == customer_id
