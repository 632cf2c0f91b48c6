"""`manage.py doctor SLUG --probe ID`: what it finds out is what the simulators' switches say, and it leaves order."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mappings.entities.customer import CUSTOMER
from mappings.spec import System
from sync.connectors.registry import connect
from sync.domain.catalogue import SENTENCES
from sync.domain.connections import check_connection_now, settings_of
from sync.domain.move import move_company
from sync.domain.probe import EXPERIMENTS, NAME, put_merges
from sync.models import CallCount
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_policy, make_tenant
from tests.simulators import intempus, uniconta
from tests.simulators.core import serve

pytestmark = pytest.mark.django_db(transaction=True)

PROFILES = {
    "default": (uniconta.DEFAULT, intempus.DEFAULT),
    "adverse": (uniconta.ALL_ADVERSE, intempus.ALL_ADVERSE),
    "no timestamps": (uniconta.ALL_ADVERSE, {**intempus.ALL_ADVERSE, "customer_has_timestamp": False}),
    "PUT merges": ({"put_merges": True}, {}),
    "blanks are not kept": ({"insert_answers_204": True}, {"read_only_fields": ("street_address",)}),
}


@dataclass
class World:
    """A test company to be probed, and a neighbour on the same systems with the same record numbers."""

    uniconta: Any
    intempus: Any
    test: Tenant = field(init=False)
    neighbour: Tenant = field(init=False)

    def found(self, slug: str, number: int, there: int, urls: tuple[str, str]) -> Tenant:
        self.uniconta.add_company(number, f"{slug.title()} ApS")
        self.intempus.add_company(there, slug.title())
        self.uniconta.add_user(f"{slug}-sync", "planted-password", companies=[number])
        self.intempus.add_user(f"api@{slug}.dk", "planted-key", there)
        self.uniconta.bulk(number, "DebtorGroup", 1, Group="1", Name="Danske")
        self.uniconta.bulk(number, "Debtor", 12, Group="1")
        self.intempus.bulk(there, "customer", 12)
        tenant = make_tenant(slug, state=Tenant.State.PREPARING)
        make_policy(tenant)
        rows = make_connections(
            tenant,
            *urls,
            company_id=number,
            uniconta_username=f"{slug}-sync",
            uniconta_password="planted-password",
            intempus_username=f"api@{slug}.dk",
            intempus_key="planted-key",
        )
        for row in rows:
            check_connection_now(row)
        return tenant

    def calls(self) -> list[tuple[str, int | None]]:
        """Method and company of every call, in both systems."""
        return [
            (entry.method, entry.company)
            for simulator in (self.uniconta, self.intempus)
            for entry in simulator.ledger.entries()
            if entry.origin == "api"
        ]

    def effects(self, company: int) -> list[tuple[str, str]]:
        return [
            (effect.action, effect.resource)
            for simulator in (self.uniconta, self.intempus)
            for effect in simulator.ledger.effects()
            if effect.company == company
        ]


@pytest.fixture
def profile() -> str:
    return "default"


@pytest.fixture
def world(profile: str) -> Iterator[World]:
    erp, times = uniconta.UnicontaSimulator(seed=7), intempus.IntempusSimulator(seed=7)
    erp.use_profile(PROFILES[profile][0])
    times.use_profile(PROFILES[profile][1])
    with serve(erp) as erp_server, serve(times) as times_server:
        world = World(erp, times)
        urls = (erp_server.url, times_server.url)
        world.test = world.found("prove", 9001, 71001, urls)
        world.neighbour = world.found("havnen", 9002, 71002, urls)
        yield world


def doctor(*arguments: str) -> tuple[str, int]:
    """What it prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=out, no_color=True)
    except CommandError as error:
        return f"{out.getvalue()}{error}", 1
    return out.getvalue(), 0


def capabilities(tenant: Tenant) -> dict[str, Any]:
    with tenant_scope(tenant.pk):
        rows = list(Connection.objects.filter(tenant=tenant))
    return {name: entry["value"] for row in rows for name, entry in row.capabilities.items()}


def truth(world: World) -> dict[str, bool]:
    """The answers, read off the switches."""
    erp, times = world.uniconta.switches, world.intempus.switches
    return {
        "insert_answers_row": not erp.insert_answers_204,
        "filter_honoured": True,
        "put_merges": erp.put_merges,
        "updated_at_present": erp.updated_at_present,
        "updated_at_filterable": erp.updated_at_present,
        "creation_id_honoured_customer": times.creation_id_honoured,
        "creation_id_honoured_customer_group": times.creation_id_honoured,
        "patch_allowed_customer": times.patch_allowed,
        "patch_allowed_customer_group": times.patch_allowed,
        "blank_text_allowed": True,
        "timestamp_moves": times.customer_has_timestamp,
        "timestamp_filter_honoured": times.customer_has_timestamp,
        "unknown_filter_ignored": True,
    }


