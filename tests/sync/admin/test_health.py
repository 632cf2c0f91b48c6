"""Health figures: right, scoped, and at a price that does not depend on the number of companies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mappings.models import EntityPolicy
from sync.domain.health import health, with_readings, worker_health
from sync.models import WorkerBeat
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_connections,
    make_event,
    make_link,
    make_log_entry,
    make_policy,
    make_run,
    make_tenant,
    set_working,
)

pytestmark = pytest.mark.django_db


def read(*tenant_ids: int):
    """Call inside a scope."""
    tenants = with_readings(Tenant.objects.order_by("name"))
    return health(tenants.filter(pk__in=tenant_ids) if tenant_ids else tenants, with_changes=True, with_calls=True)


def look(*tenant_ids: int):
    with tenant_scope(ALL):
        return read(*tenant_ids)


def well(slug: str) -> Tenant:
    """A company that everything is well with."""
    tenant = make_tenant(slug)
    for number, row in enumerate(make_connections(tenant)):
        set_working(row, f"{tenant.pk}{number}")
    now = timezone.now()
    for kind in ("pull", "sweep"):
        make_run(tenant, kind, state="done", started_at=now, finished_at=now - timedelta(minutes=5))
    return tenant


def verdict(tenant):
    found = look(tenant.pk)
    return found.tenants[0].verdict(found.at)


def test_all_is_well():
    tenant = well("well")
    found = look().tenants[0]
    assert verdict(tenant) == "good"
    assert (found.waiting, found.needs_attention, found.quarantined) == (0, 0, 0)


def test_a_company_that_was_never_read_is_in_trouble_only_once_live():
    tenant = make_tenant("new", state=Tenant.State.PREPARING)
    assert verdict(tenant) == "neutral"
    with tenant_scope(ALL):
        Tenant.objects.update(state=Tenant.State.LIVE)
    assert verdict(tenant) == "bad"


def test_only_complete_readings_count():
    tenant = well("failing")
    before = look().tenants[0].pulled.at
    make_run(tenant, "pull", state="failed", finished_at=timezone.now(), error_code="server_error")
    make_run(tenant, "pull", state="running")
    assert look().tenants[0].pulled.at == before


def test_late_is_twice_the_promise_and_a_grace():
    tenant = well("late")
    make_run(tenant, "pull", state="done", finished_at=timezone.now() - timedelta(minutes=31))
    assert verdict(tenant) == "good"
    make_run(tenant, "pull", state="done", finished_at=timezone.now() - timedelta(minutes=33))
    assert verdict(tenant) == "bad"


def test_waiting_and_oldest_due():
    tenant = well("waiting")
    old = timezone.now() - timedelta(minutes=3)
    make_event(tenant, due_at=old)
    make_event(tenant, due_at=timezone.now() + timedelta(hours=1))
    make_event(tenant, state="waiting", due_at=old - timedelta(hours=1))
    make_event(tenant, state="done", due_at=old - timedelta(hours=1))
    found = look()
    row = found.tenants[0]
    assert (row.waiting, row.oldest_due_at) == (3, old)
    assert row.is_stuck(found.at)
    assert verdict(tenant) == "warning"


def test_records_are_counted_not_hints_and_held_ones_by_themselves():
    tenant, other = well("households"), well("other")
    for number in range(3):
        link = make_link(tenant, state="waiting", reason="held_deactivate")
        for origin in ("sweep", "webhook"):
            make_event(
                tenant, link=link, origin=origin, state="waiting", waits_for="held_deactivate", remote_id=str(number)
            )
    gone = make_link(tenant, state="waiting", reason="flag_disappeared")
    make_event(tenant, link=gone, state="waiting", waits_for="flag_disappeared")
    moving = make_link(tenant)
    for state in ("pending", "claimed"):
        make_event(tenant, link=moving, state=state)
    for _ in range(2):
        make_event(tenant, remote_id="77")  # Uniconta called twice about a record that no link knows yet
    make_event(tenant, state="waiting", waits_for="customer:1001", remote_id="78")  # waits for a record, for no answer
    make_event(other, remote_id="77")
    rows = {row.tenant_id: row for row in look().tenants}
    assert (rows[tenant.pk].waiting, rows[tenant.pk].held_records) == (3, 4)
    assert (rows[other.pk].waiting, rows[other.pk].held_records) == (1, 0)


def test_causes_are_counted_most_first():
    tenant = well("causes")
    for reason, count in (("key_taken", 1), ("ambiguous_match", 2)):
        for _ in range(count):
            make_link(tenant, state="needs_attention", reason=reason)
    make_link(tenant)
    found = look()
    assert found.tenants[0].causes == (("ambiguous_match", 2), ("key_taken", 1))
    assert found.needs_attention == 3
    assert found.causes == [("ambiguous_match", 2), ("key_taken", 1)]


@pytest.mark.parametrize(("state", "expected"), [("broken", "bad"), ("paused", "warning")])
def test_connections(state, expected):
    tenant = well("connections")
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=tenant, system="intempus").update(state=state)
    found = look()
    assert [row.system for row in found.tenants[0].broken(found.at)] == ["intempus"]
    assert verdict(tenant) == expected


def test_an_open_breaker_is_shown():
    tenant = well("breaker")
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=tenant).update(open_until=timezone.now() + timedelta(minutes=1))
    assert len(look().tenants[0].broken(timezone.now())) == 2


def test_quarantine_and_held_entities():
    tenant = well("held")
    make_event(tenant, state="quarantined")
    make_policy(tenant, hold_code="flag_appeared")
    with tenant_scope(ALL):
        assert EntityPolicy.objects.count() == 1
    row = look().tenants[0]
    assert (row.quarantined, row.held) == (1, (("customer", "flag_appeared"),))
    assert verdict(tenant) == "bad"


def test_worker():
    assert not worker_health().is_alive(timezone.now())
    WorkerBeat.objects.create(name="a", beat_at=timezone.now() - timedelta(minutes=10))
    assert not worker_health().is_alive(timezone.now())
    WorkerBeat.objects.create(name="b", beat_at=timezone.now())
    assert worker_health().is_alive(timezone.now())


def test_changes_by_hour():
    tenant = well("busy")
    link = make_link(tenant)
    now = timezone.now()
    for minutes, values in ((0, {}), (0, {"action": "nothing"}), (0, {"state": "retry"}), (25 * 60, {})):
        make_log_entry(link, at=now - timedelta(minutes=minutes), **values)
    found = look().tenants[0].changes_by_hour
    assert (len(found), sum(found), found[-1]) == (24, 1, 1)


def test_figures_stay_with_their_company():
    one, two = well("one"), well("two")
    make_event(one)
    make_link(two, state="needs_attention", reason="key_taken")
    by_id = {row.tenant_id: row for row in look().tenants}
    assert (by_id[one.pk].waiting, by_id[one.pk].needs_attention) == (1, 0)
    assert (by_id[two.pk].waiting, by_id[two.pk].needs_attention) == (0, 1)
    with tenant_scope(one.pk):
        assert [row.tenant_id for row in read().tenants] == [one.pk]
        assert read(two.pk).tenants == ()


def test_the_number_of_queries_does_not_grow():
    def count() -> int:
        with (
            tenant_scope(ALL),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            read()
        return len(queries)

    well("one")
    alone = count()
    for number in range(3):
        tenant = well(f"more-{number}")
        make_event(tenant)
        make_link(tenant, state="needs_attention", reason="key_taken")
    assert count() == alone <= 10
