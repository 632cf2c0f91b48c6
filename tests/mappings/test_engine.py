"""The plan of one record, as a table of cases and as laws that hold for any values."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import (
    Action,
    ConflictPolicy,
    Inactive,
    Outcome,
    Plan,
    Policy,
    SideView,
    Standing,
    compare,
    effective,
    make_plan,
    match_keys,
    to_canonical,
    to_remote,
)
from mappings.entities.customer import CUSTOMER
from mappings.entities.customer_group import CUSTOMER_GROUP
from mappings.entities.employee import EMPLOYEE
from mappings.entities.product import PRODUCT
from mappings.entities.project import PROJECT
from mappings.spec import Direction, Entity, Match, System, Value
from mappings.transforms import MappingError

UNICONTA, INTEMPUS = System.UNICONTA, System.INTEMPUS
GROUPS = {"1": "71", "2": "72"}  # Uniconta key → Intempus id


class References:
    def __init__(self, groups: dict[str, str] | None = None) -> None:
        self.groups = GROUPS if groups is None else groups

    def to_intempus(self, entity: str, uniconta_key: str) -> str | None:
        return self.groups.get(uniconta_key)

    def to_uniconta(self, entity: str, intempus_id: str) -> str | None:
        return {number: key for key, number in self.groups.items()}.get(intempus_id)


BASE: dict[str, Value] = {
    "number": "1001",
    "name": "Hansen",
    "address": "",
    "zip_code": "5000",
    "city": "Odense",
    "country": "DK",
    "phone": "11111111",
    "email": "",
    "contact_person": "",
    "cvr": "25313763",
    "group": "1",
    "active": True,
}


def uniconta(base: dict[str, Value] | None = None, **now: Value) -> SideView:
    base = BASE if base is None else base
    return SideView("1", base, {**BASE, **base, **now})


def intempus(base: dict[str, Value] | None = None, **now: Value) -> SideView:
    default = {**BASE, "group": "71"}
    base = default if base is None else base
    return SideView("9", base, {**default, **base, **now})


TICKED = Standing(is_ticked=True, was_sent=True)


def plan(u: SideView, i: SideView, policy: Policy | None = None, standing: Standing = TICKED) -> Plan:
    return make_plan(CUSTOMER, u, i, policy or Policy(), standing, References())


def writes(made: Plan) -> dict[str, dict[str, Value]]:
    return {f"{write.action} {write.target}": write.values for write in made.writes}


# --------------------------------------------------------------------------------------------- who changed

MERGE = Policy(conflict=ConflictPolicy.MERGE_FIELDS)

CHANGES: list[tuple[str, dict[str, Value], dict[str, Value], Policy, dict[str, Any], set[str], set[str]]] = [
    ("neither", {}, {}, Policy(), {}, set(), set()),
    ("uniconta", {"city": "A"}, {}, Policy(), {"update intempus": {"city": "A"}}, set(), set()),
    ("intempus", {}, {"city": "B"}, Policy(), {"update uniconta": {"city": "B"}}, set(), set()),
    ("both to the same", {"city": "A"}, {"city": "A"}, Policy(), {}, set(), set()),
    ("both, one field", {"city": "A"}, {"city": "B"}, Policy(), {"update intempus": {"city": "A"}}, {"city"}, set()),
    (
        "both, other fields: the whole record wins",
        {"city": "A"},
        {"phone": "2"},
        Policy(),
        {"update intempus": {"city": "A", "phone": "11111111"}},
        {"phone"},
        set(),
    ),
    (
        "both, other fields, merged",
        {"city": "A"},
        {"phone": "2"},
        MERGE,
        {"update intempus": {"city": "A"}, "update uniconta": {"phone": "2"}},
        set(),
        set(),
    ),
    (
        "both, one field, merged",
        {"city": "A"},
        {"city": "B"},
        MERGE,
        {"update intempus": {"city": "A"}},
        {"city"},
        set(),
    ),
    ("one-way in intempus", {}, {"cvr": "1"}, Policy(), {}, set(), {"cvr"}),
    ("number in intempus", {}, {"number": "X"}, Policy(), {}, set(), {"number"}),
    ("group in intempus", {}, {"group": "72"}, Policy(), {}, set(), {"group"}),
    ("one-way, both", {"cvr": "2"}, {"cvr": "1"}, Policy(), {"update intempus": {"cvr": "2"}}, {"cvr"}, set()),
    ("group in uniconta", {"group": "2"}, {}, Policy(), {"update intempus": {"group": "72"}}, set(), set()),
    ("emptied in uniconta", {"city": ""}, {}, Policy(), {"update intempus": {"city": ""}}, set(), set()),
    ("emptied in intempus", {}, {"city": ""}, Policy(), {"update uniconta": {"city": ""}}, set(), set()),
    ("blocked", {"active": False}, {}, Policy(), {"deactivate intempus": {"active": False}}, set(), set()),
    ("switched off", {}, {"active": False}, Policy(), {"deactivate uniconta": {"active": False}}, set(), set()),
    ("to intempus off", {"city": "A"}, {}, Policy(to_intempus=False), {}, set(), set()),
    ("to uniconta off", {}, {"city": "B"}, Policy(to_uniconta=False), {}, set(), set()),
    (
        "both, to intempus off",
        {"city": "A"},
        {"phone": "2"},
        Policy(to_intempus=False),
        {"update uniconta": {"phone": "2"}},
        set(),
        set(),
    ),
    ("entity off", {"city": "A"}, {"phone": "2"}, Policy(enabled=False), {}, set(), set()),
]


@pytest.mark.parametrize(
    ("in_uniconta", "in_intempus", "policy", "expected", "overwritten", "not_taken_over"),
    [case[1:] for case in CHANGES],
    ids=[case[0] for case in CHANGES],
)
def test_who_changed_decides(
    in_uniconta: dict[str, Value],
    in_intempus: dict[str, Value],
    policy: Policy,
    expected: dict[str, Any],
    overwritten: set[str],
    not_taken_over: set[str],
) -> None:
    made = plan(uniconta(**in_uniconta), intempus(**in_intempus), policy)
    assert writes(made) == expected
    assert {change.field for change in made.overwritten} == overwritten
    assert {change.field for change in made.not_taken_over} == not_taken_over


def test_what_differs_from_of_old_stays() -> None:
    assert plan(uniconta(), intempus({**BASE, "group": "71", "city": "B"})).writes == ()


# --------------------------------------------------------------------------------------------- first link


@pytest.mark.parametrize(
    ("here", "there", "expected", "overwritten"),
    [
        ("A", "A", {}, set()),
        ("A", "", {"update intempus": {"city": "A"}}, set()),
        ("", "B", {"update uniconta": {"city": "B"}}, set()),
        ("A", "B", {"update intempus": {"city": "A"}}, {"city"}),
        ("", "", {}, set()),
    ],
)
def test_the_first_link(here: str, there: str, expected: dict[str, Any], overwritten: set[str]) -> None:
    made = plan(SideView("1", {}, {**BASE, "city": here}), SideView("9", {}, {**BASE, "group": "71", "city": there}))
    assert writes(made) == expected
    assert {change.field for change in made.overwritten} == overwritten


def test_a_blank_one_way_field_keeps_what_intempus_has() -> None:
    made = plan(SideView("1", {}, {**BASE, "cvr": ""}), SideView("9", {}, {**BASE, "group": "71"}))
    assert (made.writes, made.not_taken_over) == ((), ())


def test_a_field_not_read_yet_on_one_side_is_left_alone() -> None:
    now = {name: value for name, value in intempus().current.items() if name != "phone"}  # type: ignore[union-attr]
    made = plan(uniconta(phone="22222222", city="A"), SideView("9", intempus().base, now))
    assert writes(made) == {"update intempus": {"city": "A"}}


# --------------------------------------------------------------------------------------------- tick, blocked, gone

NEVER, UNTICKED = Standing(is_ticked=False), Standing(is_ticked=False, was_sent=True)
FLAGGED = replace(UNTICKED, inactive_reason=Inactive.FLAG)
NOBODY = SideView()


@pytest.mark.parametrize(
    ("u", "i", "standing", "policy", "expected", "outcome", "reason", "inactive"),
    [
        (uniconta(), NOBODY, NEVER, Policy(), {}, Outcome.EXCLUDED, "never_ticked", Inactive.NO),
        (uniconta(), intempus(), NEVER, Policy(), {}, Outcome.EXCLUDED, "never_ticked", Inactive.NO),
        (
            uniconta(city="A"),
            intempus(phone="2"),
            UNTICKED,
            Policy(),
            {"deactivate intempus": {"active": False}},
            Outcome.EXCLUDED,
            "unticked",
            Inactive.FLAG,
        ),
        (
            uniconta(),
            intempus(),
            UNTICKED,
            Policy(to_intempus=False),
            {},
            Outcome.EXCLUDED,
            "direction_off",
            Inactive.NO,
        ),
        (uniconta(), intempus(active=False), FLAGGED, Policy(), {}, Outcome.EXCLUDED, "unticked", Inactive.FLAG),
        (uniconta(), intempus(), FLAGGED, Policy(), {}, Outcome.EXCLUDED, "reactivated_by_hand", Inactive.FLAG),
        (
            uniconta({**BASE, "active": False, "city": "old"}, active=True, city="new"),
            intempus({**BASE, "group": "71", "active": False, "phone": "2"}),
            replace(FLAGGED, is_ticked=True),
            Policy(),
            {"update intempus": {"city": "new", "phone": "11111111", "active": True}},
            Outcome.IN_SYNC,
            "",
            Inactive.NO,
        ),
        (
            SideView("1", BASE, None, is_gone=True),
            intempus(),
            TICKED,
            Policy(),
            {},
            Outcome.NEEDS_ATTENTION,
            "deleted_in_uniconta",
            Inactive.NO,
        ),
        (
            SideView("1", BASE, None, is_gone=True),
            intempus(),
            TICKED,
            Policy(deactivates_on_uniconta_delete=True),
            {"deactivate intempus": {"active": False}},
            Outcome.EXCLUDED,
            "deleted_in_uniconta",
            Inactive.DELETED,
        ),
        (
            SideView("1", BASE, None, is_gone=True),
            intempus(),
            TICKED,
            Policy(deactivates_on_uniconta_delete=True, to_intempus=False),
            {},
            Outcome.NEEDS_ATTENTION,
            "deleted_in_uniconta",
            Inactive.NO,
        ),
        (
            SideView("1", BASE, None, is_gone=True),
            intempus(),
            NEVER,
            Policy(deactivates_on_uniconta_delete=True),
            {},
            Outcome.EXCLUDED,
            "deleted_in_uniconta",
            Inactive.NO,
        ),
        (
            uniconta(),
            SideView("9", BASE, None, is_gone=True),
            TICKED,
            Policy(),
            {},
            Outcome.NEEDS_ATTENTION,
            "deleted_in_intempus",
            Inactive.NO,
        ),
        (
            uniconta(),
            SideView("9", BASE, None, is_gone=True),
            TICKED,
            Policy(blocks_on_intempus_delete=True),
            {"deactivate uniconta": {"active": False}},
            Outcome.EXCLUDED,
            "deleted_in_intempus",
            Inactive.DELETED,
        ),
        (
            uniconta(),
            SideView("9", BASE, None, is_gone=True),
            replace(TICKED, inactive_reason=Inactive.DELETED),
            Policy(blocks_on_intempus_delete=True),
            {},
            Outcome.NEEDS_ATTENTION,
            "deleted_in_intempus",
            Inactive.DELETED,
        ),
        (
            uniconta(),
            NOBODY,
            TICKED,
            Policy(create_in_intempus=False),
            {},
            Outcome.EXCLUDED,
            "creates_off",
            Inactive.NO,
        ),
        (
            NOBODY,
            intempus(),
            Standing(),
            Policy(create_in_uniconta=False),
            {},
            Outcome.EXCLUDED,
            "creates_off",
            Inactive.NO,
        ),
        (
            NOBODY,
            intempus(active=False),
            Standing(),
            Policy(),
            {},
            Outcome.EXCLUDED,
            "inactive_only_in_intempus",
            Inactive.PERSON,
        ),
    ],
)
def test_tick_deletion_and_switches(
    u: SideView,
    i: SideView,
    standing: Standing,
    policy: Policy,
    expected: dict[str, Any],
    outcome: Outcome,
    reason: str,
    inactive: Inactive,
) -> None:
    made = plan(u, i, policy, standing)
    assert writes(made) == expected
    assert (made.outcome, made.reason, made.inactive_reason) == (outcome, reason, inactive)


def test_edits_while_unticked_are_told() -> None:
    made = plan(uniconta(), intempus(active=False, phone="2"), standing=FLAGGED)
    assert [(change.field, change.old, change.new) for change in made.not_taken_over] == [
        ("phone", "11111111", "2"),
        ("active", True, False),
    ]


@pytest.mark.parametrize(
    ("here", "there", "known", "expected"),
    [
        (False, True, Inactive.NO, Inactive.BLOCKED),
        (True, False, Inactive.NO, Inactive.PERSON),
        (False, False, Inactive.PERSON, Inactive.PERSON),
        (False, False, Inactive.NO, Inactive.BLOCKED),
        (True, True, Inactive.PERSON, Inactive.NO),
    ],
)
def test_why_it_is_inactive(here: bool, there: bool, known: Inactive, expected: Inactive) -> None:
    made = plan(uniconta(active=here), intempus(active=there), standing=replace(TICKED, inactive_reason=known))
    assert made.inactive_reason is expected


# --------------------------------------------------------------------------------------------- references and births


def test_an_unknown_group_is_left_out_and_named() -> None:
    made = make_plan(CUSTOMER, uniconta(), NOBODY, Policy(), TICKED, References({}))
    [write] = made.writes
    assert "group" not in write.values
    assert made.unresolved == (("group", "customer_group", "1"),)
    assert made.notes == ("reference_missing",)


def test_a_mandatory_reference_waits() -> None:
    attributes = tuple(replace(a, is_mandatory=True) if a.name == "group" else a for a in CUSTOMER.attributes)
    entity = replace(CUSTOMER, attributes=attributes)
    for there in (NOBODY, intempus()):
        made = make_plan(entity, uniconta(group="3", city="A"), there, Policy(), TICKED, References())
        assert (made.outcome, made.reason, made.writes, made.keeps_bases) == (
            Outcome.WAITING,
            "reference_waits",
            (),
            True,
        )


CASE = replace(
    CUSTOMER,
    attributes=tuple(
        replace(a, is_mandatory=True, is_group=False) if a.name == "group" else a for a in CUSTOMER.attributes
    ),
)


def test_a_blank_mandatory_reference_asks_a_person() -> None:
    blank, here = uniconta(group=""), intempus(group="")
    for one, other in ((blank, NOBODY), (blank, intempus()), (NOBODY, here)):
        made = make_plan(CASE, one, other, Policy(default_group="1"), TICKED, References())
        assert (made.outcome, made.reason, made.detail, made.writes, made.keeps_bases) == (
            Outcome.NEEDS_ATTENTION,
            "reference_blank",
            "group",
            (),
            True,
        )


def test_the_default_group_stands_in_for_groups_only() -> None:
    """A case of an unknown customer must not get a group's number as its debtor."""
    made = make_plan(CASE, NOBODY, intempus(group="99"), Policy(default_group="1"), Standing(), References())
    assert (made.outcome, made.reason, made.writes) == (Outcome.WAITING, "reference_waits", ())
    assert made.unresolved == (("group", "customer_group", "#99"),)
    plain = replace(
        CUSTOMER, attributes=tuple(replace(a, is_group=False) if a.name == "group" else a for a in CUSTOMER.attributes)
    )
    made = make_plan(plain, NOBODY, intempus(group="99"), Policy(default_group="1"), Standing(), References())
    [write] = made.writes
    assert "group" not in write.values
    assert (made.notes, made.unresolved) == (("reference_missing",), (("group", "customer_group", "#99"),))


