"""The form of a connection: secrets go in and never come out, and what they protect does not move from under them."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from tenants.models import AuditEntry, Connection
from tenants.row_security import as_owner
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    INTEMPUS_KEY,
    UNICONTA_PASSWORD,
    make_connections,
    make_link,
    make_tenant,
    make_user,
    set_working,
)

pytestmark = pytest.mark.django_db

SECRETS = (UNICONTA_PASSWORD, INTEMPUS_KEY, "freshly-typed-secret")


@pytest.fixture
def tenant():
    return make_tenant("nordbyg")


@pytest.fixture
def uniconta(tenant):
    return set_working(make_connections(tenant)[0], "4242", "Nordbyg ApS")


@pytest.fixture
def consultant(tenant) -> Client:
    client = Client()
    client.force_login(make_user("consultant", "consultant", tenant))
    return client


def form(connection, **values):
    return {
        "system": connection.system,
        "base_url": connection.base_url,
        "username": connection.username,
        "secret": "",
        "company_id": connection.company_id,
        **values,
    }


def save(client, connection, **values):
    return client.post(reverse("admin:tenants_connection_change", args=[connection.pk]), form(connection, **values))


def stored(connection) -> Connection:
    with tenant_scope(ALL):
        return Connection.objects.get(pk=connection.pk)


def errors(response) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_secrets_are_on_no_page_and_in_no_table(tenant, uniconta, consultant):
    assert save(consultant, uniconta, secret="freshly-typed-secret").status_code == 302
    assert stored(uniconta).secret == "freshly-typed-secret"
    boss = Client()
    boss.force_login(make_user("boss", is_superuser=True))
    for client in (boss, consultant):
        for url in every_url(tenant, uniconta):
            response = client.get(url)
            page = "" if response.streaming else response.content.decode()
            for secret in (*SECRETS, stored(uniconta).sealed_secret):
                assert secret not in page, url
    for table in every_table():
        for secret in SECRETS:
            assert not occurs(table, secret), table
        if "historical" in table or "audit" in table or "log" in table:
            assert not occurs(table, stored(uniconta).sealed_secret), table


def every_url(tenant, connection) -> list[str]:
    names = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    urls = [reverse("admin:index"), *(reverse(f"admin:{name}_changelist") for name in names)]
    for name, pk in (("tenants_tenant", tenant.pk), ("tenants_connection", connection.pk)):
        urls += [reverse(f"admin:{name}_{page}", args=[pk]) for page in ("change", "history")]
    with tenant_scope(ALL):
        versions = list(Connection.history.filter(id=connection.pk))
    urls += [reverse("admin:tenants_connection_simple_history", args=[connection.pk, row.pk]) for row in versions]
    return urls


def every_table() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if model._meta.managed]


def occurs(table: str, text: str) -> bool:
    with as_owner(), database.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM "{table}" t WHERE t::text LIKE %s LIMIT 1', [f"%{text}%"])
        return cursor.fetchone() is not None


def test_the_form_says_that_a_secret_is_set(uniconta, consultant):
    page = consultant.get(reverse("admin:tenants_connection_change", args=[uniconta.pk])).content.decode()
    assert "•••• set just now – type to replace" in page


def test_an_empty_secret_keeps_the_old_one(uniconta, consultant):
    assert save(consultant, uniconta, username="other").status_code == 302
    assert (stored(uniconta).username, stored(uniconta).secret) == ("other", UNICONTA_PASSWORD)


def test_a_new_secret_has_to_be_tested(uniconta, consultant):
    save(consultant, uniconta, secret="freshly-typed-secret")
    assert stored(uniconta).state == Connection.State.UNTESTED
    assert stored(uniconta).pinned_company_id == "4242"
    with tenant_scope(ALL):
        assert list(AuditEntry.objects.values_list("action", "detail")) == [("connection_changed", "uniconta: secret")]


def test_saving_without_a_change_leaves_the_state(uniconta, consultant):
    assert save(consultant, uniconta).status_code == 302
    assert stored(uniconta).state == Connection.State.WORKING


def test_a_new_address_asks_for_the_secret_again(uniconta, consultant):
    """Otherwise whoever may change the address could have the stored password sent anywhere."""
    response = save(consultant, uniconta, base_url="https://attacker.example")
    assert list(errors(response)) == ["secret"]
    assert save(consultant, uniconta, base_url="https://new.example", secret="typed").status_code == 302
    assert stored(uniconta).base_url == "https://new.example"


def test_only_https_outside_the_demo(uniconta, consultant, settings):
    settings.ALLOW_PRIVATE_TARGETS = False
    assert list(errors(save(consultant, uniconta, base_url="http://odata.uniconta.com", secret="x"))) == ["base_url"]


def test_the_company_cannot_change_while_there_are_links(tenant, uniconta, consultant):
    make_link(tenant)
    assert list(errors(save(consultant, uniconta, company_id="9999"))) == ["company_id"]
    assert stored(uniconta).company_id == "4242"


def test_without_links_a_new_company_is_unpinned(uniconta, consultant):
    assert save(consultant, uniconta, company_id="9999").status_code == 302
    assert (stored(uniconta).company_id, stored(uniconta).pinned_company_id) == ("9999", "")


def test_the_system_of_a_connection_stays(uniconta, consultant):
    save(consultant, uniconta, system="intempus")
    assert stored(uniconta).system == "uniconta"


@pytest.mark.parametrize("role", ["customer", "auditor", "support"])
def test_only_consultants_see_connections(tenant, uniconta, role):
    client = Client()
    client.force_login(make_user(role, role, tenant))
    assert client.get(reverse("admin:tenants_connection_change", args=[uniconta.pk])).status_code == 403
    assert save(client, uniconta, username="mallory").status_code == 403
    page = client.get(reverse("admin:tenants_tenant_change", args=[tenant.pk])).content.decode()
    assert "id_connections-0-secret" not in page


def test_a_connection_is_added_on_the_companys_page(tenant, consultant):
    url = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    new = {
        "connections-TOTAL_FORMS": "1",
        "connections-0-system": "intempus",
        "connections-0-base_url": "https://intempus.dk",
        "connections-0-username": "api@nordbyg.dk",
        "connections-0-secret": "freshly-typed-secret",
        "connections-0-company_id": "",
    }
    response = consultant.post(url, company_form(tenant) | new)
    assert response.status_code == 302, [form.errors for form in response.context["inline_admin_formsets"]]
    with tenant_scope(ALL):
        row = Connection.objects.get(tenant=tenant)
    assert (row.system, row.secret, row.state) == ("intempus", "freshly-typed-secret", "untested")


def test_a_company_has_one_connection_per_system(tenant, uniconta, consultant):
    url = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=tenant, system="intempus").delete()
    new = {
        "connections-TOTAL_FORMS": "2",
        "connections-INITIAL_FORMS": "1",
        "connections-0-id": uniconta.pk,
        "connections-0-base_url": uniconta.base_url,
        "connections-0-username": uniconta.username,
        "connections-0-company_id": "4242",
        "connections-1-system": "uniconta",
        "connections-1-base_url": "https://odata.uniconta.com",
        "connections-1-username": "again",
        "connections-1-secret": "x",
    }
    assert consultant.post(url, company_form(tenant) | new).status_code == 200
    with tenant_scope(ALL):
        assert Connection.objects.filter(tenant=tenant).count() == 1


def company_form(tenant) -> dict[str, str]:
    values = {
        name: str(getattr(tenant, name))
        for name in (
            "name",
            "language",
            "contact_email",
            "opt_in_field",
            "opt_in_means",
            "conflict_policy",
            "pull_minutes",
            "sweep_minutes",
        )
    }
    for prefix in ("connections", "policies", "memberships"):
        values |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return values
