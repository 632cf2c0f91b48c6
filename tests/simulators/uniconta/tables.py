"""The tables of Uniconta the simulator knows: one declaration each.

A further table is one more `Table(...)` in TABLES. References are stored by the key of the referenced row, as
Uniconta shows them; renaming a key re-points the rows that refer to it.
"""

from dataclasses import dataclass, field
from typing import Any

from .enums import (
    CATEGORY_TYPE,
    COUNTRY,
    CURRENCY,
    INTERNAL_TYPE,
    INVOICING_METHOD,
    ITEM_TYPE,
    PAYROLL_TYPE,
    PHASE,
    UNIT,
    USER_FIELD_TYPE,
    USER_LANGUAGE,
    VAT_ZONE,
    Enum,
)

EMPTY_DATE = "0001-01-01T00:00:00"


@dataclass(frozen=True)
class Property:
    name: str
    type: str = "text"  # text, int, number, bool, date, time, enum
    default: Any = None
    read_only: bool = False
    references: str | None = None  # name of a table
    enum: Enum | None = None
    mandatory: bool = False

    @property
    def empty(self) -> Any:
        """The value of a row that was never given one."""
        if self.default is not None:
            return self.default
        if self.type == "enum" and self.enum is not None:
            return self.enum.members[0].name
        return {"int": 0, "number": 0.0, "bool": False, "date": EMPTY_DATE}.get(self.type)


@dataclass(frozen=True)
class Table:
    name: str
    table_id: int
    key: str | None
    properties: tuple[Property, ...]
    key_name: str | None = "Name"
    key_max: int = 20
    master: bool = True  # master tables fire webhooks
    writable: bool = True
    has_updated_at: bool = False
    group: bool = False
    default_from: dict[str, str] = field(default_factory=dict)  # property → table whose IsDefault row fills a blank
    title: str = ""

    @property
    def entity(self) -> str:
        return f"{self.name}Client"

    def property(self, name: str) -> Property | None:
        return self.by_name.get(name)

    def __post_init__(self) -> None:
        by_name = {p.name: p for p in self.properties}
        if len(by_name) != len(self.properties):
            raise ValueError(f"{self.name} declares a property twice")
        if self.key is not None and self.key not in by_name:
            raise ValueError(f"{self.name} has no property {self.key}")
        object.__setattr__(self, "by_name", by_name)
        localised = {p.name: p.enum for p in self.properties if p.enum is not None and p.enum.localised}
        object.__setattr__(self, "localised_enums", localised)
        object.__setattr__(self, "empty", {p.name: p.empty for p in self.properties})
        object.__setattr__(self, "enums", {p.name: p.enum for p in self.properties if p.enum is not None})

    # Filled in __post_init__; declared for the type checker only.
    by_name: dict[str, Property] = field(init=False, repr=False, compare=False)
    enums: dict[str, Enum] = field(init=False, repr=False, compare=False)
    localised_enums: dict[str, Enum] = field(init=False, repr=False, compare=False)
    empty: dict[str, Any] = field(init=False, repr=False, compare=False)


def text(*names: str) -> tuple[Property, ...]:
    return tuple(Property(name) for name in names)


def boolean(*names: str) -> tuple[Property, ...]:
    return tuple(Property(name, "bool") for name in names)


def number(*names: str, read_only: bool = False) -> tuple[Property, ...]:
    return tuple(Property(name, "number", read_only=read_only) for name in names)


def reference(name: str, table: str, *, mandatory: bool = False) -> Property:
    return Property(name, references=table, mandatory=mandatory)


def choice(name: str, values: Enum, default: str | None = None) -> Property:
    return Property(name, "enum", default, enum=values)


def read_only(name: str, type_: str = "text") -> Property:
    return Property(name, type_, read_only=True)


