"""Whatever people and networks do, in any order: after quiet pulls and checks both systems stand as the rules say.

Two people edit both simulated systems at random; hints get lost, doubled and late; either system is out for a while;
answers to writes get lost. `rules.py` says what must stand there in the end. `make model RUNS=2000` runs more of them, always the same ones;
`ARGS=--model-seed` others each time, `ARGS=--model-shrink` looks for the shortest way to a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from mappings.models import RecordLink
from sync.domain.drain import drain
from sync.domain.pull import pull
from sync.domain.sweep import sweep
from tenants.models import RemoteHost
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_policy
from tests.journeys.conftest import Company, World
from tests.model import rules
from tests.model.rules import CUSTOMER, EMPLOYEE, PRODUCT, PROJECT, Kind, Record
from tests.model.spelling import LONG_AGO, REFERENCES, SPELLINGS, UNITS, Spelling, day, number

STEPS = 32
#: What one company synchronises, as often as it stands here. A history with projects costs four times as much as another.
COMPANIES = ((CUSTOMER,), (PRODUCT,), (EMPLOYEE,), (CUSTOMER,), (CUSTOMER, EMPLOYEE, PROJECT))
#: Records of one kind in one run.
AT_MOST = {CUSTOMER: 3, PRODUCT: 3, EMPLOYEE: 3, PROJECT: 5}
#: What people edit in Uniconta and in Intempus. What is named twice happens twice as often.
EDITED_HERE = {
    CUSTOMER: ("name", "city", "phone", "group"),
    PRODUCT: ("name", "unit", "price", "bar_code", "group"),
    EMPLOYEE: ("name", "city", "has_left", "group"),
    PROJECT: ("name", "description", "start", "end", "group", *["phase", "customer", "parent", "person"] * 2),
}
EDITED_THERE = {
    CUSTOMER: ("name", "city", "phone"),
    PRODUCT: ("name", "unit", "price"),
    EMPLOYEE: ("name", "city", "may_report"),
    PROJECT: ("name", "description", "start", "parent"),
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "group": ("1", "2"),
    "unit": tuple(UNITS)[1:],
    "price": ("0", "12.5", "99.95"),
    "has_left": (False, True),
    "may_report": (False, True),
    "start": ("", "2027-01-04", "2027-02-01"),
    "end": ("", "2027-03-31", "2027-04-30"),
    "phase": ("Created", "InProgress", "Paused", "Completed"),
}
SYSTEMS = st.sampled_from(["uniconta", "intempus"])
IS_HEARD = st.booleans()
CHOICE = st.integers(0, 59)


class Machine(RuleBasedStateMachine):
    """One run, with companies of its own in the two systems."""

    world: World
    merges_fields: bool
    run_count = 0

    @initialize(
        kinds=st.sampled_from(COMPANIES),
        makes_employees=st.booleans(),
        first=st.lists(st.tuples(CHOICE, st.booleans()), min_size=4, max_size=4),
    )
    def found(self, kinds: tuple[Kind, ...], makes_employees: bool, first: list[tuple[int, bool]]) -> None:
        type(self).run_count += 1
        serial = 5000 + self.run_count
        self.company: Company = self.world.found_company(f"run{serial}", serial, 70000 + serial, cvr="25313763")
        self.company.update(conflict_policy="merge_fields" if self.merges_fields else "uniconta_wins")
        switch_on(self.company, kinds, makes_employees=makes_employees)
        self.kinds = kinds
        self.model = rules.Company(merges_fields=self.merges_fields, makes_employees=makes_employees)
        self.row_ids: dict[Record, int] = {}  # RowId in Uniconta
        self.record_ids: dict[Record, int] = {}  # id in Intempus
        #: What the platform has been told of, and edits it has not met yet.
        self.told: set[Record] = set()
        self.edited_in_uniconta: set[Record] = set()
        self.edited_in_intempus: set[Record] = set()
        self.seen: dict[int, tuple[Any, Any]] = {}
        self.out: str | None = None
        self.text_count = 0
        sweep(self.company.tenant.pk)  # the first load, of nothing
        for kind in kinds:
            self.new_here(kind, True, False, True)
        for choice, is_heard in first:
            self.new_here(kinds[-1], choice % 9 > 0, choice % 11 == 1, is_heard, choice)

    # ---------------------------------------------------------------- helpers

    @property
    def records(self) -> list[Record]:
        return self.model.records

    def text(self, word: str) -> str:
        """Never the same twice, so that no two edits can be mistaken for each other."""
        self.text_count += 1
        return f"{word} {self.text_count}"

    def pick(self, choice: int, side: str, *kinds: Kind, is_whole: bool = False) -> Record | None:
        """A record that stands on this side. `is_whole`: and was deleted on none."""
        there = [each for each in self.records if getattr(each, side) is not None and each in self.ids(side)]
        there = [each for each in there if not kinds or each.kind in kinds]
        if is_whole:
            there = [each for each in there if not is_deleted(each)]
        return there[choice % len(there)] if there else None

    def ids(self, side: str) -> dict[Record, int]:
        return self.row_ids if side == "uniconta" else self.record_ids

    def value(self, record: Record, name: str, choice: int, side: str) -> Any:
        if name in REFERENCES:
            if name != "customer" and choice % 3 == 0:
                return None
            return self.pick(choice, side, REFERENCES[name], is_whole=True)
        return CHOICES[name][choice % len(CHOICES[name])] if name in CHOICES else self.text(name)

    def save(self, record: Record, is_heard: bool, act: Callable[[], Any]) -> None:
        """Somebody saves in Uniconta; the hint arrives or is lost for ever."""
        self.world.uniconta.switches.webhook_drop_probability = 0.0 if is_heard else 1.0
        act()
        self.world.uniconta.wait_for_webhooks()
        self.world.uniconta.switches.webhook_drop_probability = 0.0
        self.edited_in_uniconta.add(record)
        if is_heard:
            self.told.add(record)

    def edit_uniconta(self, record: Record, is_heard: bool, **values: Any) -> None:
        table, row_id = SPELLINGS[record.kind].table, self.row_ids[record]
        spelt = self.in_words_of_uniconta(record.kind, values)
        self.save(
            record,
            is_heard,
            lambda: self.world.uniconta.person_edits(self.company.number, table, row_id, **spelt),
        )
        assert record.uniconta is not None
        record.uniconta |= values

    def edit_intempus(self, record: Record, **values: Any) -> None:
        self.world.intempus.person_edits(
            self.company.intempus_number,
            SPELLINGS[record.kind].resource,
            self.record_ids[record],
            **self.in_words_of_intempus(record.kind, values),
        )
        assert record.intempus is not None
        record.intempus |= values
        self.edited_in_intempus.add(record)

    def look(self) -> None:
        """The rules' part of a drain: what was told, and what the platform found changed on its way."""
        read = self.told | self.met()
        self.told = set()
        self.edited_in_uniconta -= read
        self.edited_in_intempus -= read
        self.model.look(read)
        self.find_new_records()

    def met(self) -> set[Record]:
        """Whose record the platform read anew since the last look. When it reads is its own business."""
        with tenant_scope(self.company.tenant.pk):
            columns = ("pk", "entity", "uniconta_id", "intempus_id", "uniconta_seen_at", "intempus_seen_at")
            links = list(RecordLink.objects.filter(tenant=self.company.tenant).values_list(*columns))
        changed = [link for link in links if self.seen.get(link[0]) != link[4:]]
        self.seen = {link[0]: link[4:] for link in links}
        known = {(each.kind.name, "uniconta", str(self.row_ids[each])): each for each in self.row_ids}
        known |= {(each.kind.name, "intempus", str(self.record_ids[each])): each for each in self.record_ids}
        ids = [
            (entity, side, i)
            for _, entity, here, there, *_ in changed
            for side, i in (("uniconta", here), ("intempus", there))
        ]
        return {known[each] for each in ids if each in known}

    def find_new_records(self) -> None:
        """Which records are the ones the rules say were made: by their names, which nobody else bears."""
        for side, rows in (("uniconta", self.in_uniconta()), ("intempus", self.in_intempus())):
            known = {(record.kind, i) for record, i in self.ids(side).items()}
            new = {(key[0], values["name"]): key[1] for key, values in rows.items() if key not in known}
            for record in self.records:
                values = getattr(record, side)
                if record not in self.ids(side) and values is not None and (record.kind, values["name"]) in new:
                    self.ids(side)[record] = new[record.kind, values["name"]]

    # ---------------------------------------------------------------- people in Uniconta

    @rule(choice=CHOICE, is_ticked=st.booleans(), is_blocked=st.booleans(), is_heard=IS_HEARD)
    def new_in_uniconta(self, choice: int, is_ticked: bool, is_blocked: bool, is_heard: bool) -> None:
        self.new_here(self.kinds[choice % len(self.kinds)], is_ticked, is_blocked, is_heard, choice)

    def new_here(self, kind: Kind, is_ticked: bool, is_blocked: bool, is_heard: bool, choice: int = 0) -> None:
        if not self.has_room(kind):
            return
        record = Record(kind)
        names = ("group", *EDITED_HERE[kind])
        values = {name: self.value(record, name, choice, "uniconta") for name in names if name not in ("start", "end")}
        values |= {"number": str(1000 + len(self.records)), "name": self.text(kind.name), "ticked": is_ticked}
        if kind is PROJECT:  # most are in use from the beginning
            values |= {"start": "", "end": "" if choice % 7 else CHOICES["end"][1]}
            values |= {} if choice % 5 == 0 else {"phase": "Created"}
        values |= {"blocked": is_blocked} if kind.has_switch else {}
        if kind is PROJECT and values["customer"] is None:
            return
        record.uniconta = values
        spelt = self.in_words_of_uniconta(kind, values)
        spelt |= {"Email": f"{values['number']}@firma.dk"} if kind is EMPLOYEE else {}
        self.records.append(record)

        def act() -> None:
            table = SPELLINGS[kind].table
            self.row_ids[record] = self.world.uniconta.person_creates(self.company.number, table, **spelt)

        self.save(record, is_heard, act)

    def has_room(self, kind: Kind) -> bool:
        return sum(record.kind is kind for record in self.records) < AT_MOST[kind]

    @rule(choice=CHOICE, field=CHOICE, to=CHOICE, is_heard=IS_HEARD)
    def edit_here(self, choice: int, field: int, to: int, is_heard: bool) -> None:
        if (record := self.pick(choice, "uniconta")) is not None:
            names = EDITED_HERE[record.kind]
            name = names[field % len(names)]
            self.edit_uniconta(record, is_heard, **{name: self.value(record, name, to, "uniconta")})

    @rule(choice=CHOICE, is_heard=IS_HEARD)
    def tick_or_untick(self, choice: int, is_heard: bool) -> None:
        if (record := self.pick(choice, "uniconta")) is not None and record.uniconta is not None:
            self.edit_uniconta(record, is_heard, ticked=not record.uniconta["ticked"])

    @precondition(lambda self: self.kinds != (EMPLOYEE,))
    @rule(choice=CHOICE, is_heard=IS_HEARD)
    def block_or_unblock(self, choice: int, is_heard: bool) -> None:
        record = self.pick(choice, "uniconta")
        if record is not None and record.uniconta is not None and record.kind.has_switch:
            self.edit_uniconta(record, is_heard, blocked=not record.uniconta["blocked"])

    @rule(choice=CHOICE, is_heard=IS_HEARD)
    def renumber(self, choice: int, is_heard: bool) -> None:
        if (record := self.pick(choice, "uniconta")) is not None:
            self.text_count += 1
            self.edit_uniconta(record, is_heard, number=str(2000 + self.text_count))

    @rule(choice=CHOICE, is_number=st.booleans())
    def rename_group(self, choice: int, is_number: bool) -> None:
        spelling = SPELLINGS[self.kinds[choice % len(self.kinds)]]
        row_id = 2 if is_number else 1 + choice % 2  # the default group keeps its number: the platform knows it by that
        values = {spelling.group_key: self.text("G")} if is_number else {"Name": self.text("Gruppe")}
        self.world.uniconta.person_edits(self.company.number, spelling.group_table, row_id, **values)
        self.world.uniconta.wait_for_webhooks()

    @rule(choice=CHOICE, is_heard=IS_HEARD)
    def delete_here(self, choice: int, is_heard: bool) -> None:
        record = self.pick(choice, "uniconta")
        if choice % 4 == 0 and record is not None and not self.is_referred(record):
            table, row_id = SPELLINGS[record.kind].table, self.row_ids[record]
            self.save(record, is_heard, lambda: self.world.uniconta.person_deletes(self.company.number, table, row_id))
            record.uniconta = None

    def is_referred(self, record: Record) -> bool:
        """Neither system lets anybody delete what another record refers to."""
        sides = [values for each in self.records for values in (each.uniconta, each.intempus, each.read) if values]
        return any(values.get(name) is record for values in sides for name in REFERENCES)

    # ---------------------------------------------------------------- people in Intempus

    @rule(choice=CHOICE)
    def new_in_intempus(self, choice: int) -> None:
        kind = self.kinds[choice % len(self.kinds)]
        record = Record(kind)
        customer = self.value(record, "customer", choice, "intempus") if kind is PROJECT else None
        if not self.has_room(kind) or (kind is PROJECT and customer is None):
            return
        self.text_count += 1
        values: dict[str, Any] = {"name": self.text(kind.name), "group": "", "number": ""}
        values |= {name: "" for name in (*kind.both_ways, *kind.one_way) if name not in values}
        if kind.has_switch:
            values["active"] = True
        else:
            values |= {"number": str(500 + self.text_count), "may_report": True}
        if kind is PROJECT:
            values |= {"number": f"S{self.text_count}", "customer": customer, "phase": ""}
            values |= {name: self.value(record, name, choice, "intempus") for name in ("parent", "person")}
        self.make_there(record, values, {"email": f"{values['number']}@firma.dk"} if kind is EMPLOYEE else {})
        self.records.append(record)

    def make_there(self, record: Record, values: dict[str, Any], extra: dict[str, Any]) -> None:
        spelt = self.in_words_of_intempus(record.kind, values) | extra
        resource = SPELLINGS[record.kind].resource
        record_id = self.world.intempus.person_creates(self.company.intempus_number, resource, **spelt)
        self.record_ids[record] = record_id
        record.intempus = values
        record.born_number = values["number"] or f"I{record_id}"
        self.edited_in_intempus.add(record)

    @precondition(lambda self: EMPLOYEE in self.kinds)
    @rule(choice=CHOICE)
    def make_by_hand(self, choice: int) -> None:
        """What the list *create by hand* asks for: the employee of Uniconta, made in Intempus with the same e-mail."""
        record = self.pick(choice, "uniconta", EMPLOYEE)
        if record is None or record.intempus is not None or record.is_linked or record.read is None:
            return
        row = self.world.uniconta.row(self.company.number, "Employee", self.row_ids[record])
        values = {"name": self.text("employee"), "city": self.text("city") if choice % 3 else "", "group": ""}
        values |= {"number": "", "may_report": bool(choice % 2)}
        self.make_there(record, values, {"email": row["Email"]})

    @precondition(lambda self: self.record_ids)
    @rule(choice=CHOICE, field=CHOICE, to=CHOICE)
    def edit_there(self, choice: int, field: int, to: int) -> None:
        if (record := self.pick(choice, "intempus")) is None or record.intempus is None:
            return
        names = EDITED_THERE[record.kind]
        name = names[field % len(names)]
        values = {name: self.value(record, name, to, "intempus")}
        if name == "start" and not values["start"]:
            values["end"] = ""
        self.edit_intempus(record, **values)

    @precondition(lambda self: self.kinds != (EMPLOYEE,))
    @rule(choice=CHOICE)
    def switch_there(self, choice: int) -> None:
        record = self.pick(choice, "intempus")
        if record is not None and record.intempus is not None and record.kind.has_switch:
            self.edit_intempus(record, active=not record.intempus["active"])

    @rule(choice=CHOICE)
    def delete_there(self, choice: int) -> None:
        record = self.pick(choice, "intempus", CUSTOMER, PRODUCT, PROJECT)  # an employee's profile keeps the employee
        if choice % 4 == 0 and record is not None and not self.is_referred(record):
            resource, record_id = SPELLINGS[record.kind].resource, self.record_ids[record]
            self.world.intempus.person_deletes(self.company.intempus_number, resource, record_id)
            record.intempus = None
            self.edited_in_intempus.discard(record)

    # ---------------------------------------------------------------- networks

    @rule(choice=CHOICE, times=st.integers(1, 3))
    def stale_hint(self, choice: int, times: int) -> None:
        """A hint that comes again, or late, whatever became of the record."""
        if known := [record for record in self.records if record in self.row_ids]:
            record = known[choice % len(known)]
            for _ in range(times):
                table, row_id = SPELLINGS[record.kind].table, str(self.row_ids[record])
                make_event(self.company.tenant, record.kind.name, remote_id=row_id, table=table)
            self.told.add(record)

    @precondition(lambda self: self.out is None)
    @rule(system=SYSTEMS)
    def outage_begins(self, system: str) -> None:
        self.out = system
        getattr(self.world, system).faults.add("status", status=503)

    @precondition(lambda self: self.out is not None)
    @rule()
    def outage_ends(self) -> None:
        getattr(self.world, str(self.out)).faults.clear()
        self.out = None

    @precondition(lambda self: self.out is None)
    @rule(system=SYSTEMS)
    def an_answer_gets_lost(self, system: str) -> None:
        """The next write there takes effect, but nobody hears of it."""
        method = "P(OST|UT|ATCH)"
        getattr(self.world, system).faults.add("drop", method=method, times=1)

    # ---------------------------------------------------------------- the platform

    @precondition(lambda self: self.told)
    @rule()
    def settle(self) -> None:
        if self.out is not None:
            drain(self.company.tenant.pk)  # and gets nowhere
            return
        self.close_breakers()
        self.company.settle()
        self.look()

    @precondition(lambda self: self.told or self.edited_in_intempus)
    @rule()
    def fetch(self) -> None:
        """A pull, and what follows from it."""
        self.close_breakers()
        pull(self.company.tenant.pk)
        if self.out != "intempus":
            self.told |= self.edited_in_intempus
        self.settle()

    @precondition(lambda self: self.edited_in_uniconta)
    @rule()
    def check(self) -> None:
        """A sweep, and what follows from it."""
        self.close_breakers()
        sweep(self.company.tenant.pk)
        if self.out != "uniconta":
            self.told |= self.edited_in_uniconta
        self.settle()

    def fetch_and_check(self) -> None:
        """Both, and then what follows: as after a quarter of an hour."""
        self.close_breakers()
        pull(self.company.tenant.pk)
        sweep(self.company.tenant.pk)
        self.told |= self.edited_in_intempus | self.edited_in_uniconta
        self.settle()

    def close_breakers(self) -> None:
        """Time passes: a breaker is not the subject."""
        with tenant_scope(ALL):
            RemoteHost.objects.update(failure_count=0, open_until=None)
            self.company.tenant.connections.update(failure_count=0, open_until=None)

    # ---------------------------------------------------------------- the end

    def teardown(self) -> None:
        if not hasattr(self, "company"):
            return
        for system in ("uniconta", "intempus"):
            getattr(self.world, system).faults.clear()
        self.out = None
        for _ in range(5):
            before = self.company.now()
            self.fetch_and_check()
            if not self.company.writes(before):
                break
        for side, rows in (("uniconta", self.in_uniconta()), ("intempus", self.in_intempus())):
            stands = [each for each in self.records if getattr(each, side) is not None]
            assert [each for each in stands if each not in self.ids(side)] == [], f"not made in {side}: {self.links()}"
            expected = {(each.kind, self.ids(side)[each]): getattr(each, side) for each in stands}
            assert differences(rows, expected) == [], f"in {side}, found and expected: {self.links()}"
        for kind in self.kinds:
            spelling = SPELLINGS[kind]
            names = {row[spelling.group_key]: row["Name"] for row in self.groups_here(spelling)}
            groups = [(row["number"], row["name"]) for row in self.groups_there(spelling)]
            assert groups == [(number, names[number]) for number, _ in groups]
            assert len(groups) == len({number for number, _ in groups})
        assert self.company.writes(before) == [], "never quiet"

    def links(self) -> list[tuple[Any, ...]]:
        with tenant_scope(self.company.tenant.pk):
            links = RecordLink.objects.filter(tenant=self.company.tenant).order_by("entity", "name")
            return list(links.values_list("name", "state", "reason", "detail", "inactive_reason"))

    # ---------------------------------------------------------------- both systems in the model's words

    def groups_here(self, spelling: Spelling) -> list[dict[str, Any]]:
        return list(self.world.uniconta.rows(self.company.number, spelling.group_table))

    def groups_there(self, spelling: Spelling) -> list[dict[str, Any]]:
        return list(self.world.intempus.rows(self.company.intempus_number, spelling.group_resource))

    def states(self) -> dict[str, int]:
        rows = self.world.intempus.rows(self.company.intempus_number, "case_state")
        return {row["number"]: row["id"] for row in rows}

    def in_words_of_uniconta(self, kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
        spelling = SPELLINGS[kind]
        groups = {str(row["RowId"]): row[spelling.group_key] for row in self.groups_here(spelling)}
        words: dict[str, Any] = {}
        for name, value in values.items():
            if name == "number":
                words[spelling.key] = value
            elif name == "group":
                words["Group"] = groups[value]
            elif name in ("ticked", "blocked"):
                words["xIntempus" if name == "ticked" else "Blocked"] = value
            elif name == "has_left":
                words["Terminated"] = f"{LONG_AGO}T00:00:00" if value else None
            elif name in REFERENCES:
                other = (
                    None
                    if value is None
                    else self.world.uniconta.row(self.company.number, SPELLINGS[value.kind].table, self.row_ids[value])
                )
                words[spelling.fields[name][0]] = other[SPELLINGS[value.kind].key] if other else ""
            else:
                words[spelling.fields[name][0]] = float(value) if name == "price" else value
        return words

    def in_words_of_intempus(self, kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
        spelling = SPELLINGS[kind]
        words: dict[str, Any] = {}
        for name, value in values.items():
            if name == "number":
                words["number"] = value
            elif name == "active":
                words[spelling.switch] = value
            elif name in REFERENCES:
                words[spelling.fields[name][1]] = None if value is None else self.record_ids[value]
            elif name == "unit":
                words["unit"] = UNITS[value]
            elif name not in ("group", "phase"):
                words[spelling.fields[name][1]] = (value or None) if name in ("start", "end", "price") else value
        return words

    def in_uniconta(self) -> dict[tuple[Kind, int], dict[str, Any]]:
        """All records as the model's values."""
        found = {}
        by_key = {}
        rows = {kind: self.world.uniconta.rows(self.company.number, SPELLINGS[kind].table) for kind in self.kinds}
        records = {(record.kind, row_id): record for record, row_id in self.row_ids.items()}
        for kind in self.kinds:
            for row in rows[kind]:
                by_key[kind, row[SPELLINGS[kind].key]] = records.get((kind, row["RowId"]), row["RowId"])
        for kind in self.kinds:
            spelling = SPELLINGS[kind]
            groups = {row[spelling.group_key]: str(row["RowId"]) for row in self.groups_here(spelling)}
            for row in rows[kind]:
                values = {"number": row[spelling.key], "group": groups[row["Group"]], "ticked": row["xIntempus"]}
                values |= {"blocked": row["Blocked"]} if kind.has_switch else {}
                for name, (field, _) in spelling.fields.items():
                    if name in REFERENCES:
                        values[name] = by_key[REFERENCES[name], row[field]] if row[field] else None
                    elif field:
                        values[name] = FROM_UNICONTA.get(name, str)("" if row[field] is None else row[field])
                found[kind, int(row["RowId"])] = values
        return found

    def in_intempus(self) -> dict[tuple[Kind, int], dict[str, Any]]:
        found = {}
        records = {(record.kind, record_id): record for record, record_id in self.record_ids.items()}
        states = {row_id: number for number, row_id in self.states().items()}
        for kind in self.kinds:
            spelling = SPELLINGS[kind]
            keys = {row[spelling.group_key]: str(row["RowId"]) for row in self.groups_here(spelling)}
            groups = {row["id"]: row["number"] for row in self.groups_there(spelling)}
            for row in self.world.intempus.rows(self.company.intempus_number, spelling.resource):
                group = groups.get(row[spelling.group_resource], "")
                values = {"number": row["number"], "group": keys.get(group, group)}
                values |= {"active": row[spelling.switch]} if kind.has_switch else {}
                for name, (_, field) in spelling.fields.items():
                    if name in REFERENCES:
                        values[name] = records.get((REFERENCES[name], row[field]), row[field])
                    elif name == "phase":
                        values[name] = states.get(row[field], "")
                    elif field:
                        values[name] = FROM_INTEMPUS.get(name, str)("" if row[field] is None else row[field])
                found[kind, int(row["id"])] = values
        return found


FROM_UNICONTA: dict[str, Callable[[Any], Any]] = {
    "unit": lambda raw: "" if raw == "None" else raw,
    "price": number,
    "start": day,
    "end": day,
    "has_left": lambda raw: bool(day(raw)),
}
FROM_INTEMPUS: dict[str, Callable[[Any], Any]] = {
    "unit": lambda raw: {text: unit for unit, text in UNITS.items()}.get(raw, raw),
    "price": number,
    "start": day,
    "end": day,
    "may_report": bool,
}


def differences(found: dict[Any, Any], expected: dict[Any, Any]) -> list[tuple[Any, ...]]:
    """Key, field, what was found, what was expected."""
    fields = [(key, name) for key in {**found, **expected} for name in {**found.get(key, {}), **expected.get(key, {})}]
    pairs = [(key, name, found.get(key, {}).get(name), expected.get(key, {}).get(name)) for key, name in fields]
    return [(kind.name, i, name, here, there) for (kind, i), name, here, there in pairs if here != there]


def is_deleted(record: Record) -> bool:
    return record.is_linked and (record.uniconta is None or record.intempus is None)


def switch_on(company: Company, kinds: tuple[Kind, ...], *, makes_employees: bool = False) -> None:
    """The company has the tick field and two groups for each of these kinds, and synchronises them."""
    with tenant_scope(company.tenant.pk):
        company.tenant.policies.exclude(entity__in=[kind.name for kind in kinds]).delete()
    company.uniconta_fields = {"xIntempus"}
    for kind in kinds:
        spelling = SPELLINGS[kind]
        company.uniconta.add_user_field(company.number, spelling.table, "xIntempus")
        if kind is CUSTOMER:
            continue
        for group in ("1", "2"):
            values = {spelling.group_key: group, "Name": f"Gruppe {group}"}
            company.uniconta.bulk(company.number, spelling.group_table, 1, **values)
        creates = {"create_in_intempus": makes_employees} if kind is EMPLOYEE else {}
        make_policy(company.tenant, kind.name, default_group="1", number_prefix="I", **creates)


@pytest.mark.slow
@pytest.mark.parametrize("conflict_policy", ["uniconta_wins", "merge_fields"])
def test_it_ends_as_the_rules_say(
    world: World, conflict_policy: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A quarter of the runs for each profile and policy; a second company beside them stays as it is."""
    monkeypatch.setattr(
        "sync.domain.drain.break_loops", lambda *_: None
    )  # its own subject; people may change their minds
    monkeypatch.setattr("sync.domain.drain.READ_AGAIN_AFTER", timedelta(0))  # a look is a look at what stands there now
    runs = int(request.config.getoption("--model-runs")) // 4
    world.havnen.debtor("1000")
    world.havnen.settle()
    beside = world.havnen.now(), world.havnen.customers(), world.havnen.debtors()
    machine = type("Machine", (Machine,), {"world": world, "merges_fields": conflict_policy == "merge_fields"})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not request.config.getoption("--model-seed"),
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=[Phase.generate, *([Phase.shrink] if request.config.getoption("--model-shrink") else [])],
        ),
    )
    assert (world.havnen.customers(), world.havnen.debtors()) == beside[1:]
    assert world.havnen.writes(beside[0]) == []
