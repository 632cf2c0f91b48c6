"""Projects: projects of Uniconta and cases of Intempus. What a case hangs on, its customer above all, goes first."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mappings.models import RecordLink
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


def test_a_case_closed_in_intempus_does_not_wake_its_customer(company: Company) -> None:
    """Somebody over there is done with both: the case going out of use needs nothing."""
    project(company)
    company.both()
    [case], [customer] = cases(company), customers(company)
    for resource, record in (("customer", customer), ("case", case)):
        company.intempus.person_edits(company.intempus_number, resource, record["id"], active=False)
    company.both()
    assert (customers(company)[0]["active"], cases(company)[0]["active"]) == (False, False)
    assert (company.debtors()["1001"]["Blocked"], projects(company)[0]["Blocked"]) == (True, True)


def test_a_customer_is_woken_on_what_stands_in_uniconta_now(company: Company) -> None:
    """Somebody saved it meanwhile, and the call about it got lost."""
    company.both()
    [row_id], [customer] = [row["RowId"] for row in company.debtors().values()], customers(company)
    company.intempus.person_edits(company.intempus_number, "customer", customer["id"], active=False)
    company.pull()
    company.uniconta.switches.webhook_drop_probability = 1.0
    company.edit(row_id, City="Aarhus")
    company.uniconta.wait_for_webhooks()
    company.uniconta.switches.webhook_drop_probability = 0.0
    with tenant_scope(company.tenant.pk):  # read a while ago
        RecordLink.objects.filter(entity="customer", tenant=company.tenant).update(
            uniconta_seen_at=timezone.now() - timedelta(minutes=5)
        )
    project(company)
    company.settle()
    assert shown(customers(company)[0], "active", "city") == (True, "Aarhus")
    assert company.debtors()["1001"]["Blocked"] is False


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


# ------------------------------------------------------------------------------------------------ phases


def states(company: Company) -> list[tuple[str, str]]:
    return sorted((row["number"], row["name"]) for row in there(company, "case_state"))


def closed(company: Company) -> tuple[Any, ...]:
    """Whether the case is in use, its state's number, and why it is not in use."""
    [case] = cases(company)
    numbers = {row["id"]: row["number"] for row in there(company, "case_state")}
    return (*shown(case, *FLAGS[:2]), numbers.get(case["case_state"]), company.link(entity="project").inactive_reason)


def test_a_project_goes_when_it_enters_a_phase_that_synchronises(company: Company) -> None:
    row_id = project(company, Phase="Paused")
    company.settle()
    assert (cases(company), states(company), groups(company)) == ([], [], [])
    assert state(company) == ("excluded", "phase_outside", "")
    edit(company, row_id, Phase="InProgress")
    assert states(company) == [("InProgress", "Igangværende")]
    assert closed(company) == (True, True, "InProgress", "")


def test_a_project_that_leaves_closes_its_case_and_one_that_returns_reopens_it(company: Company) -> None:
    row_id = project(company)
    company.settle()
    assert closed(company) == (True, True, "Created", "")
    edit(company, row_id, Phase="ReportedAsFinished")
    assert closed(company) == (False, False, "ReportedAsFinished", "phase")
    assert state(company) == ("excluded", "phase_left", "")
    edit(company, row_id, Phase="Completed", Name="Nyt tag, færdigt")
    assert closed(company) == (False, False, "Completed", "phase")
    assert cases(company)[0]["name"] == "Nyt tag"
    edit_case(company, cases(company)[0]["id"], notes="Efter lukning")
    assert projects(company)[0]["Description"] is None
    edit(company, row_id, Phase="Accepted")
    assert closed(company) == (True, True, "Accepted", "")
    assert shown(cases(company)[0], "name", "notes") == ("Nyt tag, færdigt", "")
    assert company.overwritten() == [("description", "Efter lukning", "")]
    assert projects(company)[0]["Blocked"] is False


def test_a_project_that_waits_for_its_customer_still_knows_why_it_is_closed(company: Company) -> None:
    """Back in a phase that synchronises, but at a customer that does not: what it missed, it catches up with later."""
    company.update(conflict_policy="merge_fields")
    other = company.debtor("1002", xIntempus=False)
    row_id = project(company)
    company.settle()
    edit(company, row_id, Phase="Completed")
    edit_case(company, cases(company)[0]["id"], notes="Efter lukning")
    edit(company, row_id, Phase="Created", Account="1002")
    assert state(company) == ("waiting", "reference_waits", "customer:never_ticked:1002")
    edit(company, other, "Debtor", xIntempus=True)
    assert closed(company) == (True, True, "Created", "")
    assert (cases(company)[0]["notes"], projects(company)[0]["Description"]) == ("", None)