DEBTOR = Table(
    name="Debtor",
    table_id=50,
    key="Account",
    title="Debtors",
    has_updated_at=True,
    default_from={"Group": "DebtorGroup"},
    properties=(
        *text("Account", "Name", "Address1", "Address2", "Address3", "ZipCode", "City"),
        choice("Country", COUNTRY),
        *text("Phone", "MobilPhone", "ContactPerson", "ContactEmail", "InvoiceEmail", "Www"),
        reference("Group", "DebtorGroup"),
        *text("Payment"),
        choice("Currency", CURRENCY, "DKK"),
        *text("CompanyRegNo", "VatNumber"),
        choice("VatZone", VAT_ZONE),
        *text("Vat", "EAN", "Employee", "PriceList", "LayoutGroup"),
        reference("InvoiceAccount", "Debtor"),
        choice("UserLanguage", USER_LANGUAGE),
        *text("DeliveryName", "DeliveryAddress1", "DeliveryAddress2", "DeliveryAddress3"),
        *text("DeliveryZipCode", "DeliveryCity"),
        choice("DeliveryCountry", COUNTRY),
        *text("DeliveryContactPerson", "DeliveryPhone", "DeliveryContactEmail"),
        *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
        *boolean("Blocked", "EmailDocuments", "PricesInclVat"),
        Property("PriceGroup", "int"),
        *number("CreditMax"),
        *number("CurBalance", "Overdue", read_only=True),
        read_only("LastInvoice", "date"),
        read_only("Created", "date"),
    ),
)

DEBTOR_GROUP = Table(
    name="DebtorGroup",
    table_id=51,  # assumed; only the ids named in the API page are known
    key="Group",
    title="Debtor groups",
    group=True,
    properties=(
        *text("Group", "Name"),
        *boolean("IsDefault"),
        reference("AutoNumber", "NumberSerie"),
        *text("RevenueAccount", "SalesVat", "LayoutGroup", "PriceList"),
    ),
)

INV_ITEM = Table(
    name="InvItem",
    table_id=23,
    key="Item",
    title="Items",
    has_updated_at=True,
    default_from={"Group": "InvGroup"},
    properties=(
        *text("Item", "Name", "Description"),
        reference("Group", "InvGroup"),
        choice("ItemType", ITEM_TYPE),
        *(choice(name, UNIT) for name in ("Unit", "SalesUnit", "PurchaseUnit")),
        *number("SalesPrice1", "SalesPrice2", "SalesPrice3", "CostPrice", "PurchasePrice", "Weight"),
        choice("Currency1", CURRENCY, "DKK"),
        Property("Decimals", "int", 2),
        *text("EAN", "PrCategory", "PayrollCategory", "Warehouse", "Location"),
        *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
        *boolean("Blocked", "HideInSales", "HideInPurchase"),
        *number("Qty", "QtyOnStock", "QtyReserved", "QtyOrdered", "Available", read_only=True),
    ),
)

INV_GROUP = Table(
    name="InvGroup",
    table_id=24,  # assumed
    key="Group",
    title="Item groups",
    group=True,
    properties=(
        *text("Group", "Name"),
        *boolean("IsDefault"),
        reference("AutoNumber", "NumberSerie"),
        *text("PrCategory", "RevenueAccount"),
    ),
)

EMPLOYEE = Table(
    name="Employee",
    table_id=95,
    key="Number",
    title="Employees",
    properties=(
        *text("Number", "Name", "Address1", "Address2", "ZipCode", "City"),
        reference("Group", "EmployeeGroup"),
        *text("Mobil", "PrivateMobil", "Email", "PrivateEmail", "PersonalId", "PayId", "PayrollCategory"),
        *text("UserLoginId", "VechicleRegNo", "Approver", "Approver2"),
        read_only("UserName"),
        *(Property(name, "date") for name in ("Hired", "Terminated", "TMCloseDate", "TMApproveDate")),
        *number("CostPrice", "SalesPrice"),
        *boolean("Blocked"),
        *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
    ),
)

EMPLOYEE_GROUP = Table(
    name="EmployeeGroup",
    table_id=96,  # assumed
    key="Number",
    title="Employee groups",
    group=True,
    properties=text("Number", "Name", "Account"),
)

