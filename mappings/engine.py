"""From rows to canonical values, and from values to a plan. Pure: computing a plan never reads or writes anywhere.

A side changed if and only if its current values differ from its own base; hints never enter. So a plan depends on
bases, current values, the tick and policy only, never on the order, number or time of what we were told.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from mappings.spec import Attribute, Direction, Entity, Match, System, Value, Values
from mappings.transforms import TRANSFORMS, MappingError

# --------------------------------------------------------------------------------------------- rows and values

#: Before a word of Uniconta's that stands in Intempus although it has a translation: never equal to that word.
UNTRANSLATED = "≠"


def to_canonical(entity: Entity, system: System, row: Mapping[str, Any]) -> dict[str, Value]:
    """The canonical values of one remote row. A reference stays in its own system's spelling (key or id).

    A field missing from the row is blank: Uniconta leaves out nulls (API page 1.5). Raises MappingError.
    """
    return {attribute.name: read_value(attribute, system, row) for attribute in entity.attributes}


def read_value(attribute: Attribute, system: System, row: Mapping[str, Any]) -> Value:
    """The canonical value of one attribute in a remote row. Raises MappingError."""
    try:
        value = attribute.transform_on(system).read(row.get(attribute.field_on(system)))
    except MappingError as error:
        raise MappingError(str(error), attribute.name) from None
    return _from_intempus(attribute, value) if system is System.INTEMPUS else value


def _from_intempus(attribute: Attribute, value: Value) -> Value:
    words = {intempus: uniconta for uniconta, intempus in attribute.translations}
    if str(value) in words:
        return words[str(value)]
    # Uniconta's own word, sent before it had a translation: not what belongs there now.
    return f"{UNTRANSLATED}{value}" if str(value) in words.values() else value


def is_untranslated(attribute: Attribute, value: Value) -> bool:
    """Whether Intempus holds Uniconta's own word where a translation of it belongs."""
    word = str(value).removeprefix(UNTRANSLATED)
    return word != str(value) and word in dict(attribute.translations)


def to_remote(entity: Entity, system: System, values: Values) -> dict[str, Any]:
    """Remote field names and values for canonical ones. Raises MappingError for what the field cannot hold."""
    attributes = {name: entity.attribute(name) for name in values}
    return {each.field_on(system): write_value(each, system, values[name]) for name, each in attributes.items()}


def write_value(attribute: Attribute, system: System, value: Value) -> Any:
    """How the remote system spells a canonical value. Raises MappingError for what the field cannot hold."""
    length = len(str(value))
    if attribute.max_length is not None and length > attribute.max_length:
        message = f"{length} characters, allowed are {attribute.max_length}: {reprlib.repr(value)}"
        raise MappingError(message, attribute.name)
    if is_untranslated(attribute, value):
        word = str(value).removeprefix(UNTRANSLATED)
        raise MappingError(f"{word!r} is called {dict(attribute.translations)[word]!r} in Intempus", attribute.name)
    if value != "" and attribute.needs_translation and str(value) not in dict(attribute.translations):
        raise MappingError(f"has no translation: {value!r}", attribute.name, "value_untranslated")
    if system is System.INTEMPUS:
        value = dict(attribute.translations).get(str(value), value)
    try:
        return attribute.transform_on(system).write(value)
    except MappingError as error:
        raise MappingError(str(error), attribute.name, error.code) from None


def compare(base: Values, current: Values) -> tuple[str, ...]:
    """Names of the attributes whose current value differs from the base. One the base does not know is no change."""
    return tuple(name for name, value in current.items() if name in base and base[name] != value)


#: Whatever is longer is no number of anything, and more than an index takes.
LONGEST_KEY = 200


def match_keys(entity: Entity, system: System, values: Values, certainty: Match = Match.CERTAIN) -> list[str]:
    """What an unlinked record can be recognised by; equal texts on both sides are a match, earlier rules first."""
    keys = []
    for index, rule in enumerate(entity.match):
        value = values.get(rule.uniconta if system is System.UNICONTA else rule.intempus, "")
        value = str(TRANSFORMS[rule.transform].read(value))
        if rule.certainty is certainty and value and len(value) <= LONGEST_KEY:
            keys.append(f"{index}:{value.casefold()}")
    return keys


