"""Who is told what: each trouble once and its end once, in one message, at the right hour, and never twice after a kill."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import override_settings
from django.utils import timezone

from mappings.models import RecordLink
from sync.connectors.chat import service_of
from sync.domain import alerts
from sync.domain.alerts import is_quiet, recipients_of, send_test, tell
from sync.domain.health import health, with_readings
from sync.models import Alert, AlertChannel, WorkerBeat
from tenants.models import Connection, RemoteHost, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_alert_channel, make_connections, make_link, make_run, make_tenant, make_user
from tests.sync.connectors.scripted import answer, scripted_server

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def alive(db: None) -> None:
    WorkerBeat.objects.create(name="a", beat_at=timezone.now())


def fresh(slug: str) -> Tenant:
    """A live company that was read a moment ago."""
    tenant = make_tenant(slug, name=slug)
    for kind in ("pull", "sweep"):
        make_run(tenant, kind, state="done", finished_at=timezone.now())
    return tenant


def fail(tenant: Tenant, count: int = 1, reason: str = "key_taken") -> None:
    for _ in range(count):
        make_link(tenant, state="needs_attention", reason=reason)


def heal(tenant: Tenant) -> None:
    with tenant_scope(ALL):
        RecordLink.objects.filter(tenant=tenant).update(state="in_sync", reason="")


def again(channel: AlertChannel) -> AlertChannel:
    """As it stands now: a channel is a row behind row security, too."""
    with tenant_scope(ALL):
        return AlertChannel.objects.get(pk=channel.pk)


def stored() -> list[tuple[str, bool, bool]]:
    with tenant_scope(ALL):
        return [(row.code, row.told_at is not None, row.ended_at is not None) for row in Alert.objects.order_by("pk")]


def test_one_cause_at_three_companies_is_told_once_and_its_end_once(mailoutbox: list[Any]) -> None:
    first, second, third, other = (fresh(name) for name in ("Anker", "Bro", "Dam", "Elsewhere"))
    make_alert_channel()
    own = make_alert_channel(other, recipients="other@example.dk")
    for tenant, count in ((first, 2), (second, 1), (third, 1)):
        fail(tenant, count)
    assert tell(MONDAY) == 1
    [mail] = mailoutbox
    assert mail.to == ["bogholder@example.dk"]
    assert mail.subject.endswith("3 companies") and "Anker (2), Bro (1), Dam (1)" in mail.body
    assert mail.body.count("What to do:") == 1
    assert [tell(MONDAY + timedelta(hours=hour)) for hour in (1, 2)] == [0, 0]
    fail(second)  # more of the same is no news
    heal(first)
    heal(third)
    assert tell(MONDAY + timedelta(hours=3)) == 1
    assert mailoutbox[1].subject.startswith("Over: ") and "Anker" in mailoutbox[1].body
    assert "Bro" not in mailoutbox[1].body and "1 told earlier goes on." in mailoutbox[1].body
    heal(second)
    assert (tell(MONDAY + timedelta(hours=4)), tell(MONDAY + timedelta(hours=5)), len(mailoutbox)) == (1, 0, 3)
    assert stored() == []
    fail(other)
    assert tell(MONDAY + timedelta(hours=6)) == 2
    assert {tuple(mail.to) for mail in mailoutbox[3:]} == {("bogholder@example.dk",), ("other@example.dk",)}
    own = again(own)
    assert own.sent_at == MONDAY + timedelta(hours=6)


def test_what_happens_in_a_quarter_of_an_hour_stands_in_one_message_and_what_is_over_by_then_in_none(
    mailoutbox: list[Any],
) -> None:
    first, second, third = (fresh(name) for name in ("Anker", "Bro", "Dam"))
    make_alert_channel(attention_above=1)
    fail(first, 2)
    assert tell(MONDAY) == 1
    fail(second, 2)
    fail(second, 1, "refused")
    fail(third, 1)  # not more than one
    heal(first)
    assert tell(MONDAY + timedelta(minutes=5)) == 0
    fail(first, 2)  # back before anybody heard that it was over
    assert tell(MONDAY + timedelta(minutes=15)) == 1
    assert mailoutbox[1].subject.endswith("(+1)") and "Over" not in mailoutbox[1].body
    assert "Dam" not in mailoutbox[1].body and "Anker" not in mailoutbox[1].body
    fail(third, 1)
    assert tell(MONDAY + timedelta(minutes=16)) == 0
    heal(third)
    assert tell(MONDAY + timedelta(hours=1)) == 0


def test_quiet_hours_and_bank_days_wait_and_outages_do_not(mailoutbox: list[Any]) -> None:
    tenant = fresh("Anker")
    make_connections(tenant)
    channel = make_alert_channel(quiet_from=time(18), quiet_until=time(7), is_bank_days_only=True)
    christmas = datetime(2026, 12, 25, 10, 0, tzinfo=UTC)
    evening = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
    sunday = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
    assert [is_quiet(channel, at) for at in (christmas, evening, sunday, MONDAY)] == [True, True, True, False]
    fail(tenant)
    assert tell(sunday) == 0
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=tenant, system="intempus").update(state="broken", state_code="bad_credentials")
    assert tell(sunday) == 1
    assert mailoutbox[0].subject.startswith("Intempus: ")
    assert tell(MONDAY) == 1
    assert "Anker (1)" in mailoutbox[1].body


def test_a_host_that_is_down_is_told_once_for_all_its_companies(
    mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    down_since = timezone.now() - timedelta(minutes=50)
    for name in ("Anker", "Bro", "Dam"):
        tenant = make_tenant(name.lower(), name=name)  # never read: it would be late
        make_connections(tenant, uniconta_url="https://down.example.dk")
    RemoteHost.objects.create(base_url="https://down.example.dk", failure_count=12, down_since=down_since)
    make_alert_channel()
    with tenant_scope(ALL):
        [host] = health(with_readings(Tenant.objects.all())).hosts_down
    assert (host.system, len(host.tenant_ids)) == ("Uniconta", 3)
    assert tell() == 1
    assert mailoutbox[0].subject.startswith("Uniconta down since ") and mailoutbox[0].subject.endswith("3 companies")
    assert {code for code, *_ in stored()} == {"host_down"}
    RemoteHost.objects.update(failure_count=0, down_since=None)
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "PATIENCE", timedelta(hours=2))  # the rows are noted by the real clock
        assert tell(timezone.now() + timedelta(hours=1)) == 1
    assert mailoutbox[1].subject.startswith("Over: Uniconta down since ")
    # They are late now, but may catch up.
    assert {code for code, *_ in stored()} == {"fetch_late", "check_late"} and len(mailoutbox) == 2
    assert tell(timezone.now() + timedelta(hours=2)) == 1


def test_a_dead_worker_is_told_to_those_who_look_after_all(mailoutbox: list[Any]) -> None:
    tenant = fresh("Anker")
    make_alert_channel(tenant, recipients="one@example.dk")
    make_alert_channel(recipients="all@example.dk")
    WorkerBeat.objects.update(beat_at=timezone.now() - timedelta(minutes=10))
    assert tell() == 1
    assert mailoutbox[0].to == ["all@example.dk"] and mailoutbox[0].subject.startswith("No worker is alive")


class KilledError(BaseException):
    pass


def test_a_message_cut_off_by_a_kill_is_not_sent_again_and_its_end_is_told(
    mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = fresh("Anker")
    channel = make_alert_channel()
    fail(tenant)

    def kill(*_: Any) -> str:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "_confirm", kill)
        with pytest.raises(KilledError):
            tell(MONDAY)
    assert len(mailoutbox) == 1  # it went out, and nobody noted it
    assert tell(MONDAY + timedelta(minutes=5)) == 0
    heal(tenant)
    assert tell(MONDAY + timedelta(minutes=20)) == 1
    assert [mail.subject.startswith("Over: ") for mail in mailoutbox] == [False, True]
    channel = again(channel)
    assert channel.unconfirmed_at == MONDAY + timedelta(minutes=20)
    assert stored() == []


def test_a_kill_before_the_message_is_claimed_loses_nothing(
    mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(fresh("Anker"))
    make_alert_channel()

    def kill(*_: Any) -> str:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "_send", kill)
        with pytest.raises(KilledError):
            tell(MONDAY)
    assert mailoutbox == []
    assert (tell(MONDAY), len(mailoutbox)) == (1, 1)


def test_a_mail_server_that_refuses_is_asked_again_later_and_the_channel_says_so(
    mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(fresh("Anker"))
    channel = make_alert_channel()

    def refuse(*_: Any) -> None:
        raise smtplib.SMTPServerDisconnected("not today")

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "send_mail", refuse)
        assert tell(MONDAY) == 0
    channel = again(channel)
    assert (channel.failure, channel.failure_count, channel.batch) == ("not today", 1, None)
    assert (tell(MONDAY + timedelta(minutes=1)), tell(MONDAY + timedelta(minutes=3)), len(mailoutbox)) == (0, 1, 1)
    channel = again(channel)
    assert (channel.failure, channel.failure_count) == ("", 0)


def test_a_staff_group_hears_of_the_companies_its_members_work_for(mailoutbox: list[Any]) -> None:
    ours, theirs = fresh("Ours"), fresh("Theirs")
    group = Group.objects.create(name="Team Nord")
    make_user("helper", "support", ours).groups.add(group)
    channel = make_alert_channel(group=group, recipients="")
    with tenant_scope(ALL):
        assert recipients_of(channel) == ["helper@example.dk"]
    for tenant in (ours, theirs):
        fail(tenant)
    assert tell(MONDAY) == 1
    assert "Ours" in mailoutbox[0].body and "Theirs" not in mailoutbox[0].body


@override_settings(ALLOW_PRIVATE_TARGETS=True)
def test_a_chat_gets_the_same_words() -> None:
    fail(fresh("Anker"))
    channel = make_alert_channel(medium="chat", recipients="")
    with scripted_server() as room:
        url = room.url.replace("http://", "json://") + "/room"
        channel.set_chat_url(url, "JSON")
        with tenant_scope(ALL):
            channel.save()
        assert url not in channel.sealed_chat_url and channel.chat_url == url
        room.say(answer(200, "ok"))
        assert (send_test(channel.pk), tell(MONDAY)) == ("", 1)
        test, told = (request.json() for request in room.heard)
        assert test["title"] == "Test: Bookkeeping" and "Anker (1)" in told["message"]
        room.say(answer(302, "", Location=f"{room.url}/elsewhere"))
        assert send_test(channel.pk) == "JSON did not take the message"
        assert len(room.heard) == 3  # the redirect was not followed
    channel = again(channel)
    assert channel.test_failure == "JSON did not take the message"


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack"),
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "Discord"),
        ("https://chat.googleapis.com/v1/spaces/AAA/messages?key=a&token=b", "Google Chat"),
        ("https://prod-1.westeurope.logic.azure.com/workflows/abc/triggers/manual/paths/invoke?sig=zzz", "Teams"),
        ("https://prod-1.powerplatform.evil.dk/workflows/abc/triggers/manual/paths/invoke?sig=zzz", ""),
        ("workflows://evil.dk/workflows/abc/sig", ""),
        ("https://169.254.169.254/latest/meta-data", ""),
        ("json://127.0.0.1/x", ""),
        ("https://hooks.slack.com@127.0.0.1/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", ""),
        ("mailto://a:b@example.dk", ""),
        ("not an address", ""),
    ],
)
def test_only_the_addresses_of_known_chats_are_taken(url: str, service: str) -> None:
    assert service_of(url) == service
