"""Ready reports become project journal lines: looked up, stated, sent, confirmed, a batch at a time under the tenant's lease.

A line has no key of its own in Uniconta, so a repeated insert makes a second one. Hence: before every insert its
reference is looked up among the journal's lines *and* the posted transactions; what is about to be sent is committed
first; an unclear answer is looked into no earlier than UNCLEAR_WAIT_SECONDS later; and only what is surely not there is
sent again, a few times, before a person is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from mappings.entities.work_report import LINE, LINE_BY_JOURNAL, TRANSACTION
from mappings.hours import quantity, reference
from mappings.models import HoursPolicy
from mappings.spec import System
from mappings.transforms import plain_number
from sync.connectors.base import Connector, Row
from sync.connectors.errors import NeedsAttention, RemoteError, Unclear
from sync.domain.bulk import save_many
from sync.domain.claim import LeaseLostError, fence
from sync.domain.doorbell import Lease, lease_seconds, release, take_lease
from sync.domain.hours.answers import chains_of
from sync.domain.hours.context import HoursContext
from sync.domain.push import CALL_SECONDS
from sync.models import JournalLine, ReportEntry, WorkReport
from tenants.scoping import tenant_scope

State = WorkReport.State
LineState = JournalLine.State
#: As many references as one look-up takes (Uniconta API page 1.8), and no more than 50 lines per insert.
BATCH = 40
#: So many answers lost one after the other are an outage.
LOST_IN_A_ROW = 3
#: A line whose answer was lost waits longer each time, in seconds; after so many a person is asked.
BACK_OFF_FIRST, BACK_OFF_LONGEST, ATTEMPTS = 60, 3600, 6
#: Uniconta said done, and does not show the line.
NOT_FOUND = "not_found_after_write"
#: Or it stands there under a shortened reference.
CUT = "line_cut"
#: A drain has the lease for a few seconds at a time; what waits longer is left to the next run.
LEASE_WAIT_SECONDS, LEASE_LOOK_SECONDS = 15.0, 0.2


def transfer(context: HoursContext) -> None:
    """Send everything that is ready. Raises RemoteError when a system cannot be reached; what was sent is stored."""
    is_more = True
    while is_more:
        with leased(context) as lease:
            unclear, fresh = _claim(context, lease) if lease else ([], [])
            if lease and (unclear or fresh):
                _send(context, lease, unclear, fresh)
            is_more = bool(unclear or fresh)


@contextmanager
def leased(context: HoursContext) -> Iterator[Lease | None]:
    """The tenant's lease, so that no second worker and no drain writes meanwhile; None when others hold on to it.

    Who loses it inside stops there: somebody else goes on.
    """
    lease, until = take_lease(context.tenant_id), time.monotonic() + LEASE_WAIT_SECONDS
    while lease is None and time.monotonic() < until:
        time.sleep(LEASE_LOOK_SECONDS)
        lease = take_lease(context.tenant_id)
    try:
        yield lease
    except LeaseLostError:
        pass
    finally:
        context.recorder.flush()
        if lease is not None:
            release(lease)


# ------------------------------------------------------------------------------------------------ what to send


def _claim(context: HoursContext, lease: Lease) -> tuple[list[JournalLine], list[JournalLine]]:
    """The next lines to settle: unclear ones that may be looked into by now, then what is ready.

    From the commit on they are *being sent*; a worker that dies leaves them so, and whoever comes next calls them unclear.
    """
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        lines = JournalLine.objects.filter(tenant_id=context.tenant_id).exclude(report__state=State.CLOSED)
        # Its last call may have been made a moment ago.
        died = lines.filter(state=LineState.SENDING).exclude(claim=lease.token)
        JournalLine.objects.filter(pk__in=died.values("pk")).update(state=LineState.UNCLEAR, sent_at=now)
        settled = now - timedelta(seconds=settings.UNCLEAR_WAIT_SECONDS)
        unclear = lines.filter(state=LineState.UNCLEAR, sent_at__lte=settled, report__due_at__lte=now)
        taken = list(unclear.select_related("report").order_by("pk")[:BATCH])
        fresh = [] if is_paused(context, now) else _fresh_lines(context, now, BATCH - len(taken))
        for line in (*taken, *fresh):
            line.state, line.claim, line.sent_at = LineState.SENDING, lease.token, now
        for line in fresh:
            line.error_code = line.error_detail = ""
        columns = ["state", "claim", "sent_at", "error_code", "error_detail"]
        again = [line for line in fresh if line.pk is not None]
        save_many([*taken, *again], [*columns, *SAID])
        JournalLine.objects.bulk_create([line for line in fresh if line.pk is None])
        WorkReport.objects.filter(pk__in=[line.report_id for line in fresh]).update(state=State.SENDING)
        return taken, fresh


#: What a line says, and of which content.
SAID = ("values", "quantity", "content_hash", "journal")


def _fresh_lines(context: HoursContext, now: datetime, count: int) -> list[JournalLine]:
    """A line for each of the next ready reports. One that Uniconta refused before is that line, with what it says now;
    a report whose line went missing gets the next number of its chain.
    """
    planned = JournalLine.objects.filter(tenant_id=context.tenant_id, state=LineState.PLANNED)
    planned = planned.exclude(report__state=State.CLOSED)
    reversals = list(planned.select_related("report").order_by("pk")[:count])
    ready = WorkReport.objects.filter(tenant_id=context.tenant_id, state=State.READY, due_at__lte=now)
    reports = list(ready.order_by("starts_on", "pk")[: count - len(reversals)])
    chains = [
        (report, chain[-1] if chain else None)
        for report, chain in zip(reports, chains_of(reports).values(), strict=True)
    ]
    found_again = [last for _, last in chains if last is not None and _stands(last)]
    for line in found_again:  # given up for lost, and there after all
        settle_report(line, now)
    save(found_again, [entry(context, line, "line_in_journal") for line in found_again])
    return reversals + [_line_of(report, last) for report, last in chains if _may_follow(last)]


def _stands(line: JournalLine) -> bool:
    """Whether the hours of its report are in Uniconta by this line."""
    return line.kind == JournalLine.Kind.TRANSFER and line.state in JournalLine.STANDING


def _may_follow(last: JournalLine | None) -> bool:
    """Whether another line of the report may be made: never beside one that stands, or of which nobody knows."""
    if last is None:
        return True
    if last.kind == JournalLine.Kind.REVERSAL:
        return last.state in JournalLine.STANDING
    return last.state in (LineState.REFUSED, LineState.GIVEN_UP)


def _line_of(report: WorkReport, last: JournalLine | None) -> JournalLine:
    if last is not None and last.state == LineState.REFUSED:
        line = last  # Uniconta never took it: the same number, with what it says now
    else:
        number = last.number + 1 if last else 1
        name = reference(report.intempus_id, number)
        line = JournalLine(tenant_id=report.tenant_id, number=number, reference=name)
    report.state = State.SENDING
    line.report, line.kind = report, JournalLine.Kind.TRANSFER
    line.journal, line.values = report.line["Journal"], report.line
    line.quantity, line.content_hash = report.quantity, report.content_hash
    return line


def is_paused(context: HoursContext, now: datetime) -> bool:
    """A person is posting the journal, or has switched hours off, perhaps since the run began. What is unclear is looked
    into all the same: nothing new is sent then. Call inside a scope.
    """
    policy = HoursPolicy.objects.filter(tenant_id=context.tenant_id, enabled=True).first()
    return policy is None or (policy.paused_until is not None and policy.paused_until > now)


# ------------------------------------------------------------------------------------------------ sending


def _send(context: HoursContext, lease: Lease, unclear: Sequence[JournalLine], fresh: Sequence[JournalLine]) -> None:
    connector = context.connectors[System.UNICONTA]
    missing = _settle_found(context, lease, connector, [*unclear, *fresh])
    # Surely not there. The report may have changed since: it is judged afresh before anything is sent for it.
    lost = [line for line in missing if line in unclear]
    never_shown = [line for line in lost if line.error_code == NOT_FOUND]
    shortened = _shortened(connector, never_shown)
    _lose(context, lease, shortened, CUT, Unclear(NOT_FOUND, is_outage=False))
    never_shown = [line for line in never_shown if line not in shortened]
    _lose(context, lease, never_shown, "line_missing", Unclear(NOT_FOUND, is_outage=False))
    _put_back(context, lease, [line for line in lost if line.error_code != NOT_FOUND], "")
    missing = [line for line in missing if line not in unclear]
    if not missing:
        return
    with tenant_scope(context.tenant_id):
        holds = is_paused(context, fence(lease))
    if holds or not lease.has_time_for(min(CALL_SECONDS, 0.6 * lease_seconds())):
        _put_back(context, lease, missing, "")
        return
    if any(line.report.attempts for line in missing):
        # One of them may be what the server stumbles over: a list of them would fail for ever.
        _send_singly(context, lease, connector, missing)
        return
    try:
        connector.create_many(LINE, [wire(line.reference, line.values) for line in missing])
    except Unclear as error:
        for line in missing:
            line.report.attempts = 1
        _unclear(context, lease, missing, error)
        raise
    except NeedsAttention:
        _send_singly(context, lease, connector, missing)
        return
    except RemoteError as error:
        _put_back(context, lease, missing, error.code)
        raise
    lost = _settle_found(context, lease, connector, missing)
    _unclear(context, lease, lost, Unclear(NOT_FOUND, is_outage=False))


def _send_singly(context: HoursContext, lease: Lease, connector: Connector, lines: Sequence[JournalLine]) -> None:
    """One bad line must not stop the others. Which one it is the answer does not tell, nor whether any was stored."""
    rest = list(_settle_found(context, lease, connector, lines))
    lost: list[JournalLine] = []  # in a row
    while rest:
        line = rest.pop(0)
        with tenant_scope(context.tenant_id):
            holds = is_paused(context, fence(lease))
        if holds:
            _put_back(context, lease, [line, *rest], "")
            return
        try:
            written = connector.create(LINE, wire(line.reference, line.values), creation_id="")
        except Unclear as error:
            lost.append(line)
            line.report.attempts += 1
            if len(lost) == LOST_IN_A_ROW:  # it is not the lines
                for each in lost:
                    each.report.attempts = 1
                _unclear(context, lease, lost, error)
                _put_back(context, lease, rest, error.code)
                raise
            _unclear(context, lease, [line], error)
        except NeedsAttention as error:
            if error.code == "key_truncated":
                _lose(context, lease, [line], CUT, error)
            else:
                _refuse(context, lease, line, error)
        except RemoteError as error:
            _put_back(context, lease, [line, *rest], error.code)
            raise
        else:
            lost.clear()
            _confirm(context, lease, {line: [(LineState.IN_JOURNAL, written.row)]})


def wire(reference: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A line as Uniconta takes it: numbers are JSON numbers there (API page 1.6)."""
    numbers = {name: float(values[name]) for name in ("Qty", "CostPrice", "SalesPrice") if name in values}
    return {**values, **numbers, "ReferenceNumber": reference}


