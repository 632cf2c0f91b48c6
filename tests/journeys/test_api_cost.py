"""What a steady company costs in remote calls, as docs/api-calls.md says: counted by the simulators themselves."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from sync import tasks
from sync.domain.schedules import DAY, KINDS, minutes_of
from sync.models import ChangeEvent
from tenants.scoping import tenant_scope

pytestmark = pytest.mark.one_profile

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
