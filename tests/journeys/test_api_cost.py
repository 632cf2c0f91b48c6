"""What a steady company costs in remote calls, as docs/api-calls.md says: counted by the simulators themselves."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from sync import tasks
from sync.domain.hours.run import hours
from sync.domain.schedules import DAY, KINDS, minutes_of
from sync.models import ChangeEvent, JournalLine, ReportCursor, WorkReport
from tenants.scoping import tenant_scope
from tests.journeys.hours import Desk

#: One page of the adverse simulator, which gives out seven rows at a time.
DEBTORS = 6
IDLE_DAY_LIMIT = 600


@pytest.fixture
def steady(world):
    """A company whose records are all equal on both sides."""
    for number in range(DEBTORS):
        world.nordbyg.debtor(str(1001 + number))
    world.nordbyg.settle()
    world.nordbyg.both()
    return world.nordbyg


def calls_of(company, system, since, method=None):
    user = company.connection(system).username
    found = getattr(company, system).ledger.calls(method, since=since)
    return len([call for call in found if call.user and user in call.user])


def documented(what):
    """The figure that docs/api-calls.md gives."""
    text = Path(settings.BASE_DIR, "docs/api-calls.md").read_text(encoding="utf-8")
    [figure] = re.findall(rf"^\| {what} \| ([\d,]+) \|", text, re.MULTILINE)
    return int(figure.replace(",", ""))


@pytest.mark.one_profile
@pytest.mark.slow
@pytest.mark.parametrize("rows", ["idle day", "idle day, change URLs at work"])
def test_an_idle_day(steady, rows):
    """Every schedule of a day, in order of time, with nothing happening on either side."""
    if rows == "idle day":
        with tenant_scope(steady.tenant.pk):
            ChangeEvent.objects.filter(origin=ChangeEvent.Origin.WEBHOOK).delete()
    daily = [kind for kind in KINDS if minutes_of(kind, steady.tenant) <= DAY]
    due = sorted((minute, kind) for kind in daily for minute in range(0, DAY, minutes_of(kind, steady.tenant)))
    assert len(due) == 3 * 96 + 2  # a new schedule belongs into the page, too
    uniconta, intempus = steady.now()
    started = timezone.now()
    with time_machine.travel(started, tick=False) as clock:
        for minute, kind in due:
            clock.move_to(started + timedelta(minutes=minute))
            getattr(tasks, kind)(steady.tenant.pk)
    assert steady.writes((uniconta, intempus)) == []
    assert calls_of(steady, "uniconta", uniconta) == documented(f"Uniconta, {rows}") <= IDLE_DAY_LIMIT
    assert calls_of(steady, "intempus", intempus) == documented(f"Intempus, {rows}")


def transferred_long_ago(desk, count):
    """Old reports, known and posted: what a company has after some years. The first run has read them."""
    old = {"employee": desk.employee, "case": desk.case, "worktype": desk.work_type, "amount": "7.4", "approved": True}
    old |= {"start_date": "2026-01-05", "end_date": "2026-01-05"}
    desk.intempus.store_seed_rows(desk.company.intempus_number, "work_report", [old] * count)
    desk.run()
    tenant = desk.company.tenant
    with tenant_scope(tenant.pk):
        reports = WorkReport.objects.filter(tenant=tenant, starts_on="2026-01-05")
        reports.update(state=WorkReport.State.TRANSFERRED, reason="", transferred_hash=F("content_hash"))
        lines = [
            JournalLine(
                tenant=tenant,
                report_id=key,
                reference=f"I{number}",
                state=JournalLine.State.POSTED,
                journal="Intempus",
                quantity="7.40",
                sent_at=timezone.now(),
            )
            for key, number in reports.values_list("pk", "intempus_id")
        ]
        assert len(JournalLine.objects.bulk_create(lines)) == count


def an_hour_passes(desk):
    with tenant_scope(desk.company.tenant.pk):
        hour = timedelta(hours=1)
        ReportCursor.objects.update(
            lists_read_at=F("lists_read_at") - hour,
            window_read_at=F("window_read_at") - hour,
            journal_read_at=F("journal_read_at") - hour,
        )


@pytest.mark.parametrize("profile", ["default"], indirect=True)
@pytest.mark.parametrize("old_count", [100, 2_000])
def test_hours_with_nothing_new_cost_the_same_however_many_old_reports_there_are(world, old_count, monkeypatch):
    """One line stands in the journal, one report waits for approval; everything else was posted long ago.

    Pages are a fifth of the real ones: 2,000 reports are as many pages as 10,000, and made in a fifth of the time.
    """
    world.ends_well = False
    monkeypatch.setattr("sync.connectors.intempus.client.PAGE_ROWS", 200)
    monkeypatch.setattr("sync.connectors.intempus.client.LARGE_PAGE_ROWS", 1000)
    desk, other = Desk(world.nordbyg), Desk(world.havnen)
    desk.approve(desk.report("7.4"))
    desk.report("3")
    other.approve(other.report("2"))
    other.run()
    transferred_long_ago(desk, old_count)
    desk.company.forget_the_overlap()
    before = desk.lines()
    counted = {}
    for what in ("a quarter-hourly run", "an hourly run"):
        if what == "an hourly run":
            an_hour_passes(desk)
        uniconta, intempus = desk.company.now()
        ended = hours(desk.company.tenant.pk)
        assert (ended.error_code, ended.counts.get("transferred", 0)) == ("", 0)
        counted |= {
            f"Uniconta, {what} of hours": calls_of(desk.company, "uniconta", uniconta),
            f"Intempus, {what} of hours": calls_of(desk.company, "intempus", intempus),
        }
    assert counted == {what: documented(what) for what in counted}
    for system in ("Uniconta", "Intempus"):
        day = (
            72 * counted[f"{system}, a quarter-hourly run of hours"] + 24 * counted[f"{system}, an hourly run of hours"]
        )
        assert documented(f"{system}, idle day with hours") == documented(f"{system}, idle day") + day
    assert documented("Uniconta, idle day with hours") <= IDLE_DAY_LIMIT
    assert desk.lines() == before
    assert len(other.lines()) == 1