def look_up(connector: Connector, references: Iterable[str]) -> dict[str, list[tuple[str, Row]]]:
    """What stands in Uniconta under these references: in a journal, or posted. The journal is read first, so a line
    posted in between is seen at least once.
    """
    found: dict[str, list[tuple[str, Row]]] = {}
    wanted = list(references)
    for side, state in ((LINE, LineState.IN_JOURNAL), (TRANSACTION, LineState.POSTED)):
        for row in connector.find_by_key(side, wanted):
            found.setdefault(str(row[side.key_field]), []).append((state.value, row))
    return found


def _settle_found(
    context: HoursContext, lease: Lease, connector: Connector, lines: Sequence[JournalLine]
) -> list[JournalLine]:
    """Confirm the lines that are there; returns the others. Raises RemoteError, everything put back."""
    try:
        found = look_up(connector, [line.reference for line in lines])
    except RemoteError as error:
        _unclear(context, lease, lines, error)
        raise
    _confirm(context, lease, {line: found[line.reference] for line in lines if line.reference in found})
    return [line for line in lines if line.reference not in found]


def _shortened(connector: Connector, lines: Sequence[JournalLine]) -> list[JournalLine]:
    """Those that stand in their journal under the beginning of their reference (keys may be cut, API page 1.6)."""
    if not lines:
        return []
    rows = list(connector.find_by_key(LINE_BY_JOURNAL, sorted({line.journal for line in lines})))
    return [line for line in lines if any(_is_cut(line, row) for row in rows)]


