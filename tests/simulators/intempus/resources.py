"""The resources of Intempus the simulator knows: one declaration each.

A further resource is one more `Resource(...)` in RESOURCES. Relations are stored as ids and shown as resource URIs;
`copies` are read-only fields that repeat a value of a related row, computed while rendering.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

TIMESTAMP = "logical_timestamp"
EQUAL = frozenset({"exact"})
ONE_OF = frozenset({"exact", "in"})
RANGE = frozenset({"exact", "in", "gt", "gte", "lt", "lte"})


@dataclass(frozen=True)
class Field:
    name: str
    type: str = "text"  # text, bool, decimal, date, time, int, uri, uris, copy
    default: Any = None
    null_means: Any = None  # what an explicit null is stored as
    read_only: bool = False
    required: bool = False
    filters: frozenset[str] = frozenset()
    target: str = ""  # uri: the resource it points to
    decimals: int = 2
    source: tuple[str, ...] = ()  # copy: relation field, perhaps a relation of that row, field there
    personal: bool = False  # kept, but never shown
    write_only: bool = False  # needed in a POST, taken and never shown: a password
    below: int = 0  # text: a positive whole number smaller than this, 0 for any text


@dataclass(frozen=True)
class Resource:
    name: str
    fields: tuple[Field, ...]
    title: str = ""
    methods: frozenset[str] = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    has_timestamp: bool = True
    has_uuid: bool = True
    has_creation_id: bool = True
    embedded_on_detail: tuple[str, ...] = ()  # relations that a detail embeds
    embedded_on_write: tuple[str, ...] = ()  # relations that PUT and PATCH answers embed
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {each.name: each for each in self.fields}
        if len(by_name) != len(self.fields):
            raise ValueError(f"{self.name} declares a field twice")
        object.__setattr__(self, "by_name", by_name)

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("_")) + "Resource"


def text(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, default="", null_means="") for name in names)


def boolean(name: str, default: bool | None, null_means: bool | None, filters: frozenset[str] = frozenset()) -> Field:
    return Field(name, "bool", default, null_means, filters=filters)


def relation(name: str, target: str, *, required: bool = False, filters: frozenset[str] = frozenset()) -> Field:
    return Field(name, "uri", required=required, target=target, filters=filters)


def copies(relation_name: str, **names: str) -> tuple[Field, ...]:
    return tuple(Field(name, "copy", read_only=True, source=(relation_name, there)) for name, there in names.items())


NUMBER = Field("number", default="", null_means="")
COMPANY_URI = relation("company", "company", required=True)

COMPANY = Resource(
    name="company",
    title="Company",
    methods=frozenset({"GET"}),
    has_timestamp=False,
    has_creation_id=False,
    fields=(
        Field("name", required=True),
        *text("street_address", "zip_code", "city", "country", "phone", "email", "vat_registration_number"),
    ),
)

CUSTOMER = Resource(
    name="customer",
    title="Customers",
    fields=(
        COMPANY_URI,
        Field("name", required=True),
        NUMBER,
        boolean("active", True, True, EQUAL),
        *text("contact", "email", "phone", "street_address", "zip_code", "city", "country", "notes"),
        *text("vat_registration_number"),
        relation("customer_group", "customer_group"),
        Field("latitude", "decimal", decimals=6, personal=True),
        Field("longitude", "decimal", decimals=6, personal=True),
    ),
)

CUSTOMER_GROUP = Resource(
    name="customer_group",
    title="Customer groups",
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

# Only the names of the fields are known (API page 3.7); what is required and what is counted by Intempus is assumed.
PRODUCT = Resource(
    name="product",
    title="Products",
    fields=(
        COMPANY_URI,
        Field("name", required=True),
        NUMBER,
        *text("description", "unit", "bar_code"),
        relation("product_group", "product_group"),
        *(Field(name, "decimal") for name in ("sales_price", "cost_price", "recommended_price", "volume")),
        boolean("accessible", True, True, EQUAL),
        *(
            Field(name, "decimal", default="0.00", read_only=True)
            for name in ("in_stock", "on_order", "ordered", "available")
        ),
    ),
)

PRODUCT_GROUP = Resource(
    name="product_group",
    title="Product groups",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

# Which fields must be there is known (API page 3.5); what a new employee may do at first is assumed.
EMPLOYEE = Resource(
    name="employee",
    title="Employees",
    embedded_on_detail=("contract",),
    fields=(
        COMPANY_URI,
        Field("name", required=True),
        Field("number", default="", null_means="", below=1_000_000),
        Field("username", required=True),
        Field("password", required=True, write_only=True),
        Field("password_generation", "int", required=True, write_only=True),
        *text("initial", "email", "personal_email", "phone", "street_address", "zip_code", "city", "country"),
        *text("cpr_number", "car_registration_number"),
        relation("department", "department"),
        Field("department__name", "copy", read_only=True, source=("department", "name")),
        relation("employee_group", "employee_group"),
        Field("active_contract", "bool", default=False, read_only=True),
        Field("contract", default=[], read_only=True),  # shown from the contracts: URIs in lists, objects in a detail
        Field("responsible_levels", default=[], read_only=True),
        *(Field(name, "date") for name in ("seniority_date", "subscribe_date")),
        Field("unsubscribe_date", "date", read_only=True),
        boolean("may_CUD_customers_and_cases", False, False),
        boolean("may_add_work_reports_to_all_cases", True, False),
    ),
)

EMPLOYEE_GROUP = Resource(
    name="employee_group",
    title="Employee groups",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

# Comes with its employee, and is why an employee is never deleted.
USERPROFILE = Resource(
    name="userprofile",
    title="User profiles",
    methods=frozenset({"GET", "PUT", "PATCH"}),
    has_timestamp=False,
    has_creation_id=False,
    fields=(
        relation("employee", "employee", required=True),
        boolean("may_log_into_backend", False, False),
        boolean("may_log_into_approval", False, False),
    ),
)

CASE_GROUP = Resource(
    name="case_group",
    title="Case groups",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

CASE_STATE = Resource(
    name="case_state",
    title="Case states",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

DEPARTMENT = Resource(
    name="department",
    title="Departments",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True)),
)

CASE = Resource(
    name="case",
    title="Cases",
    embedded_on_write=("case_group_full",),
    fields=(
        relation("customer", "customer", required=True),
        Field("number", required=True),
        Field("name", required=True),
        boolean("active", True, True, EQUAL),
        boolean("permit_new_workreports", True, True),
        boolean("all_employees_may_add_work_reports", True, False),
        boolean("all_worktypes_may_used_in_work_reports", True, True),
        boolean("remarks_required", False, None),
        boolean("file_upload_required", False, False),
        boolean("geofence", False, False),
        relation("case_group", "case_group"),
        Field("case_group_full", "copy", read_only=True, source=("case_group", "resource_uri")),
        relation("case_state", "case_state"),
        *copies("case_state", case_state_id="id", case_state_name="name"),
        relation("department", "department"),
        *copies("department", department_id="id", department_name="name"),
        relation("parent", "case"),
        *copies("parent", parent_name="name"),
        Field("priority", read_only=True),
        relation("responsible", "employee"),
        *copies("responsible", responsible_id="id", responsible_name="name"),
        *(Field(name, read_only=True) for name in ("co_responsible", "co_responsible_id", "co_responsible_name")),
        Field("responsibles", "uris", default=[], null_means=[]),
        Field("start_date", "date"),
        Field("end_date", "date"),
        Field("hour_budget", "decimal"),
        Field("latitude", "decimal", decimals=6),
        Field("longitude", "decimal", decimals=6),
        *text("street_address", "zip_code", "city", "country", "notes"),
        *copies(
            "customer",
            customer_id="id",
            customer_name="name",
            customer_street_address="street_address",
            customer_zip_code="zip_code",
            customer_city="city",
            customer_country="country",
            customer_latitude="latitude",
            customer_longitude="longitude",
        ),
        Field("creation_date", "date", read_only=True),
        Field("number_of_children", "int", default=0, read_only=True),
        Field("root_parent", read_only=True),
    ),
)

# -- hours -----------------------------------------------------------------------------------------------------------

WORK_MODEL = Resource(
    name="work_model",
    title="Work models",
    has_timestamp=False,
    fields=(COMPANY_URI, NUMBER, Field("name", required=True), Field("default_hourly_wage", "decimal")),
)

# The keys are those of a recorded list; `active_worktypes` and `hue` are shown, nothing computes them.
WORK_CATEGORY = Resource(
    name="work_category",
    title="Work categories",
    has_timestamp=False,
    fields=(
        relation("work_model", "work_model", required=True),
        NUMBER,
        Field("name", required=True),
        Field("type"),  # null, absence, mileage, expenses or per_diem
        boolean("supplement", False, False),
        boolean("case_related", True, False),
        boolean("eligible_for_anomaly_detection", True, False),
        Field("active_worktypes", "bool", default=True, read_only=True),
        Field("hue", "int", default=0),
    ),
)

WORK_TYPE = Resource(
    name="work_type",
    title="Work types",
    embedded_on_detail=("work_model", "work_category"),
    fields=(
        NUMBER,
        Field("name", required=True, filters=frozenset({"icontains"})),
        boolean("active", True, True, EQUAL),
        Field("input_type", default="amount"),
        relation("work_model", "work_model", required=True, filters=EQUAL),
        Field("work_model__name", "copy", read_only=True, source=("work_model", "name")),
        relation("work_category", "work_category", required=True),
        *(boolean(name, False, False) for name in ("vacation_or_leave", "report_interval", "date_interval")),
        *(boolean(name, False, False) for name in ("bill_as_product", "piece_work")),
        *(Field(name, "decimal") for name in ("amount_cutoff", "factor", "lieu_factor", "unit_cost")),
        Field("unit", default="", null_means="", personal=True),  # seen on reports only, as `work_type_unit`
    ),
)

CONTRACT = Resource(
    name="contract",
    title="Contracts",
    fields=(
        relation("employee", "employee", required=True),
        relation("work_model", "work_model", required=True),
        *copies("work_model", work_model_name="name"),
        Field("working_hours_agreement", read_only=True),
        Field("start_date", "date", required=True),
        Field("end_date", "date"),
        Field("locked_date", "date"),
        Field("hourly_wage", "decimal"),
    ),
)

RESPONSIBLE = Resource(
    name="responsible",
    title="Approvers",
    has_timestamp=False,
    fields=(relation("employee", "employee", required=True, filters=EQUAL), Field("level", required=True)),
)

# The case's number is not among the fields: whoever needs it looks at the case. GPS and route fields are left out.
WORK_REPORT = Resource(
    name="work_report",
    title="Work reports",
    fields=(
        COMPANY_URI,
        relation("employee", "employee", required=True, filters=ONE_OF),
        *copies("employee", employee_id="id", employee_number="number", employee_name="name"),
        relation("case", "case", filters=EQUAL),
        *copies("case", case_name="name"),
        relation("worktype", "work_type"),  # without underscore, unlike the resource
        *copies("worktype", worktype_name="name", work_type_unit="unit"),
        Field("work_category_name", "copy", read_only=True, source=("worktype", "work_category", "name")),
        relation("product", "product"),  # a material line
        Field("contract", "uri", read_only=True, target="contract"),
        Field("start_date", "date", filters=frozenset({"exact", "gt", "gte", "lt", "lte"})),
        Field("end_date", "date"),
        Field("start_time", "time"),
        Field("end_time", "time"),
        Field("start_week_number", "int", read_only=True),
        Field("amount", "decimal", required=True, decimals=8),
        Field("break_duration", "decimal"),
        *text("remarks", "additional_remarks"),
        Field("approved", "bool", default=False, read_only=True, filters=EQUAL),
        Field("approved_by", default=[], read_only=True),
        relation("approved_by_initial", "userprofile"),  # can be written, and approves nothing
        relation("approved_by_final", "userprofile"),
        Field("isimmutable", "bool", default=False, read_only=True),
        *text("origin"),
        Field("creation_datetime", read_only=True),
    ),
)

RESOURCES: dict[str, Resource] = {
    each.name: each
    for each in (
        COMPANY,
        CUSTOMER,
        CUSTOMER_GROUP,
        PRODUCT,
        PRODUCT_GROUP,
        EMPLOYEE,
        EMPLOYEE_GROUP,
        USERPROFILE,
        CASE,
        CASE_GROUP,
        CASE_STATE,
        DEPARTMENT,
        WORK_MODEL,
        WORK_CATEGORY,
        WORK_TYPE,
        CONTRACT,
        RESPONSIBLE,
        WORK_REPORT,
    )
}


def check_declarations() -> None:
    for resource in RESOURCES.values():
        for each in resource.fields:
            if each.type == "uri" and each.target not in RESOURCES:
                raise ValueError(f"{resource.name}.{each.name} points to unknown resource {each.target}")
            if each.type == "copy" and each.source[0] not in resource.by_name:
                raise ValueError(f"{resource.name}.{each.name} copies from unknown relation {each.source[0]}")


check_declarations()


@cache
def shown_in(name: str) -> frozenset[str]:
    """The resources whose rows a row of `name` repeats, so that a change there makes its rendering old."""
    found = {"employee": {"contract"}, "case": {"case"}}.get(name, set())
    for each in RESOURCES[name].fields:
        if each.type == "copy":
            target = name
            for step in each.source[:-1]:
                target = RESOURCES[target].by_name[step].target
                found = found | {target}
    return frozenset(found)


def dependants(target: str) -> list[tuple[Resource, Field]]:
    """Every relation that points to `target`; the company of a row does not count."""
    return [
        (resource, each)
        for resource in RESOURCES.values()
        for each in resource.fields
        if each.type == "uri" and each.target == target and target != "company"
    ]
