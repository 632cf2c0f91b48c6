"""The register of entities, in dependency order: what others refer to comes first."""

from mappings.entities.case_state import CASE_STATE
from mappings.entities.customer import CUSTOMER
from mappings.entities.customer_group import CUSTOMER_GROUP
from mappings.entities.employee import EMPLOYEE
from mappings.entities.employee_group import EMPLOYEE_GROUP
from mappings.entities.product import PRODUCT
from mappings.entities.product_group import PRODUCT_GROUP
from mappings.entities.project import PROJECT
from mappings.entities.project_group import PROJECT_GROUP
from mappings.spec import DeclarationError, Entity

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        CUSTOMER_GROUP,
        CUSTOMER,
        PRODUCT_GROUP,
        PRODUCT,
        EMPLOYEE_GROUP,
        EMPLOYEE,
        PROJECT_GROUP,
        CASE_STATE,
        PROJECT,
    )
}

_seen: set[str] = set()
for _entity in ENTITIES.values():
    for _attribute in _entity.references:
        if _attribute.reference not in {*_seen, _entity.name}:
            raise DeclarationError(
                f"{_entity.name}.{_attribute.name}: refers to '{_attribute.reference}', which is not declared before it"
            )
    _seen.add(_entity.name)
