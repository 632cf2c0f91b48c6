"""Django's migrate, safe to start from web and worker at the same time, and run as the owner of the tables."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

from tenants.row_security import as_owner, set_app_role

# Any constant of our own; advisory locks are per database, so two installations on one server do not meet.
LOCK = 0x4D494752


class Command(DjangoMigrate):
    """Every other connection runs under a role that may neither create tables nor pass row security."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Wait for another migrate, if one runs, then find its work done."""
        with connections[options["database"]].cursor() as cursor, as_owner():
            # A session lock: migrations commit one by one. It is gone when this process dies.
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                super().handle(*args, **options)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        # The first migration makes the role; this connection may be older than that.
        set_app_role(connections[options["database"]])
