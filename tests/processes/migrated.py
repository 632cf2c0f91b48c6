"""A migrated database on a server of its own: a copy of the session's, because migrating takes many times as long."""

import os
import subprocess
from functools import cache
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from integration_platform.postgres import program
from tenants.row_security import CREATE_ROLE


def fill_migrated(url: str) -> None:
    """Fill the empty database at `url`, of an embedded server. Needs the fixture `django_db_setup`."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(CREATE_ROLE)
    psql = [program("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={url}"]
    subprocess.run(psql, input=_dump(), stdout=subprocess.DEVNULL, check=True)


@cache
def _dump() -> bytes:
    """The test database as SQL."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    # Without owners everything belongs to whoever fills it in, as after a migration.
    pg_dump = [program("pg_dump"), "--no-owner", f"--dbname={database.geturl()}"]
    return subprocess.run(pg_dump, capture_output=True, check=True).stdout
