"""M8: a tenant's own fields are rows, for that tenant only."""

from textwrap import dedent

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from mappings.models import FieldRule, ValueMap
from sync.domain.onboarding import onboard
from sync.domain.reconcile import reconcile
from sync.domain.tenant_file import read_tenant_file
from sync.models import Run
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


def add_rows(company: Company, direction: str = "both", uniconta_field: str = "Dimension1") -> None:
    with tenant_scope(company.tenant.pk):
        rule = FieldRule(
            tenant=company.tenant,
            entity="customer",
            attribute="department",
            uniconta_field=uniconta_field,
            intempus_field="notes",
            direction=direction,
        )
        rule.full_clean()
        rule.save()
        ValueMap.objects.create(
            tenant=company.tenant,
            entity="customer",
            attribute="department",
            uniconta_value="100",
            intempus_value="Tømrer",
        )


def test_a_rule_and_a_translation_add_a_field_for_one_tenant(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    add_rows(company)
    row_id = company.debtor("1001", Dimension1="100")
    company.debtor("1002", Dimension1="200")
    other.debtor("1001", Dimension1="100")
    company.settle()
    other.settle()
    assert [company.customer_by_number(number)["notes"] for number in ("1001", "1002")] == ["Tømrer", "200"]
    assert [row["notes"] for row in other.customers()] == [""]
    company.edit_customer(company.customer_by_number("1002")["id"], notes="Tømrer")
    company.pull()
    assert company.debtors()["1002"]["Dimension1"] == "100"
    company.edit(row_id, Dimension1="")
    company.settle()
    assert company.customer_by_number("1001")["notes"] == ""


def test_a_rule_added_to_a_running_tenant_fills_in(world: World) -> None:
    company = world.nordbyg
    rows = [company.debtor(account, Dimension1=value) for account, value in (("1001", "100"), ("1002", ""))]
    company.both()
    ids = [company.customer_by_number(account)["id"] for account in ("1001", "1002")]
    company.edit_customer(ids[1], notes="Tømrer")
    company.pull()
    company.forget_the_overlap()
    add_rows(company)
    company.edit(rows[0], City="Assens")  # before anybody read the new field in Intempus
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Assens"
    company.forget_the_overlap()
    company.both()
    assert [company.customer_by_number(account)["notes"] for account in ("1001", "1002")] == ["Tømrer", "Tømrer"]
    assert [company.debtors()[account]["Dimension1"] for account in ("1001", "1002")] == ["100", "100"]


def test_fields_are_known_from_what_each_companys_systems_return(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.debtor("1001", Dimension1="100")
    other.debtor("1001", Dimension2="7")
    for each in world.companies:
        each.both()
        each.pull(is_complete=True)
    returned = [each.entity_policy().fields_returned for each in world.companies]
    dimensions = [{name for name in each["uniconta"] if name.startswith("Dimension")} for each in returned]
    assert dimensions == [{"Dimension1"}, {"Dimension2"}]
    assert all("notes" in each["intempus"] for each in returned)
    with tenant_scope(company.tenant.pk), pytest.raises(ValidationError, match="Did you mean “Dimension1”"):
        add_rows(company, uniconta_field="Dimension2")


def test_conversions_one_after_the_other_reach_intempus_and_a_value_without_translation_waits(world: World) -> None:
    company = world.nordbyg
    with tenant_scope(company.tenant.pk):
        for values in (
            {"attribute": "short", "uniconta_field": "Dimension1", "intempus_field": "notes"}
            | {"uniconta_transform": "upper | first 3 | prefix K-"},
            {"attribute": "city", "intempus_transform": "lookup", "direction": "both"},
        ):
            rule = FieldRule(tenant=company.tenant, entity="customer", **values)
            rule.full_clean()
            rule.save()
        ValueMap.objects.create(
            tenant=company.tenant, entity="customer", attribute="city", uniconta_value="Aarhus", intempus_value="Århus"
        )
    company.debtor("1001", Dimension1="tømrer", City="Aarhus")
    row_id = company.debtor("1002", City="Odense")
    company.settle()
    made = company.customer_by_number("1001")
    assert (made["notes"], made["city"]) == ("K-TØM", "Århus")
    refused = company.link(uniconta_key="1002")
    assert (refused.state, refused.reason) == ("needs_attention", "value_untranslated")
    assert "Odense" in refused.detail
    company.edit_customer(made["id"], notes="edited")
    company.edit(row_id, City="Aarhus")
    company.both()
    assert company.customer_by_number("1002")["city"] == "Århus"
    assert company.not_taken_over() == [("short", "K-TØM", "edited")]


def test_the_documented_example_works_as_it_is_written(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in world.companies:
        each.debtor("1001", Dimension1="100")
        each.debtor("1002")
        each.both()
    before = other.writes()
    page = (settings.BASE_DIR / "docs" / "howto" / "customise-a-tenant.md").read_text()
    example = page[page.index("    [[tenant]]") : page.index("`manage.py onboard` says")]
    [done] = onboard(read_tenant_file(dedent(example)), {})
    assert done.changes == ("field_rules.customer.department: new", "value_maps.customer.department.100: new")
    with tenant_scope(company.tenant.pk):
        run = Run.objects.get(kind=Run.Kind.RECONCILE, entity="customer", state=Run.State.QUEUED)
    assert reconcile(company.tenant.pk, run.pk) is not None
    company.settle()
    assert [company.customer_by_number(number)["notes"] for number in ("1001", "1002")] == ["Tømrer", ""]
    other.both()
    assert other.writes() == before


def test_a_rule_can_switch_a_field_off(world: World) -> None:
    company = world.nordbyg
    with tenant_scope(company.tenant.pk):
        FieldRule.objects.create(tenant=company.tenant, entity="customer", attribute="phone", is_off=True)
    company.debtor("1001", Phone="11111111")
    company.settle()
    assert company.customer_by_number("1001")["phone"] == ""


def test_a_changed_translation_reaches_the_records_that_are_there(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        add_rows(each)
        each.debtor("1001", Dimension1="100")
        each.debtor("1002", Dimension1="200")
        each.settle()
        each.both()
    with tenant_scope(company.tenant.pk):
        translation = ValueMap.objects.get(tenant=company.tenant)
        translation.intempus_value = "Tømrer og snedker"
        translation.save()
    company.forget_the_overlap()
    company.both()
    company.both()
    assert [company.customer_by_number(number)["notes"] for number in ("1001", "1002")] == ["Tømrer og snedker", "200"]
    assert company.debtors()["1001"]["Dimension1"] == "100"  # no edit of anybody's, so nothing travels back
    assert other.customer_by_number("1001")["notes"] == "Tømrer"
