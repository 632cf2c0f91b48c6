"""Fixtures for all tests. The database server itself is started by plugin_database.py."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import TransactionTestCase

from tenants.row_security import as_owner

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
    parser.addoption("--model-runs", type=int, default=40, help="runs of the state machine in tests/model")
    parser.addoption("--model-shrink", action="store_true", help="look for the shortest way to a failure: minutes")
    parser.addoption("--model-seed", action="store_true", help="other runs each time, instead of always the same")
