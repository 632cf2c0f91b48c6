"""Rule M9 over a year: whatever people and networks do, every ready report has one line, and everything else is listed.

By default six employees; `make year` has sixty. The year is drawn from a seed; the calculation at its end is independent of
the platform (tests/hours/calculation.py).
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.db.models import F
from django.utils import timezone

from sync.domain.hours.completeness import Span, check_hours
from sync.domain.hours.run import hours
from sync.models import Cursor, JournalLine, ReportCursor, Run, WorkReport
from tenants.scoping import tenant_scope
from tests.hours.calculation import Calculation
from tests.hours.firm import JOURNAL, MENDED, YEAR, Firm
from tests.hours.year import Year
from tests.journeys.conftest import Company, World
from tests.journeys.hours import Desk
from tests.simulators import intempus, uniconta
from tests.simulators.core import serve

SEED = int(os.environ.get("YEAR_SEED", "1"))
EMPLOYEES = int(os.environ.get("YEAR_EMPLOYEES", "6"))
IS_WHOLE = EMPLOYEES > 6
#: Of the days on which an employee registers something, and of the reports that somebody alters in a month.
DAYS, ALTERED = (1.0, 0.02) if IS_WHOLE else (0.25, 0.08)
#: A kill comes somewhere among so many calls of a run.
FIRST_CALLS = 300 if IS_WHOLE else 24
MONTHS = int(os.environ.get("YEAR_MONTHS", "12"))
INSERT_LIST = r"/InsertList/ProjectJournalLine"
#: What the simulators do to the calls of a stormy run, each once …
STORM: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("intempus", "status", {"status": 429, "retry_after": 1, "path": "/work_"}),
    ("intempus", "status", {"status": 500, "path": "/work_report/"}),
    ("intempus", "cut", {"path": "/work_report/"}),
    ("uniconta", "status", {"status": 429, "retry_after": 1, "method": "GET"}),
    ("uniconta", "truncate", {"method": "GET", "path": "/ProjectTrans"}),
    ("uniconta", "drop", {"method": "PUT"}),
)
#: … and to the lists of lines that it inserts, one kind at a time.
INSERTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop", {}),
    ("status", {"status": 500}),
    ("reset", {}),
    ("status", {"status": 429}),
)


@dataclass
class Platform:
    """The worker's part: runs, also under faults, also killed."""

    company: Company
    random: Random
    outcomes: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    storms: int = 0

    def run(self) -> Run:
        """The run of the schedule, as if an hour had passed since the last one."""
        tenant = self.company.tenant.pk
        self.company.heal()
        with tenant_scope(tenant):
            ReportCursor.objects.filter(tenant_id=tenant).update(
                window_read_at=None, lists_read_at=None, journal_read_at=None
            )
        started = time.monotonic()
        while (ended := hours(tenant)) is None:  # one that was killed is not silent for long enough yet
            assert time.monotonic() - started < 60, "another run will not end"
            time.sleep(0.1)
        self.outcomes[ended.error_code or "done"] += 1
        return ended

    def finish(self) -> None:
        """Run until one gets through and nothing is on its way any more."""
        for _ in range(40):
            if self.run().error_code == "" and not self._is_open():
                return
        raise AssertionError(f"does not get through: {self.outcomes}")

    def _is_open(self) -> bool:
        tenant = self.company.tenant.pk
        with tenant_scope(tenant):
            sending = JournalLine.objects.filter(tenant_id=tenant, state__in=["planned", "sending", "unclear"])
            answered = WorkReport.objects.filter(tenant_id=tenant).exclude(answer="")
            return sending.exists() or answered.exists()

    def storm(self) -> None:
        """Runs under faults, each of which strikes once."""
        for system, kind, values in STORM:
            getattr(self.company, system).faults.add(kind, times=1, nth=self.random.randint(1, 2), **values)
        kind, values = INSERTS[self.storms % len(INSERTS)]
        self.company.uniconta.faults.add(kind, times=1, method="POST", path=INSERT_LIST, **values)
        self.storms += 1
        for _ in range(8):
            if self.run().error_code == "":
                break
        self.calm()
        self.finish()

    def calm(self) -> None:
        for system in ("uniconta", "intempus"):
            faults = getattr(self.company, system).faults
            for rule in faults.rules():
                name = f"{system} {rule.kind}{f' {rule.status}' if rule.kind == 'status' else ''} {rule.method or ''}"
                self.fired[name.strip()] += rule.fired
            faults.clear()

    def killed(self, calls: int) -> None:
        """A run in a process of its own that gets SIGKILL at a random moment among its first so many calls."""
        ledgers = [self.company.uniconta.ledger, self.company.intempus.ledger]
        last = sum(ledger.last_seq for ledger in ledgers) + self.random.randint(1, calls)
        pause = self.random.random() * 0.05
        self.company.heal()
        connections.close_all()
        child = os.fork()
        if child == 0:  # pragma: no cover
            try:
                hours(self.company.tenant.pk)
            finally:
                os._exit(0)
        while sum(ledger.last_seq for ledger in ledgers) < last:
            if os.waitpid(child, os.WNOHANG)[0]:
                self.outcomes["ended before the kill"] += 1
                return
            time.sleep(0.002)
        time.sleep(pause)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        self.outcomes["killed" if os.WIFSIGNALED(status) else "ended before the kill"] += 1

    def a_month_passes(self) -> None:
        tenant = self.company.tenant.pk
        with tenant_scope(tenant):
            month = timedelta(days=31)
            ReportCursor.objects.filter(tenant_id=tenant).update(everything_read_at=F("everything_read_at") - month)
            for cursor in Cursor.objects.filter(tenant_id=tenant):
                Cursor.objects.filter(pk=cursor.pk).update(trail=[[0, cursor.value]])

    def said(self) -> dict[int, tuple[str, str, frozenset[str]]]:
        with tenant_scope(self.company.tenant.pk):
            rows = WorkReport.objects.filter(tenant=self.company.tenant).values_list(
                "intempus_id", "state", "reason", "problems"
            )
            return {
                int(number): (state, reason, frozenset(code for code, _ in problems))
                for number, state, reason, problems in rows
            }


