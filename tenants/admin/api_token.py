"""Keys to the API. A person makes and revokes their own; an administrator sees and revokes everybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import audit
from tenants.admin.base import (
    Press,
    TenantAdmin,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)
from tenants.labels import moment, person_name
from tenants.models import ApiToken, Tenant
from tenants.roles import Right, has_right

DAYS = (30, 90, 365)


class ApiTokenForm(forms.ModelForm):
    tenants = forms.ModelMultipleChoiceField(
        Tenant.objects.none(), label=_("companies"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    scopes = forms.MultipleChoiceField(
        label=_("allows"), choices=ApiToken.Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    days = forms.TypedChoiceField(
        label=_("valid for (days)"),
        choices=[(days, str(days)) for days in DAYS],
        initial=90,
        coerce=int,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = ApiToken
        fields = ["note"]
        widgets = {"note": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenants"].queryset = Tenant.objects.order_by("name")  # type: ignore[attr-defined]


@admin.register(ApiToken)
class ApiTokenAdmin(TenantAdmin):
    list_display = ["note", "person", "companies", "allows", "made", "expires", "used", "revoked"]
    ordering = ["-created_at"]
    list_select_related = ["user"]
    form = ApiTokenForm
    change_right = None
    presses = [Press("revoke", _("Revoke"), "block", "revoke", Right.VIEW, "danger")]

    def _may(self, request: HttpRequest, right: Right | None, obj: models.Model | None) -> bool:
        if right is None or not has_right(request.user, Right.VIEW):
            return False
        return obj is None or self._is_own(request, obj)

    def _is_own(self, request: HttpRequest, obj: Any) -> bool:
        return bool(request.user.is_superuser or obj.user_id == request.user.pk)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return has_right(request.user, Right.VIEW)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = ApiToken.objects.all()
        return rows if request.user.is_superuser else rows.filter(user_id=request.user.pk or 0)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return ["note", "tenants", "scopes", "days"]
        return list(self.list_display)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return list(self.list_display) if obj else []

    def presses_for(self, request: HttpRequest, obj: Any) -> list[Press]:
        return list(self.presses) if self._is_own(request, obj) and obj.revoked_at is None else []

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            names = dict(Tenant.objects.values_list("pk", "name"))
            for row in context["cl"].result_list:
                row.names = names
        return response

    @admin.display(description=_("user"))
    def person(self, token: ApiToken) -> str:
        return person_name(token.user)

    @admin.display(description=_("companies"))
    def companies(self, token: ApiToken) -> str:
        names = getattr(token, "names", None)  # of the whole list, read once
        if names is None:
            names = dict(Tenant.objects.filter(pk__in=token.tenant_ids).values_list("pk", "name"))
        return ", ".join(sorted(names[pk] for pk in token.tenant_ids if pk in names))

    @admin.display(description=_("allows"))
    def allows(self, token: ApiToken) -> str:
        return ", ".join(str(ApiToken.Scope(scope).label) for scope in token.scopes)

    @admin.display(description=_("created"), ordering="created_at")
    def made(self, token: ApiToken) -> str:
        return moment(token.created_at)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, token: ApiToken) -> str:
        return moment(token.expires_at)

    @admin.display(description=_("last used"), ordering="used_at")
    def used(self, token: ApiToken) -> str:
        return moment(token.used_at)

    @admin.display(description=_("revoked"), ordering="revoked_at")
    def revoked(self, token: ApiToken) -> str:
        return moment(token.revoked_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        given = form.cleaned_data
        expires_at = timezone.now() + timedelta(days=given["days"])
        row, token = ApiToken.issue(
            request.user,  # type: ignore[arg-type] # signed in, or there was no form
            given["tenants"],
            given["scopes"],
            expires_at,
            given["note"],
        )
        obj.pk, obj.token = row.pk, token
        for tenant_id in row.tenant_ids:
            audit(request, tenant_id, "api_token_made", f"#{row.pk} {row.note}: {', '.join(row.scopes)}")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit log has it."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """The token in clear, this once, on a page that no browser keeps."""
        response = TemplateResponse(
            request,
            "console/api_token.html",
            {**self.admin_site.each_context(request), "title": gettext("API token"), "token": obj.token},
        )
        response["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest, token: ApiToken) -> HttpResponse:
        if token.revoked_at is None:
            ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
            for tenant_id in token.tenant_ids:
                audit(request, tenant_id, "api_token_revoked", f"#{token.pk} {token.note}")
            messages.success(request, gettext("The token no longer works."))
        return HttpResponseRedirect(reverse("admin:tenants_apitoken_changelist"))

    def press_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        """A token belongs to a person, not to one company: whose it is decides, which is what `get_queryset` asks."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if verb != "revoke":
            raise Http404
        return self.revoke(request, self.object_or_404(request, object_id))
