"""The words in which an entity is declared. Pure data; a wrong declaration fails at import with the name at fault.

A new entity is one file in `mappings/entities/` holding one `Entity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mappings.transform_steps import StepError, find_transform
from mappings.transforms import TRANSFORMS, Transform

#: A canonical value. Decimals are normalised strings, dates ISO strings, so that values survive JSON unchanged.
#: "" is blank.
Value = str | bool | int
Values = Mapping[str, Value]


class DeclarationError(ValueError):
    """A declaration names something that does not exist or contradicts itself."""


class System(StrEnum):
    UNICONTA = "uniconta"
    INTEMPUS = "intempus"

    @property
    def other(self) -> System:
        return System.INTEMPUS if self is System.UNICONTA else System.UNICONTA


class Direction(StrEnum):
    BOTH = "both"
    TO_INTEMPUS = "to_intempus"


class Match(StrEnum):
    """How sure a match is: certain ones link by themselves, proposals wait for a person."""

    CERTAIN = "certain"
    PROPOSAL = "proposal"


@dataclass(frozen=True)
class Side:
    """How one system stores an entity.

    `resource` is the name in the address; `table` the name in webhooks ("" when none fire). `has_cursor`: the system
    can list what changed after a cursor. `company_field`: the field of every row that names its company.
    """

    system: System
    resource: str
    id_field: str
    key_field: str
    name_field: str
    table: str = ""
    has_cursor: bool = False
    timestamp_field: str = ""  # the change stamp of a row, where there is a cursor
    creation_id_field: str = ""  # carries the id we chose at creation, where the system keeps it
    company_field: str = ""
    key_max_length: int | None = None
    is_flaggable: bool = False  # may carry the opt-in flag
    members: tuple[Mapping[str, str], ...] = ()  # the rows, where they are a list built into the system: read nowhere
    defaults: Mapping[str, Value] = field(default_factory=dict)  # sent on create
    copies: Mapping[str, str] = field(default_factory=dict)  # on create: field → attribute it repeats; must be filled
    secret_fields: tuple[str, ...] = ()  # on create: filled with something unguessable that nobody keeps
    follows: Mapping[str, str] = field(default_factory=dict)  # field → attribute: written with it, never read
    personal_number_field: str = ""  # the CPR number: no attribute and never kept, see sync/domain/personal_number.py

    @property
    def own_fields(self) -> frozenset[str]:
        """Fields that only the system itself sets."""
        names = (self.id_field, self.timestamp_field, self.creation_id_field, self.company_field, "resource_uri")
        return frozenset(names) - {""}


@dataclass(frozen=True)
class Attribute:
    """One thing both systems know about a record. Field names are the remote system's own spelling."""

    name: str
    label: str
    label_da: str
    uniconta: str
    intempus: str
    direction: Direction = Direction.BOTH
    uniconta_transform: str = "text"
    intempus_transform: str = "text"
    reference: str = ""  # name of the entity this attribute points to
    is_mandatory: bool = False  # of a reference: the record waits for it, and a new one activates what it refers to
    is_group: bool = False  # of a reference: the tenant's default group stands in for one that Uniconta does not know
    within: str = ""  # of a reference: both records must have the same value of this attribute
    needs: str = ""  # Intempus refuses this attribute while that one is blank
    is_key: bool = False  # the record's number: given at creation, never changed afterwards
    is_activity: bool = False  # the derived active flag (rule M7)
    is_phase: bool = False  # says whether the record is in use: in one of the policy's phases it is
    is_withdrawal: bool = (
        False  # blank says nothing and is never sent; any other value ends the record, see `has_ended`
    )
    is_off_by_default: bool = False  # not synchronised until a tenant's field rule names it
    max_length: int | None = None
    empty: Value = ""  # beside blank: what stands where nobody filled it in
    translations: tuple[tuple[str, str], ...] = ()  # (value in Uniconta, value in Intempus), a tenant's rows

    def field_on(self, system: System) -> str:
        return self.uniconta if system is System.UNICONTA else self.intempus

    def transform_on(self, system: System) -> Transform:
        return find_transform(self.uniconta_transform if system is System.UNICONTA else self.intempus_transform)

    def is_blank(self, value: Value) -> bool:
        return value in ("", self.empty)

    @property
    def needs_translation(self) -> bool:
        """Whether a value that no value map names is refused."""
        return any(self.transform_on(system).needs_translation for system in System)


@dataclass(frozen=True)
class MatchRule:
    """Unlinked records match where these attributes, one per side, hold the same non-blank value.

    `within`: a reference; of several records that hold the value, those that refer to the same record come first.
    `transform` makes two spellings of one value equal before they are compared; nothing is written with it.
    """

    uniconta: str
    intempus: str
    certainty: Match = Match.CERTAIN
    transform: str = "text"
    within: str = ""


