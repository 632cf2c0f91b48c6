"""What becomes of our lines in Uniconta: they stand in the journal, are posted, or are gone.

Posting takes a line out of the journal, and so does deleting it by mistake. A line counts as posted only when it is found
among the project transactions. Whether its reference survives posting is not known (Uniconta API page section 3), so
transactions of the same day, employee, project, item and quantity are the second proof, and where those do not tell whose
they are the line is *posted, not proven*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from mappings.entities.work_report import LINE_BY_JOURNAL, TRANSACTION, TRANSACTION_BY_PROJECT
from mappings.spec import System
from mappings.transforms import plain_number
from sync.connectors.base import Connector, Row
from sync.domain.context import database_now
from sync.domain.hours.answers import standing_line
from sync.domain.hours.context import HoursContext
from sync.domain.hours.transfer import CUT, entry, judge_afresh, look_up, note_seen, save, seen, settle_report
from sync.models import JournalLine, ReferenceRow, ReportCursor, WorkReport
from tenants.scoping import tenant_scope

LineState = JournalLine.State
State = WorkReport.State
#: Not found, or not told from others: looked for again for a while. A posted line stays posted.
LOST = (LineState.NOT_PROVEN, LineState.MISSING, LineState.GIVEN_UP)
#: Then whoever deletes, posts or proves it does so by hand: otherwise the calls would grow with every line ever lost.
LOOKED_FOR = timedelta(days=30)
CHUNK = 1000
#: Where a line stands otherwise than it was sent, the hours check differs.
COUNTED = ("Date", "Employee", "Qty")
#: What makes a transaction the same as a line where the reference did not survive.
SIGNATURE = ("Date", "Employee", "Project", "Item")  # and the quantity


def follow_lines(context: HoursContext) -> None:
    """Look at every line that is not known to be posted. One call per look, and two per 40 lines that left the journal.

    Raises RemoteError.
    """
    with tenant_scope(context.tenant_id):
        read_from = database_now()
        is_lost = Q(state__in=LOST) & (Q(lost_at=None) | Q(lost_at__gte=read_from - LOOKED_FOR))
        is_closed = Q(
            report__state__in=(State.ACCEPTED, State.BY_HAND), state__in=(LineState.MISSING, LineState.GIVEN_UP)
        )
        lines = list(
            JournalLine.objects.filter(Q(state=LineState.IN_JOURNAL) | is_lost, tenant_id=context.tenant_id)
            .filter(sent_at__lt=read_from)
            .exclude(Q(report__state=State.CLOSED) | Q(report__reason=CUT) | is_closed)
            .select_related("report")
        )
        ReportCursor.objects.filter(tenant_id=context.tenant_id).update(journal_read_at=read_from)
        keeping = _keeping(context)
    if not lines:
        return
    connector = context.connectors[System.UNICONTA]
    journals = sorted({line.journal for line in lines})
    # The journal first: a line posted between the two readings is then found by the second.
    found: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for row in connector.find_by_key(LINE_BY_JOURNAL, journals):
        found[str(row.get("ReferenceNumber") or "")].append((LineState.IN_JOURNAL.value, row))
    left = [line for line in lines if line.reference not in found or line.journal in keeping]
    if left:  # posted, moved to another journal by a person, or gone
        found |= look_up(connector, [line.reference for line in left])
    lost = [line for line in left if line.reference not in found]
    guessed = _by_signature(context, connector, lost) if lost else {}
    found |= _kept_and_posted(context, connector, [line for line in left if line.journal in keeping], found)
    for start in range(0, len(lines), CHUNK):
        _remember(context, lines[start : start + CHUNK], found, guessed)


def is_posted(context: HoursContext, line: JournalLine) -> bool:
    """Whether the line is among the posted transactions, also where its journal keeps what is posted. Raises RemoteError."""
    connector = context.connectors[System.UNICONTA]
    if any(True for _ in connector.find_by_key(TRANSACTION, [line.reference])):
        return True
    with tenant_scope(context.tenant_id):
        is_kept = line.journal in _keeping(context)
    return is_kept and _by_signature(context, connector, [line])[line.pk][0] == LineState.POSTED


def _keeping(context: HoursContext) -> set[str]:
    """Journals in which posted lines stay. Call inside a scope."""
    kept = ReferenceRow.objects.filter(tenant_id=context.tenant_id, list="journal", data__DeleteLines=False)
    return set(kept.values_list("key", flat=True))


def _kept_and_posted(
    context: HoursContext,
    connector: Connector,
    lines: Sequence[JournalLine],
    found: Mapping[str, list[tuple[str, Row]]],
) -> dict[str, list[tuple[str, Row]]]:
    """Lines that their journal shows still, and whose transactions lost the reference when they were posted."""
    shown = [line for line in lines if {state for state, _ in found.get(line.reference, ())} == {LineState.IN_JOURNAL}]
    guessed = _by_signature(context, connector, shown) if shown else {}
    by_key = {line.pk: line.reference for line in shown}
    return {
        by_key[key]: [*found[by_key[key]], (state, row)]
        for key, (state, row) in guessed.items()
        if state == LineState.POSTED and row is not None
    }


def signature(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a line as sent, or as read (`transfer.seen`): equal where they could be one and the same."""
    quantity = plain_number(Decimal(str(values.get("Qty") or 0)))
    return (*(str(values.get(name, "")) for name in SIGNATURE), quantity)


