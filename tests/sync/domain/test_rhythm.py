"""Change URLs that fall silent while checks go on finding changes are said to be silent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sync.domain.rhythm import hooks_of
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_link, make_policy, make_tenant

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def tenant():
    """A company whose checks found three changes an hour ago; another one beside it, with calls."""
    for slug in ("havnen", "nordbyg"):
        tenant = make_tenant(slug)
        make_policy(tenant, loaded_at=NOW - timedelta(days=30))
        for number in range(3):
            link = make_link(tenant, uniconta_id=str(number))
            make_event(tenant, origin="sweep", link=link, received_at=NOW - timedelta(hours=1))
    with tenant_scope(ALL):
        make_event(type(tenant).objects.get(slug="havnen"), received_at=NOW - timedelta(hours=2))
    return tenant


def hooks(tenant):
    with tenant_scope(ALL):
        return hooks_of([tenant.pk])[tenant.pk]


def test_no_call_though_changes_were_found_is_silence(tenant):
    make_event(tenant, received_at=NOW - timedelta(hours=30))
    assert (hooks(tenant).is_silent, hooks(tenant).call_count, hooks(tenant).found_count) == (True, 0, 3)
    assert hooks(tenant).last_at == NOW - timedelta(hours=30)


def test_one_call_breaks_the_silence(tenant):
    make_event(tenant, received_at=NOW - timedelta(hours=23))
    assert not hooks(tenant).is_silent


def test_the_first_load_says_nothing_about_change_urls(tenant):
    with tenant_scope(tenant.pk):
        tenant.policies.update(loaded_at=NOW - timedelta(minutes=125))
    assert hooks(tenant).found_count == 3
    with tenant_scope(tenant.pk):
        tenant.policies.update(loaded_at=NOW - timedelta(minutes=100))
    assert not hooks(tenant).is_silent


def test_nothing_to_announce_is_no_silence():
    tenant = make_tenant("stille")
    make_policy(tenant, loaded_at=NOW - timedelta(days=30))
    assert hooks(tenant) == hooks(tenant).__class__(None, 0, 0)