@pytest.mark.parametrize(
    ("here", "why", "expected"),
    [
        (True, Inactive.NO, {"activate intempus": {"active": True}}),
        (False, Inactive.PERSON, {"activate intempus": {"active": True}, "activate uniconta": {"active": True}}),
        (False, Inactive.BLOCKED, {}),
    ],
)
def test_who_is_needed_is_activated_unless_uniconta_blocked_it(
    here: bool, why: Inactive, expected: dict[str, Any]
) -> None:
    sides = uniconta({**BASE, "active": here}), intempus({**BASE, "group": "71", "active": False})
    for is_needed in (True, False):
        standing = replace(TICKED, inactive_reason=why, is_needed=is_needed)
        made = make_plan(CUSTOMER, *sides, Policy(), standing, References())
        assert writes(made) == (expected if is_needed else {})
    held = make_plan(CUSTOMER, *sides, Policy(), Standing(False, True, why, is_needed=True), References())
    assert writes(held) == {}


def test_a_renamed_group_is_no_change_of_the_record() -> None:
    renamed = References({"1A": "71", "2": "72"})
    made = make_plan(CUSTOMER, uniconta(group="1A"), intempus(city="B"), Policy(), TICKED, renamed)
    assert writes(made) == {"update uniconta": {"city": "B"}}