@pytest.fixture
def year_world(transactional_db, settings, monkeypatch):
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.UNCLEAR_WAIT_SECONDS = 0
    settings.RUN_SILENT_SECONDS = 2
    settings.LEASE_SECONDS = 3
    # What is unkind to the platform and does not only slow it down.
    erp = uniconta.UnicontaSimulator(
        seed=SEED,
        switches={
            "insert_list_all_or_nothing": False,
            "insert_list_answers_empty": True,
            "line_text_truncated": False,
            "blocked_projects_refused": True,
            "blocked_journals_refused": True,
            "closed_periods_refused": True,
        },
    )
    times = intempus.IntempusSimulator(
        seed=SEED,
        switches={"approved_reports_editable": True, "calls_per_minute": 1_000_000, "calls_per_day": 10_000_000},
    )
    erp.switches.slow_after_calls = 10_000_000
    with serve(erp) as erp_server, serve(times) as times_server:
        world = World(erp, times, {"uniconta": erp_server.url, "intempus": times_server.url}, False)
        world.nordbyg = world.found_company("nordbyg", 4242, 61001, cvr="25313763")
        world.havnen = world.found_company("havnen", 4343, 61002, cvr="32842809")
        for company in world.companies:  # nobody listens here
            for row in erp.rows(company.number, "TableChangeEvent"):
                erp.person_deletes(company.number, "TableChangeEvent", row["RowId"])
        yield world


@pytest.fixture
def calendar(monkeypatch, year_world):
    """Sets the day; hours are judged by the day, everything else by the clock."""
    today = [date(YEAR, 1, 1)]
    real = timezone.localdate
    monkeypatch.setattr(
        "django.utils.timezone.localdate", lambda value=None, zone=None: real(value, zone) if value else today[0]
    )

    def turn(day: date) -> None:
        today[0] = day
        year_world.intempus.clock.set(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))

    return turn


