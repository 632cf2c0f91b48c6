"""Who may do what. The table in `tenants.roles` is written out here once more, on purpose."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.models import Membership
from tenants.roles import Right, has_right, visible_tenants
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db

MAY = {
    "customer": {"view", "retry", "answer_hours"},
    "bookkeeper": {"view", "retry", "fetch_hours", "answer_hours"},
    "auditor": {"view", "audit"},
    "support": {"view", "retry", "operate", "fetch_hours"},
    "consultant": {"view", "retry", "operate", "fetch_hours", "answer_hours", "configure", "reveal", "audit"},
}


def test_every_role_is_covered():
    assert set(Membership.Role.values) == set(MAY)


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("role", list(MAY))
def test_what_a_role_may_in_its_own_company_and_nowhere_else(role, right):
    mine, theirs = make_tenant(), make_tenant()
    user = make_user("", role, mine)
    assert has_right(user, right, mine.pk) is (right in MAY[role])
    assert has_right(user, right) is (right in MAY[role])
    assert has_right(user, right, theirs.pk) is False


def test_roles_in_two_companies_do_not_mix():
    one, other = make_tenant(), make_tenant()
    user = make_user("", "customer", one)
    with tenant_scope(ALL):
        Membership.objects.create(user=user, tenant=other, role="consultant")
    assert not has_right(user, Right.CONFIGURE, one.pk)
    assert has_right(user, Right.CONFIGURE, other.pk)
    assert visible_tenants(user) == sorted([one.pk, other.pk])


def test_a_superuser_needs_no_membership():
    tenant = make_tenant()
    user = make_user(is_superuser=True)
    assert visible_tenants(user) == ALL
    assert all(has_right(user, right, tenant.pk) for right in Right)


def test_without_membership_nothing_is_visible_or_allowed():
    tenant = make_tenant()
    for user in (make_user(), AnonymousUser()):
        assert visible_tenants(user) == []
        assert not any(has_right(user, right, tenant.pk) for right in Right)
        assert not any(has_right(user, right) for right in Right)


@pytest.mark.parametrize("values", [{"role": "consultant"}, {"is_superuser": True}])
def test_somebody_who_left_may_nothing(values):
    tenant = make_tenant()
    user = make_user("", values.pop("role", ""), *([] if "is_superuser" in values else [tenant]), **values)
    user.is_active = False
    assert not any(has_right(user, right, tenant.pk) for right in Right)


def test_a_person_has_one_role_per_company():
    tenant = make_tenant()
    user = make_user("", "support", tenant)
    with tenant_scope(ALL), pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=user, tenant=tenant, role="consultant")


@pytest.mark.parametrize(("days", "holds"), [(None, True), (1, True), (0, True), (-1, False)])
def test_a_membership_holds_until_the_end_of_its_last_day(days, holds):
    tenant = make_tenant()
    user = make_user("", "auditor", tenant)
    with tenant_scope(ALL):
        until = None if days is None else timezone.localdate() + timedelta(days=days)
        Membership.objects.update(until=until)
    assert has_right(user, Right.VIEW, tenant.pk) is holds
    assert visible_tenants(user) == ([tenant.pk] if holds else [])
