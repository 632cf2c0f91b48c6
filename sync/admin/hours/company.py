"""The hours of one company: how they are at a glance, the pause while somebody posts, and the board of work types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mappings.models import HoursPolicy
from mappings.models.hours_policy import TREATMENTS
from mappings.units import MEMBER_OF_SPELLING
from sync.admin.carriers import company_page, visible_company
from sync.admin.hours.work_report import KINDS, TONES, reports_url
from sync.admin.run import TONES as RUN_TONES
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.hours.board import CHOSEN, COLUMNS, Board, Row, Standing, propose, read_board, save_board
from sync.domain.hours.corrections import fetch_now
from sync.domain.hours.overview import asking, by_state
from sync.domain.hours.posting import hold_new_lines, let_lines_go
from sync.domain.schedules import next_runs
from sync.models import JournalLine, ReferenceRow, ReportCursor, Run, WorkReport
from tenants.admin.base import Press, TenantAdmin, label
from tenants.models import Tenant
from tenants.roles import Right, has_right

#: In the order of their way, those that ask for a person first.
TILES = (
    WorkReport.State.NEEDS_ATTENTION,
    WorkReport.State.CHANGED,
    WorkReport.State.WAITING,
    WorkReport.State.READY,
    WorkReport.State.SENDING,
    WorkReport.State.TRANSFERRED,
)
STANDINGS = {
    Standing.BROKEN: (_("Not in Uniconta"), "bad"),
    Standing.RENAMED: (_("Renamed since"), "warning"),
    Standing.GONE: (_("Gone from Intempus"), "neutral"),
    Standing.MISSING: (_("Item missing"), "bad"),
    Standing.NOT_TRANSFERRED: (_("Not transferred"), "neutral"),
    Standing.UNUSED: (_("Never used"), "neutral"),
    Standing.EXACT: (_("In order"), "good"),
}


class HoursPages(TenantAdmin):
    """Pages and buttons about hours, for the page of a company."""

    presses: Sequence[Press] = (
        Press("fetch-hours", _("Fetch now"), "download", "press_fetch_hours", Right.FETCH_HOURS, "primary"),
        Press("hold-lines", _("I am posting the journal"), "pause", "press_hold_lines", Right.ANSWER_HOURS),
        Press(
            "let-lines-go",
            _("The journal is posted"),
            "play_arrow",
            "press_let_lines_go",
            Right.ANSWER_HOURS,
            "primary",
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        hours = self.admin_site.admin_view(partial(hours_view, self))
        board = self.admin_site.admin_view(partial(board_view, self))
        settings = self.admin_site.admin_view(partial(settings_view, self))
        return [
            path("<path:object_id>/hours/", hours, name="tenants_tenant_hours"),
            path("<path:object_id>/hours/work-types/", board, name="tenants_tenant_work_types"),
            path("<path:object_id>/hours/settings/", settings, name="tenants_tenant_hours_settings"),
            *super().get_urls(),
        ]

    def press_fetch_hours(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        run = fetch_now(tenant.pk, request.user.pk)
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    def press_hold_lines(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        try:
            until = hold_new_lines(tenant.pk, request.user.pk)
        except actions.RefusedError as error:
            return _refuse(request, tenant, error.code)
        text = gettext("No new line goes to the journal until %(time)s, or until you say that it is posted.")
        messages.success(request, text % {"time": f"{timezone.localtime(until):%H:%M}"})
        return _back(tenant)

    def press_let_lines_go(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        try:
            let_lines_go(tenant.pk, request.user.pk)
        except actions.RefusedError as error:
            return _refuse(request, tenant, error.code)
        messages.success(request, gettext("Lines go to the journal again; what was posted is looked for now."))
        return _back(tenant)


def _refuse(request: HttpRequest, tenant: Tenant, code: str) -> HttpResponse:
    why = explain_code(code)
    messages.error(request, f"{why.text} {why.fix}".strip())
    return _back(tenant)


def _back(tenant: Tenant) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:tenants_tenant_hours", args=[tenant.pk]))


def hours_tabs(tenant_id: int, here: str) -> list[dict[str, Any]]:
    """The pages about one company's hours."""
    pages = [
        ("hours", gettext("How it stands"), reverse("admin:tenants_tenant_hours", args=[tenant_id])),
        ("reports", gettext("Work reports"), reports_url(tenant=tenant_id)),
        ("work_types", gettext("Board of work types"), reverse("admin:tenants_tenant_work_types", args=[tenant_id])),
        ("check", gettext("Hours check"), reverse("admin:tenants_tenant_hours_check", args=[tenant_id])),
        ("settings", gettext("Settings for hours"), reverse("admin:tenants_tenant_hours_settings", args=[tenant_id])),
    ]
    return [{"title": title, "url": url, "is_here": name == here} for name, title, url in pages]


