"""Rule M9: every ready work report becomes exactly one project journal line, whatever happens on the way."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.forms import model_to_dict
from django.utils import timezone

from mappings.models import HoursPolicy, WorkTypeRule
from mappings.spec import System
from sync.domain.doctor import check_tenant
from sync.domain.foreground import transfer_hours
from sync.domain.hours import corrections, transfer
from sync.domain.hours.run import hours
from sync.domain.move import move_company
from sync.models import JournalLine, ReportCursor, ReportEntry, Run, WorkReport
from tenants.scoping import tenant_scope
from tests.journeys.hours import DAY, Desk

State, LineState = WorkReport.State, JournalLine.State
INSERT_LIST, INSERT = r"/InsertList/ProjectJournalLine", r"/Insert/ProjectJournalLine"


@pytest.fixture
def desks(world):
    world.ends_well = False  # its promises are about linked pairs
    return Desk(world.nordbyg), Desk(world.havnen)


@pytest.fixture
def desk(desks):
    """One company's; the other one has a report of its own, and nothing of it may ever change."""
    desk, other = desks
    other.approve(other.report("3"))
    other.run()
    before = other.lines()
    yield desk
    assert other.lines() == before


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


def test_a_lost_answer_makes_no_second_line(desk, world):
    reports = [desk.report("1"), desk.report("2")]
    desk.approve(*reports)
    world.uniconta.faults.add("drop", method="POST", path=INSERT_LIST, times=1)
    desk.run(error="answer_lost")
    assert [desk.state(each) for each in reports] == [(State.SENDING, "")] * 2
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{each}" for each in reports]
    assert [desk.state(each) for each in reports] == [(State.TRANSFERRED, "")] * 2


def test_a_call_that_never_arrived_is_made_again_only_after_a_look(desk, world, settings):
    """Nobody can tell it from one whose answer was lost, so it is looked for, no earlier than after the wait."""
    report = desk.report("1")
    desk.approve(report)
    world.uniconta.faults.add("reset", method="POST", path=INSERT_LIST, times=1)
    settings.UNCLEAR_WAIT_SECONDS = 120
    desk.run(error="answer_lost")
    desk.run()
    assert desk.lines() == []
    settings.UNCLEAR_WAIT_SECONDS = 0
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{report}"]


def test_one_bad_line_does_not_stop_the_others(desk, world):
    good, bad = desk.report("1"), desk.report("2", remarks="Afvis mig")
    desk.approve(good, bad)
    refused = {"status": 400, "body": '"Konto er spærret"', "content_type": "application/json"}
    # The list is refused as a whole, then the bad line by itself.
    world.uniconta.faults.add("status", method="POST", path=INSERT_LIST, times=1, **refused)
    world.uniconta.faults.add("status", method="POST", path=rf"{INSERT}ClientUser", nth=2, **refused)
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{good}"]
    assert desk.state(good) == (State.TRANSFERRED, "")
    assert desk.state(bad) == (State.NEEDS_ATTENTION, "line_refused")
    assert desk.stored(bad).problems == [["line_refused", "Konto er spærret"]]
    desk.run()  # it is not tried again and again
    assert desk.state(bad) == (State.NEEDS_ATTENTION, "line_refused")
    desk.press(corrections.send_again, bad, None)
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{good}", f"I{bad}"]


def test_a_worker_that_died_while_sending_leaves_one_line(desk, monkeypatch):
    report = desk.report("1")
    desk.approve(report)

    def dies(_context, _lease, found):
        if found:
            raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "_confirm", dies)
        with pytest.raises(SystemExit):
            desk.run()
    assert len(desk.lines()) == 1
    with tenant_scope(desk.company.tenant.pk):
        Run.objects.update(state=Run.State.FAILED)
    desk.run()
    assert desk.chain(report) == [(f"I{report}", LineState.IN_JOURNAL, "1.00")]
    assert len(desk.lines()) == 1


