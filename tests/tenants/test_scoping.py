"""`tenant_scope`: what is visible inside, that nothing is outside, and that it ends with its block."""

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.models import Tenant
from tenants.scoping import ALL, is_scoped, tenant_scope
from tests.factories import make_tenant

pytestmark = pytest.mark.django_db


def slugs() -> list[str]:
    return sorted(Tenant.objects.values_list("slug", flat=True))


@pytest.fixture
def pair() -> tuple[Tenant, Tenant]:
    return make_tenant("alfa"), make_tenant("beta")


def test_outside_a_scope_nothing_is_visible(pair):
    assert slugs() == []
    assert not is_scoped()


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        (lambda a, b: a.pk, ["alfa"]),
        (lambda a, b: b.pk, ["beta"]),
        (lambda a, b: [a.pk, b.pk], ["alfa", "beta"]),
        (lambda a, b: ALL, ["alfa", "beta"]),
        (lambda a, b: [], []),
        (lambda a, b: 0, []),
    ],
)
def test_a_scope_shows_its_tenants_only(pair, named, seen):
    with tenant_scope(named(*pair)):
        assert is_scoped()
        assert slugs() == seen
    assert slugs() == []


@pytest.mark.parametrize("text", ["", "1", "alfa", "*,1", "1 OR 1=1"])
def test_text_other_than_all_is_refused(text):
    with pytest.raises(ValueError, match="ids or ALL"), tenant_scope(text):
        pass


def test_an_inner_scope_replaces_the_outer_one_and_gives_it_back(pair):
    alfa, beta = pair
    with tenant_scope(alfa.pk):
        with tenant_scope(beta.pk):
            assert slugs() == ["beta"]
        assert slugs() == ["alfa"]
        with tenant_scope(ALL):
            assert slugs() == ["alfa", "beta"]
        assert slugs() == ["alfa"]


def test_an_error_in_an_inner_scope_gives_the_outer_one_back(pair):
    alfa, beta = pair
    with tenant_scope(alfa.pk):
        with pytest.raises(RuntimeError), tenant_scope(beta.pk):
            raise RuntimeError
        assert slugs() == ["alfa"]
        assert is_scoped()
    assert slugs() == []


def test_an_error_undoes_what_the_scope_wrote(pair):
    alfa, _ = pair

    def half() -> None:
        with tenant_scope(alfa.pk):
            Tenant.objects.filter(pk=alfa.pk).update(name="half done")
            Tenant.objects.create(slug="alfa", name="the same slug twice")

    with pytest.raises(DatabaseError):
        half()
    with tenant_scope(alfa.pk):
        assert Tenant.objects.get().name != "half done"


def test_a_scope_inside_the_same_one_costs_a_savepoint_and_no_more(pair, django_assert_num_queries):
    alfa, _ = pair
    with tenant_scope(alfa.pk):
        with django_assert_num_queries(3), tenant_scope(alfa.pk):  # SAVEPOINT, what it is for, RELEASE
            assert slugs() == ["alfa"]
        assert slugs() == ["alfa"]
        with tenant_scope(ALL), tenant_scope(ALL):
            assert slugs() == ["alfa", "beta"]
        assert slugs() == ["alfa"]
    assert slugs() == []


def test_a_rolled_back_scope_leaves_nobody_named(pair):
    with tenant_scope(ALL):
        transaction.set_rollback(True)
    transaction.set_rollback(False)
    assert slugs() == []
    assert not is_scoped()


@pytest.mark.django_db(transaction=True)
def test_a_scope_ends_with_its_transaction_even_on_a_kept_connection():
    make_tenant("alfa")
    with tenant_scope(ALL):
        assert slugs() == ["alfa"]
    assert not connection.in_atomic_block
    assert slugs() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenants', true)")
        assert cursor.fetchone()[0] in (None, "")