def settings_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """To the settings of the company, or to the form that makes them."""
    tenant = visible_company(model_admin, request, object_id)
    policy = HoursPolicy.objects.filter(tenant=tenant).only("pk").first()
    if policy is not None:
        return HttpResponseRedirect(reverse("admin:mappings_hourspolicy_change", args=[policy.pk]))
    return HttpResponseRedirect(f"{reverse('admin:mappings_hourspolicy_add')}?tenant={tenant.pk}")


# ------------------------------------------------------------------------------------------------ at a glance


def hours_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """How the hours of a company are: counts by state, journal, last and next run, pause, warnings."""
    tenant = visible_company(model_admin, request, object_id)
    policy = HoursPolicy.objects.filter(tenant=tenant).first()
    now = timezone.now()
    presses = {press.verb: press for press in model_admin.presses_for(request, tenant)}
    is_on = policy is not None and policy.enabled
    is_paused = bool(policy and policy.paused_until and policy.paused_until > now)
    wanted = ["fetch-hours"] if is_on and tenant.is_live else []
    wanted += [("let-lines-go" if is_paused else "hold-lines")] if is_on else []
    counts = by_state(tenant.pk)
    board = read_board(tenant.pk)
    standings = [row.standing for row in board.rows]
    found = asking([tenant.pk]).get(tenant.pk)
    last_run = Run.objects.filter(tenant=tenant, kind=Run.Kind.HOURS).order_by("-created_at").first()
    return TemplateResponse(
        request,
        "console/hours/company.html",
        {
            **company_page(model_admin, request, tenant, "hours", gettext("Hours")),
            "hours_tabs": hours_tabs(tenant.pk, "hours"),
            "policy": policy,
            "is_on": is_on,
            "is_paused": is_paused,
            "off": explain_code("hours_off"),
            "presses": [presses[verb] for verb in wanted if verb in presses],
            "tiles": [_tile(tenant, state, counts.get(state.value, 0)) for state in TILES],
            "others": [
                {
                    "state": state.label,
                    "count": counts[state.value],
                    "url": reports_url(tenant=tenant.pk, state=state.value),
                }
                for state in WorkReport.State
                if state not in TILES and counts.get(state.value)
            ],
            "warned": found.warned if found else 0,
            "warned_url": reports_url(tenant=tenant.pk, warning="pay_type_not_found"),
            "missing_rules": sum(each in (Standing.MISSING, Standing.BROKEN) for each in standings),
            "renamed_rules": standings.count(Standing.RENAMED),
            "journal": _journal(tenant, policy),
            "last_run": last_run,
            "run_state": label(last_run.get_state_display(), RUN_TONES[Run.State(last_run.state)]) if last_run else "",
            "next_at": next_runs(tenant.pk).get("hours"),
            "readings": _readings(ReportCursor.objects.filter(tenant=tenant).first()),
        },
    )


def _readings(cursor: ReportCursor | None) -> list[tuple[str, datetime | None]]:
    """What was last read when; a company that was never read has no cursor yet."""
    read = cursor or ReportCursor()
    return [
        (gettext("Lists read"), read.lists_read_at),
        (gettext("Recent reports read again"), read.window_read_at),
        (gettext("All reports read"), read.everything_read_at),
        (gettext("Journal looked at"), read.journal_read_at),
    ]


def _tile(tenant: Tenant, state: WorkReport.State, count: int) -> dict[str, Any]:
    tone = TONES.get(state, "neutral")
    return {
        "label": state.label,
        "value": count,
        "tone": tone if count and tone in ("bad", "warning") else ("good" if state == "transferred" else "neutral"),
        "url": reports_url(tenant=tenant.pk, state=state.value),
    }


def _journal(tenant: Tenant, policy: HoursPolicy | None) -> dict[str, Any]:
    """The journal the lines go to: whether it is there, and what of ours stands in it."""
    key = policy.journal if policy else ""
    row = ReferenceRow.objects.filter(tenant=tenant, list="journal", key=key, is_gone=False).first() if key else None
    lines = JournalLine.objects.filter(tenant=tenant)
    unposted = lines.filter(state=JournalLine.State.IN_JOURNAL)
    oldest = unposted.order_by("sent_at").values_list("sent_at", flat=True).first()
    code = "" if not key or row is None else ("journal_blocked" if row.data.get("Blocked") else "")
    if key and row is None and ReferenceRow.objects.filter(tenant=tenant, list="journal").exists():
        code = "journal_missing"
    return {
        "key": key,
        "name": row.name if row else "",
        "why": explain_code(code, key) if code else None,
        "unposted": unposted.count(),
        "oldest": oldest,
    }


