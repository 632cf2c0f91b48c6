"""Product group: an item group in Uniconta; goes to Intempus only when an item that uses it goes (rule M6).

Sources: Uniconta API page section 3 (InvGroupClient), Intempus API page 3.7 (product_group).
"""

from mappings.entities.group import declare_group

PRODUCT_GROUP = declare_group(
    "product_group", "Item group (product group)", "Varegruppe (produktgruppe)", table="InvGroup"
)
