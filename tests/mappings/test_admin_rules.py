"""Policies, field rules and value translations as consultants edit them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from mappings.models import EntityPolicy, FieldRule, ValueMap
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_policy, make_tenant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("nordbyg")


def person(role: str, tenant: Tenant) -> Client:
    client = Client()
    client.force_login(make_user(role, role, tenant))
    return client


def rule(tenant: Tenant, **values: str) -> dict[str, object]:
    return {
        "tenant": tenant.pk,
        "entity": "customer",
        "attribute": "iban",
        "uniconta_field": "IBAN",
        "intempus_field": "iban",
        "uniconta_transform": "text",
        "intempus_transform": "text",
        "direction": "to_intempus",
        **values,
    }


def errors(response) -> set[str]:
    return set(response.context["adminform"].form.errors)


def test_a_field_rule_is_added_changed_and_deleted_with_a_history(tenant):
    client = person("consultant", tenant)
    assert client.post(reverse("admin:mappings_fieldrule_add"), rule(tenant)).status_code == 302
    with tenant_scope(ALL):
        pk = FieldRule.objects.get().pk
    change = reverse("admin:mappings_fieldrule_change", args=[pk])
    assert client.post(change, rule(tenant, uniconta_field="BankAccount")).status_code == 302
    history = client.get(reverse("admin:mappings_fieldrule_history", args=[pk])).content.decode()
    assert "IBAN" in history and "BankAccount" in history and "consultant" in history
    assert client.post(reverse("admin:mappings_fieldrule_delete", args=[pk]), {"post": "yes"}).status_code == 302
    with tenant_scope(ALL):
        assert not FieldRule.objects.exists()


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({"entity": "invoice"}, {"entity"}),
        ({"uniconta_transform": "rot13"}, {"uniconta_transform"}),
        ({"uniconta_field": "Name"}, {"__all__"}),  # two attributes would use one field
        ({"intempus_field": ""}, {"__all__"}),
        ({"intempus_transform": "upper"}, {"intempus_transform"}),
        ({"uniconta_transform": "upper", "direction": "both"}, {"uniconta_transform"}),
        ({"uniconta_field": "PersonalId"}, {"uniconta_field"}),
        ({"intempus_field": "logical_timestamp"}, {"intempus_field"}),
        ({"uniconta_field": "RowId", "direction": "both"}, {"uniconta_field"}),
    ],
)
def test_a_rule_that_contradicts_the_rest_is_refused(tenant, values, at):
    response = person("consultant", tenant).post(reverse("admin:mappings_fieldrule_add"), rule(tenant, **values))
    assert response.status_code == 200
    assert errors(response) == at


@pytest.mark.parametrize(
    "values",
    [
        {"uniconta_transform": "upper | first 3 | prefix K-"},
        {"uniconta_field": "", "uniconta_transform": "constant DK11"},
        {"uniconta_field": "RowId"},
        {"uniconta_transform": "", "intempus_transform": "lookup"},
    ],
)
def test_conversions_are_written_one_after_the_other(tenant, values):
    assert (
        person("consultant", tenant).post(reverse("admin:mappings_fieldrule_add"), rule(tenant, **values)).status_code
        == 302
    )


def said(response) -> str:
    form = response.context["adminform"].form
    return " ".join(message for messages in form.errors.values() for message in messages)


@pytest.fixture
def read_once(tenant):
    """A company whose systems were read completely, and another one whose fields have other names."""
    returned = {"uniconta": ["Account", "Dimension1", "IBAN", "PersonalId"], "intempus": ["iban", "notes", "password"]}
    make_policy(tenant, fields_returned=returned)
    make_policy(make_tenant("other"), fields_returned={"uniconta": ["Dimensoin1"], "intempus": ["theirs"]})
    return tenant


def test_a_misspelt_field_is_refused_with_the_nearest_spelling(read_once):
    client, url = person("consultant", read_once), reverse("admin:mappings_fieldrule_add")
    response = client.post(url, rule(read_once, uniconta_field="Dimensoin1", intempus_field="xyzzy"))
    assert errors(response) == {"uniconta_field", "intempus_field"}
    assert "Uniconta returned no field “Dimensoin1”. Did you mean “Dimension1”?" in said(response)
    assert "Intempus returned no field “xyzzy”. A field that is blank on every record is not returned" in said(response)
    assert client.post(url, rule(read_once, uniconta_field="Dimension1")).status_code == 302


def test_a_rule_that_is_there_may_name_a_field_that_came_back_blank(read_once):
    with tenant_scope(ALL):
        row = FieldRule.objects.create(
            tenant=read_once, entity="customer", attribute="iban", uniconta_field="Gone", intempus_field="iban"
        )
    url = reverse("admin:mappings_fieldrule_change", args=[row.pk])
    client = person("consultant", read_once)
    assert client.post(url, rule(read_once, uniconta_field="Gone", direction="both")).status_code == 302


def test_names_are_offered_from_what_the_companys_own_systems_return(read_once):
    client, url = person("consultant", read_once), reverse("admin:mappings_fieldrule_suggestions")
    page = client.get(url, {"tenant": read_once.pk, "entity": "customer"}).content.decode()
    for name in ("Dimension1", "notes", "contact_person", "country_member", "first 3"):
        assert f'<option value="{name}">' in page, name
    assert "PersonalId" not in page and "password" not in page and "theirs" not in page
    with tenant_scope(ALL):
        other = Tenant.objects.exclude(pk=read_once.pk).get()
    assert client.get(url, {"tenant": other.pk, "entity": "customer"}).status_code == 403
    assert person("auditor", read_once).get(url, {"tenant": read_once.pk, "entity": "customer"}).status_code == 403
    nothing_chosen = client.get(url, {"tenant": "", "entity": "customer"})
    assert nothing_chosen.status_code == 200 and "Dimension1" not in nothing_chosen.content.decode()


def test_a_rule_stays_with_its_company(tenant):
    client = person("consultant", tenant)
    with tenant_scope(ALL):
        row = FieldRule.objects.create(
            tenant=tenant, entity="customer", attribute="iban", uniconta_field="IBAN", intempus_field="iban"
        )
    other = make_tenant("other")
    client.post(reverse("admin:mappings_fieldrule_change", args=[row.pk]), rule(other, uniconta_field="X"))
    with tenant_scope(ALL):
        row.refresh_from_db()
    assert (row.tenant_id, row.uniconta_field) == (tenant.pk, "X")


def test_a_policy_is_switched(tenant):
    policy = make_policy(tenant)
    values = {"enabled": "on", "to_intempus": "on", "on_uniconta_delete": "ask", "on_intempus_delete": "block"}
    response = person("consultant", tenant).post(
        reverse("admin:mappings_entitypolicy_change", args=[policy.pk]), values
    )
    assert response.status_code == 302
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get()
        assert EntityPolicy.history.count() == 2
    assert (policy.entity, policy.enabled, policy.to_uniconta) == ("customer", True, False)
    assert policy.on_intempus_delete == "block"


@pytest.mark.parametrize(("entity", "is_on"), [("customer", True), ("employee", False)])
def test_a_new_policy_does_not_begin_with_what_may_cost_money(tenant, entity, is_on):
    client = person("consultant", tenant)
    values = dict.fromkeys(("enabled", "to_intempus", "to_uniconta", "create_in_intempus"), "on")
    values |= {"tenant": tenant.pk, "entity": entity, "on_uniconta_delete": "ask", "on_intempus_delete": "ask"}
    page = client.get(reverse("admin:mappings_entitypolicy_add")).content.decode()
    assert "Off at first for employees" in page
    assert client.post(reverse("admin:mappings_entitypolicy_add"), values).status_code == 302
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get()
    assert policy.create_in_intempus is is_on
    client.post(reverse("admin:mappings_entitypolicy_change", args=[policy.pk]), values)
    with tenant_scope(ALL):
        policy.refresh_from_db()
    assert policy.create_in_intempus is True


def test_wherever_a_policy_is_made_creating_employees_is_off(tenant):
    assert make_policy(tenant, "employee").create_in_intempus is False
    assert make_policy(tenant, "product").create_in_intempus is True
    assert EntityPolicy(tenant=tenant, entity="employee", create_in_intempus=True).create_in_intempus is True


def test_a_value_translation_is_added(tenant):
    values = {
        "tenant": tenant.pk,
        "entity": "customer",
        "attribute": "country",
        "uniconta_value": "Denmark",
        "intempus_value": "DK",
    }
    assert person("consultant", tenant).post(reverse("admin:mappings_valuemap_add"), values).status_code == 302
    with tenant_scope(ALL):
        assert str(ValueMap.objects.get()) == "customer.country: Denmark ↔ DK"


@pytest.mark.parametrize("role", ["customer", "auditor", "support"])
def test_others_look_and_change_nothing(tenant, role):
    policy = make_policy(tenant)
    client = person(role, tenant)
    url = reverse("admin:mappings_entitypolicy_change", args=[policy.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"enabled": ""}).status_code == 403
    assert client.post(reverse("admin:mappings_fieldrule_add"), rule(tenant)).status_code == 403


def test_entities_stand_in_the_readers_language(tenant):
    make_policy(tenant)
    client = person("consultant", tenant)
    client.cookies["django_language"] = "da"
    with translation.override("da"):  # and back: the request leaves its language in this thread
        page = client.get(reverse("admin:mappings_entitypolicy_changelist")).content.decode()
    assert "Kunde (debitor)" in page
