"""Drop-downs for columns whose choices are declared in code."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst

from mappings.labels import entity_choices
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
