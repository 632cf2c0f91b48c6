import pytest
from django.core.management import call_command
from django.db import connection
from django_q.models import Task

from tenants.row_security import APP_ROLE


@pytest.mark.django_db
def test_every_model_change_has_its_migration():
    call_command("makemigrations", check=True, dry_run=True)


@pytest.mark.django_db(transaction=True)
def test_migrate_may_run_again_and_leaves_the_connection_under_the_applications_role():
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database())"
        )
        assert cursor.fetchone() == (APP_ROLE, 0)
    assert Task.objects.count() == 0
