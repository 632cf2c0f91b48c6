"""Employees: matched by CPR number, telephone and e-mail, created in Intempus only where a person wants it, never deleted."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sync.domain.actions import retry
from sync.models import SyncLogEntry
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import unseal
from tests.factories import make_policy, make_user
from tests.journeys.conftest import Company, World

ALL_CASES, EDITS = "may_add_work_reports_to_all_cases", "may_CUD_customers_and_cases"
CPR = "010180-1234"  # the canary: whoever finds it behind the connectors has found a leak


@pytest.fixture
def company(world: World) -> Company:
    """Both companies synchronise employees; Havnens El has one pair already, with the same number and row id."""
    for each in world.companies:
        make_policy(each.tenant, "employee", default_group="20")
        for group, name in (("10", "Montører"), ("20", "Øvrige")):
            world.uniconta.bulk(each.number, "EmployeeGroup", 1, Number=group, Name=name)
    hire(world.havnen)
    user(world.havnen)
    world.havnen.both()
    return world.nordbyg


@pytest.fixture(autouse=True)
def neighbour(world: World, company: Company) -> Any:
    """Whatever happens at Nordbyg, Havnens El stays as it was."""
    before = stands(world.havnen)
    assert [len(rows) for rows in before] == [1, 1, 1]
    yield
    assert stands(world.havnen) == before


def stands(company: Company) -> tuple[Any, Any, Any]:
    return people(company), users(company), groups(company)


def hire(company: Company, number: str = "17", **values: Any) -> int:
    """A person makes an employee in Uniconta."""
    defaults = {"Name": "Jens Hansen", "Group": "10", "Email": "jens@firma.dk", "Mobil": "20 30 40 50"}
    defaults |= {"PersonalId": CPR, "City": "Aarhus"}
    return int(company.uniconta.person_creates(company.number, "Employee", Number=number, **(defaults | values)))


def user(company: Company, **values: Any) -> int:
    """A person makes an employee in Intempus, who may do everything."""
    defaults = {"number": "17", "name": "Jens H.", "email": "jens@firma.dk", "phone": "+45 20304050", "cpr_number": CPR}
    defaults |= {ALL_CASES: True, EDITS: True}
    return int(company.intempus.person_creates(company.intempus_number, "employee", **(defaults | values)))


def edit(company: Company, row_id: int, **values: Any) -> None:
    company.uniconta.person_edits(company.number, "Employee", row_id, **values)
    company.settle()
    company.sweep()


def edit_user(company: Company, record_id: int, **values: Any) -> None:
    company.intempus.person_edits(company.intempus_number, "employee", record_id, **values)
    company.pull()


def people(company: Company) -> list[dict[str, Any]]:
    return [dict(row) for row in company.uniconta.rows(company.number, "Employee")]


def users(company: Company) -> list[dict[str, Any]]:
    rows = sorted(company.intempus.rows(company.intempus_number, "employee"), key=lambda row: row["id"])
    return [{name: value for name, value in row.items() if name != "logical_timestamp"} for row in rows]


def groups(company: Company) -> list[tuple[str, str]]:
    rows = company.intempus.rows(company.intempus_number, "employee_group")
    return sorted((row["number"], row["name"]) for row in rows)


def shown(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def switch_creates_on(company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        policy = company.tenant.policies.get(entity="employee")
        policy.create_in_intempus = True
        policy.save()


def day(days: int) -> str:
    return f"{timezone.localdate() + timedelta(days=days)}T00:00:00"


def state(company: Company, **where: Any) -> tuple[str, str]:
    link = company.link(entity="employee", **where)
    return link.state, link.reason


@pytest.mark.parametrize(
    "found_by",
    [{"email": "other@firma.dk"}, {"phone": ""}, {"phone": "004520304050", "email": ""}],
)
def test_a_mobile_or_an_e_mail_makes_a_pair_and_the_group_comes_with_it(
    company: Company, found_by: dict[str, Any]
) -> None:
    user(company, number="", cpr_number="", **found_by)
    hire(company)
    company.both()
    [found] = users(company)
    assert shown(found, "number", "name", "city") == ("17", "Jens Hansen", "Aarhus")
    assert found["email"] == "jens@firma.dk"
    assert groups(company) == [("10", "Montører")]
    assert state(company) == ("in_sync", "")


def test_a_name_and_a_number_are_no_reason_to_link_anybody(company: Company) -> None:
    user(company, name="Jens Hansen", email="", phone="", number="18", cpr_number="")
    hire(company)
    company.both()
    assert state(company, uniconta_key="17") == ("excluded", "creates_off")
    assert company.link(entity="employee", uniconta_key="17").detail == ""
    assert {row["Number"] for row in people(company)} == {"17", "18"}  # born in Intempus, with its number there
    assert groups(company) == [("20", "Øvrige")]  # nobody who goes to Intempus uses the other one


@pytest.mark.parametrize("spelling", ["010180-1234", "0101801234", " 010180 1234 "])
def test_a_cpr_number_comes_before_anything_else(company: Company, spelling: str) -> None:
    """Mother and son share a telephone; she is the other one."""
    user(company, number="", email="", cpr_number=spelling, name="Jens")
    user(company, number="19", email="", cpr_number="020260-1234", name="Ida")
    hire(company, Email="")
    hire(company, "18", Name="Ida Juhl", Email="", PersonalId="0202601234")
    company.both()
    assert [shown(row, "number", "name") for row in users(company)] == [("17", "Jens Hansen"), ("18", "Ida Juhl")]


def test_one_telephone_and_two_cpr_numbers_are_two_people(company: Company) -> None:
    company.sweep()
    record_id = user(company, number="19", cpr_number="020260-1234")
    row_id = hire(company)
    company.both()
    assert state(company, uniconta_key="17") == ("needs_attention", "ambiguous_match")
    edit_user(company, record_id, cpr_number=CPR)  # a slip of the pen, put right: no mapped value has changed
    assert state(company, uniconta_id=str(row_id)) == ("in_sync", "")
    assert company.link(entity="employee", uniconta_id=str(row_id)).intempus_id == str(record_id)


def test_without_its_key_no_cpr_number_is_compared(company: Company, settings: Any) -> None:
    settings.CPR_KEY = ""
    user(company, number="19", email="", phone="")
    hire(company)
    company.both()
    assert state(company, uniconta_key="17") == ("excluded", "creates_off")
    with tenant_scope(company.tenant.pk):
        links = company.tenant.links.filter(entity="employee")
        keys = [key for each in links for key in (*each.uniconta_match_keys, *each.intempus_match_keys)]
    assert [key for key in keys if key.startswith("h:")] == []


def test_a_shared_telephone_asks_a_person(company: Company) -> None:
    company.sweep()
    hire(company, Email="", PersonalId="")
    hire(company, "18", Name="Ida Juhl", Email="", PersonalId="")
    user(company, email="")
    company.both()
    assert state(company, uniconta_key="17") == ("needs_attention", "ambiguous_match")
    assert users(company)[0]["name"] == "Jens H."


def test_edits_travel_both_ways_but_numbers_and_groups_only_one(company: Company) -> None:
    record_id = user(company)
    row_id = hire(company)
    company.both()
    edit(company, row_id, Address1="Havnegade 1", ZipCode="8000", Group="20")
    [found] = users(company)
    assert shown(found, "street_address", "zip_code") == ("Havnegade 1", "8000")
    assert groups(company) == [("10", "Montører"), ("20", "Øvrige")]
    edit_user(company, record_id, email="jh@firma.dk", phone="11223344", number="99")
    [row] = people(company)
    assert shown(row, "Email", "Mobil", "Number", "PersonalId") == ("jh@firma.dk", "11223344", "17", CPR)
    assert company.not_taken_over() == [("number", "17", "99")]


def test_nobody_is_created_in_intempus_until_a_person_wants_it(company: Company) -> None:
    hire(company)
    company.both()
    assert (users(company), groups(company)) == ([], [])
    assert state(company) == ("excluded", "creates_off")
    switch_creates_on(company)
    company.both()
    [found] = users(company)
    assert shown(found, "number", "name", "email", "phone", "username") == (
        "17",
        "Jens Hansen",
        "jens@firma.dk",
        "20 30 40 50",
        "jens@firma.dk",
    )
    assert found["password_generation"] == 1
    assert len(found["password"]) > 20
    assert found["cpr_number"] == ""
    assert groups(company) == [("10", "Montører")]
    assert not is_kept_anywhere(found["password"])


def test_without_an_e_mail_nobody_is_created(company: Company) -> None:
    switch_creates_on(company)
    row_id = hire(company, Email="")
    company.both()
    assert users(company) == []
    assert state(company) == ("needs_attention", "value_needed")
    edit(company, row_id, Email="jens@firma.dk")
    assert len(users(company)) == 1


@pytest.mark.parametrize("number", ["JH", "1000000", "017"])
def test_a_number_that_intempus_refuses_is_said_before_anything_is_sent(company: Company, number: str) -> None:
    switch_creates_on(company)
    row_id = hire(company, number)
    company.both()
    assert state(company) == ("needs_attention", "number_refused")
    assert repr(number) in company.link(entity="employee").detail
    assert [write for write in company.writes() if write[1] == "employee"] == []
    edit(company, row_id, Number="17")
    assert [row["number"] for row in users(company)] == ["17"]


@pytest.mark.parametrize("number", ["JH", "1000000"])
def test_a_refused_number_stays_behind_and_all_else_goes(company: Company, number: str) -> None:
    """Somebody gave a linked employee a number that Intempus does not take."""
    user(company)
    row_id = hire(company)
    company.both()
    edit(company, row_id, Number=number, City="Odense", Group="20")
    [found] = users(company)
    assert shown(found, "number", "city") == ("17", "Odense")
    assert groups(company) == [("10", "Montører"), ("20", "Øvrige")]
    link = company.link(entity="employee")
    assert (link.state, link.reason, link.detail, link.differing) == ("in_sync", "number_kept", number, ["number"])
    before = company.now()
    company.both()
    assert (company.writes(before), state(company)) == ([], ("in_sync", "number_kept"))
    edit(company, row_id, Number="31")
    assert (users(company)[0]["number"], state(company)) == ("31", ("in_sync", ""))


def test_born_in_intempus_without_a_number_asks_for_one(company: Company) -> None:
    company.sweep()
    record_id = user(company, number="")
    company.pull()
    assert people(company) == []
    assert state(company) == ("needs_attention", "number_refused")
    edit_user(company, record_id, number="31")
    assert [row["Number"] for row in people(company)] == ["31"]


def test_who_has_left_loses_two_permissions_and_nothing_else(company: Company) -> None:
    record_id = user(company)
    row_id = hire(company)
    company.both()
    edit(company, row_id, Terminated=day(3))
    assert shown(users(company)[0], ALL_CASES, EDITS) == (True, True)  # still here
    edit(company, row_id, Terminated=day(-1))
    assert shown(users(company)[0], ALL_CASES, EDITS) == (False, False)
    assert company.link(entity="employee").differing == []
    edit_user(company, record_id, **{ALL_CASES: True})  # a person gives one back: listed, not corrected
    assert shown(users(company)[0], ALL_CASES, EDITS) == (True, False)
    assert company.not_taken_over() == [("reports_on_all_cases", False, True)]
    edit(company, row_id, Terminated=None)  # back again: what was taken is not given
    assert shown(users(company)[0], ALL_CASES, EDITS) == (True, False)
    assert company.link(entity="employee").differing == []


def test_the_day_passes_without_anybody_saving(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=5)

    user(company)
    hire(company, Terminated=day(3))
    company.both()
    assert shown(users(company)[0], ALL_CASES, EDITS) == (True, True)
    monkeypatch.setattr("mappings.transforms.datetime", Later)
    company.sweep()
    assert shown(users(company)[0], ALL_CASES, EDITS) == (False, False)


def test_a_permission_a_person_withheld_is_not_granted(company: Company) -> None:
    record_id = user(company, **{ALL_CASES: False, EDITS: False})
    row_id = hire(company)
    company.both()
    edit_user(company, record_id, **{EDITS: True})
    edit_user(company, record_id, **{EDITS: False})
    edit(company, row_id, Name="Jens B. Hansen")
    assert shown(users(company)[0], "name", ALL_CASES, EDITS) == ("Jens B. Hansen", False, False)
    assert company.not_taken_over() == []


def test_who_has_left_is_not_created(company: Company) -> None:
    switch_creates_on(company)
    row_id = hire(company, Terminated=day(-400))
    company.both()
    assert (users(company), groups(company)) == ([], [])
    assert state(company) == ("excluded", "ended_in_uniconta")
    edit(company, row_id, Terminated=None)
    assert len(users(company)) == 1


def test_nobody_is_created_twice_by_itself(world: World, company: Company) -> None:
    switch_creates_on(company)
    world.intempus.faults.add("reset", method="POST", path="/web/v1/employee/", times=1)
    hire(company)
    company.both()
    company.both()
    assert users(company) == []
    assert state(company) == ("needs_attention", "not_created_again")
    company.press(retry, [company.link(entity="employee").pk])
    company.settle()
    assert len(users(company)) == 1


def test_an_answer_that_got_lost_is_no_second_employee(world: World, company: Company) -> None:
    switch_creates_on(company)
    world.intempus.faults.add("drop", method="POST", path="/web/v1/employee/", times=1)
    hire(company)
    company.both()
    assert len(users(company)) == 1
    assert state(company) == ("in_sync", "")


def test_a_deleted_employee_stays_in_intempus(world: World, company: Company) -> None:
    user(company)
    row_id = hire(company)
    company.both()
    before = users(company)
    world.uniconta.person_deletes(company.number, "Employee", row_id)
    company.settle()
    company.both()
    assert users(company) == before


def test_the_cpr_number_stays_where_it_is(
    world: World, company: Company, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Through a match, edits, a refusal that repeats it and an answer that is no JSON: in no table, log or page."""
    record_id = user(company, number="", email="", phone="")
    row_id = hire(company, Address2=f"cpr {CPR}")
    company.both()
    assert len({key for key in company.link(entity="employee").uniconta_match_keys if key.startswith("h:")}) == 1
    said = f"cpr_number {CPR} {CPR.replace('-', '')} is taken"
    for status in (400, 500):
        world.intempus.faults.add("status", method="PATCH", path="/web/v1/employee/", status=status, body=said, times=1)
        edit(company, row_id, City=f"Odense {status}")
        company.press(retry, [company.link(entity="employee").pk])
        company.heal()
    edit(company, row_id, City="Odense")
    edit_user(company, record_id, phone="99887766")
    assert users(company)[0]["cpr_number"] == people(company)[0]["PersonalId"] == CPR
    assert users(company)[0]["city"] == "Odense"
    assert is_kept_anywhere("Odense")  # the search does find
    spoken = "\n".join([caplog.text, *capfd.readouterr()])
    for spelling in (CPR, CPR.replace("-", ""), CPR.replace("-", " ")):
        assert not is_kept_anywhere(spelling)
        assert spelling not in spoken
    with tenant_scope(ALL):
        images = SyncLogEntry.objects.filter(entity="employee").exclude(sealed_pre_image="")
        rows = {(each.tenant_id, each.link_id): each.sealed_pre_image for each in images}
    assert rows
    assert all(CPR not in unseal(text, f"pre_image:{tenant}:{link}") for (tenant, link), text in rows.items())
    client = Client()
    client.force_login(make_user("root", is_superuser=True))
    pages = [reverse("admin:mappings_recordlink_change", args=[company.link(entity="employee").pk])]
    pages += [reverse(f"admin:{name}_changelist") for name in ("mappings_recordlink", "sync_synclogentry")]
    entries = [entry for entry in company.entries(entity="employee") if entry.target]
    pages += [reverse("admin:sync_synclogentry_change", args=[entry.pk]) for entry in entries]
    assert len(pages) > 3
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert "Jens" in answer.content.decode()
        assert CPR not in answer.content.decode()


def is_kept_anywhere(text: str) -> list[str]:
    """Tables with a row that holds the text, in any column."""
    found = []
    with tenant_scope(ALL), connection.cursor() as cursor:
        for model in apps.get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT count(*) FROM {table} AS row WHERE strpos(row::text, %s) > 0", [text])
            if cursor.fetchone()[0]:
                found.append(table)
    return found
