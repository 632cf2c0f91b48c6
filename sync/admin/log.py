"""The sync log, and *Overwritten changes*: what somebody typed in Intempus and Uniconta's record replaced (rule M4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mappings.labels import entity_label
from mappings.models import RecordLink
from sync.admin.lists import EntityFilter, NewestFirstMixin
from sync.domain.catalogue import explain_code
from sync.domain.put_back import CannotPutBackError, can_be_put_back, put_back
from sync.domain.timeline import entity_of, entry_item, exchanges_of, parts_of, reference_names
from sync.models import ChangeEvent, PutBack, SyncLogEntry
from sync.templatetags.console import system_name
from tenants.admin.base import (
    ChoiceFilter,
    InfinitePaginator,
    ReadOnlyMixin,
    TenantAdmin,
    TenantFilter,
    label,
    tenants_with,
)
from tenants.labels import moment
from tenants.models import Tenant
from tenants.roles import Right, has_right

TONES = {
    SyncLogEntry.State.SENDING: "busy",
    SyncLogEntry.State.DONE: "good",
    SyncLogEntry.State.NOT_DONE: "warning",
    SyncLogEntry.State.UNCLEAR: "warning",
    SyncLogEntry.State.RETRY: "warning",
    SyncLogEntry.State.WAITING: "busy",
    SyncLogEntry.State.EXCLUDED: "neutral",
    SyncLogEntry.State.NEEDS_ATTENTION: "bad",
}
WISH_TONES = {PutBack.State.OPEN: "busy", PutBack.State.DONE: "good", PutBack.State.REFUSED: "warning"}
WHOLE_BODY = 20_000
OVERWRITTEN_PER_PAGE = 50


class OutcomeFilter(ChoiceFilter):
    title = _("outcome")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(SyncLogEntry.State.choices)


class ActionFilter(ChoiceFilter):
    title = _("action")
    parameter_name = field = "action"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(SyncLogEntry.Action.choices)


class OverwrittenFilter(ChoiceFilter):
    title = _("overwritten")
    parameter_name = "overwritten"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(has_overwritten=True) if self.value() == "yes" else queryset


@admin.register(SyncLogEntry)
class SyncLogEntryAdmin(NewestFirstMixin, ReadOnlyMixin, TenantAdmin):
    """The biggest table of all: newest first, never counted."""

    paginator = InfinitePaginator
    list_display = [
        "at_shown",
        "company",
        "entity_shown",
        "record",
        "action_shown",
        "target_shown",
        "state_shown",
        "fields_changed",
    ]
    list_filter = [TenantFilter, OutcomeFilter, ActionFilter, EntityFilter, OverwrittenFilter]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.overwritten_view)
        put_back = self.admin_site.admin_view(self.put_back_view)
        return [
            path("overwritten/", view, name="sync_synclogentry_overwritten"),
            path("<int:entry_id>/put-back/<slug:field>/", put_back, name="sync_synclogentry_put_back"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed_pre_image")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = dict(extra_context or {})
        if getattr(request.user, "is_superuser", False):
            extra["subtitle"] = gettext("about %(count)s entries") % {
                "count": f"{estimated_count():,}".replace(",", ".")
            }
        response: HttpResponse = super().changelist_view(request, extra)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:  # names of the records on this page: one query
            rows = context["cl"].result_list
            names = {link.pk: str(link) for link in _links([row.link_id for row in rows])}
            for row in rows:
                row.record_name = names.get(row.link_id, "")
        return response

    @admin.display(description=_("at"), ordering="at")
    def at_shown(self, entry: SyncLogEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("entity"))
    def entity_shown(self, entry: SyncLogEntry) -> str:
        return entity_label(entry.entity)

    @admin.display(description=_("record"))
    def record(self, entry: SyncLogEntry) -> str:
        return getattr(entry, "record_name", "") or f"#{entry.link_id}"

    @admin.display(description=_("action"))
    def action_shown(self, entry: SyncLogEntry) -> str:
        return entry.get_action_display()

    @admin.display(description=_("written to"))
    def target_shown(self, entry: SyncLogEntry) -> str:
        return system_name(entry.target) or "–"

    @admin.display(description=_("outcome"))
    def state_shown(self, entry: SyncLogEntry) -> str:
        return outcome_label(entry)

    @admin.display(description=_("fields"))
    def fields_changed(self, entry: SyncLogEntry) -> str:
        return str(len(entry.plan.get("changes") or ())) if entry.plan else "–"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One entry with its exchanges in full."""
        if object_id is None:
            raise PermissionDenied
        entry: SyncLogEntry = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, entry):
            raise Http404
        exchanges = exchanges_of([entry], WHOLE_BODY).get(entry.pk, ())
        item = entry_item(entry, entity_of(entry.tenant_id, entry.entity), exchanges=exchanges)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{entry.get_action_display()}: {entity_label(entry.entity)}",
            "subtitle": None,
            "item": item,
            "link": _links([entry.link_id]).first(),
        }
        return TemplateResponse(request, "console/log_entry.html", context)

    # ------------------------------------------------------------------------------------------ overwritten changes

    def overwritten_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        tenant = request.GET.get("tenant", "")
        before = request.GET.get("before", "")
        if not all(value == "" or value.isdigit() for value in (tenant, before)):
            raise Http404
        entries = self.get_queryset(request).select_related("tenant").filter(has_overwritten=True)
        if tenant:
            entries = entries.filter(tenant_id=tenant)
        if before:
            entries = entries.filter(pk__lt=before)
        found = list(entries.order_by("-pk")[: OVERWRITTEN_PER_PAGE + 1])
        page = found[:OVERWRITTEN_PER_PAGE]
        links = {link.pk: link for link in _links([entry.link_id for entry in page])}
        entities: dict[tuple[int, str], Any] = {}
        for entry in page:
            key = (entry.tenant_id, entry.entity)
            if key not in entities:
                entities[key] = entity_of(*key)
        parts = [part for entry in page for part in parts_of(entry, entities[entry.tenant_id, entry.entity])]
        names = reference_names(parts)
        wishes = {(wish.entry_id, wish.field): wish for wish in _wishes(page)}
        operable = {pk for pk in {entry.tenant_id for entry in page} if has_right(request.user, Right.OPERATE, pk)}
        rows = []
        for entry in page:
            entity = entities[entry.tenant_id, entry.entity]
            link = links.get(entry.link_id)
            rows += [
                {
                    "entry": entry,
                    "link": link,
                    "change": change,
                    "first_seen": [
                        (system_name(system), datetime.fromisoformat(at))
                        for system, at in sorted(entry.plan.get("first_seen_at", {}).items(), reverse=True)
                    ],
                    "wish": (wish := wishes.get((entry.pk, change.name))),
                    "wish_label": label(wish.get_state_display(), WISH_TONES[PutBack.State(wish.state)])
                    if wish
                    else "",
                    "may_put_back": entry.tenant_id in operable
                    and link is not None
                    and (wish is None or wish.state == PutBack.State.REFUSED)
                    and can_be_put_back(entity, change.name),
                }
                for change in entry_item(entry, entity, {}, names=names).overwritten
            ]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Overwritten changes"),
            "subtitle": None,
            "rows": rows,
            "tenants": Tenant.objects.filter(pk__in=_visible_ids(self, request)).order_by("name"),
            "tenant": tenant,
            "older": page[-1].pk if len(found) > len(page) else None,
        }
        return TemplateResponse(request, "console/overwritten.html", context)

    def put_back_view(self, request: HttpRequest, entry_id: int, field: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        entry: SyncLogEntry = self.object_or_404(request, str(entry_id))
        if not has_right(request.user, Right.OPERATE, entry.tenant_id):
            raise PermissionDenied
        try:
            put_back(entry, field, request.user.pk)
        except CannotPutBackError as error:
            messages.error(request, explain_code(error.code).text)
        else:
            messages.success(request, gettext("The value is on its way to Uniconta and then to Intempus."))
        return HttpResponseRedirect(reverse("admin:mappings_recordlink_change", args=[entry.link_id]))


def _wishes(entries: list[SyncLogEntry]) -> QuerySet[PutBack]:
    """The newest of one field comes last."""
    return PutBack.objects.filter(entry_id__in=[entry.pk for entry in entries]).order_by("pk")


def _visible_ids(page: TenantAdmin, request: HttpRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = page._only(Tenant.objects.all(), tenants_with(request.user, page.view_right))  # noqa: SLF001 - same family
    return rows.values("pk")


def _links(ids: list[int]) -> QuerySet[RecordLink]:
    return RecordLink.objects.filter(pk__in=ids).only(
        "pk", "tenant_id", "entity", "name", "uniconta_key", "intempus_key"
    )


def outcome_label(entry: SyncLogEntry) -> str:
    reason = explain_code(entry.error_code).text if entry.error_code else ""
    return label(entry.get_state_display(), TONES[SyncLogEntry.State(entry.state)], reason)


def origin_label(origin: str) -> str:
    return str(ChangeEvent.Origin(origin).label) if origin in ChangeEvent.Origin.values else origin


def estimated_count() -> int:
    """What PostgreSQL's statistics say about all partitions together."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'sync_synclogentry'::regclass"
        )
        return int(cursor.fetchone()[0])
