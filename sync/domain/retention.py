"""What is kept how long, and its removal. Run by the worker's supervisor every hour; does nothing when nothing is old.

In batches, so that no statement holds the tables for long; killed half-way, the next hour goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection
from django.utils import timezone

from sync.partitions import drop_partitions, month
from tenants.row_security import as_owner

log = structlog.get_logger()

BATCH = 5000
#: The sync log, and with it every record's history, goes by whole months.
LOG_MONTHS = 13


@dataclass(frozen=True)
class Class:
    """Rows of `table` that go `days` after the instant in `column`; `condition` spares what is still open."""

    table: str
    column: str
    days: int
    condition: str = "true"


CLASSES = (
    Class("sync_exchange", "at", 30),
    Class("sync_changeevent", "finished_at", 30, "state IN ('done', 'ignored')"),
    Class("sync_run", "finished_at", 90, "state IN ('done', 'failed')"),
    Class("sync_callcount", '"on"', 90),
    Class("sync_heldset", "closed_at", 400, "state <> 'open'"),
    Class("sync_putback", "closed_at", 400, "state <> 'open'"),
)


def forget_old(now: datetime | None = None) -> dict[str, int]:
    """Remove what is older than its class allows, for all tenants; returns how many rows, or months, of each table."""
    now = now or timezone.now()
    removed: dict[str, int] = {}
    with as_owner():
        for each in CLASSES:
            if count := _remove(each, now - timedelta(days=each.days)):
                removed[each.table] = count
        if months := drop_partitions("sync_synclogentry", month(now.date(), -LOG_MONTHS)):
            removed["sync_synclogentry"] = len(months)
        # Months of exchanges that are empty by now.
        drop_partitions("sync_exchange", month((now - timedelta(days=CLASSES[0].days)).date(), 0))
    if removed:
        log.info("old_rows_removed", **removed)
    return removed


def _remove(each: Class, before: datetime) -> int:
    statement = f"""
        DELETE FROM {each.table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {each.table} WHERE {each.column} < %s AND {each.condition} LIMIT {BATCH}))
        """  # noqa: S608 - constants of this module
    total, removed = 0, BATCH
    with connection.cursor() as cursor:
        while removed == BATCH:
            cursor.execute(statement, [before])
            removed = int(cursor.rowcount)
            total += removed
    return total
