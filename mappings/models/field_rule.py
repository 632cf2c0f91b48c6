from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from mappings.entities import ENTITIES
from mappings.models.record_link import RecordLink
from mappings.spec import DeclarationError, Direction
from mappings.transforms import TRANSFORMS
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
    uniconta_transform = models.CharField(_("conversion in Uniconta"), max_length=40, default="text")
    intempus_transform = models.CharField(_("conversion in Intempus"), max_length=40, default="text")
    direction = models.CharField(_("direction"), max_length=12, choices=Directions, default=Directions.TO_INTEMPUS)
    is_off = models.BooleanField(_("do not synchronise this field"), default=False)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("field rule")
        verbose_name_plural = _("field rules")
        constraints = [models.UniqueConstraint(fields=["tenant", "entity", "attribute"], name="one_rule_per_field")]

    def __str__(self) -> str:
        return f"{self.entity}.{self.attribute}"

    def clean(self) -> None:
        from mappings.rules import with_rules

        if self.entity not in ENTITIES:
            raise ValidationError({"entity": _("There is no such entity.")})
        for field in ("uniconta_transform", "intempus_transform"):
            if getattr(self, field) not in TRANSFORMS:
                raise ValidationError({field: _("There is no such conversion.")})
        try:
            with_rules(ENTITIES[self.entity], [self], [])
        except DeclarationError as error:
            raise ValidationError(str(error)) from None


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
        return f"{self.entity}.{self.attribute}: {self.uniconta_value} ↔ {self.intempus_value}"


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
