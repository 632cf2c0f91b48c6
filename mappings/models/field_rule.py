from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from mappings.entities import ENTITIES
from mappings.labels import field_name
from mappings.models.entity_policy import EntityPolicy
from mappings.models.record_link import RecordLink
from mappings.private_fields import PRIVATE_NAME
from mappings.rules import with_rules
from mappings.spec import Attribute, DeclarationError, Direction, Entity, System
from mappings.transform_steps import StepError, find_transform
from mappings.transforms import MappingError
from tenants.models import Tenant


class FieldRule(models.Model):
    """A tenant's own field mapping: adds a field to an entity, redirects one, or switches one off (rule M8)."""

    class Directions(models.TextChoices):
        BOTH = Direction.BOTH.value, _("Both ways")
        TO_INTEMPUS = Direction.TO_INTEMPUS.value, _("Uniconta → Intempus")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="field_rules", verbose_name=_("company"))
    entity = models.CharField(_("entity"), max_length=40)
    attribute = models.SlugField(_("name"), max_length=60)
    uniconta_field = models.CharField(_("field in Uniconta"), max_length=100, blank=True)
    intempus_field = models.CharField(_("field in Intempus"), max_length=100, blank=True)
    # Blank: as the attribute is declared.
    uniconta_transform = models.CharField(_("conversion in Uniconta"), max_length=200, blank=True)
    intempus_transform = models.CharField(_("conversion in Intempus"), max_length=200, blank=True)
    direction = models.CharField(_("direction"), max_length=12, choices=Directions, default=Directions.TO_INTEMPUS)
    is_off = models.BooleanField(_("do not synchronise this field"), default=False)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("field rule")
        verbose_name_plural = _("field rules")
        constraints = [models.UniqueConstraint(fields=["tenant", "entity", "attribute"], name="one_rule_per_field")]

    def __str__(self) -> str:
        return field_name(self.entity, self.attribute)

    def clean(self) -> None:
        if self.entity not in ENTITIES:
            raise ValidationError({"entity": _("There is no such entity.")})
        entity = ENTITIES[self.entity]
        self.uniconta_transform, self.intempus_transform = (
            text.strip() for text in (self.uniconta_transform, self.intempus_transform)
        )
        problems = {}
        for system in System:
            if problem := self._transform_problem(system):
                problems[f"{system}_transform"] = problem
            if problem := self._field_problem(entity, system):
                problems[f"{system}_field"] = problem
        if problems:
            raise ValidationError(problems)
        others = FieldRule.objects.filter(tenant_id=self.tenant_id, entity=self.entity).exclude(pk=self.pk)
        try:
            with_rules(entity, [*(others if self.tenant_id else ()), self], [])
        except DeclarationError as error:
            raise ValidationError(str(error)) from None

    def _transform_problem(self, system: System) -> Any:
        text: str = getattr(self, f"{system}_transform")
        try:
            transform = find_transform(text) if text else None
        except StepError as error:
            return _step_problem(error)
        if transform is None or not transform.is_one_way:
            return None
        if system is System.INTEMPUS:
            return _("This conversion cannot be undone. Write it under Uniconta: it is applied to what is read there.")
        if self.direction == Direction.BOTH.value:
            return _("This conversion cannot be undone, so the field can only go from Uniconta to Intempus.")
        return None

    def _field_problem(self, entity: Entity, system: System) -> Any:
        name: str = getattr(self, f"{system}_field")
        if not name or self.is_off:
            return None
        if PRIVATE_NAME.fullmatch(name):
            return _("Passwords, keys and CPR numbers are never synchronised.")
        side = entity.side(system)
        if self.is_written(system) and name in side.own_fields:
            return _("Intempus and Uniconta give this field its value themselves; nobody else can write it.")
        return self._spelling_problem(system, name)

    def is_written(self, system: System) -> bool:
        return system is System.INTEMPUS or self.direction == Direction.BOTH.value

    def _spelling_problem(self, system: System, name: str) -> Any:
        """A name that no row of the last complete read carried; nothing is said before there was one."""
        if not self.tenant_id or self._is_stored_with(f"{system}_field", name):
            return None
        policy = EntityPolicy.objects.filter(tenant_id=self.tenant_id, entity=self.entity).first()
        known = policy.fields_returned.get(system.value, []) if policy else []
        if not known or name in known:
            return None
        words = {"name": name, "system": system.value.capitalize()}
        if close := closest(name, known):
            return _("%(system)s returned no field “%(name)s”. Did you mean “%(close)s”?") % (words | {"close": close})
        return (
            _(
                "%(system)s returned no field “%(name)s”. A field that is blank on every record is not returned: fill it "
                "in on one of them, read everything again, then come back."
            )
            % words
        )

    def _is_stored_with(self, column: str, value: str) -> bool:
        return self.pk is not None and FieldRule.objects.filter(pk=self.pk, **{column: value}).exists()


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that somebody who wrote `name` most likely meant; "" when none is near."""
    spelling = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold(), spelling, n=1)
    return spelling[found[0]] if found else ""


def _step_problem(error: StepError) -> Any:
    words = {"name": error.name, "close": error.close}
    if error.code == "needs_value":
        return _("“%(name)s” needs a value behind it, such as “%(name)s X”.") % words
    if error.code == "needs_number":
        return _("“%(name)s” needs a whole number behind it, such as “%(name)s 3”.") % words
    if error.code == "takes_no_value":
        return _("“%(name)s” takes no value.") % words
    if error.close:
        return _("There is no such conversion: “%(name)s”. Did you mean “%(close)s”?") % words
    return _("There is no such conversion: “%(name)s”.") % words


class ValueMap(models.Model):
    """A tenant's translation of one value of one field between the two systems."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="value_maps", verbose_name=_("company"))
    entity = models.CharField(_("entity"), max_length=40)
    attribute = models.CharField(_("field"), max_length=60)
    uniconta_value = models.CharField(_("value in Uniconta"), max_length=200)
    intempus_value = models.CharField(_("value in Intempus"), max_length=200)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("value translation")
        verbose_name_plural = _("value translations")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entity", "attribute", "uniconta_value"], name="one_translation_per_uniconta_value"
            ),
            models.UniqueConstraint(
                fields=["tenant", "entity", "attribute", "intempus_value"], name="one_translation_per_intempus_value"
            ),
        ]

    def __str__(self) -> str:
        return f"{field_name(self.entity, self.attribute)}: {self.uniconta_value} ↔ {self.intempus_value}"

    def clean(self) -> None:
        self.check_against(FieldRule.objects.filter(tenant_id=self.tenant_id))

    def check_against(self, rules: Iterable[FieldRule]) -> None:
        """Raises ValidationError for a translation that could never apply, or could not be written.

        `rules`: the tenant's own, stored or about to be.
        """
        if self.entity not in ENTITIES:
            raise ValidationError({"entity": _("There is no such entity.")})
        try:
            entity = with_rules(ENTITIES[self.entity], [rule for rule in rules if rule.entity == self.entity], [])
        except DeclarationError as error:
            raise ValidationError(str(error)) from None
        attribute = next((each for each in entity.attributes if each.name == self.attribute), None)
        if attribute is None:
            raise ValidationError({"attribute": _("This company does not synchronise a field of this name.")})
        if attribute.is_key or attribute.reference:
            raise ValidationError({"attribute": _("Numbers, and fields that name another record, are not translated.")})
        for system, value in ((System.UNICONTA, self.uniconta_value), (System.INTEMPUS, self.intempus_value)):
            if problem := _problem_of(attribute, system, value):
                raise ValidationError({f"{system}_value": problem})
            _check_unique(self, f"{system}_value", _("This value has a translation already."))


