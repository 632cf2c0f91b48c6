"""A company's hours in journeys: what people do in Intempus and Uniconta, and what the platform made of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from mappings.models import HoursPolicy, RecordLink, WorkTypeRule
from sync.domain.hours.run import hours
from sync.models import JournalLine, ReportEntry, Run, WorkReport
from tenants.scoping import tenant_scope

DAY = "2027-03-01"


class Desk:
    """One company's hours: what people do in Intempus and Uniconta, and what the platform made of it."""

    def __init__(self, company: Any) -> None:
        self.company, self.uniconta, self.intempus = company, company.uniconta, company.intempus
        erp, times = company.number, company.intempus_number
        self.uniconta.bulk(erp, "Debtor", 1, Account="1001", Name="Kunde", Group="1")
        self.uniconta.bulk(erp, "ProjectGroup", 1, Group="1", Name="Sager", IsDefault=True)
        [project] = self.uniconta.bulk(erp, "Project", 1, Number="P1", Name="Tagrenovering", Account="1001", Group="1")
        self.project_row = project
        self.uniconta.bulk(erp, "EmployeeGroup", 1, Number="1", Name="Svende")
        [person] = self.uniconta.bulk(erp, "Employee", 1, Number="7", Name="Bo Ødegård", Group="1")
        self.uniconta.bulk(erp, "InvGroup", 1, Group="1", Name="Ydelser")
        self.uniconta.bulk(erp, "InvItem", 1, Item="TIME", Name="Arbejdstime", Group="1")
        self.uniconta.bulk(erp, "ProjectJournal", 1, Journal="Intempus", Name="Timer fra Intempus")
        self.uniconta.bulk(erp, "EmpPayrollCategory", 1, Number="L1", Name="Normaltid")
        [customer] = self.intempus.bulk(times, "customer", 1, number="1001", name="Kunde")
        [self.case] = self.intempus.bulk(times, "case", 1, number="P1", name="Tagrenovering", customer=customer)
        [self.employee] = self.intempus.bulk(times, "employee", 1, number="7", name="Bo Ødegård")
        [model] = self.intempus.bulk(times, "work_model", 1, name="Timelønnet")
        self.work_model = model
        [category] = self.intempus.bulk(times, "work_category", 1, name="Arbejde", work_model=model, case_related=True)
        [self.work_type] = self.intempus.bulk(
            times, "work_type", 1, name="Normaltid", work_model=model, work_category=category, unit="Timer"
        )
        self.intempus.bulk(times, "contract", 1, employee=self.employee, work_model=model, start_date="2015-01-01")
        tenant = company.tenant
        with tenant_scope(tenant.pk):
            HoursPolicy.objects.create(tenant=tenant, journal="Intempus", transfer_from=date(2027, 1, 1))
            WorkTypeRule.objects.create(
                tenant=tenant, work_type_id=str(self.work_type), work_type_name="Normaltid", item="TIME"
            )
            for entity, uniconta_id, key, intempus_id in (
                ("project", project, "P1", self.case),
                ("employee", person, "7", self.employee),
            ):
                RecordLink.objects.create(
                    tenant=tenant,
                    entity=entity,
                    uniconta_id=str(uniconta_id),
                    uniconta_key=key,
                    intempus_id=str(intempus_id),
                    intempus_key=key,
                )

    def report(self, amount: str = "7.5", day: str = DAY, **values: Any) -> int:
        defaults = {"employee": self.employee, "case": self.case, "worktype": self.work_type, "remarks": "Spær"}
        values = defaults | {"amount": amount, "start_date": day, "end_date": day} | values
        return int(self.intempus.person_creates(self.company.intempus_number, "work_report", **values))

    def approve(self, *reports: int) -> None:
        self.intempus.person_approves(self.company.intempus_number, *reports)

    def run(self, error: str = "") -> Run:
        """As a person who presses *Fetch now*: everything is looked at."""
        with tenant_scope(self.company.tenant.pk):
            run = Run.objects.create(tenant=self.company.tenant, kind=Run.Kind.HOURS)
        ended = hours(self.company.tenant.pk, run.pk)
        assert ended is not None
        assert ended.error_code == error, (ended.error_code, ended.error_detail)
        self.company.heal()
        return ended

    def post(self) -> None:
        self.uniconta.person_posts(self.company.number, "Intempus")

    def press(self, action: Any, report: int, *arguments: Any) -> Any:
        """What a person presses on the page of a report."""
        with tenant_scope(self.company.tenant.pk):
            return action(self.stored(report).pk, *arguments)

    def set_up(self, **values: Any) -> None:
        """Change the settings for hours."""
        with tenant_scope(self.company.tenant.pk):
            HoursPolicy.objects.filter(tenant=self.company.tenant).update(**values)

    def stored(self, report: int) -> WorkReport:
        with tenant_scope(self.company.tenant.pk):
            return WorkReport.objects.get(tenant=self.company.tenant, intempus_id=str(report))

    def state(self, report: int) -> tuple[str, str]:
        stored = self.stored(report)
        return stored.state, stored.reason

    def chain(self, report: int) -> list[tuple[str, str, str]]:
        """Reference, state and quantity of the report's lines, as we know them."""
        with tenant_scope(self.company.tenant.pk):
            lines = JournalLine.objects.filter(report__tenant=self.company.tenant, report__intempus_id=str(report))
            return [(line.reference, line.state, str(line.quantity)) for line in lines.order_by("number")]

    def history(self, report: int) -> list[str]:
        with tenant_scope(self.company.tenant.pk):
            entries = ReportEntry.objects.filter(report=self.stored(report)).order_by("at", "pk")
            return [entry.code for entry in entries]

    def lines(self) -> list[tuple[str, str, str, str, float, str]]:
        return [
            (row["ReferenceNumber"], row["Project"], row["Employee"], row["Item"], row["Qty"], row["Date"][:10])
            for row in self.uniconta.rows(self.company.number, "ProjectJournalLine")
        ]

    def line_row(self, reference: str) -> dict[str, Any]:
        rows = self.uniconta.rows(self.company.number, "ProjectJournalLine")
        [row] = [row for row in rows if row["ReferenceNumber"] == reference]
        return dict(row)