def test_our_own_group_is_not_an_overwritten_edit() -> None:
    """The group was unknown for a while: no base in Uniconta, but Intempus still has what we wrote."""
    base = {name: value for name, value in BASE.items() if name != "group"}
    made = plan(SideView("1", base, {**BASE, "group": "2"}), intempus())
    assert writes(made) == {"update intempus": {"group": "72"}}
    assert made.overwritten == ()


@pytest.mark.parametrize(
    ("group", "key", "notes"), [("72", "2", ()), ("", "1", ("default_group_used",)), ("99", "1", ("group_unknown",))]
)
def test_born_in_intempus(group: str, key: str, notes: tuple[str, ...]) -> None:
    made = plan(NOBODY, intempus(group=group), Policy(default_group="1"), Standing())
    [write] = made.writes
    assert (write.target, write.action) == (UNICONTA, Action.CREATE)
    assert write.values == {
        "name": "Hansen",
        "zip_code": "5000",
        "city": "Odense",
        "country": "DK",
        "phone": "11111111",
        "group": key,
        "active": True,
    }
    assert made.notes == notes


def test_groups_go_only_when_used_and_are_never_made_in_uniconta() -> None:
    group = SideView("1", {}, {"number": "1", "name": "Danske"})
    for is_used in (True, False):
        made = make_plan(CUSTOMER_GROUP, group, NOBODY, Policy(), Standing(is_used=is_used), References())
        assert writes(made) == ({"create intempus": {"number": "1", "name": "Danske"}} if is_used else {})
    there = SideView("9", {}, {"number": "7", "name": "Egen"})
    assert make_plan(CUSTOMER_GROUP, NOBODY, there, Policy(), Standing(), References()).reason == "only_in_intempus"


