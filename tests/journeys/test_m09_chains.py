"""Rule M9 under hostile timing: what a person, Uniconta or Intempus does in between never hides, loses or doubles an hour."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mappings.models import HoursPolicy
from sync.domain.hours import corrections, following, transfer
from sync.models import JournalLine, WorkReport
from tenants.scoping import tenant_scope
from tests.journeys.hours import DAY, Desk

pytestmark = pytest.mark.one_profile
State, LineState = WorkReport.State, JournalLine.State
INSERT_LIST = r"/InsertList/ProjectJournalLine"


@pytest.fixture
def desk(world):
    """One company's; the other one has a report of its own, and nothing of it may ever change."""
    world.ends_well = False  # its promises are about linked pairs
    desk, other = Desk(world.nordbyg), Desk(world.havnen)
    other.approve(other.report("3"))
    other.run()
    before = other.lines()
    yield desk
    assert other.lines() == before


def sent(desk, amount="8"):
    report = desk.report(amount)
    desk.approve(report)
    desk.run()
    return report


def edited(desk, report, **values):
    desk.intempus.person_edits(desk.company.intempus_number, "work_report", report, **values)
    desk.approve(report)


def lost(desk, reference):
    """A person deletes the line by mistake."""
    desk.uniconta.person_deletes(desk.company.number, "ProjectJournalLine", desk.line_row(reference)["RowId"])


def corrected(desk):
    """I.1 (8 hours, posted), reversed by I.2, booked anew by I.3 (5 hours)."""
    report = sent(desk)
    desk.post()
    desk.run()
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    return report


def quantities(desk):
    return [(line[0], line[4]) for line in desk.lines()]


def test_a_report_that_asks_about_its_line_goes_on_asking_when_it_changes(desk):
    report = sent(desk)
    lost(desk, f"I{report}")
    desk.run()
    edited(desk, report, amount="5")
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert quantities(desk) == [(f"I{report}.2", 5.0)]


def test_a_refused_line_stays_one_when_something_else_of_the_report_changes(desk, world):
    report = desk.report("8")
    desk.approve(report)
    refused = {"status": 400, "body": '"Kladden er spærret"', "content_type": "application/json"}
    rule = world.uniconta.faults.add("status", method="POST", path="ProjectJournalLine", **refused)
    desk.run()
    world.uniconta.faults.clear(rule.id)
    desk.intempus.person_edits(desk.company.intempus_number, "case", desk.case, name="Nyt navn")
    with tenant_scope(desk.company.tenant.pk):
        WorkReport.objects.filter(intempus_id=str(report)).update(case_name="Gammelt navn")
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_refused")


def test_a_transaction_proves_one_line_only(desk):
    """Four hours before lunch and four after it, posted apart, without their references."""
    desk.uniconta.switches.posting_keeps_reference_number = False
    first = sent(desk, "4")
    desk.post()
    desk.run()
    assert desk.chain(first)[0][1] == LineState.POSTED
    second = sent(desk, "4")
    lost(desk, f"I{second}")
    desk.run()
    assert desk.state(second) == (State.NEEDS_ATTENTION, "line_missing")


def test_what_uniconta_said_done_and_never_shows_is_not_sent_again(desk, world):
    report = desk.report("8")
    desk.approve(report)
    rule = world.uniconta.faults.add(
        "status", method="GET", path="ProjectJournalLine", status=200, body="[]", content_type="application/json"
    )
    desk.run()
    for _ in range(2):
        desk.run()
    assert quantities(desk) == [(f"I{report}", 8.0)]
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")
    world.uniconta.faults.clear(rule.id)
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")


@pytest.mark.parametrize("then", ["withdrawn", "changed"])
def test_a_report_that_changes_while_its_line_is_unclear_is_judged_afresh(desk, world, then):
    report = desk.report("8")
    desk.approve(report)
    world.uniconta.faults.add("reset", method="POST", path=INSERT_LIST, times=1)
    desk.run(error="answer_lost")
    if then == "changed":
        edited(desk, report, amount="5")
    else:
        desk.intempus.person_withdraws(desk.company.intempus_number, report)
    desk.run()
    assert quantities(desk) == ([] if then == "withdrawn" else [(f"I{report}", 5.0)])
    expected = (State.WAITING, "awaits_approved") if then == "withdrawn" else (State.TRANSFERRED, "")
    assert desk.state(report) == expected


def test_who_presses_while_a_run_is_at_work_is_heard_by_it(desk, monkeypatch):
    """“I am posting the journal” holds what the run under way has not sent yet."""
    report = desk.report("8")
    desk.approve(report)
    look_up = transfer.look_up

    def pressed(*arguments):
        desk.set_up(paused_until=timezone.now() + timedelta(hours=1))
        return look_up(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "look_up", pressed)
        desk.run()
    assert desk.lines() == []
    desk.set_up(paused_until=None)
    desk.run()
    assert quantities(desk) == [(f"I{report}", 8.0)]