#: In Uniconta's base: a reference that could not go to Intempus yet. What stands there instead is older than the reference.
UNSENT = "…"


# --------------------------------------------------------------------------------------------- what a plan is made of


class ConflictPolicy(StrEnum):
    UNICONTA_WINS = "uniconta_wins"
    MERGE_FIELDS = "merge_fields"


class Winner(StrEnum):
    """Whose value stands where a pair differs at its first writing. A blank never overwrites a value, in any case."""

    UNICONTA = "uniconta"
    INTEMPUS = "intempus"
    BLANKS = "blanks"  # what is blank is filled, all else is left as it is on both sides


class Inactive(StrEnum):
    """Why a record is inactive in Intempus."""

    NO = ""
    FLAG = "flag"
    PHASE = "phase"
    BLOCKED = "blocked"
    DELETED = "deleted"
    PERSON = "person"


class Outcome(StrEnum):
    IN_SYNC = "in_sync"
    EXCLUDED = "excluded"
    WAITING = "waiting"
    NEEDS_ATTENTION = "needs_attention"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    NOTHING = "nothing"


@dataclass(frozen=True)
class SideView:
    """One side of a record. `current` is None where the record is not there: never was, or `is_gone`."""

    id: str = ""
    base: Values = field(default_factory=dict)
    current: Values | None = None
    is_gone: bool = False


@dataclass(frozen=True)
class Policy:
    """What is switched on for a tenant and an entity."""

    enabled: bool = True
    to_intempus: bool = True
    to_uniconta: bool = True
    create_in_intempus: bool = True
    create_in_uniconta: bool = True
    conflict: ConflictPolicy = ConflictPolicy.UNICONTA_WINS
    default_group: str = ""
    phases: frozenset[str] = frozenset()  # of an entity that has phases: those in which a record is in use
    deactivates_on_uniconta_delete: bool = False
    blocks_on_intempus_delete: bool = False


@dataclass(frozen=True)
class Standing:
    """What the link remembers beside the bases. `is_ticked` None: the table has no such field, everything syncs."""

    is_ticked: bool | None = None
    was_sent: bool = False
    inactive_reason: Inactive = Inactive.NO
    is_used: bool = True  # of an entity on demand: some record that goes to Intempus uses it
    is_needed: bool = False  # a record that comes into use in Intempus must refer to it: not while it is inactive there
    winners: Mapping[str, Winner] = field(default_factory=dict)  # what a person chose, by attribute; "" for all others


class References(Protocol):
    """Translates references between the systems; None: no such record on the other side (yet)."""

    def to_intempus(self, entity: str, uniconta_key: str) -> str | None: ...

    def to_uniconta(self, entity: str, intempus_id: str) -> str | None: ...


@dataclass(frozen=True)
class FieldChange:
    """One field of one write: what stands on the target, what will, and why. `loses`: a change of the target's own."""

    field: str
    old: Value
    new: Value
    reason: str
    loses: bool = False


@dataclass(frozen=True)
class Write:
    target: System
    action: Action
    changes: tuple[FieldChange, ...]

    @property
    def values(self) -> dict[str, Value]:
        return {change.field: change.new for change in self.changes}


#: Before the Intempus id that names a record as long as Uniconta has no number for it.
BY_INTEMPUS_ID = "#"


@dataclass(frozen=True)
class Plan:
    """What should happen to one record. `unresolved` are (attribute, entity, key) references the other side lacks.

    The key is Uniconta's; of a record that Uniconta does not have, `BY_INTEMPUS_ID` and its id.
    """

    outcome: Outcome = Outcome.IN_SYNC
    reason: str = ""
    detail: str = ""  # what the reason is about: a field, a record
    writes: tuple[Write, ...] = ()
    not_taken_over: tuple[FieldChange, ...] = ()
    unresolved: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    inactive_reason: Inactive = Inactive.NO
    keeps_bases: bool = False  # what was read must not become the base: it has yet to travel
    kept_fields: tuple[str, ...] = ()  # the same, for these fields only

    @property
    def overwritten(self) -> tuple[FieldChange, ...]:
        return tuple(change for write in self.writes for change in write.changes if change.loses)


