"""Projects: projects of Uniconta and cases of Intempus. What a case hangs on, its customer above all, goes first."""

from typing import Any

import pytest

from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World

FLAGS = (
    "active",
    "permit_new_workreports",
    "all_employees_may_add_work_reports",
    "all_worktypes_may_used_in_work_reports",
    "remarks_required",
    "file_upload_required",
    "geofence",
)


@pytest.fixture
def company(world: World) -> Company:
    """Both companies synchronise projects; Havnens El has one pair already, with the same numbers and row ids."""
    for each in world.companies:
        make_policy(each.tenant, "project", default_group="20")
        for group, name in (("10", "Fast pris"), ("20", "Regning")):
            world.uniconta.bulk(each.number, "ProjectGroup", 1, Group=group, Name=name)
    world.uniconta.add_user_field(world.nordbyg.number, "Project", "xIntempus")
    world.havnen.debtor("1001")
    project(world.havnen, Name="Kajplads")
    world.havnen.settle()
    world.nordbyg.debtor("1001")
    return world.nordbyg


@pytest.fixture(autouse=True)
def neighbour(world: World, company: Company) -> Any:
    """Whatever happens at Nordbyg, Havnens El stays as it was."""
    before = stands(world.havnen)
    assert [len(rows) for rows in before] == [1, 1, 1, 1]
    yield
    assert stands(world.havnen) == before


def stands(company: Company) -> tuple[Any, ...]:
    return projects(company), cases(company), customers(company), groups(company)


def project(company: Company, number: str = "5001", **values: Any) -> int:
    """A person makes a project in Uniconta; ticked, where there is such a field."""
    defaults: dict[str, Any] = {"Name": "Nyt tag", "Account": "1001", "Group": "10"}
    defaults |= {"xIntempus": True} if company.uniconta_fields else {}
    return int(company.uniconta.person_creates(company.number, "Project", Number=number, **(defaults | values)))


def edit(company: Company, row_id: int, table: str = "Project", **values: Any) -> None:
    company.uniconta.person_edits(company.number, table, row_id, **values)
    company.settle()


def edit_case(company: Company, record_id: int, resource: str = "case", **values: Any) -> None:
    company.intempus.person_edits(company.intempus_number, resource, record_id, **values)
    company.pull()


def projects(company: Company) -> list[dict[str, Any]]:
    return [dict(row) for row in company.uniconta.rows(company.number, "Project")]


def there(company: Company, resource: str) -> list[dict[str, Any]]:
    """All a person sees of some records in Intempus; the change counter is nobody's value."""
    rows = sorted(company.intempus.rows(company.intempus_number, resource), key=lambda row: row["id"])
    return [{name: value for name, value in row.items() if name != "logical_timestamp"} for row in rows]


def cases(company: Company) -> list[dict[str, Any]]:
    return there(company, "case")


def customers(company: Company) -> list[dict[str, Any]]:
    return there(company, "customer")


def groups(company: Company) -> list[tuple[str, str]]:
    return sorted((row["number"], row["name"]) for row in there(company, "case_group"))


