"""Change URLs that fall silent while checks go on finding changes are said to be silent, table by table."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sync.domain.rhythm import Calls, Hooks, hooks_of, is_due
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_link, make_policy, make_tenant

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


@pytest.fixture
def tenant():
    """A company whose checks found three changes an hour ago; another one beside it, with calls."""
    for slug in ("havnen", "nordbyg"):
        tenant = make_tenant(slug)
        make_policy(tenant, loaded_at=NOW - timedelta(days=30))
        find(tenant, "customer", NOW - HOUR)
    with tenant_scope(ALL):
        make_event(type(tenant).objects.get(slug="havnen"), received_at=NOW - 2 * HOUR)
    return tenant


def find(tenant, entity, at, count=3):
    for number in range(count):
        link = make_link(tenant, entity, uniconta_id=str(number))
        make_event(tenant, entity, origin="sweep", link=link, received_at=at)


def hooks(tenant):
    with tenant_scope(ALL):
        return hooks_of([tenant.pk])[tenant.pk]


def test_no_call_though_changes_were_found_is_silence(tenant):
    make_event(tenant, received_at=NOW - timedelta(hours=30))
    found = hooks(tenant)
    assert found.by_entity == {"customer": Calls(NOW - timedelta(hours=30), 0, NOW - HOUR, 3)}
    assert (found.silent, found.call_count, found.last_at) == (["customer"], 0, NOW - timedelta(hours=30))


def test_one_call_breaks_the_silence(tenant):
    make_event(tenant, received_at=NOW - timedelta(hours=23))
    assert hooks(tenant).silent == []


def test_a_dead_row_is_not_hidden_by_the_calls_of_another_table(tenant):
    make_policy(tenant, "product", loaded_at=NOW - timedelta(days=30))
    make_event(tenant, "product", received_at=NOW)
    found = hooks(tenant)
    assert (found.silent, found.missed, found.call_count) == (["customer"], ["customer"], 1)
    assert (found.sweep_every(tenant, "customer"), found.sweep_every(tenant, "product")) == (HOUR / 4, HOUR)
    assert found.sweep_every(tenant, "employee") == HOUR  # nothing happened there, neither way


def test_a_table_stays_at_every_check_until_a_call_of_its_own_comes(tenant):
    with tenant_scope(tenant.pk):
        tenant_events = type(make_event(tenant, "product", received_at=NOW)).objects.filter(tenant=tenant)
        tenant_events.filter(origin="sweep").update(received_at=NOW - timedelta(days=3))
    assert hooks(tenant).missed == ["customer"]
    make_event(tenant, "customer", received_at=NOW - timedelta(days=2))
    assert hooks(tenant).missed == []


def test_the_first_load_says_nothing_about_change_urls(tenant):
    with tenant_scope(tenant.pk):
        tenant.policies.update(loaded_at=NOW - timedelta(minutes=121))
    assert hooks(tenant).by_entity["customer"].found_count == 3
    with tenant_scope(tenant.pk):
        tenant.policies.update(loaded_at=NOW - timedelta(minutes=100))
    assert hooks(tenant).by_entity == {}


def test_another_entitys_first_load_hides_nothing(tenant):
    make_policy(tenant, "product", loaded_at=NOW - timedelta(minutes=100))
    for entity in ("product", "product_group", "customer_group"):
        find(tenant, entity, NOW - HOUR)
    found = hooks(tenant)
    assert {entity: calls.found_count for entity, calls in found.by_entity.items()} == {
        "customer": 3,
        "customer_group": 3,  # loaded with the customers, long ago; the groups of products just now
    }


def test_nothing_to_announce_is_no_silence():
    tenant = make_tenant("stille")
    make_policy(tenant, loaded_at=NOW - timedelta(days=30))
    assert hooks(tenant) == Hooks()


@pytest.mark.parametrize("every", [1, 15, 60])
def test_no_two_reads_are_further_apart_than_promised_whatever_the_interval(every):
    """Minutes between ticks, 1 to 90: the promise is met to the minute, and where a tick is due at it, not early."""
    for tick in range(1, 91):
        read_at, gaps = NOW, set()
        for number in range(1, 200):
            now = NOW + timedelta(minutes=number * tick)
            if is_due(read_at, timedelta(minutes=every), timedelta(minutes=tick), now):
                gaps.add((now - read_at) // timedelta(minutes=1))
                read_at = now
        assert max(gaps) <= max(every + 1, tick)
        if every % tick == 0:
            assert gaps == {every}