# --------------------------------------------------------------------------------------------- planning


def kept_out(entity: Entity, values: Values, policy: Policy, is_ticked: bool | None) -> Inactive:
    """What keeps Uniconta's record out of use in Intempus, blocked or not: the tick, the phase. A blank phase does not."""
    if is_ticked is False:
        return Inactive.FLAG
    phase = values.get(entity.phase.name, "") if entity.phase is not None else ""
    return Inactive.PHASE if phase and phase not in policy.phases else Inactive.NO


def effective(entity: Entity, values: Values, policy: Policy, is_ticked: bool | None) -> dict[str, Value]:
    """Uniconta's values as Intempus should see them: *active* only while ticked and in a phase that is in use (M7)."""
    result = dict(values)
    if entity.activity is not None:
        name, why = entity.activity.name, kept_out(entity, values, policy, is_ticked)
        if name in values or why:
            result[name] = bool(values.get(name)) and not why
    return result


def make_plan(
    entity: Entity,
    uniconta: SideView,
    intempus: SideView,
    policy: Policy,
    standing: Standing,
    references: References,
) -> Plan:
    """What to do with one record. `uniconta.current` holds raw canonical values; the tick stands in `standing`."""
    if not policy.enabled:
        return Plan(Outcome.EXCLUDED, "entity_off", keeps_bases=True, inactive_reason=standing.inactive_reason)
    if uniconta.current is not None:
        uniconta = replace(uniconta, current=effective(entity, uniconta.current, policy, standing.is_ticked))
    if uniconta.is_gone:
        return _gone_in_uniconta(entity, intempus, policy, standing)
    if uniconta.current is None:
        return _born_in_intempus(entity, intempus, policy, references)
    if why := kept_out(entity, uniconta.current, policy, standing.is_ticked):
        return _kept_out(entity, uniconta, intempus, policy, standing, references, why)
    if intempus.is_gone:
        return _gone_in_intempus(entity, uniconta, policy, standing)
    if intempus.current is None:
        return _born_in_uniconta(entity, uniconta, policy, standing, references)
    return _on_both_sides(entity, uniconta, intempus, policy, standing, references)


def has_ended(entity: Entity, values: Values) -> bool:
    """Whether Uniconta's values withdraw something from the record: it stays, but nobody makes a new one of it."""
    return any(values.get(attribute.name, "") != "" for attribute in entity.attributes if attribute.is_withdrawal)


def may_be_created(entity: Entity, values: Values) -> bool:
    """Whether Uniconta's values are worth a new record in Intempus: neither ended nor blocked."""
    return not has_ended(entity, values) and (entity.activity is None or _is_active(entity, values))


def says_nothing(attribute: Attribute, in_uniconta: Value | None) -> bool:
    """Whether Uniconta leaves Intempus' value alone: a withdrawal that is not made grants nothing either."""
    return attribute.is_withdrawal and in_uniconta in (None, "")


def is_refused(number: Attribute, value: Value) -> bool:
    """Whether Intempus takes no such number: a pair that is linked all the same keeps the one it has there."""
    try:
        write_value(number, System.INTEMPUS, value)
    except MappingError as error:
        return error.code == "number_refused"
    return False


def _is_active(entity: Entity, values: Values | None) -> bool:
    return values is not None and entity.activity is not None and bool(values.get(entity.activity.name))


def _switch(entity: Entity, target: System, to: bool, reason: str) -> Write:
    assert entity.activity is not None
    action = Action.ACTIVATE if to else Action.DEACTIVATE
    return Write(target, action, (FieldChange(entity.activity.name, not to, to, reason),))


