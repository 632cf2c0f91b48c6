"""Linked pairs: every record from first sight, found by either side's id, number or name, with its whole history."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.engine import UNSENT
from mappings.entities import ENTITIES
from mappings.labels import attribute_label, entity_label
from mappings.models import RecordLink
from mappings.spec import Direction, Entity, System
from sync.admin.lists import EntityFilter, NewestFirstMixin, is_list
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.decide import DELETIONS, MERGED
from sync.domain.match import match_record
from sync.domain.match_decisions import free_records, take_in_again, unlink
from sync.domain.merged import merge_into, targets
from sync.domain.move import BusyError
from sync.domain.retry_many import Wanted, can_retry_all, queue_retry
from sync.domain.selection import CRITERIA, differing, search
from sync.domain.timeline import entity_of, names_referred_to, timeline
from sync.models import Run
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
from tenants.labels import age
from tenants.roles import Right, has_right
from tenants.scoping import ALL

TONES = {
    RecordLink.State.NEW: "busy",
    RecordLink.State.IN_SYNC: "good",
    RecordLink.State.EXCLUDED: "neutral",
    RecordLink.State.WAITING: "busy",
    RecordLink.State.NEEDS_ATTENTION: "bad",
}


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(RecordLink.State.choices)


class ReasonFilter(ChoiceFilter):
    """Reasons are codes; people read sentences. The few that occur come from the catalogue, not from a scan."""

    title = _("reason")
    parameter_name = field = "reason"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        codes = sorted(LINK_REASONS | ({value} if (value := request.GET.get("reason")) else set()))
        return sorted(((code, explain_code(code).text) for code in codes), key=lambda option: option[1])


class InactiveFilter(ChoiceFilter):
    title = _("inactive because")
    parameter_name = field = "inactive_reason"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [(value, text) for value, text in RecordLink.Inactive.choices if value]


class DiffersFilter(ChoiceFilter):
    title = _("differs")
    parameter_name = "differs"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return differing(queryset, self.value() or "")


#: Codes that stand on a link as its reason.
LINK_REASONS = {
    "ambiguous_match",
    "blocked",
    "blocked_only_in_uniconta",
    "crashed",
    "creates_off",
    "deleted_in_intempus",
    "deleted_in_uniconta",
    "direction_off",
    "ended_in_uniconta",
    "entity_off",
    "first_ten",
    "flag_appeared",
    "flag_disappeared",
    "field_disappeared",
    "key_taken",
    "key_too_long",
    "left_out",
    "merged",
    "loop_breaker",
    "mapping_error",
    "never_ticked",
    "no_default_group",
    "not_created_again",
    "not_used",
    "number_kept",
    "number_refused",
    "proposal_match",
    "reactivated_by_hand",
    "reference_missing",
    "reference_waits",
    "unclear_write",
    "unticked",
    "value_needed",
}


def state_label(link: RecordLink) -> str:
    reason = explain_code(link.reason).text if link.reason else ""
    return label(link.get_state_display(), TONES[RecordLink.State(link.state)], reason)


@admin.register(RecordLink)
class RecordLinkAdmin(NewestFirstMixin, ReadOnlyMixin, TenantAdmin):
    time_column = "changed_at"
    paginator = BoundedPaginator
    list_display = [
        "record",
        "entity_shown",
        "in_uniconta",
        "in_intempus",
        "state_shown",
        "differs_in",
        "company",
        "changed",
    ]
    list_filter = [TenantFilter, EntityFilter, StateFilter, ReasonFilter, InactiveFilter, DiffersFilter]
    search_fields = ["name"]  # makes the box appear; get_search_results decides what it does
    search_help_text = _("Number or id in either system, or the beginning of the name")
    actions = ["retry_now"]
    presses = [
        Press("none-of-them", _("None of them: it is a new record"), "person_add", "press_none", Right.OPERATE),
        Press("switch-off", _("Set the other one inactive"), "block", "press_switch_off", Right.OPERATE),
        Press("leave", _("Leave the other one as it is"), "link_off", "press_leave", Right.OPERATE),
        Press("create-again", _("Create again in Intempus"), "restore", "press_create_again", Right.OPERATE),
        Press("unlink", _("Take the pair apart"), "link_off", "press_unlink", Right.OPERATE),
        Press("take-in", _("Take in again"), "add_link", "press_take_in", Right.OPERATE),
        Press("new-record", _("It is a new record"), "person_add", "press_none", Right.OPERATE),
        Press("sync", _("Sync now"), "sync", "press_sync", Right.OPERATE, "primary"),
        Press("preview", _("Preview"), "visibility", "press_preview", Right.OPERATE),
        Press("retry", _("Retry"), "replay", "press_retry", Right.RETRY),
    ]

    # -------------------------------------------------------------------------------------------------- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        if is_list(request):
            return (
                super()
                .get_queryset(request)
                .defer("uniconta_base", "intempus_base", "uniconta_match_keys", "intempus_match_keys")
            )
        return super().get_queryset(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search(queryset, search_term), False

    @admin.display(description=_("record"), ordering="name")
    def record(self, link: RecordLink) -> str:
        return link.name or link.uniconta_key or link.intempus_key or f"#{link.pk}"

    @admin.display(description=_("entity"))
    def entity_shown(self, link: RecordLink) -> str:
        return entity_label(link.entity)

    @admin.display(description="Uniconta", ordering="uniconta_key")
    def in_uniconta(self, link: RecordLink) -> str:
        return _side(link.uniconta_key, link.uniconta_id)

    @admin.display(description="Intempus", ordering="intempus_key")
    def in_intempus(self, link: RecordLink) -> str:
        return _side(link.intempus_key, link.intempus_id)

    @admin.display(description=_("state"))
    def state_shown(self, link: RecordLink) -> str:
        reason = explain_code(link.reason).text if link.reason else ""
        return format_html(
            "{}{}", label(link.get_state_display(), TONES[RecordLink.State(link.state)]), _reason(reason)
        )

    @admin.display(description=_("differs in"))
    def differs_in(self, link: RecordLink) -> str:
        entity = ENTITIES.get(link.entity)
        return ", ".join(attribute_label(entity, name) for name in link.differing) or "–"

    @admin.display(description=_("last changed"), ordering="changed_at")
    def changed(self, link: RecordLink) -> str:
        return age(link.changed_at)

    # ------------------------------------------------------------------------------------------- actions, buttons

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return self._may(request, Right.OPERATE, None)

    @admin.action(description=_("Retry"), permissions=["operate"])
    def retry_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The ticked rows, or all that the filter finds: as runs with progress, one for each company."""
        tenants = tenants_with(request.user, Right.OPERATE)
        rows = (queryset if tenants == ALL else queryset.filter(tenant__in=tenants)).order_by()
        wanted: dict[int, Wanted] = {}
        if request.POST.get("select_across") == "1":
            criteria = {name: value for name in CRITERIA if (value := request.GET.get(name))}
            found = rows.values_list("tenant_id", flat=True).distinct()
            wanted = {tenant_id: {"filter": criteria} for tenant_id in found}
        else:
            ticked: dict[int, list[int]] = defaultdict(list)
            for tenant_id, link_id in rows.values_list("tenant_id", "pk"):
                ticked[tenant_id].append(link_id)
            wanted = {tenant_id: {"links": sorted(ids)} for tenant_id, ids in ticked.items()}
        queued = [queue_retry(tenant_id, each, request.user.pk) for tenant_id, each in sorted(wanted.items())]
        runs = [run for run in queued if run is not None]
        if not runs:
            messages.error(request, explain_code("answered_one_by_one").text)
        if len(runs) == 1:
            return HttpResponseRedirect(reverse("admin:sync_run_change", args=[runs[0].pk]))
        for run in runs:
            text = gettext("%(company)s: %(count)s records are tried again.")
            messages.success(request, text % {"company": run.tenant, "count": run.total})
        return None

    def press_sync(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        _say_queued(request, actions.sync_now([link.pk], request.user.pk))
        return self._back(link)

    def press_retry(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        _say_queued(request, actions.retry([link.pk], request.user.pk))
        return self._back(link)

    def press_preview(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        run = actions.start_run(
            Run(
                tenant_id=link.tenant_id,
                kind=Run.Kind.PREVIEW,
                entity=link.entity,
                link_id=link.pk,
                requested_by_id=request.user.pk,
            )
        )
        return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))

    # A question of matching: the same record, or none of those that look alike.

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.same_as_view)
        by_hand = self.admin_site.admin_view(self.by_hand_view)
        merged_into = self.admin_site.admin_view(self.merged_into_view)
        return [
            path("<path:object_id>/same-as/<int:other_id>/", view, name="mappings_recordlink_same_as"),
            path("<path:object_id>/link-by-hand/", by_hand, name="mappings_recordlink_by_hand"),
            path("<path:object_id>/merged-into/", merged_into, name="mappings_recordlink_merged_into"),
            *super().get_urls(),
        ]

    def presses_for(self, request: HttpRequest, obj: models.Model) -> list[Press]:
        """The answers to a deletion stand only where that is the question; those to a match stand with the candidates."""
        assert isinstance(obj, RecordLink)
        hidden = {"none-of-them"}
        if not obj.is_linked:
            hidden.add("unlink")
        if not obj.is_left_out:
            hidden.add("take-in")
        if obj.is_linked or not obj.is_left_out:
            hidden.add("new-record")
        if obj.reason not in (*DELETIONS, MERGED) or not obj.is_linked:
            hidden |= {"switch-off", "leave", "create-again"}
        elif obj.reason != "deleted_in_intempus":
            hidden.add("create-again")
        if obj.state == RecordLink.State.NEEDS_ATTENTION and not can_retry_all(obj.reason):
            hidden.add("retry")
        return [press for press in super().presses_for(request, obj) if press.verb not in hidden]

    def press_switch_off(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        return self._answer(request, link, RecordLink.DeletionAnswer.SWITCH_OFF)

    def press_leave(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        return self._answer(request, link, RecordLink.DeletionAnswer.LEAVE)

    def _answer(self, request: HttpRequest, link: RecordLink, answer: str) -> HttpResponse:
        try:
            actions.answer_deletion(link.pk, answer, request.user.pk)
        except ValueError:
            messages.error(request, gettext("This record is there in both systems; there is nothing to answer."))
        else:
            _say_queued(request, 1)
        return self._back(link)

    def press_create_again(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        try:
            actions.create_again(link.pk, request.user.pk)
        except ValueError:
            messages.error(request, gettext("This record was not deleted in Intempus, or Uniconta has none of it."))
        else:
            _say_queued(request, 1)
        return self._back(link)

    def press_none(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        actions.choose_match(link.pk, None, request.user.pk)
        _say_queued(request, 1)
        return self._back(link)

    def press_unlink(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        try:
            half = unlink(link.pk, request.user.pk)
        except ValueError:
            messages.error(request, gettext("This record is no pair."))
        except BusyError:
            messages.error(request, gettext("Changes are being processed right now. Wait a moment and press again."))
        else:
            text = gettext("Taken apart. %(one)s and %(other)s both stay out until you say what either is.")
            messages.success(request, text % {"one": link, "other": half})
        return self._back(link)

    def press_take_in(self, request: HttpRequest, link: RecordLink) -> HttpResponse:
        take_in_again(link.pk, request.user.pk)
        _say_queued(request, 1)
        return self._back(link)

    def by_hand_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Link with the record of the other system whose number, id or name was typed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        link: RecordLink = self.object_or_404(request, object_id)
        text = request.POST.get("other", "").strip()
        found = free_records(link, text) if text and not link.is_linked else []
        if len(found) != 1:
            message = gettext("There is no single free record in the other system with that number, id or name.")
            messages.error(request, message)
            return self._back(link)
        return self.same_as_view(request, object_id, found[0].pk)

    def same_as_view(self, request: HttpRequest, object_id: str, other_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        link: RecordLink = self.object_or_404(request, object_id)
        if not has_right(request.user, Right.OPERATE, link.tenant_id):
            raise PermissionDenied
        if not RecordLink.objects.filter(pk=other_id, tenant_id=link.tenant_id, entity=link.entity).exists():
            raise Http404
        try:
            actions.choose_match(link.pk, other_id, request.user.pk)
        except ValueError:
            messages.error(request, gettext("These two records cannot be linked: one of them is linked already."))
        else:
            _say_queued(request, 1)
        return self._back(link)

    def merged_into_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Gone in Uniconta: merged there into the record whose number, id or name was typed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        link: RecordLink = self.object_or_404(request, object_id)
        if not has_right(request.user, Right.OPERATE, link.tenant_id):
            raise PermissionDenied
        text = request.POST.get("target", "").strip()
        found = targets(link, text) if text else []
        if len(found) != 1:
            messages.error(request, gettext("There is no single record in Uniconta with that number, id or name."))
            return self._back(link)
        try:
            merge_into(link.pk, found[0].pk, request.user.pk)
        except ValueError:
            messages.error(request, gettext("This record is there in Uniconta, so it was not merged into another one."))
        except BusyError:
            messages.error(request, gettext("Changes are being processed right now. Wait a moment and press again."))
        else:
            text = gettext("%(one)s was merged into %(other)s. Their pages show what happens.")
            messages.success(request, text % {"one": link, "other": found[0]})
        return self._back(link)

    def _back(self, link: RecordLink) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:mappings_recordlink_change", args=[link.pk]))

    # -------------------------------------------------------------------------------------------------- the page

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The record's own page instead of a form: nothing about a linked pair is typed."""
        if object_id is None:
            raise PermissionDenied
        link: RecordLink = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, link):
            raise Http404
        entity = entity_of(link.tenant_id, link.entity)
        try:
            history = timeline(link, request.GET.get("before", ""))
        except ValueError:
            raise Http404 from None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(link),
            "subtitle": None,
            "original": link,
            "link": link,
            "state_label": state_label(link),
            "why": explain_code(link.reason, link.detail) if link.reason else None,
            "rows": side_by_side(link, entity),
            "timeline": history,
            "is_first_page": "before" not in request.GET,
            "neighbours": neighbours(link, entity),
            "candidates": self._candidates(request, link, entity),
            "may_link": not link.is_linked and has_right(request.user, Right.OPERATE, link.tenant_id),
            "may_merge": link.is_gone_in_uniconta
            and not link.merged_into_id
            and has_right(request.user, Right.OPERATE, link.tenant_id),
            "presses": self.presses_for(request, link),
            "press_url": "admin:mappings_recordlink_press",
        }
        return TemplateResponse(request, "console/record.html", context)

    def _candidates(self, request: HttpRequest, link: RecordLink, entity: Entity | None) -> list[RecordLink]:
        """Records of the other system that may be this one; only who may answer is asked."""
        is_question = link.reason in ("ambiguous_match", "proposal_match")
        if not is_question or entity is None or not has_right(request.user, Right.OPERATE, link.tenant_id):
            return []
        return list(match_record(entity, link).candidates)


def _side(key: str, remote_id: str) -> str:
    if not remote_id and not key:
        return "–"
    return format_html('{} <span class="c-muted">#{}</span>', key or "", remote_id or "–")


def _reason(text: str) -> str:
    return format_html('<div class="c-reason">{}</div>', text) if text else ""


def _say_queued(request: HttpRequest, count: int) -> None:
    if not count:
        text = gettext("The brake holds this record. A consultant releases it under Held sets.")
        messages.warning(request, text)
        return
    text = ngettext(
        "%(count)s record is on its way. Its page shows what happened.",
        "%(count)s records are on their way. Their pages show what happened.",
        count,
    )
    messages.success(request, text % {"count": count})


def side_by_side(link: RecordLink, entity: Entity | None) -> list[dict[str, Any]]:
    """Every attribute with the value last seen on each side; references by the record they lead to."""
    led_to = names_referred_to(entity, [link]) if entity else {}
    names = [attribute.name for attribute in entity.attributes] if entity else []
    names += sorted((set(link.uniconta_base) | set(link.intempus_base)) - set(names))
    # Before the first processing there is no base yet, only what was read.
    uniconta, intempus = link.uniconta_base or link.uniconta_seen or {}, link.intempus_base or link.intempus_seen or {}
    uniconta = {name: value for name, value in uniconta.items() if value != UNSENT}
    rows = []
    for name in names:
        declared = next((a for a in entity.attributes if a.name == name), None) if entity else None
        reference = declared.reference if declared else ""

        def spelled(system: System, value: Any, reference: str = reference) -> Any:
            """A reference as the number and name of what it leads to; a bare key or id says nothing to a bookkeeper."""
            return led_to.get((link.tenant_id, system.value, reference, str(value)), value)

        unprocessed = {
            System.UNICONTA: _unprocessed(link.uniconta_seen, uniconta, name),
            System.INTEMPUS: _unprocessed(link.intempus_seen, intempus, name),
        }
        rows.append(
            {
                "name": name,
                "label": attribute_label(entity, name),
                "uniconta": spelled(System.UNICONTA, uniconta.get(name)),
                "intempus": spelled(System.INTEMPUS, intempus.get(name)),
                "is_known_in_uniconta": name in uniconta,
                "is_known_in_intempus": name in intempus,
                **{
                    f"{system}_unprocessed": found and (spelled(system, found[0]),)
                    for system, found in unprocessed.items()
                },
                "differs": name in link.differing,
                "arrow": "→" if declared is None or declared.direction is Direction.TO_INTEMPUS else "↔",
                "is_one_way": declared is None or declared.direction is Direction.TO_INTEMPUS,
            }
        )
    return rows


def _unprocessed(seen: dict[str, Any] | None, base: dict[str, Any], name: str) -> tuple[Any] | None:
    """A value that was read and waits to be processed, in a tuple because it may be blank; None when there is none."""
    if seen is None or name not in seen or seen[name] == base.get(name):
        return None
    return (seen[name],)


def neighbours(link: RecordLink, entity: Entity | None) -> list[dict[str, Any]]:
    """The records this one refers to, such as its group: one query for all."""
    wanted: list[tuple[str, str, str, str]] = []  # (attribute, entity, column, value)
    for attribute in entity.references if entity else ():
        key = str(link.uniconta_base.get(attribute.name) or "")
        if key and key != UNSENT:
            wanted.append((attribute.name, attribute.reference, "uniconta_key", key))
        elif remote_id := str(link.intempus_base.get(attribute.name) or ""):
            wanted.append((attribute.name, attribute.reference, "intempus_id", remote_id))
    if not wanted:
        return []
    condition = Q()
    for _attribute, name, column, value in wanted:
        condition |= Q(**{"entity": name, column: value})
    found = list(RecordLink.objects.filter(condition, tenant_id=link.tenant_id))
    return [
        {
            "name": attribute_name,
            "label": attribute_label(entity, attribute_name),
            "link": next((row for row in found if row.entity == name and getattr(row, column) == value), None),
            "key": value,
        }
        for attribute_name, name, column, value in wanted
    ]
