"""Which answers a report asks for; `corrections` carries them out and refuses all others."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sync.models import JournalLine, WorkReport

State = WorkReport.State
LineState = JournalLine.State


class Answer(StrEnum):
    CHANGE = "change"
    REVERSE = "reverse"
    SEND_AGAIN = "send-again"
    ACCEPT = "accept"
    BY_HAND = "by-hand"
    EARLIER = "earlier"
    ANYWAY = "anyway"


def answers_to(report: WorkReport, lines: Sequence[JournalLine]) -> list[Answer]:
    """The answers that make sense now, the most likely first. `lines`: its whole chain, oldest first."""
    if report.state == State.TRANSFERRED:
        return [Answer.ACCEPT] if any(line.state == LineState.NOT_PROVEN for line in lines) else []
    if report.state == State.CHANGED:
        if report.answer:
            return []  # being carried out
        said = [line for line in lines if line.state in JournalLine.STANDING and line.kind == JournalLine.Kind.TRANSFER]
        changes = [Answer.CHANGE] if said and said[-1].state == LineState.IN_JOURNAL else []
        return [*changes, *([Answer.REVERSE] if said else []), Answer.ACCEPT, Answer.BY_HAND]
    if report.state != State.NEEDS_ATTENTION:
        return []
    if report.reason in ("line_missing", "line_refused"):
        return [Answer.SEND_AGAIN, Answer.BY_HAND]
    if report.reason == "earlier_found":
        return [Answer.EARLIER, Answer.ANYWAY]
    return [Answer.ACCEPT, Answer.BY_HAND] if lines else [Answer.BY_HAND]
