from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.admin.base import TenantAdmin, TenantFilter, TenantTabularInline
from tenants.labels import person_name
from tenants.models import Membership
from tenants.roles import Right


class SuperuserEdits:
    """Consultants and auditors see who has access; only administrators give it: a list of people to choose from would
    tell who works for other companies, and a consultant could promote anybody.
    """

    view_right = Right.AUDIT
    readonly_fields: Any = ["person"]
    edited: tuple[str, ...] = ()

    @admin.display(description=_("user"))
    def person(self, membership: Membership) -> str:
        return person_name(membership.user)

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        """Only administrators see the pages of users: for others a name, not a link."""
        return [name if self._administrator(request) or name != "user" else "person" for name in self.edited]

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
    edited = ("user", "role", "until")


@admin.register(Membership)
class MembershipAdmin(SuperuserEdits, TenantAdmin):
    list_display = ["user", "tenant", "role", "until"]
    list_filter = [TenantFilter, "role"]
    list_select_related = ["user", "tenant"]
    edited = ("user", "tenant", "role", "until")
