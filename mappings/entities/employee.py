"""Employee: the same word in both systems.

Matched by CPR number first, then by mobile and e-mail. The CPR number is no attribute: it travels nowhere and is not kept,
only a keyed digest of it on the record link (`sync/domain/personal_number.py`). Two people may bear one name, so a name links
nobody and proposes nobody.

Sources: Uniconta API page section 3 (EmployeeClient), Intempus API page 3.5 (employee).
"""

from mappings.spec import Attribute, Direction, Entity, MatchRule, Side, System

EMPLOYEE = Entity(
    name="employee",
    label="Employee",
    label_da="Medarbejder",
    uniconta=Side(
        System.UNICONTA,
        resource="Employee",
        table="Employee",
        id_field="RowId",
        key_field="Number",
        name_field="Name",
        company_field="CompanyId",
        key_max_length=20,
        is_flaggable=True,
        personal_number_field="PersonalId",
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="employee",
        id_field="id",
        key_field="number",
        name_field="name",
        has_cursor=True,
        timestamp_field="logical_timestamp",
        creation_id_field="creation_id",
        company_field="company",
        # 1: Intempus makes the password and mails it; ours is asked for all the same and nobody ever learns it.
        defaults={"password_generation": 1},
        copies={"username": "email"},
        secret_fields=("password",),
        personal_number_field="cpr_number",
    ),
    attributes=(
        Attribute(
            "number",
            "Number",
            "Nummer",
            "Number",
            "number",
            Direction.TO_INTEMPUS,
            intempus_transform="employee_number",
            is_key=True,
            max_length=20,
        ),
        Attribute("name", "Name", "Navn", "Name", "name", max_length=255),
        Attribute("email", "E-mail", "E-mail", "Email", "email", max_length=255),
        Attribute("mobile", "Mobile", "Mobil", "Mobil", "phone", max_length=255),
        Attribute("address", "Address", "Adresse", "Address1", "street_address", max_length=255),
        Attribute("zip_code", "Postcode", "Postnr.", "ZipCode", "zip_code", max_length=255),
        Attribute("city", "City", "By", "City", "city", max_length=255),
        Attribute(
            "group",
            "Employee group",
            "Medarbejdergruppe",
            "Group",
            "employee_group",
            Direction.TO_INTEMPUS,
            uniconta_transform="reference_key",
            intempus_transform="reference_uri",
            reference="employee_group",
            is_group=True,
        ),
        # Whoever has left keeps the record and loses two permissions. Not having left grants none: who may do what is
        # decided in Intempus.
        Attribute(
            "reports_on_all_cases",
            "May report on all cases",
            "Må registrere på alle sager",
            "Terminated",
            "may_add_work_reports_to_all_cases",
            Direction.TO_INTEMPUS,
            uniconta_transform="withdrawn_when_past",
            intempus_transform="boolean",
            is_withdrawal=True,
        ),
        Attribute(
            "edits_customers_and_cases",
            "May create and edit customers and cases",
            "Må oprette og rette kunder og sager",
            "Terminated",
            "may_CUD_customers_and_cases",
            Direction.TO_INTEMPUS,
            uniconta_transform="withdrawn_when_past",
            intempus_transform="boolean",
            is_withdrawal=True,
        ),
    ),
    match=(MatchRule("mobile", "mobile", transform="phone_number"), MatchRule("email", "email")),
    is_creation_costly=True,
    keeps_number=True,
)