def _gone_in_uniconta(entity: Entity, intempus: SideView, policy: Policy, standing: Standing) -> Plan:
    reason = "deleted_in_uniconta"
    if not _is_active(entity, intempus.current):
        return Plan(Outcome.EXCLUDED, reason, inactive_reason=Inactive.DELETED)
    is_out = standing.is_ticked is False and (not standing.was_sent or standing.inactive_reason is Inactive.FLAG)
    if is_out or standing.inactive_reason is Inactive.PHASE:
        # Not ours to touch: never ticked, or inactive since tick or phase went and active again by somebody's hand.
        return Plan(Outcome.EXCLUDED, reason, inactive_reason=standing.inactive_reason)
    if not (policy.deactivates_on_uniconta_delete and policy.to_intempus):
        return Plan(Outcome.NEEDS_ATTENTION, reason, keeps_bases=True, inactive_reason=standing.inactive_reason)
    write = _switch(entity, System.INTEMPUS, False, reason)
    return Plan(Outcome.EXCLUDED, reason, writes=(write,), inactive_reason=Inactive.DELETED)


def _gone_in_intempus(entity: Entity, uniconta: SideView, policy: Policy, standing: Standing) -> Plan:
    reason = "deleted_in_intempus"
    if policy.blocks_on_intempus_delete and not _is_active(entity, uniconta.current):
        return Plan(Outcome.EXCLUDED, reason, inactive_reason=Inactive.DELETED)
    was_answered = standing.inactive_reason is Inactive.DELETED  # blocked once; active again is a person's doing
    if was_answered or entity.activity is None or not (policy.blocks_on_intempus_delete and policy.to_uniconta):
        return Plan(Outcome.NEEDS_ATTENTION, reason, keeps_bases=True, inactive_reason=standing.inactive_reason)
    write = _switch(entity, System.UNICONTA, False, reason)
    return Plan(Outcome.EXCLUDED, reason, writes=(write,), inactive_reason=Inactive.DELETED)


#: Why a record is kept out → reason of one that never was in use, of one that was, and of the write that ends it.
KEPT_OUT = {
    Inactive.FLAG: ("never_ticked", "unticked", "tick_removed"),
    Inactive.PHASE: ("phase_outside", "phase_left", "phase_left"),
}


def _kept_out(
    entity: Entity,
    uniconta: SideView,
    intempus: SideView,
    policy: Policy,
    standing: Standing,
    references: References,
    why: Inactive,
) -> Plan:
    """Nothing goes in either direction but a phase; a record that was in use is set inactive, once (rules M5, M7)."""
    never, reason, write_reason = KEPT_OUT[why]
    was_in_use = standing.was_sent if why is Inactive.FLAG else bool(uniconta.base and intempus.base)
    if not was_in_use:
        # The bases stay: when it comes into use, a pair that was just linked is compared as on the first day.
        return Plan(Outcome.EXCLUDED, never, inactive_reason=standing.inactive_reason, keeps_bases=True)
    if intempus.current is None:
        return Plan(Outcome.EXCLUDED, reason, inactive_reason=why)
    changed = compare(intempus.base, intempus.current)
    edits = tuple(
        FieldChange(attribute.name, intempus.base[attribute.name], intempus.current[attribute.name], "not_taken_over")
        for attribute in entity.attributes
        if attribute.name in changed
    )
    # Their bases stay: when it is in use again they are edits that Uniconta overwrites, and are listed as such.
    kept = tuple(edit.field for edit in edits if entity.activity is None or edit.field != entity.activity.name)
    saved = compare(uniconta.base, uniconta.current or {})
    if why is Inactive.FLAG and entity.phase is not None and entity.phase.name in saved:
        kept = (*kept, entity.phase.name)  # has yet to travel: a closed case says in which phase its project is
    is_active, was_ended = _is_active(entity, intempus.current), standing.inactive_reason is why
    changes = list(_switch(entity, System.INTEMPUS, False, write_reason).changes) if is_active and not was_ended else []
    if why is Inactive.PHASE:
        changes += _phase_change(entity, uniconta, intempus, references)
    if changes and not policy.to_intempus:
        # Not remembered as switched off: that is still to be done when the direction is on again.
        return Plan(
            Outcome.EXCLUDED,
            "direction_off",
            not_taken_over=edits,
            inactive_reason=standing.inactive_reason,
            kept_fields=(*kept, *(change.field for change in changes if change.field not in kept)),
        )
    return Plan(
        Outcome.EXCLUDED,
        "reactivated_by_hand" if is_active and was_ended else reason,
        writes=(_write(entity, System.INTEMPUS, changes),) if changes else (),
        not_taken_over=edits,
        inactive_reason=why,
        kept_fields=tuple(name for name in kept if name not in {change.field for change in changes}),
    )


