"""The only module that knows django-q2: its broker, and everything else of it that we use.

The rows are the truth and this is the doorbell, so django-q2 can be replaced by writing this module anew.
"""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.humanhash import uuid as make_id
from django_q.models import Schedule
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from sync.domain import doorbell
from tenants.row_security import APP_ROLE

log = structlog.get_logger(__name__)

CHANNEL = "queue"
DRAIN = "sync.tasks.drain"
WAIT_SECONDS = 1.0  # also how long a bell may go unheard that rang while its tenant was leased
BELLS_AT_ONCE = 1  # what is taken waits for a free worker; what is left can be taken by another machine

ENQUEUE = f"""
WITH made AS (
    INSERT INTO django_q_ormq (key, payload, lock)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s)) RETURNING id
)
SELECT id, pg_notify('{CHANNEL}', '')::text FROM made
"""  # noqa: S608 - constants of this module
DEQUEUE = """
WITH next AS MATERIALIZED (
    SELECT id FROM django_q_ormq WHERE key = %s AND (lock IS NULL OR lock <= clock_timestamp())
    ORDER BY lock NULLS FIRST, id FOR UPDATE SKIP LOCKED LIMIT %s
)
UPDATE django_q_ormq q SET lock = clock_timestamp() + make_interval(secs => %s) FROM next WHERE q.id = next.id
RETURNING q.id, q.payload
"""

GIVE_BACK = f"""
WITH back AS (UPDATE django_q_ormq SET lock = clock_timestamp() WHERE id = ANY(%s) RETURNING id)
SELECT id, pg_notify('{CHANNEL}', '') FROM back
"""  # noqa: S608 - constants of this module


def make_package(task: str, *args: Any) -> str:
    """What django-q2 carries from broker to worker, signed."""
    name, task_id = make_id()
    content = {
        "id": task_id,
        "name": name,
        "func": task,
        "args": args,
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
    }
    package: str = SignedPackage.dumps(content)
    return package


class Broker(ORM):  # type: ignore[misc, unused-ignore]
    """Bells and tasks out of PostgreSQL: each taken once (SKIP LOCKED), by the database's clock, within milliseconds."""

    delay: float = 0  # seconds until what this broker enqueues may start
    _ear: psycopg.Connection[Any] | None = None
    _ear_of = 0  # the process that opened it: a forked child must not touch its parent's socket

    def enqueue(self, task: str) -> int:
        """Part of the caller's transaction, if there is one."""
        if transaction.get_autocommit():
            close_old_connections()
        with connection.cursor() as cursor:
            cursor.execute(ENQUEUE, [self.list_key or Conf.CLUSTER_NAME, task, self.delay])
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int | None, str]] | None:
        """Take what there is, or wait a moment for more. Never raises for a lost database: django-q2's pusher would
        die of it and be away for ten seconds.
        """
        try:
            close_old_connections()
            self._listen()  # before looking, so that nothing slips in between
            if found := self._take():
                return found
            self._wait()
        except (DatabaseError, psycopg.Error, OSError) as error:
            log.warning("queue_database_lost", error=str(error).strip()[:300])
            self._hang_up()
            connection.close()
            time.sleep(WAIT_SECONDS)
        return None

    def _take(self) -> list[tuple[int | None, str]]:
        # Both kinds each time: tenants that ring without end must not keep pulls and heartbeats waiting. A bell has no
        # receipt (None is never acknowledged): if its drain is lost, ring_due rings again.
        drains = [(None, make_package(DRAIN, tenant_id)) for tenant_id in doorbell.take_bells(BELLS_AT_ONCE)]
        with connection.cursor() as cursor:
            cursor.execute(DEQUEUE, [self.list_key, Conf.BULK, Conf.RETRY])
            tasks = cursor.fetchall()
        for task_id, _ in tasks:
            _mark(f"{TAKEN}{task_id}")
        return [*drains, *tasks]

    def acknowledge(self, task_id: int) -> None:
        """A receipt lost to an outage means that the task runs a second time after `retry`, which is harmless; an
        exception here would cost django-q2 its monitor process.
        """
        try:
            self.delete(task_id)
            _unmark(f"{TAKEN}{task_id}")
        except DatabaseError as error:
            connection.close()
            log.warning("queue_receipt_lost", error=str(error).strip()[:300])

    # ------------------------------------------------------------------ waiting

    def _listen(self) -> None:
        if self._ear is not None and self._ear_of == os.getpid() and not self._ear.closed:
            return
        parameters = connection.get_connection_params()
        for ours in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(ours, None)
        parameters.setdefault("connect_timeout", 5)
        self._ear = psycopg.connect(**parameters, autocommit=True)
        self._ear_of = os.getpid()
        self._ear.execute("SELECT set_config('role', %s, false) FROM pg_roles WHERE rolname = %s", [APP_ROLE, APP_ROLE])
        self._ear.execute(f"LISTEN {doorbell.CHANNEL}")
        self._ear.execute(f"LISTEN {CHANNEL}")

    def _wait(self) -> None:
        assert self._ear is not None
        for _ in self._ear.notifies(timeout=WAIT_SECONDS, stop_after=1):
            pass
        for _ in self._ear.notifies(timeout=0):  # a burst of them is one reason to look, not many
            pass

    def _hang_up(self) -> None:
        if self._ear is not None and self._ear_of == os.getpid():
            with suppress(psycopg.Error, OSError):
                self._ear.close()
        self._ear = None


# ---------------------------------------------------------------------- tasks


def enqueue(task: str, *args: Any, delay: float = 0) -> None:
    """Queue a function of sync.tasks, named by its path, to start at the earliest after `delay` seconds.

    Inside a transaction it is queued by the commit. The queue may lose it: whoever cannot bear that stores an event.
    """
    broker = Broker()
    broker.delay = delay
    async_task(task, *args, q_options={"broker": broker})


