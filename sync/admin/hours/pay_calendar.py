"""Pay calendars: which periods wages are paid by, and from when on what is not through is said."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sync.admin.hours.check import check_url
from sync.domain.hours.pay_periods import due_period
from sync.models import PayCalendar
from tenants.admin.base import TenantFilter, TenantHistoryAdmin, UnfoldAdminTextInputWidget


@admin.register(PayCalendar)
class PayCalendarAdmin(TenantHistoryAdmin):
    list_display = ["name", "tenant", "kind", "groups_shown", "due_shown", "is_active"]
    list_filter = [TenantFilter, "kind", "is_active"]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": ["tenant", ("name", "is_active"), "kind", "day_of_month", "anchor_on", "groups"]}),
        (_("Cut-off and warnings"), {"fields": ["cut_off_days", "warn_days", "unposted_days"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant"] if obj else []

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminTextInputWidget()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("employee groups"))
    def groups_shown(self, calendar: PayCalendar) -> str:
        return ", ".join(calendar.groups) or gettext("everybody")

    @admin.display(description=_("period to look at"))
    def due_shown(self, calendar: PayCalendar) -> str:
        period = due_period(calendar, timezone.localdate())
        days = f"{date_format(period.first, 'd-m-Y')} – {date_format(period.last, 'd-m-Y')}"
        url = check_url(calendar.tenant_id, calendar=calendar.pk, day=period.first)
        return format_html('<a class="c-link" href="{}">{}</a>', url, days)
