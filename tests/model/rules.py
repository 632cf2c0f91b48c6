"""The rules of the integration, once more and as plainly as they are written (M1, M4 to M7, M10).

Independent of the platform on purpose: nothing is imported, and nothing is known of hints, retries or tables. What matters
is only when a record was read, because both sides are compared with what they were at the last look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]  # "" is blank, a reference is the other record or None

DEFAULT_GROUP = "1"
PHASES_IN_USE = ("Created", "Accepted", "InProgress")


@dataclass(frozen=True, repr=False)
class Kind:
    """What of a record travels. Number and group are Uniconta's to say in every kind."""

    name: str
    both_ways: tuple[str, ...]
    one_way: tuple[str, ...] = ()
    has_switch: bool = True  # can be inactive in Intempus

    def __repr__(self) -> str:
        return self.name.upper()


CUSTOMER = Kind("customer", ("name", "city", "phone"))
PRODUCT = Kind("product", ("name", "unit"), ("price", "bar_code"))
EMPLOYEE = Kind("employee", ("name", "city"), ("may_report",), has_switch=False)
PROJECT = Kind("project", ("name", "description", "start", "end"), ("phase", "customer", "parent", "person"))
KINDS = (CUSTOMER, PRODUCT, EMPLOYEE, PROJECT)  # what others refer to first


@dataclass(eq=False, repr=False)
class Record:
    """`uniconta` and `intempus` are what stands there now, None where there is no record.

    Uniconta's values are the kind's fields and `ticked`, `blocked` where there is a switch, and of employees `has_left`
    instead of `may_report`; Intempus' are the fields and, where there is a switch, `active`.
    """

    kind: Kind
    uniconta: Values | None = None
    intempus: Values | None = None
    born_number: str = ""  # what Uniconta calls it if it is made there by us
    read: Values | None = None  # Uniconta's values when they were read last
    uniconta_before: Values = field(default_factory=dict)  # at the last look, as Intempus should have them
    intempus_before: Values = field(default_factory=dict)
    is_linked: bool = False
    off_by: str = ""  # why it is inactive in Intempus: tick, phase, person
    unsent: set[str] = field(default_factory=set)  # references that could not go yet
    waits_for: set[Record] = field(default_factory=set)
    is_refused: bool = False  # stood in a circle of parents at the last look

    def __repr__(self) -> str:
        return f"{self.kind.name} {(self.uniconta or self.intempus or self.read or {}).get('name')}"

    def read_uniconta(self) -> None:
        self.read = None if self.uniconta is None else dict(self.uniconta)

    def says(self, name: str) -> Any:
        """What it refers to: Uniconta's word, as far as Uniconta has the record."""
        return (self.read or self.intempus or {}).get(name)

    def wanted(self) -> Values:
        """Uniconta's values as Intempus should have them (M5, M7). Not having left says nothing about a permission."""
        assert self.read is not None
        names = ("number", "group", *self.kind.both_ways, *self.kind.one_way)
        values = {name: self.read[name] for name in names if name != "may_report"}
        if self.kind.has_switch:
            values["active"] = not self.read["blocked"] and not self.kept_out()
        else:
            values["may_report"] = False if self.read["has_left"] else ""
        return values

    def kept_out(self) -> str:
        assert self.read is not None
        if not self.read["ticked"]:
            return "tick"
        return "phase" if self.read.get("phase", "Created") not in PHASES_IN_USE else ""

    def remember(self) -> None:
        assert self.intempus is not None
        self.is_linked = True
        self.uniconta_before, self.intempus_before = self.wanted(), dict(self.intempus)


