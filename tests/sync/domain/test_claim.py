"""What is taken together with a record in hand: all that is pending for it, and nothing of others."""

import uuid

import pytest

from sync.domain.claim import take_for
from sync.domain.doorbell import Lease
from sync.models import ChangeEvent
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_link, make_tenant

pytestmark = pytest.mark.django_db


def test_everything_pending_for_a_record_is_claimed():
    tenant, other = make_tenant(), make_tenant()
    ids = {"uniconta_id": "7", "intempus_id": "9"}
    link, _ = make_link(tenant, **ids), make_link(other, **ids)
    group = make_link(tenant, "customer_group", **ids)
    mine = [
        make_event(tenant, remote_id="7", link=link, priority=ChangeEvent.Priority.BACKFILL),
        make_event(tenant, remote_id="7"),  # by its record id only
        make_event(tenant, system="intempus", remote_id="9", priority=ChangeEvent.Priority.PERSON),
    ]
    for owner, values in (
        (tenant, {"remote_id": "9"}),  # the other system's number
        (tenant, {"remote_id": "7", "system": "intempus"}),
        (tenant, {"remote_id": "7", "state": ChangeEvent.State.WAITING}),
        (tenant, {"remote_id": "7", "link": link, "state": ChangeEvent.State.DONE}),
        (tenant, {"remote_id": ""}),
        (tenant, {"remote_id": "7", "link": group, "entity": "customer_group"}),
        (tenant, {"remote_id": "7", "entity": "customer_group"}),
        (other, {"remote_id": "7"}),
    ):
        make_event(owner, **values)
    lease = Lease(tenant.pk, uuid.uuid4(), 0.0)
    with tenant_scope(tenant.pk):
        taken = take_for(lease, [link.pk])
        assert take_for(lease, [link.pk]) == take_for(lease, []) == []
    assert [event.pk for event in taken] == [mine[2].pk, mine[1].pk, mine[0].pk]
    assert {(event.link_id, event.state, event.claim, event.crashes) for event in taken} == {
        (link.pk, "claimed", lease.token, 1)
    }
    with tenant_scope(ALL):
        assert set(ChangeEvent.objects.filter(state="claimed").values_list("pk", flat=True)) == {e.pk for e in mine}


def test_half_records_do_not_attract_hints_without_a_number():
    tenant = make_tenant()
    link = make_link(tenant, uniconta_id="", intempus_id="9")
    make_event(tenant, remote_id="")
    with tenant_scope(tenant.pk):
        assert take_for(Lease(tenant.pk, uuid.uuid4(), 0.0), [link.pk]) == []
