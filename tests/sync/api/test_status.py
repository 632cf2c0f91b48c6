"""The status API: right figures, only for the tenants a person may see, and described by the schema."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mappings.models import RecordLink
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_event, make_link, make_run, make_tenant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenants() -> tuple[Tenant, Tenant]:
    first, second = make_tenant("first"), make_tenant("second", state=Tenant.State.PAUSED)
    make_connections(first)
    for minutes in (10, 5, -5):  # the last one is due later
        make_event(first, due_at=timezone.now() - timedelta(minutes=minutes))
    make_event(first, state="done")
    make_link(first, state=RecordLink.State.NEEDS_ATTENTION)
    make_link(first)
    make_run(first, kind="pull", state="failed", error_code="too_slow")
    make_run(first, kind="pull", state="done", started_at=timezone.now())
    make_event(second)
    return first, second


def ask(client: Client) -> Any:
    response = client.get("/api/status/")
    assert response.status_code == 200
    return response.json()


def test_the_figures(client, tenants):
    with tenant_scope(ALL):
        Connection.objects.filter(system="intempus").update(state="broken", state_code="bad_key")
    client.force_login(make_user("reader", "customer", tenants[0]))
    (status,) = ask(client)
    assert (status["slug"], status["state"]) == ("first", "live")
    assert [(one["system"], one["state"], one["state_code"]) for one in status["connections"]] == [
        ("uniconta", "untested", ""),
        ("intempus", "broken", "bad_key"),
    ]
    assert (status["due_events"], status["needs_attention"]) == (2, 1)
    age = timezone.now() - datetime.fromisoformat(status["oldest_due_at"])
    assert timedelta(minutes=10) <= age < timedelta(minutes=11)
    assert (status["last_pull"]["state"], status["last_sweep"]) == ("done", None)


def test_everybody_sees_their_own_tenants_only(client, tenants):
    for user, slugs in (
        (make_user("a", "customer", tenants[0]), ["first"]),
        (make_user("b", "auditor", tenants[1]), ["second"]),
        (make_user("c", "support", *tenants), ["first", "second"]),
        (make_user("d"), []),
        (make_user("e", is_superuser=True), ["first", "second"]),
    ):
        client.force_login(user)
        assert [status["slug"] for status in ask(client)] == slugs


def test_strangers_see_nothing(client, tenants):
    assert client.get("/api/status/").status_code == 401


def test_more_tenants_need_no_more_questions(client, tenants, django_assert_max_num_queries):
    client.force_login(make_user("root", is_superuser=True))
    for _ in range(20):
        make_connections(make_tenant())
    with django_assert_max_num_queries(25):
        assert len(ask(client)) == 22


def test_the_schema_describes_it_and_keeps_quiet_about_webhooks(client, tenants):
    client.force_login(make_user("root", is_superuser=True))
    response = client.get("/api/schema/?format=json")
    assert response.status_code == 200
    schema = response.json()
    names = ("status", "tenants", "health", "records", "log", "needs-attention", "explain", "retry")
    assert set(schema["paths"]) == {f"/api/{name}/" for name in names}
    assert set(schema["components"]["schemas"]["TenantStatus"]["properties"]) == set(ask(client)[0])
