"""What becomes of our lines in Uniconta: they stand in the journal, are posted, or are gone.

Posting takes a line out of the journal, and so does deleting it by mistake. A line counts as posted only when it is found
among the project transactions. Whether its reference survives posting is not known (Uniconta API page section 3), so
transactions of the same day, employee, project, item and quantity are the second proof, and where those do not tell whose
they are the line is *posted, not proven*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mappings.entities.work_report import LINE_BY_JOURNAL, TRANSACTION, TRANSACTION_BY_PROJECT
from mappings.spec import System
from mappings.transforms import plain_number
from sync.connectors.base import Connector, Row
from sync.domain.context import database_now
from sync.domain.hours.context import HoursContext
from sync.domain.hours.transfer import entry, note_seen, save, seen
from sync.models import JournalLine, ReportCursor, WorkReport
from tenants.scoping import tenant_scope

LineState = JournalLine.State
State = WorkReport.State
#: Not settled for good: looked for again each time. A posted line stays posted.
FOLLOWED = (LineState.IN_JOURNAL, LineState.NOT_PROVEN, LineState.MISSING, LineState.GIVEN_UP)
CHUNK = 1000
#: What makes a transaction the same as a line where the reference did not survive.
SIGNATURE = ("Date", "Employee", "Project", "Item")  # and the quantity


def follow_lines(context: HoursContext) -> None:
    """Look at every line that is not known to be posted. One call per look, and one per 40 lines that left the journal.

    Raises RemoteError.
    """
    with tenant_scope(context.tenant_id):
        read_from = database_now()
        lines = list(
            JournalLine.objects.filter(
                tenant_id=context.tenant_id, state__in=FOLLOWED, sent_at__lt=read_from
            ).select_related("report")
        )
        ReportCursor.objects.filter(tenant_id=context.tenant_id).update(journal_read_at=read_from)
    if not lines:
        return
    connector = context.connectors[System.UNICONTA]
    journals = sorted({line.journal for line in lines})
    # The journal first: a line posted between the two readings is then found by the second.
    standing = _by_reference(connector.find_by_key(LINE_BY_JOURNAL, journals))
    left = [line for line in lines if line.reference not in standing]
    posted = _by_reference(connector.find_by_key(TRANSACTION, [line.reference for line in left])) if left else {}
    lost = [line for line in left if line.reference not in posted]
    guessed = _by_signature(connector, lost) if lost else {}
    for start in range(0, len(lines), CHUNK):
        _remember(context, lines[start : start + CHUNK], standing, posted, guessed)


def _by_reference(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        if name := str(row.get("ReferenceNumber") or ""):
            found[name].append(row)
    return dict(found)


def signature(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a line as sent, or as read (`transfer.seen`): equal where they could be one and the same."""
    quantity = plain_number(Decimal(str(values.get("Qty") or 0)))
    return (*(str(values.get(name, "")) for name in SIGNATURE), quantity)


def _by_signature(connector: Connector, lines: Sequence[JournalLine]) -> dict[int, tuple[str, Row | None]]:
    """For each line by its key: posted, not proven or missing, and the transaction that says so."""
    projects = sorted({str(line.values.get("Project", "")) for line in lines} - {""})
    transactions = defaultdict(list)
    for row in connector.find_by_key(TRANSACTION_BY_PROJECT, projects):
        if not row.get("ReferenceNumber"):  # another line's own otherwise
            transactions[signature(seen(row))].append(row)
    alike = defaultdict(list)
    for line in lines:
        alike[signature({**line.values, **line.seen})].append(line)
    result: dict[int, tuple[str, Row | None]] = {}
    for like, ours in alike.items():
        rows = transactions.get(like, [])
        for index, line in enumerate(ours):
            if not rows:
                result[line.pk] = (LineState.MISSING, None)
            elif len(rows) == len(ours):
                result[line.pk] = (LineState.POSTED, rows[index])
            else:
                result[line.pk] = (LineState.NOT_PROVEN, rows[0])
    return result


def _remember(
    context: HoursContext,
    lines: Sequence[JournalLine],
    standing: dict[str, list[Row]],
    posted: dict[str, list[Row]],
    guessed: dict[int, tuple[str, Row | None]],
) -> None:
    with tenant_scope(context.tenant_id):
        now = database_now()
        # What a person, or a transfer, did to a line while we read is newer than what we read.
        rows = JournalLine.objects.select_for_update(of=("self",)).select_related("report")
        fresh = rows.in_bulk([line.pk for line in lines])
        changed, entries = [], []
        for old in lines:
            line = fresh[old.pk]
            if line.state != old.state or line.sent_at != old.sent_at:
                continue
            before = (line.state, line.seen, line.is_on_hold, line.report.reason)
            rows_there = standing.get(line.reference) or posted.get(line.reference)
            if rows_there:
                state = LineState.IN_JOURNAL if line.reference in standing else LineState.POSTED
                is_doubled = len(rows_there) > 1 or line.state == LineState.GIVEN_UP
                note_seen(line, state, rows_there[-1], now)
                _settle(line, "line_doubled" if is_doubled else "")
            elif line.state == LineState.GIVEN_UP:
                continue
            else:
                state_found, row = guessed[line.pk]
                if row is None:
                    line.state = LineState(state_found)
                    _settle(line, "line_missing")
                else:
                    note_seen(line, state_found, row, now)
                    _settle(line, "")
            if (line.state, line.seen, line.is_on_hold, line.report.reason) != before:
                changed.append(line)
                if line.state != before[0]:
                    entries.append(entry(context, line, f"line_{line.state}"))
                elif line.seen != before[1]:
                    entries.append(entry(context, line, "line_edited"))
        save(changed, entries)
        context.count("posted", sum(line.state == LineState.POSTED for line in changed))
        context.count("missing", sum(line.state == LineState.MISSING for line in changed))


def _settle(line: JournalLine, reason: str) -> None:
    """Say on the report what became of its line; a person's own answers stand."""
    report = line.report
    if report.state not in (State.TRANSFERRED, State.NEEDS_ATTENTION):
        return
    if reason:
        report.state, report.reason, report.problems = State.NEEDS_ATTENTION, reason, [[reason, line.reference]]
    elif report.reason in ("line_missing", "line_doubled"):
        others = JournalLine.objects.filter(report=report, state=LineState.MISSING).exclude(pk=line.pk)
        if not others.exists():
            report.state, report.reason, report.problems = State.TRANSFERRED, "", []
