"""What a log-in may call in a day, and what has to wait for tomorrow when little is left.

Both systems count per log-in, whichever companies share it. Counting costs one statement per flush, not one per call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TypeAlias

from django.db import connection as database
from django.db.models import Sum
from django.utils import timezone

from sync.connectors.registry import calls_per_day
from sync.models import CallCount, ChangeEvent, Run
from tenants.models import Connection

Cause: TypeAlias = CallCount.Cause
#: Address and user name: what a remote system counts by.
Login: TypeAlias = tuple[str, str]

#: From this part of the day's calls on, what is not urgent waits; and from this part on, all but people and change URLs.
BACKLOG_WAITS_FROM, ONLY_URGENT_FROM = 0.80, 0.95
#: How long a deferred event sleeps before the budget is looked at again.
LOOK_AGAIN_AFTER = timedelta(minutes=15)

#: From which part of the day's calls on each cause waits; what is not listed never does.
WAITS_FROM: Mapping[str, float] = {
    Cause.SWEEP: BACKLOG_WAITS_FROM,
    Cause.RECONCILE: BACKLOG_WAITS_FROM,
    Cause.BACKFILL: BACKLOG_WAITS_FROM,
    Cause.PULL: ONLY_URGENT_FROM,
    Cause.HOURS: ONLY_URGENT_FROM,
}
#: What an event's calls are counted as.
CAUSE_OF_PRIORITY: Mapping[int, str] = {
    ChangeEvent.Priority.PERSON: Cause.PERSON,
    ChangeEvent.Priority.WEBHOOK: Cause.WEBHOOK,
    ChangeEvent.Priority.PULL: Cause.PULL,
    ChangeEvent.Priority.BACKFILL: Cause.BACKFILL,
}

ADD = """
INSERT INTO sync_callcount (system, base_url, username, "on", cause, count) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (base_url, username, "on", cause) DO UPDATE SET count = sync_callcount.count + excluded.count
"""


def login_of(connection: Connection) -> Login:
    return connection.base_url, connection.username


def limit_of(connection: Connection) -> int:
    """Calls a day: the connection's own limit, else the system's."""
    return connection.calls_per_day or calls_per_day(connection.system)


def count_calls(system: str, login: Login, cause: str, count: int) -> None:
    """Add to today's count. Call inside a scope."""
    with database.cursor() as cursor:
        cursor.execute(ADD, [system, *login, _today(), cause, count])


def calls_today(connections: Iterable[Connection]) -> dict[Login, dict[str, int]]:
    """What each log-in called today, by cause; log-ins without a call are missing."""
    logins = {login_of(connection) for connection in connections}
    rows = CallCount.objects.filter(on=_today(), username__in={username for _, username in logins})
    found: dict[Login, dict[str, int]] = {}
    for row in rows:
        if (row.base_url, row.username) in logins:
            found.setdefault((row.base_url, row.username), {})[row.cause] = row.count
    return found


def used_share(connections: Iterable[Connection]) -> float:
    """The largest part of a day's calls that one of these connections' log-ins has used. Call inside a scope."""
    connections = list(connections)
    today = calls_today(connections)
    return max(
        (sum(today.get(login_of(each), {}).values()) / limit_of(each) for each in connections),
        default=0.0,
    )


def waits(cause: str, share: float) -> bool:
    """Whether work for this cause has to wait, at this part of the day's calls."""
    return share >= WAITS_FROM.get(cause, float("inf"))


def waiting_code(share: float) -> str:
    """What waits at this part of the day's calls, as a code of the catalogue; "" when nothing does."""
    if share >= ONLY_URGENT_FROM:
        return "fetches_wait"
    return "checks_wait" if share >= BACKLOG_WAITS_FROM else ""


def calls_by_cause() -> list[tuple[str, str, int]]:
    """System, cause and calls over all log-ins, for monitoring: nobody's name in it."""
    rows = CallCount.objects.filter(on=_today()).values_list("system", "cause").order_by("system", "cause")
    return list(rows.annotate(calls=Sum("count")))


def cause_of(run: Run) -> str:
    """What a run's calls are counted as: whoever presses a button does not wait."""
    return Cause.PERSON if run.requested_by_id else run.kind


def _today() -> date:
    return timezone.localdate()
