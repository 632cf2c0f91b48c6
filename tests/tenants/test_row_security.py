"""The second wall: with the first one forgotten, the database itself keeps tenants apart.

The tests over all tables are generated from the database's catalogue, so a table added tomorrow is tested too.
"""

import pytest
from django.db import DatabaseError, connection, transaction

from mappings.models import EntityPolicy, RecordLink
from sync.models import ChangeEvent, Cursor, Exchange, Run, SyncLogEntry
from tenants.models import AuditEntry, Connection, Membership, Tenant, WebhookToken
from tenants.row_security import APP_ROLE
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_connections,
    make_event,
    make_link,
    make_log_entry,
    make_policy,
    make_run,
    make_tenant,
    make_token,
    make_user,
)
from tests.tenants.conftest import owner_cursor

pytestmark = pytest.mark.django_db

MODELS = [
    AuditEntry,
    ChangeEvent,
    Connection,
    Connection.history.model,
    Cursor,
    EntityPolicy,
    EntityPolicy.history.model,
    Exchange,
    Membership,
    RecordLink,
    Run,
    SyncLogEntry,
    WebhookToken,
]


def make_full_tenant(slug: str) -> Tenant:
    """One row in every kind of table."""
    tenant = make_tenant(slug)
    make_connections(tenant)
    make_token(tenant)
    make_policy(tenant)
    make_event(tenant)
    make_run(tenant)
    make_log_entry(make_link(tenant))
    make_user("", Membership.Role.SUPPORT, tenant)
    with tenant_scope(tenant.pk):
        Cursor.objects.create(tenant=tenant, entity="customer")
        AuditEntry.objects.create(tenant=tenant, action="looked")
        Exchange.objects.create(tenant=tenant, system="uniconta", method="GET", url="/", status=200, duration_ms=1)
    return tenant


@pytest.fixture
def pair() -> tuple[Tenant, Tenant]:
    with tenant_scope(ALL):  # one for all rows
        return make_full_tenant("mine"), make_full_tenant("theirs")


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request):
    return request.param


def test_reads_show_only_the_scopes_rows(pair, model):
    mine, theirs = pair
    with tenant_scope(mine.pk):
        assert set(model.objects.values_list("tenant_id", flat=True)) == {mine.pk}
        assert not model.objects.filter(tenant_id=theirs.pk).exists()
    with tenant_scope(ALL):
        assert set(model.objects.values_list("tenant_id", flat=True)) >= {mine.pk, theirs.pk}


def test_outside_a_scope_every_table_looks_empty(pair, model):
    assert model.objects.count() == 0


def test_rows_of_another_tenant_can_be_neither_updated_nor_deleted(pair, model):
    mine, theirs = pair
    with tenant_scope(theirs.pk):
        before = list(model.objects.values())
    with tenant_scope(mine.pk):
        theirs_rows = model.objects.filter(tenant_id=theirs.pk)
        assert theirs_rows.update(tenant_id=theirs.pk) == 0
        assert theirs_rows._raw_delete(theirs_rows.db) == 0
    with tenant_scope(theirs.pk):
        assert list(model.objects.values()) == before


def test_a_row_cannot_be_given_to_another_tenant(pair, model):
    mine, theirs = pair
    with tenant_scope(mine.pk), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        model.objects.update(tenant_id=theirs.pk)


def test_no_row_can_be_inserted_for_another_tenant(pair, model):
    mine, theirs = pair
    with tenant_scope(mine.pk):
        row = model.objects.first()
        row.pk = row._state.adding = None
        row.tenant_id = theirs.pk
        if hasattr(row, "history_id"):
            row.history_id = None
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            row.save_base(raw=True, force_insert=True)


def test_outside_a_scope_inserts_are_refused():
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        Tenant.objects.create(slug="nobody", name="Nobody")


def test_a_tenants_own_row_and_its_history_are_kept_apart_too(pair):
    mine, _ = pair
    with tenant_scope(mine.pk):
        assert [tenant.slug for tenant in Tenant.objects.all()] == ["mine"]
        assert {row.slug for row in Tenant.history.all()} == {"mine"}


# ------------------------------------------------------------------------------------------- generated from the catalogue


def tables_with_tenant() -> set[str]:
    """Every table, partitioned or not, partitions included, that has a column named tenant_id."""
    with owner_cursor() as cursor:
        cursor.execute("""
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE a.attname = 'tenant_id' AND NOT a.attisdropped
              AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
        """)
        return {name for (name,) in cursor.fetchall()}


def test_every_table_of_a_tenant_has_a_policy_that_is_switched_on():
    with owner_cursor() as cursor:
        cursor.execute("""
            SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
            WHERE c.relrowsecurity AND p.polcmd = '*' AND p.polwithcheck IS NOT NULL
        """)
        protected = {name for (name,) in cursor.fetchall()}
    tables = tables_with_tenant()
    assert {"tenants_connection", "sync_changeevent", "sync_synclogentry_default"} <= tables, "the look-up finds tables"
    assert tables - protected == set()
    assert {"tenants_tenant", "tenants_historicaltenant"} <= protected


def test_the_application_role_can_neither_bypass_nor_log_in():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (APP_ROLE,)
        cursor.execute(
            "SELECT rolbypassrls, rolsuper, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)


def test_the_application_role_owns_no_table():
    """An owner is not held back by row security."""
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class JOIN pg_roles r ON relowner = r.oid WHERE rolname = %s", [APP_ROLE]
        )
        assert cursor.fetchall() == []
