"""The way out of a company: stopped, handed over, shut and forgotten, with nothing left behind and nobody else touched."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from mappings.models import RecordLink
from sync import queue
from sync.domain.off_boarding import _tables, begin_leaving, close, forget_closed
from sync.domain.receive import receive_intempus, receive_uniconta
from sync.domain.secret_links import make_link
from sync.models import ChangeEvent
from tenants.models import AuditEntry, Connection, SecretLink, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_user
from tests.sync.admin.conftest import Company, all_rows, sign_in
from tests.sync.admin.test_crawl import standing

pytestmark = pytest.mark.django_db


def page(company: Company, name: str = "off_boarding", *more: Any) -> str:
    return reverse(f"admin:tenants_tenant_{name}", args=[company.tenant.pk, *more])


def press(client: Client, company: Company, verb: str) -> Any:
    return client.post(reverse("admin:tenants_tenant_press", args=[company.tenant.pk, verb]))


def state(company: Company) -> str:
    with tenant_scope(ALL):
        return Tenant.objects.get(pk=company.tenant.pk).state


def steps(client: Client, company: Company) -> dict[str, bool]:
    return {str(step.name): step.is_done for step, _ in client.get(page(company)).context["steps"]}


@pytest.fixture
def consultant(ours: Company) -> Client:
    return sign_in(make_user("cilla", "consultant", ours.tenant))


def leave(company: Company, days: int = 30) -> None:
    """All the way to closed, as from the command line."""
    with tenant_scope(company.tenant.pk):
        if state(company) != "leaving":
            begin_leaving(company.tenant.pk, None)
        AuditEntry.objects.create(tenant=company.tenant, action="export_taken")
        close(company.tenant.pk, None, days)


def test_a_company_leaves_step_by_step(ours, theirs, consultant):
    before = standing(theirs)
    assert steps(consultant, ours)["stopped"] is False
    press(consultant, ours, "leave")
    assert state(ours) == "leaving"
    assert {name for name, done in steps(consultant, ours).items() if done} == {"stopped"}
    assert "close/" not in consultant.get(page(ours)).content.decode()  # the export comes first
    consultant.post(page(ours, "close"), {"slug": ours.tenant.slug, "days": "30"})
    assert state(ours) == "leaving"
    assert consultant.post(page(ours, "export", "json")).status_code == 200
    assert steps(consultant, ours)["export"] is True
    consultant.post(page(ours, "close"), {"slug": "something-else", "days": "30"})
    assert state(ours) == "leaving"
    consultant.post(page(ours, "close"), {"slug": ours.tenant.slug, "days": "14"})
    assert state(ours) == "closed"
    with tenant_scope(ALL):
        assert Tenant.objects.get(pk=ours.tenant.pk).forget_on == timezone.localdate() + timedelta(days=14)
    certificate = consultant.get(page(ours, "certificate"))
    assert (
        certificate.status_code == 200 and "Attest for afvikling" in certificate.content.decode()
    )  # the customer reads it
    assert consultant.get(page(theirs)).status_code == 404
    assert standing(theirs) == before


def test_until_it_is_closed_the_customer_can_stay(ours, consultant):
    with tenant_scope(ALL):
        AuditEntry.objects.create(tenant=ours.tenant, action="went_live")
    press(consultant, ours, "leave")
    press(consultant, ours, "stay")
    assert state(ours) == "paused"  # a person resumes it, knowing what piled up
    leave(ours)
    press(consultant, ours, "stay")
    assert state(ours) == "closed"


def test_a_closed_company_opens_no_door_and_takes_nothing_in(ours, theirs):
    token, their_token = ours.token.token, theirs.token.token
    with tenant_scope(ours.tenant.pk):
        make_link(ours.tenant.pk, "uniconta", None)
    leave(ours)
    with tenant_scope(ALL):
        assert {row.sealed_secret for row in Connection.objects.filter(tenant=ours.tenant)} == {""}
        assert not WebhookToken.objects.filter(tenant=ours.tenant).exists()
        assert not SecretLink.objects.filter(tenant=ours.tenant).exists()
        assert not ChangeEvent.objects.filter(tenant=ours.tenant, state__in=ChangeEvent.OPEN).exists()
        assert all(row.sealed_secret for row in Connection.objects.filter(tenant=theirs.tenant))
        count = ChangeEvent.objects.count()
    query = b"CompanyId=4001&Table=Debtor&RowId=7&Key=1&Action=update"
    assert str(receive_uniconta(ours.tenant.slug, token, query, 0)) == "unknown"
    assert str(receive_intempus(ours.tenant.slug, token)) == "unknown"
    with tenant_scope(ALL):  # whatever way a token might come back
        late = WebhookToken.issue(ours.tenant).token
    assert str(receive_uniconta(ours.tenant.slug, late, query, 0)) == "unknown"
    assert str(receive_intempus(ours.tenant.slug, late)) == "unknown"
    with tenant_scope(ALL):
        assert ChangeEvent.objects.count() == count
    assert str(receive_uniconta(theirs.tenant.slug, their_token, query.replace(b"4001", b"4002"), 0)) == "stored"


def test_no_schedule_of_a_leaving_company_runs(ours, theirs):
    from sync.domain.schedules import repair_schedules

    repair_schedules()
    with tenant_scope(ours.tenant.pk):
        begin_leaving(ours.tenant.pk, None)
    repair_schedules()
    names = queue.schedule_names(["pull:", "sweep:", "reconcile:", "check_up:"])
    assert names and not [name for name in names if name.endswith(f":{ours.tenant.pk}")]


def test_the_export_holds_everything_of_this_company_only_and_no_secret(ours, theirs, as_boss):
    with tenant_scope(ours.tenant.pk):
        RecordLink.objects.filter(pk=ours.link.pk).update(name="=ourmark formula")
    text = as_boss.post(page(ours, "export", "json")).content.decode()
    content = json.loads(text)
    assert set(content) == {
        "company", "short_name", "taken_at", "pairs", "policies", "field_rules", "value_translations", "hours_settings",
        "work_type_rules", "transfers", "corrections", "sign_offs",
    }  # fmt: skip
    assert [(row["uniconta_key"], row["intempus_id"]) for row in content["pairs"]] == [("ourmark-1", "1002")]
    assert [row["employee_name"] for row in content["transfers"]] == ["ourmark person"]
    assert "theirmark" not in text and "planted" not in text and ours.token.token not in text
    book = load_workbook(io.BytesIO(as_boss.post(page(ours, "export", "xlsx")).content))
    assert book.sheetnames == [name for name in content if name not in ("company", "short_name", "taken_at")]
    assert [cell.value for cell in book["pairs"][2]][1] == "'=ourmark formula"
    with tenant_scope(ALL):
        taken = AuditEntry.objects.filter(tenant=ours.tenant, action="export_taken").order_by("at")
        assert [(row.user.username, row.detail) for row in taken] == [("boss", "json"), ("boss", "xlsx")]


def test_personal_data_goes_on_its_day_from_every_table(ours, theirs):
    before = standing(theirs)
    leave(ours, days=10)
    assert forget_closed(timezone.localdate() + timedelta(days=9)) == 0
    with tenant_scope(ALL):
        assert RecordLink.objects.filter(tenant=ours.tenant).exists()
    assert forget_closed(timezone.localdate() + timedelta(days=10)) == 1
    assert forget_closed(timezone.localdate() + timedelta(days=11)) == 0
    left = {name: rows for name, rows in standing(ours).items() if rows}
    assert set(left) == {"tenants.Tenant", "tenants.AuditEntry"}
    assert "ourmark customer" not in str(left) and "ourmark-user" not in str(left) and "ourmark person" not in str(left)
    with tenant_scope(ALL):
        assert AuditEntry.objects.filter(tenant=ours.tenant).order_by("-at").first().action == "personal_data_erased"
    assert standing(theirs) == before
    assert len(_tables()) > 25  # a table that is added is found by itself


def test_the_command_line_leads_the_same_way(ours, theirs, tmp_path):
    def run(*options: str) -> str:
        out = io.StringIO()
        call_command("offboard", ours.tenant.slug, *options, stdout=out)
        return out.getvalue()

    assert "· Synchronisation stopped" in run()
    assert state(ours) == "live"
    with pytest.raises(CommandError, match="not on its way out"):
        run("--close")
    assert "✓ Synchronisation stopped" in run("--begin")
    with pytest.raises(CommandError, match="Take the export"):
        run("--close")
    run("--export", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{ours.tenant.slug}.json", f"{ours.tenant.slug}.xlsx"]
    assert "✓ Closed" in run("--close", "--days", "0")
    assert forget_closed() == 1
    assert state(theirs) == "live"


def test_who_may_not_configure_may_not_close(ours, as_role):
    for role in ("support", "auditor", "customer", "bookkeeper"):
        client = as_role(role)
        assert client.get(page(ours)).status_code == 403
        assert client.post(page(ours, "export", "json")).status_code == 403
        assert client.post(page(ours, "close"), {"slug": ours.tenant.slug, "days": "0"}).status_code == 403
    assert state(ours) == "live" and all_rows(Tenant)


@pytest.mark.parametrize("name", ["off_boarding", "hand_over", "certificate"])
def test_the_pages_cost_little(ours, consultant, name):
    leave(ours)
    consultant.get(page(ours, name))  # warms what is read once per process
    with CaptureQueriesContext(connection) as queries:
        assert consultant.get(page(ours, name)).status_code == 200
    assert sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries) <= 15


def test_the_hand_over_masks_the_change_urls_unless_they_are_asked_for(ours, theirs, consultant):
    address = page(ours, "hand_over")
    masked = consultant.get(address).content.decode()
    assert "ourmark ApS" in masked and "Hvem er master" in masked  # in the customer's language
    assert ours.token.token not in masked and "••••" in masked and "theirmark" not in masked
    shown = consultant.post(address)
    assert ours.token.token in shown.content.decode() and "no-store" in shown["Cache-Control"]
    with tenant_scope(ALL):
        assert [row.action for row in AuditEntry.objects.filter(tenant=ours.tenant)] == ["webhook_url_shown"]
    assert consultant.get(page(theirs, "hand_over")).status_code == 404
