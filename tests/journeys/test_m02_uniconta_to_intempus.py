"""M2: a create, update or delete in Uniconta reaches Intempus by webhook; a sweep heals what was missed."""

from typing import Any

import pytest

from sync.domain import drain
from tests.journeys.conftest import World


def test_a_debtor_travels_by_webhook(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", Name="Hansen Byg", City="Odense", Phone="66124478", CompanyRegNo="25313763")
    company.settle()
    customer = company.customer_by_number("1001")
    assert (customer["name"], customer["city"], customer["phone"]) == ("Hansen Byg", "Odense", "66124478")
    assert (customer["country"], customer["vat_registration_number"], customer["active"]) == ("DK", "25313763", True)

    company.edit(row_id, City="Svendborg")
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Svendborg"
    assert world.havnen.customers() == []


def test_a_sweep_heals_lost_webhooks(world: World) -> None:
    company = world.nordbyg
    world.uniconta.switches.webhook_drop_probability = 1.0
    row_id = company.debtor("1001")
    company.settle()
    assert company.customers() == []

    company.sweep()
    assert [row["number"] for row in company.customers()] == ["1001"]

    company.edit(row_id, Name="Nyt navn")
    company.sweep()
    assert company.customer_by_number("1001")["name"] == "Nyt navn"


def test_an_unchanged_save_writes_nothing(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    before = world.intempus.ledger.last_seq
    company.edit(row_id, CreditMax=5000)
    company.settle()
    assert world.intempus.ledger.effects(since=before) == []


def test_a_save_right_after_the_record_was_read_is_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody saves twice: the second call comes while Intempus is read for the first one's sake."""
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    pull_entity, saves = drain.pull_entity, ["Assens"]

    def slow(*arguments: Any) -> Any:
        if saves:
            company.edit(row_id, City=saves.pop())
            world.uniconta.wait_for_webhooks()
        return pull_entity(*arguments)

    monkeypatch.setattr(drain, "pull_entity", slow)
    company.edit(row_id, City="Vejle")
    company.settle()
    assert saves == []
    assert company.customer_by_number("1001")["city"] == "Assens"
    assert world.havnen.writes() == []
