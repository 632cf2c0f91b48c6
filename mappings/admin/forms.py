"""Drop-downs for columns whose choices are declared in code."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from mappings.entities import ENTITIES
from mappings.labels import entity_choices
from mappings.models import EntityPolicy
from mappings.transforms import TRANSFORMS
from tenants.admin.base import UnfoldAdminSelectWidget


def transform_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in TRANSFORMS]


def entity_formfield(db_field: Any) -> forms.ChoiceField | None:
    """A drop-down of the declared entities for the column `entity`; None for any other column."""
    if db_field.name != "entity":
        return None
    return forms.ChoiceField(
        label=capfirst(db_field.verbose_name), choices=entity_choices, widget=UnfoldAdminSelectWidget()
    )


class EntityPolicyForm(forms.ModelForm[EntityPolicy]):
    """A new policy never begins with creating what may cost money: the box is ticked before the entity is chosen."""

    class Meta:
        help_texts = {
            "create_in_intempus": _(
                "Off at first for employees, whatever is ticked when the policy is made: one more in Intempus may cost "
                "money. Switch it on afterwards."
            )
        }

    def clean_create_in_intempus(self) -> bool:
        wanted = bool(self.cleaned_data["create_in_intempus"])
        entity = ENTITIES.get(str(self.cleaned_data.get("entity", "")))
        if self.instance.pk is None and entity is not None and entity.is_creation_costly:
            return False
        return wanted