def _is_cut(line: JournalLine, row: Row) -> bool:
    name = str(row.get("ReferenceNumber") or "")
    return (
        bool(name)
        and name != line.reference
        and line.reference.startswith(name)
        and shows(row, {"values": line.values})
    )


# ------------------------------------------------------------------------------------------------ remembering


def _confirm(context: HoursContext, lease: Lease, found: Mapping[JournalLine, list[tuple[str, Row]]]) -> None:
    if not found:
        return
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        entries = []
        by_key = {line.report_id: line.report for line in found}
        there = JournalLine.objects.filter(report__in=by_key, state__in=JournalLine.STANDING).order_by("number")
        last = {line.report_id: line for line in there}
        for line, rows in found.items():
            line.report = by_key[line.report_id]  # one and the same for all lines of a report
            # The same row may be seen in the journal and, posted meanwhile, among the transactions.
            standing = {state for state, _ in rows}
            is_doubled = any(sum(state == each for state, _ in rows) > 1 for each in standing)
            state, row = rows[-1]
            note_seen(line, state, row, now)
            report = line.report
            said = max(line, last.get(line.report_id, line), key=lambda each: each.number)
            said.report = line.report
            settle_report(said, now)
            if is_doubled:
                report.state, report.reason = State.NEEDS_ATTENTION, "line_doubled"
            sent = "line_reversed" if line.kind == JournalLine.Kind.REVERSAL else "line_sent"
            entries.append(entry(context, line, report.reason if is_doubled else sent))
        save(found, entries)
    reversed_count = sum(line.kind == JournalLine.Kind.REVERSAL for line in found)
    context.count("reversed", reversed_count)
    context.count("transferred", len(found) - reversed_count)


