"""What the test set-up itself promises."""

import os
import socket
from urllib.parse import unquote

import pytest
import requests
from django.db import connection

from tests.conftest import OutsideWorldError


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.com", 80)])
def test_no_connection_leaves_this_machine(address):
    with socket.socket() as attempt, pytest.raises(OutsideWorldError):
        attempt.connect(address)


def test_no_foreign_name_is_looked_up():
    with pytest.raises(OutsideWorldError):
        requests.get("https://odata.uniconta.com", timeout=1)


def test_the_clock_stands_still(clock):
    from django.utils import timezone

    before = timezone.now()
    clock.shift(60)
    assert (timezone.now() - before).total_seconds() == 60


@pytest.mark.django_db(transaction=True)
def test_a_transactional_test_can_clean_up_after_itself():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("platform_app",)


def test_tests_never_use_the_development_database_or_keys(settings):
    assert not settings.DEVELOPMENT
    host = settings.DATABASES["default"]["OPTIONS"].get("host", "")
    assert "var/postgres" not in host
    assert host in unquote(os.environ["DATABASE_URL"])
