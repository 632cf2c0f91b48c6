"""The hours check: sums that are right to the cent whatever the states say, differences down to the report."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mappings.models import HoursPolicy
from sync.domain.hours.completeness import (
    Amount,
    Awaited,
    Group,
    Span,
    Standing,
    awaited,
    check_hours,
    differences,
    employees_in,
    unposted_count,
    whole_span,
)
from sync.models import JournalLine, ReferenceRow, WorkReport
from tenants.scoping import tenant_scope
from tests.factories import make_hours_policy, make_link, make_ready_report, make_seen_line, make_tenant

pytestmark = pytest.mark.django_db
State = WorkReport.State
MARCH = (date(2027, 3, 1), date(2027, 3, 31))
THURSDAY, NEXT_WEEK = date(2027, 3, 4), date(2027, 3, 8)


def amount(ready="0", transferred="0", posted="0", answered="0", open_count=0):
    return Amount(Decimal(ready), Decimal(transferred), Decimal(posted), Decimal(answered), open_count)


def group(count, **amounts):
    return Group(count, {unit: Decimal(value) for unit, value in amounts.items()})


@pytest.fixture
def tenant():
    """Ours, beside another company with hours of the same employee on the same days."""
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    for company in (ours, theirs):
        make_hours_policy(company)
    make_ready_report(theirs, amount="99", starts_on=THURSDAY)
    make_seen_line(make_ready_report(theirs, amount="88", state=State.TRANSFERRED))
    return ours


def check(tenant, first=MARCH[0], last=MARCH[1], employees=None):
    with tenant_scope(tenant.pk):
        return check_hours(Span(tenant.pk, first, last, employees))


def found(tenant):
    with tenant_scope(tenant.pk):
        return list(differences(Span(tenant.pk, *MARCH)))


def counts(tenant):
    return {standing.value: each.count for standing, each in check(tenant).groups.items() if each.count}


def test_every_amount_is_summed_by_week_employee_and_unit(tenant):
    make_seen_line(make_ready_report(tenant, amount="7.53333", state=State.TRANSFERRED), state="posted")
    make_seen_line(make_ready_report(tenant, amount="2.005", starts_on=THURSDAY, state=State.TRANSFERRED))
    make_seen_line(
        make_ready_report(tenant, amount="4", starts_on=NEXT_WEEK, state=State.TRANSFERRED), state="not_proven"
    )
    make_ready_report(tenant, amount="1.25", starts_on=NEXT_WEEK)
    make_seen_line(make_ready_report(tenant, amount="120", unit="km", state=State.TRANSFERRED))
    other = {"employee_id": "32", "employee_number": "8", "employee_name": "Åse Æbelø"}
    make_seen_line(make_ready_report(tenant, amount="3", state=State.TRANSFERRED, **other))
    result = check(tenant)
    assert {(week, unit): each for (week, unit), each in result.by_week.items()} == {
        (date(2027, 3, 1), "Timer"): amount("12.54", "12.54", "7.53"),
        (date(2027, 3, 1), "km"): amount("120", "120"),
        (date(2027, 3, 8), "Timer"): amount("5.25", "4", open_count=1),
    }
    assert [(who.number, who.name, unit, each) for (who, unit), each in result.by_employee.items()] == [
        ("7", "Bo Ødegård", "Timer", amount("14.79", "13.54", "7.53", open_count=1)),
        ("7", "Bo Ødegård", "km", amount("120", "120")),
        ("8", "Åse Æbelø", "Timer", amount("3", "3")),
    ]
    assert result.by_unit == {
        "km": amount("120", "120"),
        "Timer": amount("17.79", "16.54", "7.53", open_count=1),
    }
    assert (result.open_count, result.is_complete) == (1, False)


def test_an_employee_who_changes_name_is_one_row(tenant):
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED))
    make_seen_line(make_ready_report(tenant, employee_name="Bo Aagaard", state=State.TRANSFERRED))
    [(who, _unit)] = check(tenant).by_employee
    assert (who.id, who.name) == ("31", "Bo Ødegård")


def test_days_outside_and_other_peoples_hours_do_not_count(tenant):
    make_ready_report(tenant, starts_on=date(2027, 2, 28))
    make_ready_report(tenant, starts_on=date(2027, 4, 1))
    make_ready_report(tenant, starts_on=MARCH[1], amount="2")
    make_ready_report(tenant, starts_on=MARCH[0], amount="1", employee_id="32")
    assert check(tenant).by_unit == {"Timer": amount("3", open_count=2)}
    assert check(tenant, employees=("32",)).by_unit == {"Timer": amount("1", open_count=1)}
    assert check(tenant, employees=()).by_unit == {}


def test_what_was_seen_counts_not_what_was_sent(tenant):
    report = make_ready_report(tenant, amount="7.5", state=State.TRANSFERRED)
    make_seen_line(report, seen="5", quantity=Decimal("7.5"))
    [each] = found(tenant)
    assert (each.report_id, each.ready, each.transferred, each.difference, each.code) == (
        report.pk,
        Decimal("7.5"),
        Decimal(5),
        Decimal("2.5"),
        "line_quantity_differs",
    )


def test_a_line_that_shows_no_quantity_counts_nothing_one_never_seen_as_sent(tenant):
    blank = make_seen_line(make_ready_report(tenant, amount="1", state=State.TRANSFERRED))
    unseen = make_seen_line(make_ready_report(tenant, amount="2", state=State.TRANSFERRED))
    with tenant_scope(tenant.pk):
        JournalLine.objects.filter(pk=blank.pk).update(seen={"Text": "Spær"})
        JournalLine.objects.filter(pk=unseen.pk).update(seen={})
    assert check(tenant).by_unit == {"Timer": amount("3", "2", open_count=1)}


def test_a_reversal_takes_away_and_the_new_line_counts(tenant):
    report = make_ready_report(tenant, amount="6", state=State.TRANSFERRED)
    make_seen_line(report, seen="7.5", state="posted")
    make_seen_line(report, seen="-7.5", kind="reversal")
    make_seen_line(report, seen="6")
    assert check(tenant).by_unit == {"Timer": amount("6", "6", "7.5")}
    assert counts(tenant) == {"complete": 1}


@pytest.mark.parametrize("state", ["planned", "sending", "unclear", "refused", "missing"])
def test_a_line_that_does_not_stand_there_does_not_count(tenant, state):
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), state=state)
    assert check(tenant).by_unit == {"Timer": amount("7.5", open_count=1)}


@pytest.mark.parametrize(
    ("state", "values", "lines", "standing"),
    [
        (State.TRANSFERRED, {}, ["7.5"], "complete"),
        (State.READY, {}, [], "open"),
        (State.SENDING, {}, [], "open"),
        (State.WAITING, {}, [], "open"),  # approved, and nobody has looked since
        (State.READY, {"amount": "0"}, [], "open"),
        (State.TRANSFERRED, {"amount": "0"}, ["0"], "complete"),
        (State.NEEDS_ATTENTION, {"reason": "project_not_linked"}, [], "open"),
        (State.NEEDS_ATTENTION, {"reason": "line_doubled"}, ["7.5"], "open"),
        (State.NEEDS_ATTENTION, {"is_approved": False}, [], "waiting"),
        (State.WAITING, {"is_approved": False}, [], "waiting"),
        (State.TRANSFERRED, {"is_approved": False}, ["7.5"], "open"),  # withdrawn
        (
            State.CHANGED,
            {"case_id": "52"},
            ["7.5"],
            "open",
        ),  # moved to another project: the sums agree, the line does not
        (State.CHANGED, {"is_gone": True}, ["7.5"], "open"),
        (State.GONE, {"is_gone": True}, [], "gone"),
        (State.ACCEPTED, {}, ["7"], "answered"),
        (State.BY_HAND, {}, [], "answered"),
        (State.EARLIER, {}, [], "earlier"),
        (State.SKIPPED, {}, [], "skipped"),
        (State.SKIPPED, {}, ["7.5"], "open"),  # nothing of it should stand there
        (State.HELD, {}, [], "held"),
        (State.BEFORE_START, {"starts_on": date(2027, 3, 1)}, [], "before_start"),
    ],
)
def test_every_report_stands_in_one_place(tenant, state, values, lines, standing):
    report = make_ready_report(tenant, state=state, **values)
    for seen in lines:
        make_seen_line(report, seen=seen)
    assert counts(tenant) == {standing: 1}
    assert len(found(tenant)) == (standing == "open")


def test_hours_transferred_earlier_are_none_of_ours(tenant):
    make_ready_report(tenant, state=State.EARLIER)
    assert check(tenant).by_unit == {}
    assert counts(tenant) == {"earlier": 1}


def test_a_withdrawn_report_whose_line_is_on_hold_is_held(tenant):
    report = make_ready_report(tenant, state=State.CHANGED, reason="line_held", is_approved=False)
    make_seen_line(report, is_on_hold=True)
    assert counts(tenant) == {"held": 1}
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), is_on_hold=True)  # ready: it is transferred
    assert check(tenant).by_unit == {"Timer": amount("7.5", "7.5")}


@pytest.mark.parametrize(("field", "standing"), [("Employee", "open"), ("Date", "open"), ("Text", "complete")])
def test_hours_of_another_day_or_person_are_a_difference(tenant, field, standing):
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), differing=[field])
    assert counts(tenant) == {standing: 1}
    assert [each.code for each in found(tenant)] == ["line_misplaced"] * (standing == "open")


def test_the_hours_of_a_company_that_was_left_are_no_difference(tenant):
    make_seen_line(make_ready_report(tenant, amount="8", state=State.CLOSED))
    make_ready_report(tenant, amount="4", state=State.CLOSED)
    assert (counts(tenant), found(tenant)) == ({}, [])


def test_what_a_person_accepted_is_no_difference_and_stays_visible(tenant):
    make_seen_line(make_ready_report(tenant, amount="7.5", state=State.ACCEPTED), seen="7")
    make_ready_report(tenant, amount="2", state=State.BY_HAND)
    assert check(tenant).by_unit == {"Timer": amount("9.5", "7", answered="2.5")}
    assert check(tenant).is_complete


def test_differences_that_cancel_out_are_differences(tenant):
    make_seen_line(make_ready_report(tenant, amount="1", state=State.TRANSFERRED), seen="2")
    make_seen_line(make_ready_report(tenant, amount="2", state=State.TRANSFERRED), seen="1")
    [sums] = check(tenant).by_unit.values()
    assert (sums.difference, sums.open_count) == (Decimal(0), 2)
    assert not check(tenant).is_complete


@pytest.mark.parametrize(
    ("ready_when", "values", "is_due"),
    [
        ("approved", {"is_approved": False, "is_locked": True}, False),
        ("locked", {"is_approved": False, "is_locked": True}, True),
        ("locked", {"is_approved": True}, False),
        ("days", {"is_approved": False}, True),
    ],
)
def test_ready_is_what_the_company_calls_ready(tenant, ready_when, values, is_due):
    with tenant_scope(tenant.pk):
        HoursPolicy.objects.filter(tenant=tenant).update(
            ready_when=ready_when, ready_days=7, transfer_from=date(2020, 1, 1)
        )
    today = timezone.localdate()
    make_ready_report(tenant, starts_on=today - timedelta(days=7), **values)
    make_ready_report(tenant, starts_on=today - timedelta(days=6), is_approved=False)
    with tenant_scope(tenant.pk):
        result = check_hours(whole_span(tenant.pk))
    assert (result.groups[Standing.OPEN].count, result.groups[Standing.WAITING].count) == (is_due, 2 - is_due)


def test_needs_attention_and_changed_are_counted_beside(tenant):
    make_ready_report(tenant, state=State.NEEDS_ATTENTION, reason="rule_missing", is_approved=False, amount="1")
    make_ready_report(tenant, state=State.NEEDS_ATTENTION, reason="rule_missing", amount="2")
    make_seen_line(
        make_ready_report(tenant, state=State.CHANGED, reason="changed_after_transfer", amount="4"), seen="3"
    )
    result = check(tenant)
    assert (result.needs_attention, result.changed) == (group(2, Timer="3"), group(1, Timer="4"))


@pytest.mark.parametrize(
    ("state", "values", "line", "code"),
    [
        (State.READY, {}, None, "report_not_sent"),
        (State.SENDING, {}, "sending", "report_being_sent"),
        (State.SENDING, {}, "unclear", "line_unclear"),
        (State.WAITING, {}, None, "report_not_judged"),
        (
            State.CHANGED,
            {"reason": "withdrawn_after_transfer", "is_approved": False},
            "posted",
            "withdrawn_after_transfer",
        ),
        (State.NEEDS_ATTENTION, {"reason": "line_missing"}, "missing", "line_missing"),
    ],
)
def test_a_difference_says_why(tenant, state, values, line, code):
    report = make_ready_report(tenant, state=state, **values)
    if line:
        make_seen_line(report, state=line)
    assert [(each.report_id, each.code) for each in found(tenant)] == [(report.pk, code)]


def test_a_difference_names_what_it_is_about(tenant):
    make_ready_report(
        tenant, state=State.NEEDS_ATTENTION, reason="item_missing", problems=[["item_missing", "TIME"], ["x", "y"]]
    )
    [each] = found(tenant)
    assert (each.code, each.about, each.employee.name, each.case) == (
        "item_missing",
        "TIME",
        "Bo Ødegård",
        "Tagrenovering",
    )


def test_what_waits_is_listed_by_who_is_next(tenant):
    second, final = {"label": "Anden godkender", "date": "", "name": ""}, {"date": "", "name": "Fie Formand"}
    waits = {"is_approved": False, "state": State.WAITING}
    make_ready_report(tenant, approvals=[second | {"date": "2027-03-05"}, final], **waits)
    make_ready_report(tenant, approvals=[final], starts_on=NEXT_WEEK, amount="100", unit="km", **waits)
    make_ready_report(tenant, approvals=[second, final], amount="2", **waits)
    make_ready_report(tenant, approvals=[], amount="1", **waits)
    make_ready_report(tenant, approvals=[final], state=State.SKIPPED, is_approved=False)
    with tenant_scope(tenant.pk):
        assert awaited(Span(tenant.pk, *MARCH)) == [
            Awaited("Fie Formand", group(2, Timer="7.5", km="100"), MARCH[0]),
            Awaited("", group(1, Timer="1"), MARCH[0]),
            Awaited("Anden godkender", group(1, Timer="2"), MARCH[0]),
        ]


def test_lines_in_the_journal_for_long(tenant):
    old = timezone.now() - timedelta(days=8)
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), confirmed_at=old)
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED), confirmed_at=old, state="posted")
    make_seen_line(make_ready_report(tenant, state=State.TRANSFERRED))
    with tenant_scope(tenant.pk):
        assert [unposted_count(Span(tenant.pk, *MARCH), days) for days in (7, 9)] == [1, 0]
        assert unposted_count(Span(tenant.pk, *MARCH, employees=("32",)), 7) == 0


def test_employees_are_those_of_unicontas_groups(tenant):
    for number, key in (("1", "7"), ("2", "8")):
        make_link(tenant, "employee", uniconta_key=key, intempus_id=f"3{number}")
        with tenant_scope(tenant.pk):
            ReferenceRow.objects.create(
                tenant=tenant, list="employee", remote_id=number, key=key, data={"Group": f"G{number}"}
            )
    with tenant_scope(tenant.pk):
        assert employees_in(tenant.pk, ["G2", "G9"]) == ("32",)
        assert employees_in(tenant.pk, ["G9"]) == ()
        assert employees_in(tenant.pk, []) is None


def test_without_settings_nothing_is_ready():
    tenant = make_tenant("ours")
    make_ready_report(tenant)
    assert counts(tenant) == {"waiting": 1}


def test_the_sums_cost_two_statements(tenant):
    for day in range(1, 20):
        make_seen_line(make_ready_report(tenant, starts_on=date(2027, 3, day), state=State.TRANSFERRED))
    with tenant_scope(tenant.pk), CaptureQueriesContext(connection) as queries:
        check_hours(Span(tenant.pk, *MARCH))
    assert len(queries) == 2
