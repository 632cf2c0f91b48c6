"""Two companies and the people around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from mappings.models import EntityPolicy, HoursPolicy, RecordLink, WorkTypeRule
from sync.models import AlertChannel, ChangeEvent, Exchange, HeldSet, PayCalendar, Run, SyncLogEntry, WorkReport
from tenants.models import Connection, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_alert_channel,
    make_calendar,
    make_connections,
    make_event,
    make_held_set,
    make_hours_policy,
    make_journal_line,
    make_link,
    make_log_entry,
    make_policy,
    make_reference,
    make_run,
    make_tenant,
    make_token,
    make_user,
    make_work_report,
    set_working,
)


@dataclass
class Company:
    """A company with one row of everything; each row carries `mark`, which nobody outside may ever read."""

    mark: str
    tenant: Tenant
    uniconta: Connection
    intempus: Connection
    token: WebhookToken
    policy: EntityPolicy
    link: RecordLink
    event: ChangeEvent
    run: Run
    entry: SyncLogEntry
    held: HeldSet
    report: WorkReport
    calendar: PayCalendar
    hours: HoursPolicy
    channel: AlertChannel


def make_company(mark: str, number: int) -> Company:
    with tenant_scope(ALL):  # one for all rows
        return _make_company(mark, number)


def _make_company(mark: str, number: int) -> Company:
    tenant = make_tenant(f"{mark}-aps", name=f"{mark} ApS")
    uniconta, intempus = make_connections(tenant, uniconta_username=f"{mark}-user")
    set_working(uniconta, str(4000 + number), f"{mark} ApS")
    set_working(intempus, str(80 + number), f"{mark} ApS")
    link = make_link(
        tenant,
        name=f"{mark} customer",
        uniconta_key=f"{mark}-1",
        uniconta_id=f"{number}001",
        intempus_id=f"{number}002",
        uniconta_base={"name": f"{mark} in Uniconta", "phone": "1"},
        intempus_base={"name": f"{mark} in Intempus", "phone": "2"},
        differing=["phone"],
    )
    lost = {"field": "name", "old": f"{mark} lost", "new": f"{mark} kept", "reason": "overwritten"}
    entry = make_log_entry(link, plan={"changes": [lost], "overwritten": [lost]}, has_overwritten=True)
    Exchange.objects.create(
        tenant=tenant,
        entry_id=entry.pk,
        system="uniconta",
        method="PUT",
        url=f"https://example.dk/{mark}",
        status=200,
        duration_ms=12,
        request_body=f'{{"name": "{mark} sent"}}',
    )
    report = make_work_report(
        tenant, intempus_id=f"{number}003", employee_name=f"{mark} person", employee_number=f"{mark}-7", state="changed"
    )
    make_journal_line(report)
    hours = make_hours_policy(tenant, journal=f"{mark}-j")
    make_reference(tenant, "journal", f"{mark}-j")
    make_reference(tenant, "work_category", "61", mark, type="")
    make_reference(tenant, "work_type", "51", f"{mark} type", work_category="61")
    make_reference(tenant, "item", f"{mark}-item", f"{mark} type")
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.create(tenant=tenant, work_type_id="51", work_type_name=f"{mark} before")
    return Company(
        mark=mark,
        tenant=tenant,
        uniconta=uniconta,
        intempus=intempus,
        token=make_token(tenant, note=f"{mark} token"),
        policy=make_policy(tenant, number_prefix=mark[:6]),
        link=link,
        event=make_event(tenant, key=f"{mark}-1", remote_id=f"{number}001", link=link),
        run=make_run(tenant, error_detail=f"{mark} said", error_code="server_error", state="failed"),
        entry=entry,
        held=make_held_set(tenant, examples=[f"{mark} customer"], cause="many_unticked"),
        report=report,
        calendar=make_calendar(tenant, name=f"{mark} wages"),
        hours=hours,
        channel=make_alert_channel(tenant, name=f"{mark} alerts", recipients=f"{mark}@example.dk"),
    )


@pytest.fixture
def boss(client: Client) -> Client:
    """Signed in as an administrator, who reads English."""
    client.force_login(make_user("boss", is_superuser=True))
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def ours(db: None) -> Company:
    return make_company("ourmark", 1)


@pytest.fixture
def theirs(db: None) -> Company:
    return make_company("theirmark", 2)


def sign_in(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


@pytest.fixture
def as_role(ours: Company) -> Any:
    """`as_role("support")` is a signed-in person with that role in our company and in no other."""
    return lambda role: sign_in(make_user(f"{role}-person", role, ours.tenant))


@pytest.fixture
def as_boss(db: None) -> Client:
    return sign_in(make_user("boss", is_superuser=True))


def all_rows(model: Any) -> Any:
    """Rows past row security, as a list."""
    with tenant_scope(ALL):
        return list(model.objects.all())


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in Danish leaves its thread speaking Danish; the next test shall not inherit that."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would be handed to the workers."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr("sync.queue.enqueue", lambda *args, **_: calls.append(args))
    return calls
