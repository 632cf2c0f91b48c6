"""The link on which a customer enters a password: once, for a while, for one system, and nothing comes back."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sync.domain.secret_links import make_link
from sync.models import Run
from tenants.models import AuditEntry, Connection, SecretLink, Tenant
from tenants.models.webhook_token import hash_token
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_tenant, make_user

pytestmark = pytest.mark.django_db
SECRET = "planted-by-the-customer"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Any:
    cache.clear()
    monkeypatch.setattr("sync.queue.enqueue", lambda *_args, **_options: None)
    yield
    cache.clear()


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant("nordbyg", language="da", state="preparing")
    make_connections(tenant, uniconta_username="sync")
    other = make_tenant("nabo", state="preparing")
    make_connections(other, uniconta_username="nabo", intempus_username="nabo")
    return tenant


def link(tenant: Tenant, system: str = "uniconta") -> str:
    with tenant_scope(tenant.pk):
        return make_link(tenant.pk, system, None).partition("/secret/")[2].rstrip("/")


def secrets() -> dict[tuple[str, str], str]:
    with tenant_scope(ALL):
        return {(row.tenant.slug, row.system): row.secret for row in Connection.objects.select_related("tenant")}


def test_the_customer_enters_it_once_and_sees_nothing_of_it(client: Client, tenant: Tenant, caplog):
    before, token = secrets(), link(tenant)
    page = client.get(reverse("sync_api:secret", args=[token]))
    html = page.content.decode()
    assert (
        '<html lang="da">' in html and "sync" in html and "planted" not in html
    )  # the company's language, not the browser's
    assert page["Cache-Control"].count("no-store") == 1 and page["Referrer-Policy"] == "same-origin"
    assert client.get(reverse("sync_api:secret", args=[token])).status_code == 200  # a mail program looked first
    with caplog.at_level(logging.DEBUG):
        answer = client.post(reverse("sync_api:secret", args=[token]), {"secret": SECRET})
    assert answer.status_code == 200 and SECRET not in answer.content.decode()
    assert secrets() == before | {("nordbyg", "uniconta"): SECRET}
    assert SECRET not in caplog.text
    again = client.post(reverse("sync_api:secret", args=[token]), {"secret": "another"})
    assert again.status_code == 404
    assert secrets()["nordbyg", "uniconta"] == SECRET
    with tenant_scope(ALL):
        assert [
            (row.action, row.user, row.tenant_id) for row in AuditEntry.objects.filter(action="secret_entered")
        ] == [("secret_entered", None, tenant.pk)]
        assert [(run.kind, run.result) for run in Run.objects.all()] == [("step", {"area": "uniconta"})]
        stored = SecretLink.objects.get()
        assert stored.token_hash == hash_token(token) and token not in str(SecretLink.objects.values_list())
        assert Connection.objects.get(tenant=tenant, system="uniconta").state == "untested"


@pytest.mark.parametrize("ending", ["expired", "withdrawn", "replaced", "made_up"])
def test_a_link_that_has_ended_stores_nothing_and_tells_nothing(client: Client, tenant: Tenant, ending: str):
    before, token = secrets(), link(tenant)
    with tenant_scope(ALL):
        if ending == "expired":
            SecretLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        elif ending == "withdrawn":
            SecretLink.objects.update(revoked_at=timezone.now())
    if ending == "replaced":
        link(tenant)
    token = "made-up" if ending == "made_up" else token
    for answer in (
        client.get(reverse("sync_api:secret", args=[token])),
        client.post(reverse("sync_api:secret", args=[token]), {"secret": SECRET}),
    ):
        assert answer.status_code == 404
        html = answer.content.decode()
        assert "Nordbyg" not in html
        assert f'<html lang="{"en" if ending == "made_up" else "da"}">' in html
    assert secrets() == before


def test_trying_many_links_is_slowed_down(client: Client, tenant: Tenant):
    statuses = {client.get(reverse("sync_api:secret", args=[f"guess-{number}"])).status_code for number in range(20)}
    assert statuses == {404}
    token = link(tenant)
    assert client.get(reverse("sync_api:secret", args=[token])).status_code == 429


def test_a_consultant_makes_the_link_and_sees_it_once(client: Client, tenant: Tenant):
    client.force_login(make_user("cilla", "consultant", tenant))
    press = reverse("admin:tenants_tenant_press", args=[tenant.pk, "ask-intempus"])
    page = client.post(press)
    assert "no-store" in page["Cache-Control"]
    assert "/secret/" in page.content.decode()
    onboarding = client.get(reverse("admin:tenants_tenant_onboarding", args=[tenant.pk])).content.decode()
    assert "/secret/" not in onboarding and "unask-intempus" in onboarding
    client.post(reverse("admin:tenants_tenant_press", args=[tenant.pk, "unask-intempus"]))
    with tenant_scope(ALL):
        assert [(row.system, row.revoked_at is not None) for row in SecretLink.objects.all()] == [("intempus", True)]
        assert [row.action for row in AuditEntry.objects.order_by("at")] == [
            "secret_link_made",
            "secret_link_withdrawn",
        ]
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=tenant, system="intempus").delete()
    client.post(press)
    with tenant_scope(ALL):
        assert SecretLink.objects.count() == 1  # there is no log-in it could belong to
