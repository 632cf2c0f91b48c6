"""Places at which a process can die: before every commit and every remote call, and so after the one before it.

Nothing in between makes a difference: of a process that dies inside a transaction, the database keeps what it kept of one
that died before it, and between two commits or calls nothing happens that outlives the process. Dying is a BaseException that closes the connection to the database; from then on every statement and
every call of this process dies as well, so that no `finally` tidies up what a real kill would leave behind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Killed(BaseException):
    """Stands for SIGKILL."""


class FailPoints:
    """Counts the points that are passed; at the one named by `at` (1 is the first) the process dies."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.count = 0
        self.what = ""  # at which point it died
        self._lock = threading.Lock()

    def passed(self, what: str) -> None:
        with self._lock:
            if self.what:
                raise Killed(self.what)
            self.count += 1
            if self.count == self.at:
                self.what = what
                raise Killed(what)

    @property
    def is_dead(self) -> bool:
        return bool(self.what)


@contextmanager
def mortal(points: FailPoints) -> Iterator[None]:
    """What happens inside passes fail points, and ends early, without a word, where it dies."""
    from django.db import connections

    from sync.connectors.http import HttpDoor

    connections["default"].close()
    connection = connections["default"]
    connection.ensure_connection()
    commit, exchange = connection._commit, HttpDoor._exchange

    def statement(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if points.is_dead:
            hang_up(connection)
            raise Killed(points.what)
        if connection.in_atomic_block:
            return execute(sql, parameters, many, context)
        points.passed(f"before {sql[:60]}")
        return execute(sql, parameters, many, context)

    def commit_or_die() -> Any:
        try:
            points.passed("before a commit")
        except Killed:
            hang_up(connection)
            raise
        commit()

    def call(door: Any, prepared: Any, url: str, *arguments: Any) -> Any:
        points.passed(f"before {prepared.method} {prepared.path_url}")
        return exchange(door, prepared, url, *arguments)

    HttpDoor._exchange = call  # type: ignore[method-assign]
    connection._commit = commit_or_die
    try:
        with connection.execute_wrapper(statement):
            yield
    except Killed:
        pass
    except Exception:
        if not points.is_dead:  # what a connection that is gone makes of Django's own tidying up
            raise
    finally:
        HttpDoor._exchange = exchange  # type: ignore[method-assign]
        hang_up(connection)
        del connections["default"]  # the next process has one of its own


def hang_up(connection: Any) -> None:
    """As the operating system does for a process that is gone: the server rolls back."""
    with suppress(Exception):
        connection.connection.close()
