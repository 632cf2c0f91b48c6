"""M4: after an outage or a pause the catch-up merges fields, because nobody can say whose change came first."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sync.domain import actions
from sync.models import ChangeEvent, Cursor
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile

GAPS = {"uniconta": "uniconta_read_at", "intempus": "read_at"}


def pass_without_reading(company: Company, minutes: int, *systems: str) -> None:
    with tenant_scope(company.tenant.pk):
        then = timezone.now() - timedelta(minutes=minutes)
        Cursor.objects.filter(tenant=company.tenant).update(**{GAPS[system]: then for system in systems})


def edit_both(world: World, company: Company) -> None:
    row_id, [customer] = int(company.link().uniconta_id), company.customers()
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.edit_customer(customer["id"], city="Nyborg", phone="22222222")
    company.edit(row_id, City="Assens", Name="Jensen")
    world.uniconta.switches.webhook_drop_probability = 0.0


def both_sides(company: Company) -> tuple[list[Any], list[Any]]:
    debtor, [customer] = company.debtors()["1001"], company.customers()
    return [debtor[n] for n in ("Name", "City", "Phone")], [customer[n] for n in ("name", "city", "phone")]


MERGED, WHOLE = ["Jensen", "Assens", "22222222"], ["Jensen", "Assens", "11111111"]


@pytest.mark.parametrize(
    ("minutes", "systems", "expected"),
    [
        (31, ("uniconta", "intempus"), MERGED),
        (31, ("uniconta",), MERGED),
        (31, ("intempus",), MERGED),
        (29, ("uniconta", "intempus"), WHOLE),
    ],
    ids=["both silent", "uniconta silent", "intempus silent", "no longer than usual"],
)
def test_after_a_gap_fields_are_merged(
    world: World, minutes: int, systems: tuple[str, ...], expected: list[str]
) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        each.debtor("1001", Name="Hansen", City="Odense", Phone="11111111")
        each.settle()
        each.both()
        edit_both(world, each)
    pass_without_reading(company, minutes, *systems)
    company.both()
    other.both()
    assert both_sides(company) == (expected, expected)
    assert ("city", "Nyborg", "Assens") in company.overwritten()
    assert ("merged_after_gap" in company.notes(company.link())) is (expected is MERGED)
    assert both_sides(other) == (WHOLE, WHOLE)  # it was read all the time

    edit_again = int(company.link().uniconta_id)
    company.edit_customer(company.customers()[0]["id"], phone="33333333")
    company.edit(edit_again, City="Faaborg")
    company.settle()
    assert both_sides(company)[0] == ["Jensen", "Faaborg", expected[2]]  # the gap is over: the whole record wins


def test_hints_that_lay_here_during_a_pause_are_merged(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", Name="Hansen", City="Odense", Phone="11111111")
    company.settle()
    company.both()
    company.press(actions.pause, company.tenant.pk)
    company.edit_customer(company.customers()[0]["id"], phone="22222222")
    company.edit(row_id, City="Assens", Name="Jensen")
    world.uniconta.wait_for_webhooks()
    with tenant_scope(company.tenant.pk):
        then = timezone.now() - timedelta(hours=2)
        ChangeEvent.objects.filter(tenant=company.tenant, state="pending").update(received_at=then)
    company.press(actions.resume, company.tenant.pk)
    company.hint(row_id)
    company.settle()
    assert both_sides(company) == (MERGED, MERGED)
