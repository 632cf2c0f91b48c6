"""What is kept how long, and its removal. Run by the worker's supervisor every hour; does nothing when nothing is old.

In batches, so that no statement holds the tables for long; killed half-way, the next hour goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from sync.partitions import drop_partitions, month
from tenants.row_security import as_owner

log = structlog.get_logger()

BATCH = 5000
#: Books are kept for five years after the financial year (Danish Bookkeeping Act), and that may end up to a year after the
#: calendar year of the day worked.
BOOK_YEARS = 6
#: The sync log, and with it every record's history, goes by whole months.
LOG_MONTHS = 13


@dataclass(frozen=True)
class Class:
    """Rows of `table` that go `days` after the instant in `column`, or so many whole `years` after the year of the day in
    it; `condition` spares what is still open.
    """

    table: str
    column: str
    days: int = 0
    years: int = 0
    condition: str = "true"
    #: What belongs to such a row and goes with it, as (table, column).
    owned: tuple[tuple[str, str], ...] = ()
    #: Who may still refer to such a row, as (table, column): it lives on without the reference.
    referrers: tuple[tuple[str, str], ...] = ()

    def oldest(self, now: datetime) -> datetime | date:
        """What is older goes."""
        return years_kept_from(now, self.years) if self.years else now - timedelta(days=self.days)


def years_kept_from(now: datetime, years: int = BOOK_YEARS) -> date:
    """The first day of which hours are kept: a report of an older one is not stored (again)."""
    return date(timezone.localdate(now).year - years, 1, 1)


CLASSES = (
    Class("sync_exchange", "at", 30),
    Class("sync_changeevent", "finished_at", 30, condition="state IN ('done', 'ignored')"),
    Class(
        "sync_run",
        "finished_at",
        90,
        condition="state IN ('done', 'failed')",
        referrers=(("sync_changeevent", "run_id"),),
    ),
    Class("sync_callcount", '"on"', 90),
    Class("sync_heldset", "closed_at", 400, condition="state <> 'open'"),
    Class("sync_putback", "closed_at", 400, condition="state <> 'open'"),
    Class(
        "sync_workreport",
        "starts_on",
        years=BOOK_YEARS,
        condition="changed_at < %(before)s AND state NOT IN ('needs_attention', 'sending', 'changed')"
        " AND NOT EXISTS (SELECT FROM sync_journalline l WHERE l.report_id = sync_workreport.id AND l.sent_at >= %(before)s)",
        owned=(("sync_reportentry", "report_id"), ("sync_journalline", "report_id")),
    ),
    Class("sync_signoff", '"last"', years=BOOK_YEARS),
)


def forget_old(now: datetime | None = None) -> dict[str, int]:
    """Remove what is older than its class allows, for all tenants; returns how many rows, or months, of each table.

    One class in trouble keeps no other from its turn; raises ExceptionGroup at the end.
    """
    now = now or timezone.now()
    removed: dict[str, int] = {}
    errors: list[Exception] = []
    with as_owner():
        for each in CLASSES:
            try:
                if count := _remove(each, each.oldest(now)):
                    removed[each.table] = count
            except DatabaseError as error:
                errors.append(error)
        if months := drop_partitions("sync_synclogentry", month(now.date(), -LOG_MONTHS)):
            removed["sync_synclogentry"] = len(months)
        # Months of exchanges that are empty by now.
        drop_partitions("sync_exchange", month((now - timedelta(days=CLASSES[0].days)).date(), 0))
    if removed:
        log.info("old_rows_removed", **removed)
    if errors:
        raise ExceptionGroup("old rows could not be removed", errors)
    return removed


def _remove(each: Class, before: datetime | date) -> int:
    # By id: the place of a row (ctid) is its own in one partition only.
    old = f"SELECT id FROM {each.table} WHERE {each.column} < %(before)s AND {each.condition} LIMIT {BATCH}"  # noqa: S608
    gone = f"DELETE FROM {each.table} WHERE id = ANY (ARRAY({old}))"  # noqa: S608 - constants of this module
    # One statement, so that nobody is left with a reference to nothing; the database looks at its end.
    freed = "".join(
        f", freed_{number} AS (UPDATE {table} SET {column} = NULL WHERE {column} IN (SELECT id FROM gone))"  # noqa: S608
        for number, (table, column) in enumerate(each.referrers)
    )
    owned = "".join(
        f", owned_{number} AS (DELETE FROM {table} WHERE {column} IN (SELECT id FROM gone))"  # noqa: S608
        for number, (table, column) in enumerate(each.owned)
    )
    statement = f"WITH gone AS ({gone} RETURNING id){freed}{owned} SELECT count(*) FROM gone"  # noqa: S608
    total, removed = 0, BATCH
    with connection.cursor() as cursor:
        while removed == BATCH:
            cursor.execute(statement, {"before": before})
            removed = int(cursor.fetchone()[0])
            total += removed
    return total
