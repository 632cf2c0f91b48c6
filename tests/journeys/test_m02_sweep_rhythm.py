"""M2: the sweep heals what no change URL call announced; how often it reads depends on whether the calls prove themselves."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mappings.models import EntityPolicy
from sync import tasks
from sync.domain import actions
from sync.models import ChangeEvent, Cursor, Run
from tenants.scoping import tenant_scope
from tests.factories import make_event
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


def age(company: Company, minutes: int) -> None:
    """As if the tables had last been read so long ago; they are heard of still."""
    with tenant_scope(company.tenant.pk):
        Cursor.objects.filter(tenant=company.tenant).update(swept_at=timezone.now() - timedelta(minutes=minutes))


def tables_read(company: Company, action: object) -> list[str]:
    """The tables of Uniconta that are read whole meanwhile."""
    since = company.uniconta.ledger.last_seq
    action()  # type: ignore[operator]
    user = company.connection("uniconta").username
    paths = [call.path for call in company.uniconta.ledger.calls("GET", since=since) if user in str(call.user)]
    return sorted({path.rpartition("/")[2].removesuffix("ClientUser") for path in paths} - {"CompanyClient"})


def tick(company: Company) -> list[str]:
    return tables_read(company, lambda: tasks.sweep(company.tenant.pk))


def quiet_run_count(company: Company) -> int:
    with tenant_scope(company.tenant.pk):
        return Run.objects.filter(tenant=company.tenant, kind=Run.Kind.SWEEP).count()


@pytest.fixture
def proven(world: World) -> Company:
    """Change URL calls come, and a first load is a day old. The other company has none."""
    for company in world.companies:
        company.debtor("1001")
        company.settle()
        company.both()
        with tenant_scope(company.tenant.pk):
            EntityPolicy.objects.update(loaded_at=timezone.now() - timedelta(days=3))
            ChangeEvent.objects.exclude(origin=ChangeEvent.Origin.WEBHOOK).delete()
    with tenant_scope(world.havnen.tenant.pk):
        ChangeEvent.objects.filter(tenant=world.havnen.tenant).delete()
    return world.nordbyg


def test_tables_are_read_once_an_hour_while_calls_come(world: World, proven: Company) -> None:
    before = quiet_run_count(proven)
    for minutes, expected in ((15, []), (45, []), (60, ["Debtor", "DebtorGroup"])):
        age(proven, minutes)
        assert tick(proven) == expected
    assert quiet_run_count(proven) == before + 1
    age(world.havnen, 15)
    assert tick(world.havnen) == ["Debtor", "DebtorGroup"]


def test_calls_that_ended_a_week_ago_prove_nothing(proven: Company) -> None:
    with tenant_scope(proven.tenant.pk):
        ChangeEvent.objects.update(received_at=timezone.now() - timedelta(days=8))
    age(proven, 15)
    assert tick(proven) == ["Debtor", "DebtorGroup"]


def test_an_unannounced_change_brings_its_table_back_to_every_tick(world: World, proven: Company) -> None:
    world.uniconta.switches.webhook_drop_probability = 1.0
    proven.edit(int(proven.link(entity="customer").uniconta_id), City="Assens")
    age(proven, 60)
    assert tick(proven) == ["Debtor", "DebtorGroup"]
    proven.settle()
    assert proven.customers()[0]["city"] == "Assens"
    age(proven, 15)
    assert tick(proven) == ["Debtor"]
    with tenant_scope(proven.tenant.pk):
        events = ChangeEvent.objects.filter(tenant=proven.tenant)
        for origin, hours in ((ChangeEvent.Origin.SWEEP, 25), (ChangeEvent.Origin.WEBHOOK, 26)):
            events.filter(origin=origin).update(received_at=timezone.now() - timedelta(hours=hours))
    age(proven, 15)
    assert tick(proven) == ["Debtor"]  # a day alone proves nothing: the call is still to come
    world.uniconta.switches.webhook_drop_probability = 0.0
    proven.edit(int(proven.link(entity="customer").uniconta_id), City="Middelfart")
    proven.settle()
    age(proven, 15)
    assert tick(proven) == []


@pytest.mark.parametrize(("sweep_minutes", "expected"), [(40, True), (50, True), (25, False), (20, False)])
def test_an_unusual_interval_stretches_no_read_beyond_the_hour(
    proven: Company, sweep_minutes: int, expected: bool
) -> None:
    proven.update(sweep_minutes=sweep_minutes)
    age(proven, sweep_minutes)
    assert tick(proven) == (["Debtor", "DebtorGroup"] if expected else [])


def test_after_a_gap_every_table_is_read(proven: Company) -> None:
    """Calls during it are lost, whoever notices the gap first."""
    age(proven, 5)
    with tenant_scope(proven.tenant.pk):
        then = timezone.now() - timedelta(minutes=31)
        Cursor.objects.filter(tenant=proven.tenant).update(uniconta_read_at=then)
    proven.hint(int(proven.link(entity="customer").uniconta_id))
    proven.settle()
    assert tick(proven) == ["Debtor", "DebtorGroup"]


def test_after_a_gap_every_table_is_read_once(proven: Company) -> None:
    age(proven, 40)
    with tenant_scope(proven.tenant.pk):
        then = timezone.now() - timedelta(minutes=31)
        Cursor.objects.filter(tenant=proven.tenant).update(uniconta_read_at=then)
    assert tick(proven) == ["Debtor", "DebtorGroup"]
    assert tick(proven) == []


def heard_long_ago(company: Company, minutes: int) -> datetime:
    """As if nothing had been heard of Uniconta since; returns since when."""
    with tenant_scope(company.tenant.pk):
        then = timezone.now() - timedelta(minutes=minutes)
        Cursor.objects.filter(tenant=company.tenant).update(uniconta_read_at=then)
        events = ChangeEvent.objects.filter(tenant=company.tenant, received_at__gt=then)
        events.update(received_at=then)
    return then


def heard_at(company: Company) -> set[datetime | None]:
    with tenant_scope(company.tenant.pk):
        return set(Cursor.objects.filter(tenant=company.tenant).values_list("uniconta_read_at", flat=True))


def test_ticks_without_a_read_are_no_gap(proven: Company) -> None:
    """An edit on both sides after an hour of quiet ticks is Uniconta's, as always (M4). Uniconta was asked, and answered."""
    since = proven.uniconta.ledger.last_seq
    heard_long_ago(proven, 29)
    age(proven, 40)
    assert tick(proven) == []
    assert [call.path.rpartition("/")[2] for call in proven.uniconta.ledger.calls(since=since)] == ["CompanyClient"]
    assert min(at for at in heard_at(proven) if at) > timezone.now() - timedelta(minutes=1)


