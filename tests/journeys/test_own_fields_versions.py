"""A changed mapping reaches the records it concerns and no others, and every version can be gone back to."""

from datetime import datetime
from typing import Any

import pytest

from mappings.models import FieldRule, ValueMap
from sync.domain.actions import compare_again
from sync.domain.pull import pull
from sync.domain.reconcile import reconcile
from sync.domain.sweep import sweep
from sync.domain.versions import CannotRestoreError, Version, restore, versions
from sync.models import ChangeEvent, Run
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile

DEPARTMENT = {"attribute": "department", "uniconta_field": "Dimension1", "intempus_field": "notes"}


@pytest.fixture
def company(world: World) -> Company:
    """Both companies have the same customers, in step on both sides; one note stands in Intempus already."""
    for each in world.companies:
        for number, dimension in (("1001", "100"), ("1002", "200"), ("1003", ""), ("1004", "400")):
            each.debtor(number, Dimension1=dimension)
        each.both()
        each.edit_customer(each.customer_by_number("1004")["id"], notes="400")
        each.both()
    return world.nordbyg


def save(company: Company, model: Any, **values: Any) -> Any:
    with tenant_scope(company.tenant.pk):
        row = model(tenant=company.tenant, entity="customer", **values)
        row.save()
    return row


def compare(company: Company) -> list[str]:
    """The comparison that saving asks for; the numbers of the records that are looked at because of it."""
    with tenant_scope(company.tenant.pk):
        run = compare_again(company.tenant.pk, "customer", None)
        before = set(ChangeEvent.objects.values_list("pk", flat=True))
    assert run is not None
    assert reconcile(company.tenant.pk, run.pk) is not None
    with tenant_scope(company.tenant.pk):
        told = ChangeEvent.objects.exclude(pk__in=before).values_list("link__uniconta_key", flat=True)
        return sorted(told)


def notes(company: Company) -> list[str]:
    return [company.customer_by_number(number)["notes"] for number in ("1001", "1002", "1003", "1004")]


def told(company: Company) -> list[Version]:
    with tenant_scope(company.tenant.pk):
        return versions(company.tenant.pk, "customer")


def go_back(company: Company, at: datetime) -> None:
    with tenant_scope(company.tenant.pk):
        restore(company.tenant.pk, "customer", at, None)


def test_only_records_that_differ_by_a_new_rule_are_looked_at(world: World, company: Company) -> None:
    other = world.havnen
    before = (other.writes(), notes(other))
    save(company, FieldRule, **DEPARTMENT, direction="both")
    assert compare(company) == ["1001", "1002"]
    company.settle()
    assert notes(company) == ["100", "200", "", "400"]
    assert compare(company) == []
    # What both sides held alike is their base: an edit is an edit, in either system.
    company.edit_customer(company.customer_by_number("1004")["id"], notes="500")
    company.pull()
    assert company.debtors()["1004"]["Dimension1"] == "500"
    assert company.overwritten() == []
    assert (other.writes(), notes(other)) == before


def test_ordinary_readings_after_a_new_rule_look_at_the_same_records(company: Company) -> None:
    save(company, FieldRule, **DEPARTMENT)
    with tenant_scope(company.tenant.pk):
        before = set(ChangeEvent.objects.values_list("pk", flat=True))
    for read in (sweep, sweep, pull, sweep, pull):
        read(company.tenant.pk)
    with tenant_scope(company.tenant.pk):
        keys = ChangeEvent.objects.exclude(pk__in=before).values_list("link__uniconta_key", flat=True)
        assert sorted(set(keys)) == ["1001", "1002"]
    company.settle()
    assert notes(company) == ["100", "200", "", "400"]


def test_a_changed_translation_looks_at_the_records_with_that_value(company: Company) -> None:
    save(company, FieldRule, **DEPARTMENT)
    compare(company)
    company.settle()
    save(company, ValueMap, attribute="department", uniconta_value="200", intempus_value="Maler")
    assert compare(company) == ["1002"]
    company.settle()
    assert notes(company) == ["100", "Maler", "", "400"]
    assert company.overwritten() == []  # nobody had typed "200"


