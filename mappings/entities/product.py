"""Product: an item in Uniconta, a product (material) in Intempus.

Sources: Uniconta API page section 3 (InvItemClient) and 3.2 (units), Intempus API page 3.7 (product).
"""

from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System

PRODUCT = Entity(
    name="product",
    label="Item (product)",
    label_da="Vare (produkt)",
    uniconta=Side(
        System.UNICONTA,
        resource="InvItem",
        table="InvItem",
        id_field="RowId",
        key_field="Item",
        name_field="Name",
        company_field="CompanyId",
        key_max_length=20,
        is_flaggable=True,
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="product",
        id_field="id",
        key_field="number",
        name_field="name",
        has_cursor=True,
        timestamp_field="logical_timestamp",
        creation_id_field="creation_id",
        company_field="company",
    ),
    attributes=(
        Attribute("number", "Number", "Nummer", "Item", "number", Direction.TO_INTEMPUS, is_key=True, max_length=20),
        Attribute("name", "Name", "Navn", "Name", "name", max_length=255),
        Attribute(
            "group",
            "Item group",
            "Varegruppe",
            "Group",
            "product_group",
            Direction.TO_INTEMPUS,
            uniconta_transform="reference_key",
            intempus_transform="reference_uri",
            reference="product_group",
            is_group=True,
        ),
        Attribute(
            "unit",
            "Unit",
            "Enhed",
            "Unit",
            "unit",
            uniconta_transform="unit_member",
            intempus_transform="unit_text",
        ),
        # All prices are Uniconta's (rule M1); Intempus holds two decimals. An item without a price has 0 in Uniconta.
        Attribute(
            "sales_price",
            "Sales price",
            "Salgspris",
            "SalesPrice1",
            "sales_price",
            Direction.TO_INTEMPUS,
            uniconta_transform="price",
            intempus_transform="price",
            empty="0",
        ),
        Attribute(
            "cost_price",
            "Cost price",
            "Kostpris",
            "CostPrice",
            "cost_price",
            Direction.TO_INTEMPUS,
            uniconta_transform="price",
            intempus_transform="price",
            empty="0",
            is_off_by_default=True,  # what an item costs is not for everybody who registers hours
        ),
        Attribute(
            "bar_code", "Bar code (EAN)", "Stregkode (EAN)", "EAN", "bar_code", Direction.TO_INTEMPUS, max_length=255
        ),
        # Which of `accessible` and `available` the screen of Intempus shows is not known (API page 3.7). `available`
        # stands among the stock quantities there; a tenant's field rule can point to it.
        Attribute(
            "active",
            "Active",
            "Aktiv",
            "Blocked",
            "accessible",
            uniconta_transform="inverted",
            intempus_transform="active_unless_false",
            is_activity=True,
        ),
    ),
    match=(MatchRule("number", "number"), MatchRule("name", "name", Match.PROPOSAL)),
)
