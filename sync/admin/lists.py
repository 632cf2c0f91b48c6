"""What the long lists of this package share: filters by entity and company, and order that an index answers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from mappings.labels import entity_choices
from tenants.admin.base import ChoiceFilter


def is_list(request: HttpRequest) -> bool:
    return request.resolver_match is not None and str(request.resolver_match.url_name).endswith("_changelist")


class EntityFilter(ChoiceFilter):
    title = _("entity")
    parameter_name = field = "entity"

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        return entity_choices()


class NewestFirstMixin:
    """Newest first by an index: that of the company when one is chosen, else the primary key."""

    time_column = "at"
    # Relations of the list are fetched by their keys afterwards: joined, they make the database sort the whole table.
    related: tuple[str, ...] = ("tenant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return queryset.prefetch_related(*self.related) if is_list(request) else queryset

    @admin.display(description=_("company"))
    def company(self, row: Any) -> str:
        return str(row.tenant)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return [f"-{self.time_column}"] if request.GET.get("tenant") else ["-pk"]


def link_to(url_name: str, pk: int | None, text: object) -> SafeString | str:
    if pk is None:
        return str(text)
    return format_html('<a class="c-link" href="{}">{}</a>', reverse(url_name, args=[pk]), text)
