"""What becomes of one work report (rule M9): whether it is ready, what stands in its way, and what its line says.

Pure rules on plain data. A verdict is computed from what stands now and nothing else, so it may be computed again at any
time: every line of what a person sees comes from here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Protocol

from mappings.units import MEMBER_OF_SPELLING

#: Quantities are rounded to two decimals, halves away from zero, report by report; a sum is the sum of rounded ones.
QUANTITY_STEP = Decimal("0.01")
#: Uniconta lets hours be written on projects in these phases only (API page section 3).
OPEN_PHASES = frozenset({"Created", "Accepted", "InProgress"})
#: The longest text sent unless a tenant says otherwise. An assumption: what Uniconta takes is not published, and what is
#: longer might be cut without a word. A line whose text was cut shows it on the report's page.
TEXT_LENGTH = 250


class Kind(StrEnum):
    """What a report is, by the type of its work category (Intempus API page 3.6), or a material."""

    WORK = "work"
    MATERIAL = "material"
    MILEAGE = "mileage"
    EXPENSES = "expenses"
    PER_DIEM = "per_diem"
    ABSENCE = "absence"


class Treatment(StrEnum):
    TRANSFER = "transfer"
    HOLD = "hold"
    SKIP = "skip"


class Ready(StrEnum):
    """When a report counts as ready."""

    APPROVED = "approved"
    LOCKED = "locked"
    DAYS = "days"


class Outcome(StrEnum):
    GONE = "gone"
    WAITING = "waiting"
    BEFORE_START = "before_start"
    SKIPPED = "skipped"
    HELD = "held"
    NEEDS_ATTENTION = "needs_attention"
    READY = "ready"


class Report(Protocol):
    """What the rules read of a stored report."""

    intempus_id: str
    employee_id: str
    employee_name: str
    case_id: str
    case_name: str
    work_type_id: str
    work_type_name: str
    product_id: str
    kind: str
    unit: str
    starts_on: date
    ends_on: date
    starts_at: Any
    ends_at: Any
    amount: Decimal
    remarks: str
    is_approved: bool
    is_locked: bool
    is_gone: bool
    unreadable: str
    earlier: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Terms:
    """A tenant's settings for hours."""

    journal: str
    transfer_from: date | None
    ready_when: Ready = Ready.APPROVED
    ready_days: int = 0
    treatments: Mapping[Kind, Treatment] = field(default_factory=dict)
    text: str = "{remarks}"
    text_length: int = TEXT_LENGTH
    cuts_long_text: bool = False
    closed_until: date | None = None
    moves_closed_dates: bool = False

    def treatment(self, kind: Kind) -> Treatment:
        default = Treatment.TRANSFER if kind in (Kind.WORK, Kind.MATERIAL) else Treatment.SKIP
        return self.treatments.get(kind, default)


@dataclass(frozen=True)
class LineRule:
    """What a work type becomes. `treatment` None: as its kind."""

    item: str = ""
    category: str = ""
    pay_type: str = ""  # "": the pay type of exactly the same name
    unit: str = ""
    journal: str = ""
    treatment: Treatment | None = None
    is_invoiceable: bool | None = None


@dataclass(frozen=True)
class Listed:
    """One row of a list that hours refer to."""

    key: str
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lists:
    """What the two systems offer: by Intempus id (work types, categories) or by Uniconta key (all others)."""

    work_types: Mapping[str, Listed]
    work_categories: Mapping[str, Listed]
    journals: Mapping[str, Listed]
    categories: Mapping[str, Listed]
    pay_types: Mapping[str, Listed]
    items: Mapping[str, Listed]
    employees: Mapping[str, Listed]
    projects: Mapping[str, Listed]
    #: Linked pairs: Intempus id → Uniconta key, of each entity.
    links: Mapping[str, Mapping[str, str]]

    def pay_type_named(self, name: str) -> str:
        """The number of the pay type with exactly this name, "" when none or several have it."""
        found = [each.key for each in self.pay_types.values() if each.name == name and not each.data.get("Blocked")]
        return found[0] if len(found) == 1 else ""

    def kind(self, report: Report) -> Kind | None:
        """None where the work type, or its category, is not in the lists."""
        if report.product_id:
            return Kind.MATERIAL
        return Kind.ABSENCE if is_hidden(report) else self.kind_of_work_type(report.work_type_id)

    def kind_of_work_type(self, work_type_id: str) -> Kind | None:
        """None where it, or its category, is not in the lists."""
        work_type = self.work_types.get(work_type_id)
        category = self.work_categories.get(str(work_type.data.get("work_category", ""))) if work_type else None
        if category is None:
            return None
        text = str(category.data.get("type") or "")
        try:
            return Kind(text) if text else Kind.WORK
        except ValueError:
            return None


