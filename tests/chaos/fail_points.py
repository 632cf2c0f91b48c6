"""Places at which a process can die: one for each stretch between two of its effects.

An effect is what outlives a process: a transaction that wrote and was committed, and a remote call that is no mere read.
Wherever between two of them a process dies, the same is left of it: of an open transaction the database keeps nothing, and
what was read is forgotten. So the sweep kills once in each stretch, before whatever the process does first in it. Dying is
a BaseException that closes the connection to the database; from then on every statement and every call of this process
dies as well, so that no `finally` tidies up what a real kill would leave behind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

HAS_WRITTEN = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"


class Killed(BaseException):
    """Stands for SIGKILL."""


class FailPoints:
    """Counts the stretches that are entered; in the one named by `at` (1 is the first) the process dies."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.count = 0
        self.what = ""  # at which point it died
        self._lock = threading.Lock()
        self._is_new = True

    def passed(self, what: str) -> None:
        """Before each statement or call."""
        with self._lock:
            if self.what:
                raise Killed(self.what)
            self.count += self._is_new
            self._is_new = False
            if self.count == self.at:
                self.what = what
                raise Killed(what)

    def took_effect(self) -> None:
        """After one that outlives the process."""
        with self._lock:
            self._is_new = True

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
        result = execute(sql, parameters, many, context)
        points.took_effect()
        return result

    def commit_or_die() -> Any:
        try:
            points.passed("before a commit")
        except Killed:
            hang_up(connection)
            raise
        [(has_written,)] = connection.connection.execute(HAS_WRITTEN)
        commit()
        if has_written:
            points.took_effect()

    def call(door: Any, prepared: Any, url: str, *arguments: Any) -> Any:
        points.passed(f"before {prepared.method} {prepared.path_url}")
        try:
            return exchange(door, prepared, url, *arguments)
        finally:
            if prepared.method != "GET":
                points.took_effect()

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