@dataclass(frozen=True)
class Entity:
    """A kind of thing both systems know. `is_on_demand`: goes to Intempus only when a record that uses it goes (M6).

    `is_creation_costly`: one more in Intempus may cost money, so creating is off until a person switches it on, and is
    never tried twice without a person. `keeps_number`: born in Intempus, it keeps its number there, if it has one.
    """

    name: str
    label: str
    label_da: str
    uniconta: Side
    intempus: Side
    attributes: tuple[Attribute, ...]
    match: tuple[MatchRule, ...]
    is_on_demand: bool = False
    is_creation_costly: bool = False
    keeps_number: bool = False
    phases: tuple[str, ...] = ()  # in which a record is in use, unless the tenant says otherwise

    def __post_init__(self) -> None:
        _check(self)

    def side(self, system: System) -> Side:
        return self.uniconta if system is System.UNICONTA else self.intempus

    def attribute(self, name: str) -> Attribute:
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise KeyError(name)

    def without(self, names: frozenset[str]) -> Entity:
        """The same without these attributes, and without what cannot be said without them; the key stays in any case."""
        gone = names - {self.key.name}
        if not gone:
            return self
        attributes = tuple(
            replace(each, within="" if each.within in gone else each.within)
            for each in self.attributes
            if each.name not in gone and each.needs not in gone
        )
        left = {each.name for each in attributes}
        match = tuple(rule for rule in self.match if {rule.uniconta, rule.intempus, rule.within} - {""} <= left)
        uniconta, intempus = (
            replace(side, copies=_about(side.copies, left), follows=_about(side.follows, left))
            for side in (self.uniconta, self.intempus)
        )
        return replace(self, uniconta=uniconta, intempus=intempus, attributes=attributes, match=match)

    @property
    def key(self) -> Attribute:
        return next(attribute for attribute in self.attributes if attribute.is_key)

    @property
    def activity(self) -> Attribute | None:
        return next((attribute for attribute in self.attributes if attribute.is_activity), None)

    @property
    def phase(self) -> Attribute | None:
        return next((attribute for attribute in self.attributes if attribute.is_phase), None)

    @property
    def references(self) -> tuple[Attribute, ...]:
        return tuple(attribute for attribute in self.attributes if attribute.reference)


def _about(repeated: Mapping[str, str], attributes: set[str]) -> dict[str, str]:
    return {field: name for field, name in repeated.items() if name in attributes}


def _check(entity: Entity) -> None:
    _check_attributes(entity)
    _check_fields(entity)
    _check_matches(entity)


def _check_attributes(entity: Entity) -> None:
    names = [attribute.name for attribute in entity.attributes]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"{entity.name}: attribute '{name}' is declared twice")
    for attribute in entity.attributes:
        for system in System:
            _check_transform(entity, attribute, system)
        if (attribute.is_mandatory or attribute.is_group) and not attribute.reference:
            raise DeclarationError(f"{entity.name}.{attribute.name}: only a reference can be mandatory or the group")
        if attribute.is_withdrawal and attribute.direction is not Direction.TO_INTEMPUS:
            raise DeclarationError(f"{entity.name}.{attribute.name}: a withdrawal goes to Intempus only")
        if attribute.is_off_by_default and (attribute.is_key or attribute.is_mandatory or attribute.is_activity):
            raise DeclarationError(
                f"{entity.name}.{attribute.name}: the engine needs it, so it cannot be off by default"
            )
    if sum(attribute.is_key for attribute in entity.attributes) != 1:
        raise DeclarationError(f"{entity.name}: exactly one attribute must be the key")
    if sum(attribute.is_activity for attribute in entity.attributes) > 1:
        raise DeclarationError(f"{entity.name}: more than one attribute is the activity")


def _check_transform(entity: Entity, attribute: Attribute, system: System) -> None:
    name = attribute.uniconta_transform if system is System.UNICONTA else attribute.intempus_transform
    where = f"{entity.name}.{attribute.name}"
    try:
        transform = find_transform(name)
    except StepError:
        raise DeclarationError(f"{where}: transform '{name}' ({system}) does not exist") from None
    if transform.is_one_way and (system is System.INTEMPUS or attribute.direction is not Direction.TO_INTEMPUS):
        raise DeclarationError(
            f"{where}: transform '{name}' cannot be undone, so it is for Uniconta's side of what goes to Intempus only"
        )
    if transform.needs_field and not attribute.field_on(system):
        raise DeclarationError(f"{where}: no field named for {system}")


def _check_fields(entity: Entity) -> None:
    for attribute in entity.attributes:
        for name in {attribute.within, attribute.needs} - {"", *(each.name for each in entity.attributes)}:
            raise DeclarationError(f"{entity.name}.{attribute.name}: names the unknown attribute '{name}'")
    for system in System:
        fields = [attribute.field_on(system) for attribute in entity.attributes]
        # Withdrawals never write to Uniconta, so several may read one field.
        written = [a.field_on(system) for a in entity.attributes if not (a.is_withdrawal and system is System.UNICONTA)]
        for name in written:
            if name and fields.count(name) > 1:
                raise DeclarationError(f"{entity.name}: two attributes use the {system} field '{name}'")
        side = entity.side(system)
        for name in (*side.copies.values(), *side.follows.values()):
            if name not in (attribute.name for attribute in entity.attributes):
                raise DeclarationError(f"{entity.name}: a new record copies the unknown attribute '{name}'")
        if entity.side(system).system is not system:
            raise DeclarationError(f"{entity.name}: the {system} side is declared for {entity.side(system).system}")


def _check_matches(entity: Entity) -> None:
    names = [attribute.name for attribute in entity.attributes]
    for rule in entity.match:
        for name in (rule.uniconta, rule.intempus):
            if name not in names:
                raise DeclarationError(f"{entity.name}: match rule names the unknown attribute '{name}'")
        if rule.within and rule.within not in (attribute.name for attribute in entity.references):
            raise DeclarationError(f"{entity.name}: match rule's '{rule.within}' is no reference")
        if rule.transform not in TRANSFORMS:
            raise DeclarationError(f"{entity.name}: match rule's transform '{rule.transform}' does not exist")
        if rule.certainty is Match.CERTAIN and "name" in (rule.uniconta, rule.intempus):
            raise DeclarationError(f"{entity.name}: a name alone never links records; make that rule a proposal")
