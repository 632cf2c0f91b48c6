"""Rows for tests, by plain functions: each makes valid defaults, takes what matters to the test and opens its own scope.

What they return was read inside a scope that is closed again: look at its columns freely, but go back into
`tenant_scope` to follow a relation or to query.
"""

from tests.factories.records import (
    make_alert_channel,
    make_calendar,
    make_event,
    make_held_set,
    make_hours_policy,
    make_journal_line,
    make_link,
    make_log_entry,
    make_policy,
    make_ready_report,
    make_reference,
    make_run,
    make_seen_line,
    make_work_report,
)
from tests.factories.tenants import (
    INTEMPUS_KEY,
    UNICONTA_PASSWORD,
    make_connection,
    make_connections,
    make_tenant,
    make_token,
    make_user,
    set_working,
)

__all__ = [
    "INTEMPUS_KEY",
    "UNICONTA_PASSWORD",
    "make_alert_channel",
    "make_calendar",
    "make_connection",
    "make_connections",
    "make_event",
    "make_held_set",
    "make_hours_policy",
    "make_journal_line",
    "make_link",
    "make_log_entry",
    "make_policy",
    "make_ready_report",
    "make_reference",
    "make_run",
    "make_seen_line",
    "make_tenant",
    "make_token",
    "make_user",
    "make_work_report",
    "set_working",
]
