"""One run: lists, reports, verdicts, transfer, and what became of earlier lines. Every quarter of an hour, or asked for."""

from __future__ import annotations

from datetime import timedelta

from mappings.models import HoursPolicy
from mappings.spec import System
from sync.connectors.errors import ConnectionBroken, RemoteError, RetryLater
from sync.domain.budgets import cause_of
from sync.domain.connections import NotReadyError, Recorder, open_connectors, report_success, report_trouble
from sync.domain.context import database_now
from sync.domain.hours.context import HoursContext
from sync.domain.hours.corrections import carry_out
from sync.domain.hours.earlier import look_for_earlier, strangers
from sync.domain.hours.following import follow_lines
from sync.domain.hours.judging import judge_reports
from sync.domain.hours.lists import read_lists
from sync.domain.hours.open_cases import release_cases
from sync.domain.hours.reading import read_reports
from sync.domain.hours.transfer import transfer
from sync.domain.runs import begin, fail_run, finish_run
from sync.models import ReportCursor, Run
from tenants.scoping import tenant_scope

#: To a table that only hours need: no trouble of the connection, base data goes on.
MISSING_RIGHT = "no_access"
#: Lists and journals are looked at so often; a run of somebody's asking looks at once.
LISTS_EVERY = JOURNAL_EVERY = timedelta(hours=1)


def hours(tenant_id: int, run_id: int | None = None) -> Run | None:
    """Carry out one run for a tenant; None when it transfers no hours, or a run is on already."""
    with tenant_scope(tenant_id):
        policy = HoursPolicy.objects.filter(tenant_id=tenant_id).first()
        if run_id is None and (policy is None or not policy.enabled):
            return None
    run = begin(tenant_id, Run.Kind.HOURS, run_id)
    if run is None:
        return None
    if policy is None or not policy.enabled:
        return fail_run(run, "hours_off")
    recorder = Recorder(tenant_id, run, cause_of(run))
    system = System.INTEMPUS
    counts: dict[str, int] = {}
    try:
        context = HoursContext(tenant_id, run.pk, policy, open_connectors(tenant_id, recorder), recorder, counts)
        is_asked = run_id is not None
        with tenant_scope(tenant_id):
            position, _ = ReportCursor.objects.get_or_create(tenant_id=tenant_id)
            now = database_now()
        context.connectors[System.INTEMPUS].identify()
        if is_asked or position.lists_read_at is None or now - position.lists_read_at >= LISTS_EVERY:
            read_lists(tenant_id, context.connectors)
        read_reports(context, is_window_due=is_asked)
        judge_reports(context)
        system = System.UNICONTA
        if hosts := strangers(context):
            return fail_run(run, "other_integration", ", ".join(hosts), counts=counts)
        look_for_earlier(context)
        carry_out(context)
        transfer(context)
        if counts.get("reversed") or counts.get("put_back"):  # what was reversed is booked anew
            judge_reports(context)
            transfer(context)
        if is_asked or position.journal_read_at is None or now - position.journal_read_at >= JOURNAL_EVERY:
            follow_lines(context)
        with tenant_scope(tenant_id):
            release_cases(tenant_id)
        report_success(tenant_id, *System)
    except NotReadyError as error:
        return fail_run(run, error.code, counts=counts)
    except RemoteError as error:
        if isinstance(error, (RetryLater, ConnectionBroken)) and error.code != MISSING_RIGHT:
            report_trouble(tenant_id, error.system or system, error)
        return fail_run(run, error.code, error.detail, counts=counts)
    finally:
        recorder.flush()
    return finish_run(run, counts=counts)
