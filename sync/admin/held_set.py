"""Held sets: the brake's questions (rule M12), each with its count, its examples and the button that answers it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from mappings.labels import attribute_label, entity_label
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.timeline import entity_of
from sync.models import HeldSet
from tenants.admin.base import ChoiceFilter, Press, ReadOnlyMixin, TenantAdmin, TenantFilter, label
from tenants.labels import moment
from tenants.roles import Right

TONES = {HeldSet.State.OPEN: "bad", HeldSet.State.RELEASED: "good", HeldSet.State.RESOLVED: "neutral"}
MEMBERS_SHOWN = 100


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = field = "state"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return list(HeldSet.State.choices)


@admin.register(HeldSet)
class HeldSetAdmin(ReadOnlyMixin, TenantAdmin):
    list_display = ["opened_shown", "company", "entity_shown", "kind_shown", "count", "cause_shown", "state_shown"]
    list_filter = [TenantFilter, StateFilter]
    list_select_related = ["tenant", "closed_by"]
    presses = [Press("release", _("Release: carry it out"), "lock_open", "release", Right.CONFIGURE, "danger")]

    @admin.display(description=_("opened"), ordering="opened_at")
    def opened_shown(self, held: HeldSet) -> str:
        return moment(held.opened_at)

    @admin.display(description=_("company"))
    def company(self, held: HeldSet) -> str:
        return str(held.tenant)

    @admin.display(description=_("entity"))
    def entity_shown(self, held: HeldSet) -> str:
        return entity_label(held.entity)

    @admin.display(description=_("what would happen"))
    def kind_shown(self, held: HeldSet) -> str:
        return held.get_kind_display()

    @admin.display(description=_("likely cause"))
    def cause_shown(self, held: HeldSet) -> str:
        return explain_code(held.cause).text

    @admin.display(description=_("state"))
    def state_shown(self, held: HeldSet) -> str:
        return label(held.get_state_display(), TONES[HeldSet.State(held.state)])

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if object_id is None:
            raise PermissionDenied
        held: HeldSet = self.object_or_404(request, object_id)
        is_open = held.state == HeldSet.State.OPEN
        members = list(held.members.order_by("uniconta_key", "pk")[:MEMBERS_SHOWN]) if is_open else []
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": held,
            "title": f"{held.get_kind_display()}: {held.tenant}",
            "held": held,
            "is_open": is_open,
            "state": label(held.get_state_display(), TONES[HeldSet.State(held.state)]),
            "why": explain_code(held.reason),
            "cause": explain_code(held.cause),
            "field": attribute_label(entity_of(held.tenant_id, held.entity), held.cause_detail)
            if held.cause_detail
            else "",
            "members": members,
            "waiting_count": held.members.count() if is_open else 0,
            "presses": self.presses_for(request, held) if is_open else [],
        }
        return TemplateResponse(request, "console/held_set.html", context)

    def release(self, request: HttpRequest, held: HeldSet) -> HttpResponse:
        if held.state != HeldSet.State.OPEN:
            raise Http404
        count = actions.release_held(held.pk, request.user.pk)
        text = ngettext("%(count)s record is carried out now.", "%(count)s records are carried out now.", count)
        messages.success(request, text % {"count": count})
        return HttpResponseRedirect(reverse("admin:sync_heldset_change", args=[held.pk]))


def open_sets(tenant_id: int) -> list[dict[str, Any]]:
    """The questions of one company, for its page. Call inside a scope."""
    rows = HeldSet.objects.filter(tenant_id=tenant_id, state=HeldSet.State.OPEN)
    return [{"row": row, "why": explain_code(row.reason), "cause": explain_code(row.cause)} for row in rows]
