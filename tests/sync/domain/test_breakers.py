"""How long a breaker is open: the database says so, for whoever reads it by whatever clock."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mappings.spec import System
from sync.connectors.errors import RetryLater
from sync.domain.connections import NotReadyError, Recorder, open_connectors, report_trouble
from sync.domain.context import database_now
from tenants.models import Connection
from tenants.scoping import tenant_scope
from tests.factories import make_connections, make_tenant

pytestmark = pytest.mark.django_db


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
