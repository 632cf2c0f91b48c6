"""Of the long lists a run loads only what the reports at hand and the rules refer to."""

import pytest

from mappings.models import HoursPolicy, WorkTypeRule
from sync.domain.hours.judging import Rules
from sync.models import WorkReport
from tenants.scoping import tenant_scope
from tests.factories import make_hours_policy, make_link, make_reference, make_tenant, make_work_report

pytestmark = pytest.mark.django_db


def test_what_no_report_refers_to_is_not_loaded():
    tenant, other = make_tenant("ours"), make_tenant("theirs")
    for company in (tenant, other):
        make_hours_policy(company)
        for number in range(5):
            make_reference(company, "project", f"P{number}", f"Sag {number}")
            make_reference(company, "item", f"V{number}", f"Vare {number}")
            make_reference(company, "employee", f"{number}", f"Medarbejder {number}")
            make_link(company, "project", intempus_id=f"4{number}", uniconta_key=f"P{number}")
            make_link(company, "product", intempus_id=f"6{number}", uniconta_key=f"V{number}")
        make_reference(company, "work_type", "51", "Normaltid")
        make_link(company, "employee", intempus_id="31", uniconta_key="3")
    make_work_report(tenant, case_id="42", employee_id="31")
    make_work_report(tenant, case_id="41", employee_id="99", product_id="64")
    done = make_work_report(tenant, case_id="40", state="transferred")
    with tenant_scope(tenant.pk):
        policy = HoursPolicy.objects.get()
        WorkTypeRule.objects.create(tenant=tenant, work_type_id="51", work_type_name="Normaltid", item="V1")
        lists = Rules.load(policy, WorkReport.objects.exclude(pk=done.pk)).lists
        none = Rules.load(policy).lists
    assert (set(lists.projects), set(lists.employees), set(lists.items)) == ({"P1", "P2"}, {"3"}, {"V1", "V4"})
    assert lists.links == {"project": {"41": "P1", "42": "P2"}, "employee": {"31": "3"}, "product": {"64": "V4"}}
    assert set(lists.work_types) == set(none.work_types) == {"51"}
    assert (none.projects, none.employees, set(none.items)) == ({}, {}, {"V1"})
