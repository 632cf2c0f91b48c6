"""Bells and leases, with real concurrency: every second connection here is a second session of the server."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from sync.domain import doorbell
from sync.models import Bell, ChangeEvent, DrainLease
from tenants.models import Connection, RemoteHost
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_event, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def another_session() -> Iterator[psycopg.Connection[Any]]:
    """A second connection with row security switched off by being the owner, as the log-in role."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters) as session:
        yield session


def ringing() -> set[int]:
    with tenant_scope(ALL):
        return set(Bell.objects.values_list("tenant_id", flat=True))


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


# ------------------------------------------------------------------------------------------------ ring


def test_many_rings_are_one_bell():
    tenant = make_tenant()
    for _ in range(5):
        doorbell.ring(tenant.pk)
    assert ringing() == {tenant.pk}


def test_a_ring_inside_a_scope_belongs_to_its_transaction():
    tenant = make_tenant()
    with tenant_scope(tenant.pk):
        doorbell.ring(tenant.pk)
        transaction.set_rollback(True)
    assert ringing() == set()


def test_ringing_notifies_whoever_listens():
    tenant = make_tenant()
    with another_session() as listener:
        listener.autocommit = True
        listener.execute(f"LISTEN {doorbell.CHANNEL}")
        doorbell.ring(tenant.pk)
        assert [note.channel for note in listener.notifies(timeout=2, stop_after=1)] == [doorbell.CHANNEL]


@pytest.mark.parametrize("conflict", ["update", "nothing"])
def test_no_hint_is_left_without_a_bell(conflict: str):
    """An earlier bell is taken and its drain looks while a new hint is uncommitted. Afterwards the hint needs a bell.

    With DO UPDATE the taker skips the bell that is being rung, and it survives. With DO NOTHING it takes the old bell,
    the drain sees nothing, and the hint is left: the second case shows that this test can tell.
    """
    tenant = make_tenant()
    doorbell.ring(tenant.pk)
    with another_session() as sender:
        sender.execute(
            """INSERT INTO sync_changeevent (tenant_id, entity, system, remote_id, key, origin, "table", operation, size,
                state, priority, due_at, attempts, crashes, error_code, error_detail, waits_for, received_at)
            VALUES (%s, 'customer', 'uniconta', '1', '', 'webhook', 'Debtor', 'update', 0,
                'pending', 10, now(), 0, 0, '', '', '', now())""",
            [tenant.pk],
        )
        if conflict == "update":
            sender.execute(doorbell.RING, [tenant.pk])  # type: ignore[arg-type]
        else:
            sender.execute("INSERT INTO sync_bell VALUES (%s, now()) ON CONFLICT (tenant_id) DO NOTHING", [tenant.pk])
        taken = doorbell.take_bells(10)
        with tenant_scope(tenant.pk):
            seen_by_drain = ChangeEvent.objects.count() if taken else 0
        sender.commit()
    with tenant_scope(tenant.pk):
        assert ChangeEvent.objects.count() == 1
    hint_is_heard = bool(seen_by_drain) or tenant.pk in ringing()
    assert hint_is_heard is (conflict == "update")


def test_a_ring_waits_for_the_bell_being_taken_and_is_a_new_bell():
    tenant = make_tenant()
    doorbell.ring(tenant.pk)
    with another_session() as taker:
        taken = taker.execute(doorbell.TAKE_BELLS, [1]).fetchall()  # type: ignore[arg-type]
        assert taken == [(tenant.pk,)]
        thread, _ = in_thread(lambda: doorbell.ring(tenant.pk))
        thread.join(0.3)
        assert thread.is_alive()
        taker.commit()
        thread.join(5)
    assert ringing() == {tenant.pk}


# ------------------------------------------------------------------------------------------------ ring_due


def test_due_events_ring():
    tenant, other = make_tenant(), make_tenant()
    make_event(tenant)
    make_event(other, due_at=timezone.now() + timedelta(minutes=5))
    assert doorbell.ring_due() == 1
    assert ringing() == {tenant.pk}


