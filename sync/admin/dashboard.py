"""The front page: is everybody all right, and if not, who and why. Companies in trouble come first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sync.admin.attention import attention_url
from sync.admin.front_page import KEPT
from sync.admin.hours.check import check_url
from sync.admin.hours.work_report import reports_url
from sync.admin.tenant import connection_label, freshness_label
from sync.domain.catalogue import explain_code
from sync.domain.health import Health, TenantHealth, health, with_readings, worker_health
from sync.domain.hours.overview import Asking, asking
from sync.domain.hours.payroll_warnings import with_calendars
from sync.models import Pin
from tenants.admin.base import tenants_with
from tenants.admin.tenant import tenant_state_label
from tenants.models import Tenant
from tenants.roles import Right, has_right

ORDER = {"bad": 0, "warning": 1, "good": 2, "neutral": 3}
CAUSES_SHOWN = 3
#: Columns that sort: name in the address → heading, and what of a company counts; what was never read comes first.
LONG_AGO = datetime.min.replace(tzinfo=UTC)
SORTS: dict[str, tuple[Any, Callable[[TenantHealth], Any]]] = {
    "name": (_("company"), lambda row: row.name.casefold()),
    "pulled": (_("Fetched from Intempus"), lambda row: row.pulled.at or LONG_AGO),
    "swept": (_("Uniconta checked"), lambda row: row.swept.at or LONG_AGO),
    "waiting": (_("Waiting changes"), lambda row: row.waiting),
    "attention": (_("Needs attention"), lambda row: row.needs_attention),
}
PER_PAGE = 50


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK."""
    if not has_right(request.user, Right.VIEW):
        return context
    tenants = tenants_with(request.user, Right.VIEW)
    companies = with_calendars(with_readings(Tenant.objects.exclude(state=Tenant.State.CLOSED).order_by("name")))
    is_pinned = Pin.objects.filter(user_id=request.user.pk or 0, tenant=OuterRef("pk"))
    companies = companies.annotate(is_pinned=Exists(is_pinned))
    visible = companies if isinstance(tenants, str) else companies.filter(pk__in=tenants)
    rows = list(visible)
    pinned = {row.pk for row in rows if row.is_pinned}
    found = health(rows, with_changes=True, with_payroll=True)
    hours = asking(row.tenant_id for row in found.tenants)
    worker = worker_health()
    chosen = _chosen(request, found, hours, pinned)
    page = Paginator(chosen, PER_PAGE).get_page(request.GET.get("page"))
    context.update(
        {
            "title": gettext("Overview"),
            "health": found,
            "worker": worker,
            "worker_is_alive": worker.is_alive(found.at),
            "tiles": _tiles(found, hours),
            "rows": [
                {**_row(row, found, hours.get(row.tenant_id, Asking())), "is_pinned": row.tenant_id in pinned}
                for row in page
            ],
            "sorts": _sorts(request),
            "page": page,
            "choices": _choices(request, found, hours),
            "search": request.GET.get("q", ""),
            "show": request.GET.get("show", ""),
            "sort": request.GET.get("sort", ""),
            "query": urlencode({name: value for name in KEPT if (value := request.GET.get(name))}),
            "attention_url": attention_url(),
            "causes": [
                {"text": explain_code(code).text, "count": count, "url": attention_url(("record", code))}
                for code, count in found.causes[:8]
            ],
        }
    )
    return context


def _is_asking(row: TenantHealth, found: Health, hours: dict[int, Asking]) -> bool:
    return row.verdict(found.at) in ("bad", "warning") or hours.get(row.tenant_id, Asking()).is_waiting


def _chosen(request: HttpRequest, found: Health, hours: dict[int, Asking], pinned: set[int]) -> list[TenantHealth]:
    """The companies asked for: pinned ones first, then in the order asked for, else those in trouble first."""
    words = request.GET.get("q", "").casefold().split()
    show = request.GET.get("show", "")
    rows = [row for row in found.tenants if all(word in row.name.casefold() for word in words)]
    if show == "attention":
        rows = [row for row in rows if _is_asking(row, found, hours)]
    elif show == "live":
        rows = [row for row in rows if row.is_live]
    rows.sort(key=lambda row: (ORDER[row.verdict(found.at)], -row.needs_attention, row.name))
    if key := SORTS.get(request.GET.get("sort", "").lstrip("-")):
        rows.sort(key=key[1], reverse=request.GET["sort"].startswith("-"))
    return sorted(rows, key=lambda row: row.tenant_id not in pinned)


def _sorts(request: HttpRequest) -> dict[str, dict[str, str]]:
    """For each column that sorts: where its heading leads, and how it is sorted now."""
    now = request.GET.get("sort", "")
    kept = {name: value for name in ("q", "show") if (value := request.GET.get(name))}
    return {
        name: {
            "text": str(text),
            "url": "?" + urlencode({**kept, "sort": f"-{name}" if now == name else name}) + "#companies",
            "aria": {name: "ascending", f"-{name}": "descending"}.get(now, "none"),
            "arrow": {name: "▲", f"-{name}": "▼"}.get(now, ""),
        }
        for name, (text, _key) in SORTS.items()
    }


