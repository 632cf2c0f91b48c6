"""A whole company goes live: both systems are full, a person answers, everything travels, and then a day's work."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import pytest

from mappings.models import MatchRow, RecordLink
from sync.domain import actions
from sync.domain.first_matching import first_matching
from sync.domain.match_decisions import decide, link_by_hand
from sync.domain.preview import preview_entity
from tenants.scoping import tenant_scope
from tests.company.comparison import Expected
from tests.company.generator import (
    AMBIGUOUS,
    BORN,
    CERTAIN,
    EXCLUDED,
    NEW,
    PROBABLE,
    REFUSED,
    RESOURCES,
    TABLES,
    Record,
    found_company,
)
from tests.factories import make_policy
from tests.journeys.conftest import Company, World

SEED = 20270101
#: Every fifth record, so that the suite stays quick; COMPANY_PART=1 for all 5,120.
PART = int(os.environ.get("COMPANY_PART", "5"))


@pytest.fixture
def profile() -> str:
    """Once: so many records take their time."""
    return "default"


@pytest.fixture
def expected(world: World, monkeypatch: pytest.MonkeyPatch) -> Expected:
    monkeypatch.setattr("sync.domain.drain.SLICE_SECONDS", 60)  # it is alone
    existing = found_company(SEED, PART)
    company = world.nordbyg
    company.update(state="preparing")
    for table in ("InvItem", "Project"):
        world.uniconta.add_user_field(company.number, table, "xIntempus")
    company.policy(default_group="10")
    make_policy(company.tenant, "product", default_group="10", number_prefix="P")
    make_policy(company.tenant, "employee", default_group="10", create_in_intempus=True)
    make_policy(company.tenant, "project", default_group="10")
    for row in world.uniconta.rows(company.number, "DebtorGroup"):
        world.uniconta.person_deletes(company.number, "DebtorGroup", row["RowId"])
    seeds = existing.seeds(company.number, company.intempus_number)
    world.uniconta.load(seeds)
    world.intempus.load(seeds)
    world.uniconta.switches.slow_after_calls = world.intempus.switches.calls_per_minute = 10**9
    return Expected(existing)


def count(expected: Expected) -> dict[str, dict[str, int]]:
    """How many rows of the first matching there are, by entity and category."""
    found = {}
    for entity in TABLES:
        of = lambda *fates: expected.existing.of(entity, *fates)  # noqa: B023, E731
        categories = {
            "certain": len([record for record in of(CERTAIN, EXCLUDED) if record.there]),
            "probable": len(of(PROBABLE)),
            "ambiguous": len(of(AMBIGUOUS)) + len([record for record in of(AMBIGUOUS) if record.there]),
            "only_in_uniconta": len([record for record in of(NEW, REFUSED, EXCLUDED) if not record.there]),
            "only_in_intempus": len(of(BORN)),
        }
        found[entity] = {name: number for name, number in categories.items() if number}
    return found


def answer(company: Company, expected: Expected) -> None:
    """A person says yes to every probable pair, links the first of two namesakes by hand and makes the second anew."""
    with tenant_scope(company.tenant.pk):
        rows = {(row.entity, row.link.uniconta_key): row for row in MatchRow.objects.select_related("link")}
        by_id = dict(RecordLink.objects.filter(entity="customer").values_list("intempus_id", "pk"))
    probable = [row.pk for row in rows.values() if row.category == "probable"]
    company.press(decide, company.tenant.pk, probable, "link")
    for record in expected.existing.of("customer", AMBIGUOUS):
        row = rows["customer", record.number]
        if record.there:
            company.press(link_by_hand, company.tenant.pk, row.pk, by_id[str(record.id)])
        else:
            company.press(decide, company.tenant.pk, [row.pk], "create")


def compare(company: Company, expected: Expected) -> list[str]:
    return expected.differences(
        lambda table: company.uniconta.rows(company.number, table),
        lambda resource: company.intempus.rows(company.intempus_number, resource),
    )


def test_a_company_is_matched_confirmed_and_synchronised(world: World, expected: Expected) -> None:
    company = world.nordbyg
    run = first_matching(company.tenant.pk)
    assert run is not None
    assert (run.state, run.error_code) == ("done", "")
    with tenant_scope(company.tenant.pk):
        rows = MatchRow.objects.values_list("entity", "category")
        found: dict[str, dict[str, int]] = {entity: {} for entity in TABLES}
        for entity, category in rows:
            found[entity][category] = found[entity].get(category, 0) + 1
    assert found == count(expected)
    answer(company, expected)
    expected.first_sync()
    company.press(actions.go_live, company.tenant.pk)
    company.sweep()
    company.pull()
    assert compare(company, expected) == []
    before = company.now()
    company.both()
    assert company.writes(before) == []
    for entity in TABLES:
        planned = [record for record in preview_entity(company.tenant.pk, entity).records if record.plan.writes]
        assert planned == []
    a_days_work(People(company, expected))
    company.both()
    assert compare(company, expected) == []


@dataclass
class People:
    """Who works in the two systems: what they save is expected from then on."""

    company: Company
    expected: Expected

    def save_here(self, record: Record, **values: Any) -> None:
        self.company.uniconta.person_edits(self.company.number, TABLES[record.entity], record.row_id, **values)
        if values == {"xIntempus": False}:
            self.expected.unticked(record)
        else:
            self.expected.saved_here(record, **values)

    def save_there(self, record: Record, *, loses: bool = False, **values: Any) -> None:
        number = self.company.intempus_number
        self.company.intempus.person_edits(number, RESOURCES[record.entity], record.id, **values)
        if not loses:
            self.expected.saved_there(record, **values)

    def begin_here(self, entity: str, **values: Any) -> None:
        self.company.uniconta.person_creates(self.company.number, TABLES[entity], **values, xIntempus=True)
        self.expected.born_here(entity, **values)

    def begin_there(self, entity: str, customer: Record | None = None, **values: Any) -> Record:
        relation = {"customer": customer.id} if customer else {}
        number = self.company.intempus_number
        own = self.company.intempus.person_creates(number, RESOURCES[entity], **values, **relation)
        record = Record(entity, BORN, there=values | {"id": own})
        record.relations = {"customer": customer.number} if customer else {}
        self.expected.take_over(record)
        return record


IN_UNICONTA: dict[str, dict[str, Any]] = {
    "customer": {"Name": "Omdøbt Åse & Søn", "City": "Ærø", "Phone": "", "Country": "Sweden"},
    "product": {"SalesPrice1": 1234.565, "Unit": "Hours", "Name": "Omdøbt"},
    "employee": {"Address1": "Ny Østergade 1", "Mobil": "+45 99887766"},
    "project": {"Description": "Ændret\ni Uniconta", "StartDate": "2027-05-01", "EndDate": "2027-06-01"},
}
IN_INTEMPUS: dict[str, dict[str, Any]] = {
    "customer": {"email": "ny@eksempel.dk", "contact": "Åge Ørum", "vat_registration_number": "11111111"},
    "product": {"name": "Ændret i Intempus", "unit": "Dage", "sales_price": "1.00", "bar_code": ""},
    "employee": {"city": "Åbenrå", "zip_code": ""},
    "project": {"notes": "Fra Intempus: æøå", "city": "", "start_date": "2027-07-01", "end_date": None},
}


def a_days_work(people: People) -> None:
    """Some dozens of edits on both sides, before the platform hears of any of them."""
    chance, expected = random.Random(SEED), people.expected
    hands: dict[str, list[Record]] = {}
    for entity, records in expected.existing.records.items():
        in_use = [r for r in records if r.there and expected.may_go(r) and not r.here.get("Blocked")]
        hands[entity] = chance.sample(in_use, min(32, len(in_use)))
        for _ in range(8):
            people.save_here(hands[entity].pop(), **IN_UNICONTA[entity])
            people.save_there(hands[entity].pop(), **IN_INTEMPUS[entity])
    for _ in range(2):
        both = hands["customer"].pop()  # Uniconta's record counts, whoever was first
        people.save_there(both, loses=True, city="Vejle", phone="12345678")
        people.save_here(both, Name="Uniconta vinder")
        people.save_there(hands["product"].pop(), accessible=False)
        people.save_here(hands["customer"].pop(), xIntempus=False)
        people.save_here(hands["customer"].pop(), Blocked=True)
        people.save_here(hands["product"].pop(), Blocked=True)
        people.save_here(hands["project"].pop(), Phase="Completed")
        people.save_here(hands["project"].pop(), MasterProject="")
        people.save_here(hands["project"].pop(), Group="60")
    # A new customer with its first project on each side.
    people.begin_here("customer", Account="Ny-1", Name="Nyt Østbyg", Group="20", Country="Denmark")
    project = {"Number": "Ny-P1", "Name": "Første sag", "Account": "Ny-1", "Group": "20", "Phase": "Accepted"}
    people.begin_here("project", **project, WorkCountry="Denmark", MasterProject="", PersonInCharge="")
    customer = people.begin_there("customer", name="Født i Ærø", number="", country="DK", active=True)
    people.begin_there("project", customer, name="Født sag", number="Ny-S1", country="DK", active=True)