def test_a_phase_that_changed_without_the_tick_is_said_with_it(company: Company) -> None:
    row_id = project(company)
    company.settle()
    edit(company, row_id, xIntempus=False)
    edit(company, row_id, Phase="Completed")
    assert closed(company) == (False, False, "Created", "flag")
    edit(company, row_id, xIntempus=True)
    assert closed(company) == (False, False, "Completed", "phase")


def test_a_closed_case_that_somebody_reopens_is_listed_and_left_alone(company: Company) -> None:
    row_id = project(company)
    company.settle()
    edit(company, row_id, Phase="Completed")
    edit_case(company, cases(company)[0]["id"], active=True)
    assert cases(company)[0]["active"] is True
    assert projects(company)[0]["Blocked"] is False
    assert state(company) == ("excluded", "reactivated_by_hand", "")
    assert company.not_taken_over() == [("active", False, True)]


def test_a_pair_that_meets_outside_the_phases_is_linked_and_left_alone(company: Company) -> None:
    company.settle()
    company.sweep()
    project(company, Phase="Completed")
    customer = customers(company)[0]["id"]
    company.intempus.person_creates(company.intempus_number, "case", number="5001", name="Gammel", customer=customer)
    company.both()
    assert shown(cases(company)[0], "name", "active", "case_state") == ("Gammel", True, None)
    assert company.link(entity="project").is_linked
    assert state(company) == ("excluded", "phase_outside", "")


def test_which_phases_synchronise_is_the_tenants_own_set(company: Company) -> None:
    project(company, Phase="Paused")
    project(company, "5002")
    company.settle()
    assert [case["number"] for case in cases(company)] == ["5002"]
    with tenant_scope(company.tenant.pk):
        policy = company.tenant.policies.get(entity="project")
        policy.phases = ["Paused"]
        policy.full_clean()
        policy.save()
    company.both()
    assert [shown(case, "number", "active") for case in cases(company)] == [("5002", False), ("5001", True)]
    assert state(company, "5002") == ("excluded", "phase_left", "")


def test_a_state_added_in_intempus_is_reported_and_never_pushed(company: Company) -> None:
    row_id = project(company)
    company.settle()
    own = company.intempus.person_creates(company.intempus_number, "case_state", number="9", name="Afventer")
    edit_case(company, cases(company)[0]["id"], case_state=own)
    link = company.link(entity="case_state", intempus_id=str(own))
    assert (link.state, link.reason) == ("excluded", "not_in_list")
    assert projects(company)[0]["Phase"] == "Created"
    assert [(field, new) for field, _, new in company.not_taken_over()] == [("phase", str(own))]
    edit(company, row_id, Phase="InProgress")
    assert states(company) == [("9", "Afventer"), ("Created", "Oprettet"), ("InProgress", "Igangværende")]
    assert closed(company) == (True, True, "InProgress", "")


def test_an_unknown_phase_asks_a_person_and_closes_nothing(company: Company) -> None:
    row_id = project(company)
    company.settle()
    edit(company, row_id, Phase="Offer", Name="Tilbud på tag")
    assert closed(company) == (True, True, "Created", "")
    assert cases(company)[0]["name"] == "Nyt tag"
    assert state(company)[:2] == ("needs_attention", "mapping_error")
    assert "is no phase that the platform knows" in state(company)[2]
    edit(company, row_id, Phase="InProgress")
    assert closed(company) == (True, True, "InProgress", "")
    assert state(company) == ("in_sync", "", "")


# ------------------------------------------------------------------------------------------------ parents and dates


def tree(company: Company) -> dict[str, str]:
    """Number of each case → number of the case above it."""
    numbers = {case["id"]: case["number"] for case in cases(company)}
    return {case["number"]: numbers.get(case["parent"], "") for case in cases(company)}


