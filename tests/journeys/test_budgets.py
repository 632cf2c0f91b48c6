"""What a log-in may call in a day: counted by cause, and what is not urgent waits when little is left."""

import pytest

from sync.domain.budgets import count_calls, login_of
from sync.domain.drain import drain
from sync.domain.pull import pull
from sync.domain.sweep import sweep
from sync.models import CallCount, ChangeEvent, Run
from tenants.models import Connection
from tenants.scoping import ALL, tenant_scope

pytestmark = pytest.mark.one_profile

Cause = CallCount.Cause


def counted(company, system):
    connection = company.connection(system)
    with tenant_scope(ALL):
        rows = CallCount.objects.filter(username=connection.username).order_by("cause")
        return {row.cause: row.count for row in rows}


def calls(company, system, since=0):
    """What the simulator saw of this company's log-in."""
    user = company.connection(system).username
    return len([call for call in getattr(company, system).ledger.calls(since=since) if call.user and user in call.user])


def allow(company, system, share):
    """As if an agreement with the remote system made what was called today this part of a day's calls."""
    connection = company.connection(system)
    limit = round(sum(counted(company, system).values()) / share)
    with tenant_scope(company.tenant.pk):
        Connection.objects.filter(pk=connection.pk).update(calls_per_day=limit)


def use_up(company, system):
    """Many calls more of this log-in, by another company that shares it."""
    with tenant_scope(company.tenant.pk):
        count_calls(system, login_of(company.connection(system)), Cause.PERSON, 100_000)


def waiting(company):
    return [(event.origin, event.error_code) for event in company.events(state=ChangeEvent.State.PENDING)]


def test_every_call_is_counted_once_by_its_cause(world):
    world.nordbyg.debtor("1001")
    world.nordbyg.settle()
    world.nordbyg.sweep()
    for company in world.companies:
        for system in ("uniconta", "intempus"):
            assert sum(counted(company, system).values()) == calls(company, system)
    assert counted(world.nordbyg, "uniconta").keys() == {Cause.PERSON, Cause.WEBHOOK, Cause.SWEEP}  # person: the test
    assert counted(world.havnen, "uniconta").keys() == {Cause.PERSON}


@pytest.mark.parametrize("system", ["uniconta", "intempus"])
def test_from_four_fifths_on_checks_wait_and_changes_go_on(world, system):
    row_id = world.nordbyg.debtor("1001")
    world.nordbyg.settle()
    use_up(world.nordbyg, system)
    allow(world.nordbyg, system, 0.85)
    run = sweep(world.nordbyg.tenant.pk)
    assert (run.state, run.error_code) == (Run.State.FAILED, "budget_low")
    assert sweep(world.havnen.tenant.pk).state == Run.State.DONE  # another log-in
    assert pull(world.nordbyg.tenant.pk).state == Run.State.DONE
    world.nordbyg.edit(row_id, City="Odense")
    world.nordbyg.settle()
    assert world.nordbyg.customer_by_number("1001")["city"] == "Odense"
    allow(world.nordbyg, system, 0.01)


def test_from_nineteen_twentieths_on_only_people_and_change_urls_are_served(world):
    row_id = world.nordbyg.debtor("1001")
    world.nordbyg.settle()
    use_up(world.nordbyg, "uniconta")
    allow(world.nordbyg, "uniconta", 0.97)
    run = pull(world.nordbyg.tenant.pk)
    assert (run.state, run.error_code) == (Run.State.FAILED, "budget_low")
    world.nordbyg.edit(row_id, City="Odense")
    world.nordbyg.settle()
    assert world.nordbyg.customer_by_number("1001")["city"] == "Odense"
    allow(world.nordbyg, "uniconta", 0.01)


def test_a_backlog_sleeps_until_there_are_calls_again(world):
    world.uniconta.switches.webhook_drop_probability = 1.0
    world.nordbyg.debtor("1001")
    sweep(world.nordbyg.tenant.pk)
    use_up(world.nordbyg, "uniconta")
    allow(world.nordbyg, "uniconta", 0.85)
    before = calls(world.nordbyg, "uniconta")
    drain(world.nordbyg.tenant.pk)
    assert set(waiting(world.nordbyg)) == {("sweep", "budget_low")}
    assert drain(world.nordbyg.tenant.pk) == 0  # it sleeps
    assert calls(world.nordbyg, "uniconta") == before
    allow(world.nordbyg, "uniconta", 0.01)
    world.nordbyg.settle()
    assert world.nordbyg.customer_by_number("1001")["name"] == "Kunde 1001"
