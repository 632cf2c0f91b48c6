def test_database(db):
    from django.db import connection

    assert connection.vendor == "postgresql"
