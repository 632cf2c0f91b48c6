from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from tenants.admin.base import TenantAdmin, TenantFilter, TenantTabularInline
from tenants.models import Membership
from tenants.roles import Right


class SuperuserEdits:
    """Consultants and auditors see who has access; only administrators give it: a list of people to choose from would
    tell who works for other companies, and a consultant could promote anybody.
    """

    view_right = Right.AUDIT

    def _administrator(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._administrator(request)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._administrator(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._administrator(request)


class MembershipInline(SuperuserEdits, TenantTabularInline):
    model = Membership
    fields = ["user", "role"]


@admin.register(Membership)
class MembershipAdmin(SuperuserEdits, TenantAdmin):
    list_display = ["user", "tenant", "role"]
    list_filter = [TenantFilter, "role"]
    list_select_related = ["user", "tenant"]
    fields: Any = ["user", "tenant", "role"]
