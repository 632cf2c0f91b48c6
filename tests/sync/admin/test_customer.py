"""What a customer's own people see, the link without a log-in, the return from a pause, and the files for others."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from mappings.models import RecordLink
from sync.domain.budgets import count_calls, login_of
from sync.domain.customer import make_link
from sync.domain.return_plan import CALLS_PER_RECORD, return_plan
from sync.models import ChangeEvent
from tenants.models import AuditEntry, Membership, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_log_entry, make_user
from tests.sync.admin.conftest import Company, sign_in


def today_url(company: Company) -> str:
    return reverse("admin:tenants_tenant_today", args=[company.tenant.pk])


def stop(company: Company) -> None:
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=company.link.pk).update(
            state="needs_attention", reason="refused", detail=f"{company.mark} said no"
        )


def test_a_customer_comes_to_their_own_company(ours: Company, theirs: Company, as_role: Any) -> None:
    stop(ours)
    stop(theirs)
    customer = as_role("customer")
    assert customer.get("/").url == today_url(ours)
    page = customer.get(today_url(ours)).content.decode()
    assert "ourmark said no" in page and "theirmark" not in page
    assert customer.get(today_url(theirs)).status_code == 404
    assert as_role("consultant").get("/").url == reverse("admin:index")
    both = make_user("both", "customer", ours.tenant, theirs.tenant)
    assert sign_in(both).get("/").url == reverse("admin:index")
    assert Client().get("/").url.startswith("/account/login/")


def test_try_again_is_for_those_who_may(ours: Company, theirs: Company, as_role: Any) -> None:
    stop(ours)
    retry = reverse("admin:mappings_recordlink_press", args=[ours.link.pk, "retry"])
    for role, status in (("customer", 302), ("bookkeeper", 302), ("auditor", 403)):
        client = as_role(role)
        assert (retry in client.get(today_url(ours)).content.decode()) is (status == 302), role
        assert client.post(retry).status_code == status, role
    with tenant_scope(ALL):
        asked = ChangeEvent.objects.filter(requested_by__isnull=False)
        assert sorted(asked.values_list("link_id", "requested_by__username")) == [
            (ours.link.pk, "bookkeeper-person"),
            (ours.link.pk, "customer-person"),
        ]


def test_a_link_shows_counts_only_until_it_ends(ours: Company, theirs: Company, as_role: Any) -> None:
    stop(ours)
    page = as_role("customer").post(today_url(ours), {"days": "7"})
    link = page.context["link"]
    shown = Client().get(link)
    assert shown.status_code == 200
    assert (shown.context["today"].record_count, shown.context["today"].report_count) == (1, 1)
    text = shown.content.decode()
    assert "ourmark" not in text and "/admin/" not in text
    assert "unsafe" not in shown["Content-Security-Policy"]
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert Client().get(link).status_code == 404
    for other in ("made-up", make_link(ours.tenant.pk, 7)[:-1]):
        assert Client().get(reverse("status-link", args=[other])).status_code == 404
    assert as_role("auditor").post(today_url(ours), {"days": "7"}).status_code == 403
    with tenant_scope(ALL):
        assert AuditEntry.objects.filter(action="status_link_made").count() == 1


def test_the_return_says_what_piled_up(ours: Company, theirs: Company, as_role: Any) -> None:
    with tenant_scope(ALL):
        ChangeEvent.objects.all().delete()
        for system, remote_id in (("uniconta", "1001"), ("intempus", "1002")):
            make_event(ours.tenant, system=system, remote_id=remote_id, link=ours.link)
        make_event(ours.tenant, system="uniconta", remote_id="77", key="new")
        make_event(theirs.tenant)
        Tenant.objects.filter(pk=ours.tenant.pk).update(state="paused")
        plan = return_plan(ours.tenant.pk)
        more = return_plan(theirs.tenant.pk)
    assert [(pile.entity, pile.records, pile.both) for pile in plan.piles] == [("customer", 2, 1)]
    assert plan.calls - more.calls == CALLS_PER_RECORD
    url = reverse("admin:tenants_tenant_return", args=[ours.tenant.pk])
    resume = reverse("admin:tenants_tenant_press", args=[ours.tenant.pk, "resume"])
    for role, may in (("customer", False), ("consultant", True)):
        assert (resume in as_role(role).get(url).content.decode()) is may
    assert as_role("support").post(resume).status_code == 403


def rows_of(response: Any) -> dict[str, list[tuple[Any, ...]]]:
    found = load_workbook(io.BytesIO(response.content))
    return {page.title: list(page.iter_rows(values_only=True)) for page in found}


def test_the_auditor_takes_out_one_period(ours: Company, theirs: Company, as_role: Any) -> None:
    url = reverse("admin:tenants_tenant_auditor_pack", args=[ours.tenant.pk])
    day = ours.report.starts_on
    with tenant_scope(ALL):
        AuditEntry.objects.create(tenant=ours.tenant, action="paused", detail="=ourmark")
        AuditEntry.objects.create(tenant=theirs.tenant, action="paused", detail="theirmark")
    auditor = as_role("auditor")
    assert auditor.get(url).status_code == 200
    span = {"first": min(day, timezone.localdate()), "last": max(day, timezone.localdate())}
    response = auditor.get(url, span)
    sheets = rows_of(response)
    assert list(sheets) == ["Sign-offs", "Transfers", "Corrections", "Who pressed what"]
    assert [row[1] for row in sheets["Transfers"][1:]] == ["ourmark person"]
    assert "'=ourmark" in [row[3] for row in sheets["Who pressed what"][1:]]
    assert "theirmark" not in str(sheets)
    early = auditor.get(url, {"first": date(2001, 1, 1), "last": date(2001, 1, 31)})
    assert [len(rows) for rows in rows_of(early).values()] == [1, 1, 1, 1]
    assert as_role("customer").get(url).status_code == 403
    assert auditor.get(url.replace(str(ours.tenant.pk), str(theirs.tenant.pk))).status_code == 404
    with tenant_scope(ALL):
        Membership.objects.update(until=timezone.localdate() - timedelta(days=1))
    assert auditor.get(url, span).status_code in (403, 404)


def test_usage_of_a_month(ours: Company, theirs: Company, as_role: Any, as_boss: Client) -> None:
    url = reverse("admin:tenants_tenant_usage")
    with tenant_scope(ALL):
        count_calls("uniconta", login_of(ours.uniconta), "pull", 7)
        make_log_entry(ours.link, at=timezone.now() - timedelta(days=70))
    month = f"{timezone.localdate():%Y-%m}"
    (line,) = rows_of(as_role("consultant").get(url, {"month": month}))["Usage"][1:]
    assert line[:4] == ("ourmark ApS", "ourmark-aps", month, 1)
    assert line[6:] == (1, 0, 7, 0, "yes") or line[6:] == (1, 0, 7, 0, None)
    assert len(rows_of(as_boss.get(url))["Usage"]) == 3
    assert as_role("support").get(url).status_code == 403


def test_it_costs_no_more_than_other_pages(ours: Company, theirs: Company, as_role: Any) -> None:
    stop(ours)
    customer = as_role("customer")
    customer.get(today_url(ours))  # warms what is read once per process
    with CaptureQueriesContext(connection) as queries:
        customer.get(today_url(ours))
    asked = [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 15, "\n".join(asked)
