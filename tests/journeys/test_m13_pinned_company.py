"""M13: a connection stays with the company it was tested with."""

import json

import pytest

from mappings.spec import System
from sync.connectors.errors import ConnectionBroken
from sync.domain import actions
from sync.domain.connections import NotReadyError, Recorder
from sync.domain.connections import check_connection_now as check_connection
from sync.domain.context import open_context
from sync.domain.doorbell import release, take_lease
from sync.domain.first_matching import first_matching
from sync.domain.move import BusyError, move_company
from sync.domain.pull import pull_entity
from sync.domain.sweep import sweep, sweep_entity
from sync.models import Run
from tenants.models import Connection
from tenants.scoping import tenant_scope
from tests.factories import make_connections, make_event, make_tenant
from tests.journeys.conftest import Company, World


def test_a_renamed_company_is_fine(world: World) -> None:
    company = world.nordbyg
    world.uniconta.person_edits(4242, "Company", 4242, Name="Nordbyg Holding A/S")
    check_connection(company.connection("uniconta"))
    company.debtor("1001")
    company.both()
    connection = company.connection("uniconta")
    assert (connection.state, connection.pinned_company_name) == ("working", "Nordbyg Holding A/S")
    assert [row["number"] for row in company.customers()] == ["1001"]


def test_an_intempus_key_of_another_company_pauses(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.debtor("1001")
    company.settle()
    world.intempus.add_user("api@nordbyg.dk", "key", 61002)  # the key was moved to another company
    before = world.intempus.ledger.last_seq
    run = company.pull()
    assert (run.state, run.error_code) == ("failed", "wrong_company")
    connection = company.connection("intempus")
    assert (connection.state, connection.state_code) == ("broken", "wrong_company")
    assert [call.method for call in world.intempus.ledger.calls(since=before)] == ["GET"]
    assert other.customers() == []
    assert other.connection("intempus").state == "working"

    world.intempus.add_user("api@nordbyg.dk", "key", 61001)
    company.press(actions.resume_connection, connection.pk)
    check_connection(company.connection("intempus"))
    assert company.pull().state == "done"


def test_rows_of_another_company_stop_everything_before_any_plan(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    links = [link.uniconta_seen for link in company.links()]
    right = {**world.uniconta.rows(4242, "Debtor")[0], "Name": "Rigtig"}
    wrong = {**right, "RowId": 77, "CompanyId": 4343, "Account": "7777"}
    body = json.dumps([right, wrong])
    fault = world.uniconta.faults.add("status", status=200, body=body, method="GET", path=r"DebtorClientUser$")
    before = company.now()
    run = sweep(company.tenant.pk)  # what it found before waits while the connection is broken
    assert run is not None
    assert (run.state, run.error_code) == ("failed", "wrong_company")
    assert company.connection("uniconta").state == "broken"
    assert [link.uniconta_seen for link in company.links()] == links
    assert [link.uniconta_id for link in company.links()] == [str(row_id)]
    assert company.writes(before) == []
    world.uniconta.faults.clear(fault.id)
    company.press(actions.resume_connection, company.connection("uniconta").pk)


def test_one_company_cannot_belong_to_two_tenants(world: World) -> None:
    company = world.nordbyg
    base_urls = {system: company.connection(system).base_url for system in ("uniconta", "intempus")}
    uniconta, intempus = make_connections(
        make_tenant("dublet"),
        base_urls["uniconta"],
        base_urls["intempus"],
        company_id=4242,
        uniconta_username="nordbyg-sync",
        uniconta_password="pw",
        intempus_username="api@nordbyg.dk",
        intempus_key="key",
    )
    for connection in (uniconta, intempus):
        with pytest.raises(ConnectionBroken, match="company_taken"):
            check_connection(connection)
        assert (connection.state, connection.pinned_company_id) == ("broken", "")
    assert company.connection("uniconta").state == "working"


def found_another(world: World, company: Company, number: int) -> None:
    """The customer starts a new company in Uniconta, with most of the old debtors and the same log-in."""
    world.uniconta.add_company(number, "Nordbyg Nord ApS", cvr="30714024")
    world.uniconta.add_user_field(number, "Debtor", "xIntempus")
    world.uniconta.add_user(f"{company.tenant.slug}-sync", "pw", companies=[company.number, number])
    for group, name in (("1", "Danske"), ("2", "Udland")):
        world.uniconta.bulk(number, "DebtorGroup", 1, Group=group, Name=name)


def test_move_company_unlinks_matches_by_keys_and_goes_live_again(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.policy(create_in_uniconta=False)  # else 1003, which the new company lacks, would be made there
    for account in ("1001", "1002", "1003"):
        company.debtor(account, City="Odense")
    company.debtor("1009", xIntempus=False)
    other.debtor("1001")
    company.settle()
    other.settle()
    customers = {row["number"]: row["id"] for row in company.customers()}
    old = company.number
    found_another(world, company, 4999)
    before, others = company.now(), other.now()

    company.press(move_company, company.tenant.pk, System.UNICONTA)
    connection = company.connection("uniconta")
    assert (connection.state, connection.pinned_company_id, connection.company_id) == ("untested", "", "")
    assert [(link.uniconta_id, link.intempus_id) for link in company.links()] == [
        ("", str(record_id)) for _, record_id in sorted(customers.items())
    ]
    with tenant_scope(company.tenant.pk):
        company.tenant.refresh_from_db()
    assert company.tenant.state == "preparing"
    company.edit(world.uniconta.rows(old, "Debtor")[0]["RowId"], City="Ligegyldigt")  # in the company that is left

    company.number = 4999
    company.debtor("1001", City="Odense")
    company.debtor("1002", City="Aarhus")
    company.debtor("1004")
    with tenant_scope(company.tenant.pk):
        Connection.objects.filter(pk=connection.pk).update(company_id="4999")
    check_connection(company.connection("uniconta"))
    first_matching(company.tenant.pk)
    company.press(actions.go_live, company.tenant.pk)
    company.both()
    company.both()
    assert company.connection("uniconta").pinned_company_name == "Nordbyg Nord ApS"
    assert {row["number"]: row["city"] for row in company.customers()} == {
        "1001": "Odense", "1002": "Aarhus", "1003": "Odense", "1004": ""
    }  # fmt: skip
    assert {row["number"]: row["id"] for row in company.customers()}.items() >= customers.items()
    assert company.overwritten() == [("city", "Odense", "Aarhus")]
    assert company.log(company.link(uniconta_key="1001"))[0].action == "create"  # its history came with it
    assert [row["Account"] for row in world.uniconta.rows(old, "Debtor")] == ["1001", "1002", "1003", "1009"]
    written = [call for call in world.uniconta.ledger.entries(since=before[0], origin="api") if call.effects]
    assert {effect.company for call in written for effect in call.effects} <= {4999}
    assert other.writes(others) == []
    world.ends_well = False  # the log names records of two companies


def test_a_move_waits_for_the_drain_that_is_at_work(world: World) -> None:
    company = world.nordbyg
    lease = take_lease(company.tenant.pk)
    with pytest.raises(BusyError):
        company.press(move_company, company.tenant.pk, System.UNICONTA)
    release(lease)
    assert company.connection("uniconta").state == "working"


@pytest.mark.parametrize("system", list(System))
def test_a_move_waits_for_a_run_that_is_at_work(world: World, system: System) -> None:
    """Found by a review: a check that was reading brought the old company's debtors back."""
    company = world.nordbyg
    with tenant_scope(company.tenant.pk):
        run = Run.objects.create(tenant=company.tenant, kind=Run.Kind.SWEEP, state=Run.State.RUNNING)
    with pytest.raises(BusyError):
        company.press(move_company, company.tenant.pk, system)
    with tenant_scope(company.tenant.pk):
        Run.objects.filter(pk=run.pk).update(state=Run.State.DONE)
    company.press(move_company, company.tenant.pk, system)
    assert company.connection(system.value).state == "untested"
    world.ends_well = False  # it has no company any more


@pytest.mark.parametrize("system", list(System))
def test_what_was_read_from_the_company_that_is_left_does_not_count(world: World, system: System) -> None:
    """A run that was taken for dead comes back after the move, its hands full of rows."""
    company, other = world.nordbyg, world.havnen
    company.debtor("1001")
    other.debtor("1001")
    company.settle()
    other.settle()
    recorder = Recorder(company.tenant.pk)
    began_before = open_context(company.tenant.pk, recorder)
    company.press(move_company, company.tenant.pk, system)
    left = [(link.uniconta_id, link.intempus_id) for link in company.links()]
    others = [(link.uniconta_id, link.intempus_id) for link in other.links()]
    read = sweep_entity if system is System.UNICONTA else pull_entity
    with pytest.raises(NotReadyError, match="company_moved"):
        read(began_before, began_before.entities["customer"])
    recorder.flush()
    assert [(link.uniconta_id, link.intempus_id) for link in company.links()] == left
    assert [(link.uniconta_id, link.intempus_id) for link in other.links()] == others
    world.ends_well = False


def test_a_move_forgets_what_belongs_to_the_company_that_is_left(world: World) -> None:
    """And no more: what is known of the other system's fields stays, and no quarantined change stays behind."""
    company = world.nordbyg
    company.debtor("1001")
    company.settle()
    company.pull(is_complete=True)
    company.sweep()
    poison = make_event(company.tenant, remote_id="77", table="Debtor", state="quarantined")
    before = company.entity_policy()
    assert before.has_flag is True
    company.press(move_company, company.tenant.pk, System.INTEMPUS)
    after = company.entity_policy()
    assert (after.has_flag, after.fields_seen) == (True, {"uniconta": before.fields_seen["uniconta"]})
    assert [(event.state, event.error_code) for event in company.events(pk=poison.pk)] == [("ignored", "company_moved")]
    company.press(move_company, company.tenant.pk, System.UNICONTA)
    assert (company.entity_policy().has_flag, company.entity_policy().fields_seen) == (None, {})
    world.ends_well = False
