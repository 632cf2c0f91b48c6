import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.utils import timezone

from sync.models import ChangeEvent, WorkerBeat
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

pytestmark = pytest.mark.django_db


def make_event(**values):
    with tenant_scope(ALL):
        tenant, _ = Tenant.objects.get_or_create(slug="nordbyg", defaults={"name": "Nordbyg ApS"})
        ChangeEvent.objects.create(tenant=tenant, system="uniconta", origin="webhook", **values)


def test_healthz_asks_nobody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_readyz_is_ok_with_a_fresh_beat_and_nothing_late(client):
    WorkerBeat.objects.create(name="one")
    assert client.get("/readyz").json()["status"] == "ok"


def test_readyz_is_degraded_but_serves_without_a_worker(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "database": "ok",
        "worker": {"ok": False, "beat_age_seconds": None},
        "backlog": {"ok": True, "oldest_due_seconds": None},
        "upkeep": {"ok": True},
    }


def test_readyz_sees_a_silent_worker_and_a_late_event(client):
    WorkerBeat.objects.create(name="one", beat_at=timezone.now() - timedelta(minutes=10))
    make_event(due_at=timezone.now() - timedelta(hours=1))
    make_event(due_at=timezone.now() + timedelta(hours=1))
    body = client.get("/readyz").json()
    assert (body["status"], body["worker"]["ok"], body["backlog"]["ok"]) == ("degraded", False, False)
    assert 3590 < body["backlog"]["oldest_due_seconds"] < 3700


def test_readyz_is_unavailable_when_the_database_does_not_answer(client):
    with patch("integration_platform.health.read_state", side_effect=OperationalError("password=secret")):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "database": "OperationalError"}


def test_metrics_count_events_of_every_tenant(client):
    make_event()
    make_event(state="needs_attention")
    make_event(state="done")
    text = client.get("/metrics").content.decode()
    assert re.findall(r"^platform_open_change_events\{.*$", text, re.MULTILINE) == [
        'platform_open_change_events{state="needs_attention",tenant="nordbyg"} 1.0',
        'platform_open_change_events{state="pending",tenant="nordbyg"} 1.0',
    ]
    assert "platform_oldest_due_event_seconds" in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "192.0.2.7"}, 404),
        ({"HTTP_X_FORWARDED_FOR": "192.0.2.7"}, 404),
        ({"REMOTE_ADDR": "not an address"}, 404),
    ],
)
def test_metrics_without_a_token_are_for_this_machine(client, headers, status):
    assert client.get("/metrics", **headers).status_code == status


def test_metrics_with_a_token_ask_everybody_for_it(client, settings):
    settings.METRICS_TOKEN = "t" * 40
    assert client.get("/metrics").status_code == 404
    assert (
        client.get("/metrics", REMOTE_ADDR="192.0.2.7", headers={"Authorization": "Bearer " + "t" * 40}).status_code
        == 200
    )