def _choices(request: HttpRequest, found: Health, hours: dict[int, Asking]) -> list[dict[str, Any]]:
    """The filters, each with how many companies it finds."""
    to_look_at = sum(_is_asking(row, found, hours) for row in found.tenants)
    choices = [
        ("", gettext("All"), len(found.tenants)),
        ("attention", gettext("To look at"), to_look_at),
        ("live", gettext("Live"), found.live),
    ]
    show, search = request.GET.get("show", ""), request.GET.get("q", "")
    sort = request.GET.get("sort", "")
    return [
        {
            "text": text,
            "count": count,
            "is_on": name == show,
            "url": "?"
            + urlencode({key: value for key, value in (("q", search), ("show", name), ("sort", sort)) if value}),
        }
        for name, text, count in choices
    ]


def _links_url(**parameters: Any) -> str:
    query = urlencode({"state": "needs_attention", **parameters})
    return f"{reverse('admin:mappings_recordlink_changelist')}?{query}"


def _events_url(**parameters: Any) -> str:
    return f"{reverse('admin:sync_changeevent_changelist')}?{urlencode({'state': 'open', **parameters})}"


def _tiles(found: Health, hours: dict[int, Asking]) -> list[dict[str, Any]]:
    in_trouble = sum(row.verdict(found.at) == "bad" for row in found.tenants)
    return [
        {
            "label": gettext("Companies live"),
            "value": found.live,
            "note": gettext("of %(count)s") % {"count": len(found.tenants)},
            "tone": "bad" if in_trouble else "good",
            "detail": gettext("%(count)s in trouble") % {"count": in_trouble}
            if in_trouble
            else gettext("all as promised"),
            "url": reverse("admin:tenants_tenant_changelist"),
        },
        {
            "label": gettext("Waiting changes"),
            "value": found.waiting,
            "tone": "warning" if any(row.is_stuck(found.at) for row in found.tenants) else "good",
            "detail": gettext("some for longer than promised")
            if any(row.is_stuck(found.at) for row in found.tenants)
            else (gettext("all on the way") if found.waiting else gettext("none")),
            "url": _events_url(),
        },
        *([_held_tile(found)] if found.held_records else []),
        {
            "label": gettext("Needs attention"),
            "value": found.needs_attention,
            "tone": "bad" if found.needs_attention else "good",
            "detail": gettext("records wait for a person") if found.needs_attention else gettext("nothing to do"),
            "url": attention_url(),
        },
        *_hours_tiles(hours),
    ]


def _hours_tiles(hours: dict[int, Asking]) -> list[dict[str, Any]]:
    """Only where hours ask for somebody: most companies have nothing there on most days."""
    stopped = sum(each.needs_attention for each in hours.values())
    changed = sum(each.changed for each in hours.values())
    if not stopped and not changed:
        return []
    return [
        {
            "label": gettext("Hours"),
            "value": stopped + changed,
            "tone": "bad" if stopped else "warning",
            "detail": gettext("%(stopped)s need attention, %(changed)s changed after transfer")
            % {"stopped": stopped, "changed": changed},
            "url": reports_url(state="needs_attention" if stopped else "changed"),
        }
    ]


def _held_tile(found: Health) -> dict[str, Any]:
    """Where the answer is given: the brake's questions have a list, the field watch's stand on the company's page."""
    is_braked = any(code.startswith("held_") for tenant in found.tenants for _entity, code in tenant.held)
    name = "sync_heldset_changelist" if is_braked else "tenants_tenant_changelist"
    return {
        "label": gettext("Held"),
        "value": found.held_records,
        "tone": "bad",
        "detail": gettext("waiting for an answer"),
        "url": reverse(f"admin:{name}") + ("?state=open" if is_braked else ""),
    }


def _row(row: TenantHealth, found: Health, hours: Asking) -> dict[str, Any]:
    return {
        "health": row,
        "verdict": row.verdict(found.at),
        "state": tenant_state_label(row.state),
        "pulled": freshness_label(row, "pulled"),
        "swept": freshness_label(row, "swept"),
        "is_stuck": row.is_stuck(found.at),
        "broken": [connection_label(connection) for connection in row.broken(found.at)],
        "causes": [
            {
                "text": explain_code(code).text,
                "count": count,
                "url": _links_url(tenant=row.tenant_id, reason=code),
            }
            for code, count in row.causes[:CAUSES_SHOWN]
        ],
        "more_causes": max(0, len(row.causes) - CAUSES_SHOWN),
        "payroll": [
            {"row": each, "url": check_url(row.tenant_id, calendar=each.calendar_id, day=each.period.first)}
            for each in row.payroll
        ],
        "hours": [
            {"count": count, "text": text, "tone": tone, "url": reports_url(tenant=row.tenant_id, **query)}
            for count, text, tone, query in (
                (hours.needs_attention, gettext("hours need attention"), "bad", {"state": "needs_attention"}),
                (hours.changed, gettext("hours changed after transfer"), "warning", {"state": "changed"}),
                (hours.warned, gettext("hours without a pay type"), "warning", {"warning": "pay_type_not_found"}),
            )
            if count
        ],
        "attention_url": _links_url(tenant=row.tenant_id),
        "waiting_url": _events_url(tenant=row.tenant_id),
        "url": reverse("admin:tenants_tenant_change", args=[row.tenant_id]),
    }
