"""PostgreSQL row security: the second wall between tenants.

Every connection runs under the role `platform_app`, which cannot bypass row security. Outside `tenant_scope` no tenant
is named, so every tenant's table looks empty and refuses inserts: forgetting the scope fails closed.
Only migrations and partition upkeep act as the owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

APP_ROLE = "platform_app"

#: Run once, by the first migration. The login needs CREATEROLE for it, or the role made beforehand.
CREATE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        CREATE ROLE {APP_ROLE} NOLOGIN NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT {APP_ROLE} TO %I', session_user);
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server was quicker
END $$;
"""

GRANT = f"""
GRANT USAGE ON SCHEMA public TO {APP_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP_ROLE};
"""


def policy_sql(table: str, column: str = "tenant_id") -> str:
    """SQL for a migration: rows of `table` are visible and writable only for the tenants named in `app.tenants`."""
    named = "current_setting('app.tenants', true)"
    condition = f"{named} = '*' OR {column} = ANY (string_to_array(nullif(nullif({named}, ''), '*'), ',')::bigint[])"
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_rows ON {table} TO {APP_ROLE} USING ({condition}) WITH CHECK ({condition});
"""


def set_app_role(connection: BaseDatabaseWrapper) -> None:
    """Drop to the application role; before the first migration it does not exist and nothing happens."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, false) FROM pg_roles WHERE rolname = %s", [APP_ROLE, APP_ROLE])


def on_connection_created(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.alias == "default" and connection.vendor == "postgresql":
        set_app_role(connection)


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the log-in role: for migrations and for making or dropping partitions, nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
        cursor.execute("RESET ROLE")
    try:
        yield
    finally:
        if not connection.needs_rollback and before != "none":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('role', %s, false)", [before])
