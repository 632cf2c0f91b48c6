"""`manage.py run_worker` as a real process on a server of its own, and everything in it killed in turn.

Each test proves life the same way: it puts a task in the queue and sees that it was executed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.conf import settings

from integration_platform.postgres import EmbeddedPostgres
from sync.queue import make_package
from tests.processes.migrated import fill

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="watches processes by /proc")]

MANAGE = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]
OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
READ = "0"  # the system call in which an idle worker holds the task queue's lock, see /proc/PID/syscall
WORKERS = 2
BEAT_LIMIT = 8  # long enough for a machine that is busy with other tests


def wait_for(what: Callable[[], Any], seconds: float, why: str, log: Callable[[], str] = str) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not within {seconds} s: {why}\n{log()}"
        time.sleep(0.05)
    return found


class Server:
    """A PostgreSQL server for the worker alone, so that it can be stopped, and asked without Django."""

    def __init__(self, folder: Path) -> None:
        self.postgres = EmbeddedPostgres(folder, OPTIONS)
        self.url = self.postgres.ensure_running()
        self.environment = os.environ | {
            "DATABASE_URL": self.url,
            "SECRET_KEY": settings.SECRET_KEY,  # what we put in the queue is signed with it
            "WORKERS": str(WORKERS),
        }

    def run(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as session:
            cursor = session.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def enqueue(self, task: str, *args: Any) -> None:
        self.run(
            "INSERT INTO django_q_ormq (key, payload, lock) VALUES ('sync', %s, clock_timestamp())",
            make_package(task, *args),
        )

    def has_beat(self, name: str) -> bool:
        return bool(self.run("SELECT 1 FROM sync_workerbeat WHERE name = %s", name))


class Worker:
    """One `run_worker` and its family."""

    def __init__(self, server: Server, log: Path) -> None:
        self.server = server
        self.log = log
        command = [*MANAGE, "run_worker", "--beat-limit", str(BEAT_LIMIT), "--stop-limit", "10"]
        with log.open("w") as output:
            environment = server.environment | {"TMPDIR": str(log.parent)}
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self.seen: set[psutil.Process] = set()
        self.name = f"probe-{self.process.pid}"

    def said(self) -> str:
        return self.log.read_text()

    def family(self) -> list[psutil.Process]:
        """Main, sentinel, and below it workers, monitor and pusher."""
        found = []
        with suppress(psutil.Error):
            found = psutil.Process(self.process.pid).children(recursive=True)
        self.seen |= set(found)
        return found

    def main(self) -> psutil.Process:
        return psutil.Process(self.process.pid).children()[0]

    def sentinel(self) -> psutil.Process:
        return self.main().children()[0]

    def wait_until_it_works(self, seconds: float = 20) -> None:
        """Until a task is executed that was queued just now."""
        name = f"{self.name}-{time.monotonic_ns()}"
        self.server.enqueue("sync.tasks.beat", name)
        wait_for(lambda: self.server.has_beat(name), seconds, "a task is executed", lambda: self.said()[-5000:])

    def wait_until_idle(self) -> psutil.Process:
        """The idle worker that holds the task queue's lock, as soon as there is one."""

        def find() -> psutil.Process | None:
            with suppress(psutil.Error, OSError):
                children = self.sentinel().children()  # workers first, then monitor and pusher
                for child in children[:WORKERS]:
                    if Path(f"/proc/{child.pid}/syscall").read_text().split()[0] == READ:
                        return child
            return None

        return wait_for(find, 10, "an idle worker reads the queue")

    def end(self) -> None:
        """Also those that a failed test has left without parents."""
        self.family()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for process in self.seen:
            with suppress(psutil.Error):
                process.kill()


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for process in processes:
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("worker-server"))
    fill(server.url)
    yield server
    server.postgres.remove()


@pytest.fixture
def worker(server: Server, tmp_path: Path) -> Iterator[Worker]:
    server.run("DELETE FROM django_q_ormq")
    worker = Worker(server, tmp_path / "log")
    try:
        worker.wait_until_it_works()
        yield worker
    finally:
        worker.end()


def test_it_works_and_stops(worker: Worker, server: Server) -> None:
    server.run(
        """INSERT INTO tenants_tenant (slug, name, language, state, contact_email, opt_in_field, opt_in_means,
            conflict_policy, pull_minutes, sweep_minutes, created_at)
        VALUES ('a', 'A', 'da', 'live', '', 'x', 'sync', 'uniconta_wins', 15, 15, now())
        ON CONFLICT DO NOTHING"""
    )
    family = worker.family()
    assert len(family) == 2 + WORKERS + 2
    name = f"{os.uname().nodename}:{worker.process.pid}"
    assert wait_for(lambda: server.has_beat(name), 10, "the supervisor's beat")
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(15) == 0
    assert time.monotonic() - began < 9  # by itself: after 10 it would be killed
    assert living(family) == []
    assert not server.has_beat(name)
    assert "cluster_hangs" not in worker.said()


