"""What fails in the worker's upkeep is told to people, and keeps nothing else from its turn."""

import pytest
from django.db import InterfaceError, connection
from django.urls import reverse
from django.utils import timezone

from sync.domain.health import worker_health
from sync.management.commands.run_worker import Upkeep
from sync.models import WorkerBeat

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def upkeep():
    WorkerBeat.objects.create(name="one", beat_at=timezone.now())
    WorkerBeat.objects.create(name="two", beat_at=timezone.now())
    yield Upkeep("one", beat_limit=30)
    connection.close()  # it set a statement timeout of its own


def forget_old():
    raise ExceptionGroup("old rows", [ValueError("a row is in use\nDETAIL: Key (cpr)=(0101010101)")])


def takes_too_long():
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '20ms'")
        cursor.execute("SELECT pg_sleep(5)")


def is_away():
    raise InterfaceError("connection already closed")


def test_what_fails_stands_on_the_front_page_until_it_succeeds(upkeep, as_role, client):
    assert upkeep._do(forget_old)
    assert upkeep._do(upkeep._tell_troubles)
    assert worker_health().upkeep_errors == ("one: forget_old: a row is in use",)
    support = as_role("support")
    page = support.get(reverse("admin:index")).content.decode()
    assert "one: forget_old: a row is in use" in page
    assert "0101010101" not in page
    assert client.get("/readyz").json()["upkeep"] == {"ok": False}
    assert "platform_upkeep_failures 1.0" in client.get("/metrics").content.decode()

    upkeep._troubles.clear()
    assert upkeep._do(upkeep._tell_troubles)
    assert worker_health().upkeep_errors == ()
    assert "forget_old" not in support.get(reverse("admin:index")).content.decode()


def test_a_statement_that_takes_too_long_is_no_lost_database(upkeep):
    assert upkeep._do(takes_too_long)
    assert not upkeep.is_away
    assert upkeep._do(upkeep._tell_troubles)
    assert worker_health().upkeep_errors == ("one: takes_too_long: canceling statement due to statement timeout",)


def test_a_lost_database_is_nobodys_failure(upkeep):
    assert not upkeep._do(is_away)
    assert upkeep.is_away
    assert upkeep._do(upkeep._tell_troubles)
    assert not upkeep.is_away
    assert worker_health().upkeep_errors == ()
