"""Work reports are found by employee and day, say what becomes of them and why, and take a person's answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from mappings.models import WorkTypeRule
from sync.domain.hours.finding import Wanted, read_search
from sync.domain.hours.telling import Names, field_rows
from sync.models import JournalLine, ReportEntry, Run, WorkReport
from tenants.models import Membership
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_hours_policy,
    make_journal_line,
    make_link,
    make_reference,
    make_run,
    make_tenant,
    make_user,
    make_work_report,
)
from tests.sync.admin.conftest import all_rows, sign_in
from tests.sync.admin.test_pages import query_count

pytestmark = pytest.mark.django_db
LIST = reverse("admin:sync_workreport_changelist")
FRIDAY = date(2027, 3, 5)
State = WorkReport.State


def page_of(report: WorkReport) -> str:
    return reverse("admin:sync_workreport_change", args=[report.pk])


def press(client: Client, report: WorkReport, verb: str, **values: str):
    return client.post(reverse("admin:sync_workreport_press", args=[report.pk, verb]), values, follow=True)


def fresh(report: WorkReport) -> WorkReport:
    return next(row for row in all_rows(WorkReport) if row.pk == report.pk)


def found(client: Client, **query: object) -> list[str]:
    return [report.intempus_id for report in client.get(LIST, query).context["cl"].result_list]


# ------------------------------------------------------------------------------------------------ finding


@pytest.mark.parametrize(
    ("term", "first", "last"),
    [
        ("2027-03-01", date(2027, 3, 1), date(2027, 3, 1)),
        ("01-03-2027", date(2027, 3, 1), date(2027, 3, 1)),
        ("1.3.2027", date(2027, 3, 1), date(2027, 3, 1)),
        ("1/3", date(2027, 3, 1), date(2027, 3, 1)),
        ("24/12", date(2026, 12, 24), date(2026, 12, 24)),
        ("torsdag", date(2027, 3, 4), date(2027, 3, 4)),
        ("Thursday", date(2027, 3, 4), date(2027, 3, 4)),
        ("fredag", FRIDAY, FRIDAY),
        ("lørdag", date(2027, 2, 27), date(2027, 2, 27)),
        ("i går", date(2027, 3, 4), date(2027, 3, 4)),
        ("uge 9", date(2027, 3, 1), date(2027, 3, 7)),
        ("week 52", date(2026, 12, 21), date(2026, 12, 27)),
    ],
)
def test_days_as_people_write_them(term, first, last):
    assert read_search(f"bo {term} ødegård", FRIDAY) == Wanted(("bo", "ødegård"), first, last)


@pytest.mark.parametrize("term", ["2027-02-30", "99/99", "week", "uge 77", "I"])
def test_what_is_no_day_is_a_word(term):
    assert read_search(term, FRIDAY) == Wanted(tuple(term.split()))


@time_machine.travel(datetime(2027, 3, 5, 9, tzinfo=UTC), tick=False)
def test_the_hours_of_an_employee_from_thursday_are_one_search(db):
    boss = sign_in(make_user("boss", is_superuser=True))
    ours, theirs = make_tenant("a"), make_tenant("b")
    thursday, wednesday = date(2027, 3, 4), date(2027, 3, 3)
    wanted = make_work_report(ours, starts_on=thursday)
    long = make_work_report(ours, starts_on=date(2027, 3, 1), ends_on=thursday)
    make_work_report(ours, starts_on=wednesday)
    make_work_report(ours, starts_on=thursday, employee_name="Ida Holm", employee_number="8")
    elsewhere = make_work_report(theirs, starts_on=thursday)
    both = {wanted.intempus_id, long.intempus_id}
    for term in ("bo torsdag", "7 thursday", "ødegård 4/3", "7 2027-03-04", "bo ødegård i går"):
        assert set(found(boss, q=term, tenant=ours.pk)) == both, term
    assert set(found(boss, q="bo torsdag")) == both | {elsewhere.intempus_id}
    assert found(boss, q=f"I{wanted.intempus_id}.2") == [wanted.intempus_id]
    assert found(boss, q=wanted.intempus_id) == [wanted.intempus_id]


def test_filters(boss):
    ours, theirs = make_tenant("a"), make_tenant("b")
    ready = make_work_report(ours, state=State.READY)
    warned = make_work_report(ours, starts_on=date(2027, 2, 22), warnings=["pay_type_not_found"])
    driven = make_work_report(theirs, kind="mileage", state=State.SKIPPED, reason="skipped_mileage")
    assert found(boss, state="ready") == [ready.intempus_id]
    assert found(boss, week="2027-02-22") == [warned.intempus_id]
    assert found(boss, warning="pay_type_not_found") == [warned.intempus_id]
    assert found(boss, kind="mileage") == found(boss, tenant=theirs.pk) == [driven.intempus_id]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Waits for approval", "No item in Uniconta is chosen for this work type yet.", "7.50 Timer", "Ready"]),
        ("da", ["Venter på godkendelse", "Der er endnu ikke valgt en vare", "7,50 Timer", "Klar"]),
    ],
)
def test_a_row_says_its_state_and_reason_in_words(boss, language, words):
    make_work_report(make_tenant("a"), state=State.NEEDS_ATTENTION, reason="rule_missing")
    boss.cookies["django_language"] = language
    page = boss.get(LIST).content.decode()
    assert [word for word in words if word not in page] == []


# ------------------------------------------------------------------------------------------------ the page


@pytest.fixture
def changed() -> WorkReport:
    """Seven and a half hours were sent; the report says eight now."""
    tenant = make_tenant("a")
    make_hours_policy(tenant)
    make_link(tenant, "employee", intempus_id="31", uniconta_key="7", name="Bo Ødegård")
    make_link(tenant, "project", intempus_id="41", uniconta_key="P1", name="Tagrenovering")
    for name, key, title in (
        ("item", "TIME", "Arbejdstime"),
        ("employee", "7", "Bo Ødegård"),
        ("journal", "Intempus", "Timer fra Intempus"),
    ):
        make_reference(tenant, name, key, title)
    make_reference(tenant, "project", "P1", "Tagrenovering", Phase="InProgress")
    make_reference(tenant, "work_category", "61", "Arbejde", type="")
    make_reference(tenant, "work_type", "51", "Normaltid", work_category="61")
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.create(tenant=tenant, work_type_id="51", work_type_name="Normaltid", item="TIME")
    report = make_work_report(
        tenant,
        amount=Decimal(8),
        state=State.CHANGED,
        reason="changed_after_transfer",
        transferred_hash="before",
        is_approved=True,
    )
    line = make_journal_line(report, quantity=Decimal("7.5"))
    with tenant_scope(tenant.pk):
        JournalLine.objects.filter(pk=line.pk).update(
            values={**line.values, "Qty": "7.50"}, seen={**line.seen, "Qty": "7.50"}
        )
        ReportEntry.objects.create(
            tenant=tenant,
            report=report,
            code="report_changed",
            changes=[["amount", "7.5", "8"]],
            run_id=make_run(tenant, Run.Kind.HOURS).pk,
        )
    return report


@pytest.mark.parametrize(
    ("language", "heads", "choices"),
    [
        (
            "en",
            ["As it was sent", "As it stands in Uniconta", "As the report says now"],
            ["Change the line in the journal", "Reverse and book anew", "Accept as it is", "Done by hand"],
        ),
        (
            "da",
            ["Som den blev sendt", "Som den står i Uniconta", "Som registreringen siger nu"],
            ["Ret linjen i kladden", "Tilbagefør og bogfør på ny", "Acceptér, som det er", "Klaret manuelt"],
        ),
    ],
)
def test_a_changed_report_shows_both_versions_and_the_choices(boss, changed, language, heads, choices):
    boss.cookies["django_language"] = language
    response = boss.get(page_of(changed))
    assert response.context["heads"] == heads
    rows = {str(row.name): (row.values, row.differs) for row, _values in response.context["field_rows"]}
    item, quantity = ("item", "quantity") if language == "en" else ("vare", "antal")
    assert rows[item] == (("TIME Arbejdstime",) * 3, False)
    half = "7.50" if language == "en" else "7,50"
    assert rows[quantity][1] and rows[quantity][0][:2] == (half, half)
    assert rows[quantity][0][2] in ("8", "8.00", "8,00")
    assert [str(each.text) for each in response.context["answers"]] == choices
    page = response.content.decode()
    assert f"I{changed.intempus_id}" in page
    assert page.count("/admin/sync/run/") >= 1


def test_a_unit_is_the_same_in_whatever_language_uniconta_says_it():
    tenant = make_tenant("a")
    with tenant_scope(tenant.pk):
        (row,) = field_rows(Names(tenant.pk, []), {"Unit": "Hours"}, {"Unit": "Timer"})
    assert (row.values, row.differs) == (("Timer", "Timer"), False)


def test_the_reason_leads_to_where_it_is_mended(boss):
    tenant = make_tenant("a")
    link = make_link(tenant, "project", intempus_id="41")
    report = make_work_report(
        tenant, state=State.NEEDS_ATTENTION, reason="project_blocked", problems=[["project_blocked", "P1"]]
    )
    page = boss.get(page_of(report)).content.decode()
    assert "The project is blocked in Uniconta." in page
    assert page.count(reverse("admin:mappings_recordlink_change", args=[link.pk])) == 2  # the reason, and the case


def test_what_a_person_cannot_answer_has_no_button(boss):
    tenant = make_tenant("a")
    waiting, gone = make_work_report(tenant), make_work_report(tenant, state=State.GONE, reason="report_deleted")
    for report in (waiting, gone):
        assert boss.get(page_of(report)).context["answers"] == []


# ------------------------------------------------------------------------------------------------ answers


def test_choosing_waits_for_the_next_run(boss, changed, queued):
    other = make_work_report(make_tenant("b"), state=State.CHANGED)
    response = press(boss, changed, "change")
    assert fresh(changed).answer == "change"
    assert [(run.kind, run.tenant_id) for run in all_rows(Run) if run.state == "queued" and run.requested_by_id] == [
        ("hours", changed.tenant_id)
    ]
    assert response.context["answers"] == []
    assert "the next run carries it out" in response.content.decode()
    assert fresh(other).answer == ""


def test_a_posted_line_is_not_changed_but_reversed(boss, changed):
    with tenant_scope(changed.tenant_id):
        JournalLine.objects.update(state=JournalLine.State.POSTED)
    assert [each.verb for each in boss.get(page_of(changed)).context["answers"]] == ["reverse", "accept", "by-hand"]
    page = press(boss, changed, "change").content.decode()
    assert "so it cannot be changed there" in page
    assert fresh(changed).answer == ""


def test_done_by_hand_needs_a_note(boss, changed):
    assert "Say in a few words what was done" in press(boss, changed, "by-hand", note="  ").content.decode()
    assert fresh(changed).state == State.CHANGED
    page = press(boss, changed, "by-hand", note="Rettet i kladden").content.decode()
    assert fresh(changed).state == State.BY_HAND
    assert "Rettet i kladden" in page


@pytest.mark.parametrize(
    ("role", "fetches", "answers"),
    [
        ("customer", False, True),
        ("auditor", False, False),
        ("support", True, False),
        ("bookkeeper", True, True),
        ("consultant", True, True),
    ],
)
def test_who_may_fetch_and_who_may_answer(changed, role, fetches, answers):
    client = sign_in(make_user(role, role, changed.tenant))
    context = client.get(page_of(changed)).context
    assert bool(context["fetch"]) is fetches
    assert bool(context["answers"]) is answers
    url = reverse("admin:sync_workreport_press", args=[changed.pk, "accept"])
    assert client.post(url).status_code == (302 if answers else 403)
    assert fresh(changed).state == (State.ACCEPTED if answers else State.CHANGED)
    url = reverse("admin:sync_workreport_press", args=[changed.pk, "fetch"])
    assert client.post(url).status_code == (302 if fetches else 403)


# ------------------------------------------------------------------------------------------------ many at once


def select(client: Client, action: str, *reports: WorkReport):
    return client.post(LIST, {"action": action, "_selected_action": [report.pk for report in reports]}, follow=True)


def test_accepting_many_leaves_alone_what_does_not_ask(changed):
    theirs = make_work_report(make_tenant("b"), state=State.CHANGED)
    waiting = make_work_report(changed.tenant)
    client = sign_in(make_user("b", "bookkeeper", changed.tenant))
    page = select(client, "accept_many", changed, waiting, theirs).content.decode()
    assert "1 report was answered." in page and "1 report did not ask for this answer" in page
    assert [fresh(row).state for row in (changed, waiting, theirs)] == [State.ACCEPTED, State.WAITING, State.CHANGED]


def test_sending_many_again(changed):
    refused = make_work_report(changed.tenant, state=State.NEEDS_ATTENTION, reason="line_refused")
    theirs = make_work_report(make_tenant("b"), state=State.NEEDS_ATTENTION, reason="line_refused")
    client = sign_in(make_user("b", "bookkeeper", changed.tenant))
    select(client, "send_many_again", refused, theirs)
    assert [fresh(row).state for row in (refused, theirs)] == [State.WAITING, State.NEEDS_ATTENTION]
    assert [run.tenant_id for run in all_rows(Run) if run.state == "queued" and run.requested_by_id] == [
        changed.tenant_id
    ]


def test_what_looks_transferred_earlier_is_confirmed_or_sent_anyway(changed):
    found = {
        "state": State.NEEDS_ATTENTION,
        "reason": "earlier_found",
        "problems": [["earlier_found", "2027-03-01 Spær"]],
    }
    one, two, three = (make_work_report(changed.tenant, **found) for _ in range(3))
    theirs = make_work_report(make_tenant("b"), **found)
    client = sign_in(make_user("b", "bookkeeper", changed.tenant))
    assert [each.verb for each in client.get(page_of(one)).context["answers"]] == ["earlier", "anyway"]
    press(client, one, "earlier")
    select(client, "send_many_anyway", two, theirs)
    select(client, "confirm_many_earlier", three, changed, theirs)
    states = [fresh(row).state for row in (one, two, three, theirs, changed)]
    assert states == [State.EARLIER, State.WAITING, State.EARLIER, State.NEEDS_ATTENTION, State.CHANGED]
    assert "does not ask for an answer any more" in press(client, one, "anyway").content.decode()


def test_the_newest_day_stands_first_whoever_looks(boss):
    ours, theirs = make_tenant("a"), make_tenant("b")
    days = [date(2027, 3, 2), date(2027, 3, 4), date(2027, 3, 3)]
    ids = [
        make_work_report(tenant, starts_on=day).intempus_id
        for day, tenant in zip(days, (ours, theirs, ours), strict=True)
    ]
    assert found(boss) == [ids[1], ids[2], ids[0]]
    assert found(boss, tenant=ours.pk) == [ids[2], ids[0]]


def test_fetching_is_one_run_for_each_company(changed):
    ours, theirs = make_work_report(changed.tenant), make_work_report(make_tenant("b"))
    client = sign_in(make_user("s", "support", changed.tenant))
    select(client, "fetch_many", changed, ours, theirs)
    runs = [(run.kind, run.tenant_id) for run in all_rows(Run) if run.state == "queued" and run.requested_by_id]
    assert runs == [("hours", changed.tenant_id)]
    assert b"accept_many" not in client.get(LIST).content


def test_a_bookkeeper_here_who_only_looks_there_answers_here_only(changed):
    theirs = make_work_report(make_tenant("b"), state=State.CHANGED)
    user = make_user("two-hats", "bookkeeper", changed.tenant)
    with tenant_scope(ALL):
        Membership.objects.create(user=user, tenant=theirs.tenant, role="auditor")
    client = sign_in(user)
    select(client, "accept_many", changed, theirs)
    select(client, "fetch_many", theirs)
    assert [fresh(row).state for row in (changed, theirs)] == [State.ACCEPTED, State.CHANGED]
    assert [run for run in all_rows(Run) if run.tenant_id == theirs.tenant_id] == []
    assert press(client, theirs, "accept").status_code == 403


# ------------------------------------------------------------------------------------------------ what it costs


def test_a_page_costs_the_same_however_long_the_chain(boss, changed):
    url = page_of(changed)
    boss.get(url)
    before = query_count(boss, url)
    for number in (2, 3, 4):
        make_journal_line(changed, number=number, kind="reversal" if number % 2 == 0 else "transfer")
    assert query_count(boss, url) == before <= 16


def test_a_member_of_two_companies_sees_the_reports_of_both(changed):
    user = make_user("two", "customer", changed.tenant)
    other = make_work_report(make_tenant("b"))
    client = sign_in(user)
    assert found(client) == [changed.intempus_id]
    assert client.get(page_of(other)).status_code == 404
    with tenant_scope(ALL):
        Membership.objects.create(user=user, tenant=other.tenant, role="customer")
    assert set(found(sign_in(user))) == {changed.intempus_id, other.intempus_id}


def test_fetching_is_offered_only_where_hours_travel(boss):
    """Before go-live a run would call out for a company that is still being prepared."""
    tenants = [make_tenant(name, state=state) for name, state in (("a", "preparing"), ("b", "live"), ("c", "live"))]
    for tenant, is_on in zip(tenants, (True, True, False), strict=True):
        make_hours_policy(tenant, enabled=is_on)
    reports = [make_work_report(tenant) for tenant in tenants]
    assert [bool(boss.get(page_of(report)).context["fetch"]) for report in reports] == [False, True, False]
    assert press(boss, reports[0], "fetch").status_code == 403
    boss.post(LIST, {"action": "fetch_many", "_selected_action": [report.pk for report in reports]})
    assert [run.tenant_id for run in all_rows(Run)] == [tenants[1].pk]
