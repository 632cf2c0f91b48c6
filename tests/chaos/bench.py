"""An installation whose engine runs in this very process, one step at a time, so that a row decides what happens when.

Both simulated systems are a process of their own, as ever; hints arrive over HTTP in a thread. Nothing works by itself:
`work()` does what the worker does until nothing is left to do, and lets the time pass that a worker would wait.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import requests

from tests.processes.installation import Installation

#: Waits are over, breakers closed, leases of the dead run out, and it is tomorrow for the budgets. A pull no longer restarts
#: minutes back, or each would read what hundreds of others did.
TIME_PASSES = """
UPDATE sync_changeevent SET due_at = clock_timestamp() WHERE state = 'pending' AND due_at > clock_timestamp();
UPDATE sync_synclogentry SET finished_at = finished_at - interval '1 hour' WHERE state = 'unclear';
UPDATE tenants_connection SET open_until = NULL;
UPDATE tenants_remotehost SET open_until = NULL;
UPDATE sync_drainlease SET lease_until = clock_timestamp() - interval '1 second';
UPDATE sync_cursor SET trail = jsonb_build_array(jsonb_build_array(0, value));
UPDATE sync_run SET alive_at = alive_at - interval '1 hour' WHERE state IN ('queued', 'running');
DELETE FROM sync_callcount;
"""


class Bench(Installation):
    """`start_engine()` first; then everything an installation can do happens here, and returns when it is done."""

    tenants: dict[str, int]
    _session: psycopg.Connection[Any] | None = None
    _undo: Callable[[], None] | None = None
    _stop_web: Callable[[], None] | None = None

    def start_engine(self, defect: str = "") -> None:
        # The server itself is not killed here, so nothing needs to wait for the disk.
        self.server.run(f"ALTER DATABASE {self.database} SET synchronous_commit = off")
        self._load_django()
        if defect:
            from tests.chaos.defects import DEFECTS

            self._undo = _remember_modules()
            DEFECTS[defect]()
        self._serve_web()

    def _load_django(self) -> None:
        import django
        from django.apps import apps

        os.environ |= {"DJANGO_SETTINGS_MODULE": "integration_platform.settings"} | self.environment
        if not apps.ready:
            django.setup()
            logging.disable(logging.CRITICAL)  # a row provokes errors by the hundred
        from django.conf import settings
        from django.db import connection, connections

        connection.close()
        for values in (connections.settings["default"], settings.DATABASES["default"]):
            values["NAME"] = self.database
            values["CONN_MAX_AGE"] = 0
        settings.PUBLIC_URL = self.url("web")
        settings.ALLOWED_HOSTS = ["127.0.0.1"]
        settings.UNCLEAR_WAIT_SECONDS = 120
        settings.LEASE_SECONDS = 60  # nobody else is at work here
        from sync.domain import brake, drain

        drain.GATHER_SECONDS = 0.0
        drain.SLICE_SECONDS = 1  # with some defects there is always more to do
        brake.AT_LEAST = 10**6  # what a row does with hundreds of records is no person's slip

    def _serve_web(self) -> None:
        from django.core.wsgi import get_wsgi_application
        from werkzeug.serving import make_server

        server = make_server("127.0.0.1", self.ports["web"], get_wsgi_application(), threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._stop_web = stop

    def end(self) -> None:
        if self._undo:
            self._undo()
        if self._stop_web:
            self._stop_web()
            from django.db import connection

            connection.close()
        if self._session:
            self._session.close()
        super().end()

    def hang_up(self) -> None:
        """Nobody in this thread is connected to the database any more."""
        from django.db import connection

        connection.close()
        if self._session:
            self._session.close()
        self._session = None

    def query(self, statement: str, *parameters: Any) -> list[Any]:
        """As ever, but over one connection."""
        if self._session is None:
            self._session = psycopg.connect(self.database_url, autocommit=True)
        cursor = self._session.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str) -> str:
        from django.core.management import call_command

        return str(call_command(*arguments) or "")

    def onboard(self, *, live: bool = True) -> None:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - its name is the machine's
            from contextlib import redirect_stdout

            with redirect_stdout(nowhere):
                super().onboard(live=live)
        self.query("UPDATE tenants_connection SET calls_per_day = 100000000")
        self.tenants = dict(self.query("SELECT slug, id FROM tenants_tenant"))

    # ------------------------------------------------------------------ what the worker does

    def work(self, rounds: int = 25) -> None:
        """Until nothing is left to do."""
        for _ in range(rounds):
            if not self.step() and not self.open_events():
                return
        raise AssertionError(f"does not get quiet: {self.state()}")

    def step(self, *, waits: bool = True) -> bool:
        """Carry out what was queued, ring for what is due and drain whoever rings, once; whether there was anything.

        `waits`: until every hint that is on its way has arrived.
        """
        from sync.domain import doorbell
        from sync.domain.drain import drain

        if waits:
            self.control("uniconta", "wait_for_webhooks", timeout=30)
        self.query(TIME_PASSES)
        ran = self.carry_out_runs()
        doorbell.ring_due()
        rung = doorbell.take_bells(len(self.companies))
        for tenant_id in rung:
            drain(tenant_id)
        return bool(ran or rung)

    def carry_out_runs(self) -> int:
        """Runs that were queued, or that somebody died over; returns how many."""
        from sync import tasks
        from sync.domain.runs import TASKS, Run, resume_runs

        resume_runs()
        queued = self.query("SELECT kind, tenant_id, id FROM sync_run WHERE state = 'queued' ORDER BY id")
        for kind, tenant_id, run_id in queued:
            getattr(tasks, TASKS[Run.Kind(kind)])(tenant_id, run_id)
        self.query("DELETE FROM django_q_ormq")
        return len(queued)

    def wait_until_quiet(self, seconds: float) -> None:
        self.work()

    def catch_up(self) -> None:
        """A pull and a check of Uniconta for everybody, as the schedules would, and what follows from them."""
        for tenant_id in self.tenants.values():
            self.pull(tenant_id)
            self.sweep(tenant_id)
        self.work()

    def pull(self, tenant_id: int) -> None:
        from sync.domain.pull import pull

        pull(tenant_id)

    def sweep(self, tenant_id: int) -> None:
        from sync.domain.sweep import sweep

        sweep(tenant_id)

    def drain(self, slug: str) -> None:
        from sync.domain.drain import drain

        drain(self.tenants[slug])

    # ------------------------------------------------------------------ what was written

    def now(self) -> dict[str, int]:
        """Where both ledgers stand."""
        return {name: self.control(name, "ledger?since=999999999")["last_seq"] for name in ("uniconta", "intempus")}

    def effects(self, since: dict[str, int]) -> list[str]:
        """What our calls changed since, in words."""
        return [
            f"{effect['action']} {effect['resource']} {effect['id']} of {effect['company']}"
            for name, seq in since.items()
            for call in self.control(name, f"ledger?origin=api&since={seq}")["entries"]
            for effect in call["effects"]
        ]


def _remember_modules() -> Callable[[], None]:
    """For a defect that is built into this process: puts the engine's modules back as they are now."""
    import sys

    before = {
        name: dict(vars(module)) for name, module in sys.modules.items() if name.startswith(("sync.", "mappings."))
    }

    def undo() -> None:
        for name, names in before.items():
            vars(sys.modules[name]).update(names)

    return undo


@contextmanager
def before_answers(happens: Callable[[str, str], None]) -> Iterator[None]:
    """`happens(method, path)` of each call of ours, when it has taken effect and nobody here knows yet."""
    from sync.connectors.http import HttpDoor

    exchange = HttpDoor._exchange

    def call(door: Any, prepared: Any, *arguments: Any) -> Any:
        reply = exchange(door, prepared, *arguments)
        happens(prepared.method, prepared.path_url)
        return reply

    HttpDoor._exchange = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        HttpDoor._exchange = exchange  # type: ignore[method-assign]


@contextmanager
def faults(place: Installation, system: str, *rules: dict[str, Any]) -> Iterator[None]:
    """So long these calls go wrong."""
    added = [place.control(system, "faults", **rule) for rule in rules]
    try:
        yield
    finally:
        for rule in added:
            requests.delete(f"{place.url(system)}/_control/faults/{rule['id']}", timeout=10)
