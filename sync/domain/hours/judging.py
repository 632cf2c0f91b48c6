"""What becomes of the stored reports as everything stands now; see `mappings.hours.judge`. Writes to no remote system."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from mappings.hours import Kind, LineRule, Lists, Outcome, Ready, Terms, Treatment, Verdict, judge
from mappings.models import HoursPolicy, WorkTypeRule
from sync.domain.bulk import save_many
from sync.domain.hours.answers import chains_of, standing_line
from sync.domain.hours.context import HoursContext
from sync.domain.hours.lists import load_lists
from sync.models import ReportCursor, ReportEntry, WorkReport
from tenants.scoping import tenant_scope

State = WorkReport.State
CHUNK = 1000
#: What only another rule or setting can alter; looked at again when those change, or the report itself.
SETTLED = (State.SKIPPED, State.BEFORE_START, State.GONE)
#: Why a report asks though it says what was sent: what its line in Uniconta says is another matter.
OF_THE_LINE = ("line_held", "line_edited")


@dataclass(frozen=True)
class Rules:
    """Everything by which a tenant's reports are judged. Load inside a scope, use anywhere, but only on those reports."""

    terms: Terms
    lists: Lists
    by_work_type: dict[str, LineRule]  # by id
    by_name: dict[str, LineRule]  # for every work type of that name that has no rule of its own
    today: date

    @classmethod
    def load(cls, policy: HoursPolicy, reports: QuerySet[WorkReport] | None = None) -> Rules:
        """For judging `reports`; without any, what does not depend on them."""
        rules = list(WorkTypeRule.objects.filter(tenant_id=policy.tenant_id))
        return cls(
            policy.terms(),
            load_lists(policy.tenant_id, reports, {rule.item for rule in rules}),
            {rule.work_type_id: rule.line_rule() for rule in rules if rule.work_type_id},
            {rule.work_type_name: rule.line_rule() for rule in rules if not rule.work_type_id},
            timezone.localdate(),
        )

    def rule(self, work_type_id: str) -> LineRule | None:
        """The work type's own rule, else that of its name."""
        work_type = self.lists.work_types.get(work_type_id)
        own = self.by_work_type.get(work_type_id)
        return own or (self.by_name.get(work_type.name) if work_type else None)

    def judge(self, report: WorkReport) -> Verdict:
        return judge(report, self.terms, self.rule(report.work_type_id), self.lists, self.today)

    @property
    def hidden_work_types(self) -> set[str]:
        """Ids of the kinds of absence that are not transferred. Sickness is health data: of these only what counting needs
        is kept.
        """
        return {
            key
            for key in self.lists.work_types
            if self.lists.kind_of_work_type(key) is Kind.ABSENCE
            and ((rule.treatment if (rule := self.rule(key)) else None) or self.terms.treatment(Kind.ABSENCE))
            is Treatment.SKIP
        }

    @property
    def fingerprint(self) -> str:
        """Equal as long as a report of the settled states would be judged the same."""
        parts = (self.by_work_type, self.by_name, self.lists.work_types, self.lists.work_categories)
        said = [repr(self.terms), *(repr(sorted(part.items(), key=str)) for part in parts)]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


def judge_reports(context: HoursContext) -> None:
    """Judge every report that is not transferred yet, and find those that changed after they were."""
    with tenant_scope(context.tenant_id):
        fingerprint = Rules.load(context.policy).fingerprint
        position = ReportCursor.objects.get(tenant_id=context.tenant_id)
        states = [state for state in WorkReport.OPEN if fingerprint != position.terms_hash or state not in SETTLED]
        # What was transferred once is never judged as if it had not been: it asks a person, or has changed.
        reports = WorkReport.objects.filter(tenant_id=context.tenant_id, state__in=states, transferred_hash="")
        rules = Rules.load(context.policy, reports)
    for chunk in _chunks(context, reports):
        _judge_chunk(context, rules, chunk)
    moved = WorkReport.objects.filter(_has_moved(rules.terms), tenant_id=context.tenant_id)
    for chunk in _chunks(context, moved):
        _note_changed(context, rules, chunk)
    with tenant_scope(context.tenant_id):
        ReportCursor.objects.filter(pk=position.pk).update(terms_hash=fingerprint)