def shown(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def state(company: Company, number: str = "5001") -> tuple[str, str, str]:
    link = company.link(entity="project", uniconta_key=number)
    return link.state, link.reason, link.detail


def last_notes(company: Company, entity: str, target: str = "intempus") -> list[str]:
    entries = company.entries(entity=entity, target=target, state="done")
    return list(entries[-1].plan.get("notes", []))


FULL = {
    "PersonInCharge": "",
    "StartDate": "2027-01-04",
    "EndDate": "2027-03-31",
    "Description": "Stillads fra uge 2",
    "WorkAddress1": "Havnegade 1",
    "ZipCode": "8000",
    "City": "Aarhus",
    "WorkCountry": "Denmark",
}


def test_a_project_arrives_with_its_customer_and_its_group(company: Company) -> None:
    """The webhook of the customer got lost: the project sees to it."""
    company.uniconta.wait_for_webhooks()
    project(company, **FULL)
    company.settle()
    [case] = cases(company)
    [customer] = customers(company)
    [group] = there(company, "case_group")
    assert shown(case, "number", "name", "customer", "case_group") == ("5001", "Nyt tag", customer["id"], group["id"])
    assert shown(case, "start_date", "end_date", "notes") == ("2027-01-04", "2027-03-31", "Stillads fra uge 2")
    assert shown(case, "street_address", "zip_code", "city", "country") == ("Havnegade 1", "8000", "Aarhus", "DK")
    assert shown(case, *FLAGS) == (True, True, True, True, False, False, False)
    assert (customer["number"], group["number"]) == ("1001", "10")
    assert state(company) == ("in_sync", "", "")
    assert last_notes(company, "project_group") == ["needed_by:project:5001"]


def test_every_flag_is_sent_when_a_case_is_made(company: Company) -> None:
    project(company)
    company.settle()
    [sent] = [
        call.body
        for call in company.intempus.ledger.calls()
        if call.method == "POST" and call.path.endswith("/case/") and call.company == company.intempus_number
    ]
    assert {name: sent[name] for name in FLAGS} == dict(
        zip(FLAGS, (True, True, True, True, False, False, False), strict=True)
    )


def test_edits_travel_both_ways_but_customer_and_group_only_one(company: Company) -> None:
    company.debtor("1002")
    row_id = project(company)
    company.settle()
    [case] = cases(company)
    edit(company, row_id, Name="Nyt tag og skorsten", Account="1002", Group="20")
    [case] = cases(company)
    by_number = {row["number"]: row["id"] for row in customers(company)}
    assert shown(case, "name", "customer") == ("Nyt tag og skorsten", by_number["1002"])
    assert groups(company) == [("10", "Fast pris"), ("20", "Regning")]
    edit_case(company, case["id"], notes="Nøgle hos naboen", city="Odense", customer=by_number["1001"])
    [row] = projects(company)
    assert shown(row, "Description", "City", "Account") == ("Nøgle hos naboen", "Odense", "1002")
    assert [field for field, _, _ in company.not_taken_over()] == ["customer"]


def test_blocked_closes_the_case_both_ways(company: Company) -> None:
    row_id = project(company)
    company.settle()
    [case] = cases(company)

    def stand() -> tuple[Any, ...]:
        link = company.link(entity="project")
        return (projects(company)[0]["Blocked"], *shown(cases(company)[0], *FLAGS[:2]), link.inactive_reason)

    edit(company, row_id, Blocked=True)
    assert stand() == (True, False, False, "blocked")
    edit(company, row_id, Blocked=False)
    assert stand() == (False, True, True, "")
    edit_case(company, case["id"], active=False)
    assert stand() == (True, False, True, "person")
    edit_case(company, case["id"], active=True)
    assert stand() == (False, True, True, "")
    edit(company, row_id, xIntempus=False)
    assert stand() == (False, False, False, "flag")


def test_a_project_of_an_excluded_customer_is_held_until_the_customer_goes(company: Company) -> None:
    row_id = company.debtor("1003", xIntempus=False)
    project(company, Account="1003")
    company.settle()
    assert cases(company) == []
    assert state(company) == ("waiting", "reference_waits", "customer:never_ticked:1003")
    edit(company, row_id, "Debtor", xIntempus=True)
    assert [case["number"] for case in cases(company)] == ["5001"]
    assert state(company) == ("in_sync", "", "")


def test_a_project_of_a_customer_un_ticked_later_is_held(company: Company) -> None:
    [row_id] = [row["RowId"] for row in company.uniconta.rows(company.number, "Debtor")]
    company.settle()
    edit(company, row_id, "Debtor", xIntempus=False)
    project(company)
    company.settle()
    assert cases(company) == []
    assert customers(company)[0]["active"] is False
    assert state(company) == ("waiting", "reference_waits", "customer:unticked:1001")
    edit(company, row_id, "Debtor", xIntempus=True)
    assert (customers(company)[0]["active"], len(cases(company))) == (True, 1)


def test_without_customers_switched_on_a_project_waits_and_says_so(company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        company.tenant.policies.filter(entity="customer").delete()
    project(company)
    company.both()
    assert (cases(company), customers(company)) == ([], [])
    assert state(company) == ("waiting", "reference_waits", "customer:entity_off:1001")


@pytest.mark.parametrize("is_pulled", [True, False])
def test_a_customer_switched_off_in_intempus_is_activated_for_a_new_project(company: Company, is_pulled: bool) -> None:
    """Also where nobody has told us yet that it was switched off."""
    company.settle()
    company.sweep()
    [customer] = customers(company)
    company.intempus.person_edits(company.intempus_number, "customer", customer["id"], active=False)
    if is_pulled:
        company.pull()
        assert company.debtors()["1001"]["Blocked"] is True
    project(company)
    company.settle()
    assert company.debtors()["1001"]["Blocked"] is False
    assert [row["active"] for row in customers(company)] == [True]
    assert [case["customer"] for case in cases(company)] == [customer["id"]]
    assert last_notes(company, "customer") == ["needed_by:project:5001"]
    company.intempus.person_edits(company.intempus_number, "customer", customer["id"], active=False)
    company.pull()
    edit(company, projects(company)[0]["RowId"], Name="Nyt navn")
    assert [row["active"] for row in customers(company)] == [False]  # only a new project wakes it


def test_a_customer_blocked_in_uniconta_stays_blocked_and_the_project_says_so(company: Company) -> None:
    [row_id] = [row["RowId"] for row in company.uniconta.rows(company.number, "Debtor")]
    company.settle()
    edit(company, row_id, "Debtor", Blocked=True)
    project(company)
    company.settle()
    assert [row["active"] for row in customers(company)] == [False]
    assert company.debtors()["1001"]["Blocked"] is True
    assert [case["number"] for case in cases(company)] == ["5001"]
    assert last_notes(company, "project") == ["reference_inactive"]


def test_a_case_born_in_intempus_keeps_its_number_and_waits_for_its_customer(company: Company) -> None:
    company.sweep()  # what Uniconta has must be known before anything is made there
    company.policy(create_in_uniconta=False)
    customer = company.customer(name="Ny kunde")
    case = company.intempus.person_creates(
        company.intempus_number, "case", number="S-77", name="Fra Intempus", customer=customer, start_date="2027-02-01"
    )
    company.pull()
    link = company.link(entity="project", intempus_id=str(case))
    assert (link.state, link.reason) == ("waiting", "reference_waits")
    assert link.detail == f"customer:creates_off:#{customer}"
    assert projects(company) == []
    company.policy(create_in_uniconta=True)
    company.both()
    [row] = projects(company)
    assert shown(row, "Number", "Name", "Account", "Group", "xIntempus") == (
        "S-77",
        "Fra Intempus",
        f"I{customer}",
        "20",
        True,
    )
    assert row["StartDate"] == "2027-02-01T00:00:00"
    assert shown(cases(company)[0], "number", "customer") == ("S-77", customer)


def test_the_person_in_charge_follows_where_employees_synchronise(company: Company) -> None:
    company.uniconta.bulk(company.number, "EmployeeGroup", 1, Number="1", Name="Montører")
    company.uniconta.person_creates(company.number, "Employee", Number="17", Name="Jens", Group="1", Mobil="20304050")
    project(company, PersonInCharge="17")
    company.both()
    assert company.log(company.link(entity="project"))[-1].plan.get("notes", []) == []  # employees are off: no word
    make_policy(company.tenant, "employee")
    company.both()
    assert cases(company)[0]["responsible"] is None  # nobody there bears the telephone, and creating is off
    employee = company.intempus.person_creates(company.intempus_number, "employee", name="Jens H.", phone="20304050")
    company.both()
    assert cases(company)[0]["responsible"] == employee
