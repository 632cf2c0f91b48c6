"""M10: nothing is ever deleted by the platform; a deletion is a question, or switches off where the policy says so.

That no call of ours deletes anything is part of the promises checked after every journey.
"""

import json

from sync.domain.pull import pull
from tests.journeys.conftest import Company, World


def pair(company: Company, account: str = "1001") -> tuple[int, int]:
    row_id = company.debtor(account)
    company.settle()
    return row_id, company.customer_by_number(account)["id"]


def delete_in_uniconta(company: Company, row_id: int) -> None:
    company.uniconta.person_deletes(company.number, "Debtor", row_id)
    company.settle()


def state(company: Company, **where: str) -> tuple[str, str]:
    link = company.link(**where)
    return link.state, link.reason


def test_deleted_in_uniconta_asks_or_deactivates(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id, _ = pair(company)
    other_row, other_id = pair(other)
    other.policy(on_uniconta_delete="deactivate")
    before = company.now()
    delete_in_uniconta(company, row_id)
    assert state(company) == ("needs_attention", "deleted_in_uniconta")
    assert company.writes(before) == []
    assert [row["active"] for row in company.customers()] == [True]

    before = other.now()
    delete_in_uniconta(other, other_row)
    assert state(other) == ("excluded", "deleted_in_uniconta")
    assert other.link().inactive_reason == "deleted"
    assert other.writes(before) == [("updated", "customer", other_id)]
    assert [row["active"] for row in other.customers()] == [False]


def test_a_missed_deletion_is_found_by_the_sweep(world: World) -> None:
    company = world.nordbyg
    row_id, _ = pair(company)
    pair(company, "1002")
    world.uniconta.switches.webhook_drop_probability = 1.0
    delete_in_uniconta(company, row_id)
    assert state(company, uniconta_key="1001") == ("in_sync", "")
    company.sweep()
    assert state(company, uniconta_key="1001") == ("needs_attention", "deleted_in_uniconta")
    assert state(company, uniconta_key="1002") == ("in_sync", "")


def test_what_was_deleted_before_it_could_be_made_in_uniconta_is_not_made(world: World) -> None:
    """Found by the state machine: it was fetched while Uniconta was out, and a cursor shows no deletions."""
    company = world.nordbyg
    company.both()
    world.uniconta.faults.add("status", status=503)
    gone, stays = company.customer(name="Fortrudt"), company.customer(name="Bliver")
    pull(company.tenant.pk)
    world.intempus.person_deletes(company.intempus_number, "customer", gone)
    world.uniconta.faults.clear()
    company.settle()
    assert [row["Name"] for row in company.debtors().values()] == ["Bliver"]
    assert company.link(intempus_id=str(gone)).reason == "deleted_in_intempus"
    assert company.link(intempus_id=str(stays)).state == "in_sync"


def test_deleted_in_intempus_asks_or_blocks(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    _, customer_id = pair(company)
    other_row, other_id = pair(other)
    other.policy(on_intempus_delete="block")
    for each, record_id in ((company, customer_id), (other, other_id)):
        each.pull()
        world.intempus.person_deletes(each.intempus_number, "customer", record_id)
        before = each.now()
        each.pull()
        assert each.writes(before) == []  # the cursor shows no deletions
        look_ups = world.intempus.ledger.last_seq
        each.pull(is_complete=True)
        path = f"/web/v1/customer/{record_id}/"
        assert [call.status for call in world.intempus.ledger.calls("GET", path, since=look_ups)] == [404]
    assert state(company) == ("needs_attention", "deleted_in_intempus")
    assert company.debtors()["1001"]["Blocked"] is False
    assert company.customers() == []  # and it is not made anew
    assert state(other) == ("excluded", "deleted_in_intempus")
    assert other.debtors()["1001"]["Blocked"] is True

    other.edit(other_row, Blocked=False)  # a person knows better: asked, not blocked again
    other.settle()
    assert other.debtors()["1001"]["Blocked"] is False
    assert state(other) == ("needs_attention", "deleted_in_intempus")


def test_a_row_missing_from_one_bad_read_is_not_deleted(world: World) -> None:
    company = world.nordbyg
    company.policy(on_intempus_delete="block", on_uniconta_delete="deactivate")
    pair(company)
    pair(company, "1002")
    before = company.now()
    nothing = json.dumps({"meta": {"next": None, "total_count": 0}, "objects": []})
    world.intempus.faults.add("status", status=200, body=nothing, method="GET", path=r"/web/v1/customer/\?", times=1)
    company.pull(is_complete=True)
    keep = json.dumps([row for row in world.uniconta.rows(4242, "Debtor") if row["Account"] == "1002"])
    world.uniconta.faults.add("status", status=200, body=keep, method="GET", path=r"DebtorClientUser$", times=1)
    company.sweep()
    assert [link.state for link in company.links()] == ["in_sync", "in_sync"]
    assert company.writes(before) == []


def test_deleted_and_made_anew_under_the_same_number_is_the_same_customer(world: World) -> None:
    company = world.nordbyg
    company.policy(on_uniconta_delete="deactivate")
    row_id, customer_id = pair(company)
    delete_in_uniconta(company, row_id)
    assert [row["active"] for row in company.customers()] == [False]
    again = company.debtor("1001", City="Odense")
    company.settle()
    assert [(row["id"], row["active"], row["city"]) for row in company.customers()] == [(customer_id, True, "Odense")]
    assert (company.link().uniconta_id, company.link().state) == (str(again), "in_sync")


def test_a_hint_at_a_record_that_was_never_there_leaves_no_record(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.debtor("1001")
    other.debtor("1001")
    company.settle()
    other.settle()
    before = company.now()
    company.hint(987654)
    company.hint(987654)
    company.settle()
    assert [link.uniconta_key for link in company.links()] == ["1001"]
    hints = company.events(remote_id="987654")
    assert [(event.state, event.error_code, event.link_id) for event in hints] == [
        ("ignored", "unknown_record", None)
    ] * 2
    assert company.writes(before) == []