def _phase_change(entity: Entity, uniconta: SideView, intempus: SideView, references: References) -> list[FieldChange]:
    """The state of a case that is closed follows its project: it says why."""
    assert entity.phase is not None
    assert uniconta.current is not None
    assert intempus.current is not None
    name = entity.phase.name
    now, old = str(uniconta.current[name]), intempus.current.get(name, "")
    new = references.to_intempus(entity.phase.reference, now)
    if uniconta.base.get(name) == now or new is None or new == old:
        return []
    loses = name in intempus.base and intempus.base[name] != old
    return [FieldChange(name, old, new, "changed_in_uniconta", loses=loses)]


def _born_in_intempus(entity: Entity, intempus: SideView, policy: Policy, references: References) -> Plan:
    """Create in Uniconta. The number is reserved by the caller; numbers, CVR and prices are Uniconta's own (M1)."""
    current = intempus.current
    if current is None:
        return Plan(Outcome.EXCLUDED, "deleted_in_intempus")
    if entity.is_on_demand:
        return Plan(Outcome.EXCLUDED, "not_in_list" if entity.uniconta.members else "only_in_intempus")
    if not (policy.to_uniconta and policy.create_in_uniconta):
        return Plan(Outcome.EXCLUDED, "creates_off")
    if entity.activity is not None and not _is_active(entity, current):
        return Plan(Outcome.EXCLUDED, "inactive_only_in_intempus", inactive_reason=Inactive.PERSON)
    return _create_in_uniconta(entity, current, policy, references)


def _create_in_uniconta(entity: Entity, current: Values, policy: Policy, references: References) -> Plan:
    changes: list[FieldChange] = []
    not_taken_over: list[FieldChange] = []
    notes: list[str] = []
    unresolved: list[tuple[str, str, str]] = []
    for attribute in entity.attributes:
        if attribute.name not in current:
            continue  # a new field rule; not read yet
        value, reason = current[attribute.name], "changed_in_intempus"
        if attribute.reference:
            there = str(value)
            value = references.to_uniconta(attribute.reference, there) or ""
            if attribute.is_group and not value:
                notes.append(_note_on_group(there, policy))
                value, reason = policy.default_group, "default_group_used"
            elif not value and (there or attribute.is_mandatory):
                unresolved.append((attribute.name, attribute.reference, there and f"{BY_INTEMPUS_ID}{there}"))
        elif attribute.direction is not Direction.BOTH:
            if not (attribute.is_key or attribute.is_withdrawal or attribute.is_blank(value)):
                # It stays as it is in Intempus, and whoever keeps Uniconta hears of it.
                not_taken_over.append(FieldChange(attribute.name, "", value, "one_way"))
            continue
        if value != "":
            changes.append(FieldChange(attribute.name, "", value, reason))
    for name, _, key in unresolved:
        if entity.attribute(name).is_mandatory:
            return _waiting(entity.attribute(name), key)
    notes += ["reference_missing"] if unresolved else []
    return Plan(
        writes=(Write(System.UNICONTA, Action.CREATE, tuple(changes)),),
        not_taken_over=tuple(not_taken_over),
        unresolved=tuple(unresolved),
        notes=tuple(notes),
    )


def _note_on_group(there: str, policy: Policy) -> str:
    if not policy.default_group:
        return "no_default_group"
    return "group_unknown" if there else "default_group_used"