def settle_report(line: JournalLine, now: datetime) -> None:
    """The last line of the chain stands in Uniconta: so does its report, as it was when the line was made. After a reversal
    nothing does, and the report is judged afresh.
    """
    report = line.report
    if line.kind == JournalLine.Kind.REVERSAL:
        judge_afresh(report)
        return
    report.state, report.reason, report.problems, report.attempts = State.TRANSFERRED, "", [], 0
    report.transferred_hash, report.transferred_at = line.content_hash, report.transferred_at or now


def judge_afresh(report: WorkReport) -> None:
    """As if it had not been transferred: nothing stands in Uniconta for it."""
    report.state, report.reason, report.problems = State.WAITING, "", []
    report.transferred_hash, report.transferred_at = "", None


def note_seen(line: JournalLine, state: str, row: Row, now: datetime) -> None:
    """Keep what Uniconta shows of the line."""
    if line.intended and shows(row, line.intended):
        adopt(line)
    line.state, line.claim, line.lost_at = LineState(state), None, None
    line.uniconta_id = str(row.get("RowId") or line.uniconta_id)
    line.seen = seen(row)
    line.differing = _differing(line.values, line.seen)
    line.is_on_hold = row.get("OnHold") is True
    if line.state == LineState.IN_JOURNAL:
        line.journal = str(row.get("Journal") or line.journal)  # a person may have moved it
    line.error_code = line.error_detail = ""
    line.confirmed_at = line.confirmed_at or now
    if line.state == LineState.POSTED:
        line.posted_at = line.posted_at or now


def adopt(line: JournalLine) -> None:
    """The change under way is made: the line says what was intended."""
    line.values, line.content_hash = line.intended["values"], line.intended["content_hash"]
    line.quantity, line.journal = Decimal(line.intended["quantity"]), line.values["Journal"]
    line.intended = {}


def shows(row: Row, intended: Mapping[str, Any]) -> bool:
    """Whether the row is as a change under way was to make it; texts may have been cut."""
    if not intended:
        return False
    sent, stands = intended["values"], seen(row)
    text = str(stands.get("Text", ""))
    is_cut = bool(text) and str(sent.get("Text", "")).startswith(text)
    return _differing(sent, stands) in ([], ["Text"] if is_cut else [])


#: What is kept of a line or transaction as read: enough to compare, and to reverse it at its own prices.
SEEN = (
    "Date",
    "Project",
    "Employee",
    "Item",
    "PrCategory",
    "PayrollCategory",
    "Qty",
    "Unit",
    "Text",
    "Invoiceable",
    "CostPrice",
    "SalesPrice",
    "Voucher",
)


#: What must stand as it was sent. Units and categories are shown in the language of whoever asks (API page 5.2).
COMPARED = ("Date", "Project", "Employee", "Item", "Qty", "Text")


