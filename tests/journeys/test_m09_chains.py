"""Rule M9 under hostile timing: what a person, Uniconta or Intempus does in between never hides, loses or doubles an hour."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mappings.models import HoursPolicy
from sync.domain.hours import corrections, following, transfer
from sync.models import JournalLine, Run, WorkReport
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


def test_a_worker_that_died_after_changing_the_line_is_not_asked_again(desk, monkeypatch):
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "change", None)

    def dies(*_arguments):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(corrections, "settle_report", dies)
        with pytest.raises(SystemExit):
            desk.run()
    with tenant_scope(desk.company.tenant.pk):
        Run.objects.update(state=Run.State.FAILED)
    desk.run()
    assert (quantities(desk), desk.state(report)) == ([(f"I{report}", 5.0)], (State.TRANSFERRED, ""))
    assert desk.chain(report) == [(f"I{report}", LineState.IN_JOURNAL, "5.00")]
    assert "line_edited" not in desk.history(report)


@pytest.mark.parametrize("answer", ["accept", "done_by_hand"])
def test_an_answer_holds_for_the_approval_it_was_given_to(desk, answer):
    """Withdrawn afterwards it asks again; approved again it is as it was."""
    report = sent(desk)
    edited(desk, report, amount="5")
    desk.run()
    desk.press(getattr(corrections, answer), report, None, "aftalt")
    desk.run()
    answered = desk.state(report)
    assert answered[0] == {"accept": State.ACCEPTED, "done_by_hand": State.BY_HAND}[answer]
    desk.intempus.person_withdraws(desk.company.intempus_number, report)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "withdrawn_after_transfer")
    desk.approve(report)
    desk.run()
    assert desk.state(report)[0] == answered[0]
    edited(desk, report, amount="6")
    desk.run()
    assert desk.state(report) == (State.CHANGED, "changed_after_transfer")


def test_a_report_done_by_hand_while_withdrawn_asks_when_it_is_approved_again(desk):
    """Its line was deleted by that hand, so it can be sent again."""
    report = sent(desk)
    desk.intempus.person_withdraws(desk.company.intempus_number, report)
    desk.run()
    desk.press(corrections.done_by_hand, report, None, "Slettet i kladden")
    lost(desk, f"I{report}")
    desk.run()
    desk.approve(report)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "approved_after_answer")
    desk.run()
    assert desk.state(report) == (State.CHANGED, "approved_after_answer")
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert quantities(desk) == [(f"I{report}.2", 8.0)]


@pytest.mark.parametrize("is_single", [True, False])
def test_a_line_created_under_a_shortened_reference_is_never_sent_again(desk, world, is_single):
    report = desk.report("8")
    desk.approve(report)
    desk.uniconta.switches.line_reference_max = len(str(report))  # one less than I<id>
    if is_single:
        refused = {"status": 400, "body": '"Kladden er spærret"', "content_type": "application/json"}
        world.uniconta.faults.add("status", method="POST", path=INSERT_LIST, times=1, **refused)
    desk.run()
    desk.run()
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_cut")
    with pytest.raises(corrections.RefusedError, match="hours_not_asked"):
        desk.press(corrections.send_again, report, None)
    desk.run()
    assert quantities(desk) == [(f"I{report}"[:-1], 8.0)]
    desk.press(corrections.accept, report, None)
    assert desk.state(report) == (State.ACCEPTED, "answer_accepted")


@pytest.mark.parametrize("keeps_reference", [True, False])
def test_a_journal_that_keeps_its_lines_shows_them_posted_all_the_same(desk, keeps_reference):
    """The line stands in the journal and among the transactions: once, and nobody may change it there any more."""
    [journal] = desk.uniconta.rows(desk.company.number, "ProjectJournal")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournal", journal["RowId"], DeleteLines=False)
    desk.uniconta.switches.posting_keeps_reference_number = keeps_reference
    report = sent(desk)
    assert desk.chain(report) == [(f"I{report}", LineState.IN_JOURNAL, "8.00")]
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "change", None)
    desk.post()
    desk.run()
    assert quantities(desk) == [(f"I{report}", 8.0)]
    assert desk.chain(report) == [(f"I{report}", LineState.POSTED, "8.00")]
    assert desk.stored(report).answer == ""
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    assert quantities(desk) == [(f"I{report}", 8.0), (f"I{report}.2", -8.0), (f"I{report}.3", 5.0)]


def test_a_reversal_repeats_what_the_line_says_now(desk):
    """A pay type that a person emptied in Uniconta is not paid back."""
    report = sent(desk)
    assert desk.line_row(f"I{report}")["PayrollCategory"] == "L1"
    row_id = desk.line_row(f"I{report}")["RowId"]
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, PayrollCategory=None)
    desk.run()
    desk.post()
    desk.run()
    edited(desk, report, amount="5")
    desk.run()
    desk.press(corrections.choose, report, "reverse", None)
    desk.run()
    assert not desk.line_row(f"I{report}.2").get("PayrollCategory")
    assert desk.line_row(f"I{report}.3")["PayrollCategory"] == "L1"


def test_a_line_that_a_person_edits_in_the_journal_asks_and_can_be_answered(desk):
    report = sent(desk)
    row_id = desk.line_row(f"I{report}")["RowId"]
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, Text="Rettet tekst")
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")  # hours are where they belong
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, Qty=7.0)
    desk.run()
    desk.run()
    assert desk.state(report) == (State.CHANGED, "line_edited")
    desk.press(corrections.choose, report, "change", None)
    desk.run()
    assert (quantities(desk), desk.state(report)) == ([(f"I{report}", 8.0)], (State.TRANSFERRED, ""))
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, Qty=7.5)
    desk.run()
    desk.press(corrections.accept, report, None, "Pause trukket fra")
    desk.run()
    assert desk.state(report) == (State.ACCEPTED, "answer_accepted")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, Qty=6.0)
    desk.run()
    assert desk.state(report) == (State.CHANGED, "line_edited")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row_id, Qty=8.0)
    desk.run()
    assert desk.state(report) == (State.TRANSFERRED, "")


def test_a_line_already_reversed_is_not_reversed_twice(desk):
    report = corrected(desk)
    edited(desk, report, amount="4")
    desk.run()
    lost(desk, f"I{report}.3")
    desk.run()
    assert desk.state(report) == (State.CHANGED, "changed_after_transfer")
    with pytest.raises(corrections.RefusedError, match="hours_not_asked"):
        desk.press(corrections.choose, report, "reverse", None)
    desk.press(corrections.send_again, report, None)
    desk.run()
    assert quantities(desk) == [(f"I{report}.2", -8.0), (f"I{report}.4", 4.0)]


def test_a_line_is_looked_for_a_month_and_then_costs_nothing(desk, world):
    report = sent(desk)
    lost(desk, f"I{report}")
    desk.run()
    with tenant_scope(desk.company.tenant.pk):
        [line] = JournalLine.objects.filter(report__intempus_id=str(report))
        assert line.lost_at is not None
        JournalLine.objects.filter(pk=line.pk).update(lost_at=timezone.now() - timedelta(days=31))
    before = len(world.uniconta.ledger.calls())
    desk.run()
    calls = [call.path for call in world.uniconta.ledger.calls()[before:]]
    assert not [path for path in calls if "ProjectTrans" in path or "ProjectJournalLine" in path]
    assert desk.state(report) == (State.NEEDS_ATTENTION, "line_missing")  # it goes on asking


def test_a_moved_line_is_not_taken_for_a_posted_one_like_it(desk):
    """It stands in another journal that deletes what is posted; a transaction alike is somebody else's."""
    desk.uniconta.bulk(desk.company.number, "ProjectJournal", 1, Journal="Andre", Name="Andre timer")
    first = sent(desk)
    desk.uniconta.switches.posting_keeps_reference_number = False
    row = desk.line_row(f"I{first}")
    same = {name: row[name] for name in ("Date", "Project", "Employee", "Item", "Qty")}
    desk.uniconta.person_creates(desk.company.number, "ProjectJournalLine", Journal="Andre", **same)
    desk.uniconta.person_posts(desk.company.number, "Andre")
    desk.uniconta.person_edits(desk.company.number, "ProjectJournalLine", row["RowId"], Journal="Andre")
    desk.run()
    assert desk.chain(first) == [(f"I{first}", LineState.IN_JOURNAL, "8.00")]