def test_parents_go_before_their_children(company: Company) -> None:
    company.uniconta.bulk(company.number, "Project", 1, Number="5000", Name="Byen", Account="1001", xIntempus=True)
    parents = {"5001": "5000", "5002": "5001", "5003": "5002"}
    for number, above in parents.items():
        company.uniconta.bulk(
            company.number, "Project", 1, Number=number, Name="Hus", Account="1001", MasterProject=above, xIntempus=True
        )
    last = company.uniconta.row_by_key(company.number, "Project", "5003")["RowId"]
    edit(company, last, Description="Kun denne blev gemt")
    assert tree(company) == {"5000": "", **parents}
    writes = [effect for effect in company.writes() if effect[1] == "case"]
    assert [action for action, _, _ in writes] == ["created"] * 4  # each was sent once, complete


def test_another_parent_travels_from_uniconta_only(company: Company) -> None:
    for number in ("5000", "5001"):
        project(company, number)
    row_id = project(company, "5002", MasterProject="5000")
    company.settle()
    edit(company, row_id, MasterProject="5001")
    assert tree(company)["5002"] == "5001"
    ids = {case["number"]: case["id"] for case in cases(company)}
    edit_case(company, ids["5002"], parent=ids["5000"])
    assert company.uniconta.row(company.number, "Project", row_id)["MasterProject"] == "5001"
    edit(company, row_id, MasterProject="")
    assert tree(company)["5002"] == ""


def test_a_renumbered_parent_overwrites_no_other_parent(company: Company) -> None:
    """A person moved the case in Intempus; then the project above it got another number, and nobody saved the case's."""
    above = {number: project(company, number) for number in ("5000", "5001")}
    project(company, "5002", MasterProject="5001")
    company.settle()
    ids = {case["number"]: case["id"] for case in cases(company)}
    edit_case(company, ids["5002"], parent=ids["5000"], name="Tag, rettet")
    assert company.not_taken_over() == [("parent", str(ids["5001"]), str(ids["5000"]))]
    edit(company, above["5001"], Number="5009")
    company.both()
    assert tree(company) == {"5000": "", "5009": "", "5002": "5000"}
    assert company.link(entity="project", uniconta_key="5002").differing == ["parent"]
    assert company.overwritten() == []


def test_projects_in_a_circle_are_refused_until_somebody_breaks_it(company: Company) -> None:
    first, second = project(company, "5001"), project(company, "5002", MasterProject="5001")
    company.uniconta.wait_for_webhooks()
    company.uniconta.person_edits(company.number, "Project", first, MasterProject="5002")
    itself = project(company, "5003")
    company.uniconta.person_edits(company.number, "Project", itself, MasterProject="5003")
    project(company, "5004")
    company.settle()
    assert tree(company) == {"5004": ""}
    assert state(company, "5001") == ("needs_attention", "parent_circle", "5001 → 5002 → 5001")
    assert state(company, "5002") == ("needs_attention", "parent_circle", "5002 → 5001 → 5002")
    assert state(company, "5003") == ("needs_attention", "parent_circle", "5003 → 5003")
    edit(company, second, MasterProject="")
    assert tree(company) == {"5004": "", "5002": "", "5001": "5002"}
    assert state(company, "5001") == ("in_sync", "", "")


def test_linked_projects_that_swap_places_are_no_circle(company: Company) -> None:
    """The call about one of them comes first, while the other is known as it was."""
    first, second = project(company, "5001"), project(company, "5002", MasterProject="5001")
    company.settle()
    company.uniconta.person_edits(company.number, "Project", second, MasterProject="")
    company.uniconta.person_edits(company.number, "Project", first, MasterProject="5002")
    company.settle()
    assert tree(company) == {"5001": "5002", "5002": ""}


def test_a_parent_of_another_customer_is_left_out_and_said(company: Company) -> None:
    company.debtor("1002")
    project(company, "5000", Account="1002")
    row_id = project(company, MasterProject="5000")
    company.settle()
    assert tree(company) == {"5000": "", "5001": ""}
    assert "parent_of_other_customer" in company.notes(company.link(entity="project", uniconta_key="5001"))
    edit(company, projects(company)[0]["RowId"], Account="1001")  # the parent's, not the child's
    assert tree(company) == {"5000": "", "5001": "5000"}
    assert company.uniconta.row(company.number, "Project", row_id)["MasterProject"] == "5000"


def test_a_parent_that_could_not_go_and_is_taken_away_leaves_none(company: Company) -> None:
    project(company, "5000")
    project(company, "5002", xIntempus=False)
    row_id = project(company, MasterProject="5000")
    company.settle()
    edit(company, row_id, MasterProject="5002")
    assert tree(company) == {"5000": "", "5001": "5000"}
    edit(company, row_id, MasterProject="")
    assert tree(company) == {"5000": "", "5001": ""}


