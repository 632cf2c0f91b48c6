"""M3: what is edited in Intempus reaches Uniconta at the next pull, and no late commit is lost."""

from typing import Any

import pytest

from sync.domain import drain as drain_module
from sync.domain.pull import pull
from sync.models import Cursor
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World


def cursor_of(company: Company) -> int:
    with tenant_scope(company.tenant.pk):
        return Cursor.objects.get(tenant=company.tenant, entity="customer").value


def test_an_edit_arrives_at_the_pull_and_the_cursor_moves(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        each.debtor("1001")
        each.settle()
    company.pull()
    before, others = cursor_of(company), other.debtors()

    company.edit_customer(company.customer_by_number("1001")["id"], city="Kerteminde")
    assert company.debtors()["1001"]["City"] is None
    run = company.pull()
    assert company.debtors()["1001"]["City"] == "Kerteminde"
    assert (run.state, run.counts["changed"]) == ("done", 1)
    assert cursor_of(company) > before
    assert other.debtors() == others


def test_late_commits_with_lower_stamps_are_not_lost(world: World) -> None:
    company = world.nordbyg
    for account in ("1001", "1002"):
        company.debtor(account)
    company.settle()
    company.pull()
    first, second = (company.customer_by_number(account)["id"] for account in ("1001", "1002"))

    late = world.intempus.begin_late_commit(61001, "customer", first, city="Sen")
    company.edit_customer(second, city="Tidlig")
    company.pull()
    assert [company.debtors()[account]["City"] for account in ("1001", "1002")] == [None, "Tidlig"]
    world.intempus.finish_late_commit(late)
    company.pull()
    assert company.debtors()["1001"]["City"] == "Sen"


def test_nothing_new_costs_one_call_per_resource(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    company.pull()
    before = world.intempus.ledger.last_seq
    run = company.pull()
    calls = world.intempus.ledger.calls(since=before)
    assert sorted(call.path for call in calls) == ["/web/v1/company/", "/web/v1/customer/", "/web/v1/customer_group/"]
    assert [call.query for call in calls if "logical_timestamp__gt=" in call.query and "customer/" in call.path] != []
    assert (run.counts["new"], run.counts["changed"]) == (0, 0)
    assert world.uniconta.ledger.calls("PUT") == []


def test_a_change_right_before_our_write_is_not_swallowed(world: World) -> None:
    """A person edits another field between our read and our PATCH: both edits survive, on both sides."""
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    customer = company.customer_by_number("1001")
    answer, edits = world.intempus.answer, []

    def person_is_faster(call):  # type: ignore[no-untyped-def]
        if call.method in ("PATCH", "PUT") and not edits:
            edits.append(call.path)
            company.edit_customer(customer["id"], phone="11223344")
        return answer(call)

    world.intempus.answer = person_is_faster
    company.edit(row_id, City="Assens")
    company.settle()
    assert edits != []
    debtor, customer = company.debtors()["1001"], company.customer_by_number("1001")
    assert (debtor["City"], debtor["Phone"]) == ("Assens", "11223344")
    assert (customer["city"], customer["phone"]) == ("Assens", "11223344")


def test_a_pull_between_our_write_and_our_note_of_it_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulls run beside the drain: what one reads meanwhile may be newer than the answer we are about to note."""
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.both()
    customer_id, note, edits = company.customer_by_number("1001")["id"], drain_module._remember, []

    def note_late(*arguments: Any) -> None:
        if any(done.written for done in arguments[-1]) and not edits:
            edits.append(1)
            company.edit_customer(customer_id, phone="11223344")
            pull(company.tenant.pk)
            company.forget_the_overlap()
        note(*arguments)

    monkeypatch.setattr(drain_module, "_remember", note_late)
    company.edit(row_id, City="Assens")
    company.settle()
    assert edits != []
    debtor, customer = company.debtors()["1001"], company.customer_by_number("1001")
    assert (debtor["City"], debtor["Phone"]) == ("Assens", "11223344")
    assert (customer["city"], customer["phone"]) == ("Assens", "11223344")


def test_a_change_right_before_our_update_in_uniconta_makes_us_plan_again(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    answer, edits = world.uniconta.answer, []

    def person_is_faster(call):  # type: ignore[no-untyped-def]
        if call.path.startswith("/api/Entities/DebtorClientUser") and not edits:
            edits.append(call.path)
            company.edit(row_id, City="Assens", Phone="11223344")
        return answer(call)

    world.uniconta.answer = person_is_faster
    company.edit_customer(company.customer_by_number("1001")["id"], city="Nyborg", contact="Ida")
    company.pull()
    assert edits != []
    # Saved in Uniconta: its record wins, and what was overwritten is listed.
    debtor, customer = company.debtors()["1001"], company.customer_by_number("1001")
    assert (debtor["City"], debtor["Phone"], debtor["ContactPerson"]) == ("Assens", "11223344", None)
    assert (customer["city"], customer["phone"], customer["contact"]) == ("Assens", "11223344", "")
    assert company.overwritten() == [("city", "Nyborg", "Assens"), ("contact_person", "Ida", "")]
