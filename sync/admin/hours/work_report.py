"""Work reports: found by employee and day, each with what becomes of it and why, its lines, and its history."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.hours import Kind
from mappings.models import HoursPolicy, RecordLink
from sync.admin.lists import NewestFirstMixin
from sync.domain.actions import RefusedError
from sync.domain.catalogue import explain_code
from sync.domain.hours import corrections
from sync.domain.hours.answers import Answer, answers_to
from sync.domain.hours.board import travels
from sync.domain.hours.finding import find_reports
from sync.domain.hours.judging import Rules
from sync.domain.hours.telling import (
    COLUMNS,
    FIELDS,
    Names,
    Place,
    Told,
    field_rows,
    plain,
    problems_of,
    spell_column,
    tell,
    warnings_of,
)
from sync.models import JournalLine, ReportEntry, WorkReport
from tenants.admin.base import (
    BoundedPaginator,
    ChoiceFilter,
    Press,
    ReadOnlyMixin,
    TenantAdmin,
    TenantFilter,
    label,
    tenants_with,
)
from tenants.models import Connection
from tenants.roles import Right, has_right
from tenants.scoping import ALL

State = WorkReport.State
TONES = {
    State.NEEDS_ATTENTION: "bad",
    State.CHANGED: "warning",
    State.HELD: "warning",
    State.WAITING: "busy",
    State.READY: "busy",
    State.SENDING: "busy",
    State.TRANSFERRED: "good",
}
LINE_TONES = {
    JournalLine.State.IN_JOURNAL: "good",
    JournalLine.State.POSTED: "good",
    JournalLine.State.NOT_PROVEN: "warning",
    JournalLine.State.MISSING: "bad",
    JournalLine.State.REFUSED: "bad",
    JournalLine.State.UNCLEAR: "warning",
}
#: The states people look for most, in the order of the work; the others are in the filter.
TABS = (State.NEEDS_ATTENTION, State.CHANGED, State.WAITING, State.READY, State.TRANSFERRED)
KINDS = {
    Kind.WORK: _("work"),
    Kind.MATERIAL: _("materials"),
    Kind.MILEAGE: _("mileage"),
    Kind.EXPENSES: _("expenses"),
    Kind.PER_DIEM: _("per diem"),
    Kind.ABSENCE: _("absence"),
}
#: Warnings that stand on reports.
WARNINGS = ("pay_type_not_found",)
WEEKS_OFFERED = 16
ENTRIES_SHOWN = 50


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(State.choices)


class KindFilter(ChoiceFilter):
    title = _("kind")
    parameter_name = field = "kind"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [(kind.value, words) for kind, words in KINDS.items()]


class WeekFilter(ChoiceFilter):
    """By the Monday of the week."""

    title = _("week")
    parameter_name = "week"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        today = timezone.localdate()
        monday = today - timedelta(days=today.weekday())
        weeks = [monday - timedelta(weeks=number) for number in range(WEEKS_OFFERED)]
        chosen = _monday(request.GET.get("week", ""))
        if chosen and chosen not in weeks:
            weeks.append(chosen)
        return [(week.isoformat(), week_name(week)) for week in weeks]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        monday = _monday(self.value() or "")
        if monday is None:
            return queryset
        return queryset.filter(starts_on__range=(monday, monday + timedelta(days=6)))


class WarningFilter(ChoiceFilter):
    title = _("warnings")
    parameter_name = "warning"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [(code, explain_code(code).text) for code in WARNINGS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(warnings__contains=[self.value()]) if self.value() else queryset


class WorkTypeFilter(ChoiceFilter):
    """Where the board of work types leads to; a company has too many of them to offer."""

    title = _("work type")
    parameter_name = "work_type"
    field = "work_type_id"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        chosen = request.GET.get("work_type", "")
        return [(chosen, _("as on the board"))] if chosen else []


def _monday(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day - timedelta(days=day.weekday())


def week_name(monday: date) -> str:
    return gettext("Week %(number)s, from %(day)s") % {
        "number": monday.isocalendar().week,
        "day": f"{monday:%d-%m-%Y}",
    }


def reports_url(**parameters: Any) -> str:
    return f"{reverse('admin:sync_workreport_changelist')}?{urlencode(parameters)}"


def state_label(report: WorkReport) -> str:
    state = State(report.state)
    return label(state.label, TONES.get(state, "neutral"))


@admin.register(WorkReport)
class WorkReportAdmin(NewestFirstMixin, ReadOnlyMixin, TenantAdmin):
    paginator = BoundedPaginator
    list_display = ["day", "employee", "case", "work_type", "amount_shown", "state_shown", "company"]
    list_filter = [TenantFilter, StateFilter, KindFilter, WeekFilter, WarningFilter, WorkTypeFilter]
    list_before_template = "console/hours/report_tabs.html"
    search_fields = ["employee_name"]  # makes the box appear; get_search_results decides what it does
    search_help_text = _(
        "Employee (number or name) and day, such as “bo thursday”, “7 01-03-2027” or “week 9”; or the number of a report"
    )
    actions = ["accept_many", "send_many_again", "confirm_many_earlier", "send_many_anyway", "fetch_many"]
    presses = [
        Press("fetch", _("Fetch now"), "download", "press_fetch", Right.FETCH_HOURS),
        Press(
            "change", _("Change the line in the journal"), "edit_note", "press_change", Right.ANSWER_HOURS, "primary"
        ),
        Press("reverse", _("Reverse and book anew"), "undo", "press_reverse", Right.ANSWER_HOURS),
        Press("send-again", _("Send again"), "send", "press_send_again", Right.ANSWER_HOURS, "primary"),
        Press("accept", _("Accept as it is"), "check", "press_accept", Right.ANSWER_HOURS),
        Press("earlier", _("They are the same"), "check", "press_earlier", Right.ANSWER_HOURS, "primary"),
        Press("anyway", _("Send anyway"), "send", "press_anyway", Right.ANSWER_HOURS),
        Press("by-hand", _("Done by hand"), "back_hand", "press_by_hand", Right.ANSWER_HOURS),
    ]

    # -------------------------------------------------------------------------------------------------- the list

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return find_reports(queryset, search_term, timezone.localdate()), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        kept = {
            name: value for name in ("tenant", "q", "week", "kind", "work_type") if (value := request.GET.get(name))
        }
        here = request.GET.get("state", "")
        tabs = [{"title": gettext("All"), "url": f"?{urlencode(kept)}", "is_here": not here}] + [
            {
                "title": state.label,
                "url": f"?{urlencode({**kept, 'state': state.value})}",
                "is_here": here == state.value,
            }
            for state in TABS
        ]
        return super().changelist_view(request, {**(extra_context or {}), "report_tabs": tabs})

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """By the day worked, whatever was read last; both orders have an index."""
        return ["-starts_on", "-pk"]

    @admin.display(description=_("day"), ordering="starts_on")
    def day(self, report: WorkReport) -> str:
        return format_html('<span class="c-nowrap">{}</span>', days(report))

    @admin.display(description=_("employee"), ordering="employee_number")
    def employee(self, report: WorkReport) -> str:
        return _numbered(report.employee_name, report.employee_number)

    @admin.display(description=_("case"))
    def case(self, report: WorkReport) -> str:
        return report.case_name or "–"

    @admin.display(description=_("work type"))
    def work_type(self, report: WorkReport) -> str:
        if report.work_type_name or not report.product_id:
            return report.work_type_name or "–"
        return f"{gettext('Material')} {report.line.get('Item', '')}".strip()

    @admin.display(description=_("quantity"))
    def amount_shown(self, report: WorkReport) -> str:
        return format_html('<span class="c-nowrap">{} {}</span>', plain(report.quantity), report.unit)

    @admin.display(description=_("state"))
    def state_shown(self, report: WorkReport) -> str:
        said = [explain_code(code).text for code in (report.reason, *report.warnings) if code]
        reasons = [format_html('<div class="c-reason">{}</div>', text) for text in said]
        return format_html("{}" * (1 + len(reasons)), state_label(report), *reasons)

    # --------------------------------------------------------------------------------------------------- actions

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, Right.FETCH_HOURS)

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, Right.ANSWER_HOURS)

    @admin.action(description=_("Accept as it is"), permissions=["answer"])
    def accept_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._answer_many(request, queryset, corrections.accept)

    @admin.action(description=_("Send again"), permissions=["answer"])
    def send_many_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._answer_many(request, queryset, corrections.send_again)

    @admin.action(description=_("Transferred earlier: they are the same"), permissions=["answer"])
    def confirm_many_earlier(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._answer_all(request, queryset, corrections.confirm_earlier)

    @admin.action(description=_("Not transferred earlier: send anyway"), permissions=["answer"])
    def send_many_anyway(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._answer_all(request, queryset, corrections.send_anyway)

    @admin.action(description=_("Fetch now"), permissions=["fetch"])
    def fetch_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """One run for each company: a run looks at everything."""
        rows = _of_tenants(queryset, tenants_with(request.user, Right.FETCH_HOURS))
        runs = [
            corrections.fetch_now(tenant_id, request.user.pk)
            for tenant_id in sorted(set(rows.order_by().values_list("tenant_id", flat=True)))
            if travels(tenant_id)
        ]
        if len(runs) == 1:
            return HttpResponseRedirect(reverse("admin:sync_run_change", args=[runs[0].pk]))
        for run in runs:
            messages.success(request, gettext("%(company)s: hours are fetched now.") % {"company": run.tenant})
        return None

    def _answer_many(
        self, request: HttpRequest, queryset: QuerySet[Any], answer: Callable[[int, int | None], Any]
    ) -> None:
        """Each by itself; one that does not ask for this answer leaves the others alone."""

        def answer_all(report_ids: Sequence[int], user_id: int | None) -> int:
            done = 0
            for report_id in report_ids:
                try:
                    answer(report_id, user_id)
                except RefusedError:
                    continue
                done += 1
            return done

        self._answer_all(request, queryset, answer_all)

    def _answer_all(
        self, request: HttpRequest, queryset: QuerySet[Any], answer: Callable[[Sequence[int], int | None], int]
    ) -> None:
        rows = _of_tenants(queryset, tenants_with(request.user, Right.ANSWER_HOURS))
        asked = list(rows.order_by("pk").values_list("pk", flat=True))
        done = answer(asked, request.user.pk)
        if done:
            text = ngettext("%(count)s report was answered.", "%(count)s reports were answered.", done)
            messages.success(request, text % {"count": done})
        if refused := len(asked) - done:
            text = ngettext(
                "%(count)s report did not ask for this answer and was left alone.",
                "%(count)s reports did not ask for this answer and were left alone.",
                refused,
            )
            messages.warning(request, text % {"count": refused})

    # --------------------------------------------------------------------------------------------------- buttons

    def press_fetch(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        if not travels(report.tenant_id):
            raise PermissionDenied
        run = corrections.fetch_now(report.tenant_id, request.user.pk)
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    def press_change(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        return self._answer(
            request, report, lambda: corrections.choose(report.pk, WorkReport.Answer.CHANGE, request.user.pk)
        )

    def press_reverse(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        return self._answer(
            request, report, lambda: corrections.choose(report.pk, WorkReport.Answer.REVERSE, request.user.pk)
        )

    def press_send_again(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        return self._answer(request, report, lambda: corrections.send_again(report.pk, request.user.pk))

    def press_accept(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        note = request.POST.get("note", "").strip()
        return self._answer(request, report, lambda: corrections.accept(report.pk, request.user.pk, note))

    def press_by_hand(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        note = request.POST.get("note", "").strip()
        return self._answer(request, report, lambda: corrections.done_by_hand(report.pk, request.user.pk, note))

    def press_earlier(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        return self._answer(request, report, lambda: self._one(corrections.confirm_earlier, report, request))

    def press_anyway(self, request: HttpRequest, report: WorkReport) -> HttpResponse:
        return self._answer(request, report, lambda: self._one(corrections.send_anyway, report, request))

    def _one(
        self, answer: Callable[[Sequence[int], int | None], int], report: WorkReport, request: HttpRequest
    ) -> None:
        if not answer([report.pk], request.user.pk):
            raise RefusedError("hours_not_asked")

    def _answer(self, request: HttpRequest, report: WorkReport, answer: Callable[[], Any]) -> HttpResponse:
        try:
            run = answer()
        except RefusedError as error:
            why = explain_code(error.code)
            messages.error(request, f"{why.text} {why.fix}".strip())
        else:
            text = gettext("Noted; a run carries it out now.") if run is not None else gettext("Noted.")
            messages.success(request, text)
        return HttpResponseRedirect(reverse("admin:sync_workreport_change", args=[report.pk]))

    # -------------------------------------------------------------------------------------------------- the page

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The report's own page instead of a form: what it says is typed in Intempus."""
        if object_id is None:
            raise PermissionDenied
        report: WorkReport = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, report):
            raise Http404
        lines = list(report.lines.order_by("number").select_related("user"))
        answers = answers_to(report, lines)
        presses = {press.verb: press for press in self.presses_for(request, report)}
        offered = [press for verb, press in presses.items() if verb in answers]
        links = _links(report)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(report),
            "subtitle": None,
            "original": report,
            "report": report,
            "days": days(report),
            "approvals": [_approval(level) for level in report.approvals],
            "amount": plain(report.amount),
            "quantity": plain(report.quantity),
            "kind": KINDS[Kind(report.kind)] if report.kind else "",
            "state": state_label(report),
            "tone": {"bad": "bad", "warning": "warning"}.get(TONES.get(State(report.state), ""), "neutral"),
            "told": _told(report),
            "warnings": warnings_of(report),
            "places": _places(report, links),
            "links": links,
            "answers": offered,
            "takes_note": any(press.verb in (Answer.ACCEPT, Answer.BY_HAND) for press in offered),
            # Before go-live a run would call out for a company that is still being prepared.
            "fetch": presses.get("fetch") if travels(report.tenant_id) else None,
            "intempus_url": _intempus_url(report) if report.reason in IN_INTEMPUS else "",
            **_lines(report, lines),
            **_history(report, request.GET.get("before", "")),
            "press_url": "admin:sync_workreport_press",
        }
        return TemplateResponse(request, "console/hours/report.html", context)


