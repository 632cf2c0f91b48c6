"""The page *Hours check*: what it says, in both languages, for one company only, and what signing off keeps."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from sync.admin.hours.check import check_url
from sync.domain.digest import send_digest
from sync.domain.hours.pay_periods import due_period
from sync.domain.hours.payroll_warnings import PayrollWarning, payroll_warnings, with_calendars
from sync.models import JournalLine, PayCalendar, ReferenceRow, SignOff, WorkReport
from tenants.models import AuditEntry, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_calendar,
    make_hours_policy,
    make_link,
    make_ready_report,
    make_seen_line,
    make_tenant,
    make_user,
)
from tests.sync.admin.conftest import all_rows, sign_in
from tests.sync.admin.test_pages import query_count

pytestmark = pytest.mark.django_db
State = WorkReport.State
MARCH = {"from": "2027-03-01", "to": "2027-03-31"}


@pytest.fixture
def tenant():
    """One report through and one that is not, beside a company whose every report names itself."""
    ours, theirs = make_tenant("ours", name="Nordbyg ApS"), make_tenant("theirs", name="Theirmark ApS")
    for company in (ours, theirs):
        make_hours_policy(company)
    make_seen_line(make_ready_report(ours, amount="7.53333", state=State.TRANSFERRED), state="posted")
    make_ready_report(
        ours,
        amount="1.5",
        starts_on=date(2027, 3, 9),
        state=State.NEEDS_ATTENTION,
        reason="item_missing",
        problems=[["item_missing", "TIME"]],
    )
    make_ready_report(theirs, amount="99", employee_name="Theirmark", case_name="Theirmark")
    make_ready_report(
        theirs, is_approved=False, state=State.WAITING, approvals=[{"name": "Theirmark", "date": "", "label": ""}]
    )
    make_calendar(theirs, name="Theirmark")
    return ours


@pytest.fixture
def client(tenant) -> Client:
    return sign_in(make_user("person", "consultant", tenant))


def get(client, tenant, language="en", **query):
    client.cookies["django_language"] = language
    return client.get(check_url(tenant.pk, **query))


def sign(client, tenant, query=MARCH, **said):
    return client.post(check_url(tenant.pk, "_sign", **query), said)


def signed_off():
    return all_rows(SignOff)


def solve(tenant):
    """The open report goes through."""
    with tenant_scope(tenant.pk):
        report = WorkReport.objects.get(tenant=tenant, state=State.NEEDS_ATTENTION)
        WorkReport.objects.filter(pk=report.pk).update(state=State.TRANSFERRED, reason="")
    return make_seen_line(report)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Hours check", "1 difference", "9.03 ", "01-03-2027", "Bo Ødegård", "TIME", "week 10, 2027", "Sign off"],
        ),
        (
            "da",
            ["Timeafstemning", "1 forskel", "9,03 ", "01-03-2027", "Bo Ødegård", "uge 10, 2027", "Kvittér for periode"],
        ),
    ],
)
def test_the_page_says_what_is_through_and_what_is_not(client, tenant, language, words):
    response = get(client, tenant, language, **MARCH)
    page = response.content.decode()
    for word in words:
        assert word in page, word
    assert "Theirmark" not in page
    [row] = response.context["people"]
    assert [row[name].replace(",", ".") for name in ("ready", "transferred", "posted", "answered", "difference")] == [
        "9.03",
        "7.53",
        "7.53",
        "0.00",
        "1.50",
    ]
    assert [day for day, _ in response.context["chart"]] == [date(2027, 3, 1), date(2027, 3, 8)]
    assert page.count("<rect") == 6 and "<script" not in page.split('class="c-chart"')[1].split("</svg>")[0]


def test_a_name_is_text_in_the_chart_and_everywhere(client, tenant):
    make_ready_report(tenant, unit="<b>t</b>", employee_name="<i>Bo</i>", case_name="<u>x</u>", amount="100")
    page = get(client, tenant, **MARCH).content.decode()
    assert not any(tag in page for tag in ("<b>t</b>", "<i>Bo", "<u>x"))


def test_units_are_not_added_up_and_can_be_chosen(client, tenant):
    make_seen_line(make_ready_report(tenant, unit="km", amount="5", state=State.TRANSFERRED))
    make_seen_line(make_ready_report(tenant, unit="", amount="2", state=State.TRANSFERRED))  # pieces of something
    usual = get(client, tenant, **MARCH).context
    assert ([row["unit"] for row in usual["sums"]], usual["unit"]) == (["Timer", "km", ""], "Timer")
    assert get(client, tenant, **MARCH, unit="").context["unit"] == ""
    chosen = get(client, tenant, **MARCH, unit="km").context
    assert [(chosen["unit"], amount.ready) for _, amount in chosen["chart"]] == [("km", Decimal(5))]


@pytest.mark.parametrize("page", ["", "_file"])
def test_a_foreign_company_does_not_exist(tenant, page):
    outsider = sign_in(make_user("outsider", "consultant", make_tenant("third")))
    assert outsider.get(check_url(tenant.pk, page)).status_code == 404
    assert sign(outsider, tenant, reason="x").status_code == 404
    assert signed_off() == []


def test_the_calendar_of_another_company_is_none_of_ours(client, tenant):
    foreign = next(each for each in all_rows(PayCalendar) if each.name == "Theirmark")
    context = get(client, tenant, calendar=foreign.pk).context
    assert context["choice"].calendar is None


def test_a_calendar_gives_the_period_its_neighbours_and_its_employees(client, tenant):
    make_link(tenant, "employee", uniconta_key="7", intempus_id="31")
    with tenant_scope(tenant.pk):
        ReferenceRow.objects.create(tenant=tenant, list="employee", remote_id="1", key="7", data={"Group": "1"})
    ours = make_calendar(tenant, groups=["1"])
    make_ready_report(tenant, amount="50", employee_id="99")
    context = get(client, tenant, calendar=ours.pk, day="2027-03-09").context
    assert (context["choice"].first, context["choice"].last) == (date(2027, 3, 1), date(2027, 3, 31))
    assert [row["ready"] for row in context["sums"]] == ["9.03"]
    before = client.get(context["around"][0][1]).context["choice"]
    after = client.get(context["around"][1][1]).context["choice"]
    assert (before.last, after.first) == (date(2027, 2, 28), date(2027, 4, 1))
    empty = make_calendar(tenant, name="Funktionærer", groups=["9"])
    assert get(client, tenant, calendar=empty.pk, day="2027-03-09").context["people"] == []


@pytest.mark.parametrize(
    "query", [{"calendar": "x", "day": "y"}, {"from": "0001-01-01", "to": "9999-12-31"}, {"day": ""}]
)
def test_nonsense_in_the_address_shows_the_page_all_the_same(client, tenant, query):
    make_calendar(tenant)
    assert get(client, tenant, **query).status_code == 200


def test_lines_that_nobody_posts_are_said(client, tenant):
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), confirmed_at=timezone.now() - timedelta(days=8))
    assert "1 line has stood in the journal for more than 7 days" in get(client, tenant, **MARCH).content.decode()


def test_the_page_costs_the_same_for_many_reports(client, tenant):
    url = check_url(tenant.pk, **MARCH)
    client.get(url)
    costs = [query_count(client, url)]
    for day in range(1, 31):
        make_seen_line(make_ready_report(tenant, starts_on=date(2027, 3, day), state=State.TRANSFERRED))
        make_ready_report(tenant, starts_on=date(2027, 3, day), employee_id=str(day))
    costs.append(query_count(client, url))
    assert costs[0] == costs[1] <= 25


# ------------------------------------------------------------------------------------------------ the file


def test_the_file_has_every_figure_and_no_formula(client, tenant):
    make_ready_report(
        tenant, amount="2", employee_name='=HYPERLINK("x")', employee_id="32", employee_number="+8", case_name="@x"
    )
    make_ready_report(
        tenant, is_approved=False, state=State.WAITING, approvals=[{"name": "-Fie", "date": "", "label": ""}]
    )
    response = client.get(check_url(tenant.pk, "_file", **MARCH))
    book = load_workbook(io.BytesIO(response.content))
    rows = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}
    assert list(rows) == ["By employee", "By week", "Differences", "Waits for approval"]
    assert rows["By employee"][1:] == [
        ("'+8", '\'=HYPERLINK("x")', "Timer", 2, 0, 0, 0, 2),
        ("7", "Bo Ødegård", "Timer", 9.03, 7.53, 7.53, 0, 1.5),
    ]
    assert rows["By week"][1:] == [(2027, 9, "Timer", 9.53, 7.53, 7.53, 0, 2), (2027, 10, "Timer", 1.5, 0, 0, 0, 1.5)]
    assert [row[5] for row in rows["Differences"][1:]] == ["Tagrenovering", "'@x"] or [
        row[4] for row in rows["Differences"][1:]
    ] == ["'@x", "Tagrenovering"]
    assert [row[:4] for row in rows["Waits for approval"][1:]] == [("'-Fie", 1, "Timer", 7.5)]
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    with tenant_scope(ALL):
        assert AuditEntry.objects.filter(tenant=tenant, action="hours_check_exported").count() == 1


# ------------------------------------------------------------------------------------------------ signing off


def test_a_complete_period_is_signed_off_with_its_figures(client, tenant):
    solve(tenant)
    assert sign(client, tenant, note="Set igennem", reason="ignored").status_code == 302
    [signed] = signed_off()
    assert (signed.tenant_id, signed.signed_by, signed.note, signed.reason) == (tenant.pk, "person", "Set igennem", "")
    assert (signed.first, signed.last, signed.calendar_id) == (date(2027, 3, 1), date(2027, 3, 31), None)
    assert signed.figures == {
        "rows": [["31", "7", "Bo Ødegård", "Timer", "9.03", "9.03", "7.53"]],
        "groups": {"complete": 2},
    }
    with tenant_scope(ALL):
        assert (
            AuditEntry.objects.filter(tenant=tenant, action="period_signed_off", user__username="person").count() == 1
        )
    page = get(client, tenant, **MARCH).content.decode()
    assert "Set igennem" in page and "have changed since" not in page


@pytest.mark.parametrize("reason", ["", "   "])
def test_open_differences_need_a_reason(client, tenant, reason):
    page = client.post(check_url(tenant.pk, "_sign", **MARCH), {"reason": reason}, follow=True).content.decode()
    assert "There are open differences, so the period was not signed off." in page
    assert signed_off() == []
    sign(client, tenant, reason="Føres til næste løn")
    [signed] = signed_off()
    assert (signed.reason, signed.figures["groups"]) == ("Føres til næste løn", {"complete": 1, "open": 1})


def test_what_changes_afterwards_stands_against_what_was_signed(client, tenant):
    line = solve(tenant)
    sign(client, tenant)
    before = signed_off()
    with tenant_scope(tenant.pk):
        JournalLine.objects.filter(pk=line.pk).update(seen={"Qty": "2"})
    make_seen_line(make_ready_report(tenant, unit="km", amount="3", state=State.TRANSFERRED))
    response = get(client, tenant, **MARCH)
    [shown] = response.context["signed"]
    assert [(each["row"].name, each["row"].unit, each["columns"]) for each in shown["moved"]] == [
        ("Bo Ødegård", "Timer", [("9.03", "9.03", False), ("9.03", "9.53", True), ("7.53", "7.53", False)]),
        ("Bo Ødegård", "km", [("0.00", "3.00", True), ("0.00", "3.00", True), ("0.00", "0.00", False)]),
    ]
    assert "These amounts have changed since:" in response.content.decode()
    sign(client, tenant, reason="Rettet i kladden")
    assert [each.pk for each in signed_off()][:1] == [before[0].pk] and len(signed_off()) == 2
    assert [bool(each["moved"]) for each in get(client, tenant, **MARCH).context["signed"]] == [False, True]


def test_a_sign_off_is_never_changed_and_outlives_the_account(client, tenant):
    sign(client, tenant, reason="x")
    [signed] = signed_off()
    for change in ({"note": "other"}, {"figures": {}}, {"user_id": make_user("other").pk}):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), tenant_scope(tenant.pk):
            SignOff.objects.filter(pk=signed.pk).update(**change)
    with tenant_scope(ALL):
        User.objects.get(username="person").delete()
    [kept] = signed_off()
    assert (kept.user_id, kept.signed_by, kept.figures) == (None, "person", signed.figures)


@pytest.mark.parametrize(
    ("role", "status"), [("customer", 302), ("auditor", 403), ("support", 403), ("bookkeeper", 302)]
)
def test_who_may_sign_off(tenant, role, status):
    person = sign_in(make_user(role, role, tenant))
    assert get(person, tenant, **MARCH).status_code == 200
    assert sign(person, tenant, reason="x").status_code == status
    assert len(signed_off()) == (status == 302)
    assert person.get(check_url(tenant.pk, "_sign", **MARCH)).status_code == 405


def test_rows_of_others_cannot_be_reached_even_by_the_database(client, tenant):
    sign(client, tenant, reason="x")
    other = make_tenant("other")
    with tenant_scope(other.pk):
        assert (SignOff.objects.count(), PayCalendar.objects.count(), PayCalendar.history.count()) == (0, 0, 0)
    make_calendar(other)
    with tenant_scope(tenant.pk):
        assert (PayCalendar.objects.count(), PayCalendar.history.count()) == (0, 0)


# ------------------------------------------------------------------------------------------------ warnings


def warned(*tenants):
    with tenant_scope(ALL):
        return payroll_warnings(with_calendars(Tenant.objects.filter(pk__in=[tenant.pk for tenant in tenants])))


def test_a_calendar_warns_of_what_is_not_through(tenant):
    other = make_tenant("other")
    calendar, quiet = make_calendar(tenant, warn_days=3), make_calendar(tenant, name="Stille", is_active=False)
    period = due_period(calendar, timezone.localdate())
    for company in (tenant, other):
        make_ready_report(company, starts_on=period.first)
    make_ready_report(tenant, starts_on=period.last, state=State.WAITING, is_approved=False)
    make_ready_report(tenant, starts_on=period.last, state=State.CHANGED, reason="line_held", is_approved=False)
    make_ready_report(tenant, starts_on=period.last, state=State.SKIPPED)
    make_ready_report(tenant, starts_on=period.first - timedelta(days=1))
    make_ready_report(tenant, starts_on=period.last + timedelta(days=1))
    for days in (6, 8):
        report = make_ready_report(tenant, starts_on=period.first, state=State.TRANSFERRED)
        make_seen_line(report, confirmed_at=timezone.now() - timedelta(days=days))
    expected = PayrollWarning(calendar.pk, "Månedsløn", period, open=1, waiting=1, unposted=1)
    assert warned(tenant, other) == {tenant.pk: [expected]}
    assert quiet.pk not in [each.calendar_id for each in warned(tenant)[tenant.pk]]


def test_a_calendar_of_some_employees_warns_of_theirs(tenant):
    make_link(tenant, "employee", uniconta_key="7", intempus_id="31")
    with tenant_scope(tenant.pk):
        ReferenceRow.objects.create(tenant=tenant, list="employee", remote_id="1", key="7", data={"Group": "1"})
    calendar = make_calendar(tenant, groups=["1"])
    make_calendar(tenant, name="Andre", groups=["2"])
    period = due_period(calendar, timezone.localdate())
    make_ready_report(tenant, starts_on=period.first)
    make_ready_report(tenant, starts_on=period.first, employee_id="32")
    [warning] = warned(tenant)[tenant.pk]
    assert (warning.calendar_id, warning.open) == (calendar.pk, 1)


def test_a_signed_period_warns_no_more(client, tenant):
    calendar = make_calendar(tenant)
    period = due_period(calendar, timezone.localdate())
    make_ready_report(tenant, starts_on=period.first)
    assert len(warned(tenant)) == 1
    sign(client, tenant, {"calendar": calendar.pk, "day": period.first}, reason="x")
    assert warned(tenant) == {}


def test_the_front_page_warns_and_leads_there(client, tenant):
    calendar = make_calendar(tenant)
    period = due_period(calendar, timezone.localdate())
    make_ready_report(tenant, starts_on=period.first)
    page = client.get(reverse("admin:index"))
    [row] = page.context["rows"]
    assert row["verdict"] == "neutral" if not row["health"].is_live else row["verdict"] in ("warning", "bad")
    text = page.content.decode()
    assert f"must be through by {period.cut_off_on:%d-%m-%Y}" in text and "1 not through" in text
    assert client.get(row["payroll"][0]["url"]).context["choice"].first == period.first


@pytest.mark.parametrize(("language", "words"), [("en", "1 not through"), ("da", "1 ikke igennem")])
def test_the_daily_mail_warns_until_the_period_is_signed(client, tenant, mailoutbox, language, words):
    with tenant_scope(ALL):
        Tenant.objects.update(contact_email="kontor@example.dk", language=language)
    calendar = make_calendar(tenant)
    period = due_period(calendar, timezone.localdate())
    make_ready_report(tenant, starts_on=period.first)
    quiet = make_tenant("quiet", contact_email="other@example.dk")
    for each in (tenant, tenant, quiet):
        assert send_digest(each.pk) == 0
    assert [mail.to for mail in mailoutbox] == [["kontor@example.dk"]] * 2
    assert f"{period.cut_off_on:%d-%m-%Y}, {words}\n" in mailoutbox[0].body
    assert check_url(tenant.pk, calendar=calendar.pk, day=period.first) in mailoutbox[0].body
    assert "Nordbyg ApS" in mailoutbox[0].subject and "Put back" not in mailoutbox[0].body
    sign(client, tenant, {"calendar": calendar.pk, "day": period.first}, reason="x")
    send_digest(tenant.pk)
    assert len(mailoutbox) == 2


def test_the_front_page_costs_no_more_with_many_calendars():
    tenants = [make_tenant(slug) for slug in ("a", "b", "c")]
    for tenant in tenants:
        calendar = make_calendar(tenant)
        make_calendar(tenant, name="Fjorten", kind="fortnight", anchor_on=date(2026, 1, 11))
        make_ready_report(tenant, starts_on=due_period(calendar, timezone.localdate()).first)
    costs = []
    for count in (1, 3):
        person = sign_in(make_user(f"person-{count}", "consultant", *tenants[:count]))
        person.get(reverse("admin:index"))
        costs.append(query_count(person, reverse("admin:index")))
    assert costs[0] == costs[1] <= 16


def test_a_calendar_is_made_in_the_console(client, tenant):
    url = reverse("admin:sync_paycalendar_add")
    form = {"tenant": tenant.pk, "name": "Løn", "kind": "fortnight", "day_of_month": 31, "groups": "1, 2"}
    form |= {"cut_off_days": 2, "warn_days": 3, "unposted_days": 7, "is_active": "on"}
    assert "Name the last day of one period" in client.post(url, form).content.decode()
    assert client.post(url, form | {"anchor_on": "2026-01-11"}).status_code == 302
    with tenant_scope(tenant.pk):
        made = PayCalendar.objects.get(tenant=tenant)
    assert (made.groups, made.anchor_on) == (["1", "2"], date(2026, 1, 11))
    page = client.get(reverse("admin:sync_paycalendar_changelist")).content.decode()
    assert "Løn" in page and "Theirmark" not in page
