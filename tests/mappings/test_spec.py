"""A wrong declaration fails at import, with the name at fault."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mappings.entities import ENTITIES
from mappings.entities.customer import CUSTOMER
from mappings.entities.employee import EMPLOYEE
from mappings.entities.product import PRODUCT
from mappings.rules import with_rules
from mappings.spec import Attribute, DeclarationError, Direction, Match, MatchRule, System


def changed(name: str, **values: Any) -> tuple[Attribute, ...]:
    return tuple(replace(a, **values) if a.name == name else a for a in CUSTOMER.attributes)


EXTRA = Attribute("extra", "Extra", "Ekstra", "Www", "notes")

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "declared twice": (
        {"attributes": (*CUSTOMER.attributes, replace(EXTRA, name="city"))},
        "customer: attribute 'city' is declared twice",
    ),
    "no such transform": (
        {"attributes": changed("city", uniconta_transform="uper")},
        "customer.city: transform 'uper' (uniconta) does not exist",
    ),
    "no such transform there": (
        {"attributes": changed("city", intempus_transform="uper")},
        "customer.city: transform 'uper' (intempus) does not exist",
    ),
    "cannot be undone both ways": (
        {"attributes": changed("city", uniconta_transform="upper")},
        "customer.city: transform 'upper' cannot be undone, so it is for Uniconta's side of what goes to Intempus only",
    ),
    "cannot be undone there": (
        {"attributes": changed("city", intempus_transform="upper", direction=Direction.TO_INTEMPUS)},
        "customer.city: transform 'upper' cannot be undone, so it is for Uniconta's side of what goes to Intempus only",
    ),
    "no field": ({"attributes": changed("city", intempus="")}, "customer.city: no field named for intempus"),
    "field used twice": (
        {"attributes": (*CUSTOMER.attributes, replace(EXTRA, uniconta="City"))},
        "customer: two attributes use the uniconta field 'City'",
    ),
    "mandatory without reference": (
        {"attributes": changed("city", is_mandatory=True)},
        "customer.city: only a reference can be mandatory or the group",
    ),
    "sides exchanged": ({"uniconta": CUSTOMER.intempus}, "customer: the uniconta side is declared for intempus"),
    "no key": ({"attributes": changed("number", is_key=False)}, "customer: exactly one attribute must be the key"),
    "two keys": ({"attributes": changed("city", is_key=True)}, "customer: exactly one attribute must be the key"),
    "two activities": (
        {"attributes": changed("city", is_activity=True)},
        "customer: more than one attribute is the activity",
    ),
    "match by nothing": (
        {"match": (MatchRule("cvr", "ean"),)},
        "customer: match rule names the unknown attribute 'ean'",
    ),
    "withdrawal both ways": (
        {"attributes": changed("city", is_withdrawal=True)},
        "customer.city: a withdrawal goes to Intempus only",
    ),
    "match by no such transform": (
        {"match": (MatchRule("cvr", "cvr", transform="upper"),)},
        "customer: match rule's transform 'upper' does not exist",
    ),
    "copies nothing": (
        {"intempus": replace(CUSTOMER.intempus, copies={"username": "ean"})},
        "customer: a new record copies the unknown attribute 'ean'",
    ),
    "within what is no reference": (
        {"match": (MatchRule("number", "number", within="city"),)},
        "customer: match rule's 'city' is no reference",
    ),
    "needs nothing": ({"attributes": changed("city", needs="ean")}, "customer.city: names the unknown attribute 'ean'"),
    "group without reference": (
        {"attributes": changed("city", is_group=True)},
        "customer.city: only a reference can be mandatory or the group",
    ),
    "follows nothing": (
        {"intempus": replace(CUSTOMER.intempus, follows={"open": "ean"})},
        "customer: a new record copies the unknown attribute 'ean'",
    ),
    "match by name alone": (
        {"match": (MatchRule("name", "name"),)},
        "customer: a name alone never links records; make that rule a proposal",
    ),
}


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_names_what_is_wrong(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        replace(CUSTOMER, **values)
    assert str(caught.value) == message


def test_the_directions_of_a_customer() -> None:
    one_way = {a.name for a in CUSTOMER.attributes if a.direction is Direction.TO_INTEMPUS}
    assert one_way == {"number", "cvr", "group"}
    assert CUSTOMER.attribute("email").uniconta == "ContactEmail"
    assert "InvoiceEmail" not in {a.uniconta for a in CUSTOMER.attributes}


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_every_entity_keeps_the_common_rules(entity: Any) -> None:
    assert entity.key.direction is Direction.TO_INTEMPUS
    assert {rule.certainty for rule in entity.match if "name" in (rule.uniconta, rule.intempus)} <= {Match.PROPOSAL}
    assert all(reference.reference in ENTITIES for reference in entity.references)
    assert entity.side(System.UNICONTA).company_field or entity.side(System.UNICONTA).members
    # A case names no company; the customer it cannot do without does.
    owners = [ENTITIES[reference.reference].intempus.company_field for reference in entity.references]
    assert entity.side(System.INTEMPUS).company_field or any(owners)
    others = [reference for reference in entity.references if reference.reference != entity.name]
    names = list(ENTITIES)
    assert all(names.index(reference.reference) < names.index(entity.name) for reference in others)
    on_demand = [reference for reference in others if ENTITIES[reference.reference].is_on_demand]
    assert [reference for reference in others if reference.is_group or reference.is_phase] == on_demand


def test_an_employee_is_found_by_what_is_theirs_alone_and_no_personal_number_is_mapped() -> None:
    assert {name for rule in EMPLOYEE.match for name in (rule.uniconta, rule.intempus)} == {"mobile", "email"}
    fields = {a.field_on(system).lower() for a in EMPLOYEE.attributes for system in System}
    assert not fields & {"personalid", "cpr_number", "privateemail", "personal_email", "privatemobil"}
    assert {a.name for a in EMPLOYEE.attributes if a.is_withdrawal} == {
        "reports_on_all_cases",
        "edits_customers_and_cases",
    }


def rule(**values: Any) -> Any:
    defaults = {
        "attribute": "department",
        "uniconta_field": "Dimension1",
        "intempus_field": "notes",
        "uniconta_transform": "",
        "intempus_transform": "",
        "direction": "both",
        "is_off": False,
    }
    return SimpleNamespace(**(defaults | values))


def test_a_rule_adds_redirects_or_switches_off() -> None:
    added = with_rules(CUSTOMER, [rule()], [])
    assert added.attribute("department").uniconta == "Dimension1"
    redirected = with_rules(CUSTOMER, [rule(attribute="phone", uniconta_field="MobilPhone", intempus_field="")], [])
    assert (redirected.attribute("phone").uniconta, redirected.attribute("phone").intempus) == ("MobilPhone", "phone")
    assert redirected.attribute("phone").label == "Phone"
    elsewhere = with_rules(CUSTOMER, [rule(attribute="country", uniconta_field="Land", intempus_field="")], [])
    assert elsewhere.attribute("country").uniconta_transform == "country_member"  # blank: as declared
    plain = rule(attribute="country", uniconta_field="", intempus_field="", uniconta_transform="text")
    assert with_rules(CUSTOMER, [plain], []).attribute("country").uniconta_transform == "text"
    without = with_rules(CUSTOMER, [rule(attribute="phone", is_off=True)], [])
    assert "phone" not in {a.name for a in without.attributes}
    assert "department" not in {a.name for a in CUSTOMER.attributes}


def test_a_rule_that_contradicts_the_rest_is_refused() -> None:
    with pytest.raises(DeclarationError, match="two attributes use the uniconta field 'City'"):
        with_rules(CUSTOMER, [rule(uniconta_field="City")], [])
    with pytest.raises(DeclarationError, match="exactly one attribute must be the key"):
        with_rules(CUSTOMER, [rule(attribute="number", is_off=True)], [])


def test_what_is_off_by_default_comes_with_a_rule_that_names_it() -> None:
    assert "cost_price" not in {a.name for a in with_rules(PRODUCT, [], []).attributes}
    bare = rule(attribute="cost_price", uniconta_field="", intempus_field="", direction="to_intempus")
    assert with_rules(PRODUCT, [bare], []).attribute("cost_price").uniconta_transform == "price"
    with_off = with_rules(PRODUCT, [rule(attribute="cost_price", is_off=True)], [])
    assert "cost_price" not in {a.name for a in with_off.attributes}


def test_a_constant_needs_no_field() -> None:
    fixed = {"uniconta_field": "", "uniconta_transform": "constant Nordbyg", "direction": "to_intempus"}
    added = with_rules(CUSTOMER, [rule(**fixed), rule(attribute="source", intempus_field="source", **fixed)], [])
    assert added.attribute("department").transform_on(System.UNICONTA).read(None) == "Nordbyg"
    with pytest.raises(DeclarationError, match="no field named for uniconta"):
        with_rules(CUSTOMER, [rule(uniconta_field="")], [])


@pytest.mark.parametrize(
    ("name", "attribute"), [(name, each.name) for name, entity in ENTITIES.items() for each in entity.attributes]
)
def test_an_entity_does_without_any_one_of_its_fields(name, attribute):
    """The field watch found that it is gone; the e-mail that a new employee's log-in repeats stopped everything once."""
    entity = ENTITIES[name]
    rest = entity.without(frozenset({attribute}))
    assert (attribute in {each.name for each in rest.attributes}) is entity.attribute(attribute).is_key
    assert rest.key == entity.key
