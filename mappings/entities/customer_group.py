"""Customer group: goes to Intempus only when a customer that uses it goes (rule M6)."""

from mappings.entities.group import declare_group

CUSTOMER_GROUP = declare_group("customer_group", "Customer group", "Kundegruppe", table="DebtorGroup")
