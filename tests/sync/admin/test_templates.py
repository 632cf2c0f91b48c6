"""Policy templates: given to a company, changed, previewed and rolled out; a company's own choices stay its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mappings.models import EntityPolicy, Template, TemplatePolicy, TemplateUse
from sync import tasks
from sync.models import Run
from tenants.models import AuditEntry, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_policy, make_tenant, make_user
from tests.sync.admin.conftest import all_rows, sign_in

pytestmark = pytest.mark.django_db

QUERY_BUDGET = 15


@pytest.fixture
def template() -> Template:
    made = Template.objects.create(name="Byggeri")
    TemplatePolicy.objects.create(template=made, entity="customer", number_prefix="I", default_group="1")
    TemplatePolicy.objects.create(template=made, entity="product", create_in_uniconta=False)
    return made


def companies(*names: str, state: str = "preparing") -> list[Tenant]:
    return [make_tenant(name, state=state) for name in names]


def policies(tenant: Tenant) -> dict[str, EntityPolicy]:
    with tenant_scope(ALL):
        return {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}


def give(client: Client, tenant: Tenant, template: Template) -> Any:
    return client.post(reverse("admin:tenants_tenant_onboarding_template", args=[tenant.pk, template.pk]))


def roll_out_url(template: Template) -> str:
    return reverse("admin:mappings_template_roll_out", args=[template.pk])


def rows(client: Client, template: Template) -> dict[str, tuple[list[str], list[str]]]:
    """Per company shown: what would change, and what stays."""
    return {
        row["tenant"].slug: tuple(
            [f"{each['entity']}, {each['field']}: {each['after']}" for each in row[part]]
            for part in ("changes", "kept")
        )
        for row in client.get(roll_out_url(template)).context["rows"]
    }


def work(queued: list[Any]) -> None:
    """What the workers do with what was queued."""
    for path, *arguments in list(queued):
        if path == "sync.tasks.roll_out":
            tasks.roll_out(*arguments)
    queued.clear()


def test_a_template_is_given_to_a_new_company(template, as_boss):
    tenant, other = companies("ny", "nabo")
    page = as_boss.get(reverse("admin:tenants_tenant_onboarding", args=[tenant.pk])).content.decode()
    assert "Byggeri" in page
    address = reverse("admin:tenants_tenant_onboarding_template", args=[tenant.pk, template.pk])
    assert "Customer (debtor)" in as_boss.get(address).content.decode()
    assert not policies(tenant)  # looking changes nothing
    give(as_boss, tenant, template)
    given = policies(tenant)
    assert {name: (row.enabled, row.number_prefix, row.create_in_uniconta) for name, row in given.items()} == {
        "customer": (True, "I", True),
        "product": (True, "", False),
    }
    assert not policies(other)
    with tenant_scope(ALL):
        assert [row.action for row in AuditEntry.objects.filter(tenant=tenant)] == ["template_given"]


def test_a_change_reaches_those_who_follow_when_it_is_rolled_out_and_spares_own_choices(template, as_boss, queued):
    follows, chose, other = companies("a", "b", "c")
    for tenant in (follows, chose):
        give(as_boss, tenant, template)
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(tenant=chose, entity="customer").update(number_prefix="K")
    make_policy(other, number_prefix="X")
    TemplatePolicy.objects.filter(template=template, entity="customer").update(number_prefix="J", to_uniconta=False)
    before = policies(other)["customer"].number_prefix
    assert rows(as_boss, template) == {
        "a": (["Customer (debtor), Intempus → Uniconta: no", "Customer (debtor), Number prefix: J"], []),
        "b": (["Customer (debtor), Intempus → Uniconta: no"], ["Customer (debtor), Number prefix: J"]),
    }
    assert policies(follows)["customer"].number_prefix == "I"  # a preview reaches nobody
    as_boss.post(roll_out_url(template), {"company": [follows.pk, chose.pk, other.pk]})
    assert sorted(run.tenant_id for run in all_rows(Run)) == sorted([follows.pk, chose.pk])
    assert as_boss.get(roll_out_url(template))["Refresh"] == "2"
    work(queued)
    assert {run.state for run in all_rows(Run)} == {"done"}
    assert [(policies(t)["customer"].number_prefix, policies(t)["customer"].to_uniconta) for t in (follows, chose)] == [
        ("J", False),
        ("K", False),
    ]
    assert policies(other)["customer"].number_prefix == before
    assert "Refresh" not in as_boss.get(roll_out_url(template))
    assert rows(as_boss, template)["b"] == ([], ["Customer (debtor), Number prefix: J"])  # still its own, still shown


def test_a_live_company_gets_no_new_kind_of_record_from_a_template(template, as_boss):
    [live] = companies("drift", state="live")
    make_policy(live)
    give(as_boss, live, template)
    assert {name: row.enabled for name, row in policies(live).items()} == {"customer": True, "product": False}


def test_a_template_never_decides_on_seats(as_boss):
    template = Template.objects.create(name="Alle")
    TemplatePolicy.objects.create(template=template, entity="employee", create_in_intempus=True)
    new, agreed = companies("ny", "aftalt")
    make_policy(agreed, "employee", create_in_intempus=True)
    for tenant in (new, agreed):
        give(as_boss, tenant, template)
    assert [policies(tenant)["employee"].create_in_intempus for tenant in (new, agreed)] == [False, True]
    page = reverse("admin:mappings_template_change", args=[template.pk])
    block = {"entity": "employee", "create_in_intempus": "on", "on_uniconta_delete": "ask", "on_intempus_delete": "ask"}
    form = {"name": "Alle", "policies-TOTAL_FORMS": "1", "policies-INITIAL_FORMS": "1"}
    form |= {f"policies-0-{name}": value for name, value in block.items()}
    form |= {"policies-0-id": template.policies.get().pk, "policies-0-template": template.pk}
    assert "cost a seat" in as_boss.post(page, form).content.decode()
    twice = form | {f"policies-1-{name}": value for name, value in block.items()} | {"policies-TOTAL_FORMS": "2"}
    assert as_boss.post(page, twice).status_code == 200
    assert template.policies.count() == 1


def test_a_consultant_sees_and_reaches_own_companies_only(template, as_boss, queued):
    ours, theirs = companies("ourmark", "theirmark")
    for tenant in (ours, theirs):
        give(as_boss, tenant, template)
    TemplatePolicy.objects.filter(template=template, entity="customer").update(number_prefix="J")
    consultant, support = (sign_in(make_user(role, role, ours)) for role in ("consultant", "support"))
    assert list(rows(consultant, template)) == ["ourmark"]
    consultant.post(roll_out_url(template), {"company": [ours.pk, theirs.pk]})
    work(queued)
    assert [policies(tenant)["customer"].number_prefix for tenant in (ours, theirs)] == ["J", "I"]
    assert support.get(roll_out_url(template)).status_code == 403
    change = reverse("admin:mappings_template_change", args=[template.pk])
    assert consultant.get(change).status_code == 200
    consultant.post(change, {"name": "Anderledes"})
    assert Template.objects.get(pk=template.pk).name == "Byggeri"  # shared by all: administrators change it
    assert "theirmark" not in consultant.get(change).content.decode()


def test_the_preview_costs_the_same_for_many_companies(template, as_boss):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert as_boss.get(roll_out_url(template)).status_code == 200
        return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries)

    give(as_boss, companies("a")[0], template)
    TemplatePolicy.objects.filter(template=template).update(to_uniconta=False)
    count()
    one = count()
    for tenant in companies("b", "c"):
        give(as_boss, tenant, template)
    with tenant_scope(ALL):
        assert TemplateUse.objects.count() == 3
    assert count() == one <= QUERY_BUDGET