def test_the_wait_for_a_lost_answer_begins_with_the_answer(desk, world, settings):
    """Of a batch sent one by one the last call may be long after the claim."""
    settings.UNCLEAR_WAIT_SECONDS = 120
    report = desk.report("8")
    desk.approve(report)
    world.uniconta.faults.add("reset", method="POST", path=INSERT_LIST, times=1)
    began = timezone.now()
    desk.run(error="answer_lost")
    with tenant_scope(desk.company.tenant.pk):
        line = JournalLine.objects.get(reference=f"I{report}", tenant=desk.company.tenant)
        assert line.sent_at > began
        claimed = desk.history(report)
        entry = line.report.entries.get(code="line_unclear")
        assert abs(line.sent_at - entry.at) < timedelta(seconds=1), claimed


def test_an_answer_given_while_lines_are_looked_at_stands(desk, monkeypatch):
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    row = desk.line_row(f"I{report}")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row["RowId"], SalesPrice=495.0)
    note_seen, results = following.note_seen, []

    def meanwhile(line, *arguments):
        """Another connection holds the report's row at that moment, or waits for it."""
        with tenant_scope(desk.company.tenant.pk):
            free = WorkReport.objects.select_for_update(skip_locked=True).filter(pk=line.report_id)
            results.append(line.report.state)
            assert free.exists()  # ours: we hold it ourselves
        note_seen(line, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(following, "note_seen", meanwhile)
        desk.run()
    assert results == [State.CHANGED]


def test_an_answer_to_a_report_that_changed_back_is_not_kept_for_the_next_change(desk):
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "reverse", None)
    edited(desk, report, amount="8")
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")
    edited(desk, report, amount="6")
    desk.run()
    desk.run()
    assert desk.state(report) == (State.CHANGED, "changed_after_transfer")
    assert quantities(desk) == [(f"I{report}", 8.0)]


def test_an_answer_holds_for_what_the_person_saw(desk):
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "change", None)
    with pytest.raises(corrections.RefusedError):
        desk.press(corrections.accept, report, None)  # another answer is being carried out
    edited(desk, report, amount="80")
    desk.run()
    assert quantities(desk) == [(f"I{report}", 8.0)]
    assert (desk.state(report)[0], desk.stored(report).answer) == (State.CHANGED, "")


def test_a_reversal_that_is_lost_is_sent_again_and_the_hours_stand_once(desk):
    report = corrected(desk)
    lost(desk, f"I{report}.2")
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert sorted(quantities(desk)) == [(f"I{report}.2", -8.0), (f"I{report}.3", 5.0)]
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_a_lost_reversal_asks_although_its_report_waits_again(desk):
    report = sent(desk)
    desk.post()
    desk.run()
    desk.intempus.person_withdraws(desk.company.intempus_number, report)
    desk.run()
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    assert desk.state(report) == (State.WAITING, "awaits_approved")
    lost(desk, f"I{report}.2")
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert quantities(desk) == [(f"I{report}.2", -8.0)]
    assert desk.state(report) == (State.WAITING, "awaits_approved")


def test_a_line_moved_to_another_journal_is_not_missing(desk):
    report = sent(desk)
    desk.uniconta.bulk(desk.company.number, "ProjectJournal", 1, Journal="Anden", Name="En anden")
    row = desk.line_row(f"I{report}")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row["RowId"], Journal="Anden")
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")
    assert desk.chain(report) == [(f"I{report}", LineState.IN_JOURNAL, "8.00")]


def test_a_lost_line_that_comes_back_beside_its_successor_asks_until_one_is_gone(desk):
    report = sent(desk)
    lost(desk, f"I{report}")
    desk.run()
    desk.press(corrections.send_again, report, None)
    desk.run()
    same = {"Journal": "Intempus", "Project": "P1", "Employee": "7", "Item": "TIME", "Date": DAY, "Qty": 8.0}
    desk.uniconta.person_creates(desk.company.number, "ProjectJournalLine", **same, ReferenceNumber=f"I{report}")
    for _ in range(2):
        desk.run()
        assert desk.state(report) == (State.NEEDS_ATTENTION, "line_doubled")


def test_a_journal_that_keeps_what_is_posted(desk):
    """A line that stands there still, and among the transactions as well, is posted: nobody changes it in place."""
    [journal] = desk.uniconta.rows(desk.company.number, "ProjectJournal")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournal", journal["RowId"], DeleteLines=False)
    desk.uniconta.switches.posting_keeps_reference_number = True
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "change", None)
    desk.post()
    desk.run()
    assert desk.line_row(f"I{report}")["Qty"] == 8.0
    assert desk.stored(report).answer == ""
    assert desk.chain(report) == [(f"I{report}", LineState.POSTED, "8.00")]


def test_hours_switched_off_during_a_run_stop_before_the_next_line(desk, monkeypatch):
    report = desk.report("8")
    desk.approve(report)
    look_up = transfer.look_up

    def pressed(*arguments):
        with tenant_scope(desk.company.tenant.pk):
            HoursPolicy.objects.filter(tenant=desk.company.tenant).update(enabled=False)
        return look_up(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "look_up", pressed)
        desk.run()
    assert desk.lines() == []
    assert desk.state(report)[0] in (State.WAITING, State.READY)
