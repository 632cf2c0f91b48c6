"""Needs attention, by cause: one entry per cause across the companies a person sees, with what can be done about all of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.labels import is_danish
from mappings.models import RecordLink
from sync.admin.hours.work_report import reports_url
from sync.domain.catalogue import explain_code
from sync.domain.catalogue_text import Section, sections
from sync.domain.causes import Cause, Kind, Part, causes_of, notes, retry_cause, write_note
from sync.domain.unnamed import unnamed_texts
from sync.models import CauseNote, WorkReport
from tenants.admin.base import ModelAdmin, tenants_with
from tenants.models import Membership, Tenant
from tenants.roles import RIGHTS, Right, has_right
from tenants.scoping import ALL

KINDS = {
    Kind.CONNECTION: _("Connections"),
    Kind.EVENT: _("Changes"),
    Kind.QUESTION: _("Held sets"),
    Kind.REPORT: _("Hours"),
    Kind.RECORD: _("Records"),
    Kind.HOOKS: _("Change URLs"),
}
#: Who may have all of a cause tried again.
RETRY_RIGHTS = {Kind.RECORD: Right.OPERATE, Kind.REPORT: Right.FETCH_HOURS}
#: What an example is called by; others by their company.
EXAMPLES: dict[Kind, Any] = {Kind.RECORD: RecordLink, Kind.REPORT: WorkReport}
PER_PAGE, COMPANIES_SHOWN, NOTE_LENGTH = 25, 8, 1000


def attention_url(cause: tuple[str, str] | None = None, **query: Any) -> str:
    """The page, or one cause on it."""
    url = reverse("admin:sync_causenote_changelist")
    if cause:
        query["cause"] = "{}:{}".format(*cause)
    return f"{url}?{urlencode(query)}" if query else url


@admin.register(CauseNote)
class AttentionAdmin(ModelAdmin):
    """No list of rows: the page is made of causes, which are nowhere stored."""

    def get_urls(self) -> list[URLPattern]:
        return [
            path("retry/", self.admin_site.admin_view(self.retry_view), name="sync_causenote_retry"),
            path("errors/", self.admin_site.admin_view(self.errors_view), name="sync_causenote_errors"),
            path("say/", self.admin_site.admin_view(self.say_view), name="sync_causenote_say"),
            *super().get_urls(),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, Right.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, Right.VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """No page of one row."""
        return super().get_queryset(request).none()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> None:
        raise Http404

    # ------------------------------------------------------------------------------------------------- the page

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not has_right(request.user, Right.VIEW):
            raise PermissionDenied
        view = _View(request)
        chosen = view.chosen()
        page = Paginator(chosen, PER_PAGE).get_page(request.GET.get("page"))
        view.read_examples(page.object_list)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Needs attention"),
            "entries": [view.entry(cause) for cause in page],
            "page": page,
            "query": urlencode({key: value for key, value in request.GET.items() if key != "page"}),
            "kinds": view.kinds(),
            "tenants": sorted(view.names.items(), key=lambda row: row[1]),
            "tenant": request.GET.get("tenant", ""),
            "kind": request.GET.get("kind", ""),
            "one": request.GET.get("cause", ""),
            "colleagues": view.colleagues() if view.may_operate else [],
            "note_length": NOTE_LENGTH,
        }
        return TemplateResponse(request, "console/attention.html", context)

    def errors_view(self, request: HttpRequest) -> HttpResponse:
        """The catalogue, and what remote systems said that it has no name for."""
        if not has_right(request.user, Right.VIEW):
            raise PermissionDenied
        typed = request.GET.get("q", "").strip()
        visible = tenants_with(request.user, Right.VIEW)
        links = RecordLink.objects.all() if visible == ALL else RecordLink.objects.filter(tenant_id__in=visible)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Error catalogue"),
            "typed": typed,
            "sections": _searched(typed.casefold()),
            "unnamed": [] if typed else unnamed_texts(links),
        }
        return TemplateResponse(request, "console/errors.html", context)

    def retry_view(self, request: HttpRequest) -> HttpResponse:
        cause = _posted_cause(request)
        if cause is None:
            return HttpResponseNotAllowed(["POST"])
        right = RETRY_RIGHTS.get(cause.kind)
        if right is None or not cause.can_retry:
            raise Http404
        asked = retry_cause(cause, _of(cause, tenants_with(request.user, right)), request.user.pk)
        records = sum(count for _, count in asked)
        text = ngettext(
            "%(records)s of %(companies)s company are tried again.",
            "%(records)s of %(companies)s companies are tried again.",
            len(asked),
        )
        if asked:
            messages.success(request, text % {"records": records, "companies": len(asked)})
        else:
            messages.error(request, explain_code("answered_one_by_one").text)
        return HttpResponseRedirect(_back(request))

    def say_view(self, request: HttpRequest) -> HttpResponse:
        """Who sees to it, and a note: for the companies in which this person may do something about it."""
        cause = _posted_cause(request)
        if cause is None:
            return HttpResponseNotAllowed(["POST"])
        about = _of(cause, tenants_with(request.user, Right.OPERATE))
        if not about:
            raise PermissionDenied
        wanted = request.POST.get("assigned_to", "")
        colleague = next((user for user in _colleagues(about) if str(user.pk) == wanted), None)
        if wanted and colleague is None:
            raise Http404
        note = request.POST.get("note", "").strip()[:NOTE_LENGTH]
        write_note(cause, about, colleague.pk if colleague else None, note, request.user.pk)
        messages.success(request, gettext("Noted."))
        return HttpResponseRedirect(_back(request))


def _searched(words: str) -> list[Section]:
    """Sections with the codes in which all of the words occur."""
    found = [
        Section(
            section.title, [each for each in section.codes if words in f"{each.code} {each.text} {each.fix}".casefold()]
        )
        for section in sections(in_danish=is_danish())
    ]
    return [section for section in found if section.codes]


def _back(request: HttpRequest) -> str:
    query = request.POST.get("query", "")
    return f"{attention_url()}?{query}" if query else attention_url()


def _posted_cause(request: HttpRequest) -> Cause | None:
    """The cause a form names, of the companies this person sees; None when it was no POST."""
    if request.method != "POST":
        return None
    kind, _colon, code = request.POST.get("cause", "").partition(":")
    found = causes_of(tenants_with(request.user, Right.VIEW))
    cause = next((cause for cause in found if (cause.kind, cause.code) == (kind, code)), None)
    if cause is None:
        raise Http404
    return cause


def _of(cause: Cause, tenants: str | list[int]) -> list[int]:
    """The companies of a cause that are among these."""
    return [tenant_id for tenant_id in cause.tenant_ids if tenants == ALL or tenant_id in tenants]


def _colleagues(tenant_ids: list[int]) -> list[Any]:
    """Who may do something about it in one of these companies."""
    roles = [role for role, rights in RIGHTS.items() if Right.OPERATE in rights]
    at_work = Membership.objects.filter(tenant__in=tenant_ids, role__in=roles).values("user")
    people = get_user_model().objects.filter(Q(is_superuser=True) | Q(pk__in=at_work), is_active=True)
    return list(people.order_by("first_name", "last_name", "username"))


class _View:
    """What the page shows one person."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.visible = tenants_with(request.user, Right.VIEW)
        rows = Tenant.objects.all() if self.visible == ALL else Tenant.objects.filter(pk__in=self.visible)
        self.names = dict(rows.order_by().values_list("pk", "name"))
        self.causes = causes_of(self.names)
        self.operate = tenants_with(request.user, Right.OPERATE)
        self.may_operate = has_right(request.user, Right.OPERATE)
        self.notes = notes() if self.may_operate else {}
        self.examples: dict[tuple[Kind, int], Any] = {}

    def chosen(self) -> list[Cause]:
        get = self.request.GET
        tenant, kind, one = get.get("tenant", ""), get.get("kind", ""), get.get("cause", "")
        rows = [cause for cause in self.causes if not one or f"{cause.kind}:{cause.code}" == one]
        rows = [cause for cause in rows if kind in ("", "mine", cause.kind)]
        if tenant.isdigit():
            rows = [cause for cause in rows if int(tenant) in cause.tenant_ids]
        if kind == "mine":
            rows = [cause for cause in rows if self._is_mine(cause)]
        return rows

    def _is_mine(self, cause: Cause) -> bool:
        note = self.notes.get((cause.kind, cause.code))
        return note is not None and note.assigned_to_id == self.request.user.pk

    def kinds(self) -> list[dict[str, Any]]:
        """The filters, each with how many causes it finds."""
        shown = self.request.GET.get("kind", "")
        choices: list[tuple[str, Any, int]] = [("", gettext("All"), len(self.causes))]
        if self.may_operate:
            choices.append(("mine", gettext("Mine"), sum(map(self._is_mine, self.causes))))
        choices += [
            (kind.value, text, number)
            for kind, text in KINDS.items()
            if (number := sum(cause.kind == kind for cause in self.causes))
        ]
        tenant = self.request.GET.get("tenant", "")
        return [
            {
                "text": text,
                "count": count,
                "is_on": name == shown,
                "url": "?" + urlencode({key: value for key, value in (("tenant", tenant), ("kind", name)) if value}),
            }
            for name, text, count in choices
        ]

    def colleagues(self) -> list[Any]:
        visible = list(self.names) if self.operate == ALL else list(self.operate)
        return _colleagues([pk for pk in visible if isinstance(pk, int)])

    def read_examples(self, causes: Any) -> None:
        for kind, model in EXAMPLES.items():
            wanted = [cause.newest.example for cause in causes if cause.kind == kind and cause.newest.example]
            if wanted:
                self.examples |= {(kind, pk): row for pk, row in model.objects.in_bulk(wanted).items()}

    def entry(self, cause: Cause) -> dict[str, Any]:
        right = RETRY_RIGHTS.get(cause.kind)
        may_retry = bool(right and cause.can_retry and _of(cause, tenants_with(self.request.user, right)))
        return {
            "cause": cause,
            "key": f"{cause.kind}:{cause.code}",
            "kind": KINDS[cause.kind],
            "why": explain_code(cause.code),
            "example": self._example(cause),
            "companies": [self._company(cause, part) for part in cause.parts[:COMPANIES_SHOWN]],
            "more": [self._company(cause, part) for part in cause.parts[COMPANIES_SHOWN:]],
            "url": _list_url(cause),
            "note": self.notes.get((cause.kind, cause.code)),
            "may_retry": may_retry,
            "may_say": bool(_of(cause, self.operate)),
        }

    def _company(self, cause: Cause, part: Part) -> dict[str, Any]:
        return {"name": self.names[part.tenant_id], "count": part.count, "url": _list_url(cause, part.tenant_id)}

    def _example(self, cause: Cause) -> dict[str, Any] | None:
        newest = cause.newest
        if newest.example is None:
            return None
        company = self.names[newest.tenant_id]
        row = self.examples.get((cause.kind, newest.example))
        detail = row.detail if isinstance(row, RecordLink) else ""
        said = detail if ":" not in detail else ""
        return {
            "text": str(row or company),
            "company": company,
            "said": said,
            "url": _example_url(cause, newest),
        }


