"""How long a breaker is open: the database says so, for whoever reads it by whatever clock."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mappings.spec import System
from sync.connectors.errors import RetryLater
from sync.domain.connections import NotReadyError, Recorder, open_connectors, report_success, report_trouble
from sync.domain.context import database_now
from tenants.models import Connection, RemoteHost, Tenant
from tenants.scoping import tenant_scope
from tests.factories import make_connections, make_tenant

pytestmark = pytest.mark.django_db

OUTAGE = RetryLater("server_error")


def two_companies() -> tuple[Tenant, Tenant]:
    tenants = make_tenant("nordbyg"), make_tenant("havnen")
    for tenant, company in zip(tenants, ("4242", "4343"), strict=True):
        make_connections(tenant, state="working", company_id=company, pinned_company_id=company)
    return tenants


def is_served(tenant: Tenant) -> bool:
    try:
        open_connectors(tenant.pk, Recorder(tenant.pk))
    except NotReadyError as error:
        return error.code != "breaker_open"
    return True


def test_one_companys_outages_are_not_its_hosts() -> None:
    """Of a company that never failed a success used to say nothing, so one that hung paused everybody in the end."""
    hung, other = two_companies()
    for _ in range(12):
        report_trouble(hung.pk, System.UNICONTA, OUTAGE)
        report_success(other.pk, *System)
    assert not is_served(hung)
    assert is_served(other)


def test_after_a_hosts_pause_one_company_tries_and_the_others_wait_for_it() -> None:
    first, second = two_companies()
    for _ in range(14):  # the last five were under way when the breaker opened
        report_trouble(first.pk, System.UNICONTA, OUTAGE)
    host = RemoteHost.objects.get()
    assert host.open_until is not None
    assert host.open_until <= database_now() + timedelta(seconds=5)
    assert host.down_since is not None
    assert not is_served(second)

    over = database_now() - timedelta(seconds=1)
    with tenant_scope(first.pk):
        Connection.objects.filter(tenant=first).update(open_until=over)
    RemoteHost.objects.update(open_until=over)
    assert is_served(second)
    assert not is_served(first)

    report_trouble(second.pk, System.UNICONTA, OUTAGE)  # nor does it answer
    RemoteHost.objects.update(open_until=over)
    assert is_served(second) is False  # its own breaker is open as well, and the trial is not used up
    with tenant_scope(second.pk):
        Connection.objects.filter(tenant=second).update(open_until=over)
    assert is_served(second)
    report_success(second.pk, *System)
    assert is_served(first)
    assert RemoteHost.objects.values_list("failure_count", "open_until", "down_since").get() == (0, None, None)


@pytest.mark.parametrize("hours_apart", [-1, 1])
def test_a_pause_of_seconds_is_one_though_our_clock_is_an_hour_off(hours_apart: int) -> None:
    """An hour ahead, the first outage kept a company waiting for that hour: drains ask the database whether it is over."""
    tenant, other = make_tenant("nordbyg"), make_tenant("havnen")
    for each, company in ((tenant, "4242"), (other, "4343")):
        make_connections(each, state="working", company_id=company, pinned_company_id=company)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours_apart), tick=True):
        due_at = report_trouble(tenant.pk, System.UNICONTA, RetryLater("server_error", after=30))
        with pytest.raises(NotReadyError, match="breaker_open"):
            open_connectors(tenant.pk, Recorder(tenant.pk))
        open_connectors(other.pk, Recorder(other.pk))
    assert due_at is not None
    assert timedelta(seconds=20) < due_at - database_now() <= timedelta(seconds=30)
    with tenant_scope(other.pk):
        assert Connection.objects.get(tenant=other, system="uniconta").open_until is None