def _born_in_uniconta(
    entity: Entity, uniconta: SideView, policy: Policy, standing: Standing, references: References
) -> Plan:
    assert uniconta.current is not None
    inactive = Inactive.NO if entity.activity is None or _is_active(entity, uniconta.current) else Inactive.BLOCKED
    if entity.is_on_demand and not standing.is_used:
        return Plan(Outcome.EXCLUDED, "not_used")
    if has_ended(entity, uniconta.current):
        return Plan(Outcome.EXCLUDED, "ended_in_uniconta", inactive_reason=inactive)
    if not (policy.to_intempus and policy.create_in_intempus):
        return Plan(Outcome.EXCLUDED, "creates_off", inactive_reason=inactive)
    if inactive and not standing.is_needed:
        return Plan(Outcome.EXCLUDED, "blocked_only_in_uniconta", inactive_reason=inactive)
    changes: list[FieldChange] = []
    unresolved: list[tuple[str, str, str]] = []
    for attribute in entity.attributes:
        value: Value | None = uniconta.current.get(attribute.name, "")
        if attribute.reference:
            key = str(value)
            value = references.to_intempus(attribute.reference, key) if key else ""
            if attribute.is_mandatory and not value:
                return _waiting(attribute, key)
            if value is None:
                unresolved.append((attribute.name, attribute.reference, key))
                continue
        if value is not None and value != "":
            changes.append(FieldChange(attribute.name, "", value, "changed_in_uniconta"))
    return Plan(
        writes=(Write(System.INTEMPUS, Action.CREATE, tuple(changes)),),
        unresolved=tuple(unresolved),
        notes=("reference_missing",) if unresolved else (),
        inactive_reason=inactive,
    )


def _waiting(attribute: Attribute, key: str) -> Plan:
    """A reference the record cannot do without: it waits for one that is not there yet, a blank one asks a person."""
    if not key:
        return Plan(Outcome.NEEDS_ATTENTION, "reference_blank", attribute.name, keeps_bases=True)
    unresolved = ((attribute.name, attribute.reference, key),)
    return Plan(Outcome.WAITING, "reference_waits", unresolved=unresolved, keeps_bases=True)


def _on_both_sides(
    entity: Entity,
    uniconta: SideView,
    intempus: SideView,
    policy: Policy,
    standing: Standing,
    references: References,
) -> Plan:
    assert uniconta.current is not None
    assert intempus.current is not None
    comparison = _Comparison(entity, uniconta, intempus, policy, standing, references)
    to_intempus: list[FieldChange] = []
    to_uniconta: list[FieldChange] = []
    not_taken_over: list[FieldChange] = []
    unresolved: list[tuple[str, str, str]] = []
    number = uniconta.current.get(entity.key.name, "")
    kept_number = str(number) if is_refused(entity.key, number) else ""
    for attribute in entity.attributes:
        if not comparison.is_known(attribute):
            continue
        in_uniconta, in_intempus = comparison.current(attribute)
        if attribute.is_mandatory and not in_uniconta:
            # Why it is inactive stays known: when it goes on, it comes back as it would have without waiting.
            plan = _waiting(attribute, str(uniconta.current[attribute.name]))
            return replace(plan, inactive_reason=standing.inactive_reason)
        if comparison.wakes(attribute):
            # Needed, so what a person switched off in Intempus is switched on again on both sides; see `wakes`.
            change = FieldChange(attribute.name, False, True, "needed", loses=comparison.loses(attribute))
            to_intempus.append(change)
            to_uniconta += [] if in_uniconta else [replace(change, loses=False)]
            continue
        if in_uniconta is None:  # a reference Intempus does not know (yet)
            unresolved.append((attribute.name, attribute.reference, str(uniconta.current[attribute.name])))
            continue
        if in_uniconta == in_intempus or says_nothing(attribute, in_uniconta) or (kept_number and attribute.is_key):
            continue
        match comparison.winner(attribute):
            case System.UNICONTA:
                to_intempus.append(
                    FieldChange(
                        attribute.name,
                        in_intempus,
                        in_uniconta,
                        comparison.reason(attribute),
                        loses=comparison.loses(attribute),
                    )
                )
            case System.INTEMPUS if attribute.direction is Direction.BOTH:
                reason = (
                    "changed_in_intempus" if attribute.name in uniconta.base else comparison.first_reason(attribute)
                )
                to_uniconta.append(FieldChange(attribute.name, in_uniconta, in_intempus, reason))
            case System.INTEMPUS if attribute.name in comparison.intempus_changed:
                not_taken_over.append(comparison.edit(attribute))
            case _:
                pass
    kept = [change.field for change in to_intempus if not policy.to_intempus]
    kept += [change.field for change in to_uniconta if not policy.to_uniconta]
    writes = []
    if to_intempus and policy.to_intempus:
        writes.append(_write(entity, System.INTEMPUS, to_intempus))
    if to_uniconta and policy.to_uniconta:
        writes.append(_write(entity, System.UNICONTA, to_uniconta))
    return Plan(
        Outcome.IN_SYNC,
        "direction_off" if kept else "number_kept" if kept_number else "",
        "" if kept else kept_number,
        writes=tuple(writes),
        not_taken_over=tuple(not_taken_over),
        unresolved=tuple(unresolved),
        notes=("reference_missing",) if unresolved else (),
        # In use again, but nothing may go out: that is still to be done when the direction is on again.
        inactive_reason=standing.inactive_reason
        if comparison.is_back and to_intempus and not policy.to_intempus
        else _inactive_reason(
            entity, intempus.current, to_uniconta, to_intempus if policy.to_intempus else [], standing
        ),
        kept_fields=tuple(kept),
    )