def test_a_call_that_came_is_what_was_heard(proven: Company) -> None:
    """No more than that, and nobody needs to be asked."""
    since = proven.uniconta.ledger.last_seq
    heard_long_ago(proven, 29)
    called_at = timezone.now() - timedelta(minutes=10)
    make_event(proven.tenant, state="done", received_at=called_at)
    age(proven, 40)
    assert tick(proven) == []
    assert heard_at(proven) == {called_at}
    assert proven.uniconta.ledger.calls(since=since) == []


def test_while_our_own_address_is_silent_every_table_is_read(world: World, proven: Company, settings: Any) -> None:
    """Calls cannot reach us then: what nobody heard must be read, or a gap would pass for quiet (M4)."""
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    heard_long_ago(proven, 29)
    age(proven, 20)
    other = heard_at(world.havnen)
    assert tick(proven) == ["Debtor", "DebtorGroup"]
    assert heard_at(world.havnen) == other


def test_a_quiet_tick_that_nobody_answers_is_not_heard(world: World, proven: Company) -> None:
    world.ends_well = False
    then = heard_long_ago(proven, 29)
    age(proven, 40)
    world.uniconta.faults.add("status", status=503, path="/4242/")
    before = quiet_run_count(proven)
    tick(proven)
    assert heard_at(proven) == {then}
    assert quiet_run_count(proven) == before + 1


def test_a_connection_that_is_not_used_is_not_heard(proven: Company) -> None:
    """However alive the change URLs are: what comes after the pause is a catch-up (M4)."""
    age(proven, 5)
    then = heard_long_ago(proven, 29)
    proven.press(actions.pause_connection, proven.connection("uniconta").pk)
    before = quiet_run_count(proven)
    assert tick(proven) == []
    assert quiet_run_count(proven) == before + 1
    assert heard_at(proven) == {then}


def test_a_person_who_asks_gets_everything_read(proven: Company) -> None:
    age(proven, 1)
    run = Run(tenant=proven.tenant, kind=Run.Kind.SWEEP)
    with tenant_scope(proven.tenant.pk):
        actions.start_run(run)
    assert tables_read(proven, lambda: tasks.sweep(proven.tenant.pk, run.pk)) == ["Debtor", "DebtorGroup"]
