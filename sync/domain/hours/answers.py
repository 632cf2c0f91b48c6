"""Which answers a report asks for; `corrections` carries them out and refuses all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sync.models import JournalLine, WorkReport

State = WorkReport.State
LineState = JournalLine.State
#: It surely does not stand in Uniconta, so another one may be made.
LOST = (LineState.MISSING, LineState.REFUSED, LineState.GIVEN_UP)


class Answer(StrEnum):
    CHANGE = "change"
    REVERSE = "reverse"
    SEND_AGAIN = "send-again"
    ACCEPT = "accept"
    BY_HAND = "by-hand"
    EARLIER = "earlier"
    ANYWAY = "anyway"


def chains_of(reports: Iterable[WorkReport]) -> dict[int, list[JournalLine]]:
    """The lines of each report by its key, oldest first. Call inside a scope."""
    by_key = {report.pk: report for report in reports}
    chains: dict[int, list[JournalLine]] = {key: [] for key in by_key}
    for line in JournalLine.objects.filter(report__in=by_key).order_by("number"):
        line.report = by_key[line.report_id]
        chains[line.report_id].append(line)
    return chains


def standing_line(lines: Iterable[JournalLine]) -> JournalLine | None:
    """The line by which the hours of the report stand in Uniconta. `lines`: its whole chain, oldest first."""
    said = None
    for line in lines:
        if line.kind == JournalLine.Kind.REVERSAL:
            said = None if line.state not in LOST else said
        elif line.state in JournalLine.STANDING:
            said = line
    return said


def answers_to(report: WorkReport, lines: Sequence[JournalLine]) -> list[Answer]:
    """The answers that make sense now, the most likely first. `lines`: its whole chain, oldest first."""
    if report.state == State.TRANSFERRED:
        return [Answer.ACCEPT] if any(line.state == LineState.NOT_PROVEN for line in lines) else []
    if report.state == State.CHANGED:
        if report.answer:
            return []  # being carried out
        if said := standing_line(lines):
            changes = [Answer.CHANGE] if said.state == LineState.IN_JOURNAL else []
            return [*changes, Answer.REVERSE, Answer.ACCEPT, Answer.BY_HAND]
        if not lines:  # transferred earlier, by others
            return [Answer.EARLIER, Answer.ANYWAY, Answer.BY_HAND] if report.earlier else [Answer.BY_HAND]
        is_known = all(line.state in (*LOST, *JournalLine.STANDING) for line in lines)
        return [*([Answer.SEND_AGAIN] if is_known else []), Answer.ACCEPT, Answer.BY_HAND]
    if report.state != State.NEEDS_ATTENTION:
        return []
    if report.reason in ("line_missing", "line_refused"):
        return [Answer.SEND_AGAIN, Answer.BY_HAND]
    if report.reason == "line_cut":
        return [Answer.ACCEPT, Answer.BY_HAND]  # it stands there, so it is not sent again
    if report.reason == "earlier_found":
        return [Answer.EARLIER, Answer.ANYWAY]
    return [Answer.ACCEPT, Answer.BY_HAND] if lines else [Answer.BY_HAND]
