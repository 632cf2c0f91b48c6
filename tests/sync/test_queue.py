"""The queue: bells become drains, tasks are taken once, waiting ends at once, outages are survived; and schedules."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as project
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.signing import SignedPackage

from sync import queue
from sync.domain import doorbell, schedules
from sync.models import Bell, WorkerBeat
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_hours_policy, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker(monkeypatch) -> Iterator[queue.Broker]:
    monkeypatch.setattr(queue, "WAIT_SECONDS", 0.05)
    broker = get_broker()
    assert isinstance(broker, queue.Broker)
    yield broker
    broker._hang_up()


def tasks(found: list[tuple[int | None, str]] | None) -> list[tuple[str, tuple[object, ...]]]:
    packages = [SignedPackage.loads(package) for _, package in found or []]
    return [(package["func"], package["args"]) for package in packages]


# ------------------------------------------------------------------------------------------------ bells and tasks


def test_a_bell_becomes_a_drain_without_a_receipt(broker):
    tenant = make_tenant()
    doorbell.ring(tenant.pk)
    found = broker.dequeue()
    assert tasks(found) == [("sync.tasks.drain", (tenant.pk,))]
    assert [receipt for receipt, _ in found] == [None]
    assert broker.dequeue() is None
    with tenant_scope(ALL):
        assert not Bell.objects.exists()


def test_a_leased_tenant_keeps_its_bell(broker):
    tenant = make_tenant()
    lease = doorbell.take_lease(tenant.pk)
    doorbell.ring(tenant.pk)
    assert broker.dequeue() is None
    doorbell.release(lease)
    assert tasks(broker.dequeue()) == [("sync.tasks.drain", (tenant.pk,))]


def test_neither_bells_nor_tasks_keep_the_other_waiting(broker):
    tenants = [make_tenant() for _ in range(3)]
    for tenant in tenants:
        doorbell.ring(tenant.pk)
    queue.enqueue("sync.tasks.beat", "a")
    queue.enqueue("sync.tasks.beat", "b")
    rounds = [tasks(broker.dequeue()) for _ in range(4)]
    assert [[task for task, _ in taken] for taken in rounds] == [
        ["sync.tasks.drain", "sync.tasks.beat"],
        ["sync.tasks.drain", "sync.tasks.beat"],
        ["sync.tasks.drain"],
        [],
    ]


def test_a_tenant_that_rings_all_the_time_does_not_keep_others_waiting(broker):
    loud, quiet = make_tenant(), make_tenant()
    served = []
    doorbell.ring(loud.pk)
    doorbell.ring(quiet.pk)
    for _ in range(4):
        doorbell.ring(loud.pk)
        served += [args[0] for _, args in tasks(broker.dequeue())]
    assert quiet.pk in served[:2]


def test_a_task_is_taken_once_first_come_first_served(broker):
    for number in range(5):
        queue.enqueue("sync.tasks.beat", str(number))
    assert queue.queue_depth() == 5
    found = [broker.dequeue() for _ in range(6)]
    assert [args[0] for one in found for _, args in tasks(one)] == ["0", "1", "2", "3", "4"]
    assert queue.queue_depth() == 0
    for one in found[:5]:
        broker.acknowledge(one[0][0])
    assert not OrmQ.objects.exists()


def test_two_brokers_at_once_share_without_doubles():
    for number in range(40):
        queue.enqueue("sync.tasks.beat", str(number))
    seen: list[str] = []

    def take() -> None:
        mine = get_broker()
        while found := mine.dequeue():
            seen.extend(str(args[0]) for _, args in tasks(found))
        mine._hang_up()
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(seen, key=int) == [str(number) for number in range(40)]


def test_the_visibility_time_is_the_databases(broker):
    queue.enqueue("sync.tasks.beat", "x")
    broker.dequeue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM lock - clock_timestamp()) FROM django_q_ormq")
        assert 890 < cursor.fetchone()[0] <= project.Q_CLUSTER["retry"]
        cursor.execute("UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 second'")
    assert tasks(broker.dequeue()) == [("sync.tasks.beat", ("x",))]  # the first taker died: once more


def test_a_delayed_task_waits(broker):
    queue.enqueue("sync.tasks.beat", "later", delay=0.4)
    assert broker.dequeue() is None
    time.sleep(0.5)
    assert tasks(broker.dequeue()) == [("sync.tasks.beat", ("later",))]


def test_a_task_belongs_to_its_transaction(broker):
    with transaction.atomic():
        queue.enqueue("sync.tasks.beat", "x")
        transaction.set_rollback(True)
    assert broker.dequeue() is None


# ------------------------------------------------------------------------------------------------ waiting


@pytest.mark.parametrize("what", ["bell", "task"])
def test_waiting_ends_when_something_comes(what, monkeypatch):
    monkeypatch.setattr(queue, "WAIT_SECONDS", 5.0)
    tenant = make_tenant()
    broker = get_broker()
    broker._listen()

    def later() -> None:
        time.sleep(0.3)
        if what == "bell":
            doorbell.ring(tenant.pk)
        else:
            queue.enqueue("sync.tasks.beat", "x")
        connection.close()

    thread = threading.Thread(target=later)
    began = time.monotonic()
    thread.start()
    assert broker.dequeue() is None
    woken = time.monotonic() - began
    assert broker.dequeue()
    thread.join()
    broker._hang_up()
    assert 0.25 < woken < 1.5


def test_what_comes_between_looking_and_waiting_is_not_slept_over(broker, monkeypatch):
    monkeypatch.setattr(queue, "WAIT_SECONDS", 5.0)
    broker._listen()
    assert broker._take() == []
    queue.enqueue("sync.tasks.beat", "x")
    began = time.monotonic()
    broker._wait()
    assert time.monotonic() - began < 1


def test_a_burst_is_one_wake_up(broker):
    broker._listen()
    tenant = make_tenant()
    for _ in range(20):
        doorbell.ring(tenant.pk)
    broker.dequeue()
    broker._wait()
    assert list(broker._ear.notifies(timeout=0)) == []


def test_lost_connections_are_made_anew(broker):
    """Both sessions of the broker are cut, as by a restart of the server: the pusher lives on and finds its work."""
    broker.dequeue()
    queue.enqueue("sync.tasks.beat", "x")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    parameters = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    with psycopg.connect(**parameters, autocommit=True) as session:
        for pid in (mine, broker._ear.info.backend_pid):
            session.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    found = [broker.dequeue() for _ in range(3)]
    assert [task for one in found for task in tasks(one)] == [("sync.tasks.beat", ("x",))]


def test_a_forked_child_listens_on_its_own_connection(broker):
    broker.dequeue()
    parents_pid = broker._ear.info.backend_pid
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        broker._listen()
        os.write(writing, str(broker._ear.info.backend_pid).encode())
        os._exit(0)
    childs_pid = int(os.read(reading, 20))
    os.waitpid(child, 0)
    assert childs_pid != parents_pid
    queue.enqueue("sync.tasks.beat", "x")
    assert broker.dequeue()


def test_the_listener_is_not_the_owner(broker):
    broker._listen()
    assert broker._ear.execute("SELECT current_user").fetchone() == ("platform_app",)


def test_a_lost_receipt_does_not_kill_the_monitor(broker, monkeypatch):
    from django.db import OperationalError

    def away(_task_id: int) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(broker, "delete", away)
    broker.acknowledge(1)


@pytest.fixture
def marks(tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.setattr(queue, "_marks", None)
    queue.keep_marks(tmp_path)
    yield tmp_path
    pre_execute.disconnect(dispatch_uid="marks")
    post_execute_in_worker.disconnect(dispatch_uid="marks")


def test_a_worker_is_marked_while_it_works(marks):
    pre_execute.send(sender="django_q", func=None, task={})
    assert queue.busy_workers(marks) == [os.getpid()]
    post_execute_in_worker.send(sender="django_q", func=None, task={})
    assert queue.busy_workers(marks) == []


def test_a_mark_older_than_a_task_may_be_does_not_count(marks):
    pre_execute.send(sender="django_q", func=None, task={})
    past = time.time() - project.Q_CLUSTER["timeout"] - 60
    os.utime(marks / str(os.getpid()), (past, past))
    assert queue.busy_workers(marks) == []


def test_a_folder_that_somebody_cleared_does_no_harm(marks):
    marks.rmdir()
    assert queue.busy_workers(marks) == []
    assert queue.taken_tasks(marks) == set()
    pre_execute.send(sender="django_q", func=None, task={})
    assert queue.busy_workers(marks) == [os.getpid()]


def test_the_tasks_of_a_killed_cluster_are_given_back(broker, marks):
    for name in ("a", "b", "c"):
        queue.enqueue("sync.tasks.beat", name)
    finished = broker.dequeue()
    broker.acknowledge(finished[0][0])
    broker.dequeue()
    assert broker._take() != []
    assert broker.dequeue() is None
    lost = queue.taken_tasks(marks)
    assert len(lost) == 2
    assert queue.give_back(lost) == 2
    assert tasks(broker.dequeue()) == [("sync.tasks.beat", ("b",))]
    assert queue.give_back(set()) == 0


def test_the_beat_task_is_noted():
    from sync import tasks as shells

    shells.beat("host:1")
    first = WorkerBeat.objects.get(name="host:1")
    shells.beat("host:1")
    second = WorkerBeat.objects.get(name="host:1")
    assert second.beat_at > first.beat_at
    assert second.started_at == first.started_at


# ------------------------------------------------------------------------------------------------ schedules


def by_name() -> dict[str, Schedule]:
    return {row.name: row for row in Schedule.objects.all()}


def test_live_tenants_are_pulled_and_swept_as_they_wish():
    tenant = make_tenant(pull_minutes=15, sweep_minutes=7)
    make_hours_policy(tenant)
    make_tenant(state="preparing")
    make_tenant(state="paused")
    assert schedules.repair_schedules() == len(schedules.KINDS)
    rows = by_name()
    assert set(rows) == {f"{kind}:{tenant.pk}" for kind in schedules.KINDS}
    assert rows[f"reconcile:{tenant.pk}"].minutes == 24 * 60
    assert rows[f"pull:{tenant.pk}"].minutes == 15
    assert rows[f"sweep:{tenant.pk}"].minutes == 7
    assert rows[f"pull:{tenant.pk}"].func == "sync.tasks.pull"
    assert schedules.next_runs(tenant.pk) == {
        "pull": rows[f"pull:{tenant.pk}"].next_run,
        "sweep": rows[f"sweep:{tenant.pk}"].next_run,
        "hours": rows[f"hours:{tenant.pk}"].next_run,
        "reconcile": rows[f"reconcile:{tenant.pk}"].next_run,
        "digest": rows[f"digest:{tenant.pk}"].next_run,
        "check_up": rows[f"check_up:{tenant.pk}"].next_run,
    }
    assert schedules.repair_schedules() == 0


def test_hours_are_scheduled_only_where_they_are_switched_on():
    with_hours, without = make_tenant(), make_tenant()
    make_hours_policy(with_hours)
    make_hours_policy(without, enabled=False)
    schedules.repair_schedules()
    assert f"hours:{with_hours.pk}" in by_name()
    assert f"hours:{without.pk}" not in by_name()


def test_tenants_are_spread_over_the_interval():
    now = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    waits = [(schedules.first_run(f"pull:{number}", 15, now) - now).total_seconds() for number in range(300)]
    assert all(0 < wait <= 900 for wait in waits)
    per_minute = [sum(60 * minute < wait <= 60 * minute + 60 for wait in waits) for minute in range(15)]
    assert max(per_minute) < 45  # 20 each if perfect, 300 at once if not spread
    assert min(per_minute) > 5


def test_the_place_in_the_interval_is_stable():
    now = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    first = schedules.first_run("pull:17", 15, now)
    assert schedules.first_run("pull:17", 15, now + timedelta(minutes=30)) == first + timedelta(minutes=30)
    assert schedules.first_run("pull:17", 15, first) == first + timedelta(minutes=15)


def test_an_unchanged_schedule_keeps_its_next_run_and_a_changed_interval_counts_at_once():
    tenant = make_tenant(pull_minutes=15)
    schedules.repair_schedules()
    overdue = timezone.now() - timedelta(seconds=20)
    Schedule.objects.filter(name=f"pull:{tenant.pk}").update(next_run=overdue)
    schedules.repair_schedules()
    assert by_name()[f"pull:{tenant.pk}"].next_run == overdue
    with tenant_scope(ALL):
        Tenant.objects.update(pull_minutes=2)
    assert schedules.repair_schedules() == 1
    row = by_name()[f"pull:{tenant.pk}"]
    assert row.minutes == 2
    assert row.next_run <= timezone.now() + timedelta(minutes=2)


@pytest.mark.parametrize(
    "damage",
    [
        {"args": "hello world"},
        {"func": "os.system"},
        {"repeats": 0},
        {"schedule_type": "O"},
        {"next_run": None},
        {"next_run": datetime(2099, 1, 1, tzinfo=UTC)},
        {"kwargs": "a=1"},
        {"cluster": "elsewhere"},
        {"hook": "os.abort"},
    ],
)
def test_a_damaged_schedule_is_repaired(damage):
    tenant = make_tenant()
    schedules.repair_schedules()
    Schedule.objects.filter(name=f"pull:{tenant.pk}").update(**damage)
    assert schedules.repair_schedules() >= 1
    row = by_name()[f"pull:{tenant.pk}"]
    assert (row.func, row.args, row.repeats, row.schedule_type, row.cluster, row.hook, row.kwargs) == (
        "sync.tasks.pull", f"({tenant.pk},)", -1, "I", None, None, None,
    )  # fmt: skip
    assert timezone.now() < row.next_run < timezone.now() + timedelta(minutes=16)


def test_what_should_not_be_there_goes_and_others_stay():
    tenant = make_tenant()
    make_hours_policy(tenant)
    schedules.repair_schedules()
    for name in (f"pull:{tenant.pk}", "pull:999999", "sweep:abc", "report"):
        Schedule.objects.create(name=name, func="builtins.print", schedule_type="D")
    schedules.repair_schedules()
    names = list(Schedule.objects.values_list("name", flat=True))
    assert sorted(names) == sorted([*(f"{kind}:{tenant.pk}" for kind in schedules.KINDS), "report"])
    with tenant_scope(ALL):
        Tenant.objects.update(state="paused")
    schedules.repair_schedules()
    assert set(by_name()) == {"report"}


@pytest.mark.parametrize(
    "bad", [{"args": "hello world"}, {"kwargs": "[1]"}, {"schedule_type": "C", "cron": "* * * * *"}, {"args": "1("}]
)
def test_somebodys_bad_schedule_does_not_stop_ours(bad):
    """django-q2 runs all schedules in one transaction: one that raises undoes the others, every time."""
    tenant = make_tenant()
    schedules.repair_schedules()
    past = timezone.now() - timedelta(minutes=1)
    Schedule.objects.update(next_run=past)
    row = {"name": "bad", "func": "builtins.print", "schedule_type": "I", "minutes": 5, "next_run": past} | bad
    Schedule.objects.bulk_create([Schedule(**row)])  # past save(), as a restored or older row may be
    scheduler(broker=get_broker())
    assert queue.queue_depth() == 0, "so it really stops them"
    schedules.repair_schedules()
    scheduler(broker=get_broker())
    taken = [SignedPackage.loads(row.payload) for row in OrmQ.objects.all()]
    assert sorted((task["func"], task["args"]) for task in taken) == [
        ("sync.tasks.check_up", (tenant.pk,)),
        ("sync.tasks.digest", (tenant.pk,)),
        ("sync.tasks.pull", (tenant.pk,)),
        ("sync.tasks.reconcile", (tenant.pk,)),
        ("sync.tasks.sweep", (tenant.pk,)),
    ]
    assert by_name()["bad"].repeats == 0


def test_a_late_schedule_runs_once_and_keeps_its_place():
    tenant = make_tenant(pull_minutes=15)
    schedules.repair_schedules()
    name = f"pull:{tenant.pk}"
    planned = by_name()[name].next_run
    Schedule.objects.filter(name=name).update(next_run=planned - timedelta(minutes=150))
    scheduler(broker=get_broker())
    scheduler(broker=get_broker())
    assert queue.queue_depth() == 1
    assert by_name()[name].next_run == planned


def test_two_supervisors_at_once_make_each_schedule_once():
    """There is no constraint on the name, so the second waits until the first has committed what it made."""
    make_hours_policy(make_tenant())
    parameters = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}

    def repair() -> None:
        schedules.repair_schedules()
        connection.close()

    thread = threading.Thread(target=repair)
    with psycopg.connect(**parameters) as first:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [schedules.LOCK])
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert not Schedule.objects.exists()
    thread.join(10)
    assert Schedule.objects.count() == len(schedules.KINDS)
