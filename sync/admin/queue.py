"""django-q2's own pages: administrators may look. Nothing of it is imported; only `sync.queue` knows the library."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest

from tenants.admin.base import InfinitePaginator, ModelAdmin, SuperuserOnlyMixin


class LookOnly(SuperuserOnlyMixin):
    """The queue's rows are the library's; the platform's truth is elsewhere and nothing is mended here."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}


for model in apps.get_app_config("django_q").get_models():
    if (registered := admin.site._registry.get(model)) is not None:  # noqa: SLF001 - there is no public way
        theirs = type(registered)
        admin.site.unregister(model)
        admin.site.register(model, type(f"Console{theirs.__name__}", (LookOnly, theirs, ModelAdmin), {"actions": []}))