def _by_signature(
    context: HoursContext, connector: Connector, lines: Sequence[JournalLine]
) -> dict[int, tuple[str, Row | None]]:
    """For each line by its key: posted, not proven or missing, and the transaction that says so."""
    projects = sorted({str({**line.values, **line.seen}.get("Project", "")) for line in lines} - {""})
    rows_there = list(connector.find_by_key(TRANSACTION_BY_PROJECT, projects))
    with tenant_scope(context.tenant_id):
        posted = JournalLine.objects.filter(tenant_id=context.tenant_id, state=LineState.POSTED)
        ids = [str(row["RowId"]) for row in rows_there]
        taken = set(posted.filter(uniconta_id__in=ids).values_list("uniconta_id", flat=True))
    transactions = defaultdict(list)
    for row in rows_there:
        # Another line's own otherwise, by its reference or because it was the proof of that line before.
        if not row.get("ReferenceNumber") and str(row["RowId"]) not in taken:
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
    found: Mapping[str, list[tuple[str, Row]]],
    guessed: dict[int, tuple[str, Row | None]],
) -> None:
    with tenant_scope(context.tenant_id):
        now = database_now()
        # What a person, or a transfer, did to a line while we read is newer than what we read. The reports first, as they
        # do who press something; the lines of a chain share theirs.
        reports = WorkReport.objects.select_for_update().order_by("pk").in_bulk([line.report_id for line in lines])
        chains = defaultdict(list)
        for each in JournalLine.objects.select_for_update().filter(report__in=reports).order_by("number"):
            each.report = reports[each.report_id]
            chains[each.report_id].append(each)
        fresh = {each.pk: each for chain in chains.values() for each in chain}
        changed, entries = [], []
        for old in lines:
            line = fresh[old.pk]
            if line.state != old.state or line.sent_at != old.sent_at:
                continue
            chain = chains[line.report_id]
            before, was = _known(line), (line.state, line.seen)
            if rows_there := found.get(line.reference):
                states = [state for state, _ in rows_there]
                is_doubled = len(set(states)) < len(states) or _is_doubled(line, chain)
                note_seen(line, *rows_there[-1], now)
                _settle(line, chain, "line_doubled" if is_doubled else "", was_lost=was[0] == LineState.GIVEN_UP)
                _ask_about_edits(line, chain, was[1])
            elif line.state == LineState.GIVEN_UP:
                line.lost_at = line.lost_at or now
            else:
                state_found, row = guessed[line.pk]
                since = line.lost_at or now
                if row is None:
                    line.state = LineState(state_found)
                    _settle(line, chain, "line_missing")
                else:
                    note_seen(line, state_found, row, now)
                    _settle(line, chain, "")
                line.lost_at = since if line.state in LOST else None
            if line.intended and not line.report.answer:  # it was not made, and nobody makes it any more
                line.intended = {}
            if _known(line) != before:
                changed.append(line)
                if line.state != was[0]:
                    entries.append(entry(context, line, f"line_{line.state}"))
                elif line.seen != was[1]:
                    entries.append(entry(context, line, "line_edited"))
        save(changed, entries)
        context.count("posted", sum(line.state == LineState.POSTED for line in changed))
        context.count("missing", sum(line.state == LineState.MISSING for line in changed))


