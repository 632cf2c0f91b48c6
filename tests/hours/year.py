"""What people do in a year: they register, approve, withdraw, edit, move, delete, post, mend and answer.

Everything is drawn from one seed. What a person decides about one report is drawn from the seed and that report, so that
it does not depend on how often a run had to be repeated.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from sync.domain.actions import RefusedError
from sync.domain.hours import corrections
from sync.domain.hours.answers import standing_line
from sync.models import JournalLine, WorkReport
from tenants.scoping import tenant_scope
from tests.hours.firm import JOURNAL, PROJECTS, YEAR, Firm

AMOUNTS = ("7.4", "3.7", "2.53333333", "0.13333333", "4.86666667", "1.005", "2.675", "1.125", "7.53333333", "0.005")
SUMMER, WINTER = date(YEAR, 3, 28), date(YEAR, 10, 31)  # the clocks change at 02:00 and 03:00
LONG, VERY_LONG, SHORT = "En lang forklaring. " * 5, "En meget lang forklaring. " * 12, "Kort"
#: One report in thirty has each of these.
WRONG = (
    "project_blocked",
    "project_phase",
    "project_missing",
    "project_not_linked",
    "employee_not_linked",
    "employee_ended",
    "item_missing",
    "rule_missing",
    "pay_type_missing",
    "text",
)
SHARE = 0.03
TARGETS = {
    "project_blocked": "BLOCK",
    "project_phase": "PHASE",
    "project_missing": "GONE",
    "project_not_linked": "UNL",
    "employee_not_linked": "UNL",
    "employee_ended": "END",
    "item_missing": "Vare",
    "rule_missing": "Uden regel",
    "pay_type_missing": "Løn",
}


def content(row: Any) -> Any:
    """What a report says; nothing of its approval."""
    names = (
        "employee",
        "case",
        "worktype",
        "product",
        "start_date",
        "end_date",
        "start_time",
        "end_time",
        "amount",
        "remarks",
    )
    return None if row is None else tuple(row[name] for name in names)


@dataclass
class Year:
    firm: Firm
    seed: int
    days: float  # the share of the days on which an employee registers something
    altered: float  # the share of the reports of late that somebody alters in a month
    #: Reports whose approval comes in a later month: month → ids.
    late: dict[int, list[int]] = field(default_factory=dict)
    never: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)  # asked about, and nobody answers
    #: Closed by a person: what Intempus and Uniconta showed of them then.
    closed: dict[int, tuple[str, Any, Any]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    acts: dict[str, int] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    born: dict[int, dict[str, Any]] = field(default_factory=dict)  # every report as it was first
    _asked: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.company = self.firm.company
        self.intempus, self.uniconta = self.company.intempus, self.company.uniconta

    def count(self, act: str, by: int = 1) -> None:
        self.acts[act] = self.acts.get(act, 0) + by

    # -- Intempus ----------------------------------------------------------------------------------------------------

    def rows(self) -> dict[int, dict[str, Any]]:
        return {row["id"]: row for row in self.intempus.rows(self.company.intempus_number, "work_report")}

    def register(self, month: int) -> None:
        """A month of everybody's days, entered in no order."""
        before = set(self.rows())
        last = calendar.monthrange(YEAR, month)[1]
        days = [date(YEAR, month, day) for day in range(1, last + 1)]
        planned = [
            report
            for employee in self.firm.staff
            for day in days
            if (day.weekday() < 5 and self.random.random() < self.days) or day in (SUMMER, WINTER)
            for report in self._day(employee, day)
        ]
        if month == 1:
            planned += [self._report("1", date(YEAR - 1, 12, day), "7.4") for day in (28, 29, 30)]
        self.random.shuffle(planned)
        for values in planned:
            self.intempus.person_creates(self.company.intempus_number, "work_report", **values)
        there = self.rows()
        new = sorted(set(there) - before)  # with the overtime that Intempus added
        self.born |= {report: there[report] for report in new}
        self.created |= set(new)
        self._plan_approvals(month, new)

    def _day(self, employee: str, day: date) -> list[dict[str, Any]]:
        draw = self.random.random
        if draw() < 0.02:
            until = day + timedelta(days=self.random.randint(1, 4))
            return [self._report(employee, day, "14.8", work="Sygdom", case=None, end_date=until.isoformat())]
        reports = [
            self._report(employee, day, self.random.choice(AMOUNTS)) for _ in range(self.random.choice((1, 2, 2, 3)))
        ]
        if day in (SUMMER, WINTER) or draw() < 0.03:  # over midnight
            until = day if day in (SUMMER, WINTER) else day + timedelta(days=1)
            start, end = ("01:30:00", "03:30:00") if until == day else ("22:00:00", "06:00:00")
            times = {"start_time": start, "end_time": end, "end_date": until.isoformat()}
            reports.append(self._report(employee, day, "8" if until > day else "1", **times))
        for share, work, amount in (
            (0.1, "Kørsel", "84.333"),
            (0.04, "Udlæg", "249.95"),
            (0.02, "Diæt", "1"),
            (0.05, "Akkord", "1.5"),
        ):
            if draw() < share:
                reports.append(self._report(employee, day, amount, work=work))
        if draw() < 0.12:
            product = "MAT" if draw() > 0.1 else self._which("MAT")
            reports.append(self._report(employee, day, "6.333333", work=None, product=self.firm.products[product]))
        return reports

    def _which(self, what: str) -> str:
        mark = " " if what in ("Vare", "Uden regel", "Løn") else "-"
        return f"{what}{mark}{'A' if self.random.random() < 0.7 else 'B'}"

    def _report(
        self, employee: str, day: date, amount: str, work: str | None = "Normaltid", **values: Any
    ) -> dict[str, Any]:
        case, remarks = f"P{self.random.randint(1, PROJECTS)}", f"Spær {self.random.randint(1, 99)}"
        place = self.random.random() / SHARE
        wrong = WRONG[int(place)] if place < len(WRONG) else ""
        target = self._which(TARGETS[wrong]) if wrong in TARGETS else ""
        if wrong.startswith("project"):
            case = target
        elif wrong.startswith("employee"):
            employee = target
        elif wrong == "text":
            remarks = self.random.choice((LONG, VERY_LONG))
        elif target and work == "Normaltid":
            work = target
        firm = self.firm
        return {
            "employee": firm.employees[employee],
            "case": firm.cases[case],
            "worktype": None if work is None else firm.work_types[work],
            "amount": amount,
            "start_date": day.isoformat(),
            "remarks": remarks,
        } | values

    def _plan_approvals(self, month: int, new: list[int]) -> None:
        for report in new:
            draw = self.random.random()
            if draw < 0.03:
                self.never.add(report)
            else:
                later = 0 if draw < 0.8 else 1 if draw < 0.93 else self.random.randint(2, 5)
                self.late.setdefault(month + later, []).append(report)

    def approve(self, month: int, share: float = 1.0) -> None:
        """Those whose turn it is, in no order."""
        ids = self.late.pop(month, [])
        self.random.shuffle(ids)
        now, rest = ids[: int(len(ids) * share)], ids[int(len(ids) * share) :]
        self.late[month] = rest
        there = self.rows()
        self.intempus.person_approves(self.company.intempus_number, *[each for each in now if each in there])
        self.count("approved", len(now))

    def change(self, month: int) -> None:
        """Withdrawals, edits, moves to another project, deletions: before the transfer, after it, of posted ones."""
        ids, number = sorted(self.rows()), self.company.intempus_number
        recent = [each for each in ids if each in self.created][-4 * max(1, len(ids) // max(1, month)) :]
        for report in recent:
            draw = self.random.random() / self.altered
            if draw >= 1:
                continue
            row = self.intempus.row(number, "work_report", report)
            if row is None:
                continue
            if draw < 0.3:
                self.count("edited")
                self.intempus.person_edits(number, "work_report", report, amount=self.random.choice(AMOUNTS))
            elif draw < 0.5:
                self.count("moved")
                case = self.firm.cases[f"P{self.random.randint(1, PROJECTS)}"]
                self.intempus.person_edits(number, "work_report", report, case=case)
            elif draw < 0.7:
                self.count("withdrawn")
                self.intempus.person_withdraws(number, report)
                if self.random.random() < 0.6:
                    self.late.setdefault(month + 1, []).append(report)
            elif draw < 0.85:
                self.count("deleted")
                self.intempus.person_deletes(number, "work_report", report)
            else:
                self.count("reworded")
                self.intempus.person_edits(number, "work_report", report, remarks=f"Rettet {month}")
        for report, row in self.rows().items():
            if len(row["remarks"] or "") > 60 and self.random.random() < 0.3:
                self.count("shortened")
                self.intempus.person_edits(number, "work_report", report, remarks=SHORT)

    # -- Uniconta ----------------------------------------------------------------------------------------------------

    def lines(self) -> dict[str, list[dict[str, Any]]]:
        """Lines and transactions by the report they are of, in the order of the chain."""
        found: dict[str, list[dict[str, Any]]] = {}
        for table in ("ProjectTrans", "ProjectJournalLine"):
            for row in self.uniconta.rows(self.company.number, table):
                name = str(row["ReferenceNumber"] or "")
                found.setdefault(name.partition(".")[0], []).append(row | {"table": table})
        for rows in found.values():
            rows.sort(key=lambda row: int(str(row["ReferenceNumber"]).partition(".")[2] or 1))
        return found

    def lose_lines(self) -> None:
        """Somebody deletes lines from the journal by mistake."""
        for row in self.uniconta.rows(self.company.number, "ProjectJournalLine"):
            if "." not in str(row["ReferenceNumber"]) and self.random.random() < 0.004:
                self.count("line_lost")
                self.uniconta.person_deletes(self.company.number, "ProjectJournalLine", row["RowId"])

    def post(self) -> None:
        self.count("posted")
        self.uniconta.person_posts(self.company.number, JOURNAL)

    # -- the console -------------------------------------------------------------------------------------------------

    def asking(self) -> list[WorkReport]:
        """What a person finds listed and can answer."""
        with tenant_scope(self.company.tenant.pk):
            reports = WorkReport.objects.filter(tenant=self.company.tenant)
            changed = reports.filter(state=WorkReport.State.CHANGED)
            lost = reports.filter(state=WorkReport.State.NEEDS_ATTENTION, reason="line_missing")
            return [each for each in (*changed, *lost) if int(each.intempus_id) not in self.left]

    def answer(self, *, leaving: bool = True) -> int:
        """Answer what asks; returns how many answers a run has to carry out."""
        there, lines, pressed = self.rows(), None, 0
        for report in self.asking():
            number = int(report.intempus_id)
            row = there.get(number)
            is_ready = row is not None and bool(row["approved"])
            if report.reason == "line_held" and not is_ready:
                continue  # it is on hold: nothing to do
            turn = self._asked[number] = self._asked.get(number, 0) + 1
            draw = Random(f"{self.seed}/{number}/{turn}").random()
            with tenant_scope(self.company.tenant.pk):
                line = standing_line(report.lines.order_by("number"))
            if report.reason == "line_missing" or line is None:
                pressed += self._press("send_again", corrections.send_again, report, None)
            elif leaving and draw < 0.1:
                self.left.add(number)
                self.answers["left"] = self.answers.get("left", 0) + 1
            elif draw < 0.25 and report.reason != "line_held":
                if lines is None:
                    lines = self.lines()
                self.closed[number] = (
                    "accepted" if draw < 0.18 else "by_hand",
                    content(row),
                    lines.get(f"I{number}", []),
                )
                if draw < 0.18:
                    self._press("accepted", corrections.accept, report, None)
                else:
                    self._press("by_hand", corrections.done_by_hand, report, None, "Rettet i Uniconta")
            else:
                may_change = line.state == JournalLine.State.IN_JOURNAL and (draw < 0.8 or turn > 3)
                answer = "change" if may_change else "reverse"
                pressed += self._press(answer, corrections.choose, report, answer, None)
        return pressed

    def _press(self, name: str, action: Any, report: WorkReport, *arguments: Any) -> int:
        try:
            with tenant_scope(self.company.tenant.pk):
                action(report.pk, *arguments)
        except RefusedError as refused:
            name = f"refused_{refused.args[0]}"
        self.answers[name] = self.answers.get(name, 0) + 1
        return 0 if name.startswith("refused") else 1
