"""Looking at the database as its owner does: past row security, over every table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from tenants.row_security import as_owner


@contextmanager
def owner_cursor() -> Iterator:
    with as_owner(), connection.cursor() as cursor:
        yield cursor


def tables() -> list[str]:
    with owner_cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        return sorted(name for (name,) in cursor.fetchall())


@pytest.fixture
def every_row() -> Callable[[], str]:
    """All rows of all tables as one text, for finding what must not be there."""

    def read() -> str:
        texts = []
        for table in tables():
            with owner_cursor() as cursor:
                cursor.execute(f'SELECT t::text FROM "{table}" t')
                texts += [row for (row,) in cursor.fetchall()]
        return "\n".join(texts)

    return read
