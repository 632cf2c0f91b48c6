"""Policy templates: the settings for many companies, whom a change would reach, and the roll-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import EntityPolicyForm, OneForEach, entity_formfield
from mappings.entities import ENTITIES
from mappings.labels import entity_label
from mappings.models import EntityPolicy, Template, TemplatePolicy
from sync.admin.onboarding import company_to_set_up, onboarding_url
from sync.admin.run import TONES as RUN_TONES
from sync.domain.catalogue import explain_code
from sync.domain.templates import Affected, Difference, affected, give, preview, runs_of, start_roll_out
from sync.models import Run
from tenants.admin.base import ModelAdmin, TenantStackedInline, label, tenants_with
from tenants.labels import shown
from tenants.models import Tenant
from tenants.roles import Right, has_right

FINISHED = (Run.State.DONE, Run.State.FAILED)


class TemplateRights:
    """Whoever sets companies up sees templates; they belong to the installation, so administrators change them."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, Right.CONFIGURE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, Right.CONFIGURE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    has_add_permission = has_change_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not while companies follow it."""
        return self.has_change_permission(request, obj) and (obj is None or not getattr(obj, "uses", obj).exists())


class TemplatePolicyForm(EntityPolicyForm):
    def clean(self) -> dict[str, Any]:
        values = super().clean()
        entity = ENTITIES.get(str(values.get("entity", "")))
        if entity is not None and entity.is_creation_costly and values.get("create_in_intempus"):
            raise ValidationError(
                {
                    "create_in_intempus": _(
                        "That may cost a seat each time, so it is switched on for each company alone."
                    )
                }
            )
        return values


class TemplatePolicyInline(TemplateRights, TenantStackedInline):
    """What matters first; the rest is folded away."""

    model = TemplatePolicy
    form = TemplatePolicyForm
    formset = OneForEach
    tab = False
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("entity", "enabled"),
                    ("to_intempus", "to_uniconta"),
                    ("create_in_intempus", "create_in_uniconta"),
                ]
            },
        ),
        (
            _("Advanced"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("number_series", "number_prefix"),
                    "default_group",
                    "phases",
                    ("on_uniconta_delete", "on_intempus_delete"),
                ],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return TemplatePolicy.objects.all()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Template)
class TemplateAdmin(TemplateRights, ModelAdmin):
    list_display = ["name", "description", "kinds"]
    inlines = [TemplatePolicyInline]
    compressed_fields = True
    change_form_outer_before_template = "console/template_panel.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("policies")

    @admin.display(description=_("synchronises"))
    def kinds(self, template: Template) -> str:
        return ", ".join(entity_label(policy.entity) for policy in template.policies.all() if policy.enabled) or "–"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.roll_out_view)
        return [
            path("<int:template_id>/roll-out/", view, name="mappings_template_roll_out"),
            *super().get_urls(),
        ]

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """A change reaches nobody by itself: show at once whom it would reach."""
        if "_continue" in request.POST or "_addanother" in request.POST:
            return super().response_change(request, obj)
        return HttpResponseRedirect(reverse("admin:mappings_template_roll_out", args=[obj.pk]))

    def roll_out_view(self, request: HttpRequest, template_id: int) -> HttpResponse:
        """Who is affected by what; POST rolls the template out to the companies chosen."""
        if not has_right(request.user, Right.CONFIGURE):
            raise PermissionDenied
        template = Template.objects.filter(pk=template_id).first()
        if template is None:
            raise Http404
        mine = tenants_with(request.user, Right.CONFIGURE)
        found = affected(template, mine)
        here = reverse("admin:mappings_template_roll_out", args=[template.pk])
        if request.method == "POST":
            return self._roll_out(request, template, found, here)
        runs = runs_of(template, [each.tenant.pk for each in found])
        is_busy = any(run.state not in FINISHED for run in runs.values())
        response = TemplateResponse(
            request,
            "console/template_roll_out.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": template,
                "title": f"{gettext('Roll out')}: {template}",
                "template": template,
                "rows": [_row(each, runs.get(each.tenant.pk)) for each in found],
                "count": sum(bool(each.changes) for each in found),
                "is_busy": is_busy,
                "done": sum(run.state in FINISHED for run in runs.values()),
                "all": len(runs),
                "template_url": reverse("admin:mappings_template_change", args=[template.pk]),
            },
        )
        if is_busy:
            response["Refresh"] = "2"
        return response

    def _roll_out(
        self, request: HttpRequest, template: Template, found: Sequence[Affected], here: str
    ) -> HttpResponseRedirect:
        chosen = set(request.POST.getlist("company"))
        wanted = [each.tenant.pk for each in found if each.changes and str(each.tenant.pk) in chosen]
        start_roll_out(template, wanted, request.user.pk)
        if not wanted:
            messages.error(request, gettext("Choose at least one company."))
        return HttpResponseRedirect(here)


def _row(each: Affected, run: Run | None) -> dict[str, Any]:
    return {
        "tenant": each.tenant,
        "changes": shown_differences(each.changes),
        "kept": shown_differences(each.kept),
        "run": run,
        "state": label(run.get_state_display(), RUN_TONES[Run.State(run.state)]) if run else "",
    }


def shown_differences(found: Sequence[Difference]) -> list[dict[str, str]]:
    return [
        {
            "entity": entity_label(each.entity),
            "field": str(capfirst(_setting(each.field).verbose_name)),
            "before": _value(each.field, each.before),
            "after": _value(each.field, each.after),
            "why": explain_code(each.kept).text if each.kept else "",
        }
        for each in found
    ]


def _setting(name: str) -> Any:
    return EntityPolicy._meta.get_field(name)  # noqa: SLF001 - public all but in name


def _value(field: str, value: Any) -> str:
    choices = dict(_setting(field).flatchoices)
    return str(shown(choices.get(value, value) if not isinstance(value, list) else ", ".join(value)))


def template_view(model_admin: Any, request: HttpRequest, object_id: str, template_id: int) -> HttpResponse:
    """In the onboarding: what a template means for this company; POST gives it."""
    tenant: Tenant = company_to_set_up(model_admin, request, object_id)
    template = Template.objects.filter(pk=template_id).first()
    if template is None:
        raise Http404
    if request.method == "POST":
        count = give(template, tenant.pk, request.user.pk)
        text = ngettext(
            "%(count)s setting follows the template now.", "%(count)s settings follow the template now.", count
        )
        messages.success(request, text % {"count": count})
        return HttpResponseRedirect(f"{onboarding_url(tenant.pk)}#policies")
    plan = preview(template, tenant)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": tenant,
        "title": f"{template}: {tenant}",
        "tenant": tenant,
        "template": template,
        "changes": shown_differences(plan.changes),
        "kept": shown_differences(plan.kept),
        "back_url": onboarding_url(tenant.pk),
    }
    return TemplateResponse(request, "console/template_give.html", context)
