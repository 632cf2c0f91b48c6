"""Where a pull restarts, and when it reads everything."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mappings.models import FieldRule
from sync.domain.pull import OVERLAP, _is_complete_due, _remapped, restart
from sync.domain.pull import advance as store_position
from sync.models import Cursor, Run
from tenants.models import Tenant
from tenants.scoping import tenant_scope
from tests.factories import make_run, make_tenant

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def advance(cursor: Cursor, value: int, minutes: float) -> int:
    """Store a reading position and say where a pull at that moment would have restarted."""
    now = NOW + timedelta(minutes=minutes)
    start = restart(cursor)
    store_position(cursor.tenant_id, cursor, value, now)
    with tenant_scope(cursor.tenant_id):
        cursor.refresh_from_db()
    return start


def test_the_restart_lies_minutes_behind_the_newest_stamp() -> None:
    tenant = make_tenant()
    with tenant_scope(tenant.pk):
        cursor = Cursor.objects.create(tenant=tenant, entity="customer")
    starts = [advance(cursor, value, minute) for minute, value in enumerate((100, 200, 300, 400, 500, 600, 700, 800))]
    #   at minute 0 nothing is known; until minute 6 the first stamp; then the one from five minutes before the last reading
    assert starts == [0, 100, 100, 100, 100, 100, 100, 200]
    assert cursor.value == 800
    #   what had not committed at minute 7 may lie below what was read then, whenever the next reading is
    assert advance(cursor, 900, 60) == 300
    assert len(cursor.trail) == 2
    assert advance(cursor, 850, 61) == 800  # a lower stamp never moves the cursor back
    assert cursor.value == 900


def pulled(tenant: Tenant, ago: timedelta, **values: Any) -> Run:
    values = {"state": "done", "result": {"is_complete": True}} | values
    return make_run(tenant, started_at=timezone.now() - ago, **values)


def is_complete_due(tenant: Tenant) -> bool:
    with tenant_scope(tenant.pk):
        return _is_complete_due(tenant.pk)


def remapped(tenant: Tenant) -> set[str]:
    with tenant_scope(tenant.pk):
        return _remapped(tenant.pk)


def test_when_everything_is_read() -> None:
    tenant, other = make_tenant(), make_tenant()
    pulled(other, timedelta(minutes=1))
    assert is_complete_due(tenant)  # never before
    pulled(tenant, timedelta(minutes=1), state="failed")
    assert is_complete_due(tenant)
    first = pulled(tenant, timedelta(minutes=1))
    assert not is_complete_due(tenant)
    with tenant_scope(tenant.pk):
        Run.objects.filter(pk=first.pk).update(started_at=timezone.now() - OVERLAP)
    assert is_complete_due(tenant)  # what committed late behind the very first reading
    pulled(tenant, timedelta(minutes=1))
    assert not is_complete_due(tenant)
    with tenant_scope(tenant.pk):
        Run.objects.filter(tenant=tenant).update(started_at=timezone.now() - timedelta(hours=25))
    assert is_complete_due(tenant)


def test_an_entity_is_read_whole_after_its_mapping_changed() -> None:
    """That entity alone, of that company alone."""
    tenant, other = make_tenant(), make_tenant()
    for each in (tenant, other):
        pulled(each, timedelta(minutes=1))
        assert remapped(each) == set()
    with tenant_scope(tenant.pk):
        FieldRule.objects.create(tenant=tenant, entity="customer", attribute="x", is_off=True)
    assert (remapped(tenant), remapped(other)) == ({"customer"}, set())
    pulled(tenant, timedelta(0), result={"is_complete": False, "remapped": ["product"]})
    assert remapped(tenant) == {"customer"}
    pulled(tenant, timedelta(0), result={"is_complete": False, "remapped": ["customer"]})
    assert remapped(tenant) == set()
