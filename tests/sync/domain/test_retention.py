"""What is old goes, what is open or young stays, in every company alike."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from sync.domain import retention
from sync.domain.retention import forget_old
from sync.models import CallCount, ChangeEvent, Exchange, ReportEntry, Run, SignOff, SyncLogEntry, WorkReport
from sync.partitions import ensure_partitions
from tenants.row_security import as_owner, policy_sql
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_event,
    make_journal_line,
    make_link,
    make_log_entry,
    make_run,
    make_tenant,
    make_work_report,
)

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


def ago(days):
    return NOW - timedelta(days=days)


@pytest.fixture(params=["nordbyg", "havnen"])
def tenant(request):
    make_tenant("beside")
    return make_tenant(request.param)


def days_left(model, column):
    """How old, in days, what is still there is."""
    with tenant_scope(ALL):
        instants = model.objects.order_by(column).values_list(column, flat=True)
        return sorted((NOW - at).days for at in instants if at is not None)


def exchange(tenant, days):
    with tenant_scope(tenant.pk):
        Exchange.objects.create(
            tenant=tenant, at=ago(days), system="uniconta", method="GET", url="/", status=200, duration_ms=1
        )


def test_exchanges_go_after_thirty_days(tenant):
    for days in (0, 29, 31, 200):
        exchange(tenant, days)
    assert forget_old(NOW) == {"sync_exchange": 2}
    assert days_left(Exchange, "at") == [0, 29]
    assert forget_old(NOW) == {}


def test_a_row_of_another_month_in_the_same_place_stays(tenant):
    """A table in partitions: the place of a row within its partition says nothing about the others."""
    for number in range(30):
        exchange(tenant, number % 2 * 40)
    assert forget_old(NOW) == {"sync_exchange": 15}
    assert days_left(Exchange, "at") == [0] * 15


def test_finished_events_go_and_open_ones_stay(tenant):
    for state, days in (("done", 31), ("done", 29), ("ignored", 40), ("needs_attention", 300), ("quarantined", 300)):
        make_event(tenant, state=state, finished_at=ago(days))
    waiting = make_event(tenant, state="pending", received_at=ago(300))
    assert forget_old(NOW) == {"sync_changeevent": 2}
    with tenant_scope(ALL):
        left = sorted(ChangeEvent.objects.exclude(pk=waiting.pk).values_list("state", flat=True))
        assert left == ["done", "needs_attention", "quarantined"]
        assert ChangeEvent.objects.filter(pk=waiting.pk).exists()


def test_runs_and_counts_go_after_ninety_days(tenant):
    for days in (89, 91):
        make_run(tenant, "pull", state="done", finished_at=ago(days))
    make_run(tenant, "sweep", state="running", started_at=ago(200))
    with tenant_scope(ALL):
        for days in (89, 91):
            CallCount.objects.create(
                system="uniconta", base_url="u", username="n", on=ago(days).date(), cause="pull", count=1
            )
    assert forget_old(NOW) == {"sync_run": 1, "sync_callcount": 1}
    with tenant_scope(ALL):
        assert sorted(Run.objects.values_list("state", flat=True)) == ["done", "running"]
        assert CallCount.objects.count() == 1


def test_a_run_goes_though_what_it_found_still_asks_for_a_person(tenant):
    """Found by a review: the open event's reference stopped retention for every company."""
    run = make_run(tenant, "pull", state="done", finished_at=ago(91))
    event = make_event(tenant, state="needs_attention", finished_at=ago(91), run=run)
    assert forget_old(NOW) == {"sync_run": 1}
    with tenant_scope(ALL):
        event.refresh_from_db()
        assert (event.state, event.run_id) == ("needs_attention", None)


def test_one_class_in_trouble_does_not_stop_the_others(tenant, monkeypatch):
    broken = replace(retention.CLASSES[1], condition="no_such_column")
    monkeypatch.setattr(retention, "CLASSES", (retention.CLASSES[0], broken, *retention.CLASSES[2:]))
    exchange(tenant, 31)
    make_run(tenant, "pull", state="done", finished_at=ago(91))
    with pytest.raises(ExceptionGroup, match="could not be removed"):
        forget_old(NOW)
    assert days_left(Exchange, "at") == []
    with tenant_scope(ALL):
        assert not Run.objects.exists()


def test_the_log_goes_by_whole_months_after_thirteen(tenant):
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    with as_owner(), connection.cursor() as cursor:
        for first, last in (("2025-09-01", "2025-10-01"), ("2025-10-01", "2025-11-01")):
            name = f"sync_synclogentry_{first[:4]}_{first[5:7]}"
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF sync_synclogentry FOR VALUES FROM ('{first}') TO ('{last}')"
            )
            cursor.execute(policy_sql(name))
    ensure_partitions()
    link = make_link(tenant)
    for month in (9, 10):
        make_log_entry(link, at=datetime(2025, month, 30, 12, tzinfo=UTC))
    assert forget_old(now)["sync_synclogentry"] == 1
    with tenant_scope(ALL):
        assert [entry.at.month for entry in SyncLogEntry.objects.all()] == [10]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE sync_synclogentry_2025_10")


def test_hours_go_five_years_after_the_financial_year_with_everything_about_them(tenant):
    """A financial year may end up to a year after the calendar year: six of these are kept. A chain goes by its last line."""
    new_year = date(NOW.year - 6, 1, 1)
    old, young = new_year - timedelta(days=1), new_year
    long_ago = datetime(old.year, 12, 31, tzinfo=UTC)
    with tenant_scope(tenant.pk):
        gone, kept = ({"starts_on": day, "state": "transferred", "changed_at": long_ago} for day in (old, young))
        chains = [make_work_report(tenant, **values) for values in (gone, kept, gone)]
        asking = make_work_report(tenant, **gone | {"state": "needs_attention"})
        for report in chains:
            line = make_journal_line(report, sent_at=long_ago)
            ReportEntry.objects.create(tenant=tenant, report=report, code="line_sent", line=line)
        make_journal_line(chains[2], number=2, sent_at=NOW, kind="reversal")  # corrected later
        for last in (old, young):
            SignOff.objects.create(tenant=tenant, first=last, last=last, signed_by="Bo", figures={})
    assert forget_old(NOW) == {"sync_workreport": 1, "sync_signoff": 1}
    with tenant_scope(ALL):
        assert set(WorkReport.objects.values_list("pk", flat=True)) == {chains[1].pk, chains[2].pk, asking.pk}
        assert list(SignOff.objects.values_list("last", flat=True)) == [young]
        assert set(ReportEntry.objects.values_list("report_id", flat=True)) == {chains[1].pk, chains[2].pk}
    assert forget_old(NOW) == {}