def test_while_a_person_posts_nothing_new_is_sent(desk):
    report = desk.report("1")
    desk.approve(report)
    desk.set_up(paused_until=timezone.now() + timedelta(minutes=60))
    desk.run()
    assert desk.lines() == []
    assert desk.state(report) == (State.READY, "")
    desk.set_up(paused_until=timezone.now())
    desk.run()
    assert len(desk.lines()) == 1


def test_a_line_deleted_by_mistake_is_found_missing_and_sent_again(desk):
    report = desk.report("1")
    desk.approve(report)
    desk.run()
    desk.uniconta.person_deletes(desk.company.number, "ProjectJournalLine", desk.line_row(f"I{report}")["RowId"])
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")
    desk.run()
    assert desk.lines() == []
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{report}.2"]
    assert desk.state(report) == (State.TRANSFERRED, "")


@pytest.mark.parametrize("others", [0, 1])
def test_posted_lines_without_their_reference(desk, others):
    """As many transactions alike as lines of ours prove it; more of them prove nothing."""
    report = desk.report("1")
    desk.approve(report)
    desk.run()
    desk.uniconta.switches.posting_keeps_reference_number = False
    if others:
        row = desk.line_row(f"I{report}")
        same = {name: row[name] for name in ("Journal", "Date", "Project", "Employee", "Item", "Qty")}
        desk.uniconta.person_creates(desk.company.number, "ProjectJournalLine", **same)
    desk.post()
    desk.run()
    expected = LineState.NOT_PROVEN if others else LineState.POSTED
    assert desk.chain(report) == [(f"I{report}", expected, "1.00")]
    desk.press(corrections.accept, report, None) if others else None
    assert desk.chain(report) == [(f"I{report}", LineState.POSTED, "1.00")]


def changed(desk, report, amount="5"):
    desk.intempus.person_edits(desk.company.intempus_number, "work_report", report, amount=amount)
    desk.approve(report)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "changed_after_transfer")


