"""Fixtures for all tests. The database server itself is started by plugin_database.py."""

import gc
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
import time_machine
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from django.test.testcases import LiveServerThread
from pytest_django import DjangoDbBlocker

from tenants.row_security import as_owner


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first: at the end of a session no worker shall wait for another's."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector shall not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """One of the parallel workers migrates a database, the others copy it."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if session is None:
        yield
        return
    migrated = f"migrated_{session}"
    creation = connection.creation
    create = creation.create_test_db

    def create_or_copy(*args: Any, **kwargs: Any) -> str:
        with connection._nodb_cursor() as server:
            server.execute("SELECT pg_advisory_lock(1)")  # gone with this connection
            server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [migrated])
            is_there = bool(server.fetchone())
            if is_there:
                connection.settings_dict["TEST"]["TEMPLATE"] = migrated
            name = create(*args, **kwargs)  # which migrates: in a copy there is nothing to do
            if not is_there:
                connection.close()
                server.execute(f'CREATE DATABASE "{migrated}" TEMPLATE "{name}"')
            return name

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(creation, "create_test_db", create_or_copy)
        yield
    with django_db_blocker.unblock(), connection._nodb_cursor() as server:
        server.execute(f'DROP DATABASE IF EXISTS "{migrated}"')


# Django's flush truncates every table, which costs more than most tests, and makes content types and permissions anew.
# Foreign keys are checked at the commit, so the order of the tables does not matter.
EMPTY_TABLES = """
DO $$ DECLARE filled regclass; BEGIN
    FOR filled IN SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')  -- migrate fills them
    LOOP EXECUTE format('DELETE FROM %s', filled); END LOOP;
END $$
"""


def _empty_tables(test_case: object) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(EMPTY_TABLES)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Transactional tests leave empty tables behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _empty_tables)
        yield


class LastingServer(ThreadedWSGIServer):
    """A live server whose threads keep their database connections, as those of gunicorn do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pool = ThreadPoolExecutor(32, "live-server", initializer=self._enter)
        self._connections: list[BaseDatabaseWrapper] = []

    def _enter(self) -> None:
        connection.inc_thread_sharing()  # so that another thread may close it in the end
        self._connections.append(connections[connection.alias])

    def process_request(self, request: Any, client_address: Any) -> None:
        self._pool.submit(self.process_request_thread, request, client_address)

    def _close_connections(self) -> None:
        """Not after each request."""

    def server_close(self) -> None:
        super().server_close()
        for each in self._connections:
            each.close()


@pytest.fixture(scope="session", autouse=True)
def lasting_server() -> None:
    LiveServerThread.server_class = LastingServer


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: Any) -> Any:
    """Ends before the database goes: its threads hold connections."""
    return live_server


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Python's clock stands at a Monday morning until moved (`clock.shift(60)`); the database's own clock runs on."""
    with time_machine.travel(datetime(2026, 11, 2, 8, 0, tzinfo=UTC), tick=False) as traveller:
        yield traveller


class OutsideWorldError(AssertionError):
    """A test tried to reach something beyond this machine."""


def _refuse_foreign(host: object) -> None:
    if host in (None, "", b"", "localhost", b"localhost"):
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        is_loopback = ip_address(name.split("%")[0]).is_loopback or name in ("0.0.0.0", "::")
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise OutsideWorldError(f"a test tried to reach {name}")


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """No test leaves this machine: neither connections nor name look-ups."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    real_getaddrinfo = socket.getaddrinfo

    def guarded(name: str) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse_foreign(address[0])
            return real[name](self, address)

        return connect

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_foreign(host)
        return real_getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--both-profiles", action="store_true", help="journeys marked one_profile under the default, too")
    parser.addoption("--model-runs", type=int, default=40, help="runs of the state machine in tests/model")
    parser.addoption("--model-shrink", action="store_true", help="look for the shortest way to a failure: minutes")
    parser.addoption("--model-seed", action="store_true", help="other runs each time, instead of always the same")
