"""What stands in both systems, held against what the rules say shall stand there.

Reads the simulators' stored rows and the generator's knowledge, nothing else: no mapping, link or log of the platform.
`first_sync` turns what was made by the generator into what is expected; edits (`edit_here`, `edit_there`) move expectations
on; `differences` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.company.generator import (
    BORN,
    COUNTRY_CODES,
    NEW,
    PHASES_IN,
    REFUSED,
    RESOURCES,
    TABLES,
    UNIT_TEXTS,
    Existing,
    Record,
    Values,
)

MEMBERS = {code: member for member, code in COUNTRY_CODES.items()}
UNITS = {text: unit for unit, text in UNIT_TEXTS.items()}


def same(value: Any) -> Any:
    return "" if value is None else value.strip() if isinstance(value, str) else value


def price(value: Any) -> str:
    return str(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP) + 0)


def day(value: Any) -> Any:
    return "" if value in (None, "", "0001-01-01T00:00:00") else str(value)[:10]


def cvr(value: Any) -> str:
    return str(value or "").removeprefix("DK").replace(" ", "")


@dataclass(frozen=True)
class Field:
    here: str
    there: str
    is_both_ways: bool = True
    to_there: Callable[[Any], Any] = same
    to_here: Callable[[Any], Any] = same


def one_way(here: str, there: str, to_there: Callable[[Any], Any] = same) -> Field:
    return Field(here, there, False, to_there)


COUNTRY = ("country", True, lambda value: COUNTRY_CODES.get(value, ""), lambda value: MEMBERS.get(value, ""))
FIELDS = {
    "customer": (
        Field("Name", "name"),
        Field("Address1", "street_address"),
        Field("ZipCode", "zip_code"),
        Field("City", "city"),
        Field("Country", *COUNTRY),
        Field("Phone", "phone"),
        Field("ContactEmail", "email"),
        Field("ContactPerson", "contact"),
        one_way("CompanyRegNo", "vat_registration_number", cvr),
    ),
    "product": (
        Field("Name", "name"),
        Field("Unit", "unit", True, UNIT_TEXTS.__getitem__, lambda text: UNITS[same(text)]),
        one_way("SalesPrice1", "sales_price", price),
        one_way("EAN", "bar_code"),
    ),
    "employee": (
        Field("Name", "name"),
        Field("Email", "email"),
        Field("Mobil", "phone"),
        Field("Address1", "street_address"),
        Field("ZipCode", "zip_code"),
        Field("City", "city"),
    ),
    "project": (
        Field("Name", "name"),
        Field("StartDate", "start_date", True, day, day),
        Field("EndDate", "end_date", True, day, day),
        Field("Description", "notes"),
        Field("WorkAddress1", "street_address"),
        Field("ZipCode", "zip_code"),
        Field("City", "city"),
        Field("WorkCountry", *COUNTRY),
    ),
}
KEYS = {"customer": "Account", "product": "Item", "employee": "Number", "project": "Number"}
ACTIVE = {"customer": "active", "product": "accessible", "project": "active"}
ALL_CASES, EDITS = "may_add_work_reports_to_all_cases", "may_CUD_customers_and_cases"
GROUP_OF_BORN = "10"
DATES = ("StartDate", "EndDate", "Terminated")
NUMBER_PREFIX = {"customer": "I", "product": "P"}


# ------------------------------------------------------------------------------------------------ the rules


class Expected:
    """What shall stand in both systems: `here`, `there` and `relations` of the records are it."""

    def __init__(self, existing: Existing) -> None:
        self.existing = existing
        self.used_groups: dict[str, set[str]] = {entity: set() for entity in FIELDS}
        self.phases: set[str] = set()

    def find(self, entity: str, number: str) -> Record:
        [record] = [record for record in self.existing.records[entity] if record.number == number]
        return record

    def first_sync(self) -> None:
        """Both systems were matched, a person answered, and everything travelled."""
        records = self.existing.records
        needed = {r.here["Account"] for r in records["project"] if self.may_go(r) and not self.is_new_and_out_of_use(r)}
        for entity in FIELDS:  # customers and employees before projects
            going = []
            for record in records[entity]:
                is_needed = entity == "customer" and record.number in needed
                if self.may_go(record) and (is_needed or not self.is_new_and_out_of_use(record)):
                    going.append(record)
            for record in going:
                record.there = record.there or {}
            for record in going:
                self.send(record)
            for record in self.existing.of(entity, BORN):
                self.take_over(record)

    def may_go(self, record: Record) -> bool:
        """Whether anything of this record of Uniconta may go to Intempus (rules M5, M6; phases; what cannot be sent)."""
        here = record.here
        if here is None or record.fate == REFUSED or not here.get("xIntempus", True):
            return False
        if record.entity != "project":
            return True
        return here["Phase"] in PHASES_IN and self.may_go(self.find("customer", here["Account"]))

    def is_new_and_out_of_use(self, record: Record) -> bool:
        return record.there is None and bool(record.here.get("Blocked") or record.here.get("Terminated"))

    def send(self, record: Record) -> None:
        """Uniconta's values reach Intempus; what is blank on one side only is filled from the other."""
        here, there, entity = record.here, record.there, record.entity
        for each in FIELDS[entity]:
            value = each.to_there(here.get(each.here))
            if not value or (each.there == "sales_price" and not float(value)):  # an item without a price has 0
                value = same(there.get(each.there)) or value
            there[each.there] = value
            if each.is_both_ways:
                here[each.here] = each.to_here(value)
        there["number"] = here[KEYS[entity]]
        if entity in ACTIVE:
            there[ACTIVE[entity]] = not here["Blocked"]
        if entity == "employee" and here.get("Terminated"):
            there |= {ALL_CASES: False, EDITS: False}
        self.relate(record)

    def relate(self, record: Record) -> None:
        here, entity = record.here, record.entity
        record.relations = {self.existing.groups[entity].resource: here["Group"]}
        self.used_groups[entity].add(here["Group"])
        if entity != "project":
            return
        for relation, other, number in (
            ("customer", "customer", here["Account"]),
            ("parent", "project", here["MasterProject"]),
            ("responsible", "employee", here["PersonInCharge"]),
        ):
            is_there = bool(number) and self.find(other, number).there is not None
            record.relations[relation] = number if is_there else ""
        record.relations["case_state"] = here["Phase"]
        self.phases.add(here["Phase"])

    def take_over(self, record: Record) -> None:
        """Born in Intempus: made in Uniconta, with its number, the tick and the default group."""
        if record not in self.existing.records[record.entity]:
            self.existing.records[record.entity].append(record)
        there, entity = record.there, record.entity
        prefix = NUMBER_PREFIX.get(entity)
        record.number = f"{prefix}{record.id}" if prefix else there["number"]
        record.here = {each.here: each.to_here(there.get(each.there)) for each in FIELDS[entity] if each.is_both_ways}
        record.here |= {KEYS[entity]: record.number, "Group": GROUP_OF_BORN}
        if entity != "employee":
            record.here |= {"xIntempus": True, "Blocked": False}
        if entity == "project":
            record.here |= {"Account": record.relations["customer"], "MasterProject": "", "PersonInCharge": ""}
            record.here |= {"Phase": "Created"}
        there["number"] = record.number
        self.relate(record)

    # ------------------------------------------------------------------------------------------------ a day's work

    def saved_here(self, record: Record, **values: Any) -> None:
        """A person saved a ticked record in Uniconta; a project may have left its phases by it (then its case is closed)."""
        assert record.here is not None
        assert record.there is not None
        record.here |= values
        is_in = record.entity != "project" or record.here["Phase"] in PHASES_IN
        if is_in:
            for each in FIELDS[record.entity]:
                if each.here in values:
                    record.there[each.there] = each.to_there(values[each.here])
            self.relate(record)
        else:
            record.relations["case_state"] = record.here["Phase"]
            self.phases.add(record.here["Phase"])
        if record.entity in ACTIVE:
            record.there[ACTIVE[record.entity]] = not record.here["Blocked"] and is_in

    def unticked(self, record: Record) -> None:
        record.here["xIntempus"], record.there[ACTIVE[record.entity]] = False, False

    def saved_there(self, record: Record, **values: Any) -> None:
        """A person saved the record in Intempus; what is Uniconta's alone stays different there."""
        record.there |= values
        for each in FIELDS[record.entity]:
            if each.there in values and each.is_both_ways:
                record.here[each.here] = each.to_here(values[each.there])
        if (active := ACTIVE.get(record.entity)) in values:
            record.here["Blocked"] = not values[active]

    def born_here(self, entity: str, **here: Any) -> Record:
        """A person made a ticked record in Uniconta."""
        record = Record(entity, NEW, here[KEYS[entity]], here | {"xIntempus": True, "Blocked": False}, {})
        self.existing.records[entity].append(record)
        self.send(record)
        return record

    # ------------------------------------------------------------------------------------------------ comparing

    def differences(self, here: Callable[[str], list[Values]], there: Callable[[str], list[Values]]) -> list[str]:
        """What stands otherwise than it should. `here` and `there` give the stored rows of a table and of a resource."""
        numbers = {resource: {row["id"]: row["number"] for row in there(resource)} for resource in RELATED}
        found = []
        for entity, records in self.existing.records.items():
            found += _compare_here(records, here(TABLES[entity]))
            found += _compare_there(records, there(RESOURCES[entity]), numbers)
            found += self._compare_groups(entity, there)
        states = sorted(row["number"] for row in there("case_state"))
        return found if states == sorted(self.phases) else [*found, f"case states {states}"]

    def _compare_groups(self, entity: str, there: Callable[[str], list[Values]]) -> Iterable[str]:
        groups = self.existing.groups[entity]
        used = {number: groups.names[number] for number in self.used_groups[entity]}
        wanted = {number: f"Før {number}" for number in groups.there} | used
        rows = [(row["number"], row["name"]) for row in there(groups.resource)]
        return [f"{groups.resource}: {rows}"] if sorted(rows) != sorted(wanted.items()) else []