def test_a_changed_report_is_never_repaired_silently_and_can_be_changed_in_the_journal(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    changed(desk, report)
    assert [line[4] for line in desk.lines()] == [8.0]
    desk.press(corrections.choose, report, "change", None)
    desk.run()
    assert [(line[0], line[4]) for line in desk.lines()] == [(f"I{report}", 5.0)]
    assert desk.state(report) == (State.TRANSFERRED, "")
    assert desk.history(report)[-2:] == ["answer_change", "line_changed"]


def test_a_posted_line_is_reversed_at_its_own_prices_and_booked_anew(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    row = desk.line_row(f"I{report}")
    desk.uniconta.person_edits(
        desk.company.number, "ProjectJournalLine", row["RowId"], CostPrice=210.0, SalesPrice=495.0
    )
    desk.run()
    desk.post()
    desk.run()
    changed(desk, report)
    with pytest.raises(corrections.RefusedError, match="line_not_in_journal"):
        desk.press(corrections.choose, report, "change", None)
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    assert [(line[0], line[4]) for line in desk.lines()] == [(f"I{report}.2", -8.0), (f"I{report}.3", 5.0)]
    reversal = desk.line_row(f"I{report}.2")
    assert (reversal["CostPrice"], reversal["SalesPrice"]) == (210.0, 495.0)
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_the_line_of_a_withdrawn_report_is_put_on_hold(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    desk.intempus.person_withdraws(desk.company.intempus_number, report)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "withdrawn_after_transfer")
    desk.press(corrections.choose, report, "change", None)
    desk.run()
    assert desk.line_row(f"I{report}")["OnHold"] is True
    assert desk.state(report) == (State.CHANGED, "line_held")
    desk.approve(report)
    desk.press(corrections.choose, report, "change", None)
    desk.run()
    assert desk.line_row(f"I{report}")["OnHold"] is False
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_a_line_on_hold_that_somebody_deletes_is_the_end_of_it(desk):
    """The report is where it would be without a line; approved again it gets one."""
    withdrawn, deleted = desk.report("8"), desk.report("5")
    desk.approve(withdrawn, deleted)
    desk.run()
    desk.intempus.switches.approved_reports_editable = True
    desk.intempus.person_withdraws(desk.company.intempus_number, withdrawn)
    desk.intempus.person_deletes(desk.company.intempus_number, "work_report", deleted)
    desk.run()
    for report in (withdrawn, deleted):
        desk.press(corrections.choose, report, "change", None)
    desk.run()
    assert {desk.state(report) for report in (withdrawn, deleted)} == {(State.CHANGED, "line_held")}
    for report in (withdrawn, deleted):
        row_id = desk.line_row(f"I{report}")["RowId"]
        desk.uniconta.person_deletes(desk.company.number, "ProjectJournalLine", row_id)
    desk.run()
    desk.run()
    assert desk.state(withdrawn) == (State.WAITING, "awaits_approved")
    assert desk.state(deleted)[0] == State.GONE
    desk.approve(withdrawn)
    desk.run()
    assert [(line[0], line[4]) for line in desk.lines()] == [(f"I{withdrawn}.2", 8.0)]
    assert desk.state(withdrawn) == (State.TRANSFERRED, "")


def test_a_report_deleted_after_its_transfer_asks_and_can_be_done_by_hand(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    desk.intempus.switches.approved_reports_editable = True
    desk.intempus.person_deletes(desk.company.intempus_number, "work_report", report)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "deleted_after_transfer")
    with pytest.raises(corrections.RefusedError, match="note_needed"):
        desk.press(corrections.done_by_hand, report, None, " ")
    desk.press(corrections.done_by_hand, report, None, "Slettet i kladden")
    desk.run()
    assert desk.state(report) == (State.BY_HAND, "answer_by_hand")


def test_what_stands_in_the_way_is_said_before_the_approval(desk):
    """And after it the report waits, with the same words, until somebody has seen to it."""
    report = desk.report("8")
    desk.uniconta.person_edits(desk.company.number, "Project", desk.project_row, Blocked=True)
    desk.run()
    assert desk.state(report) == (State.WAITING, "awaits_approved")
    assert desk.stored(report).problems == [["project_blocked", "P1"]]
    desk.approve(report)
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "project_blocked")
    desk.uniconta.person_edits(desk.company.number, "Project", desk.project_row, Blocked=False)
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_the_pay_type_has_exactly_the_name_or_the_line_goes_without(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    assert desk.line_row(f"I{report}")["PayrollCategory"] == "L1"
    [row] = desk.uniconta.rows(desk.company.number, "EmpPayrollCategory")
    desk.uniconta.person_edits(desk.company.number, "EmpPayrollCategory", row["RowId"], Name="normaltid")
    other = desk.report("4")
    desk.approve(other)
    desk.run()
    assert not desk.line_row(f"I{other}").get("PayrollCategory")
    assert desk.stored(other).warnings == ["pay_type_not_found"]


def test_what_was_worked_before_the_start_is_never_transferred(desk):
    report = desk.report("8", day="2026-12-31")
    desk.approve(report)
    desk.run()
    assert desk.state(report) == (State.BEFORE_START, "before_start")
    assert desk.lines() == []


def test_a_late_approval_that_moves_no_stamp_is_found(desk):
    """By the window, and for older days by the list of what still waits."""
    desk.intempus.switches.approval_moves_timestamp = False
    recent = desk.report("1", day=timezone.localdate().isoformat())
    older = desk.report("2", day="2026-06-01")
    desk.set_up(transfer_from="2026-01-01")
    desk.run()
    desk.approve(recent, older)
    desk.run()
    assert sorted(line[0] for line in desk.lines()) == sorted([f"I{recent}", f"I{older}"])


def test_a_report_that_cannot_be_understood_is_listed_not_dropped(desk, world):
    report = desk.report("8")
    desk.approve(report)
    row = {"id": report, "amount": "otte", "start_date": DAY, "approved": True, "logical_timestamp": 9_900_000_000}
    body = json.dumps({"meta": {"total_count": 1, "next": None}, "objects": [row]})
    world.intempus.faults.add(
        "status", method="GET", path="/work_report/", status=200, body=body, content_type="application/json"
    )
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "report_unreadable")
    assert "otte" in desk.stored(report).unreadable
    world.intempus.faults.clear()
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_a_second_run_at_the_same_time_does_nothing(desk):
    with tenant_scope(desk.company.tenant.pk):
        run = Run.objects.create(tenant=desk.company.tenant, kind=Run.Kind.HOURS)
        Run.objects.filter(pk=run.pk).update(state=Run.State.RUNNING, alive_at=timezone.now())
    assert hours(desk.company.tenant.pk) is None


def test_a_rule_of_its_own_says_item_category_pay_type_and_unit(desk):
    desk.uniconta.bulk(desk.company.number, "PrCategory", 1, Number="20", Name="Montage")
    desk.uniconta.bulk(desk.company.number, "EmpPayrollCategory", 1, Number="L2", Name="Akkord")
    with tenant_scope(desk.company.tenant.pk):
        WorkTypeRule.objects.filter(tenant=desk.company.tenant).update(category="20", pay_type="L2", invoiceable=False)
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    row = desk.line_row(f"I{report}")
    assert (row["PrCategory"], row["PayrollCategory"], row["Invoiceable"]) == ("20", "L2", False)


def test_days_in_a_closed_period_wait_or_go_to_the_first_open_day(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.set_up(closed_until="2027-03-31")
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "period_closed")
    desk.set_up(closed_dates=HoursPolicy.ClosedDates.FIRST_OPEN_DAY)
    desk.run()
    assert [line[5] for line in desk.lines()] == ["2027-04-01"]
    assert desk.line_row(f"I{report}")["Text"] == "01-03-2027 Spær"
    assert desk.stored(report).quantity == Decimal(8)


@pytest.mark.parametrize("answer", ["confirm", "send"])
def test_hours_transferred_by_another_integration_are_proposed_not_sent(desk, answer):
    old, other = desk.report("8"), desk.report("3")
    desk.approve(old, other)
    line = {"Journal": "Intempus", "Project": "P1", "Employee": "7", "Item": "TIME", "Date": DAY, "Qty": 8.0}
    desk.uniconta.person_creates(desk.company.number, "ProjectJournalLine", **line, Text="Spær")
    desk.run()
    assert desk.state(old) == (State.NEEDS_ATTENTION, "earlier_found")
    assert desk.state(other) == (State.TRANSFERRED, "")
    desk.run()
    assert [line[0] for line in desk.lines()] == [None, f"I{other}"]
    with tenant_scope(desk.company.tenant.pk):
        press = corrections.confirm_earlier if answer == "confirm" else corrections.send_anyway
        assert press([desk.stored(old).pk, desk.stored(other).pk], None) == 1
    desk.run()
    expected = (State.EARLIER, "earlier_confirmed") if answer == "confirm" else (State.TRANSFERRED, "")
    assert desk.state(old) == expected
    assert len(desk.lines()) == (2 if answer == "confirm" else 3)


def test_hours_that_came_after_us_are_not_compared(desk):
    desk.run()
    report = desk.report("8")
    desk.approve(report)
    line = {"Journal": "Intempus", "Project": "P1", "Employee": "7", "Item": "TIME", "Date": DAY, "Qty": 8.0}
    desk.uniconta.person_creates(desk.company.number, "ProjectJournalLine", **line)
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_while_another_integration_is_at_work_nothing_is_sent(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.uniconta.add_change_url(desk.company.number, "https://other.example/uniconta?secret=1")
    assert desk.run(error="other_integration").error_detail == "other.example"
    assert desk.lines() == []
    desk.set_up(knows_other_urls=True)
    desk.run()
    assert len(desk.lines()) == 1


def test_the_doctor_looks_at_hours(desk):
    desk.run()
    tenant = desk.company.tenant

    def found():
        return {str(check.found): check.grade.value for check in check_tenant(tenant.pk)}

    assert found()["from 2027-01-01 on, journal Intempus"] == "ok"
    desk.report("8")
    [journal] = desk.uniconta.rows(desk.company.number, "ProjectJournal")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournal", journal["RowId"], Blocked=True)
    with tenant_scope(tenant.pk):
        WorkTypeRule.objects.filter(tenant=tenant).delete()
    desk.run()
    checks = found()
    assert checks["The project journal is blocked in Uniconta."] == "failed"
    assert checks["need employees and projects; not switched on: employee, project"] == "failed"


def test_a_refused_reversal_is_tried_again_and_nothing_is_booked_beside_it(desk, world):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    desk.post()
    desk.run()
    changed(desk, report)
    refused = {"status": 400, "body": '"Kladden er spærret"', "content_type": "application/json"}
    rule = world.uniconta.faults.add("status", method="POST", path="ProjectJournalLine", **refused)
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_refused")
    assert desk.lines() == []
    world.uniconta.faults.clear(rule.id)
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert [(line[0], line[4]) for line in desk.lines()] == [(f"I{report}.2", -8.0), (f"I{report}.3", 5.0)]


def test_a_line_given_up_for_lost_that_is_there_after_all_is_not_made_again(desk):
    report = desk.report("8")
    desk.approve(report)
    desk.run()
    row = desk.line_row(f"I{report}")
    desk.uniconta.person_deletes(desk.company.number, "ProjectJournalLine", row["RowId"])
    desk.run()
    desk.press(corrections.send_again, report, None)
    with tenant_scope(desk.company.tenant.pk):
        JournalLine.objects.filter(report=desk.stored(report)).update(state=LineState.IN_JOURNAL)
    desk.run()
    assert desk.lines() == []  # it goes missing again, and asks again; nothing was made beside it
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")


def test_a_missing_right_on_one_table_is_no_trouble_of_the_connection(desk, world):
    report = desk.report("8")
    desk.approve(report)
    world.uniconta.faults.add(
        "status",
        method="GET",
        path="ProjectTransClient",
        status=403,
        body='"NoRights"',
        content_type="application/json",
    )
    desk.run(error="no_access")
    connection = desk.company.connection("uniconta")
    assert (connection.state, connection.failure_count) == ("working", 0)
    assert desk.lines() == []


def test_the_command_line_transfers_hours_and_says_how_they_stand(desk, capsys):
    sent, waiting = desk.report("8"), desk.report("3")
    desk.approve(sent)
    call_command("sync", "nordbyg", "--entity", "work_report")
    shown = {
        label.strip(): count.strip()
        for _, label, count, _ in (
            line.split("│") for line in capsys.readouterr().out.splitlines() if line.startswith("│")
        )
    }
    assert shown == {"Waits for approval": "1", "Transferred": "1", "Lines sent": "1"}
    assert [line[0] for line in desk.lines()] == [f"I{sent}"]
    assert desk.state(waiting) == (State.WAITING, "awaits_approved")
    desk.set_up(enabled=False)
    with pytest.raises(CommandError, match="transfers no work reports"):
        call_command("sync", "nordbyg", "--entity", "work_report")


def test_the_command_line_waits_for_a_worker_that_is_at_it(desk):
    """The demo failed when the schedule came first."""
    report, tenant = desk.report("8"), desk.company.tenant.pk
    desk.approve(report)
    with tenant_scope(tenant):
        other = Run.objects.create(
            tenant_id=tenant, kind=Run.Kind.HOURS, state=Run.State.RUNNING, alive_at=timezone.now()
        )

    def the_worker_ends(_seconds: float) -> None:
        assert desk.lines() == []
        with tenant_scope(tenant):
            Run.objects.filter(pk=other.pk).update(state=Run.State.DONE, finished_at=timezone.now())

    run = transfer_hours(tenant, sleep=the_worker_ends)
    assert (run.state, run.counts["transferred"]) == (Run.State.DONE, 1)
    assert [line[0] for line in desk.lines()] == [f"I{report}"]


def test_a_line_the_server_stumbles_over_stops_nobody_else(desk, world):
    """It is answered with a fault each time, as the only one; nobody knows whether it was stored."""
    good, bad = desk.report("1"), desk.report("2")
    desk.approve(good, bad)
    fault = {"status": 500, "body": "Object reference not set", "content_type": "text/plain"}
    world.uniconta.faults.add("status", method="POST", path=INSERT_LIST, times=1, **fault)
    desk.run(error="server_error")
    world.uniconta.faults.add("status", method="POST", path=rf"{INSERT}ClientUser", nth=[2, 3, 4, 5, 6, 7, 8], **fault)
    desk.run()
    assert [line[0] for line in desk.lines()] == [f"I{good}"]
    for _ in range(8):
        with tenant_scope(desk.company.tenant.pk):
            WorkReport.objects.update(due_at=timezone.now())
        desk.run()
    assert desk.state(bad) == (State.NEEDS_ATTENTION, "line_refused")
    assert len(desk.lines()) == 1


def test_move_company_leaves_the_hours_of_the_old_one_alone(desk):
    sent, ready, waiting = desk.report("8"), desk.report("4"), desk.report("2")
    desk.approve(sent)
    desk.run()
    desk.approve(ready)
    before = desk.lines()
    with tenant_scope(desk.company.tenant.pk):
        move_company(desk.company.tenant.pk, System.INTEMPUS, None)
    assert [desk.state(each) for each in (sent, ready, waiting)] == [(State.CLOSED, "company_moved")] * 3
    with tenant_scope(desk.company.tenant.pk):
        policy = HoursPolicy.objects.get(tenant=desk.company.tenant)
        assert (policy.enabled, policy.transfer_from) == (False, None)
        assert not ReportCursor.objects.filter(tenant=desk.company.tenant).exists()
    assert desk.lines() == before


def absence(desk):
    """A work type of absence; its id."""
    times = desk.company.intempus_number
    of = {"work_model": desk.work_model}
    [category] = desk.intempus.bulk(times, "work_category", 1, name="Sygdom", type="absence", **of)
    [work_type] = desk.intempus.bulk(times, "work_type", 1, name="Syg barn", work_category=category, unit="Timer", **of)
    return work_type


def said_of(desk, report):
    """Every text that our tables hold about the report."""
    stored = desk.stored(report)
    with tenant_scope(desk.company.tenant.pk):
        entries = list(ReportEntry.objects.filter(report=stored).values_list("detail", "changes"))
        return repr([model_to_dict(stored), entries])


@pytest.mark.one_profile
def test_of_absence_that_stays_in_intempus_only_what_counting_needs_is_kept(desk):
    """Sickness is health data: also what was stored before, and the history, say nothing of it."""
    work_type = absence(desk)
    desk.set_up(absence="hold")
    report = desk.report("7.4", worktype=work_type, remarks="Feber, 39 grader")
    desk.run()
    desk.intempus.person_edits(desk.company.intempus_number, "work_report", report, remarks="Feber, 40 grader")
    desk.run()
    assert desk.state(report) == (State.HELD, "held_absence")
    assert "Feber" in said_of(desk, report)

    desk.set_up(absence="skip")
    desk.run()
    later = desk.report("3", worktype=work_type, remarks="Feber igen")
    desk.approve(later)
    desk.run()
    for each, amount in ((report, "7.40"), (later, "3.00")):
        stored = desk.stored(each)
        assert desk.state(each) == (State.SKIPPED, "skipped_absence")
        assert (stored.employee_number, str(stored.quantity), stored.kind) == ("7", amount, "absence")
        assert not [word for word in ("Feber", "Syg", str(work_type), "Spær") if word in said_of(desk, each)]
    desk.intempus.person_edits(desk.company.intempus_number, "work_report", later, remarks="Feber endnu")
    desk.run()
    assert "Feber" not in said_of(desk, later)


@pytest.mark.one_profile
def test_hours_removed_when_their_time_was_over_do_not_come_back(desk):
    """Intempus keeps them; read again they would be transferred once more."""
    desk.set_up(transfer_from="2015-01-01")
    report = desk.report("8", day="2015-03-02")
    desk.approve(report)
    desk.run()
    with tenant_scope(desk.company.tenant.pk):
        assert not WorkReport.objects.filter(intempus_id=str(report)).exists()
    assert desk.lines() == []