PROJECT_IN_USE = {"number": "5001", "name": "Tag", "customer": "1", "phase": "Created", "active": True}
PROJECT_OUT = {**PROJECT_IN_USE, "phase": "Completed"}
CASE_THERE = {"number": "5001", "name": "Tag", "customer": "71", "phase": "1", "active": True}
PHASES = Policy(phases=frozenset({"Created", "InProgress"}))
KNOWN = References({"1": "71", "Created": "1", "Completed": "6"})


def project_plan(u: SideView, i: SideView, policy: Policy = PHASES, **standing: Any) -> Plan:
    return make_plan(PROJECT, u, i, policy, Standing(**standing), KNOWN)


@pytest.mark.parametrize(
    ("here", "there", "why", "expected", "reason", "inactive"),
    [
        ("leaves", CASE_THERE, "", {"deactivate intempus": {"active": False, "phase": "6"}}, "phase_left", "phase"),
        ("leaves", {**CASE_THERE, "active": False}, "blocked", {"update intempus": {"phase": "6"}}, "phase_left", "phase"),
        ("stays out", {**CASE_THERE, "phase": "6", "active": False}, "phase", {}, "phase_left", "phase"),
        ("stays out", {**CASE_THERE, "phase": "6"}, "phase", {}, "reactivated_by_hand", "phase"),
        ("comes back", {**CASE_THERE, "phase": "6", "active": False}, "phase", {"update intempus": {"phase": "1", "active": True}}, "", ""),
        ("never was in", CASE_THERE, "", {}, "phase_outside", ""),
    ],
)  # fmt: skip
def test_a_phase_decides_whether_a_case_is_in_use(
    here: str, there: dict[str, Value], why: str, expected: dict[str, Any], reason: str, inactive: str
) -> None:
    now = PROJECT_IN_USE if here == "comes back" else PROJECT_OUT
    base: dict[str, Value] = {**PROJECT_IN_USE} if here == "leaves" else {**PROJECT_OUT, "active": False}
    u = SideView("1", {} if here == "never was in" else base, now)
    i = SideView("9", {} if here == "never was in" else {**there, "active": there["active"] and why != "phase"}, there)
    made = project_plan(u, i, was_sent=True, inactive_reason=Inactive(why))
    assert writes(made) == expected
    assert (made.reason, made.inactive_reason) == (reason, Inactive(inactive))