RELATED = (
    "customer",
    "case",
    "employee",
    "case_state",
    "customer_group",
    "product_group",
    "employee_group",
    "case_group",
)
RELATION_TO = {"parent": "case", "responsible": "employee"}


def _compare_here(records: list[Record], rows: list[Values]) -> Iterable[str]:
    key = KEYS[records[0].entity]
    by_key = {row[key]: row for row in rows}
    if len(by_key) != len(rows):
        yield f"{key}: {len(rows)} rows with {len(by_key)} numbers"
    wanted = {record.number: record for record in records if record.here is not None}
    yield from (f"{number} should not be in Uniconta: {by_key[number]}" for number in by_key.keys() - wanted.keys())
    for number, record in wanted.items():
        if number not in by_key:
            yield f"{number} should be in Uniconta"
            continue
        row = by_key[number]
        record.here["RowId"] = row["RowId"]
        for name, value in record.here.items():
            read = day if name in DATES else same
            if read(row[name]) != read(value):
                yield f"{number} in Uniconta: {name} is {row[name]!r}, should be {value!r}"


def _compare_there(records: list[Record], rows: list[Values], numbers: dict[str, dict[int, str]]) -> Iterable[str]:
    by_id = {row["id"]: row for row in rows}
    wanted = [record for record in records if record.there is not None]
    known = {record.there["id"] for record in wanted if "id" in record.there}
    fresh: dict[str, list[Values]] = {}
    for row in rows:
        if row["id"] not in known:
            fresh.setdefault(row["number"], []).append(row)
    if len(rows) != len(wanted):
        yield f"{records[0].entity}: {len(rows)} in Intempus, should be {len(wanted)}"
    for record in wanted:
        own = [by_id[record.id]] if record.there.get("id") in by_id else fresh.pop(record.number, [])
        if len(own) != 1:
            yield f"{record.entity} {record.number} is {len(own)} times in Intempus"
            continue
        record.there["id"] = own[0]["id"]
        yield from _compare_row(record, own[0], numbers)
    yield from (f"{records[0].entity} {number} should not be in Intempus" for number in fresh)


def _compare_row(record: Record, row: Values, numbers: dict[str, dict[int, str]]) -> Iterable[str]:
    for name, value in record.there.items():
        read = {"sales_price": price, "vat_registration_number": cvr}.get(name, same)
        if read(row[name] or "0" if read is price else row[name]) != read(value or "0" if read is price else value):
            yield f"{record.entity} {record.number} in Intempus: {name} is {row[name]!r}, should be {value!r}"
    for name, number in record.relations.items():
        stands = numbers[RELATION_TO.get(name, name)].get(row[name], "")
        if stands != number:
            yield f"{record.entity} {record.number} in Intempus: {name} is {stands!r}, should be {number!r}"
