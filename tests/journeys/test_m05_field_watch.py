"""M5, field watch: a mapped field that no row carries any more is gone, not blank."""

import pytest

from mappings.spec import System
from sync.domain import actions
from sync.domain.connections import Recorder
from sync.domain.context import open_context
from sync.domain.pull import pull_entity
from sync.domain.sweep import sweep_entity
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World
from tests.journeys.test_m08_own_fields import add_rows

pytestmark = pytest.mark.one_profile

FIELD = {"uniconta": "xAfdeling", "intempus": "notes"}


@pytest.fixture(params=["uniconta", "intempus"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def company(world: World) -> Company:
    """Two debtors with a value in a field of the tenant's own; the other company has the field, and keeps it."""
    for each in world.companies:
        world.uniconta.add_user_field(each.number, "Debtor", "xAfdeling", "text")
        add_rows(each, uniconta_field="xAfdeling")
        for account, department in (("1001", "100"), ("1002", "200")):
            each.debtor(account, xAfdeling=department)
        each.settle()
        each.pull(is_complete=True)
        each.sweep()
    return world.nordbyg


def hide(company: Company, system: str) -> None:
    """The field gets another name in Uniconta; in Intempus the log-in may not see it any more."""
    if system == "uniconta":
        company.uniconta.rename_user_field(company.number, "Debtor", "xAfdeling", "xGammel")
    else:
        company.intempus.hidden_fields[company.intempus_number] = {"notes"}


def show(company: Company, system: str) -> None:
    if system == "uniconta":
        company.uniconta.rename_user_field(company.number, "Debtor", "xGammel", "xAfdeling")
    else:
        company.intempus.hidden_fields.clear()


def read(company: Company, system: str) -> str:
    run = company.sweep() if system == "uniconta" else company.pull(is_complete=True)
    return run.error_code


def departments(company: Company) -> tuple[list[str], list[str]]:
    """As they stand in both systems, under whichever name."""
    debtors = [row for _, row in sorted(company.debtors().items())]
    return (
        [row.get("xAfdeling", row.get("xGammel")) or "" for row in debtors],
        [row["notes"] for row in sorted(company.customers(), key=lambda row: row["number"])],
    )


def test_a_mapped_field_that_vanishes_is_not_blank(company: Company, world: World, system: str) -> None:
    before = company.now()
    hide(company, system)
    read(company, system)
    policy = company.entity_policy()
    assert (policy.hold_code, policy.hold_detail) == ("field_disappeared", FIELD[system])
    company.debtor("1003")
    row_id = company.debtors()["1001"]["RowId"]
    company.edit(row_id, City="Assens")
    company.settle()
    customers = {row["number"]: row for row in company.customers()}
    assert sorted(customers) == ["1001", "1002"]  # what is new waits
    assert customers["1001"]["city"] == "Assens"  # what is known goes on, without the field
    assert departments(company)[1] == ["Tømrer", "200"]
    assert departments(company)[0][:2] == ["100", "200"]
    assert company.link(uniconta_key="1003").reason == "field_disappeared"
    assert [change for change in company.writes(before) if change[0] == "created"] == []
    assert world.havnen.entity_policy().hold_code == ""

    company.press(actions.accept_fields, company.entity_policy().pk, "field_disappeared")
    read(company, system)
    assert sorted(row["number"] for row in company.customers()) == ["1001", "1002", "1003"]
    assert company.entity_policy().hold_code == ""
    assert departments(company)[1][:2] == ["Tømrer", "200"]


def test_a_field_that_comes_back_goes_on_by_itself(company: Company, system: str) -> None:
    hide(company, system)
    read(company, system)
    company.debtor("1003", **{"xGammel" if system == "uniconta" else "xAfdeling": "300"})
    company.settle()
    show(company, system)
    read(company, system)
    company.both()
    assert company.entity_policy().hold_code == ""
    assert company.entity_policy().fields_gone[system] == []
    assert departments(company) == (["100", "200", "300"], ["Tømrer", "200", "300"])


def test_the_only_record_with_a_value_deleted_is_no_vanished_field(company: Company, system: str) -> None:
    """Found by the state machine."""
    company.edit(company.debtors()["1002"]["RowId"], xAfdeling="")
    company.settle()
    world = company.uniconta if system == "uniconta" else company.intempus
    number, resource = (company.number, "Debtor") if system == "uniconta" else (company.intempus_number, "customer")
    key = "Account" if system == "uniconta" else "number"
    [row] = [row for row in world.rows(number, resource) if row[key] == "1001"]
    world.person_deletes(number, resource, row["RowId" if system == "uniconta" else "id"])
    read(company, system)
    assert company.entity_policy().hold_code == ""


def test_the_last_value_taken_out_by_hand_is_no_vanished_field(company: Company) -> None:
    """Uniconta leaves empty fields out: then, too, no row carries it."""
    for row in company.debtors().values():
        company.edit(row["RowId"], xAfdeling="")
    company.settle()
    assert read(company, "uniconta") == ""
    assert company.entity_policy().hold_code == ""
    assert departments(company)[1] == ["", ""]


def test_a_read_that_began_before_forgets_nothing(company: Company, world: World, system: str) -> None:
    """Found by a review: a fetch that began before the check of the other system wiped out what that had noted."""
    other = System(system).other.value
    policy = company.entity_policy()
    seen_first = policy.fields_seen.pop(other)  # so that the late read has something to note, too
    company.policy(fields_seen=policy.fields_seen, fields_gone={})
    recorder = Recorder(company.tenant.pk)
    began_before = open_context(company.tenant.pk, recorder)
    hide(company, system)
    read(company, system)
    noted = company.entity_policy()
    if system == "uniconta":
        pull_entity(began_before, began_before.entities["customer"], is_complete=True)
    else:
        sweep_entity(began_before, began_before.entities["customer"])
    recorder.flush()
    after = company.entity_policy()
    assert after.fields_seen == noted.fields_seen | {other: seen_first}
    assert after.fields_gone[system] == noted.fields_gone[system] == [FIELD[system]]
    assert (after.hold_code, after.hold_detail) == ("field_disappeared", FIELD[system])
    company.edit(company.debtors()["1001"]["RowId"], City="Assens")
    company.settle()
    assert departments(company) == (["100", "200"], ["Tømrer", "200"])


def test_an_answer_pressed_twice_is_one_answer(company: Company) -> None:
    hide(company, "uniconta")
    read(company, "uniconta")
    policy_id = company.entity_policy().pk
    company.press(actions.accept_fields, policy_id, "field_disappeared")
    company.press(actions.accept_fields, policy_id, "field_disappeared")
    company.press(actions.accept_fields, policy_id, "")
    policy = company.entity_policy()
    assert (policy.hold_code, policy.has_flag) == ("", True)
    assert policy.fields_gone["uniconta"] == ["xAfdeling"]
    with tenant_scope(company.tenant.pk):
        assert company.tenant.runs.filter(kind="sweep", state="queued").count() == 1