def month_by_month(year: Year, platform: Platform, turn: Any) -> None:
    firm = year.firm
    for month in range(1, MONTHS + 1):
        turn(date(YEAR, month, 28))
        if month > 1:
            platform.a_month_passes()
        if month in MENDED:
            firm.mend(MENDED[month])
        year.intempus.switches.approval_moves_timestamp = month % 2 == 1
        if month in (3, 9):
            firm.edit("ProjectJournal", JOURNAL, Blocked=True)
        year.register(month)
        year.approve(month, 0.6)
        platform.killed(FIRST_CALLS) if month % 3 == 1 or IS_WHOLE else platform.run()
        if month in (3, 9):
            firm.edit("ProjectJournal", JOURNAL, Blocked=False)
        year.change(month)
        year.lose_lines()
        platform.finish()
        # Answers are carried out by the run that is killed, or by the one under faults.
        is_killed = IS_WHOLE and month % 2 == 0
        if is_killed or not IS_WHOLE:
            year.answer()
        year.approve(month)
        platform.killed(FIRST_CALLS) if IS_WHOLE else None
        if IS_WHOLE and not is_killed:
            year.answer()
        platform.storm() if month % 3 == 2 or IS_WHOLE else platform.finish()
        year.post()
        if month > 2:
            firm.close(str(date(YEAR, month - 1, 1) - timedelta(days=1)))
        if month in (6, 11):
            first_open_day(firm, platform)


def first_open_day(firm: Firm, platform: Platform) -> None:
    """For once the late ones are booked on the first open day."""
    firm.first_open_days.add(str(date.fromisoformat(firm.closed_until) + timedelta(days=1)))
    firm.set_up(closed_dates="first_open_day")
    platform.finish()
    firm.set_up(closed_dates="hold")


def close_the_year(year: Year, platform: Platform, turn: Any) -> None:
    """Everything is read, and everybody answers, until nobody is asked any more."""
    turn(date(YEAR, 12, 31))
    for month in sorted(year.late):
        year.approve(month)
    platform.a_month_passes()
    for _ in range(8):
        platform.finish()
        if not year.answer(leaving=False):
            break
        platform.a_month_passes()
    year.post()
    platform.finish()


@pytest.mark.slow
def test_a_year(year_world, calendar):
    began, cpu = time.monotonic(), time.process_time()
    other = Desk(year_world.havnen)
    other.approve(other.report("3"))
    other.run()
    untouched = other.lines()
    year = Year(Firm(year_world.nordbyg, EMPLOYEES), SEED, DAYS, ALTERED)
    platform = Platform(year_world.nordbyg, Random(f"{SEED}/platform"))
    month_by_month(year, platform, calendar)
    close_the_year(year, platform, calendar)

    calculation = Calculation(year, platform.said())
    wrong = calculation.run()
    with tenant_scope(platform.company.tenant.pk):
        check = check_hours(Span(platform.company.tenant.pk, date(YEAR - 1, 12, 1), date(YEAR, 12, 31)))
    checked = {
        (employee.id, unit): [int(100 * amount.ready), int(100 * amount.transferred)]
        for (employee, unit), amount in check.by_employee.items()
    }
    figures = {
        "seed": SEED,
        "employees": EMPLOYEES,
        "months": MONTHS,
        "reports": len(year.created),
        "people": dict(sorted(year.acts.items())),
        "answers": dict(sorted(year.answers.items())),
        "runs": dict(sorted(platform.outcomes.items())),
        "faults": dict(sorted(platform.fired.items())),
        "calculation": dict(sorted(calculation.counts.items())),
        "hours_check": {"open": check.open_count, "units": len(check.by_unit)},
        "wrong": len(wrong),
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(time.process_time() - cpu),
    }
    folder = Path(django_settings.BASE_DIR, "var")
    folder.mkdir(exist_ok=True)
    (folder / "year.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert wrong[:20] == []
    assert {key: both for key, both in checked.items() if any(both)} == {
        key: both for key, both in calculation.due.items() if any(both)
    }
    assert platform.outcomes["killed"] >= 1
    assert MONTHS < 12 or all(platform.fired.values()), platform.fired
    # A shorter year is for looking at one thing.
    assert MONTHS < 12 or len(platform.fired) == len(STORM) + len(INSERTS), platform.fired
    assert other.lines() == untouched
