"""Employee group: goes to Intempus only when an employee who uses it goes (rule M6).

Sources: Uniconta API page section 3 (EmployeeGroupClient), Intempus API page section 3 (employee_group).
"""

from mappings.entities.group import declare_group

EMPLOYEE_GROUP = declare_group(
    "employee_group", "Employee group", "Medarbejdergruppe", table="EmployeeGroup", key_field="Number"
)