def _differing(sent: Mapping[str, Any], stands: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in COMPARED if name in sent and not _is_same(name, sent[name], stands.get(name, "")))


def _is_same(name: str, sent: Any, stands: Any) -> bool:
    return Decimal(sent) == Decimal(stands or 0) if name == "Qty" else str(sent) == str(stands)


def seen(row: Row) -> dict[str, Any]:
    kept = {name: row[name] for name in SEEN if row.get(name) not in (None, "")}
    if "Date" in kept:
        kept["Date"] = str(kept["Date"])[:10]
    if "Qty" in kept:
        kept["Qty"] = plain_number(quantity(Decimal(str(kept["Qty"]))))
    return kept


def _unclear(context: HoursContext, lease: Lease, lines: Sequence[JournalLine], error: RemoteError) -> None:
    """Nobody knows whether they are there: they are looked for later, and sent only when they are surely not. The wait
    begins now: of several calls theirs may have been the last.
    """
    _leave(context, lease, lines, LineState.UNCLEAR, "line_unclear", error)


def _lose(context: HoursContext, lease: Lease, lines: Sequence[JournalLine], code: str, error: RemoteError) -> None:
    """Uniconta said done, and shows them nowhere under their reference: sent again, they would or might come twice. A
    person decides.
    """
    for line in lines:
        line.report.state, line.report.reason = State.NEEDS_ATTENTION, code
        line.report.problems = [[code, error.detail or line.reference]]
        line.report.transferred_hash = line.content_hash
    _leave(context, lease, lines, LineState.MISSING, code, error)


def _refuse(context: HoursContext, lease: Lease, line: JournalLine, error: RemoteError) -> None:
    line.report.state, line.report.reason = State.NEEDS_ATTENTION, "line_refused"
    line.report.problems = [["line_refused", error.detail]]
    _leave(context, lease, [line], LineState.REFUSED, "line_refused", error)
    context.count("refused")


def _leave(
    context: HoursContext, lease: Lease, lines: Sequence[JournalLine], state: str, code: str, error: RemoteError
) -> None:
    if not lines:
        return
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        for line in lines:
            line.state, line.claim, line.sent_at = LineState(state), None, now
            line.error_code, line.error_detail = error.code, error.detail
        save(lines, [entry(context, line, code, error.detail) for line in lines])


def _put_back(context: HoursContext, lease: Lease, lines: Sequence[JournalLine], code: str) -> None:
    """Surely not sent: the reports are judged afresh, as they may have changed meanwhile."""
    if not lines:
        return
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        for line in lines:
            line.claim, line.error_code = None, code
            if line.report.transferred_hash:  # a reversal, or what one reverses: to be sent as it is
                line.state = LineState.PLANNED
            else:
                line.state, line.report.state = LineState.REFUSED, State.WAITING
                _back_off(line.report, now)
        save(lines, [])
    context.count("put_back", len(lines))


def _back_off(report: WorkReport, now: datetime) -> None:
    """Its answers were lost again and again: it waits longer each time, and stops nobody else meanwhile."""
    if report.attempts > 1:
        seconds = min(BACK_OFF_FIRST * 2 ** (report.attempts - 2), BACK_OFF_LONGEST)
        report.due_at = now + timedelta(seconds=seconds)
    if report.attempts >= ATTEMPTS:
        report.state, report.reason, report.problems = State.NEEDS_ATTENTION, "line_refused", [["line_refused", ""]]


def save(lines: Iterable[JournalLine], entries: list[ReportEntry]) -> None:
    """Store lines, their reports, and what happened. Call inside a fenced scope."""
    rows = list(lines)
    columns = ["state", "claim", "uniconta_id", "seen", "differing", "is_on_hold", "error_code", "error_detail"]
    save_many(rows, [*columns, *SAID, "intended", "sent_at", "confirmed_at", "posted_at", "lost_at"])
    columns = ["state", "reason", "problems", "answered_as", "attempts", "due_at", "transferred_hash", "transferred_at"]
    save_many(list({line.report for line in rows}), columns)
    ReportEntry.objects.bulk_create(entries)


def entry(context: HoursContext, line: JournalLine, code: str, detail: str = "") -> ReportEntry:
    return ReportEntry(
        tenant_id=context.tenant_id,
        report=line.report,
        line=line if line.pk else None,
        code=code,
        detail=detail,
        run_id=context.run_id,
    )
