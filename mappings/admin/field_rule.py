"""The settings part of a field rule's page. `sync.admin.field_rule` adds what reads remote systems and registers it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from mappings.admin.forms import SuggestingInput, entity_formfield
from mappings.entities import ENTITIES
from mappings.labels import entity_label, is_danish
from mappings.models import EntityPolicy, FieldRule
from mappings.private_fields import PRIVATE_NAME
from mappings.spec import System
from mappings.transform_steps import STEPS, Step
from mappings.transforms import TRANSFORMS
from tenants.admin.base import TenantFilter, TenantHistoryAdmin
from tenants.roles import Right, has_right

#: Column of the form → the list of suggestions that `console/field_rule_suggestions.html` fetches for it.
SUGGESTIONS = {
    "attribute": "known-attributes",
    "uniconta_field": "fields-uniconta",
    "intempus_field": "fields-intempus",
    "uniconta_transform": "conversions",
    "intempus_transform": "conversions",
}


class FieldRuleSettingsAdmin(TenantHistoryAdmin):
    """A company's own field mapping: a field more, another field, or one field less (rule M8)."""

    delete_right = TenantHistoryAdmin.change_right
    list_display = ["attribute", "entity_shown", "tenant", "uniconta_field", "intempus_field", "direction", "is_off"]
    list_filter = [TenantFilter, "direction", "is_off"]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": [("tenant", "entity"), ("attribute", "is_off"), "direction"]}),
        (
            "Uniconta",
            {
                "fields": [("uniconta_field", "uniconta_transform")],
                "description": _(
                    "A blank field or conversion stays as it is declared for this name; a new name travels as text. "
                    "The conversion is applied to what is read in Uniconta, and undone for what is written there."
                ),
            },
        ),
        ("Intempus", {"fields": [("intempus_field", "intempus_transform")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant", "entity_shown", "attribute"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a rule is about stays: another field of another entity is another rule."""
        first = (
            None,
            {"fields": [("tenant", "entity_shown" if obj else "entity"), ("attribute", "is_off"), "direction"]},
        )
        return [first, *self.fieldsets[1:]]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in SUGGESTIONS:
            kwargs["widget"] = SuggestingInput(SUGGESTIONS[db_field.name])
        return entity_formfield(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("entity"), ordering="entity")
    def entity_shown(self, rule: FieldRule) -> str:
        return entity_label(rule.entity)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.suggestions_view)
        return [path("suggestions/", view, name="mappings_fieldrule_suggestions"), *super().get_urls()]

    def suggestions_view(self, request: HttpRequest) -> HttpResponse:
        """Names to choose from: attributes as declared, fields as the company's own systems returned them."""
        tenant, entity = request.GET.get("tenant", ""), ENTITIES.get(request.GET.get("entity", ""))
        tenant_id = int(tenant) if tenant.isdigit() else None
        if not has_right(request.user, Right.CONFIGURE, tenant_id):
            raise PermissionDenied
        policy = None
        if entity is not None and tenant_id is not None:
            policy = EntityPolicy.objects.filter(tenant_id=tenant_id, entity=entity.name).first()
        returned = policy.fields_returned if policy else {}
        context = {
            "attributes": [
                (each.name, each.label_da if is_danish() else each.label, each.uniconta, each.intempus)
                for each in (entity.attributes if entity else ())
            ],
            "fields": [
                (system, [name for name in returned.get(system.value, ()) if not PRIVATE_NAME.fullmatch(name)])
                for system in System
            ],
            "conversions": [_as_shown(step) for step in STEPS.values()],
            "declared_conversions": [name for name in TRANSFORMS if name not in STEPS],
        }
        return TemplateResponse(request, "console/field_rule_suggestions.html", context)


def _as_shown(step: Step) -> tuple[str, str, bool]:
    """How it is written, what it means, and whether it cannot be undone."""
    example = {"": "", "text": "X", "number": "3"}[step.value]
    meaning = step.meaning_da if is_danish() else step.meaning
    return f"{step.name} {example}".strip(), meaning, step.make(example).is_one_way
