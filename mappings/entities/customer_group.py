"""Customer group: goes to Intempus only when a customer that uses it goes (rule M6)."""

from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System

CUSTOMER_GROUP = Entity(
    name="customer_group",
    label="Customer group",
    label_da="Kundegruppe",
    uniconta=Side(
        System.UNICONTA,
        resource="DebtorGroup",
        table="DebtorGroup",
        id_field="RowId",
        key_field="Group",
        name_field="Name",
        company_field="CompanyId",
        key_max_length=20,
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="customer_group",
        id_field="id",
        key_field="number",
        name_field="name",
        creation_id_field="creation_id",
        company_field="company",
    ),
    attributes=(
        Attribute("number", "Number", "Nummer", "Group", "number", Direction.TO_INTEMPUS, is_key=True, max_length=20),
        Attribute("name", "Name", "Navn", "Name", "name", Direction.TO_INTEMPUS, max_length=255),
    ),
    match=(MatchRule("number", "number"), MatchRule("name", "name", Match.PROPOSAL)),
    is_on_demand=True,
)
