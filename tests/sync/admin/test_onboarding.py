"""The page Onboarding: what is done, what is next and why a step waits, always from what is really stored."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mappings.models import EntityPolicy
from sync.models import Run
from tenants.models import AuditEntry, Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_policy, make_run, make_tenant, make_token, make_user, set_working
from tests.sync.admin.conftest import Company, all_rows, sign_in

pytestmark = pytest.mark.django_db

QUERY_BUDGET = 15


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("ny-kunde", name="Ny Kunde ApS", state="preparing", contact_email="")


@pytest.fixture
def consultant(tenant: Tenant) -> Client:
    return sign_in(make_user("cilla", "consultant", tenant))


def url(tenant: Tenant, page: str = "", *more: Any) -> str:
    return reverse(f"admin:tenants_tenant_onboarding{page}", args=[tenant.pk, *more])


def steps(client: Client, tenant: Tenant) -> dict[str, str]:
    found = client.get(url(tenant)).context["steps"]
    return {str(each["step"].name): str(each["step"].standing) for each in found}


def what(client: Client, tenant: Tenant, name: str) -> str:
    return next(
        str(each["step"].what) for each in client.get(url(tenant)).context["steps"] if each["step"].name == name
    )


def press(client: Client, tenant: Tenant, verb: str, **data: Any) -> Any:
    return client.post(reverse("admin:tenants_tenant_press", args=[tenant.pk, verb]), data)


def test_each_step_follows_from_what_is_stored(tenant, consultant):
    assert steps(consultant, tenant) == {
        "customer": "next",
        "uniconta": "next",
        "intempus": "next",
        "webhooks": "waits",
        "policies": "next",
        "matching": "waits",
        "live": "waits",
    }
    assert what(consultant, tenant, "matching") == "Waits for: Connection to Uniconta"
    with tenant_scope(ALL):
        Tenant.objects.filter(pk=tenant.pk).update(contact_email="bo@example.dk")
    uniconta, intempus = make_connections(tenant)
    assert what(consultant, tenant, "uniconta").startswith("Press “Test and check”")
    set_working(uniconta, "4242", "Ny Kunde ApS")
    set_working(intempus, "61", "Ny Kunde ApS")
    assert "say whether that is the customer" in what(consultant, tenant, "uniconta")
    press(consultant, tenant, "confirm-uniconta", company="4242")
    press(consultant, tenant, "confirm-intempus", company="61")
    make_token(tenant)
    policy = make_policy(tenant)
    now = steps(consultant, tenant)
    assert [name for name, standing in now.items() if standing == "done"] == [
        "customer", "uniconta", "intempus", "policies"
    ]  # fmt: skip
    assert (now["matching"], now["live"]) == ("next", "waits")
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk=policy.pk).update(matched_at=timezone.now())
    assert steps(consultant, tenant)["live"] == "next"
    # Nothing is remembered: what is undone is undone on the page, too.
    with tenant_scope(ALL):
        Connection.objects.filter(pk=uniconta.pk).update(state="broken", state_code="bad_credentials")
    assert steps(consultant, tenant)["live"] == "waits"
    assert steps(consultant, tenant)["uniconta"] == "next"


def test_a_company_is_confirmed_as_it_was_seen_and_only_that_one(tenant, consultant):
    neighbour = make_tenant("nabo")
    their, _ = make_connections(neighbour, company_id="4242", uniconta_username="nabo")
    set_working(their, "4242")
    uniconta, _ = make_connections(tenant)
    set_working(uniconta, "4243", "Ny Kunde ApS")
    press(consultant, tenant, "confirm-uniconta", company="4242")  # what another tab showed
    assert [row.confirmed_company_id for row in all_rows(Connection)] == [""] * 4
    page = consultant.get(url(tenant)).content.decode()
    assert "Ny Kunde ApS" in page and 'value="4243"' in page
    press(consultant, tenant, "confirm-uniconta", company="4243")
    confirmed = {row.pk: row.confirmed_company_id for row in all_rows(Connection)}
    assert confirmed.pop(uniconta.pk) == "4243" and set(confirmed.values()) == {""}
    assert [row.action for row in all_rows(AuditEntry)] == ["company_confirmed"]
    with tenant_scope(ALL):
        Connection.objects.filter(pk=uniconta.pk).update(pinned_company_id="4300")
    assert "say whether that is the customer" in what(consultant, tenant, "uniconta")


def test_the_log_in_is_entered_in_place_and_tried_at_once(tenant, consultant, queued):
    address = url(tenant, "_connection", "uniconta")
    assert 'value="https://odata.uniconta.com"' in consultant.get(address).content.decode()
    form = {"base_url": "https://odata.uniconta.com", "username": "sync", "secret": "planted-pw", "company_id": "4242"}
    answer = consultant.post(address, form)
    assert answer.url == url(tenant)
    [row] = all_rows(Connection)
    assert (row.tenant_id, row.system, row.username, row.secret) == (tenant.pk, "uniconta", "sync", "planted-pw")
    [run] = all_rows(Run)
    assert (run.kind, run.result, run.tenant_id) == ("step", {"area": "uniconta"}, tenant.pk)
    assert queued == [("sync.tasks.check_step", tenant.pk, run.pk)]
    pages = [consultant.get(address), consultant.get(url(tenant))]
    assert all("planted-pw" not in page.content.decode() for page in pages)
    assert pages[1]["Refresh"] == "2"  # the run is at work: the page shows how far it is


def test_checks_of_a_step_stand_in_it(tenant, consultant):
    make_connections(tenant)
    check = {"name": {"en": "Uniconta", "da": "Uniconta"}, "found": {"en": "log-in works", "da": "virker"}, "fix": ""}
    make_run(
        tenant,
        "step",
        state="done",
        finished_at=timezone.now(),
        result={"area": "uniconta", "checks": [check | {"grade": "ok", "page": "", "area": "uniconta"}]},
    )
    found = {str(each["step"].name): each["checks"] for each in consultant.get(url(tenant)).context["steps"]}
    assert [row["found"] for row in found.pop("uniconta")] == ["log-in works"]
    assert not any(found.values())


def test_the_page_costs_little_and_is_for_those_who_configure(ours: Company, theirs: Company, as_role):
    for role, status in (("consultant", 200), ("support", 403), ("customer", 403), ("auditor", 403)):
        client = as_role(role)
        assert client.get(url(ours.tenant)).status_code == status
        assert client.get(url(theirs.tenant)).status_code == 404
    client = sign_in(make_user("other", "consultant", ours.tenant))
    client.get(url(ours.tenant))
    with CaptureQueriesContext(connection) as queries:
        assert b"theirmark" not in client.get(url(ours.tenant)).content
    assert sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries) <= QUERY_BUDGET


def test_a_new_company_goes_on_with_its_onboarding(as_boss):
    add = reverse("admin:tenants_tenant_add")
    form = {
        "name": "Helt Ny ApS", "slug": "helt-ny", "language": "da", "contact_email": "bo@example.dk",
        "opt_in_field": "xIntempus", "opt_in_means": "sync", "conflict_policy": "uniconta_wins",
        "pull_minutes": "15", "sweep_minutes": "15",
    }  # fmt: skip
    answer = as_boss.post(add, form)
    [made] = all_rows(Tenant)
    assert answer.url == url(made)
    assert steps(as_boss, made)["customer"] == "done"