def test_what_waited_for_a_translation_goes_on_when_it_comes(company: Company) -> None:
    save(company, FieldRule, **DEPARTMENT, intempus_transform="lookup")
    save(company, ValueMap, attribute="department", uniconta_value="100", intempus_value="Tømrer")
    compare(company)
    company.settle()
    waiting = company.link(uniconta_key="1002")
    assert (waiting.state, waiting.reason) == ("needs_attention", "value_untranslated")
    save(company, ValueMap, attribute="department", uniconta_value="200", intempus_value="Maler")
    assert "1002" in compare(company)
    company.settle()
    assert notes(company) == ["Tømrer", "Maler", "", "400"]
    assert company.link(uniconta_key="1002").state == "in_sync"
    save(company, ValueMap, attribute="department", uniconta_value="400", intempus_value="400")
    compare(company)
    company.settle()


def test_a_fetch_reads_everything_of_the_changed_entity_once(company: Company) -> None:
    runs = [company.pull() for _ in range(2)]
    save(company, FieldRule, **DEPARTMENT)
    runs += [company.pull() for _ in range(2)]
    assert [(run.result["is_complete"], run.result["remapped"]) for run in runs[1:]] == [
        (False, []),
        (False, ["customer"]),
        (False, []),
    ]
    company.sweep()
    assert notes(company) == ["100", "200", "", "400"]


def test_several_changes_in_a_moment_are_one_comparison(company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        runs = {compare_again(company.tenant.pk, "customer", None) for _ in range(3)}
        assert len(runs) == 1
        assert Run.objects.filter(kind="reconcile", entity="customer").count() == 1
    company.update(state="paused")
    with tenant_scope(company.tenant.pk):
        assert compare_again(company.tenant.pk, "product", None) is None
    company.update(state="live")


def test_going_back_restores_rules_and_translations_and_the_records_follow(world: World, company: Company) -> None:
    other = world.havnen
    save(other, FieldRule, **DEPARTMENT)
    compare(other)
    other.settle()
    first = save(company, FieldRule, **DEPARTMENT)
    [version] = told(company)
    save(company, ValueMap, attribute="department", uniconta_value="100", intempus_value="Tømrer")
    with tenant_scope(company.tenant.pk):
        first.uniconta_transform = "prefix A"
        first.save()
    compare(company)
    company.settle()
    assert notes(company) == ["A100", "A200", "", "A400"]
    go_back(company, version.at)
    compare(company)
    company.settle()
    assert notes(company) == ["100", "200", "", "400"]
    with tenant_scope(company.tenant.pk):
        assert ValueMap.objects.count() == 0
        assert FieldRule.objects.filter(tenant=other.tenant).count() == 0  # another scope, another company
        FieldRule.objects.get().delete()
    go_back(company, version.at)  # a deleted row comes back, too
    with tenant_scope(company.tenant.pk):
        row = FieldRule.objects.get()
    assert (row.pk, row.uniconta_transform) == (first.pk, "")
    kinds = [change.kind for each in reversed(told(company)) for change in each.changes]
    assert kinds == ["+", "+", "~", "~", "-", "-", "+"]
    assert len(told(other)) == 1


def test_a_version_that_does_not_fit_together_changes_nothing(company: Company) -> None:
    save(company, FieldRule, attribute="a", uniconta_field="Dimension1", intempus_field="notes")
    second = save(company, FieldRule, attribute="b", uniconta_field="Dimension1", intempus_field="phone")
    broken = told(company)[0]
    with tenant_scope(company.tenant.pk):
        second.delete()
    with pytest.raises(CannotRestoreError, match="two attributes use the uniconta field 'Dimension1'"):
        go_back(company, broken.at)
    with tenant_scope(company.tenant.pk):
        assert [row.attribute for row in FieldRule.objects.all()] == ["a"]
    compare(company)
    company.settle()