@pytest.mark.parametrize("profile", ["default", "adverse", "no timestamps", "PUT merges"])
def test_the_answers_are_those_of_the_switches(world):
    output, code = doctor("prove", "--probe", "9001")
    assert code == 0, output
    assert capabilities(world.test) == truth(world), output
    assert set(truth(world)) == {each.name for each in EXPERIMENTS}
    for name, value in truth(world).items():
        question = next(each.question for each in EXPERIMENTS if each.name == name)
        assert f"{question}: {'yes' if value else 'no'}: " in output
    assert "planted" not in output


@pytest.mark.parametrize("profile", ["default", "adverse"])
def test_what_it_made_is_inactive_and_nothing_is_deleted(world):
    output, _ = doctor("prove", "--probe", "9001")
    debtors = [row for row in world.uniconta.rows(9001, "Debtor") if NAME.fullmatch(row["Name"])]
    customers = [row for row in world.intempus.rows(71001, "customer") if NAME.fullmatch(row["name"])]
    groups = world.intempus.rows(71001, "customer_group")
    twice = 1 if world.intempus.switches.creation_id_honoured else 2
    assert [row["Blocked"] for row in debtors] == [True]
    assert [row["active"] for row in customers] == [False] * twice
    assert len(groups) == twice
    assert all(f"{row['id']}" in output for row in groups), "groups stay and are listed"
    others = [row for row in world.uniconta.rows(9001, "Debtor") if row not in debtors]
    assert not any(row["Blocked"] for row in others)
    assert len(world.intempus.rows(71001, "customer")) == 12 + twice
    assert all(row["active"] for row in world.intempus.rows(71001, "customer") if row not in customers)
    assert "deleted" not in {action for action, _ in world.effects(9001) + world.effects(71001)}


def test_it_says_first_what_it_will_make(world):
    output, _ = doctor("prove", "--probe", "9001")
    head = output.split("Probe of")[0]
    assert "In Uniconta company Prove ApS (9001): one debtor is made" in head
    assert "In Intempus company Prove (71001): one or two customers are made" in head


def test_the_neighbour_gets_no_call(world):
    before = world.calls()
    doctor("prove", "--probe", "9001")
    new = world.calls()[len(before) :]
    made = [call for call in world.calls() if call[1] in (9002, 71002)]
    assert new
    assert made == [call for call in before if call[1] in (9002, 71002)]
    assert world.effects(9002) == world.effects(71002) == []
    assert capabilities(world.neighbour) == {}


@pytest.mark.parametrize("state", ["live", "paused"])
def test_a_company_at_work_is_refused_and_not_called(world, state):
    with tenant_scope(ALL):
        Tenant.objects.filter(pk=world.test.pk).update(state=state)
    before = world.calls()
    output, code = doctor("prove", "--probe", "9001")
    assert code == 1
    assert SENTENCES["probe_not_preparing"][0] in output
    assert world.calls() == before


def test_another_number_is_refused_and_nothing_is_called(world):
    before = world.calls()
    for number in ("9002", "", "71001"):
        output, code = doctor("prove", "--probe", number)
        assert code == 1
        assert SENTENCES["probe_wrong_company"][0] in output
    assert world.calls() == before


def test_an_untested_connection_and_a_missing_slug_are_refused(world):
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=world.test, system="intempus").update(state="untested")
    output, code = doctor("prove", "--probe", "9001")
    assert code == 1
    assert SENTENCES["connection_untested"][0] in output
    call_counts = world.calls()
    with pytest.raises(CommandError, match="needs the short name"):
        call_command("doctor", probe="9001", stdout=io.StringIO())
    assert world.calls() == call_counts


def test_one_systems_trouble_leaves_the_others_answers_and_what_was_known(world):
    known = {"value": False, "at": "2026-11-02T09:15:00+00:00"}
    with tenant_scope(ALL):
        rows = Connection.objects.filter(tenant=world.test)
        rows.filter(system="intempus").update(capabilities={"patch_allowed_customer": known})
        rows.filter(system="uniconta").update(capabilities={"filter_honoured": known})
    world.intempus.remove_user("api@prove.dk")
    output, code = doctor("prove", "--probe", "9001")
    assert code == 1
    assert "✗ Intempus: " in output
    found = capabilities(world.test)
    assert (found["filter_honoured"], found["put_merges"]) == (True, False), "measured again"
    assert found["patch_allowed_customer"] is False, "no answer, so what was known stands"
    assert "timestamp_moves" not in found


