"""Monthly partitions of the two append-only tables (log entries and exchanges).

A default partition catches what falls outside, so a missed upkeep never loses a row; retention drops whole months.
"""

from __future__ import annotations

import re
from datetime import date

from django.db import connection
from django.utils import timezone

from tenants.row_security import as_owner, policy_sql

TABLES = ("sync_synclogentry", "sync_exchange")


def partitioned_table_sql(table: str, columns: str) -> str:
    """SQL for a migration: `table` partitioned by month of `at`, its row security and its default partition."""
    return f"""
CREATE SEQUENCE {table}_id_seq;
CREATE TABLE {table} (
    id bigint NOT NULL DEFAULT nextval('{table}_id_seq'),
    at timestamptz NOT NULL,
    tenant_id bigint NOT NULL,
    {columns},
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id;
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT;
{policy_sql(table)}
{policy_sql(f"{table}_default")}
"""


def month(start: date, months: int) -> date:
    index = start.year * 12 + start.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def ensure_partitions(months_ahead: int = 2) -> list[str]:
    """Make the partitions of this month and the next ones; returns the names of those that were missing."""
    today = timezone.localdate()
    made: list[str] = []
    with as_owner(), connection.cursor() as cursor:
        for table in TABLES:
            for offset in range(months_ahead + 1):
                first, last = month(today, offset), month(today, offset + 1)
                name = f"{table}_{first:%Y_%m}"
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
                if cursor.fetchone()[0]:
                    continue
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{last}')"
                )
                cursor.execute(policy_sql(name))
                made.append(name)
    return made


def drop_partitions(table: str, before: date) -> list[str]:
    """Drop the months of `table` that ended by `before`; returns their names. Call it as owner."""
    dropped = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        for (name,) in cursor.fetchall():
            found = re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name)
            if found and month(date(int(found[1]), int(found[2]), 1), 1) <= before:
                cursor.execute(f"DROP TABLE {name}")
                dropped.append(name)
    return dropped