def test_a_blank_phase_keeps_nobody_out_and_a_direction_that_is_off_closes_nothing() -> None:
    blank = {name: value for name, value in PROJECT_IN_USE.items() if name != "phase"} | {"phase": ""}
    assert project_plan(SideView("1", {}, blank), NOBODY).writes
    off = replace(PHASES, to_intempus=False)
    made = project_plan(
        SideView("1", PROJECT_IN_USE, PROJECT_OUT), SideView("9", CASE_THERE, CASE_THERE), off, was_sent=True
    )
    assert (made.reason, made.writes, made.inactive_reason) == ("direction_off", (), Inactive.NO)
    assert {"active", "phase"} <= set(made.kept_fields)


# --------------------------------------------------------------------------------------------- rows and values


def test_rows_become_values_and_back() -> None:
    row = {"Account": "1001", "Name": " Hansen ", "Country": "Denmark", "Blocked": True, "CompanyRegNo": "DK 1"}
    values = to_canonical(CUSTOMER, UNICONTA, row)
    assert values == {**dict.fromkeys(BASE, ""), "number": "1001", "name": "Hansen", "country": "DK", "cvr": "1"} | {
        "active": False
    }
    assert to_remote(CUSTOMER, INTEMPUS, {"active": False, "country": "DK", "cvr": "1"}) == {
        "active": False,
        "country": "DK",
        "vat_registration_number": "1",
    }
    with pytest.raises(MappingError) as caught:
        to_remote(CUSTOMER, UNICONTA, {"name": "x" * 256})
    assert caught.value.field == "name"
    with pytest.raises(MappingError) as caught:
        to_canonical(CUSTOMER, UNICONTA, {"Name": {}})
    assert caught.value.field == "name"


