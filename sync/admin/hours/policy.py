"""A company's settings for hours, with their history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import SuggestingInput
from mappings.models import HoursPolicy
from sync.admin.hours.company import hours_tabs
from sync.domain.actions import repair_schedules_on_commit
from sync.domain.hours.board import judge_anew
from sync.models import ReferenceRow
from tenants.admin.base import TenantFilter, TenantHistoryAdmin


@admin.register(HoursPolicy)
class HoursPolicyAdmin(TenantHistoryAdmin):
    list_display = ["tenant", "enabled", "journal", "transfer_from", "ready_when"]
    list_filter = [TenantFilter, "enabled"]
    list_select_related = ["tenant"]
    change_form_outer_before_template = "console/hours/policy_head.html"
    fieldsets = [
        (None, {"fields": ["tenant", "enabled", ("journal", "transfer_from")]}),
        (_("When a report is ready"), {"fields": [("ready_when", "ready_days"), "window_days"]}),
        (_("Text of the lines"), {"fields": [("text", "long_texts", "text_length")]}),
        (_("Closed periods"), {"fields": [("closed_until", "closed_dates")]}),
        (
            _("What is transferred besides hours"),
            {"fields": [("mileage", "expenses"), ("per_diem", "absence"), "material"]},
        ),
        (_("Other integrations"), {"fields": ["knows_other_urls"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant"] if obj else []

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "journal":
            kwargs["widget"] = SuggestingInput("journals")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        tenant = request.GET.get("tenant", "")
        context = self._head(int(tenant)) if tenant.isdigit() else {}
        return super().add_view(request, form_url, {**(extra_context or {}), **context})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        policy: HoursPolicy = self.object_or_404(request, object_id)
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **self._head(policy.tenant_id)}
        )

    def _head(self, tenant_id: int) -> dict[str, Any]:
        """The way between the pages about hours, and the journals to choose from; row security keeps others' out."""
        journals = ReferenceRow.objects.filter(tenant_id=tenant_id, list="journal", is_gone=False).order_by("key")
        return {
            "hours_tabs": hours_tabs(tenant_id, "settings"),
            "journals": list(journals.values_list("key", "name")),
        }

    def save_model(self, request: HttpRequest, obj: HoursPolicy, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        repair_schedules_on_commit()
        if form.changed_data and (run := judge_anew(obj.tenant_id, request.user.pk)) is not None:
            text = gettext("Reports are judged anew now:")
            url = reverse("admin:sync_run_change", args=[run.pk])
            messages.info(request, format_html('{} <a href="{}">{}</a>', text, url, run.get_kind_display()))
