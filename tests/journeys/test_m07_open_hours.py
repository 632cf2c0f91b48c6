"""Rules M7 and M9 together: a case closed in Intempus blocks its project only when no report on it is on its way."""

from sync.domain.hours.run import hours
from sync.models import Run
from tenants.scoping import tenant_scope
from tests.factories import make_hours_policy, make_policy


def transfer(company):
    with tenant_scope(company.tenant.pk):
        run = Run.objects.create(tenant=company.tenant, kind=Run.Kind.HOURS)
    assert hours(company.tenant.pk, run.pk).error_code == ""
    company.settle()


def test_m07_a_project_stays_open_until_its_last_report_has_arrived(world):
    for company in world.companies:
        make_policy(company.tenant, "project", default_group="1")
        make_hours_policy(company.tenant)
        world.uniconta.bulk(company.number, "ProjectGroup", 1, Group="1", Name="Regning")
        world.uniconta.bulk(company.number, "ProjectJournal", 1, Journal="Intempus", Name="Timer")
        company.debtor("1001")
        values = {"Number": "5001", "Name": "Nyt tag", "Account": "1001", "Group": "1"}
        world.uniconta.person_creates(company.number, "Project", **values)
        company.settle()
    nordbyg = world.nordbyg
    [case] = world.intempus.rows(nordbyg.intempus_number, "case")
    [employee] = world.intempus.bulk(nordbyg.intempus_number, "employee", 1, number="7", name="Bo")
    [model] = world.intempus.bulk(nordbyg.intempus_number, "work_model", 1, name="Timelønnet")
    world.intempus.bulk(
        nordbyg.intempus_number, "contract", 1, employee=employee, work_model=model, start_date="2026-01-01"
    )
    report = world.intempus.person_creates(
        nordbyg.intempus_number, "work_report", employee=employee, case=case["id"], amount="4", start_date="2027-03-01"
    )
    transfer(nordbyg)

    world.intempus.person_edits(nordbyg.intempus_number, "case", case["id"], active=False)
    nordbyg.pull()
    link = nordbyg.link(entity="project")
    assert (link.state, link.reason) == ("waiting", "open_hours")
    assert [row["Blocked"] for row in world.uniconta.rows(nordbyg.number, "Project")] == [False]

    world.intempus.person_deletes(nordbyg.intempus_number, "work_report", report)
    transfer(nordbyg)
    assert [row["Blocked"] for row in world.uniconta.rows(nordbyg.number, "Project")] == [True]
    assert nordbyg.link(entity="project").state == "in_sync"
    assert [row["Blocked"] for row in world.uniconta.rows(world.havnen.number, "Project")] == [False]