PROJECT = Table(
    name="Project",
    table_id=70,  # assumed
    key="Number",
    title="Projects",
    default_from={"Group": "ProjectGroup"},
    properties=(
        *text("Number", "Name", "Description"),
        reference("Account", "Debtor", mandatory=True),
        reference("Group", "ProjectGroup"),
        reference("MasterProject", "Project"),
        choice("Phase", PHASE),
        choice("InvoicingMethod", INVOICING_METHOD),
        reference("PersonInCharge", "Employee"),
        *(Property(name, "date") for name in ("StartDate", "EndDate")),
        read_only("Created", "date"),
        *text("WorkAddress1", "WorkAddress2", "WorkAddress3", "ZipCode", "City"),
        choice("WorkCountry", COUNTRY),
        *text("Email", "Mobil", "ContactName", "YourRef", "OurRef", "Requisition", "PriceList", "Payment", "Vat"),
        choice("Currency", CURRENCY, "DKK"),
        *number("FixedPrice", "SalesPrice"),
        *boolean("Blocked"),
        *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
    ),
)

PROJECT_GROUP = Table(
    name="ProjectGroup",
    table_id=71,  # assumed
    key="Group",
    title="Project groups",
    group=True,
    properties=(
        *text("Group", "Name"),
        *boolean("IsDefault", "Invoiceable"),
        reference("AutoNumber", "NumberSerie"),
        *text("WorkInProgress"),
    ),
)

NUMBER_SERIE = Table(
    name="NumberSerie",
    table_id=12,  # assumed
    key="Serie",
    title="Number series",
    master=False,
    properties=(*text("Serie", "Name", "Prefix"), Property("Next", "int", 1), Property("Last", "int")),
)

# -- hours -----------------------------------------------------------------------------------------------------------

PR_CATEGORY = Table(
    name="PrCategory",
    table_id=72,  # assumed, as all ids down to the journal
    key="Number",
    title="Project categories",
    properties=(
        *text("Number", "Name"),
        choice("CatType", CATEGORY_TYPE),
        reference("Item", "InvItem"),
        choice("Unit", UNIT),
        *boolean("IsDefault", "Invoiceable", "ProjectOrder"),
    ),
)

EMP_PAYROLL_CATEGORY = Table(
    name="EmpPayrollCategory",
    table_id=97,
    key="Number",
    title="Pay types",
    properties=(
        *text("Number", "Name"),
        choice("PayrollType", PAYROLL_TYPE),
        choice("Unit", UNIT),
        *text("InvoiceText"),
        reference("PrCategory", "PrCategory"),
        reference("Item", "InvItem"),
        *number("Rate", "SalesPrice", "Factor"),
        *boolean("Invoiceable", "Blocked", "ATP"),
        *text("ExternCode"),
        choice("InternalType", INTERNAL_TYPE),
        reference("InternalProject", "Project"),
        *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
    ),
)

PROJECT_JOURNAL = Table(
    name="ProjectJournal",
    table_id=73,
    key="Journal",
    title="Project journals",
    master=False,
    properties=(
        *text("Journal", "Name"),
        *boolean("Blocked"),
        *text("NumberSerie", "TransType"),
        reference("Employee", "Employee"),
        *text("WorkSpace"),
        Property("DeleteLines", "bool", default=True),  # off: posted lines stay in the journal as well
        *boolean("GenerateVoucher", "UseApproved"),
    ),
)

# What a line and the transaction it is posted as have in common.
_BOOKING = (
    Property("Date", "date"),
    reference("Project", "Project", mandatory=True),
    *text("Task"),
    reference("PrCategory", "PrCategory"),
    reference("PayrollCategory", "EmpPayrollCategory"),
    reference("Employee", "Employee"),
    reference("Item", "InvItem"),
    *text("Variant1", "Variant2", "Variant3", "Variant4", "Variant5", "Text"),
    *number("Qty"),
    choice("Unit", UNIT),
    Property("TimeFrom", "time"),
    Property("TimeTo", "time"),
    *number("CostPrice", "SalesPrice", "DiscountPct"),
    *number("CostAmount", "SalesAmount", read_only=True),
    *boolean("Invoiceable"),
    *text("WorkSpace", "TransType"),
    Property("Voucher", "int"),
    *text("DocumentRef", "ReferenceNumber", "CreditorAccount", "Warehouse", "Location"),
    *text("Dimension1", "Dimension2", "Dimension3", "Dimension4", "Dimension5"),
)

