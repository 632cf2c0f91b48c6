"""What every page of the console is made of: rights and tenants in one place, and the only door to unfold.

Rights come from `tenants.roles`; Django's own model permissions play no part, so a consultant needs no groups.
What belongs to a tenant a person may not see does not exist for that person: 404, never 403.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.contrib.filters.admin import DropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.labels import label, shown
from tenants.models import Tenant
from tenants.roles import Right, has_right, tenants_with
from tenants.scoping import ALL

__all__ = [
    "AdminPasswordChangeForm",
    "BoundedPaginator",
    "ChoiceFilter",
    "InfinitePaginator",
    "ModelAdmin",
    "Press",
    "ReadOnlyMixin",
    "SuperuserOnlyMixin",
    "TenantAdmin",
    "TenantFilter",
    "TenantHistoryAdmin",
    "TenantStackedInline",
    "TenantTabularInline",
    "UnfoldAdminCheckboxSelectMultipleWidget",
    "UnfoldAdminPasswordWidget",
    "UnfoldAdminSelectWidget",
    "UnfoldAdminTextInputWidget",
    "UserChangeForm",
    "UserCreationForm",
    "label",
    "tenants_with",
]


def tenant_id_of(obj: models.Model) -> int | None:
    """The tenant a row belongs to; a tenant belongs to itself."""
    tenant_id: int | None = obj.pk if isinstance(obj, Tenant) else obj.tenant_id  # type: ignore[attr-defined]
    return tenant_id


# ------------------------------------------------------------------------------------------------------ rights


class ScopedMixin:
    """Queryset, choices and rights of one model, by tenant. For pages as well as for inlines (whose `obj` is the parent)."""

    view_right: Right = Right.VIEW
    change_right: Right | None = Right.CONFIGURE  # None: nobody
    add_right: Right | None = Right.CONFIGURE
    delete_right: Right | None = None
    tenant_field = "tenant"

    def _may(self, request: HttpRequest, right: Right | None, obj: models.Model | None) -> bool:
        if right is None:
            return False
        if obj is None:
            return has_right(request.user, right)
        tenant_id = tenant_id_of(obj)
        if tenant_id is None:  # not saved yet, or a row of the whole installation
            return bool(getattr(request.user, "is_superuser", False))
        return has_right(request.user, right, tenant_id)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.view_right, obj)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.change_right, obj)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.add_right, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.delete_right, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, self.view_right)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return self._only(queryset, tenants_with(request.user, self.view_right))

    def _only(self, queryset: QuerySet[Any], tenants: str | list[int]) -> QuerySet[Any]:
        if tenants == ALL:
            return queryset
        own_key = queryset.model is Tenant
        return queryset.filter(**{"pk__in" if own_key else f"{self.tenant_field}__in": tenants})

    def _scope_choices(self, field: Any, request: HttpRequest) -> Any:
        """Choices of a relation show only rows of tenants for which the person may change this model."""
        if isinstance(field, ModelChoiceField | ModelMultipleChoiceField) and field.queryset is not None:
            model = field.queryset.model
            is_tenants = model is Tenant or any(f.name == "tenant" for f in model._meta.get_fields())  # noqa: SLF001 - public all but in name
            if is_tenants:
                tenants = tenants_with(request.user, self.change_right or self.view_right)
                key = "pk__in" if model is Tenant else "tenant__in"
                if tenants != ALL:
                    field.queryset = field.queryset.filter(**{key: tenants})
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.URLField):
            kwargs.setdefault("assume_scheme", "https")
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        return self._scope_choices(field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        return self._scope_choices(field, request)


class ReadOnlyMixin:
    """A page for looking only: whoever may see a row may do nothing else with it."""

    change_right: Right | None = None
    add_right: Right | None = None
    delete_right: Right | None = None


class SuperuserOnlyMixin:
    """A page of the installation itself, not of a tenant."""

    def _is_superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)


# ------------------------------------------------------------------------------------------------------- pages


@dataclass(frozen=True)
class Press:
    """A button on a record's page. It posts to `…/press/<verb>/`, where `method(request, obj)` answers.

    Links would be shorter, but a link must never change anything: anybody could send it.
    """

    verb: str
    text: Any
    icon: str
    method: str
    right: Right = Right.OPERATE
    tone: str = ""  # "primary", "danger" or plain
    title: Any = ""


class TenantAdmin(ScopedMixin, ModelAdmin):
    """Base of every page about rows that belong to a tenant."""

    presses: Sequence[Press] = ()
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = False
    compressed_fields = True
    warn_unsaved_form = True

    def get_urls(self) -> list[URLPattern]:
        opts = self.opts
        view = self.admin_site.admin_view(self.press_view)
        name = f"{opts.app_label}_{opts.model_name}_press"
        return [path("<path:object_id>/press/<slug:verb>/", view, name=name), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Never the bulk deletion: what is deleted here is deleted one by one, knowingly."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        paginator = super().get_paginator(request, queryset, *args, **kwargs)
        page = request.GET.get(PAGE_VAR, "")
        if isinstance(paginator, BoundedPaginator) and page.isdigit():
            paginator.current_page = max(1, int(page))
        return paginator

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> NoReturn:
        """Where Django would go home with a message, there is simply nothing."""
        raise Http404

    def presses_for(self, request: HttpRequest, obj: models.Model) -> list[Press]:
        """The buttons this person sees on this record."""
        return [press for press in self.presses if has_right(request.user, press.right, tenant_id_of(obj))]

    def press_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        press = next((press for press in self.presses if press.verb == verb), None)
        if press is None:
            raise Http404
        obj = self.object_or_404(request, object_id)
        if not has_right(request.user, press.right, tenant_id_of(obj)):
            raise PermissionDenied
        method: Callable[[HttpRequest, Any], HttpResponse] = getattr(self, press.method)
        return method(request, obj)


class _PlainValues(HistoricalRecordContextHelper):
    """What was changed, in the words of the forms: "blank" and not "None", a choice by its label."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        choices = dict(self.model._meta.get_field(change.field).flatchoices)  # noqa: SLF001 - public all but in name
        return shown(choices.get(value, value))