#: What only Intempus can mend.
IN_INTEMPUS = ("report_unreadable", "report_without_case", "work_type_unknown", "text_too_long")


def days(report: WorkReport) -> str:
    first = f"{report.starts_on:%d-%m-%Y}"
    return first if report.ends_on == report.starts_on else f"{first} – {report.ends_on:%d-%m-%Y}"


def _told(report: WorkReport) -> list[Told]:
    """Why it is where it is, then what else stands in the way."""
    problems = problems_of(report)
    is_said = not report.reason or any(told.why.code == report.reason for told in problems)
    return problems if is_said else [tell(report.reason), *problems]


def _approval(level: dict[str, str]) -> dict[str, str]:
    """A level of approval, its date as people write it."""
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", level.get("date", ""))
    return {**level, "date": "-".join(reversed(found.groups())) if found else level.get("date", "")}


def _numbered(name: str, number: str) -> str:
    return format_html('{} <span class="c-muted">{}</span>', name, number) if name else number or "–"


def _of_tenants(queryset: QuerySet[Any], tenants: str | list[int]) -> QuerySet[Any]:
    return queryset if tenants == ALL else queryset.filter(tenant__in=tenants)


def _links(report: WorkReport) -> dict[str, RecordLink]:
    """The records the report is about, by entity: one query."""
    wanted = {"employee": report.employee_id, "project": report.case_id, "product": report.product_id}
    asked = Q()
    for entity, intempus_id in wanted.items():
        asked |= Q(entity=entity, intempus_id=intempus_id) if intempus_id else Q()
    return {row.entity: row for row in RecordLink.objects.filter(asked, tenant_id=report.tenant_id)} if asked else {}


