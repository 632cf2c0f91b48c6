"""What goes wrong out there: nothing is lost, nothing is doubled, and people are asked only what they can answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from mappings.models import RecordLink
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.drain import drain
from sync.domain.pull import pull
from sync.domain.sweep import sweep
from sync.models import ChangeEvent
from tenants.models import Connection
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World

MINUTES = timedelta(minutes=2)
CREATE_IN = {"intempus": r"/web/v1/customer/$", "uniconta": r"/api/Entities/Insert/DebtorClientUser"}


def one_drain(company: Company) -> None:
    company.uniconta.wait_for_webhooks()
    drain(company.tenant.pk)


def make_due(company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        ChangeEvent.objects.filter(tenant=company.tenant, state="pending").update(due_at=timezone.now())
        Connection.objects.filter(tenant=company.tenant).update(open_until=None)


@pytest.mark.parametrize("form", ["seconds", "http_date"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_asked_to_wait_we_wait_as_long_and_blame_no_record(world: World, form: str, method: str) -> None:
    company, other = world.nordbyg, world.havnen
    world.intempus.faults.add(
        "status", method=method, path="/web/v1/customer/", status=429, retry_after=40, retry_after_as=form, times=1
    )
    company.debtor("1001")
    one_drain(company)
    connection = company.connection("intempus")
    assert connection.state == "working"
    assert connection.open_until is not None
    wait = connection.open_until - timezone.now()
    assert timedelta(seconds=30) < wait <= timedelta(seconds=41)
    before = world.intempus.ledger.last_seq
    one_drain(company)
    assert world.intempus.ledger.calls(since=before) == []
    assert {(event.state, event.attempts) for event in company.events(state="pending")} == {("pending", 0)}

    other.debtor("1001")  # one tenant's trouble is not another's
    one_drain(other)
    assert [row["number"] for row in other.customers()] == ["1001"]
    company.settle()
    assert [row["number"] for row in company.customers()] == ["1001"]
    assert company.connection("intempus").failure_count == 0


def test_outages_pause_and_cost_no_attempts(world: World) -> None:
    company = world.nordbyg
    fault = world.intempus.faults.add("status", method="POST", path="/web/v1/customer/", status=503)
    company.debtor("1001")
    company.debtor("1002")
    company.uniconta.wait_for_webhooks()
    for _ in range(3):
        make_due(company)
        one_drain(company)
    connection = company.connection("intempus")
    assert connection.failure_count >= 3
    assert connection.open_until is not None and connection.open_until > timezone.now()
    assert {event.attempts for event in company.events(state="pending")} == {0}
    world.intempus.faults.clear(fault.id)
    company.settle()
    assert sorted(row["number"] for row in company.customers()) == ["1001", "1002"]
    assert company.connection("intempus").failure_count == 0


@pytest.mark.parametrize("kind", ["status", "html", "truncate", "reset"])
def test_one_bad_answer_to_a_read_changes_nothing(world: World, kind: str) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.settle()
    before = company.now()
    world.intempus.faults.add(kind, method="GET", path="/web/v1/customer/", times=1)
    world.uniconta.faults.add(kind, method="GET", path="DebtorClientUser", times=1)
    company.edit(company.debtors()["1001"]["RowId"], City="Odense")
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Odense"
    assert len(company.writes(before)) == 1


def test_refused_values_are_a_question_until_mended(world: World) -> None:
    company = world.nordbyg
    world.intempus.switches.max_text_length = 20
    row_id = company.debtor("1001", Name="En alt for lang forklaring som navn")
    company.debtor("1002")
    company.settle()
    link = company.link(uniconta_key="1001")
    assert (link.state, link.reason) == ("needs_attention", "refused")
    [entry] = [entry for entry in company.log(link) if entry.state == "needs_attention"]
    explained = explain_code(entry.error_code, entry.error_detail)
    assert explained.text not in ("", entry.error_code)
    assert explained.fix != ""
    assert [row["number"] for row in company.customers()] == ["1002"]
    before = world.intempus.ledger.last_seq
    company.sweep()
    assert world.intempus.ledger.calls("POST", since=before) == []  # not tried again by itself

    company.edit(row_id, Name="Kort")
    company.settle()
    assert [row["number"] for row in company.customers()] == ["1002", "1001"]
    assert company.link(uniconta_key="1001").state == "in_sync"


def test_a_retry_after_mending_elsewhere(world: World) -> None:
    company = world.nordbyg
    world.intempus.switches.max_text_length = 5
    company.debtor("1001", Name="For langt")
    company.settle()
    world.intempus.switches.max_text_length = 0
    company.press(actions.retry, [company.link().pk])
    company.settle()
    assert [row["name"] for row in company.customers()] == ["For langt"]
    assert company.events(state="needs_attention") == []


@pytest.mark.parametrize("is_honoured", [True, False], ids=["creation_id honoured", "creation_id ignored"])
def test_a_create_whose_answer_was_lost_is_found_in_intempus(world: World, is_honoured: bool) -> None:
    company = world.nordbyg
    world.intempus.switches.creation_id_honoured = is_honoured
    world.intempus.faults.add("drop", method="POST", path=CREATE_IN["intempus"], times=1)
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    [customer] = company.customers()
    assert customer["number"] == "1001"
    assert [entry.state for entry in company.entries(action="create", entity="customer")] == ["done"]
    company.edit(row_id, xIntempus=False)  # it counts as sent by us
    company.settle()
    assert company.customer_by_number("1001")["active"] is False


def test_a_lost_create_is_not_repeated_before_the_wait_is_over(world: World, settings: Any) -> None:
    company = world.nordbyg
    settings.UNCLEAR_WAIT_SECONDS = 120
    # The remote answers nothing and stores the record only later.
    world.intempus.faults.add("drop", effect=False, method="POST", path=CREATE_IN["intempus"], times=1)
    row_id = company.debtor("1001")
    one_drain(company)
    company.hint(row_id, times=2)
    make_due(company)
    one_drain(company)
    company.edit(row_id, City="Odense")
    company.uniconta.wait_for_webhooks()
    make_due(company)
    one_drain(company)
    assert len(world.intempus.ledger.calls("POST", "/customer/")) == 1
    settings.UNCLEAR_WAIT_SECONDS = 0
    company.settle()
    assert [(row["number"], row["city"]) for row in company.customers()] == [("1001", "Odense")]


def test_a_create_whose_answer_was_lost_is_found_in_uniconta(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.both()
    world.uniconta.faults.add("drop", method="POST", path=CREATE_IN["uniconta"], times=1)
    world.uniconta.switches.webhook_api_writes_fire = False
    customer_id = company.customer(name="Født her", city="Nyborg")
    company.pull()
    assert sorted(company.debtors()) == ["1001", f"I{customer_id}"]
    assert company.customer_by_number(f"I{customer_id}")["id"] == customer_id
    link = company.link(intempus_id=str(customer_id))
    assert (link.state, link.uniconta_key) == ("in_sync", f"I{customer_id}")


@pytest.mark.parametrize("is_edited_again", [False, True], ids=["", "edited again"])
@pytest.mark.parametrize("target", ["uniconta", "intempus"])
def test_an_update_whose_answer_was_lost_is_our_own(world: World, target: str, is_edited_again: bool) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.both()
    customer_id, before = company.customer_by_number("1001")["id"], company.now()

    def edit(city: str) -> None:
        if target == "intempus":
            company.edit(row_id, City=city)
        else:
            company.edit_customer(customer_id, city=city)

    if target == "intempus":
        method = "PUT" if world.is_adverse else "PATCH"
        world.intempus.faults.add("drop", method=method, path="/web/v1/customer/", times=1)
    else:
        world.uniconta.faults.add("drop", method="PUT", path="/api/Entities/Update", times=1)
    edit("Odense")
    pull(company.tenant.pk)
    one_drain(company)
    if is_edited_again:
        edit("Nyborg")
    company.both()
    city = "Nyborg" if is_edited_again else "Odense"
    assert (company.debtors()["1001"]["City"], company.customer_by_number("1001")["city"]) == (city, city)
    assert len(company.writes(before)) == 1 + is_edited_again
    assert company.overwritten() == []


def test_refused_credentials_break_the_connection_and_lose_nothing(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id = company.debtor("1001")
    company.settle()
    world.intempus.add_user("api@nordbyg.dk", "another key", 61001)
    company.edit(row_id, City="Odense")
    company.debtor("1002")
    one_drain(company)
    connection = company.connection("intempus")
    assert (connection.state, connection.state_code) == ("broken", "bad_credentials")
    before = company.now()
    company.edit(row_id, City="Nyborg")
    one_drain(company)
    assert company.now()[1] == before[1]  # not one more try with a bad key
    assert {event.state for event in company.events() if event.state != "done"} == {"pending"}
    other.debtor("1001")
    other.settle()
    assert [row["number"] for row in other.customers()] == ["1001"]

    world.intempus.add_user("api@nordbyg.dk", "key", 61001)
    company.press(actions.resume_connection, connection.pk)
    company.settle()
    assert [(row["number"], row["city"]) for row in company.customers()] == [("1001", "Nyborg"), ("1002", "")]


def test_credentials_that_break_in_the_middle_of_writing_stop_the_drain(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.settle()
    world.intempus.faults.add("status", method="POST", path="/web/v1/customer/", status=401, times=1)
    company.debtor("1002")
    one_drain(company)
    assert company.connection("intempus").state == "broken"
    assert len([e for e in world.intempus.ledger.calls("POST", "/customer/") if e.status == 401]) == 1
    company.press(actions.resume_connection, company.connection("intempus").pk)
    company.settle()
    assert [row["number"] for row in company.customers()] == ["1001", "1002"]


def test_a_quarantined_record_gets_well_with_its_next_success(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.debtor("1002")
    company.settle()
    link = company.link(uniconta_key="1001")
    with tenant_scope(company.tenant.pk):
        event = ChangeEvent.objects.filter(link=link).latest("pk")
        ChangeEvent.objects.filter(pk=event.pk).update(state=ChangeEvent.State.QUARANTINED, error_code="crashed")
    company.edit(company.debtors()["1002"]["RowId"], City="Odense")  # somebody else's change says nothing about it
    company.settle()
    assert company.link(uniconta_key="1001").state == "in_sync"
    company.edit(row_id, City="Assens")
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Assens"
    assert company.events(state="quarantined") == []


def test_after_the_first_outage_nothing_more_is_begun(world: World) -> None:
    company = world.nordbyg
    ids = [company.debtor(f"{1000 + n}") for n in range(30)]
    company.settle()
    world.intempus.faults.add("status", path=r"/web/v1/customer/\d+/", status=429, retry_after=4)
    before = world.intempus.ledger.last_seq
    for row_id in ids:
        company.edit(row_id, City="Odense")
    one_drain(company)
    refused = [entry for entry in world.intempus.ledger.entries(since=before) if entry.status == 429]
    assert 1 <= len(refused) <= 8  # those under way together, and not thirty
    world.intempus.faults.clear()
    company.settle()
    assert {row["city"] for row in company.customers()} == {"Odense"}


def test_what_waited_for_an_outage_is_read_again(world: World) -> None:
    """Found by the state machine: what a check had read before an outage was sent after it."""
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.edit(row_id, City="Ringe")
    world.intempus.faults.add("status", status=503)
    sweep(company.tenant.pk)
    company.edit(row_id, City="Assens")
    with tenant_scope(company.tenant.pk):  # the outage lasts
        RecordLink.objects.filter(tenant=company.tenant).update(uniconta_seen_at=F("uniconta_seen_at") - MINUTES)
    world.intempus.faults.clear()
    company.settle()
    assert company.customer_by_number("1001")["city"] == "Assens"
    sent = [change["new"] for entry in company.entries(action="update") for change in entry.plan["changes"]]
    assert sent == ["Assens"]