class TenantHistoryAdmin(SimpleHistoryAdmin, TenantAdmin):
    """Base of pages whose model keeps a history of what people changed."""

    history_list_per_page = 50

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        self.object_or_404(request, object_id)
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """An old version is shown, never put back from here: going back must pass the form's validation."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        self.object_or_404(request, object_id)
        response: HttpResponse = super().history_form_view(request, object_id, version_id, extra_context)
        return response

    def get_historical_record_context_helper(self, request: HttpRequest, historical_record: Any) -> _PlainValues:
        return _PlainValues(self.model, historical_record)

    def get_history_list_display(self, request: HttpRequest) -> list[str]:
        return []


class TenantTabularInline(ScopedMixin, TabularInline):
    extra = 0
    tab = True
    show_change_link = False


class TenantStackedInline(ScopedMixin, StackedInline):
    extra = 0
    tab = True
    show_change_link = False


# ------------------------------------------------------------------------------------------ lists and filters


class AtLeast(int):
    """A count that stopped counting: shown as "250+"."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPaginator(Paginator):
    """Looks a few pages ahead and no further: a list's price must not depend on the size of the table. It asks the table
    once, for keys; counting and fetching separately would search twice.
    """

    object_list: QuerySet[Any]
    LOOK_AHEAD = 4  # pages
    current_page = 1

    @cached_property
    def _keys(self) -> list[Any]:
        furthest = (self.current_page + self.LOOK_AHEAD) * self.per_page
        return list(self.object_list.values_list("pk", flat=True)[:furthest])

    @cached_property
    def count(self) -> int:
        found = len(self._keys)
        return AtLeast(found) if found == (self.current_page + self.LOOK_AHEAD) * self.per_page else found

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        keys = self._keys[(number - 1) * self.per_page : number * self.per_page]
        return Page(self.object_list.filter(pk__in=keys), number, self)


class ChoiceFilter(DropdownFilter):
    """A drop-down over fixed choices of one column. Subclasses name `field` and `options()`."""

    field = ""

    def options(self, request: HttpRequest) -> list[tuple[str, Any]]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return self.options(request)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class TenantFilter(DropdownFilter):
    """Companies to choose from are those the person may see."""

    title = _("company")
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tenants = tenants_with(request.user, model_admin.view_right)
        rows = Tenant.objects.all() if tenants == ALL else Tenant.objects.filter(pk__in=tenants)
        return [(str(pk), name) for pk, name in rows.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(tenant_id=value) if value.isdigit() else queryset.none()

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield from super().choices(changelist)
