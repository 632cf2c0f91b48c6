"""M13: a connection stays with the company it was tested with."""

import json

import pytest

from sync.connectors.errors import ConnectionBroken
from sync.domain import actions
from sync.domain.connections import check_connection_now as check_connection
from tests.factories import make_connections, make_tenant
from tests.journeys.conftest import World


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
    run = company.sweep()
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
