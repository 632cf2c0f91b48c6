"""What all groups have in common: a number and a name, from Uniconta to Intempus only, on demand (rule M6)."""

from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System


def declare_group(
    name: str, label: str, label_da: str, *, table: str, key_field: str = "Group", there: str = ""
) -> Entity:
    """`table` is Uniconta's, in addresses and in webhooks; `there` the Intempus resource where `name` is not its name."""
    return Entity(
        name=name,
        label=label,
        label_da=label_da,
        uniconta=Side(
            System.UNICONTA,
            resource=table,
            table=table,
            id_field="RowId",
            key_field=key_field,
            name_field="Name",
            company_field="CompanyId",
            key_max_length=20,
        ),
        intempus=Side(
            System.INTEMPUS,
            resource=there or name,
            id_field="id",
            key_field="number",
            name_field="name",
            creation_id_field="creation_id",
            company_field="company",
        ),
        attributes=(
            Attribute(
                "number", "Number", "Nummer", key_field, "number", Direction.TO_INTEMPUS, is_key=True, max_length=20
            ),
            Attribute("name", "Name", "Navn", "Name", "name", Direction.TO_INTEMPUS, max_length=255),
        ),
        match=(MatchRule("number", "number"), MatchRule("name", "name", Match.PROPOSAL)),
        is_on_demand=True,
    )
