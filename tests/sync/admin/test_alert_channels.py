"""Who may say who is told; the address of a chat goes in and never comes out."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from sync.models import AlertChannel
from tenants.models import AuditEntry, RemoteHost
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_alert_channel, make_connections, make_tenant, make_user
from tests.sync.admin.conftest import all_rows, sign_in

pytestmark = pytest.mark.django_db
ADD = "admin:sync_alertchannel_add"
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def values(**more: object) -> dict[str, object]:
    return {
        "name": "Drift",
        "is_active": "on",
        "medium": "chat",
        "language": "da",
        "chat_url": SLACK,
        "kinds": ["failing", "host"],
        "attention_above": 0,
        "every_minutes": 15,
        **more,
    }


def test_a_consultant_makes_a_channel_of_an_own_company_and_nobody_reads_its_address_again(queued):
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    client = sign_in(make_user("consultant", "consultant", ours))
    for wrong, field in (
        ({}, "tenant"),
        ({"tenant": theirs.pk}, "tenant"),
        ({"tenant": ours.pk, "chat_url": "https://169.254.169.254/x"}, "chat_url"),
        ({"tenant": ours.pk, "chat_url": ""}, "chat_url"),
        ({"tenant": ours.pk, "medium": "email"}, "recipients"),
        ({"tenant": ours.pk, "quiet_from": "18:00"}, "quiet_until"),
    ):
        page = client.post(reverse(ADD), values(**wrong))
        assert dict(page.context["adminform"].form.errors).keys() == {field}, (
            wrong,
            page.context["adminform"].form.errors,
        )
    assert client.post(reverse(ADD), values(tenant=ours.pk)).status_code == 302
    [channel] = all_rows(AlertChannel)
    assert (channel.tenant_id, channel.chat_service, channel.chat_url) == (ours.pk, "Slack", SLACK)
    assert [row.action for row in all_rows(AuditEntry)] == ["alert_channel_changed"]
    change = reverse("admin:sync_alertchannel_change", args=[channel.pk])
    for url in (change, reverse("admin:sync_alertchannel_changelist"), change.replace("change", "history")):
        page = client.get(url).content.decode()
        assert SLACK not in page and channel.sealed_chat_url not in page
    assert "Slack – type to replace" in client.get(change).content.decode()
    assert client.post(change, values(chat_url="", name="Vagt")).status_code == 302
    assert [(row.name, row.chat_url) for row in all_rows(AlertChannel)] == [("Vagt", SLACK)]
    with tenant_scope(ALL):
        kept = AlertChannel.history.model
        assert not [field.name for field in kept._meta.fields if "sealed" in field.name or field.name == "batch"]
    assert client.post(reverse("admin:sync_alertchannel_press", args=[channel.pk, "test"])).status_code == 302
    assert queued == [("sync.tasks.alert_test", channel.pk)]


def test_a_channel_of_all_companies_is_for_administrators():
    channel = make_alert_channel()
    consultant = sign_in(make_user("consultant", "consultant", make_tenant("ours")))
    url = reverse("admin:sync_alertchannel_change", args=[channel.pk])
    assert consultant.get(url).status_code == 404
    assert sign_in(make_user("boss", is_superuser=True)).get(url).status_code == 200


def test_the_front_page_says_once_that_a_system_is_down():
    tenants = [make_tenant(name) for name in ("a", "b", "c")]
    for tenant in tenants:
        make_connections(tenant, uniconta_url="https://down.example.dk")
    RemoteHost.objects.create(base_url="https://down.example.dk", down_since=timezone.now())
    boss = sign_in(make_user("boss", is_superuser=True)).get(reverse("admin:index")).content.decode()
    time = timezone.localtime().strftime("%H:%M")
    assert boss.count("Uniconta down since") == 1 and f"Uniconta down since {time}, 3 companies" in boss
    one = sign_in(make_user("helper", "support", tenants[0])).get(reverse("admin:index")).content.decode()
    assert f"Uniconta down since {time}, 1 company" in one