@dataclass
class Company:
    merges_fields: bool = False
    makes_employees: bool = False  # in Intempus, where one more costs money
    records: list[Record] = field(default_factory=list)
    looked_at: set[Record] = field(default_factory=set)

    def look(self, read: Iterable[Record]) -> None:
        """These were read on both sides; they are looked at, and then whoever waited for one of them."""
        for record in read:
            record.read_uniconta()
        agenda = {*read, *(record for record in self.records if record.is_refused)}
        while agenda:
            self.looked_at = set()
            for record in sorted(agenda, key=lambda each: (KINDS.index(each.kind), self.records.index(each))):
                self._look_at(record)
            there = {record for record in self.looked_at if record.is_linked}
            agenda = {record for record in self.records if record.waits_for & there}

    def _look_at(self, record: Record, *, is_needed: bool = False) -> None:
        """`is_needed`: a project that comes into use hangs on it."""
        self.looked_at.add(record)
        record.waits_for = set()
        record.is_refused = is_in_circle(record)
        if record.is_refused:
            return  # nothing of it goes until somebody breaks the circle
        if (parent := record.says("parent")) and not parent.is_linked and not is_in_circle(parent):
            self._see_to(parent)
        if record.is_linked or (record.read and record.intempus):
            if record.uniconta is not None and record.intempus is not None:  # else a question for a person (M10)
                self._align(record, is_needed)
        elif record.read is not None:
            self._send(record, is_needed)
        elif record.intempus is not None:
            self._bring(record)

    def _see_to(self, record: Record, *, is_needed: bool = False) -> None:
        """Looked at for another's sake, as it is known."""
        if record.read is None:
            record.read_uniconta()
        self._look_at(record, is_needed=is_needed)

    def _send(self, record: Record, is_needed: bool) -> None:
        """Only in Uniconta."""
        assert record.read is not None
        if record.kept_out() or (record.read.get("blocked") and not is_needed):
            return  # never ticked, never in use, or out of use before anybody over there knew it
        if record.kind is EMPLOYEE and (record.read["has_left"] or not self.makes_employees):
            return
        missing = self._missing_references(record, comes_into_use=True)
        if missing is None:
            return
        values = record.wanted() | dict.fromkeys(missing)
        if ends_without_start(values):
            return
        record.intempus = values | ({"may_report": True} if record.kind is EMPLOYEE else {})
        record.unsent = missing
        record.remember()

    def _bring(self, record: Record) -> None:
        """Born in Intempus. What is Uniconta's to say, it says right away."""
        there = record.intempus
        assert there is not None
        if record.kind.has_switch and not there["active"]:
            return  # what was never active is nobody's record
        if record.kind is PROJECT and not there["customer"].is_linked:
            record.waits_for = {there["customer"]}
            return
        here = {name: there[name] for name in (*record.kind.both_ways, *record.kind.one_way) if name != "may_report"}
        for name in ("parent", "person"):
            if here.get(name) is not None and not here[name].is_linked:
                here[name] = None
        here |= {"ticked": True, "group": DEFAULT_GROUP, "number": record.born_number or there["number"]}
        here |= {"price": "0", "bar_code": ""} if record.kind is PRODUCT else {}
        here |= {"phase": "Created"} if record.kind is PROJECT else {}
        here |= {"blocked": False} if record.kind.has_switch else {"has_left": False}
        record.uniconta = here
        record.read_uniconta()
        there |= {name: here[name] for name in ("number", "group", "phase") if name in here}
        record.remember()

    def _align(self, record: Record, is_needed: bool) -> None:
        assert record.intempus is not None
        record.is_linked = True
        if why := record.kept_out():
            if record.uniconta_before:  # else it never was in use
                _close(record, why)
            return
        wanted, there = record.wanted(), record.intempus
        to_intempus, edited = self._what_goes(record, wanted)
        comes_into_use = "active" in to_intempus and wanted["active"] and not there["active"]
        missing = self._missing_references(record, comes_into_use=comes_into_use)
        if missing is None:
            return
        new = {name: wanted[name] for name in to_intempus - missing if (name, wanted[name]) != ("may_report", "")}
        changed = {name for name in new if new[name] != there[name]}
        if changed & {"start", "end"} and ends_without_start(there | new):
            return  # a question for a person
        wakes = is_needed and not there["active"] and (wanted["active"] or record.off_by == "person")
        to_uniconta = {name: there[name] for name in edited - missing if name in record.kind.both_ways}
        if wakes:
            new["active"], to_uniconta["blocked"] = True, False
        elif "active" in edited:
            to_uniconta["blocked"] = not there["active"]
        there |= new
        if to_uniconta:
            record.uniconta = {**(record.uniconta or {}), **to_uniconta}
            record.read_uniconta()
        if there.get("active", True):
            record.off_by = ""
        elif "active" in edited:
            record.off_by = "person"
        elif record.off_by != "person":
            record.off_by = ""
        record.unsent = missing
        record.remember()

    def _what_goes(self, record: Record, wanted: Values) -> tuple[set[str], set[str]]:
        """The fields of which Uniconta's value goes to Intempus, and the others that were changed in Intempus."""
        assert record.intempus is not None
        before, before_there = record.uniconta_before, record.intempus_before
        if not before:  # the first time; a blank never overwrites a value
            filled = {
                name for name in wanted if wanted[name] not in ("", None) and (name, wanted[name]) != ("price", "0")
            }
            return filled, set(wanted) - filled
        if record.off_by in ("tick", "phase"):
            return set(wanted), set()  # in use again: brought up to date
        saved = {name for name in wanted if wanted[name] != before[name]}
        edited = {name for name in wanted if record.intempus[name] != before_there[name]}
        if saved and not self.merges_fields:
            saved |= edited  # the record was saved in Uniconta: the whole record wins (M4)
        return saved | record.unsent, edited - saved - record.unsent

    def _missing_references(self, record: Record, *, comes_into_use: bool) -> set[str] | None:
        """What it refers to is seen to first. Returns what has to be left out for now, None where the record must wait."""
        if record.kind is not PROJECT:
            return set()
        assert record.read is not None
        customer, parent, person = (record.read[name] for name in ("customer", "parent", "person"))
        if not customer.is_linked:
            self._see_to(customer, is_needed=True)
        elif comes_into_use and customer.read["ticked"] and not customer.intempus["active"]:
            customer.read_uniconta()
            self._look_at(customer, is_needed=True)
        if person is not None and not person.is_linked:
            self._see_to(person)
        if not customer.is_linked or (not record.is_linked and not customer.read["ticked"]):
            record.waits_for = {customer}
            return None
        missing = set()
        if parent is not None and not (parent.is_linked and parent.says("customer") is customer):
            missing.add("parent")
        if person is not None and not person.is_linked:
            missing.add("person")
        record.waits_for = {record.read[name] for name in missing}
        return missing


def _close(record: Record, why: str) -> None:
    """Set inactive, once (M5, M7). Nothing else goes, but a case that is closed says in which phase its project is."""
    assert record.read is not None
    assert record.intempus is not None
    if record.off_by != why and record.kind.has_switch:
        record.intempus["active"] = False
    record.off_by = why
    if why == "phase" and record.read["phase"] != record.uniconta_before["phase"]:
        for values in (record.intempus, record.uniconta_before, record.intempus_before):
            values["phase"] = record.read["phase"]


def ends_without_start(values: Values) -> bool:
    return bool(values.get("end") and not values.get("start"))


def is_in_circle(record: Record) -> bool:
    above, seen = record.says("parent"), set()
    while above is not None and above is not record and above not in seen:
        seen.add(above)
        above = above.says("parent")
    return above is record
