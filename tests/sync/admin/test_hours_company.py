"""A company's hours at a glance, the pause while somebody posts, the board of work types, and the settings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mappings.models import HoursPolicy, WorkTypeRule
from sync.domain.hours.board import Standing, propose, read_board
from sync.domain.hours.overview import Asking, asking
from sync.domain.hours.posting import LASTS
from sync.models import Run, WorkReport
from tenants.models import AuditEntry, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_hours_policy,
    make_journal_line,
    make_reference,
    make_run,
    make_tenant,
    make_user,
    make_work_report,
)
from tests.sync.admin.conftest import all_rows, sign_in
from tests.sync.admin.test_pages import query_count

pytestmark = pytest.mark.django_db
State = WorkReport.State


@pytest.fixture
def tenant() -> Tenant:
    """Five work types: hours, the same renamed, one without an item, mileage, and one nobody uses."""
    return with_work_types(make_tenant("a"))


def with_work_types(tenant: Tenant) -> Tenant:
    make_hours_policy(tenant)
    for number, kind in (("61", ""), ("62", "mileage")):
        make_reference(tenant, "work_category", number, f"Kategori {number}", type=kind)
    for number, name, category in (
        ("51", "Normaltid", "61"),
        ("52", "Overtid 50 %", "61"),
        ("53", "Skurpenge", "61"),
        ("54", "Kørsel", "62"),
        ("55", "Rejsetid", "61"),
    ):
        make_reference(tenant, "work_type", number, name, work_category=category, active=True)
    for number, name in (("TIME", "Arbejdstime"), ("OVER", "Overtid 50%"), ("SKUR", "Skurpenge")):
        make_reference(tenant, "item", number, name, Blocked=False)
    make_reference(tenant, "pay_type", "L1", "Normaltid")
    make_reference(tenant, "pay_type", "L2", "overtid 50%")
    make_reference(tenant, "category", "ARB", "Arbejde")
    make_reference(tenant, "journal", "Intempus", "Timer fra Intempus")
    with tenant_scope(tenant.pk):
        for number, name in (("51", "Normaltid"), ("52", "Overarbejde")):
            WorkTypeRule.objects.create(tenant=tenant, work_type_id=number, work_type_name=name, item="TIME")
    for work_type in ("51", "51", "52", "53", "54"):
        make_work_report(tenant, work_type_id=work_type)
    make_work_report(tenant, work_type_id="53", state=State.NEEDS_ATTENTION, reason="rule_missing")
    return tenant


def hours_url(tenant: Tenant) -> str:
    return reverse("admin:tenants_tenant_hours", args=[tenant.pk])


def board_url(tenant: Tenant) -> str:
    return reverse("admin:tenants_tenant_work_types", args=[tenant.pk])


def press(client: Client, tenant: Tenant, verb: str):
    return client.post(reverse("admin:tenants_tenant_press", args=[tenant.pk, verb]), follow=True)


def asked(tenant: Tenant) -> list[str]:
    return [run.kind for run in all_rows(Run) if run.tenant_id == tenant.pk and run.state == "queued"]


def rule(tenant: Tenant, work_type: str) -> WorkTypeRule | None:
    rules = [each for each in all_rows(WorkTypeRule) if each.tenant_id == tenant.pk]
    return next((each for each in rules if each.work_type_id == work_type), None)


# ------------------------------------------------------------------------------------------------ at a glance


def test_the_hours_of_a_company_at_a_glance(boss, tenant):
    other = make_tenant("b")
    for state in (State.CHANGED, State.CHANGED, State.TRANSFERRED):
        make_journal_line(make_work_report(tenant, state=state))
    make_work_report(tenant, starts_on=timezone.localdate(), warnings=["pay_type_not_found"], state=State.READY)
    make_work_report(other, state=State.CHANGED)
    run = make_run(tenant, Run.Kind.HOURS, state="failed", error_code="connection_broken", finished_at=timezone.now())
    context = boss.get(hours_url(tenant)).context
    assert {tile["label"]: tile["value"] for tile in context["tiles"]} == {
        "Needs attention": 1,
        "Changed after transfer": 2,
        "Waits for approval": 5,
        "Ready": 1,
        "Being sent": 0,
        "Transferred": 1,
    }
    assert (context["warned"], context["missing_rules"], context["renamed_rules"]) == (1, 1, 1)
    assert (context["journal"]["key"], context["journal"]["unposted"], context["journal"]["why"]) == (
        "Intempus",
        3,
        None,
    )
    assert context["last_run"] == run
    tile = next(tile for tile in context["tiles"] if tile["label"] == "Changed after transfer")
    found = boss.get(tile["url"]).context["cl"].result_list
    assert {(report.tenant_id, report.state) for report in found} == {(tenant.pk, "changed")} and len(found) == 2


def test_a_journal_that_is_not_there_is_said(boss, tenant):
    with tenant_scope(tenant.pk):
        HoursPolicy.objects.update(journal="Løn")
    page = boss.get(hours_url(tenant)).content.decode()
    assert "The project journal does not exist in Uniconta." in page


def test_a_company_without_hours_is_told_how_to_switch_them_on(boss):
    tenant = make_tenant("a")
    response = boss.get(hours_url(tenant))
    assert response.context["presses"] == []
    assert "Hours are not transferred for this company." in response.content.decode()
    settings = boss.get(reverse("admin:tenants_tenant_hours_settings", args=[tenant.pk]))
    assert settings.url == f"{reverse('admin:mappings_hourspolicy_add')}?tenant={tenant.pk}"


def test_the_page_costs_the_same_for_many_reports(boss, tenant):
    boss.get(hours_url(tenant))
    before = query_count(boss, hours_url(tenant))
    for number in range(4):
        make_work_report(tenant, work_type_id=str(60 + number), state=State.CHANGED)
        make_reference(tenant, "work_type", str(60 + number), f"Ny {number}", work_category="61")
    assert query_count(boss, hours_url(tenant)) == before <= 25
    before = query_count(boss, board_url(tenant))
    make_reference(tenant, "work_type", "70", "Nyere", work_category="61")
    assert query_count(boss, board_url(tenant)) == before <= 14


def test_what_asks_for_a_person_is_counted_by_company(tenant):
    other = make_tenant("b")
    make_work_report(other, state=State.CHANGED, starts_on=timezone.localdate(), warnings=["pay_type_not_found"])
    make_work_report(other, starts_on=timezone.localdate() - timedelta(days=40), warnings=["pay_type_not_found"])
    with tenant_scope(ALL):
        assert asking([tenant.pk, other.pk]) == {tenant.pk: Asking(1, 0, 0), other.pk: Asking(0, 1, 1)}
        assert asking([other.pk]) == {other.pk: Asking(0, 1, 1)}


@pytest.mark.parametrize(
    ("language", "words"), [("en", "hours need attention"), ("da", "registreringer kræver handling")]
)
def test_the_front_page_names_companies_whose_hours_stand_still(boss, tenant, language, words):
    make_tenant("b")
    boss.cookies["django_language"] = language
    response = boss.get(reverse("admin:index"))
    rows = {row["health"].name: row["hours"] for row in response.context["rows"]}
    assert [(each["count"], each["text"]) for each in rows.pop(tenant.name)] == [(1, words)]
    assert all(hours == [] for hours in rows.values())
    shown = boss.get(reverse("admin:index"), {"show": "attention"}).context["rows"]
    assert tenant.name in {row["health"].name for row in shown}


# ------------------------------------------------------------------------------------------------ posting


def test_posting_the_journal_holds_new_lines_for_an_hour_or_until_it_is_done(boss, tenant):
    other = make_tenant("b")
    make_hours_policy(other)
    before = timezone.now()
    page = press(boss, tenant, "hold-lines").content.decode()
    assert "No new line goes to the journal until" in page and "Somebody is posting the journal" in page
    mine, theirs = (next(row for row in all_rows(HoursPolicy) if row.tenant_id == each.pk) for each in (tenant, other))
    assert timedelta(0) <= mine.paused_until - before - LASTS < timedelta(minutes=1)
    assert theirs.paused_until is None
    assert asked(tenant) == []
    verbs = [each.verb for each in boss.get(hours_url(tenant)).context["presses"]]
    assert verbs == ["fetch-hours", "let-lines-go"]
    press(boss, tenant, "let-lines-go")
    assert next(row for row in all_rows(HoursPolicy) if row.tenant_id == tenant.pk).paused_until is None
    assert asked(tenant) == ["hours"]
    pressed = {row.action for row in all_rows(AuditEntry) if row.action.startswith("hours_")}
    assert pressed == {"hours_held", "hours_let_go"}


def test_the_pause_ends_by_itself(boss, tenant):
    with tenant_scope(tenant.pk):
        HoursPolicy.objects.update(paused_until=datetime(2026, 1, 1, tzinfo=UTC))
    assert [each.verb for each in boss.get(hours_url(tenant)).context["presses"]] == ["fetch-hours", "hold-lines"]


@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("customer", ["hold-lines"]),
        ("auditor", []),
        ("support", ["fetch-hours"]),
        ("bookkeeper", ["fetch-hours", "hold-lines"]),
        ("consultant", ["fetch-hours", "hold-lines"]),
    ],
)
def test_who_may_fetch_and_who_may_hold(tenant, role, verbs):
    client = sign_in(make_user(role, role, tenant))
    assert [each.verb for each in client.get(hours_url(tenant)).context["presses"]] == verbs
    for verb in ("fetch-hours", "hold-lines"):
        url = reverse("admin:tenants_tenant_press", args=[tenant.pk, verb])
        assert client.post(url).status_code == (302 if verb in verbs else 403)


# ------------------------------------------------------------------------------------------------ the board


def test_each_work_type_stands_on_the_board(tenant):
    with tenant_scope(tenant.pk):
        rows = {row.name: row for row in read_board(tenant.pk).rows}
    assert {name: row.standing for name, row in rows.items()} == {
        "Overtid 50 %": Standing.RENAMED,
        "Skurpenge": Standing.MISSING,
        "Kørsel": Standing.NOT_TRANSFERRED,
        "Rejsetid": Standing.UNUSED,
        "Normaltid": Standing.EXACT,
    }
    assert (rows["Normaltid"].named_pay_type, rows["Normaltid"].used) == ("L1", 2)
    assert (rows["Overtid 50 %"].has_pay_type, rows["Overtid 50 %"].was_called) == (False, "Overarbejde")
    assert (rows["Skurpenge"].waiting, rows["Skurpenge"].used) == (1, 2)


def test_what_a_rule_names_and_uniconta_has_not_is_broken(tenant):
    make_reference(tenant, "item", "OLD", Blocked=True)
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.filter(work_type_id="51").update(item="OLD", category="NO")
        WorkTypeRule.objects.create(tenant=tenant, work_type_id="99", work_type_name="Slettet", item="TIME")
        rows = {row.name: (row.standing, row.broken) for row in read_board(tenant.pk).rows}
    assert rows["Normaltid"] == (Standing.BROKEN, ("item", "category"))
    assert rows["Slettet"] == (Standing.GONE, ())


def test_a_rule_of_a_name_stands_for_every_work_type_of_it(boss, tenant):
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.create(tenant=tenant, work_type_name="Skurpenge", item="TIME")
        row = next(row for row in read_board(tenant.pk).rows if row.name == "Skurpenge")
    assert (row.standing, row.is_by_name) == (Standing.EXACT, True)
    boss.post(board_url(tenant), {"item-53": "SKUR"})
    assert rule(tenant, "53").item == "SKUR"
    assert rule(tenant, "").item == "TIME"


def test_names_propose_and_a_person_confirms(boss, tenant):
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.filter(work_type_id="52").delete()
        proposed = propose(read_board(tenant.pk))
    assert proposed == {"52": {"item": "OVER", "pay_type": "L2"}, "53": {"item": "SKUR"}}
    response = boss.get(board_url(tenant), {"propose": "1"})
    assert 'value="SKUR"' in response.content.decode()
    assert rule(tenant, "53") is None and asked(tenant) == []


def test_saving_the_board_judges_reports_anew(boss, tenant):
    other = with_work_types(make_tenant("b"))
    values = {
        "item-53": "SKUR",
        "category-53": "ARB",
        "unit-53": "Days",
        "treatment-53": "hold",
        "invoiceable-53": "no",
    }
    page = boss.post(board_url(tenant), values, follow=True).content.decode()
    assert "Saved. Reports are judged anew now:" in page
    saved = rule(tenant, "53")
    assert (saved.work_type_name, saved.item, saved.category, saved.unit) == ("Skurpenge", "SKUR", "ARB", "Days")
    assert (saved.treatment, saved.invoiceable) == ("hold", False)
    assert asked(tenant) == ["hours"] and asked(other) == [] and rule(other, "53") is None
    assert [row.detail for row in all_rows(AuditEntry) if row.action == "work_types_saved"] == ["Skurpenge"]
    assert rule(tenant, "51").item == "TIME" and rule(tenant, "55") is None  # not posted, not touched


def test_a_renamed_work_type_stays_so_until_a_person_says_that_its_rule_is_right(boss, tenant):
    boss.post(board_url(tenant), {"item-52": "TIME"})
    assert rule(tenant, "52").work_type_name == "Overarbejde"
    boss.post(board_url(tenant), {"item-52": "TIME", "confirm": "52"})
    assert rule(tenant, "52").work_type_name == "Overtid 50 %"


def test_what_uniconta_has_not_is_not_saved_and_not_lost(boss, tenant):
    page = boss.post(board_url(tenant), {"item-53": "NOPE", "item-51": "OVER"}).content.decode()
    assert "Uniconta has no “NOPE”" in page and 'value="NOPE"' in page
    assert rule(tenant, "53") is None and rule(tenant, "51").item == "TIME"


def test_only_who_configures_may_save_the_board(tenant):
    for role in ("customer", "bookkeeper", "auditor", "support"):
        client = sign_in(make_user(role, role, tenant))
        assert b'name="item-53"' not in client.get(board_url(tenant)).content
        assert client.post(board_url(tenant), {"item-53": "SKUR"}).status_code == 403
    assert rule(tenant, "53") is None


# ------------------------------------------------------------------------------------------------ settings


def test_changed_settings_have_reports_judged_anew_and_keep_their_history(boss, tenant):
    policy = next(row for row in all_rows(HoursPolicy) if row.tenant_id == tenant.pk)
    url = reverse("admin:mappings_hourspolicy_change", args=[policy.pk])
    page = boss.get(url)
    assert '<option value="Intempus">Timer fra Intempus</option>' in page.content.decode()
    values = {**page.context["adminform"].form.initial, "transfer_from": date(2027, 2, 1), "absence": "hold"}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    boss.post(url, values, follow=True)
    policy = next(row for row in all_rows(HoursPolicy) if row.tenant_id == tenant.pk)
    assert (policy.transfer_from, policy.absence) == (date(2027, 2, 1), "hold")
    assert asked(tenant) == ["hours"]
    assert boss.get(reverse("admin:mappings_hourspolicy_history", args=[policy.pk])).status_code == 200


def test_settings_without_a_first_day_are_refused(boss):
    tenant = make_tenant("a")
    make_reference(tenant, "journal", "Intempus")
    url = f"{reverse('admin:mappings_hourspolicy_add')}?tenant={tenant.pk}"
    form = boss.get(url).context["adminform"].form
    values = {**form.initial, "tenant": tenant.pk, "enabled": "on", "journal": "Intempus"}
    values = {**{name: field.initial for name, field in form.fields.items()}, **values}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    assert "Say from which day on" in boss.post(url, values).content.decode()
    assert boss.post(url, {**values, "transfer_from": "2027-01-01"}).status_code == 302
    [policy] = all_rows(HoursPolicy)
    assert (policy.tenant_id, policy.journal) == (tenant.pk, "Intempus")