def test_a_bell_that_rings_is_not_rung_again():
    make_event(make_tenant())
    assert [doorbell.ring_due(), doorbell.ring_due()] == [1, 0]


def test_events_of_a_dead_drain_ring_when_its_lease_ends():
    tenant = make_tenant()
    make_event(tenant, state=ChangeEvent.State.CLAIMED)
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    assert doorbell.ring_due() == 0
    with tenant_scope(ALL):
        DrainLease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert doorbell.ring_due() == 1


def test_nobody_rings_for_a_tenant_that_is_being_drained():
    tenant = make_tenant()
    make_event(tenant)
    doorbell.take_lease(tenant.pk)
    assert doorbell.ring_due() == 0


@pytest.mark.parametrize("state", ["preparing", "paused"])
def test_a_tenant_that_is_not_live_is_left_alone(state: str):
    tenant = make_tenant(state=state)
    make_event(tenant)
    assert doorbell.ring_due() == 0
    doorbell.ring(tenant.pk)
    assert doorbell.take_bells(5) == []


SOON = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("change", "rings"),
    [
        ({"state": Connection.State.PAUSED}, 0),
        ({"state": Connection.State.BROKEN}, 0),
        ({"state": Connection.State.WORKING}, 1),
        ({"open_until": SOON}, 0),
        ({"open_until": -SOON}, 1),
        ({"host": SOON}, 0),
        ({"host": -SOON}, 1),
    ],
)
def test_a_paused_broken_or_cut_off_connection_keeps_bells_silent(change: dict[str, Any], rings: int):
    tenant = make_tenant()
    _, intempus = make_connections(tenant, intempus_url="http://127.0.0.1:2")
    make_event(tenant)
    host = change.pop("host", None)
    values = {name: timezone.now() + value if name == "open_until" else value for name, value in change.items()}
    with tenant_scope(ALL):
        if values:
            Connection.objects.filter(pk=intempus.pk).update(**values)
        if host:
            RemoteHost.objects.create(base_url="http://127.0.0.1:2", open_until=timezone.now() + host)
    assert doorbell.ring_due() == rings


# ------------------------------------------------------------------------------------------------ take_bells


def test_the_oldest_bells_come_first_and_leased_ones_stay():
    tenants = [make_tenant() for _ in range(4)]
    doorbell.take_lease(tenants[1].pk)
    for tenant in tenants:
        doorbell.ring(tenant.pk)
    doorbell.ring(tenants[0].pk)  # a tenant that rings all the time waits its turn
    assert doorbell.take_bells(2) == [tenants[2].pk, tenants[3].pk]
    assert doorbell.take_bells(2) == [tenants[0].pk]
    assert ringing() == {tenants[1].pk}


def test_a_bell_is_taken_once():
    tenant = make_tenant()
    doorbell.ring(tenant.pk)
    with another_session() as taker:
        taker.execute(doorbell.TAKE_BELLS, [1])  # type: ignore[arg-type]
        assert doorbell.take_bells(1) == []


# ------------------------------------------------------------------------------------------------ leases


def test_one_lease_per_tenant():
    tenant, other = make_tenant(), make_tenant()
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    assert doorbell.take_lease(tenant.pk) is None
    assert doorbell.take_lease(other.pk) is not None
    assert doorbell.release(lease)
    assert doorbell.take_lease(tenant.pk) is not None


def test_whoever_gets_the_lease_answers_what_has_rung_before():
    """While a drain waits for a free worker its events are due, and are rung for again: one drain is enough for both."""
    tenant, other = make_tenant(), make_tenant()
    for each in (tenant, other):
        make_event(each)
    assert (doorbell.ring_due(), doorbell.take_bells(2), doorbell.ring_due()) == (2, [tenant.pk, other.pk], 2)
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    assert ringing() == {other.pk}
    doorbell.ring(tenant.pk)  # a change that came afterwards
    assert doorbell.take_lease(tenant.pk) is None
    doorbell.release(lease)
    assert ringing() == {tenant.pk, other.pk}