def queue_depth() -> int:
    """How many tasks wait to be taken; bells are not counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM django_q_ormq WHERE key = %s AND (lock IS NULL OR lock <= clock_timestamp())",
            [Conf.CLUSTER_NAME],
        )
        return int(cursor.fetchone()[0])


# ---------------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Plan:
    """A task that is queued every `minutes` minutes."""

    name: str
    task: str
    args: tuple[Any, ...]
    minutes: int


def _fields(plan: Plan) -> dict[str, Any]:
    return {
        "func": plan.task,
        "args": repr(plan.args),
        "kwargs": None,
        "hook": None,
        "schedule_type": Schedule.MINUTES,
        "minutes": plan.minutes,
        "repeats": -1,
        "cron": None,
        "cluster": None,
        "intended_date_kwarg": None,
    }


def set_schedule(plan: Plan, next_run: datetime) -> bool:
    """Make the schedule exist exactly once and as planned; returns whether anything had to change.

    An unchanged schedule keeps its next run, unless that lies further ahead than one interval.
    """
    rows = list(Schedule.objects.filter(name=plan.name).order_by("id"))
    fields = _fields(plan)
    for row in rows[1:]:
        row.delete()
    if not rows:
        Schedule.objects.create(name=plan.name, next_run=next_run, **fields)
        return True
    row = rows[0]
    latest = timezone.now() + timedelta(minutes=plan.minutes, seconds=60)
    is_right = all(getattr(row, name) == value for name, value in fields.items())
    if is_right and row.next_run is not None and row.next_run <= latest:
        return len(rows) > 1
    Schedule.objects.filter(pk=row.pk).update(next_run=next_run, **fields)
    return True


def schedule_names(prefixes: Iterable[str]) -> set[str]:
    """The names of all schedules that begin with one of the prefixes."""
    names: QuerySet[Any] = Schedule.objects.exclude(name=None).values_list("name", flat=True)
    return {name for name in names if name.startswith(tuple(prefixes))}


def delete_schedules(names: Iterable[str]) -> int:
    deleted, _ = Schedule.objects.filter(name__in=list(names)).delete()
    return int(deleted)


def next_run(name: str) -> datetime | None:
    """When the schedule of that name fires next; None when there is none."""
    found: datetime | None = Schedule.objects.filter(name=name).values_list("next_run", flat=True).first()
    return found


def stop_unreadable_schedules() -> list[str]:
    """Switch off rows that would make django-q2's scheduler fail: one of them stops all schedules, ours included.

    They stay where they are, with `repeats` 0, so that whoever wrote them can see and correct them.
    """
    stopped = []
    for row in Schedule.objects.exclude(repeats=0):
        if problem := _unreadable(row):
            Schedule.objects.filter(pk=row.pk).update(repeats=0)
            stopped.append(row.name or str(row.pk))
            log.error("schedule_stopped", schedule=row.name or row.pk, problem=problem)
    return stopped


def _unreadable(row: Any) -> str:
    """What django-q2's scheduler would stumble over, by doing the same; "" if nothing."""
    try:
        if row.args:
            ast.literal_eval(row.args)
        if row.kwargs:
            with suppress(SyntaxError, ValueError):  # then it is tried as keyword arguments, which may fail harmlessly
                kwargs = ast.literal_eval(row.kwargs)
                if not isinstance(kwargs, dict) or not isinstance(kwargs.get("q_options", {}), dict):
                    return "kwargs is not a dict"
        if row.schedule_type != Schedule.ONCE:
            row.calculate_next_run(row.next_run or timezone.now())
    except Exception as error:  # noqa: BLE001 - whatever it is, the scheduler would meet it too
        return f"{type(error).__name__}: {error}"[:300]
    return ""


# ---------------------------------------------------------------------- marks: what the supervisor sees of a cluster

# Files, because they are all that is left of a process that was killed: one named by process id per worker that executes
# a task, one named by row id per task that was taken and not finished.
TAKEN = "taken-"
_marks: Path | None = None


def keep_marks(folder: Path) -> None:
    """From now on this process and those it forks mark in `folder` what they do. Call it before the cluster forks."""
    global _marks  # noqa: PLW0603 - handed down by fork; django-q2 offers no other way into its processes
    _marks = folder
    pre_execute.connect(lambda **_: _mark(str(os.getpid())), weak=False, dispatch_uid="marks")
    post_execute_in_worker.connect(lambda **_: _unmark(str(os.getpid())), weak=False, dispatch_uid="marks")


def _mark(name: str) -> None:
    if _marks is not None:
        with suppress(OSError):
            _marks.mkdir(mode=0o700, exist_ok=True)  # somebody may have cleared the folder of temporary files
            (_marks / name).touch()


def _unmark(name: str) -> None:
    if _marks is not None:
        with suppress(OSError):
            (_marks / name).unlink()


def busy_workers(folder: Path) -> list[int]:
    """Process ids of the workers that execute a task, and not for longer than a task may take."""
    busy = []
    for mark in folder.glob("[0-9]*"):
        with suppress(OSError):
            if time.time() - mark.stat().st_mtime < Conf.TIMEOUT + 30:
                busy.append(int(mark.name))
    return busy


def taken_tasks(folder: Path) -> set[int]:
    """The rows of tasks that this cluster took and did not finish."""
    return {int(mark.name.removeprefix(TAKEN)) for mark in folder.glob(f"{TAKEN}*")}


def give_back(task_ids: set[int]) -> int:
    """Let others have the tasks of a killed cluster now, instead of after `retry`. Returns how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, [sorted(task_ids)])
        return int(cursor.rowcount)


WORKER_COUNT: int = Conf.WORKERS
