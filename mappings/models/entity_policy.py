from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from mappings.entities import ENTITIES
from mappings.labels import entity_label
from mappings.phases import PHASES
from tenants.models import Tenant

#: The hold of an entity switched on after the company went live: nothing of it moves before its first matching.
NOT_MATCHED = "entity_not_matched"


class PolicySettings(models.Model):
    """What may be switched on for an entity: of one tenant, or in a template for many."""

    class OnUnicontaDelete(models.TextChoices):
        ASK = "ask", _("Ask a person")
        DEACTIVATE = "deactivate", _("Set inactive in Intempus")

    class OnIntempusDelete(models.TextChoices):
        ASK = "ask", _("Ask a person")
        BLOCK = "block", _("Block in Uniconta")

    entity = models.CharField(_("entity"), max_length=40)
    enabled = models.BooleanField(_("synchronise"), default=True)
    to_intempus = models.BooleanField(_("Uniconta → Intempus"), default=True)
    to_uniconta = models.BooleanField(_("Intempus → Uniconta"), default=True)
    create_in_intempus = models.BooleanField(_("create in Intempus"), default=True)
    create_in_uniconta = models.BooleanField(_("create in Uniconta"), default=True)
    number_series = models.CharField(
        _("number series"),
        max_length=60,
        blank=True,
        help_text=_("Records born in Intempus get the next number of this Uniconta series."),
    )
    number_prefix = models.CharField(
        _("number prefix"),
        max_length=10,
        blank=True,
        help_text=_("Without a series: the prefix followed by the Intempus id."),
    )
    default_group = models.CharField(
        _("default group"),
        max_length=40,
        blank=True,
        help_text=_("Uniconta group for records whose Intempus group Uniconta does not know."),
    )
    phases = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("phases"),
        default=list,
        blank=True,
        help_text=_(
            "Projects only: the phases in which a project is in use in Intempus. In any other its case is closed."
        ),
    )
    on_uniconta_delete = models.CharField(
        _("deleted in Uniconta"), max_length=10, choices=OnUnicontaDelete, default=OnUnicontaDelete.ASK
    )
    on_intempus_delete = models.CharField(
        _("deleted in Intempus"), max_length=10, choices=OnIntempusDelete, default=OnIntempusDelete.ASK
    )

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Wherever a row is made: what can cost money is off unless whoever makes it says so.
        entity = ENTITIES.get(kwargs.get("entity", ""))
        if entity is not None and entity.is_creation_costly:
            kwargs.setdefault("create_in_intempus", False)
        if entity is not None and entity.phase is not None:
            kwargs.setdefault("phases", list(entity.phases))
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        entity = ENTITIES.get(self.entity)
        known = [phase for phase, *_labels in PHASES] if entity is not None and entity.phase is not None else []
        if unknown := [phase for phase in self.phases if phase not in known]:
            message = _("There is no phase %(name)s here. Possible: %(possible)s.")
            raise ValidationError(
                {"phases": message % {"name": ", ".join(unknown), "possible": ", ".join(known) or "–"}}
            )
        if known and not self.phases:
            raise ValidationError({"phases": _("Choose at least one phase, or switch the entity off.")})


class EntityPolicy(PolicySettings):
    """What is switched on for a tenant and an entity."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="policies", verbose_name=_("company"))
    # Field watch (rule M5): whether the tick field was there at the last complete read; None before the first.
    has_flag = models.BooleanField(null=True, editable=False)
    # The same for mapped fields, by system: those seen at complete reads, and those that no row carries any more.
    fields_seen = models.JSONField(default=dict, editable=False)
    fields_gone = models.JSONField(default=dict, editable=False)
    # Every field name that the last complete read showed, by system: what a field rule may name.
    fields_returned = models.JSONField(default=dict, editable=False)
    # Why creates and deactivations of this entity wait for a person ("" when they do not).
    hold_code = models.CharField(max_length=60, blank=True, editable=False)
    hold_detail = models.TextField(blank=True, editable=False)
    loaded_at = models.DateTimeField(_("first load finished"), null=True, editable=False)
    # When both systems were last read for the first matching; a company goes live from the console only after that.
    matched_at = models.DateTimeField(null=True, editable=False)
    # Since then only so many records are written until a person says “go on”; None: there is no such limit.
    first_ten_at = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords(
        excluded_fields=[
            "has_flag",
            "fields_seen",
            "fields_gone",
            "fields_returned",
            "hold_code",
            "hold_detail",
            "loaded_at",
            "matched_at",
            "first_ten_at",
        ]
    )

    class Meta:
        verbose_name = _("entity policy")
        verbose_name_plural = _("entity policies")
        constraints = [models.UniqueConstraint(fields=["tenant", "entity"], name="one_policy_per_entity")]

    def __str__(self) -> str:
        return f"{self.tenant}: {entity_label(self.entity)}"

    def begin_later(self) -> None:
        """Switched on by a person: at a company that is in operation the entity's own first matching comes first.

        Not stored here. What was loaded before goes on where it stood; groups follow the records that use them.
        """
        is_first = self.loaded_at is None and not ENTITIES[self.entity].is_on_demand
        if self.enabled and is_first and self.tenant.state != Tenant.State.PREPARING:
            self.hold_code, self.hold_detail, self.matched_at = NOT_MATCHED, "", None