def _known(line: JournalLine) -> tuple[object, ...]:
    """What a look may alter."""
    report = line.report
    said = (line.state, line.seen, line.is_on_hold, line.lost_at, line.intended, line.values)
    return (*said, report.state, report.reason)


def _ask_about_edits(line: JournalLine, chain: Sequence[JournalLine], before: Mapping[str, Any]) -> None:
    """A person changed in Uniconta what the hours check counts: another one says whether that is meant. Once accepted, only
    another change asks again.
    """
    report = line.report
    counting = [each for each in chain if each.kind == JournalLine.Kind.REVERSAL or each is standing_line(chain)]
    edited = [each for each in counting if each.state in JournalLine.STANDING and set(each.differing) & set(COUNTED)]
    if report.state == State.CHANGED and report.reason == "line_edited":
        if not edited and (said := standing_line(chain)):
            settle_report(said, said.confirmed_at or timezone.now())
        return
    is_new = report.state == State.ACCEPTED and any(before.get(name) != line.seen.get(name) for name in COUNTED)
    if line in edited and (report.state == State.TRANSFERRED or is_new):
        report.state, report.reason, report.answered_as = State.CHANGED, "line_edited", ""
        report.problems = [["line_edited", line.reference]]


def _is_doubled(line: JournalLine, chain: Sequence[JournalLine]) -> bool:
    """Whether the hours of the report stand more than once, this line included. Asked only where it may be so."""
    if line.state != LineState.GIVEN_UP and line.report.reason != "line_doubled":
        return False
    return _standing_count(chain, line) > 1


def _standing_count(chain: Sequence[JournalLine], also: JournalLine | None = None) -> int:
    """How often the hours of a report stand in Uniconta: reversals take away what they reverse."""
    kinds = [each.kind for each in chain if each is also or each.state in JournalLine.STANDING]
    return kinds.count(JournalLine.Kind.TRANSFER) - kinds.count(JournalLine.Kind.REVERSAL)


def _settle(line: JournalLine, chain: Sequence[JournalLine], reason: str, *, was_lost: bool = False) -> None:
    """Say on the report what became of its line; a person's own answers stand.

    A report that was reversed is judged afresh, and asks all the same when a line of its chain goes missing.
    """
    report = line.report
    if reason == "line_missing" and report.reason == "line_held" and not _standing_count(chain):
        # Nothing should stand for it, and whoever deleted the line on hold saw to that. It is asked about if it turns up again.
        line.state = LineState.GIVEN_UP
        judge_afresh(report)
        return
    if report.state != State.TRANSFERRED and report.state not in WorkReport.OPEN:
        return
    if reason:
        report.state, report.reason, report.problems = State.NEEDS_ATTENTION, reason, [[reason, line.reference]]
        report.transferred_hash = report.transferred_hash or line.content_hash
        return
    is_asking = was_lost or report.reason in ("line_missing", "line_doubled")
    if is_asking and not any(each.state == LineState.MISSING for each in chain):
        last = [each for each in chain if each.state in JournalLine.STANDING][-1]
        settle_report(last, last.confirmed_at or timezone.now())