def test_a_ring_that_is_not_committed_yet_is_not_answered():
    """Nor waited for: its event cannot be seen."""
    tenant = make_tenant()
    doorbell.ring(tenant.pk)
    with another_session() as ringer:
        ringer.execute(doorbell.RING, [tenant.pk])
        assert doorbell.take_lease(tenant.pk) is not None
        ringer.commit()
    assert ringing() == {tenant.pk}


def test_of_many_at_once_one_gets_the_lease():
    tenant = make_tenant()
    threads = [in_thread(lambda: doorbell.take_lease(tenant.pk)) for _ in range(8)]
    for thread, _ in threads:
        thread.join(10)
    assert sum(results[0] is not None for _, results in threads) == 1


def test_an_expired_lease_is_taken_over_and_its_holder_is_fenced_out(settings):
    settings.LEASE_SECONDS = 1
    tenant = make_tenant()
    first = doorbell.take_lease(tenant.pk)
    assert first is not None
    time.sleep(1.1)
    second = doorbell.take_lease(tenant.pk)
    assert second is not None
    assert not doorbell.renew(first)
    assert not doorbell.release(first)
    assert doorbell.renew(second)


def test_an_expired_lease_cannot_be_renewed_even_if_nobody_took_it(settings):
    settings.LEASE_SECONDS = 1
    lease = doorbell.take_lease(make_tenant().pk)
    assert lease is not None
    time.sleep(1.1)
    assert not doorbell.renew(lease)


def test_nobody_takes_over_between_the_renewal_and_the_commit(settings):
    settings.LEASE_SECONDS = 1
    tenant = make_tenant()
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    with tenant_scope(tenant.pk):
        assert doorbell.renew(lease)
        time.sleep(1.2)  # the renewed lease is over, its transaction is not
        thread, results = in_thread(lambda: doorbell.take_lease(tenant.pk))
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(5)
    assert results[0] is not None


def test_the_deadline_moves_at_the_commit_only(settings):
    settings.LEASE_SECONDS = 10
    tenant = make_tenant()
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    lease.deadline = before = time.monotonic()
    with tenant_scope(tenant.pk):
        assert doorbell.renew(lease)
        assert lease.deadline == before
        transaction.set_rollback(True)
    assert lease.deadline == before
    assert doorbell.renew(lease)
    assert lease.deadline > before + 5


def test_time_left_is_judged_with_a_margin(settings):
    settings.LEASE_SECONDS = 60
    lease = doorbell.take_lease(make_tenant().pk)
    assert lease is not None
    assert lease.has_time_for(30)
    assert lease.has_time_for(55)
    assert not lease.has_time_for(58)
    assert not lease.has_time_for(60)


def test_after_the_release_there_is_no_time(settings):
    lease = doorbell.take_lease(make_tenant().pk)
    assert lease is not None
    doorbell.release(lease)
    assert not lease.has_time_for(0)


def test_a_stopped_process_refuses_to_send(settings):
    """SIGSTOP for longer than the lease: the process wakes up and knows by itself, without asking the database."""
    settings.LEASE_SECONDS = 1
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # no database here: the connection belongs to the parent
        lease = doorbell.Lease(1, uuid.uuid4(), time.monotonic() + 1.0)
        os.write(writing, b"1" if lease.has_time_for(0.1) else b"0")
        time.sleep(0.3)
        os.write(writing, b"1" if lease.has_time_for(0.1) else b"0")
        os._exit(0)
    assert os.read(reading, 1) == b"1"
    os.kill(child, signal.SIGSTOP)
    time.sleep(1.2)
    os.kill(child, signal.SIGCONT)
    assert os.read(reading, 1) == b"0"
    os.waitpid(child, 0)


def test_releasing_wakes_the_queue_for_a_bell_that_had_to_stay():
    tenant = make_tenant()
    lease = doorbell.take_lease(tenant.pk)
    assert lease is not None
    with another_session() as listener:
        listener.autocommit = True
        listener.execute(f"LISTEN {doorbell.CHANNEL}")
        doorbell.release(lease)
        assert list(listener.notifies(timeout=2, stop_after=1))
