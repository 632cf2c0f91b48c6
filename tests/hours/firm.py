"""The firm whose year it is: base data on both sides, among it what is not in order, and what people mend of that.

Of each thing not in order there are two: `A`, which somebody sees to in a later month, and `B`, which stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mappings.models import HoursPolicy, RecordLink, WorkTypeRule
from tenants.scoping import tenant_scope

YEAR = 2027
JOURNAL = "Intempus"
PROJECTS = 12
#: Name, item by rule, pay type by rule, category of Intempus.
WORK_TYPES = (
    ("Normaltid", "TIME", "", ""),
    ("Akkord", "TIME", "", ""),  # no pay type has this name: transferred without
    ("Overtid", "OVER", "", "overtime"),
    ("Kørsel", "KM", "", "mileage"),
    ("Udlæg", "KM", "", "expenses"),
    ("Diæt", "KM", "", "per_diem"),
    ("Sygdom", "TIME", "", "absence"),
    ("Vare A", "MISS-A", "", ""),
    ("Vare B", "MISS-B", "", ""),
    ("Uden regel A", None, "", ""),
    ("Uden regel B", None, "", ""),
    ("Løn A", "TIME", "LA", ""),
    ("Løn B", "TIME", "LB", ""),
)
PAY_TYPES = {"Normaltid": "L1", "Overtid": "L2", "Kørsel": "L3"}
UNITS = {"Kørsel": "Kilometer", "Udlæg": "Kr.", "Diæt": "Dage"}
#: Month → what somebody sees to at its beginning.
MENDED = {
    4: "employee_ended",
    5: "project_blocked",
    6: "project_phase",
    7: "project_missing",
    8: "project_not_linked",
    9: "employee_not_linked",
    10: "item_missing",
    11: "rule_missing",
    12: "pay_type_missing",
    3: "product_not_linked",
}


@dataclass
class Firm:
    company: Any
    employee_count: int
    cases: dict[str, int] = field(default_factory=dict)  # Uniconta number → Intempus id
    employees: dict[str, int] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    work_types: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)  # table and key → RowId
    #: What is not in order now, by the Intempus id it is about: (what, id) → code.
    wrong: dict[tuple[str, int], str] = field(default_factory=dict)
    closed_until: str = ""
    #: First open days on which late reports were booked.
    first_open_days: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._uniconta_rows()
        self._intempus_rows()
        self._settings()

    @property
    def staff(self) -> list[str]:
        return [str(number) for number in range(1, self.employee_count + 1)]

    # -- base data ---------------------------------------------------------------------------------------------------

    def _in_uniconta(self, table: str, key: str, rows: list[dict[str, Any]]) -> None:
        for row, row_id in zip(
            rows, self.company.uniconta.store_seed_rows(self.company.number, table, rows), strict=True
        ):
            self.rows[table, str(row[key])] = row_id

    def _in_intempus(self, resource: str, **values: Any) -> int:
        [row_id] = self.company.intempus.store_seed_rows(self.company.intempus_number, resource, [values])
        return int(row_id)

    def _uniconta_rows(self) -> None:
        put = self._in_uniconta
        put("Debtor", "Account", [{"Account": "1001", "Name": "Kunde", "Group": "1"}])
        put("ProjectGroup", "Group", [{"Group": "1", "Name": "Sager", "IsDefault": True}])
        usual = {"Account": "1001", "Group": "1", "Phase": "InProgress"}
        projects = [{"Number": f"P{n}", "Name": f"Sag {n}"} | usual for n in range(1, PROJECTS + 1)]
        projects += [{"Number": f"BLOCK-{x}", "Name": f"Spærret {x}", "Blocked": True} | usual for x in "AB"]
        projects += [{"Number": f"PHASE-{x}", "Name": f"Slut {x}"} | usual | {"Phase": "Completed"} for x in "AB"]
        projects += [{"Number": f"UNL-{x}", "Name": f"Ulinket {x}"} | usual for x in "AB"]
        put("Project", "Number", projects)
        put("EmployeeGroup", "Number", [{"Number": "1", "Name": "Svende"}])
        people = [{"Number": n, "Name": f"Svend {n}", "Group": "1"} for n in [*self.staff, "UNL-A", "UNL-B"]]
        people += [{"Number": f"END-{x}", "Name": f"Gået {x}", "Group": "1", "Terminated": "2026-12-15"} for x in "AB"]
        put("Employee", "Number", people)
        put("InvGroup", "Group", [{"Group": "1", "Name": "Ydelser"}])
        put(
            "InvItem",
            "Item",
            [{"Item": i, "Name": i, "Group": "1"} for i in ("TIME", "OVER", "KM", "MAT", "MAT-A", "MAT-B")],
        )
        put("ProjectJournal", "Journal", [{"Journal": JOURNAL, "Name": "Timer", "DeleteLines": True}])
        put("EmpPayrollCategory", "Number", [{"Number": number, "Name": name} for name, number in PAY_TYPES.items()])

    def _intempus_rows(self) -> None:
        put = self._in_intempus
        customer = put("customer", number="1001", name="Kunde")
        self.work_model = put("work_model", name="Timelønnet")
        numbers = [f"P{n}" for n in range(1, PROJECTS + 1)]
        numbers += [f"{what}-{x}" for what in ("BLOCK", "PHASE", "UNL", "GONE") for x in "AB"]
        for number in numbers:
            self.cases[number] = put("case", number=number, name=f"Sag {number}", customer=customer)
        for number in [*self.staff, "UNL-A", "UNL-B", "END-A", "END-B"]:
            own = {"number": number} if number.isdigit() else {}
            self.employees[number] = put("employee", name=f"Svend {number}", **own)
            put("contract", employee=self.employees[number], work_model=self.work_model, start_date="2025-01-01")
        for item in ("MAT", "MAT-A", "MAT-B"):
            self.products[item] = put("product", number=item, name=item)
        categories = {
            kind: put(
                "work_category",
                name=f"Kategori {kind or 'arbejde'}",
                type=None if kind in ("", "overtime") else kind,
                supplement=kind == "overtime",
                case_related=kind != "absence",
                work_model=self.work_model,
            )
            for kind in dict.fromkeys(kind for *_, kind in WORK_TYPES)
        }
        for name, _, _, kind in WORK_TYPES:
            values = {"name": name, "work_model": self.work_model, "work_category": categories[kind]}
            self.work_types[name] = put("work_type", **values, unit=UNITS.get(name, "Timer"))
        self.company.intempus.add_overtime_rule(
            self.company.intempus_number, self.work_model, self.work_types["Overtid"]
        )
        for x in "AB":
            self.wrong |= {
                ("case", self.cases[f"BLOCK-{x}"]): "project_blocked",
                ("case", self.cases[f"PHASE-{x}"]): "project_phase",
                ("case", self.cases[f"GONE-{x}"]): "project_missing",
                ("case", self.cases[f"UNL-{x}"]): "project_not_linked",
                ("employee", self.employees[f"UNL-{x}"]): "employee_not_linked",
                ("employee", self.employees[f"END-{x}"]): "employee_ended",
                ("product", self.products[f"MAT-{x}"]): "product_not_linked",
                ("worktype", self.work_types[f"Vare {x}"]): "item_missing",
                ("worktype", self.work_types[f"Uden regel {x}"]): "rule_missing",
                ("worktype", self.work_types[f"Løn {x}"]): "pay_type_missing",
            }

    def _settings(self) -> None:
        tenant = self.company.tenant
        with tenant_scope(tenant.pk):
            HoursPolicy.objects.create(
                tenant=tenant,
                journal=JOURNAL,
                transfer_from=date(YEAR, 1, 1),
                mileage="transfer",
                expenses="hold",
            )
            for name, item, pay_type, _ in WORK_TYPES:
                if item is not None:
                    self._rule(name, item, pay_type)
        for number, case in self.cases.items():
            if not number.startswith("UNL"):
                self._link("project", number, case)
        for number, employee in self.employees.items():
            if not number.startswith("UNL"):
                self._link("employee", number, employee)
        self._link("product", "MAT", self.products["MAT"])

    def _rule(self, name: str, item: str, pay_type: str = "") -> None:
        WorkTypeRule.objects.create(
            tenant=self.company.tenant,
            work_type_id=str(self.work_types[name]),
            work_type_name=name,
            item=item,
            pay_type=pay_type,
        )

    def _link(self, entity: str, key: str, intempus_id: int) -> None:
        tenant = self.company.tenant
        with tenant_scope(tenant.pk):
            RecordLink.objects.create(
                tenant=tenant,
                entity=entity,
                uniconta_id=f"{len(self.rows)}{intempus_id}",
                uniconta_key=key,
                intempus_id=str(intempus_id),
                intempus_key=key,
            )

    # -- what people do ----------------------------------------------------------------------------------------------

    def edit(self, table: str, key: str, **values: Any) -> None:
        self.company.uniconta.person_edits(self.company.number, table, self.rows[table, key], **values)

    def set_up(self, **values: Any) -> None:
        with tenant_scope(self.company.tenant.pk):
            HoursPolicy.objects.filter(tenant=self.company.tenant).update(**values)

    def close(self, until: str) -> None:
        self.closed_until = until
        self.company.uniconta.close_period(self.company.number, until)
        self.set_up(closed_until=until)

    def mend(self, code: str) -> None:
        """Somebody sees to the `A` of what stands in the way."""
        usual = {"Name": "Oprettet senere", "Group": "1"}
        create: Callable[..., Any] = self.company.uniconta.person_creates
        number = self.company.number
        match code:
            case "project_blocked":
                self.edit("Project", "BLOCK-A", Blocked=False)
            case "project_phase":
                self.edit("Project", "PHASE-A", Phase="InProgress")
            case "project_missing":
                create(number, "Project", Number="GONE-A", Account="1001", Phase="InProgress", **usual)
            case "project_not_linked":
                self._link("project", "UNL-A", self.cases["UNL-A"])
            case "employee_not_linked":
                self._link("employee", "UNL-A", self.employees["UNL-A"])
            case "employee_ended":
                self.edit("Employee", "END-A", Terminated=None)
            case "product_not_linked":
                self._link("product", "MAT-A", self.products["MAT-A"])
            case "item_missing":
                create(number, "InvItem", Item="MISS-A", **usual)
            case "rule_missing":
                with tenant_scope(self.company.tenant.pk):
                    self._rule("Uden regel A", "TIME")
            case "pay_type_missing":
                create(number, "EmpPayrollCategory", Number="LA", Name="Særlig løn")
        mended = [key for key, found in self.wrong.items() if found == code]
        del self.wrong[mended[0]]  # A was entered first