# ------------------------------------------------------------------------------------------------ the board


def board_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Every work type against what it becomes; one form for the table."""
    tenant = visible_company(model_admin, request, object_id)
    may_change = has_right(request.user, Right.CONFIGURE, tenant.pk)
    board = read_board(tenant.pk)
    said: dict[str, dict[str, Any]] = {}
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        said = {row.work_type_id: _posted(request, row) for row in _editable(board)}
        errors = _errors(board, said)
        if not errors:
            run = save_board(tenant.pk, said, request.POST.getlist("confirm"), request.user.pk)
            _say_saved(request, run)
            return HttpResponseRedirect(reverse("admin:tenants_tenant_work_types", args=[tenant.pk]))
        messages.error(request, gettext("Nothing was saved: correct the rows marked below."))
    proposed = propose(board) if "propose" in request.GET and may_change and not said else {}
    if "propose" in request.GET and may_change and not said and not proposed:
        messages.info(request, gettext("No item has the name of a work type that lacks one."))
    return TemplateResponse(
        request,
        "console/hours/board.html",
        {
            **company_page(model_admin, request, tenant, "hours", gettext("Board of work types")),
            "hours_tabs": hours_tabs(tenant.pk, "work_types"),
            "rows": [_shown(tenant, board, row, said, proposed, errors) for row in board.rows],
            "choices": board.choices,
            "units": sorted(set(MEMBER_OF_SPELLING.values())),
            "treatments": TREATMENTS.items(),
            "may_change": may_change,
            "is_proposed": bool(proposed),
        },
    )


def _editable(board: Board) -> list[Row]:
    return [row for row in board.rows if row.standing != Standing.GONE]


def _posted(request: HttpRequest, row: Row) -> dict[str, Any]:
    """What stands in the row's fields; what was not posted stays as it is."""
    values: dict[str, Any] = {}
    for column in COLUMNS:
        before = getattr(row.rule, column) if row.rule else (None if column == "invoiceable" else "")
        posted = request.POST.get(f"{column}-{row.work_type_id}")
        if posted is None:
            values[column] = before
        elif column == "invoiceable":
            values[column] = {"yes": True, "no": False}.get(posted)
        else:
            values[column] = posted.strip()
    return values


def _errors(board: Board, said: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Whatever a row names that is on no list. What stood there before may stay: it is shown as missing anyway."""
    found: dict[str, list[str]] = {}
    keys = {name: {each.key for each in board.choices[name]} for name in CHOSEN}
    for row in _editable(board):
        for column, name in COLUMNS.items():
            value = said[row.work_type_id][column]
            before = getattr(row.rule, column) if row.rule else ""
            if column == "treatment" and value and value not in TREATMENTS:
                found.setdefault(row.work_type_id, []).append(gettext("Unknown treatment."))
            if name and value and value != before and value not in keys[name]:
                text = gettext("Uniconta has no “%(key)s”; choose one from the list.")
                found.setdefault(row.work_type_id, []).append(text % {"key": value})
            if column == "unit" and len(value) > 40:
                found.setdefault(row.work_type_id, []).append(gettext("The unit is too long."))
    return found


def _shown(
    tenant: Tenant,
    board: Board,
    row: Row,
    said: dict[str, dict[str, Any]],
    proposed: dict[str, dict[str, str]],
    errors: dict[str, list[str]],
) -> dict[str, Any]:
    stored = {column: getattr(row.rule, column) if row.rule else "" for column in COLUMNS}
    values = {**stored, **proposed.get(row.work_type_id, {}), **said.get(row.work_type_id, {})}
    words, tone = STANDINGS[row.standing]
    names = {name: {each.key: each.name for each in board.choices[name]} for name in CHOSEN}
    pay_type = row.named_pay_type
    return {
        "row": row,
        "values": values,
        "item_name": names["item"].get(str(values["item"]), ""),
        "proposed": set(proposed.get(row.work_type_id, {})),
        "errors": errors.get(row.work_type_id, []),
        "standing": label(words, tone),
        "kind": KINDS[row.kind] if row.kind else "",
        "same_name": f"{pay_type} {names['pay_type'].get(pay_type, '')}".strip() if pay_type else "",
        "is_editable": row.standing != Standing.GONE,
        "waiting_url": reports_url(tenant=tenant.pk, state="needs_attention", work_type=row.work_type_id),
    }


def _say_saved(request: HttpRequest, run: Run | None) -> None:
    if run is None:
        messages.success(request, gettext("Saved."))
        return
    text = gettext("Saved. Reports are judged anew now:")
    url = reverse("admin:sync_run_change", args=[run.pk])
    messages.success(request, format_html('{} <a href="{}">{}</a>', text, url, run.get_kind_display()))
