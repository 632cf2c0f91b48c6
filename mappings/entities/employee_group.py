"""Employee group: goes to Intempus only when an employee who uses it goes (rule M6).

Sources: Uniconta API page section 3 (EmployeeGroupClient), Intempus API page section 3 (employee_group).
"""

from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System

EMPLOYEE_GROUP = Entity(
    name="employee_group",
    label="Employee group",
    label_da="Medarbejdergruppe",
    uniconta=Side(
        System.UNICONTA,
        resource="EmployeeGroup",
        table="EmployeeGroup",
        id_field="RowId",
        key_field="Number",
        name_field="Name",
        company_field="CompanyId",
        key_max_length=20,
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="employee_group",
        id_field="id",
        key_field="number",
        name_field="name",
        creation_id_field="creation_id",
        company_field="company",
    ),
    attributes=(
        Attribute("number", "Number", "Nummer", "Number", "number", Direction.TO_INTEMPUS, is_key=True, max_length=20),
        Attribute("name", "Name", "Navn", "Name", "name", Direction.TO_INTEMPUS, max_length=255),
    ),
    match=(MatchRule("number", "number"), MatchRule("name", "name", Match.PROPOSAL)),
    is_on_demand=True,
)