def test_the_silent_deadlock_is_recovered(worker: Worker, server: Server) -> None:
    """The idle worker that waits on the queue dies with the queue's lock: nobody can take a task any more."""
    victim = worker.wait_until_idle()
    old_family = worker.family()
    victim.kill()
    server.enqueue("sync.tasks.beat", "after-the-deadlock")
    time.sleep(2)
    assert not server.has_beat("after-the-deadlock"), "so it really is a dead-lock"
    assert len(living(old_family)) >= len(old_family) - 1, "and every process looks healthy"
    wait_for(lambda: server.has_beat("after-the-deadlock"), BEAT_LIMIT + 15, "what was queued is executed", worker.said)
    assert "cluster_hangs" in worker.said()
    assert living(old_family) == []


def test_after_the_death_of_the_main_process_nobody_is_left_of_it(worker: Worker) -> None:
    old_family = worker.family()
    worker.main().kill()
    wait_for(lambda: not living(old_family), 15, "its orphans are gone")
    worker.wait_until_it_works()
    assert worker.process.poll() is None


def test_after_the_death_of_the_sentinel_a_new_cluster_works(worker: Worker) -> None:
    old_family = worker.family()
    worker.sentinel().kill()
    wait_for(lambda: not living(old_family), 15, "its orphans are gone")
    worker.wait_until_it_works()


def test_after_the_death_of_the_supervisor_nobody_is_left(worker: Worker) -> None:
    family = worker.family()
    worker.process.kill()
    worker.process.wait()
    wait_for(lambda: not living(family), 15, "the cluster is gone")


def test_busy_is_not_hanging(worker: Worker, server: Server) -> None:
    """All workers at work for longer than the beat limit: nobody may be killed, and the beat comes afterwards."""
    main = worker.main().pid
    began = time.monotonic()
    for _ in range(2 * WORKERS):
        server.enqueue("time.sleep", BEAT_LIMIT + 1)
    server.enqueue("sync.tasks.beat", "after-the-work")
    wait_for(lambda: server.has_beat("after-the-work"), 40, "the work was done")
    assert time.monotonic() - began > 2 * BEAT_LIMIT
    assert worker.main().pid == main
    assert "cluster_hangs" not in worker.said()


def test_running_work_finishes_before_the_stop(worker: Worker, server: Server) -> None:
    server.enqueue("time.sleep", 3)
    wait_for(
        lambda: server.run("SELECT 1 FROM django_q_ormq WHERE lock > clock_timestamp() + interval '1 minute'"),
        15,
        "taken",
    )
    began = time.monotonic()
    worker.process.send_signal(signal.SIGINT)
    worker.process.wait(15)
    assert 1.5 < time.monotonic() - began < 15
    assert not server.run("SELECT 1 FROM django_q_ormq WHERE lock > clock_timestamp() + interval '1 minute'")


def test_stopping_is_bounded_and_a_second_signal_is_impatient(worker: Worker, server: Server) -> None:
    family = worker.family()
    server.enqueue("time.sleep", 60)
    wait_for(
        lambda: server.run("SELECT 1 FROM django_q_ormq WHERE lock > clock_timestamp() + interval '1 minute'"),
        15,
        "taken",
    )
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(15)
    assert living(family) == []
    server.run("DELETE FROM django_q_ormq")


def test_an_outage_of_the_database_is_survived(worker: Worker, server: Server) -> None:
    main = worker.main().pid
    server.postgres.stop(even_if_not_owner=True)
    time.sleep(BEAT_LIMIT + 3)
    assert worker.process.poll() is None
    server.postgres.ensure_running()
    worker.wait_until_it_works(15)
    assert worker.main().pid == main, "nothing was wrong with the cluster"
    said = worker.said()
    assert "database_lost" in said
    wait_for(lambda: "database_back" in worker.said(), 5, "the supervisor noticed")


def test_it_waits_for_the_database(server: Server, tmp_path: Path) -> None:
    server.postgres.stop(even_if_not_owner=True)
    worker = Worker(server, tmp_path / "log")
    try:
        wait_for(lambda: "waiting_for_database" in worker.said(), 15, "it says so")
        assert worker.family() == []
        server.postgres.ensure_running()
        worker.wait_until_it_works()
    finally:
        server.postgres.ensure_running()
        worker.end()


def test_it_refuses_a_database_without_migrations(server: Server) -> None:
    server.run("CREATE DATABASE bare")
    url = server.url.replace("@/platform?", "@/bare?")
    environment = server.environment | {"DATABASE_URL": url}
    done = subprocess.run([*MANAGE, "run_worker"], env=environment, capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
    assert b"Run `manage.py migrate`" in done.stderr