def test_a_renumbered_customer_parts_no_parent_from_its_children(company: Company) -> None:
    """Only one of the two was read since: by number alone they seem to have different customers."""
    [customer] = [row["RowId"] for row in company.uniconta.rows(company.number, "Debtor")]
    project(company, "5000")
    row_id = project(company, MasterProject="5000")
    company.settle()
    ids = {case["number"]: case["id"] for case in cases(company)}
    edit_case(company, ids["5001"], parent=None)
    edit(company, customer, "Debtor", Account="9001")
    edit(company, row_id, Description="Gemt efter skiftet")
    assert "parent_of_other_customer" not in company.notes(company.link(entity="project", uniconta_key="5001"))
    company.both()
    assert tree(company) == {"5000": "", "5001": ""}  # taken away in Intempus, and nobody saved another one since


def test_a_parent_that_does_not_go_is_left_out_until_it_goes(company: Company) -> None:
    parent = project(company, "5000", xIntempus=False)
    project(company, MasterProject="5000")
    company.settle()
    assert tree(company) == {"5001": ""}
    assert "reference_missing" in company.notes(company.link(entity="project", uniconta_key="5001"))
    edit(company, parent, xIntempus=True)
    assert tree(company) == {"5000": "", "5001": "5000"}


def test_cases_born_in_intempus_come_with_their_parent(company: Company) -> None:
    company.settle()
    company.sweep()
    customer = customers(company)[0]["id"]
    values = {"name": "Fra Intempus", "customer": customer}
    parent = company.intempus.person_creates(company.intempus_number, "case", number="S-1", **values)
    company.intempus.person_creates(company.intempus_number, "case", number="S-2", parent=parent, **values)
    company.pull()
    assert {row["Number"]: row["MasterProject"] for row in projects(company)} == {"S-1": None, "S-2": "S-1"}


def test_an_end_without_a_start_is_said_before_anything_is_sent(company: Company) -> None:
    row_id = project(company, EndDate="2027-03-31")
    company.settle()
    assert cases(company) == []
    assert state(company) == ("needs_attention", "end_without_start", "end: 2027-03-31")
    assert [call for call in company.intempus.ledger.calls() if call.status == 400] == []
    edit(company, row_id, StartDate="2027-01-04")
    assert shown(cases(company)[0], "start_date", "end_date") == ("2027-01-04", "2027-03-31")
    edit(company, row_id, StartDate="")
    assert state(company)[1] == "end_without_start"
    assert cases(company)[0]["start_date"] == "2027-01-04"
    edit(company, row_id, EndDate="")
    assert shown(cases(company)[0], "start_date", "end_date") == (None, None)


# ------------------------------------------------------------------------------------------------ matching


def test_of_cases_with_one_number_the_customers_own_is_the_project(company: Company) -> None:
    company.debtor("1002")
    company.both()
    ids = {row["number"]: row["id"] for row in customers(company)}
    made = {
        number: company.intempus.person_creates(
            company.intempus_number, "case", number="5001", name=f"Hos {number}", customer=ids[number], active=False
        )
        for number in ("1001", "1002")
    }
    project(company, Account="1002")
    company.both()
    link = company.link(entity="project", uniconta_key="5001")
    assert (link.intempus_id, link.state) == (str(made["1002"]), "in_sync")
    assert [shown(case, "id", "name", "active") for case in cases(company)] == [
        (made["1001"], "Hos 1001", False),
        (made["1002"], "Nyt tag", True),
    ]


def test_a_number_alone_is_enough_while_one_case_bears_it_and_two_ask_a_person(company: Company) -> None:
    company.debtor("1002")
    company.both()
    ids = {row["number"]: row["id"] for row in customers(company)}
    for number, customer in (("5001", "1001"), ("5002", "1002"), ("5002", "1002")):
        company.intempus.person_creates(
            company.intempus_number, "case", number=number, name="Gammel", customer=ids[customer], active=False
        )
    project(company, "5001", Account="1002")
    project(company, "5002", Account="1002")
    company.both()
    assert shown(cases(company)[0], "customer", "name") == (ids["1002"], "Nyt tag")
    assert state(company, "5002")[:2] == ("needs_attention", "ambiguous_match")
    assert [case["name"] for case in cases(company)] == ["Nyt tag", "Gammel", "Gammel"]