def test_a_log_in_that_stops_working_is_not_tried_again(world, monkeypatch):
    def run(bench):
        world.uniconta.remove_user("prove-sync")
        return put_merges(bench)

    first, *others = EXPERIMENTS
    monkeypatch.setattr("sync.domain.probe.EXPERIMENTS", (first, replace(others[0], run=run), *others))
    output, code = doctor("prove", "--probe", "9001")
    refused = [entry for entry in world.uniconta.ledger.entries() if entry.status == 401]
    assert code == 1
    assert "✗ Uniconta, broken off, look for records called Probe " in output
    assert len(refused) == 1
    assert capabilities(world.test)["timestamp_moves"] is True, "the other system goes on"


@pytest.mark.parametrize("profile", ["blanks are not kept"])
def test_what_cannot_be_told_is_unknown_and_stored_as_nothing(world):
    output, code = doctor("prove", "--probe", "9001")
    assert code == 0, output
    assert "! Intempus, a text can be blanked: unknown: " in output
    assert "blank_text_allowed" not in capabilities(world.test)


def test_what_a_killed_probe_left_is_tidied_by_the_next(world):
    name = "Probe 2026-11-02 09:15:00 Intempus"
    left = world.intempus.person_creates(71001, "customer", name=name)
    real = world.intempus.person_creates(71001, "customer", name="Probe ApS")
    doctor("prove", "--probe", "9001")
    assert world.intempus.row(71001, "customer", left)["active"] is False
    assert world.intempus.row(71001, "customer", real)["active"] is True


def test_a_tick_that_means_do_not_synchronise_is_set(world):
    world.uniconta.add_user_field(9001, "Debtor", "xIntempus")
    with tenant_scope(ALL):
        Tenant.objects.filter(pk=world.test.pk).update(opt_in_means=Tenant.OptInMeans.DO_NOT_SYNC)
    doctor("prove", "--probe", "9001")
    [row] = [row for row in world.uniconta.rows(9001, "Debtor") if NAME.fullmatch(row["Name"])]
    assert (row["Blocked"], row["xIntempus"]) == (True, True)


def test_doctor_says_when_it_was_measured(world):
    assert "✓ Capabilities: Uniconta not measured: safest assumption; Intempus not measured" in doctor("prove")[0]
    doctor("prove", "--probe", "9001")
    with tenant_scope(ALL):
        row = Connection.objects.get(tenant=world.test, system="uniconta")
    at = row.capabilities["put_merges"]["at"][:10]
    assert f"✓ Capabilities: Uniconta measured on {at}; Intempus measured on {at}" in doctor("prove")[0]


def test_moving_to_another_company_forgets_what_was_measured(world):
    doctor("prove", "--probe", "9001")
    with tenant_scope(world.test.pk):
        move_company(world.test.pk, System.UNICONTA, None)
        row = Connection.objects.get(tenant=world.test, system="uniconta")
    assert row.capabilities == {}


@pytest.mark.parametrize("profile", ["adverse"])
@pytest.mark.parametrize("is_measured", [True, False])
def test_a_connector_that_knows_of_no_patch_saves_the_call(world, is_measured):
    if is_measured:
        doctor("prove", "--probe", "9001")
    with tenant_scope(world.test.pk):
        row = Connection.objects.get(tenant=world.test, system="intempus")
    customer = world.intempus.person_creates(71001, "customer", name="Nordbyg")
    connector = connect(settings_of(row), lambda _: None)
    before = len(world.calls())
    connector.update(CUSTOMER.intempus, str(customer), {"city": "Aarhus"}, is_as_planned=lambda _: True, stamp=None)
    connector.close()
    assert (
        [method for method, _ in world.calls()[before:]] == ["GET", "PUT"] if is_measured else ["PATCH", "GET", "PUT"]
    )
    assert world.intempus.row(71001, "customer", customer)["city"] == "Aarhus"


def test_its_calls_are_counted_as_a_persons(world):
    doctor("prove", "--probe", "9001")
    with tenant_scope(ALL):
        causes = set(CallCount.objects.values_list("cause", flat=True))
    assert causes == {CallCount.Cause.PERSON}