PROJECT_JOURNAL_LINE = Table(
    name="ProjectJournalLine",
    table_id=74,
    key=None,
    key_name=None,
    title="Project journal lines",
    master=False,
    properties=(
        reference("Journal", "ProjectJournal", mandatory=True),
        *_BOOKING,
        *boolean("Approved", "OnHold"),
        *number("LineNumber"),
    ),
)

PROJECT_TRANS = Table(
    name="ProjectTrans",
    table_id=75,
    key=None,
    key_name=None,
    title="Project transactions",
    master=False,
    writable=False,
    properties=(*_BOOKING, read_only("PostedDate", "date")),
)

COMPANY = Table(
    name="Company",
    table_id=1,  # assumed
    key=None,
    title="Company",
    master=False,
    writable=False,
    properties=(
        *text("Name", "CompanyRegNo", "VatNumber", "Address1", "Address2", "Address3", "Phone", "Email", "Www"),
        choice("Country", COUNTRY, "Denmark"),
        choice("CurrencyId", CURRENCY, "DKK"),
    ),
)

TABLE_CHANGE_EVENT = Table(
    name="TableChangeEvent",
    table_id=298,  # assumed
    key=None,
    key_name=None,
    title="Change URLs",
    master=False,
    properties=(
        Property("TableId", "int"),  # 0: all master tables
        *text("Table", "Job", "Url", "Argument"),
        *boolean("UsePost"),
        read_only("HasError", "bool"),
        read_only("ErrorMessage"),
        read_only("LastEvent", "date"),
    ),
)

TABLE_FIELDS = Table(
    name="TableFields",
    table_id=10,  # assumed
    key=None,
    title="Custom fields",
    master=False,
    writable=False,
    properties=(
        Property("TableId", "int"),
        *text("Table", "Name", "Prompt"),
        choice("Type", USER_FIELD_TYPE),
        *text("Format", "RefTable"),
        Property("Index", "int"),
        *boolean("Mandatory", "ReadOnly", "Hide"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        DEBTOR,
        DEBTOR_GROUP,
        INV_ITEM,
        INV_GROUP,
        EMPLOYEE,
        EMPLOYEE_GROUP,
        PROJECT,
        PROJECT_GROUP,
        PR_CATEGORY,
        EMP_PAYROLL_CATEGORY,
        PROJECT_JOURNAL,
        PROJECT_JOURNAL_LINE,
        PROJECT_TRANS,
        NUMBER_SERIE,
        COMPANY,
        TABLE_CHANGE_EVENT,
        TABLE_FIELDS,
    )
}
TABLE_IDS: dict[int, Table] = {table.table_id: table for table in TABLES.values()}


def check_declarations() -> None:
    for table in TABLES.values():
        for prop in table.properties:
            if prop.references is not None and prop.references not in TABLES:
                raise ValueError(f"{table.name}.{prop.name} refers to unknown table {prop.references}")


check_declarations()


def referring(table: str) -> list[tuple[Table, Property]]:
    """Every property of any table that refers to `table`."""
    return [(other, prop) for other in TABLES.values() for prop in other.properties if prop.references == table]


def table_of_entity(entity: str) -> tuple[Table, bool] | None:
    """`DebtorClientUser` → (Debtor, with user fields)."""
    with_user_fields = entity.endswith("ClientUser")
    name = entity.removesuffix("User").removesuffix("Client") if entity.endswith(("Client", "ClientUser")) else ""
    table = TABLES.get(name)
    return None if table is None else (table, with_user_fields)
