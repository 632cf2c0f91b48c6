"""`manage.py run_worker`: the worker of the platform, that is django-q2's cluster under a supervisor.

A bare cluster may stop silently: whoever kills the idle worker that waits on the task queue leaves the queue's lock taken
for ever, and every process looks healthy. So a beat is sent through the queue every few seconds; when none is executed
any more, the cluster is killed and started again. The supervisor also rings for due change events every second, queues
runs again that nobody works on, repairs the schedules every minute and every hour makes partitions and removes what is
old. Any number of machines may run one.

Nobody outlives the supervisor: each process asks the kernel to be killed when its parent dies (`die_with_parent`).
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import structlog
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from psycopg.errors import QueryCanceled

from sync.domain.doorbell import ring_due
from sync.domain.off_boarding import forget_closed
from sync.domain.retention import forget_old
from sync.domain.runs import resume_runs
from sync.domain.schedules import repair_schedules
from sync.models import WorkerBeat
from sync.partitions import ensure_partitions
from sync.queue import WORKER_COUNT, busy_workers, enqueue, give_back, keep_marks, taken_tasks

log = structlog.get_logger(__name__)

BEAT_SECONDS = 5.0
SHORT_LIFE_SECONDS = 60.0  # a cluster that lived less is started again after a pause
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_START_SECONDS = 600.0
STATEMENT_SECONDS = 15  # for the supervisor's own statements: one that waits for a lock must not stop the bells
TICK_SECONDS = 0.2


# ---------------------------------------------------------------------- inside the cluster

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_forked_by = 0


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, and die now if that has happened already.

    Linux only. Elsewhere orphans are possible after a SIGKILL of the supervisor.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _before_fork() -> None:
    global _forked_by  # noqa: PLW0603 - written right before a fork, read right after it by the child
    _forked_by = os.getpid()


def run_cluster(supervisor: int, marks: Path) -> None:
    """Become a cluster, all of whose processes die with the one that forked them: main, sentinel, workers."""
    die_with_parent(supervisor)
    os.register_at_fork(before=_before_fork, after_in_child=lambda: die_with_parent(_forked_by))
    keep_marks(marks)
    call_command("qcluster")


# ---------------------------------------------------------------------- the cluster, seen from outside


class Cluster:
    """One `qcluster` in a session of its own."""

    def __init__(self) -> None:
        self.marks = Path(tempfile.mkdtemp(prefix="busy-workers-"))
        manage = str(Path(settings.BASE_DIR) / "manage.py")
        # From the main thread, which lives as long as the supervisor: the kernel watches the thread that forks.
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, manage, "run_worker", "--supervisor", str(os.getpid()), "--marks", str(self.marks)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started_at = time.monotonic()
        self.unfinished: set[int] = set()  # tasks that died with it, once it is stopped

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def members(self) -> list[psutil.Process]:
        """The living processes of its session, orphans included."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def are_all_busy(self) -> bool:
        """Whether every worker executes a task: then a beat has to wait, and its absence means nothing."""
        busy = 0
        for pid in busy_workers(self.marks):
            with suppress(OSError):
                busy += os.getsid(pid) == self.process.pid
        return busy >= WORKER_COUNT

    def stop(self, seconds: float, is_urgent: Callable[[], bool]) -> None:
        """Let running tasks finish, for so long at most."""
        with suppress(OSError):
            self.process.terminate()  # the main process only: it tells the others what to do
        until = time.monotonic() + seconds
        while not self.has_ended() and time.monotonic() < until and not is_urgent():
            time.sleep(0.05)
        self.kill(grace=0)

    def kill(self, grace: float = 3.0) -> None:
        """End all of it: SIGTERM, after `grace` seconds SIGKILL, until nobody is left."""
        if grace:
            self._send(signal.SIGTERM)
            self._wait_until_gone(grace)
        until = time.monotonic() + 10
        while self._send(signal.SIGKILL) and time.monotonic() < until:
            self._wait_until_gone(0.2)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        if left := self.members():
            log.error("cluster_members_left", pids=[member.pid for member in left])
        self.unfinished = taken_tasks(self.marks)
        shutil.rmtree(self.marks, ignore_errors=True)

    def _send(self, number: signal.Signals) -> int:
        members = self.members()
        for member in members:
            with suppress(psutil.Error):
                member.send_signal(number)
        return len(members)

    def _wait_until_gone(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.members():
            time.sleep(0.05)


# ---------------------------------------------------------------------- database work, in a thread of its own


@dataclass
class Job:
    work: Callable[[], object]
    every: float
    due_at: float = 0.0


def _first_lines(error: BaseException) -> str:
    """Without what PostgreSQL adds on the values of the row at fault."""
    errors = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
    return "; ".join(str(each).strip().split("\n")[0] for each in errors)[:300]


@dataclass
class Upkeep:
    """Everything the supervisor does in the database. In a thread, because a database that hangs must keep nobody from
    watching the cluster or from stopping in time.
    """

    name: str
    beat_limit: float
    beat_seen_at: float = 0.0  # monotonic, like all times here
    answered_at: float = 0.0
    answering_since: float = 0.0  # without a failure in between
    _last_beat: object = None
    _sent_at: float | None = None  # of the beat that is on its way
    is_away: bool = False
    _lost: set[int] = field(default_factory=set)  # tasks to give back
    _given_back: set[int] = field(default_factory=set)
    _troubles: dict[str, str] = field(default_factory=dict)  # work → what it failed with
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        self._stopping.set()
        self._thread.join(seconds)

    def cluster_ended(self, unfinished: set[int]) -> None:
        """Give back what died with the cluster. Each task once: what kills its cluster time and again waits its turn."""
        self._lost |= unfinished - self._given_back
        self._sent_at = None

    def _run(self) -> None:
        beat_every = min(BEAT_SECONDS, self.beat_limit / 4)
        jobs = [
            Job(ring_due, 1),
            Job(self._give_back, 1),
            Job(self._look_for_beat, 1),
            Job(self._send_beat, beat_every),
            Job(resume_runs, 5),
            Job(repair_schedules, 60),
            Job(ensure_partitions, 3600),
            Job(forget_old, 3600),
            Job(forget_closed, 3600),
            Job(self._forget_workers, 3600),
            Job(self._tell_troubles, 5),
        ]
        while not self._stopping.wait(TICK_SECONDS):
            for job in jobs:
                if time.monotonic() >= job.due_at and not self._stopping.is_set():
                    job.due_at = time.monotonic() + job.every
                    if not self._do(job.work):
                        job.due_at = time.monotonic() + 1
                        break  # the others would fail alike, or must not be kept waiting by this one
        self._do(self._give_back)
        self._do(lambda: WorkerBeat.objects.filter(name=self.name).delete())
        connection.close()

    def _do(self, work: Callable[[], object]) -> bool:
        """False: the database is away."""
        name = getattr(work, "__name__", "?").lstrip("_")
        try:
            if connection.connection is None:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            work()
        except Exception as error:
            connection.close()
            # A statement that took too long is the work's own trouble; everything else would fail, too, without database.
            is_database = isinstance(error, OperationalError | InterfaceError)
            if is_database and not isinstance(error.__cause__, QueryCanceled):
                if not self.is_away:
                    log.warning("database_lost", error=_first_lines(error))
                self.is_away = True
                return False
            log.exception("upkeep_failed", work=name)
            self._troubles[name] = _first_lines(error)
            return True
        self._troubles.pop(name, None)
        self.answered_at = time.monotonic()
        if self.is_away or not self.answering_since:
            self.answering_since = self.answered_at
        if self.is_away:
            log.info("database_back")
        self.is_away = False
        return True

    def _give_back(self) -> None:
        if lost := set(self._lost):
            log.info("tasks_given_back", count=give_back(lost))
            self._given_back |= lost
            self._lost -= lost

    def _send_beat(self) -> None:
        """One at a time: where all workers are busy they would pile up."""
        if self._sent_at is None or time.monotonic() - self._sent_at > self.beat_limit / 2:
            enqueue("sync.tasks.beat", self.name)
            self._sent_at = time.monotonic()

    def _look_for_beat(self) -> None:
        beat_at = WorkerBeat.objects.filter(name=self.name).values_list("beat_at", flat=True).first()
        if beat_at != self._last_beat:
            self._last_beat = beat_at
            self.beat_seen_at = time.monotonic()
            self._sent_at = None

    def _tell_troubles(self) -> None:
        """On the front page, because nobody reads a log file."""
        told = "\n".join(f"{name}: {text}" for name, text in sorted(self._troubles.items()))
        WorkerBeat.objects.filter(name=self.name).exclude(upkeep_error=told).update(upkeep_error=told)

    def _forget_workers(self) -> None:
        WorkerBeat.objects.filter(beat_at__lt=timezone.now() - timedelta(days=1)).delete()


# ---------------------------------------------------------------------- the supervisor


class Supervisor:
    def __init__(self, beat_limit: float, stop_limit: float, start_limit: float) -> None:
        self.beat_limit = beat_limit
        self.stop_limit = stop_limit
        self.start_limit = max(start_limit, beat_limit)
        self.signal_count = 0
        self.upkeep = Upkeep(f"{socket.gethostname()}:{os.getpid()}", beat_limit)

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._wait_for_database()
        if self.is_stopping():
            return
        log.info("worker_started", name=self.upkeep.name, workers=WORKER_COUNT)
        self.upkeep.start()
        short_lives = 0
        while not self.is_stopping():
            cluster = Cluster()
            try:
                reason = self._watch(cluster)
            except BaseException:
                cluster.kill(grace=0)
                raise
            if self.is_stopping():
                log.info("worker_stopping")
                cluster.stop(self.stop_limit, lambda: self.signal_count > 1)
                self.upkeep.cluster_ended(cluster.unfinished)
                break
            lived = time.monotonic() - cluster.started_at
            if reason == "cluster_did_not_start":  # a machine so slow gets more time, or nothing would ever start on it
                self.start_limit = max(self.start_limit, min(2 * self.start_limit, LONGEST_START_SECONDS))
            short_lives = short_lives + 1 if lived < SHORT_LIFE_SECONDS else 0
            pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** (short_lives - 1)) if short_lives else 0.0
            log.error(reason, lived_seconds=round(lived, 1), next_start_in_seconds=pause)
            cluster.kill()
            self.upkeep.cluster_ended(cluster.unfinished)
            self._sleep(pause)
        self.upkeep.stop(3)
        log.info("worker_stopped")

    def is_stopping(self) -> bool:
        return self.signal_count > 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signal_count += 1

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.is_stopping():
            time.sleep(TICK_SECONDS)

    def _wait_for_database(self) -> None:
        said_at = 0.0
        while not self.is_stopping():
            try:
                executor = MigrationExecutor(connection)
                break
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() - said_at > 30:
                    log.warning("waiting_for_database", error=str(error).strip()[:300])
                    said_at = time.monotonic()
                connection.close()
                self._sleep(1)
        else:
            return
        if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:3])
            raise CommandError(
                f"The database lacks {len(missing)} migrations ({names} …). Run `manage.py migrate`, then start again."
            )
        connection.close()

    def _watch(self, cluster: Cluster) -> str:
        """Wait until something is wrong with the cluster, and return what, or until a signal comes.

        Until its first beat it is starting, which takes longer than a beat where the machine has much to do.
        """
        free_at = cluster.started_at  # since when a worker has been free to execute a beat, as far as we saw
        is_slow = False
        while not self.is_stopping():
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            if cluster.has_ended():
                return "cluster_ended"
            if cluster.are_all_busy():
                free_at = now
            since = max(free_at, self.upkeep.beat_seen_at, self.upkeep.answering_since)
            is_database_there = not self.upkeep.is_away and now - self.upkeep.answered_at < 2
            if not is_database_there or now - since <= self.beat_limit:
                continue
            if self.upkeep.beat_seen_at > cluster.started_at:
                return "cluster_hangs"
            if now - since > self.start_limit:
                return "cluster_did_not_start"
            if not is_slow:
                log.warning("cluster_starts_slowly", seconds=round(now - since), is_killed_after=self.start_limit)
            is_slow = True
        return "stopping"


class Command(BaseCommand):
    help = "Synchronise: execute queued work under a supervisor, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--beat-limit", type=float, default=30, metavar="SECONDS", help="restart a cluster silent for so long"
        )
        parser.add_argument(
            "--stop-limit", type=float, default=30, metavar="SECONDS", help="how long running work may take to finish"
        )
        parser.add_argument(
            "--start-limit",
            type=float,
            default=120,
            metavar="SECONDS",
            help="how long a cluster may take to its first beat; twice as long after each that did not come",
        )
        # How the supervisor starts the cluster.
        parser.add_argument("--supervisor", type=int, help=argparse.SUPPRESS)
        parser.add_argument("--marks", type=Path, help=argparse.SUPPRESS)

    def handle(self, *_: Any, **options: Any) -> None:
        if options["supervisor"]:
            run_cluster(options["supervisor"], options["marks"])
        else:
            Supervisor(options["beat_limit"], options["stop_limit"], options["start_limit"]).run()
