"""A migrated database on a server of its own: a copy of the session's, because migrating takes many times as long."""

import os
import subprocess
from functools import cache
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from integration_platform.postgres import program
from tenants.row_security import CREATE_ROLE
from tests.processes.installation import migrate


def fill(url: str) -> None:
    """Fill the empty database at `url`, of an embedded server. Needs the fixture `django_db_setup`.

    Among tests of which none uses the session's own database there is none to copy, so this one is migrated.
    """
    own = urlsplit(os.environ["DATABASE_URL"])
    name = f"/{connection.settings_dict['NAME']}"
    if name == own.path:
        migrate(url)
        return
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(CREATE_ROLE)
    psql = [program("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={url}"]
    subprocess.run(psql, input=_dump(own._replace(path=name).geturl()), stdout=subprocess.DEVNULL, check=True)


@cache
def _dump(url: str) -> bytes:
    # Without owners everything belongs to whoever fills it in, as after a migration.
    pg_dump = [program("pg_dump"), "--no-owner", f"--dbname={url}"]
    return subprocess.run(pg_dump, capture_output=True, check=True).stdout