def _places(report: WorkReport, links: dict[str, RecordLink]) -> dict[str, str]:
    """Where each kind of trouble is mended, for this report."""
    places = {
        Place.BOARD.value: reverse("admin:tenants_tenant_work_types", args=[report.tenant_id]),
        Place.SETTINGS.value: reverse("admin:tenants_tenant_hours_settings", args=[report.tenant_id]),
    }
    for entity in (Place.EMPLOYEE, Place.PROJECT, Place.PRODUCT):
        if entity.value in links:
            places[entity.value] = reverse("admin:mappings_recordlink_change", args=[links[entity.value].pk])
        else:
            query = urlencode({"tenant": report.tenant_id, "entity": entity.value})
            places[entity.value] = f"{reverse('admin:mappings_recordlink_changelist')}?{query}"
    return places


def _intempus_url(report: WorkReport) -> str:
    connection = Connection.objects.filter(tenant_id=report.tenant_id, system=Connection.System.INTEMPUS).first()
    return connection.base_url if connection else ""


def _lines(report: WorkReport, lines: list[JournalLine]) -> dict[str, Any]:
    """The line it would make, or the one it made beside what the report says now; and the whole chain."""
    said = [line for line in lines if line.kind == JournalLine.Kind.TRANSFER]
    last = said[-1] if said else None
    now = _line_now(report) if report.state == State.CHANGED else report.line
    names = Names(report.tenant_id, [now, *(each for line in lines for each in (line.values, line.seen))])
    if last is None or report.state == State.READY:
        heads, versions = [gettext("The line it would make")], [now]
    elif report.state == State.CHANGED:
        heads = [gettext("As it was sent"), gettext("As it stands in Uniconta"), gettext("As the report says now")]
        versions = [last.values, last.seen, now]
    else:
        heads, versions = [gettext("As it was sent"), gettext("As it stands in Uniconta")], [last.values, last.seen]
    return {
        "heads": heads,
        "field_rows": [(row, list(zip(heads, row.values, strict=True))) for row in field_rows(names, *versions)],
        "says_nothing_now": report.state == State.CHANGED and not now,
        "chain": [
            {
                "row": line,
                "state": label(line.get_state_display(), LINE_TONES.get(JournalLine.State(line.state), "neutral")),
                "quantity": plain(line.quantity),
                "differing": [FIELDS[name][0] for name in line.differing],
                "why": explain_code("line_unclear" if line.state == "unclear" else "line_refused", line.error_detail)
                if line.error_detail
                else None,
                "rows": field_rows(names, line.values, line.seen),
            }
            for line in lines
        ],
    }


def _line_now(report: WorkReport) -> dict[str, Any]:
    """What a line of the report would say as everything stands now; empty while something stands in the way."""
    policy = HoursPolicy.objects.filter(tenant_id=report.tenant_id).first()
    if policy is None:
        return {}
    return dict(Rules.load(policy, WorkReport.objects.filter(pk=report.pk)).judge(report).line)


def _history(report: WorkReport, before: str) -> dict[str, Any]:
    entries = report.entries.order_by("-at", "-pk").select_related("user", "line")
    if before:
        if not before.isdigit():
            raise Http404
        last = ReportEntry.objects.filter(report=report, pk=int(before)).first()
        if last is None:
            raise Http404
        entries = entries.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    found = list(entries[: ENTRIES_SHOWN + 1])
    shown = found[:ENTRIES_SHOWN]
    return {
        "entries": [
            {
                "row": entry,
                "why": explain_code(entry.code),
                "changes": [
                    (COLUMNS.get(name, name), spell_column(name, old), spell_column(name, new))
                    for name, old, new in entry.changes
                ],
            }
            for entry in shown
        ],
        "older": shown[-1].pk if len(found) > ENTRIES_SHOWN else None,
        "is_first_page": not before,
    }
