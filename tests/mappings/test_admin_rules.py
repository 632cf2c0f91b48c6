"""Policies, field rules and value translations as consultants edit them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
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


def test_a_project_policy_begins_with_the_usual_phases_and_keeps_at_least_one(tenant):
    client = person("consultant", tenant)
    values = dict.fromkeys(("enabled", "to_intempus", "to_uniconta", "create_in_intempus"), "on")
    values |= {"tenant": tenant.pk, "entity": "project", "on_uniconta_delete": "ask", "on_intempus_delete": "ask"}
    assert client.post(reverse("admin:mappings_entitypolicy_add"), values).status_code == 302
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get()
    assert policy.phases == ["Created", "Accepted", "InProgress"]
    page = reverse("admin:mappings_entitypolicy_change", args=[policy.pk])
    refused = client.post(page, values)
    assert "Choose at least one phase" in refused.content.decode()
    assert client.post(page, values | {"phases": ["Paused"]}).status_code == 302
    with tenant_scope(ALL):
        policy.refresh_from_db()
    assert policy.phases == ["Paused"]


def test_phases_belong_to_projects_and_are_known(tenant):
    policy = make_policy(tenant, "project", phases=["Created", "Sold"])
    with pytest.raises(ValidationError, match="There is no phase Sold here"):
        policy.clean()
    with pytest.raises(ValidationError, match="There is no phase Created here"):
        make_policy(tenant, "product", phases=["Created"]).clean()
    assert make_policy(tenant, "employee").phases == []


def test_wherever_a_policy_is_made_creating_employees_is_off(tenant):
    assert make_policy(tenant, "employee").create_in_intempus is False
    assert make_policy(tenant, "product").create_in_intempus is True
    assert EntityPolicy(tenant=tenant, entity="employee", create_in_intempus=True).create_in_intempus is True


def value_map(tenant: Tenant, **values: str) -> dict[str, object]:
    return {
        "tenant": tenant.pk,
        "entity": "customer",
        "attribute": "city",
        "uniconta_value": "Århus",
        "intempus_value": "Aarhus",
        **values,
    }


def test_a_value_translation_is_added(tenant):
    client = person("consultant", tenant)
    assert client.post(reverse("admin:mappings_valuemap_add"), value_map(tenant)).status_code == 302
    with tenant_scope(ALL):
        assert str(ValueMap.objects.get()) == "Customer (debtor): City: Århus ↔ Aarhus"


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"entity": "starship"}, {"entity"}),
        ({"attribute": "warp_speed"}, {"attribute"}),
        ({"attribute": "number"}, {"attribute"}),  # one number, two meanings: records would be mistaken for others
        ({"attribute": "group"}, {"attribute"}),  # a key here, an id there
        ({"attribute": "active", "uniconta_value": "True", "intempus_value": "False"}, {"uniconta_value"}),
        # Read as DK, so "Denmark" would never be met.
        ({"attribute": "country", "uniconta_value": "Denmark", "intempus_value": "DK"}, {"uniconta_value"}),
        ({"attribute": "country", "uniconta_value": "DK", "intempus_value": "dk"}, {"intempus_value"}),
        ({"entity": "product", "attribute": "name", "uniconta_value": "x" * 201}, {"uniconta_value"}),
        (
            {"entity": "product", "attribute": "unit", "uniconta_value": "Kasse", "intempus_value": "ks"},
            {"uniconta_value"},
        ),
        ({"entity": "product", "attribute": "sales_price", "intempus_value": "gratis"}, {"uniconta_value"}),
    ],
)
def test_a_translation_that_could_never_apply_is_refused(tenant, values, fields):
    response = person("consultant", tenant).post(reverse("admin:mappings_valuemap_add"), value_map(tenant, **values))
    assert errors(response) == fields
    with tenant_scope(ALL):
        assert not ValueMap.objects.exists()


def test_a_companys_own_field_is_translated_and_nobody_elses(tenant):
    other = make_tenant("havnen")
    with tenant_scope(ALL):
        FieldRule.objects.create(
            tenant=tenant, entity="customer", attribute="department", uniconta_field="Dim1", intempus_field="notes"
        )
    values = {"attribute": "department", "uniconta_value": "100", "intempus_value": "Tømrer"}
    add = reverse("admin:mappings_valuemap_add")
    client = Client()
    client.force_login(make_user("both", "consultant", tenant, other))
    assert errors(client.post(add, value_map(other, **values))) == {"attribute"}
    assert client.post(add, value_map(tenant, **values)).status_code == 302


@pytest.mark.parametrize("values", [{"intempus_value": "X"}, {"uniconta_value": "X"}])
def test_one_value_has_one_translation_also_when_a_row_is_changed(tenant, values):
    other = make_tenant("havnen")
    client = person("consultant", tenant)
    with tenant_scope(ALL):
        for owner in (tenant, other):
            row = {name: value for name, value in value_map(owner).items() if name != "tenant"}
            ValueMap.objects.create(tenant=owner, **row)
        mine = ValueMap.objects.create(
            tenant=tenant, entity="customer", attribute="city", uniconta_value="Kbh", intempus_value="København"
        )
    taken = {"uniconta_value", "intempus_value"} - set(values)
    change = reverse("admin:mappings_valuemap_change", args=[mine.pk])
    assert errors(client.post(reverse("admin:mappings_valuemap_add"), value_map(tenant, **values))) == taken
    assert errors(client.post(change, value_map(tenant, **values))) == taken
    allowed = value_map(tenant, uniconta_value="Kbh", intempus_value="Kbh.")
    assert client.post(change, allowed).status_code == 302


def test_a_stored_rule_stays_the_rule_of_its_field(tenant):
    client = person("consultant", tenant)
    values = rule(tenant, attribute="swift", uniconta_field="SWIFT", intempus_field="swift")
    assert client.post(reverse("admin:mappings_fieldrule_add"), values).status_code == 302
    with tenant_scope(ALL):
        pk = FieldRule.objects.get().pk
    url = reverse("admin:mappings_fieldrule_change", args=[pk])
    assert client.post(url, values | {"attribute": "iban", "uniconta_field": "IBAN"}).status_code == 302
    with tenant_scope(ALL):
        assert list(FieldRule.objects.values_list("attribute", "uniconta_field")) == [("swift", "IBAN")]


def test_history_says_blank_and_yes_where_python_says_none_and_true(tenant):
    client = person("consultant", tenant)
    with tenant_scope(ALL):
        row = FieldRule.objects.create(
            tenant=tenant, entity="customer", attribute="iban", uniconta_field="IBAN", intempus_field="iban"
        )  # by nobody
        row.intempus_field, row.is_off = "", True
        row.save()
    page = client.get(reverse("admin:mappings_fieldrule_history", args=[row.pk])).content.decode()
    assert "blank" in page and "yes" in page
    assert "None" not in page and "True" not in page


def test_history_leads_to_accounts_only_for_those_who_may_open_them(tenant):
    consultant = person("consultant", tenant)
    consultant.post(reverse("admin:mappings_fieldrule_add"), rule(tenant))
    with tenant_scope(ALL):
        url = reverse("admin:mappings_fieldrule_history", args=[FieldRule.objects.get().pk])
    boss = Client()
    boss.force_login(make_user("boss", is_superuser=True))
    pages = [client.get(url).content.decode() for client in (consultant, boss)]
    assert ["consultant" in page for page in pages] == [True, True]
    assert ["/admin/auth/user/" in page for page in pages] == [False, True]


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
