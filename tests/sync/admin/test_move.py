"""*Move company*: only who configures, only with the name typed, and nothing before that."""

import pytest
from django.urls import reverse

from tenants.models import AuditEntry, Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.sync.admin.conftest import all_rows
from tests.sync.admin.test_buttons import MAY_CONFIGURE


def url(ours, system="uniconta"):
    return reverse("admin:tenants_tenant_move", args=[ours.tenant.pk, system])


def pinned(ours):
    with tenant_scope(ALL):
        return Connection.objects.get(tenant=ours.tenant, system="uniconta").pinned_company_id


@pytest.fixture(autouse=True)
def tested(ours):
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=ours.tenant, system="uniconta").update(pinned_company_id="4242")


@pytest.mark.parametrize("role", MAY_CONFIGURE)
def test_who_may_move(ours, as_role, role):
    client = as_role(role)
    allowed = MAY_CONFIGURE[role]
    assert client.get(url(ours)).status_code == (200 if allowed else 403)
    assert client.post(url(ours), {"slug": ours.tenant.slug}).status_code == (302 if allowed else 403)
    assert pinned(ours) == ("" if allowed else "4242")
    assert ("company_moved" in [entry.action for entry in all_rows(AuditEntry)]) is allowed


def test_the_name_must_be_typed(ours, as_role):
    response = as_role("consultant").post(url(ours), {"slug": "noget andet"})
    assert "Type the short name" in response.content.decode()
    assert pinned(ours) == "4242"
    with tenant_scope(ALL):
        assert Tenant.objects.get(pk=ours.tenant.pk).state == "live"


def test_a_system_that_is_none_is_not_found(ours, as_role):
    assert as_role("consultant").get(url(ours, "andet")).status_code == 404