def test_translations_work_in_both_directions() -> None:
    pairs = (("100", "Tømrer"), ("200", "Maler"))
    attributes = tuple(replace(a, translations=pairs) if a.name == "city" else a for a in CUSTOMER.attributes)
    entity = replace(CUSTOMER, attributes=attributes)
    assert to_canonical(entity, INTEMPUS, {"city": "Maler"})["city"] == "200"
    assert to_canonical(entity, UNICONTA, {"City": "200"})["city"] == "200"
    assert to_remote(entity, INTEMPUS, {"city": "200"}) == {"city": "Maler"}
    assert to_remote(entity, UNICONTA, {"city": "200"}) == {"City": "200"}
    assert to_remote(entity, INTEMPUS, {"city": "300"}) == {"city": "300"}


def test_match_keys() -> None:
    assert match_keys(CUSTOMER, UNICONTA, BASE) == ["0:25313763", "1:25313763", "2:1001"]
    there = {**BASE, "number": "25313763", "cvr": ""}
    assert match_keys(CUSTOMER, INTEMPUS, there) == ["0:25313763", "2:25313763"]
    assert match_keys(CUSTOMER, INTEMPUS, BASE, Match.PROPOSAL) == ["3:hansen"]
    assert match_keys(CUSTOMER, UNICONTA, {**BASE, "number": "1" * 201}) == ["0:25313763", "1:25313763"]


def test_compare_ignores_what_has_no_base() -> None:
    assert compare({"a": "1", "b": "1"}, {"a": "2", "b": "1", "c": "3"}) == ("a",)


# --------------------------------------------------------------------------------------------- laws

WORDS = st.sampled_from(["", "a", "b", "c"])
FIELDS = {
    **dict.fromkeys(("name", "city", "phone", "cvr", "number"), WORDS),
    "group": st.sampled_from(["", "1", "2", "3"]),  # Intempus knows no "3"
    "active": st.booleans(),
}


def values(groups: dict[str, str]) -> st.SearchStrategy[dict[str, Value]]:
    def spell(drawn: dict[str, Value]) -> dict[str, Value]:
        return {**BASE, **drawn, "group": groups.get(str(drawn["group"]), str(drawn["group"]))}

    return st.fixed_dictionaries(FIELDS).map(spell)


