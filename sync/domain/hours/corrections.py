"""What a person answers when a transferred report changed, its line went missing, or Uniconta refused it.

Nothing is repaired silently: every answer stands on the report with who, when and the note. Answers that write to Uniconta
are carried out by a run, so that no page waits for a remote system. The functions a page calls take a scope for granted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from mappings.entities.work_report import LINE
from mappings.hours import Outcome, reference
from mappings.models import HoursPolicy
from mappings.spec import System
from sync.connectors.base import Row
from sync.connectors.errors import Gone, Moved, NeedsAttention, RemoteError
from sync.domain.actions import RefusedError, audit, start_run
from sync.domain.bulk import save_many
from sync.domain.claim import fence
from sync.domain.context import database_now
from sync.domain.doorbell import Lease
from sync.domain.hours.answers import Answer, answers_to, chains_of, standing_line
from sync.domain.hours.context import HoursContext
from sync.domain.hours.following import is_posted
from sync.domain.hours.judging import Rules, counts_as_ready
from sync.domain.hours.transfer import (
    SEEN,
    adopt,
    entry,
    is_paused,
    leased,
    note_seen,
    save,
    seen,
    settle_report,
    shows,
    wire,
)
from sync.models import JournalLine, ReportEntry, Run, WorkReport
from tenants.scoping import tenant_scope

State = WorkReport.State
LineState = JournalLine.State


# ------------------------------------------------------------------------------------------------ answers


def fetch_now(tenant_id: int, user_id: int | None) -> Run:
    """Read, judge and transfer at once; also what *Try again* does: everything is judged afresh."""
    return start_run(Run(tenant_id=tenant_id, kind=Run.Kind.HOURS, requested_by_id=user_id))


def choose(report_id: int, answer: str, user_id: int | None) -> Run:
    """Change the unposted line in place, or reverse it and book anew. Raises RefusedError."""
    report = WorkReport.objects.select_for_update().get(pk=report_id)
    line = standing_line(report.lines.order_by("number"))
    if report.state != State.CHANGED or line is None or report.answer:
        raise RefusedError("hours_not_asked")
    if answer == WorkReport.Answer.CHANGE and line.state != LineState.IN_JOURNAL:
        raise RefusedError("line_not_in_journal")
    report.answer, report.answered_by_id = WorkReport.Answer(answer), user_id
    report.answered_as, report.answered_hash = "", report.content_hash
    report.save(update_fields=["answer", "answered_by", "answered_as", "answered_hash"])
    _note(report, f"answer_{answer}", user_id)
    return fetch_now(report.tenant_id, user_id)


def accept(report_id: int, user_id: int | None, note: str = "") -> None:
    """Leave the line as it is: the person knows why. Raises RefusedError."""
    _close(report_id, State.ACCEPTED, "answer_accepted", user_id, note)


def done_by_hand(report_id: int, user_id: int | None, note: str) -> None:
    """The person saw to it in Uniconta. Raises RefusedError, also for an empty note: the next reader needs it."""
    if not note.strip():
        raise RefusedError("note_needed")
    _close(report_id, State.BY_HAND, "answer_by_hand", user_id, note)


def send_again(report_id: int, user_id: int | None) -> Run:
    """A line that is missing from the journal, or that Uniconta refused, is made once more. Raises RefusedError."""
    report = WorkReport.objects.select_for_update().get(pk=report_id)
    if Answer.SEND_AGAIN not in answers_to(report, list(report.lines.order_by("number"))):
        raise RefusedError("hours_not_asked")
    # The last line says what was worked: it is made anew. Reversals, and what they reverse, are sent as they were.
    last = report.lines.order_by("-number")[:1].values("pk")
    said = report.lines.filter(pk__in=last, kind=JournalLine.Kind.TRANSFER)
    again = report.lines.filter(state__in=(LineState.MISSING, LineState.REFUSED)).exclude(pk__in=said.values("pk"))
    said.filter(state=LineState.MISSING).update(state=LineState.GIVEN_UP)
    if again.update(state=LineState.PLANNED):
        report.state = State.SENDING
    else:
        report.state, report.transferred_hash = State.WAITING, ""
    report.reason, report.problems, report.answered_as = "", [], ""
    report.save(update_fields=["state", "reason", "problems", "answered_as", "transferred_hash"])
    _note(report, "answer_send_again", user_id)
    return fetch_now(report.tenant_id, user_id)


def confirm_earlier(report_ids: Sequence[int], user_id: int | None) -> int:
    """These were transferred before us: they are counted, and never sent. Returns how many still asked for it."""
    reports = _asking_earlier(report_ids)
    for report in reports:
        _answered(report, State.EARLIER, "earlier_confirmed")
        _note(report, "earlier_confirmed", user_id)
    save_many(reports, ANSWERED)
    return len(reports)


def send_anyway(report_ids: Sequence[int], user_id: int | None) -> int:
    """What looks alike is something else: the next run sends them. Returns how many still asked for it."""
    reports = _asking_earlier(report_ids)
    for report in reports:
        report.state, report.reason, report.problems, report.earlier = State.WAITING, "", [], []
        report.answered_as = ""
        _note(report, "answer_send_anyway", user_id)
    save_many(reports, ["state", "reason", "problems", "earlier", "answered_as"])
    return len(reports)


def _asking_earlier(report_ids: Sequence[int]) -> list[WorkReport]:
    """Those that ask whether they were transferred earlier, and those of which a person said so before they changed."""
    is_back = Q(state=State.CHANGED, transferred_hash="") & ~Q(earlier=[])
    asked = Q(state=State.NEEDS_ATTENTION, reason="earlier_found") | is_back
    return list(WorkReport.objects.select_for_update().filter(asked, pk__in=report_ids))


#: The columns that `_answered` sets.
ANSWERED = ("state", "reason", "problems", "answer", "answered_as", "answered_hash", "answered_ready")


def _answered(report: WorkReport, state: str, code: str) -> None:
    """Nothing is to be sent for what the report says now. Another content, or another approval, asks again."""
    policy = HoursPolicy.objects.get(tenant_id=report.tenant_id)
    report.answered_ready = WorkReport.objects.filter(counts_as_ready(policy.terms()), pk=report.pk).exists()
    report.state, report.reason, report.problems, report.answer = state, code, [], ""
    report.answered_as, report.answered_hash = state, report.content_hash


def _close(report_id: int, state: str, code: str, user_id: int | None, note: str) -> None:
    report = WorkReport.objects.select_for_update().get(pk=report_id)
    unproven = report.lines.filter(state=LineState.NOT_PROVEN)
    is_asked = report.state in (State.CHANGED, State.NEEDS_ATTENTION)
    if not is_asked and not (report.state == State.TRANSFERRED and unproven.exists()):
        raise RefusedError("hours_not_asked")
    if state == State.ACCEPTED and not report.lines.exists():
        raise RefusedError("hours_not_asked")  # there is nothing to accept
    if report.answer:
        raise RefusedError("hours_not_asked")  # another one is being carried out
    if is_asked:
        _answered(report, state, code)
        report.save(update_fields=ANSWERED)
    unproven.update(state=LineState.POSTED, posted_at=database_now())
    _note(report, code, user_id, note)


def _note(report: WorkReport, code: str, user_id: int | None, note: str = "") -> None:
    ReportEntry.objects.create(tenant_id=report.tenant_id, report=report, code=code, detail=note, user_id=user_id)
    audit(report.tenant_id, user_id, code, f"{report} {report.intempus_id}")


# ------------------------------------------------------------------------------------------------ carrying out


def carry_out(context: HoursContext) -> None:
    """Carry out what persons chose. Raises RemoteError."""
    with tenant_scope(context.tenant_id):
        asked = WorkReport.objects.filter(tenant_id=context.tenant_id, state=State.CHANGED).exclude(answer="")
        keys = list(asked.order_by("pk").values_list("pk", "answer"))
        rules = Rules.load(context.policy, asked) if keys else None
    if rules is None:
        return
    with leased(context) as lease:
        for key, answer in keys if lease else ():
            assert lease is not None
            if answer == WorkReport.Answer.CHANGE:
                _change(context, lease, rules, key)
            else:
                _plan_reversal(context, lease, key)


def _asked(context: HoursContext, lease: Lease, key: int, answer: str) -> tuple[WorkReport, list[JournalLine]] | None:
    """The report and its chain, where that answer is still to be carried out and was given to what it says now."""
    fence(lease)
    report = WorkReport.objects.select_for_update().get(pk=key)
    if report.state != State.CHANGED or report.answer != answer:
        return None
    if report.answered_hash != report.content_hash:
        _drop_answer(context, report, "changed_after_transfer")
        return None
    return report, chains_of([report])[key]


def _change(context: HoursContext, lease: Lease, rules: Rules, key: int) -> None:
    """The unposted line says what the report says now; that of a report no longer ready is put on hold."""
    with tenant_scope(context.tenant_id):
        asked = _asked(context, lease, key, WorkReport.Answer.CHANGE)
        if asked is None or is_paused(context, database_now()):
            return  # a person is posting this very journal: after that
        report, chain = asked
        line = standing_line(chain)
        verdict = rules.judge(report)
    is_there = line is not None and line.state == LineState.IN_JOURNAL
    if line is None or not is_there or is_posted(context, line):
        _give_up(context, lease, report, "line_not_in_journal")
        return
    if verdict.outcome is Outcome.NEEDS_ATTENTION:
        _give_up(context, lease, report, verdict.code)
        return
    is_ready = verdict.outcome is Outcome.READY
    before, tried = line.seen, line.intended

    def is_as_seen(row: Row) -> bool:
        # Or as the last try left it, whose worker died before it could say so.
        return bool(seen(row) == before or shows(row, tried))

    values: dict[str, Any] = {"OnHold": not is_ready}
    if is_ready:
        # What the report does not say any more is emptied, not left standing.
        emptied = {name: None for name in ("PayrollCategory", "TimeFrom", "TimeTo") if name not in verdict.line}
        values |= emptied | wire(line.reference, verdict.line)
        with tenant_scope(context.tenant_id):
            fence(lease)
            line.intended = {
                "values": dict(verdict.line),
                "quantity": str(report.quantity),
                "content_hash": report.content_hash,
            }
            line.save(update_fields=["intended"])
    try:
        written = context.connectors[System.UNICONTA].update(
            LINE, line.uniconta_id, values, is_as_planned=is_as_seen, stamp=None
        )
    except (Gone, Moved, NeedsAttention) as error:
        code = {"gone": "line_not_in_journal", "moved_since_read": "line_edited"}.get(error.code, "line_refused")
        _give_up(context, lease, report, code, error)
        return
    with tenant_scope(context.tenant_id):
        now = fence(lease)
        if is_ready:
            adopt(line)
        note_seen(line, LineState.IN_JOURNAL, written.row, now)
        report.answer = ""
        if is_ready:
            settle_report(line, now)
        else:
            report.reason = "line_held"
        report.save(update_fields=["answer"])
        save([line], [entry(context, line, "line_changed" if is_ready else "line_held")])
    context.count("corrected")


def _plan_reversal(context: HoursContext, lease: Lease, key: int) -> None:
    """The opposite of the line as it stands in Uniconta, at its own prices. What is booked anew follows when it is there."""
    with tenant_scope(context.tenant_id):
        asked = _asked(context, lease, key, WorkReport.Answer.REVERSE)
        if asked is None:
            return
        report, chain = asked
        line = standing_line(chain)
        if line is None:
            _drop_answer(context, report, "line_not_in_journal")
            return
        values = _reversed(line, context.policy.closed_until)
        number = chain[-1].number + 1
        JournalLine.objects.create(
            tenant_id=context.tenant_id,
            report=report,
            number=number,
            reference=reference(report.intempus_id, number),
            kind=JournalLine.Kind.REVERSAL,
            state=LineState.PLANNED,
            journal=line.journal,
            values=values,
            quantity=Decimal(values["Qty"]),
            content_hash=line.content_hash,
            user_id=report.answered_by_id,
        )
        report.answer, report.state = "", State.SENDING
        report.save(update_fields=["answer", "state"])
    context.count("corrected")


def _reversed(line: JournalLine, closed_until: date | None) -> dict[str, Any]:
    # As it stands there: what a person emptied is not repeated.
    said = {name: value for name, value in line.values.items() if name not in SEEN} if line.seen else line.values
    stands = {name: value for name, value in line.seen.items() if name != "Voucher"}
    values = {**said, **stands, "Journal": line.journal}
    quantity = -Decimal(str(values["Qty"]))
    day = date.fromisoformat(str(values["Date"])[:10])
    if closed_until is not None and day <= closed_until:
        values["Text"] = f"{day:%d-%m-%Y} {values.get('Text', '')}".strip()
        day = closed_until + timedelta(days=1)
    held = {"OnHold": True} if line.is_on_hold else {}  # neither is posted then
    return {**values, **held, "Date": day.isoformat(), "Qty": str(quantity)}


def _give_up(
    context: HoursContext, lease: Lease, report: WorkReport, code: str, error: RemoteError | None = None
) -> None:
    with tenant_scope(context.tenant_id):
        fence(lease)
        _drop_answer(context, report, code, error.detail if error else "")


def _drop_answer(context: HoursContext, report: WorkReport, code: str, detail: str = "") -> None:
    """The answer cannot be carried out: the report asks again, and says why."""
    report.answer, report.problems = "", [[code, detail]]
    report.save(update_fields=["answer", "problems"])
    ReportEntry.objects.create(
        tenant_id=context.tenant_id, report=report, code=code, detail=detail, run_id=context.run_id
    )