@dataclass(frozen=True)
class Problem:
    """Something in the way: a stable code and what it is about (a number, a name)."""

    code: str
    about: str = ""


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    code: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    #: The line in Uniconta's own spelling; quantities as text. Empty where something stands in the way.
    line: Mapping[str, Any] = field(default_factory=dict)


def quantity(amount: Decimal) -> Decimal:
    """The one rounding rule (see QUANTITY_STEP)."""
    return amount.quantize(QUANTITY_STEP, ROUND_HALF_UP)


def reference(intempus_id: str, number: int = 1) -> str:
    """What finds a line again: I<report id>, the second line of a report I<id>.2 and so on."""
    return f"I{intempus_id}" if number == 1 else f"I{intempus_id}.{number}"


def content_hash(report: Report) -> str:
    """Equal as long as nothing changed that a line says or that decides whether there is one."""
    content = [
        report.employee_id,
        report.case_id,
        report.work_type_id,
        report.product_id,
        str(report.starts_on),
        str(report.ends_on),
        str(report.starts_at or "")[:5],
        str(report.ends_at or "")[:5],
        format(report.amount.normalize() if report.amount else Decimal(0), "f"),
        report.unit,
        report.remarks,
        report.is_gone,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def is_hidden(report: Report) -> bool:
    """Absence that is not transferred: what it was, where and why is not kept."""
    return report.kind == Kind.ABSENCE and not report.work_type_id and not report.product_id


def judge(report: Report, terms: Terms, rule: LineRule | None, lists: Lists, today: date) -> Verdict:
    """What becomes of the report as everything stands now. What is in its way is said before it is approved, too."""
    if report.is_gone:
        return Verdict(Outcome.GONE, "report_deleted")
    if report.unreadable:
        return _stopped(Problem("report_unreadable", report.unreadable))
    kind = lists.kind(report)
    if kind is None:
        return _stopped(Problem("work_type_unknown", report.work_type_name or report.work_type_id))
    if is_hidden(report):
        return Verdict(Outcome.SKIPPED, f"skipped_{kind}")
    treatment = (rule.treatment if rule and rule.treatment else None) or terms.treatment(kind)
    if treatment is Treatment.SKIP:
        return Verdict(Outcome.SKIPPED, f"skipped_{kind}")
    if terms.transfer_from is None or report.starts_on < terms.transfer_from:
        return Verdict(Outcome.BEFORE_START, "before_start")
    if treatment is Treatment.HOLD:
        return Verdict(Outcome.HELD, f"held_{kind}")
    problems, warnings, line = _line(report, terms, rule, lists, kind)
    if not is_ready(report, terms, today):
        code = f"awaits_{terms.ready_when}"
        return Verdict(Outcome.WAITING, code, problems, warnings, line if not problems else {})
    if problems:
        return Verdict(Outcome.NEEDS_ATTENTION, problems[0].code, problems, warnings)
    if report.earlier:
        found = Problem("earlier_found", ", ".join(str(each["text"]) for each in report.earlier))
        return Verdict(Outcome.NEEDS_ATTENTION, found.code, (found,), warnings, line)
    return Verdict(Outcome.READY, "", (), warnings, line)


def _stopped(problem: Problem) -> Verdict:
    return Verdict(Outcome.NEEDS_ATTENTION, problem.code, (problem,))


def is_ready(report: Report, terms: Terms, today: date) -> bool:
    """Whether it counts as ready by the tenant's rule, whatever stands in its way."""
    match terms.ready_when:
        case Ready.APPROVED:
            return report.is_approved
        case Ready.LOCKED:
            return report.is_locked
        case Ready.DAYS:
            return report.starts_on + timedelta(days=terms.ready_days) <= today


def _line(
    report: Report, terms: Terms, rule: LineRule | None, lists: Lists, kind: Kind
) -> tuple[tuple[Problem, ...], tuple[Problem, ...], dict[str, Any]]:
    problems: list[Problem] = []
    warnings: list[Problem] = []
    rule = rule or LineRule()
    journal = rule.journal or terms.journal
    _check_listed(problems, "journal", journal, lists.journals)
    project = _project(problems, report, lists)
    employee = _employee(problems, report, lists)
    item = _item(problems, report, rule, lists, kind)
    if rule.category and rule.category not in lists.categories:
        problems.append(Problem("category_missing", rule.category))
    pay_type = "" if kind is Kind.MATERIAL else _pay_type(problems, warnings, report, rule, lists)
    day, note = _day(problems, report, terms)
    text = _text(problems, report, terms, note)
    line: dict[str, Any] = {
        "Journal": journal,
        "Date": day.isoformat(),
        "Project": project,
        "Employee": employee,
        "Item": item,
        "PrCategory": rule.category,
        "PayrollCategory": pay_type,
        "Qty": str(quantity(report.amount)),
        "Unit": rule.unit or MEMBER_OF_SPELLING.get(report.unit.casefold(), ""),
        "Text": text,
        "TimeFrom": _clock(report.starts_at),
        "TimeTo": _clock(report.ends_at),
        "Invoiceable": rule.is_invoiceable,
    }
    return tuple(problems), tuple(warnings), {name: value for name, value in line.items() if value not in ("", None)}


def _check_listed(problems: list[Problem], what: str, key: str, rows: Mapping[str, Listed]) -> None:
    if key not in rows:
        problems.append(Problem(f"{what}_missing", key))
    elif rows[key].data.get("Blocked"):
        problems.append(Problem(f"{what}_blocked", key))


def _project(problems: list[Problem], report: Report, lists: Lists) -> str:
    if not report.case_id:
        problems.append(Problem("report_without_case"))
        return ""
    key = lists.links["project"].get(report.case_id, "")
    if not key:
        problems.append(Problem("project_not_linked", report.case_name or report.case_id))
        return ""
    _check_listed(problems, "project", key, lists.projects)
    row = lists.projects.get(key)
    if row and row.data.get("Phase") not in OPEN_PHASES:
        problems.append(Problem("project_phase", key))
    return key


def _employee(problems: list[Problem], report: Report, lists: Lists) -> str:
    key = lists.links["employee"].get(report.employee_id, "")
    row = lists.employees.get(key)
    if row is None:
        problems.append(Problem("employee_not_linked", report.employee_name or report.employee_id))
        return key
    ended = str(row.data.get("Terminated") or "")
    if ended and str(report.starts_on) > ended:
        problems.append(Problem("employee_ended", key))
    return key


def _item(problems: list[Problem], report: Report, rule: LineRule, lists: Lists, kind: Kind) -> str:
    if kind is Kind.MATERIAL:
        item = lists.links["product"].get(report.product_id, "")
        if not item:
            problems.append(Problem("product_not_linked", report.product_id))
            return ""
    else:
        item = rule.item
        if not item:
            problems.append(Problem("rule_missing", report.work_type_name or report.work_type_id))
            return ""
    _check_listed(problems, "item", item, lists.items)
    return item


def _pay_type(problems: list[Problem], warnings: list[Problem], report: Report, rule: LineRule, lists: Lists) -> str:
    """The rule's own, or the one of exactly the same name; without one the line goes without, and says so."""
    if rule.pay_type:
        _check_listed(problems, "pay_type", rule.pay_type, lists.pay_types)
        return rule.pay_type
    work_type = lists.work_types.get(report.work_type_id)
    name = work_type.name if work_type else report.work_type_name
    number = lists.pay_type_named(name)
    if not number:
        warnings.append(Problem("pay_type_not_found", name))
    return number


def _day(problems: list[Problem], report: Report, terms: Terms) -> tuple[date, str]:
    """The day of the line, and what the text says where that is not the day worked."""
    if terms.closed_until is None or report.starts_on > terms.closed_until:
        return report.starts_on, ""
    if not terms.moves_closed_dates:
        problems.append(Problem("period_closed", str(terms.closed_until)))
        return report.starts_on, ""
    return terms.closed_until + timedelta(days=1), f"{report.starts_on:%d-%m-%Y}"


def _text(problems: list[Problem], report: Report, terms: Terms, note: str) -> str:
    words = {
        "{remarks}": report.remarks,
        "{work_type}": report.work_type_name,
        "{employee}": report.employee_name,
        "{case}": report.case_name,
        "{date}": f"{report.starts_on:%d-%m-%Y}",
    }
    text = terms.text
    for word, value in words.items():
        text = text.replace(word, value)
    text = " ".join(f"{note} {text}".split())
    if len(text) > terms.text_length:
        if not terms.cuts_long_text:
            problems.append(Problem("text_too_long", f"{len(text)} > {terms.text_length}"))
        text = text[: terms.text_length - 1] + "…"
    return text


def _clock(at: Any) -> str:
    return str(at)[:5] if at else ""
