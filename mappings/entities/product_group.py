"""Product group: an item group in Uniconta; goes to Intempus only when an item that uses it goes (rule M6).

Sources: Uniconta API page section 3 (InvGroupClient), Intempus API page 3.7 (product_group).
"""

from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System

PRODUCT_GROUP = Entity(
    name="product_group",
    label="Item group (product group)",
    label_da="Varegruppe (produktgruppe)",
    uniconta=Side(
        System.UNICONTA,
        resource="InvGroup",
        table="InvGroup",
        id_field="RowId",
        key_field="Group",
        name_field="Name",
        company_field="CompanyId",
        key_max_length=20,
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="product_group",
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
