"""Rule M9: every ready work report becomes exactly one project journal line."""

from datetime import date
from decimal import Decimal

import pytest

from mappings.models import HoursPolicy, RecordLink, WorkTypeRule
from sync.domain.hours.run import hours
from sync.models import JournalLine, Run, WorkReport
from tenants.scoping import tenant_scope

DAY = "2027-03-01"


class Desk:
    """One company's hours: what people do in Intempus and Uniconta, and what the platform made of it."""

    def __init__(self, company):
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
        [category] = self.intempus.bulk(times, "work_category", 1, name="Arbejde", work_model=model, case_related=True)
        [self.work_type] = self.intempus.bulk(
            times, "work_type", 1, name="Normaltid", work_model=model, work_category=category, unit="Timer"
        )
        self.intempus.bulk(times, "contract", 1, employee=self.employee, work_model=model, start_date="2026-01-01")
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

    def report(self, amount="7.5", day=DAY, **values):
        defaults = {"employee": self.employee, "case": self.case, "worktype": self.work_type, "remarks": "Spær"}
        return self.intempus.person_creates(
            self.company.intempus_number,
            "work_report",
            **(defaults | {"amount": amount, "start_date": day, "end_date": day} | values),
        )

    def approve(self, *reports):
        self.intempus.person_approves(self.company.intempus_number, *reports)

    def run(self):
        """As a person who presses *Fetch now*: everything is looked at."""
        with tenant_scope(self.company.tenant.pk):
            run = Run.objects.create(tenant=self.company.tenant, kind=Run.Kind.HOURS)
        ended = hours(self.company.tenant.pk, run.pk)
        assert ended is not None
        assert ended.error_code == "", (ended.error_code, ended.error_detail)
        return ended

    def stored(self, report):
        with tenant_scope(self.company.tenant.pk):
            return WorkReport.objects.get(tenant=self.company.tenant, intempus_id=str(report))

    def lines(self):
        return [
            (row["ReferenceNumber"], row["Project"], row["Employee"], row["Item"], row["Qty"], row["Date"][:10])
            for row in self.uniconta.rows(self.company.number, "ProjectJournalLine")
        ]


@pytest.fixture
def desks(world):
    world.ends_well = False  # its promises are about linked pairs
    return Desk(world.nordbyg), Desk(world.havnen)


def test_m09_hours(desks):
    nordbyg, havnen = desks
    report = nordbyg.report("7.53333")
    other = havnen.report("4")
    nordbyg.run()
    assert nordbyg.stored(report).state == WorkReport.State.WAITING
    assert nordbyg.lines() == []

    nordbyg.approve(report)
    nordbyg.run()
    assert nordbyg.lines() == [(f"I{report}", "P1", "7", "TIME", 7.53, DAY)]
    stored = nordbyg.stored(report)
    assert (stored.state, stored.reason) == (WorkReport.State.TRANSFERRED, "")
    nordbyg.run()
    assert len(nordbyg.lines()) == 1
    assert havnen.lines() == []

    havnen.approve(other)
    havnen.run()
    assert havnen.lines() == [(f"I{other}", "P1", "7", "TIME", 4.0, DAY)]

    nordbyg.uniconta.person_posts(nordbyg.company.number, "Intempus")
    nordbyg.run()
    with tenant_scope(nordbyg.company.tenant.pk):
        [line] = JournalLine.objects.filter(tenant=nordbyg.company.tenant)
    assert (line.state, line.quantity) == (JournalLine.State.POSTED, Decimal("7.53"))