def _chunks(context: HoursContext, reports: QuerySet[WorkReport]) -> Iterator[list[int]]:
    with tenant_scope(context.tenant_id):
        keys = list(reports.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def _judge_chunk(context: HoursContext, rules: Rules, keys: list[int]) -> None:
    with tenant_scope(context.tenant_id):
        changed, entries = [], []
        for report in WorkReport.objects.select_for_update().filter(
            pk__in=keys, state__in=WorkReport.OPEN, transferred_hash=""
        ):
            verdict = rules.judge(report)
            new = _columns(report, rules, verdict)
            old = {name: getattr(report, name) for name in new}
            if new == old:
                continue
            if (new["state"], new["reason"]) != (old["state"], old["reason"]):
                about = "; ".join(problem.about for problem in verdict.problems[:1] if problem.about)
                entries.append(_entry(context, report, verdict.code or "report_ready", about))
            for name, value in new.items():
                setattr(report, name, value)
            changed.append(report)
        save_many(changed, ["state", "reason", "problems", "warnings", "line", "kind"])
        ReportEntry.objects.bulk_create(entries)


def _columns(report: WorkReport, rules: Rules, verdict: Verdict) -> dict[str, Any]:
    refused = report.reason == "line_refused"
    if verdict.outcome is Outcome.READY and refused and report.line == dict(verdict.line):
        # Uniconta refused this very line: it is sent again when a person says so, or when it says something else.
        return {
            "state": State.NEEDS_ATTENTION,
            "reason": report.reason,
            "warnings": sorted({problem.code for problem in verdict.warnings}),
        }
    kind = rules.lists.kind(report) if not report.unreadable else None
    return {
        "state": State(verdict.outcome.value),
        "reason": verdict.code,
        "problems": [[problem.code, problem.about] for problem in verdict.problems],
        "warnings": sorted({problem.code for problem in verdict.warnings}),
        "line": dict(verdict.line),
        "kind": kind.value if kind else "",
    }


def _has_moved(terms: Terms) -> Q:
    """Reports that are not what was transferred, or answered for, any more; and those that are again."""
    is_as_sent = counts_as_ready(terms) & Q(content_hash=F("transferred_hash"))
    is_back = Q(state=State.CHANGED) & (~Q(reason__in=OF_THE_LINE) & is_as_sent | is_as_answered(terms))
    answered_otherwise = Q(state__in=WorkReport.ANSWERED) & ~is_as_answered(terms)
    return Q(state=State.TRANSFERRED) & ~is_as_sent | is_back | answered_otherwise


def counts_as_ready(terms: Terms) -> Q:
    """As `mappings.hours.is_ready`, of what was ready once: days only pass."""
    rule = {Ready.APPROVED: Q(is_approved=True), Ready.LOCKED: Q(is_locked=True), Ready.DAYS: Q()}
    return Q(is_gone=False) & rule[terms.ready_when]


def is_as_answered(terms: Terms) -> Q:
    """It says what a person answered for: the same content, as ready or unready as it was then."""
    was_ready = counts_as_ready(terms)
    return (
        ~Q(answered_as="")
        & Q(content_hash=F("answered_hash"))
        & (Q(answered_ready=True) & was_ready | Q(answered_ready=False) & ~was_ready)
    )


def _note_changed(context: HoursContext, rules: Rules, keys: list[int]) -> None:
    with tenant_scope(context.tenant_id):
        reports = WorkReport.objects.select_for_update().filter(
            _has_moved(rules.terms), pk__in=keys, tenant_id=context.tenant_id
        )
        answered = set(reports.filter(is_as_answered(rules.terms)).values_list("pk", flat=True))
        ready = set(reports.filter(counts_as_ready(rules.terms)).values_list("pk", flat=True))
        rows, entries = list(reports), []
        chains = chains_of(report for report in rows if report.state == State.CHANGED)
        for report in rows:
            if report.state != State.CHANGED:
                code = report.reason = _what_changed(report, report.pk in ready)
                report.state = State.CHANGED
            elif report.pk in answered:
                code, report.state, report.reason = "changed_back", State(report.answered_as), ""
            elif standing_line(chains[report.pk]) is None:
                continue  # what it says again does not stand in Uniconta any more
            else:  # nothing to carry out any more
                code, report.state, report.reason = "changed_back", State.TRANSFERRED, ""
                report.answer = report.answered_as = ""
            entries.append(_entry(context, report, code))
        save_many(rows, ["state", "reason", "answer", "answered_as"])
        ReportEntry.objects.bulk_create(entries)


def _what_changed(report: WorkReport, is_ready: bool) -> str:
    """Since it was transferred, or since a person answered for it."""
    if report.is_gone:
        return "deleted_after_transfer"
    known = report.transferred_hash if report.state == State.TRANSFERRED else report.answered_hash
    if report.content_hash != known:
        return "changed_after_transfer"
    return "approved_after_answer" if is_ready else "withdrawn_after_transfer"


def _entry(context: HoursContext, report: WorkReport, code: str, detail: str = "") -> ReportEntry:
    return ReportEntry(tenant_id=context.tenant_id, report=report, code=code, detail=detail, run_id=context.run_id)