def _list_url(cause: Cause, tenant_id: int | None = None) -> str:
    """Where all of it stand in a list."""
    only = {"tenant": tenant_id} if tenant_id else {}
    match cause.kind:
        case Kind.RECORD:
            query = {"state": "needs_attention", "reason": cause.code, **only}
            return f"{reverse('admin:mappings_recordlink_changelist')}?{urlencode(query)}"
        case Kind.REPORT:
            is_changed = cause.code.endswith("_after_transfer")
            return reports_url(state="changed" if is_changed else "needs_attention", **only)
        case Kind.EVENT:
            query = {"state": "quarantined", **only}
            return f"{reverse('admin:sync_changeevent_changelist')}?{urlencode(query)}"
    if tenant_id:
        name = "webhooks" if cause.kind == Kind.HOOKS else "change"
        return reverse(f"admin:tenants_tenant_{name}", args=[tenant_id])
    if cause.kind == Kind.QUESTION and cause.code.startswith("held_"):
        return reverse("admin:sync_heldset_changelist") + "?state=open"
    return ""


def _example_url(cause: Cause, part: Part) -> str:
    match cause.kind:
        case Kind.CONNECTION:
            return reverse("admin:tenants_tenant_change", args=[part.tenant_id])
        case Kind.RECORD:
            name = "mappings_recordlink"
        case Kind.REPORT:
            name = "sync_workreport"
        case Kind.EVENT:
            name = "sync_changeevent"
        case _:
            name = "sync_heldset"
    return reverse(f"admin:{name}_change", args=[part.example])
