"""What must stand in Uniconta, worked out from the generator's knowledge and the two simulators' rows alone.

Nothing of the platform's mapping is used here: rounding, references, items and pay types are worked out anew. What the
platform says of each report is handed in as plain texts and compared at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.hours.firm import PAY_TYPES, UNITS, WORK_TYPES, YEAR, Firm
from tests.hours.year import Year, content

Row = Mapping[str, Any]
HELD, SKIPPED = ("expenses",), ("per_diem", "absence")


def hundredths(amount: Any) -> int:
    """An amount in hundredths, halves away from zero."""
    exact = Fraction(str(amount)) * 100
    size = int(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


@dataclass
class Calculation:
    year: Year
    said: Mapping[int, tuple[str, str, frozenset[str]]]  # what the platform says: state, reason, problems
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Per employee and unit, in hundredths: what is ready in Intempus and stands in Uniconta.
    sums: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    #: The hours check by employee in Intempus and unit: what is due, and what stands in Uniconta, whatever the reason.
    due: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def __post_init__(self) -> None:
        firm: Firm = self.year.firm
        self.firm = firm
        self.work_types = {firm.work_types[name]: (name, *rest) for name, *rest in WORK_TYPES}
        self.cases = {row_id: number for number, row_id in firm.cases.items()}
        self.employees = {row_id: number for number, row_id in firm.employees.items()}
        self.products = {row_id: number for number, row_id in firm.products.items()}

    def run(self) -> list[str]:
        """Everything that is not as it must be, in words; nothing is right."""
        there, chains = self.year.rows(), self.year.lines()
        for reference in chains:
            if not reference.startswith("I") or int(reference[1:]) not in self.said:
                self.wrong.append(f"{reference}: a line of no report")
        for report in sorted(self.year.created | set(there)):
            self._look_at(report, there.get(report), chains.get(f"I{report}", []))
            self._note_due(report, there.get(report), chains.get(f"I{report}", []))
        for key, (ready, standing) in self.sums.items():
            if ready != standing:
                self.wrong.append(f"{key}: {ready} hundredths ready, {standing} in Uniconta")
        return self.wrong

    def _note_due(self, report: int, row: Row | None, chain: list[Row]) -> None:
        born = row or self.year.born.get(report)
        if born is None:
            return  # overtime that Intempus added later, and removed
        is_due = self._fate(row)[0] in ("ready", "needs_attention")
        standing = [line for line in chain if is_due or not line.get("OnHold")]
        name = "" if born["product"] else self.work_types[born["worktype"]][0]
        both = self.due[str(born["employee"]), UNITS.get(name, "Timer") if name else ""]
        both[0] += hundredths(row["amount"]) if row is not None and is_due else 0
        both[1] += sum(hundredths(line["Qty"]) for line in standing)

    # -- one report --------------------------------------------------------------------------------------------------

    def _look_at(self, report: int, row: Row | None, chain: list[Row]) -> None:
        say = self.said.get(report)
        if say is None:
            # Never seen: it was deleted before the first reading after its birth.
            if row is not None or chain:
                self.wrong.append(f"I{report}: not listed")
            self.counts["never_seen"] += 1
            return
        self.counts[say[0]] += 1
        self._check_chain(report, chain)
        if self._is_answered(report, row, say, chain):
            return
        fate, codes = self._fate(row)
        net = sum(hundredths(line["Qty"]) for line in chain)
        if not chain or (net == 0 and len(chain) % 2 == 0):
            self._check_without_line(report, say, fate, codes)
        elif chain[-1].get("OnHold"):
            if fate == "ready" or say[:2] != ("changed", "line_held"):
                self.wrong.append(f"I{report}: on hold, {fate}, {say}")
        elif row is None or fate not in ("ready", "needs_attention"):  # what came in the way later is in nobody's way
            self.wrong.append(f"I{report}: {fate}, and a line stands: {say}")
        else:
            self._check_line(report, row, chain[-1])
            if net != hundredths(row["amount"]):
                self.wrong.append(f"I{report}: {net} hundredths instead of {row['amount']}")
            if say[0] != "transferred":
                self.wrong.append(f"I{report}: a line stands, and yet {say}")
            self._add_up(row, hundredths(row["amount"]), net)

    def _is_answered(
        self, report: int, row: Row | None, say: tuple[str, str, frozenset[str]], chain: list[Row]
    ) -> bool:
        """Whether a person closed it as it is, or was asked and left it."""
        state, reason, _ = say
        name, said, before = self.year.closed.get(report, ("", None, []))
        if state == name and said == content(row):
            self._same_chain(report, before, chain)
            return True
        if report in self.year.left:
            if state != "changed" and not (state == "transferred" and chain):  # or it was changed back
                self.wrong.append(f"I{report}: left unanswered, yet {state} {reason}")
            return True
        return False

    def _check_chain(self, report: int, chain: list[Row]) -> None:
        """A line, and after it only pairs: what reverses the line before, and what is booked anew."""
        names = [line["ReferenceNumber"] for line in chain]
        if len(set(names)) != len(names):
            self.wrong.append(f"I{report}: twice: {names}")
        for before, after in zip(chain[::2], chain[1::2], strict=False):
            if hundredths(before["Qty"]) + hundredths(after["Qty"]):
                self.wrong.append(f"I{report}: {after['ReferenceNumber']} does not reverse the line before it")
        self.counts["lines"] += len(chain)
        self.counts["reversals"] += len(chain) // 2

    def _check_without_line(
        self, report: int, say: tuple[str, str, frozenset[str]], fate: str, codes: frozenset[str]
    ) -> None:
        state, reason, problems = say
        if fate == "ready":
            self.wrong.append(f"I{report}: ready and not transferred: {say}")
        elif state != fate:
            self.wrong.append(f"I{report}: listed as {state} {reason}, expected {fate} {sorted(codes)}")
        elif fate == "needs_attention" and (problems != codes or reason not in codes):
            self.wrong.append(f"I{report}: {reason} of {sorted(problems)}, expected {sorted(codes)}")

    def _same_chain(self, report: int, before: list[Row], chain: list[Row]) -> None:
        """As at a person's answer, but for the posting."""

        def plain(lines: list[Row]) -> list[tuple[Any, ...]]:
            return [tuple(line[name] for name in ("ReferenceNumber", "Date", "Project", "Qty")) for line in lines]

        if plain(before) != plain(chain):
            self.wrong.append(f"I{report}: closed by a person, and {plain(before)} became {plain(chain)}")

    # -- what a report must become -----------------------------------------------------------------------------------

    def _fate(self, row: Row | None) -> tuple[str, frozenset[str]]:
        """The state of a report without a line, and what stands in its way."""
        if row is None:
            return "gone", frozenset()
        kind = "" if row["product"] else self.work_types[row["worktype"]][3]
        if kind in SKIPPED:
            return "skipped", frozenset()
        if row["start_date"] < f"{YEAR}-01-01":
            return "before_start", frozenset()
        if kind in HELD:
            return "held", frozenset()
        if not row["approved"]:
            return "waiting", frozenset()
        codes = self._codes(row)
        return ("needs_attention" if codes else "ready"), codes

    def _codes(self, row: Row) -> frozenset[str]:
        wrong = self.firm.wrong
        parts = ("case", "employee", "product") if row["product"] else ("case", "employee", "worktype")
        codes = {wrong[name, row[name]] for name in parts if (name, row[name]) in wrong}
        if row["start_date"] <= self.firm.closed_until:
            codes.add("period_closed")
        length = len(" ".join((row["remarks"] or "").split()))
        if length > 250:
            codes.add("text_too_long")
        elif length > 60 and not codes:
            codes.add("line_refused")
        return frozenset(codes)

    def _check_line(self, report: int, row: Row, line: Row) -> None:
        expected: dict[str, Any] = {
            "Project": self.cases[row["case"]],
            "Employee": self.employees[row["employee"]],
            "Qty": hundredths(row["amount"]),
        }
        if row["product"]:
            expected |= {"Item": self.products[row["product"]], "PayrollCategory": ""}
        else:
            name, item, pay_type, _ = self.work_types[row["worktype"]]
            expected |= {"Item": item or "TIME", "PayrollCategory": pay_type or PAY_TYPES.get(name, "")}
        found = {name: line.get(name) or "" for name in expected} | {"Qty": hundredths(line["Qty"])}
        if found != expected:
            self.wrong.append(f"I{report}: {found} instead of {expected}")
        day, true_day = line["Date"][:10], row["start_date"]
        is_moved = day in self.firm.first_open_days and true_day <= str(date.fromisoformat(day) - timedelta(days=1))
        if day != true_day and not is_moved:
            self.wrong.append(f"I{report}: booked on {day}, worked on {true_day}")

    def _add_up(self, row: Row, ready: int, standing: int) -> None:
        unit = "piece" if row["product"] else self.work_types[row["worktype"]][0]
        both = self.sums[
            self.employees[row["employee"]], "km" if unit == "Kørsel" else "piece" if unit == "piece" else "h"
        ]
        both[0] += ready
        both[1] += standing
