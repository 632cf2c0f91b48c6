"""Which reply is which error: the machinery behind the closed table each connector holds in its `replies.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sync.connectors.errors import RemoteError, RetryLater, Unclear
from sync.connectors.reply import Reply

DEFAULT_WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Rule:
    """One row: the first whose `applies` holds decides. `reason` says why, for the reader of the table."""

    applies: Callable[[Reply], bool]
    error: type[RemoteError]
    code: str
    reason: str


def classify(reply: Reply, rules: Sequence[Rule]) -> RemoteError | None:
    """The error this reply stands for; None: it is what was asked for. Every failure finds a row or is a bug."""
    for rule in rules:
        if rule.applies(reply):
            return _build(rule, reply)
    if reply.is_success and not reply.is_broken:
        return None
    raise AssertionError(f"the table of replies has no row for status {reply.status}")


def _build(rule: Rule, reply: Reply) -> RemoteError:
    detail = reply.message
    if rule.code == "rate_limited":
        return RetryLater(rule.code, detail, after=retry_after(reply))
    if rule.error is Unclear:
        # One record's write: nothing is known yet about the connection as a whole unless the server itself failed.
        return Unclear(rule.code, detail, is_outage=reply.status >= 500)
    if rule.error is RetryLater and reply.status in (500, 503) and "retry-after" in reply.headers:
        return RetryLater(rule.code, detail, after=retry_after(reply))
    return rule.error(rule.code, detail)


#: One header must not stop a company for months: whoever means longer says so again.
LONGEST_WAIT_SECONDS = 3600.0


def retry_after(reply: Reply) -> float:
    """Seconds to wait; the header may hold seconds or an HTTP-date, or be missing (API page of Intempus, 1.8)."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_WAIT_SECONDS)
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return DEFAULT_WAIT_SECONDS
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return min(max(0.0, (instant - datetime.now(UTC)).total_seconds()), LONGEST_WAIT_SECONDS)


# --- The rows every HTTP system shares. `BEFORE` stands above a connector's own rows, `AFTER` closes the table. ---


BEFORE: tuple[Rule, ...] = (
    Rule(
        lambda r: r.status == 429,
        RetryLater,
        "rate_limited",
        "Refused before anything happened, also for a write: never unclear.",
    ),
    Rule(
        lambda r: r.is_broken and not r.is_read and not 400 <= r.status < 500,
        Unclear,
        "answer_lost",
        "The write arrived, its answer did not arrive whole.",
    ),
    Rule(
        lambda r: r.broken_by == "timeout" and r.is_read and not 400 <= r.status < 500,
        RetryLater,
        "timeout",
        "A read that takes too long can be repeated.",
    ),
    Rule(
        lambda r: r.is_broken and r.is_read and not 400 <= r.status < 500,
        RetryLater,
        "connection_lost",
        "A read that broke off can be repeated. (A refusal is clear from its status alone.)",
    ),
)

AFTER: tuple[Rule, ...] = (
    Rule(
        lambda r: r.status < 400 and not r.is_success and r.is_read,
        RetryLater,
        "redirected",
        "Redirects are never followed: they could lead the credentials elsewhere. Often a maintenance page.",
    ),
    Rule(
        lambda r: r.status < 400 and not r.is_success,
        Unclear,
        "redirected",
        "Some servers redirect after having done what was asked.",
    ),
    Rule(lambda r: r.status == 408, RetryLater, "timeout", "The server gave up waiting for our request: not done."),
    Rule(lambda r: r.status >= 500 and r.is_read, RetryLater, "server_error", "Theirs, and usually passing."),
    Rule(
        lambda r: r.status >= 500,
        Unclear,
        "server_error",
        "A gateway may time out over a write that succeeds behind it.",
    ),
    Rule(
        lambda r: r.is_success and not r.is_as_wanted and r.is_read,
        RetryLater,
        "unreadable_answer",
        "2xx with a page, a text or nothing instead of data: never trusted.",
    ),
    Rule(
        lambda r: r.is_success and not r.is_as_wanted,
        Unclear,
        "unreadable_answer",
        "2xx says done, the body says something else.",
    ),
)