class _Comparison:
    """Both sides of one record, field by field, in Intempus' spelling of references."""

    def __init__(
        self,
        entity: Entity,
        uniconta: SideView,
        intempus: SideView,
        policy: Policy,
        standing: Standing,
        references: References,
    ) -> None:
        assert uniconta.current is not None
        assert intempus.current is not None
        self.uniconta, self.intempus = uniconta, intempus
        self.uniconta_now, self.intempus_now = uniconta.current, intempus.current
        self.policy, self.references = policy, references
        self.standing = standing
        self.winners = standing.winners
        #: Ticked again, or back in a phase that is in use: everything that differs goes to Intempus.
        self.is_back = standing.inactive_reason is Inactive.PHASE or (
            standing.inactive_reason is Inactive.FLAG and standing.was_sent
        )
        renamed = {attribute.name for attribute in entity.references if self._is_renamed(attribute)}
        self.unsent = {name for name, value in uniconta.base.items() if value == UNSENT}
        unsaved = renamed | self.unsent
        self.uniconta_changed = [name for name in compare(uniconta.base, uniconta.current) if name not in unsaved]
        self.intempus_changed = compare(intempus.base, intempus.current)

    def is_known(self, attribute: Attribute) -> bool:
        """Whether both sides were read since the field is mapped (a tenant's new field rule)."""
        return attribute.name in self.uniconta_now and attribute.name in self.intempus_now

    def _is_renamed(self, attribute: Attribute) -> bool:
        """Another key, the same record behind it: the group was renamed, nobody saved this record."""
        key, known = self.uniconta_now.get(attribute.name), self.intempus.base.get(attribute.name)
        return bool(key and known) and self.references.to_intempus(attribute.reference, str(key)) == known

    def current(self, attribute: Attribute) -> tuple[Value | None, Value]:
        value = self.uniconta_now[attribute.name]
        if not attribute.reference or not value:
            return value, self.intempus_now[attribute.name]
        return self.references.to_intempus(attribute.reference, str(value)), self.intempus_now[attribute.name]

    def has_base(self, attribute: Attribute) -> bool:
        name = attribute.name
        return name in self.uniconta.base and name not in self.unsent and name in self.intempus.base

    def wakes(self, attribute: Attribute) -> bool:
        """Whether the record is activated because another one needs it: never where Uniconta itself blocked it."""
        if not (attribute.is_activity and self.standing.is_needed and self.intempus_now[attribute.name] is False):
            return False
        is_free = self.uniconta_now[attribute.name] is True or self.standing.inactive_reason is Inactive.PERSON
        return is_free and self.policy.to_intempus

    def winner(self, attribute: Attribute) -> System | None:
        """Whose value stands afterwards, for a field on which the sides differ; None: leave both as they are."""
        name = attribute.name
        if not self.has_base(attribute):
            return self._first_winner(attribute)
        if self.is_back:
            return System.UNICONTA
        in_uniconta, in_intempus = name in self.uniconta_changed, name in self.intempus_changed
        if in_uniconta:
            return System.UNICONTA
        if not in_intempus:
            return None
        is_whole = self.policy.conflict is ConflictPolicy.UNICONTA_WINS and self.policy.to_intempus
        if is_whole and self.uniconta_changed:
            return System.UNICONTA  # the record was saved in Uniconta: the whole record wins (rule M4)
        return System.INTEMPUS

    def _first_winner(self, attribute: Attribute) -> System | None:
        """The same for a pair that is written for the first time. A blank never overwrites a value."""
        name = attribute.name
        here, there = self.uniconta_now[name], self.intempus_now[name]
        is_blank = here == "" or (attribute.is_blank(here) and not attribute.is_blank(there))
        if is_blank and name not in self.unsent:
            return System.INTEMPUS
        if attribute.is_blank(there) or self.is_back:
            return System.UNICONTA
        chosen = self.winners.get(name, self.winners.get("", Winner.UNICONTA))
        if chosen is Winner.BLANKS:
            return None
        is_theirs = chosen is Winner.INTEMPUS and attribute.direction is Direction.BOTH
        return System.INTEMPUS if is_theirs else System.UNICONTA

    def loses(self, attribute: Attribute) -> bool:
        """Whether Uniconta's value replaces something a person typed in Intempus and that never travelled."""
        if attribute.name not in self.intempus.base:
            now = self.intempus_now[attribute.name]
            is_typed = not attribute.is_blank(now) and not is_untranslated(
                attribute, now
            )  # our own word of before is nobody's edit
            return is_typed and not (attribute.is_activity or attribute.is_withdrawal)
        return attribute.name in self.intempus_changed

    def reason(self, attribute: Attribute) -> str:
        if self.is_back:
            return "tick_set" if self.standing.inactive_reason is Inactive.FLAG else "phase_back"
        if not self.has_base(attribute):
            return "changed_in_uniconta" if attribute.name in self.unsent else "first_sync"
        return "changed_in_uniconta" if attribute.name in self.uniconta_changed else "overwritten"

    def first_reason(self, attribute: Attribute) -> str:
        return "filled_blank" if attribute.is_blank(self.uniconta_now[attribute.name]) else "chosen_by_person"

    def edit(self, attribute: Attribute) -> FieldChange:
        base = self.intempus.base.get(attribute.name, "")
        return FieldChange(attribute.name, base, self.intempus_now[attribute.name], "one_way")


def _write(entity: Entity, target: System, changes: list[FieldChange]) -> Write:
    action = Action.UPDATE
    if changes[0].field == (entity.activity and entity.activity.name) and (len(changes) == 1 or not changes[0].new):
        action = Action.ACTIVATE if changes[0].new else Action.DEACTIVATE
    return Write(target, action, tuple(changes))


def _inactive_reason(
    entity: Entity,
    intempus: Values,
    to_uniconta: list[FieldChange],
    to_intempus: list[FieldChange],
    standing: Standing,
) -> Inactive:
    """Why the record will be inactive in Intempus once the plan is carried out."""
    if entity.activity is None:
        return Inactive.NO
    name = entity.activity.name
    written = {change.field: change.new for change in to_intempus}
    if written.get(name, intempus.get(name, True)):
        return Inactive.NO
    if any(change.field == name for change in to_uniconta):
        return Inactive.PERSON
    return Inactive.PERSON if standing.inactive_reason is Inactive.PERSON else Inactive.BLOCKED
