"""A create whose answer was lost, and what happens to the record before anybody looks for it."""

from __future__ import annotations

from typing import Any

import pytest

from sync.domain.drain import drain
from tests.journeys.conftest import Company, World

CREATE = {"customer": r"/web/v1/customer/$", "customer_group": r"/web/v1/customer_group/$"}


def lose_one_create(world: World, company: Company, resource: str) -> None:
    """The create takes effect, and nobody hears of it."""
    world.intempus.faults.add("drop", method="POST", path=CREATE[resource], times=1)
    company.uniconta.wait_for_webhooks()
    drain(company.tenant.pk)


def test_a_group_made_without_an_answer_stands_in_the_log_as_made(world: World) -> None:
    """Found by row R7: until a record used it, nobody looked for the group, and the log said that it was not made."""
    company = world.nordbyg
    company.debtor("1001")
    lose_one_create(world, company, "customer_group")
    company.settle()
    assert [entry.state for entry in company.entries(action="create", entity="customer_group")] == ["done"]
    assert company.groups_in_intempus() == [("1", "Danske")]


@pytest.mark.parametrize("is_edited", [False, True], ids=["", "and edited"])
def test_a_customer_made_without_an_answer_follows_the_tick(world: World, is_edited: bool) -> None:
    """Found by row R7: nobody looked for a customer whose tick was gone by then, and it stayed active for ever."""
    company = world.nordbyg
    row_id = company.debtor("1001")
    lose_one_create(world, company, "customer")
    values: dict[str, Any] = {"City": "Odense"} if is_edited else {}
    company.edit(row_id, xIntempus=False, **values)
    company.settle()
    assert [row["active"] for row in company.customers()] == [False]
    link = company.link(uniconta_key="1001")
    assert (link.state, link.reason, link.intempus_id) == ("excluded", "unticked", str(company.customers()[0]["id"]))
    assert [entry.state for entry in company.entries(action="create", entity="customer")] == ["done"]

    company.edit(row_id, xIntempus=True)
    company.settle()
    [customer] = company.customers()
    assert (customer["active"], customer["city"] or "") == (True, values.get("City", ""))


def test_a_customer_made_without_an_answer_is_known_when_the_entity_is_off(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    lose_one_create(world, company, "customer")
    company.policy(enabled=False)
    company.settle()
    assert [entry.state for entry in company.entries(action="create", entity="customer")] == ["done"]
    company.policy(enabled=True)
    company.both()
    assert len(company.customers()) == 1
    assert company.link(uniconta_key="1001").state == "in_sync"
