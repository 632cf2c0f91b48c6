"""Drop-downs and suggestions for columns whose choices are declared in code."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from mappings.entities import ENTITIES
from mappings.labels import entity_choices
from mappings.models import EntityPolicy
from mappings.phases import PHASES
from tenants.admin.base import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)


class SuggestingInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    """A text field that offers the values of a list on the same page, and takes any other."""

    def __init__(self, list_id: str) -> None:
        super().__init__(attrs={"list": list_id, "autocomplete": "off"})


def entity_formfield(db_field: Any) -> forms.ChoiceField | None:
    """A drop-down of the declared entities for the column `entity`; None for any other column."""
    if db_field.name != "entity":
        return None
    return forms.ChoiceField(
        label=capfirst(db_field.verbose_name), choices=entity_choices, widget=UnfoldAdminSelectWidget()
    )


class OneForEach(BaseInlineFormSet):  # type: ignore[type-arg]
    """Two blocks about one entity are a mistake to be said, not an error of the database."""

    def clean(self) -> None:
        super().clean()
        kept = [
            form
            for form in self.forms
            if form not in self.deleted_forms and form.has_changed() | bool(form.instance.pk)
        ]
        names = [
            form.cleaned_data.get("entity", form.instance.entity) for form in kept if hasattr(form, "cleaned_data")
        ]
        if len(set(names)) < len(names):
            raise ValidationError(_("There is one block for each kind of record."))


class EntityPolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new policy never begins with creating what may cost money: the box is ticked before the entity is chosen."""

    phases = forms.MultipleChoiceField(
        label=_("Phases"),
        choices=[(member, f"{danish} ({english})") for member, english, danish in PHASES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        required=False,
        help_text=EntityPolicy._meta.get_field("phases").help_text,  # noqa: SLF001 - Django's public API in all but name
    )

    class Meta:
        help_texts = {
            "create_in_intempus": _(
                "Off at first for employees, whatever is ticked when the policy is made: one more in Intempus may cost "
                "money. Switch it on afterwards."
            )
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        entity = ENTITIES.get(str(values.get("entity", "")))
        is_new = self.instance.pk is None or "entity" in self.changed_data
        if is_new and entity is not None and entity.is_creation_costly:
            values["create_in_intempus"] = False
        if is_new and entity is not None and not values.get("phases"):
            values["phases"] = list(entity.phases)
        return values


class TenantPolicyForm(EntityPolicyForm):
    """Of one company: what is switched on while it is in operation begins with its own first matching."""

    def save(self, commit: bool = True) -> Any:  # noqa: FBT002 - Django's signature
        if self.instance.pk is None or "enabled" in self.changed_data:
            self.instance.begin_later()
        return super().save(commit)