HERE, THERE = values({}), values({"1": "71", "2": "72", "3": ""})
POLICIES = st.builds(
    Policy,
    enabled=st.just(True),
    to_intempus=st.booleans(),
    to_uniconta=st.booleans(),
    conflict=st.sampled_from(ConflictPolicy),
    deactivates_on_uniconta_delete=st.booleans(),
    blocks_on_intempus_delete=st.booleans(),
)
STANDINGS = st.builds(
    Standing,
    is_ticked=st.sampled_from([None, True, False]),
    was_sent=st.booleans(),
    inactive_reason=st.sampled_from([Inactive.NO, Inactive.FLAG, Inactive.BLOCKED, Inactive.PERSON]),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[SideView, SideView, Policy, Standing]:
    standing = draw(STANDINGS)
    here, there = draw(HERE), draw(THERE)
    base_here = draw(st.one_of(st.just({}), HERE))
    base_there = draw(THERE) if base_here else {}
    if base_here:
        base_here = effective(CUSTOMER, base_here, Policy(), standing.is_ticked)
    gone = draw(st.sampled_from(["", "", "", "uniconta", "intempus"]))
    u = SideView("1", base_here, None if gone == "uniconta" else here, is_gone=gone == "uniconta")
    i = SideView("9", base_there, None if gone == "intempus" else there, is_gone=gone == "intempus")
    return u, i, draw(POLICIES), standing


def remembered(u: SideView, i: SideView, standing: Standing, made: Plan) -> tuple[SideView, SideView, Standing]:
    """What `sync.domain.remember` keeps, without a database: the writes were carried out and answered as written."""
    sides = {UNICONTA: u, INTEMPUS: i}
    written = {write.target: write.values for write in made.writes}
    after = {}
    for system, side in sides.items():
        if side.current is None:
            after[system] = side
            continue
        now = {**side.current, **written.get(system, {})}
        base = effective(CUSTOMER, now, Policy(), standing.is_ticked) if system is UNICONTA else dict(now)
        kept = set(made.kept_fields) | ({name for name, _, _ in made.unresolved} if system is UNICONTA else set())
        for name in kept:
            base.pop(name, None)
            if name in made.kept_fields and name in side.base:
                base[name] = side.base[name]
        keeps = made.keeps_bases and system not in written
        after[system] = SideView(side.id, side.base if keeps else base, now)
    was_sent = standing.was_sent or (INTEMPUS in written and standing.is_ticked is not False)
    return (
        after[UNICONTA],
        after[INTEMPUS],
        replace(standing, was_sent=was_sent, inactive_reason=made.inactive_reason),
    )


@given(situations())
def test_a_plan_carried_out_leaves_nothing_to_do(situation: Any) -> None:
    u, i, policy, standing = situation
    made = make_plan(CUSTOMER, u, i, policy, standing, References())
    u, i, standing = remembered(u, i, standing, made)
    again = make_plan(CUSTOMER, u, i, policy, standing, References())
    assert again.writes == ()
    if standing.is_ticked is False:  # edits stay not taken over until the tick comes back
        assert set(again.not_taken_over) <= set(made.not_taken_over)
    else:
        assert again.not_taken_over == () or made.keeps_bases


@given(situations())
def test_a_plan_depends_on_nothing_else(situation: Any) -> None:
    """The same situation in new objects, with the values in another order: the same plan."""
    u, i, policy, standing = situation
    made = make_plan(CUSTOMER, u, i, policy, standing, References())

    def shuffled(side: SideView) -> SideView:
        current = None if side.current is None else dict(reversed(list(side.current.items())))
        return replace(side, base=dict(reversed(list(side.base.items()))), current=current)

    assert make_plan(CUSTOMER, shuffled(u), shuffled(i), policy, replace(standing), References()) == made


@given(situations())
def test_no_plan_goes_where_it_must_not(situation: Any) -> None:
    u, i, policy, standing = situation
    made = make_plan(CUSTOMER, u, i, policy, standing, References())
    for write in made.writes:
        assert policy.to_intempus if write.target is INTEMPUS else policy.to_uniconta
        if write.target is UNICONTA:
            assert all(CUSTOMER.attribute(name).direction is Direction.BOTH for name in write.values)
            assert standing.is_ticked is not False
        if standing.is_ticked is False and write.target is INTEMPUS:
            assert write.values == {"active": False}
            assert standing.was_sent
        for change in write.changes:
            current = (u if write.target is UNICONTA else i).current
            assert current is not None
            assert current[change.field] == change.old or change.field == "active"
            assert change.new != change.old
        if not u.base and u.current is not None and i.current is not None and standing.is_ticked is not False:
            assert all(change.new != "" for change in write.changes)  # a blank overwrites nothing at first matching


@given(situations(), st.data())
def test_no_edit_is_lost_without_a_word(situation: Any, data: st.DataObject) -> None:
    """Every change of Intempus against its base travels, is overwritten and listed, told as not taken over, or waits."""
    u, i, policy, standing = situation
    if u.current is None or i.current is None or not i.base or standing.is_ticked is False:
        return
    made = make_plan(CUSTOMER, u, i, policy, standing, References())
    told = {change.field for change in made.overwritten} | {change.field for change in made.not_taken_over}
    told |= {name for write in made.writes if write.target is UNICONTA for name in write.values}
    told |= set(made.kept_fields) | {name for name, _, _ in made.unresolved}
    for name in compare(i.base, i.current):
        here = effective(CUSTOMER, u.current, Policy(), standing.is_ticked)[name]
        is_same = i.current[name] == (GROUPS.get(str(here), here) if name == "group" else here)
        assert name in told or is_same


EDITS = [("u", {"city": "A"}), ("u", {"phone": ""}), ("i", {"city": "B"}), ("i", {"name": "C", "cvr": "9"})]


@pytest.mark.parametrize("policy", [Policy(), MERGE], ids=["uniconta_wins", "merge_fields"])
def test_the_order_of_edits_read_together_means_nothing(policy: Policy) -> None:
    outcomes = set()
    for order in permutations(EDITS):
        sides = {"u": uniconta(), "i": intempus()}
        for side, edit in order:
            current = sides[side].current
            assert current is not None
            sides[side] = replace(sides[side], current={**current, **edit})
        made = make_plan(CUSTOMER, sides["u"], sides["i"], policy, TICKED, References())
        outcomes.add(repr(made))
    assert len(outcomes) == 1


RIGHTS = ("reports_on_all_cases", "edits_customers_and_cases")
PERSON: dict[str, Value] = {each.name: "" for each in EMPLOYEE.attributes} | {"number": "17", "name": "Jens"}
in_uniconta = st.sampled_from(["", False]).map(lambda said: dict.fromkeys(RIGHTS, said))
in_intempus = st.fixed_dictionaries({name: st.booleans() for name in RIGHTS})


@given(
    u_base=st.none() | in_uniconta,
    u_now=in_uniconta,
    i_base=st.none() | in_intempus,
    i_now=in_intempus,
    name=st.sampled_from(["Jens", "Jens B."]),
    conflict=st.sampled_from(ConflictPolicy),
    standing=st.sampled_from([TICKED, Standing(), replace(TICKED, inactive_reason=Inactive.FLAG)]),
)
def test_a_withdrawal_takes_and_never_gives(
    u_base: Any, u_now: Any, i_base: Any, i_now: Any, name: str, conflict: Any, standing: Any
) -> None:
    u = SideView("1", {} if u_base is None else PERSON | u_base, PERSON | u_now | {"name": name})
    i = SideView("9", {} if i_base is None else PERSON | i_base, PERSON | i_now)
    made = make_plan(EMPLOYEE, u, i, Policy(conflict=conflict), standing, References())
    for write in made.writes:
        for right in RIGHTS:
            assert right not in write.values or (write.target is INTEMPUS and write.values[right] is False)
            assert right not in write.values or u_now[right] is False
    if u_now[RIGHTS[0]] == "":
        assert not any(change.field in RIGHTS for change in made.not_taken_over)


@pytest.mark.parametrize(
    ("said", "policy", "reason"),
    [
        ("", Policy(), ""),
        ("", Policy(create_in_intempus=False), "creates_off"),
        (False, Policy(), "ended_in_uniconta"),
        (False, Policy(create_in_intempus=False), "ended_in_uniconta"),
    ],
)
def test_who_has_ended_is_not_created(said: Value, policy: Policy, reason: str) -> None:
    u = SideView("1", {}, PERSON | dict.fromkeys(RIGHTS, said))
    made = make_plan(EMPLOYEE, u, NOBODY, policy, Standing(), References())
    assert made.reason == reason
    assert [write.values for write in made.writes] == ([] if reason else [{"number": "17", "name": "Jens"}])


def test_two_spellings_of_a_telephone_are_one_key() -> None:
    keys = [
        match_keys(EMPLOYEE, system, PERSON | {"mobile": number})
        for system, number in ((UNICONTA, "20 30 40 50"), (INTEMPUS, "+4520304050"))
    ]
    assert keys[0] == keys[1] == ["0:20304050"]
    assert match_keys(EMPLOYEE, UNICONTA, PERSON, Match.PROPOSAL) == []


# ------------------------------------------------------------------------------------------------ prices, refused numbers

ITEM, WORKER = PRODUCT, EMPLOYEE


def item(price: str, *, base: str | None = None, **values: object) -> SideView:
    current = {"number": "A1", "name": "Rør", "group": "", "unit": "", "sales_price": price, "active": True} | values
    return SideView("1", {**current, "sales_price": base} if base is not None else {}, current)


def carried(*names: str) -> Entity:
    return ITEM.without(frozenset(a.name for a in ITEM.attributes if a.name not in names and a.name != "number"))


def test_a_price_of_nothing_overwrites_none_at_the_first_writing() -> None:
    entity = carried("sales_price")
    for here, there, wanted in (
        ("0", "12", []),
        ("0", "", ["0"]),
        ("", "12", []),
        ("5", "12", ["5"]),
        ("5", "0", ["5"]),
    ):
        made = make_plan(entity, item(here), item(there), Policy(), TICKED, References())
        assert [change.new for write in made.writes for change in write.changes] == wanted, (here, there)
    later = make_plan(entity, item("0", base="5"), item("5", base="5"), Policy(), TICKED, References())
    assert [change.new for write in later.writes for change in write.changes] == ["0"]  # somebody said so


def test_what_a_birth_in_intempus_does_not_take_over_is_listed() -> None:
    made = make_plan(carried("name", "sales_price"), NOBODY, item("12"), Policy(), TICKED, References())
    assert [(c.field, c.new) for write in made.writes for c in write.changes] == [("name", "Rør")]
    assert [(c.field, c.new) for c in made.not_taken_over] == [("sales_price", "12")]


def test_a_number_intempus_refuses_stays_behind_on_a_pair_only() -> None:
    entity = WORKER.without(frozenset(a.name for a in WORKER.attributes if a.name not in ("number", "city", "email")))
    there = before = {"number": "17", "city": "Aarhus", "email": "j@firma.dk"}
    here = before | {"number": "JH", "city": "Odense"}
    made = make_plan(entity, SideView("1", before, here), SideView("2", before, there), Policy(), TICKED, References())
    assert [(c.field, c.new) for write in made.writes for c in write.changes] == [("city", "Odense")]
    assert (made.outcome, made.reason, made.detail) == (Outcome.IN_SYNC, "number_kept", "JH")
    new = make_plan(entity, SideView("1", {}, here), NOBODY, Policy(), TICKED, References())
    assert [c.new for write in new.writes for c in write.changes] == [
        "JH",
        "j@firma.dk",
        "Odense",
    ]  # said before it is sent