def _problem_of(attribute: Attribute, system: System, value: str) -> str:
    """Why a field cannot be read as, or be given, this value in a system; "" when it can."""
    transform = attribute.transform_on(system)
    cannot_hold = str(_("The field cannot hold this value there."))
    try:
        # What cannot be undone cannot be asked how the value is spelt there.
        read = transform.read(value if transform.is_one_way else transform.write(value))
    except MappingError:
        return cannot_hold
    if not isinstance(read, str):
        return str(_("A field that is only yes or no is not translated."))
    if read != value and not transform.is_one_way:
        return str(_("Write the value as “%(value)s”: that is how it is read.") % {"value": read})
    return cannot_hold if attribute.max_length is not None and len(value) > attribute.max_length else ""


def _check_unique(row: ValueMap, field: str, message: str | Promise) -> None:
    """A form that shows the company without letting it be changed leaves the database's constraint unchecked."""
    same = {"tenant_id": row.tenant_id, "entity": row.entity, "attribute": row.attribute, field: getattr(row, field)}
    if row.tenant_id is not None and ValueMap.objects.filter(**same).exclude(pk=row.pk).exists():
        raise ValidationError({field: message})


@receiver([post_save, post_delete], sender=FieldRule)
@receiver([post_save, post_delete], sender=ValueMap)
def forget_bases(instance: FieldRule | ValueMap, **_kwargs: object) -> None:
    """A value read under the old rule is no base under the new one, or a new translation would look like an edit in
    Intempus. Without a base the field is compared as on the first day, once both sides were read again.
    """
    columns = [f"{system}_{name}" for system in ("uniconta", "intempus") for name in ("base", "seen")]
    shorter = ", ".join(f"{column} = {column} - %s" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RecordLink._meta.db_table} SET {shorter} WHERE tenant_id = %s AND entity = %s",  # noqa: S608, SLF001 - names of our own
            [*(instance.attribute for _ in columns), instance.tenant_id, instance.entity],
        )
