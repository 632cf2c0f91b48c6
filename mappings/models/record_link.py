from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from mappings.spec import System
from tenants.models import Tenant


class RecordLink(models.Model):
    """One record from first sight: its Uniconta side, its Intempus side (either may be empty), and a base per side.

    A base holds the canonical values last read from, or answered by, *that* side. Who reads what happened to a record
    looks at the sync log; this row is only where things stand now.
    """

    class State(models.TextChoices):
        NEW = "new", _("Not processed yet")
        IN_SYNC = "in_sync", _("In sync")
        EXCLUDED = "excluded", _("Excluded")
        WAITING = "waiting", _("Waiting")
        NEEDS_ATTENTION = "needs_attention", _("Needs attention")

    class Inactive(models.TextChoices):
        """Why the record is inactive in Intempus; only a person's own switch there travels back (rule M7)."""

        NO = "", _("Active")
        FLAG = "flag", _("The tick was removed")
        PHASE = "phase", _("The phase does not synchronise")
        BLOCKED = "blocked", _("Blocked in Uniconta")
        DELETED = "deleted", _("Deleted in Uniconta")
        PERSON = "person", _("Switched off in Intempus")

    class DeletionAnswer(models.TextChoices):
        """What a person said when one side was deleted; forgotten when the record is there again."""

        SWITCH_OFF = "switch_off", _("Set the other one inactive")
        LEAVE = "leave", _("Leave the other one as it is")
        MERGED = "merged", _("Merged into another record")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="links", db_index=False, verbose_name=_("company"))
    entity = models.CharField(_("entity"), max_length=40)
    name = models.CharField(_("name"), max_length=255, blank=True)
    uniconta_id = models.CharField(_("Uniconta row id"), max_length=40, blank=True)
    uniconta_key = models.CharField(_("Uniconta number"), max_length=60, blank=True)
    intempus_id = models.CharField(_("Intempus id"), max_length=40, blank=True)
    intempus_key = models.CharField(_("Intempus number"), max_length=60, blank=True)
    state = models.CharField(_("state"), max_length=15, choices=State, default=State.NEW)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    inactive_reason = models.CharField(_("inactive because"), max_length=10, choices=Inactive, blank=True, default="")
    is_ticked = models.BooleanField(_("ticked"), null=True)
    # Set at our first write to Intempus while ticked: only such a record is set inactive when the tick goes (M5).
    was_sent = models.BooleanField(default=False)
    uniconta_base = models.JSONField(_("last seen in Uniconta"), default=dict)
    intempus_base = models.JSONField(_("last seen in Intempus"), default=dict)
    # What was read since and is not processed yet; null: the same as the base.
    uniconta_seen = models.JSONField(null=True)
    intempus_seen = models.JSONField(null=True)
    # When that side was last read, database time *before* the read: an older read never replaces a newer one.
    uniconta_seen_at = models.DateTimeField(null=True)
    intempus_seen_at = models.DateTimeField(null=True)
    intempus_timestamp = models.BigIntegerField(null=True)
    is_gone_in_uniconta = models.BooleanField(default=False)
    is_gone_in_intempus = models.BooleanField(default=False)
    deletion_answer = models.CharField(
        _("after the deletion"), max_length=10, choices=DeletionAnswer, blank=True, default=""
    )
    # Merged in Uniconta: that record stands for this one as well, also where others refer to this one.
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, related_name="+", null=True, db_index=False, verbose_name=_("merged into")
    )
    # Changed during a gap in our reading: nobody can say whose change came first, so fields are merged (rule M4).
    is_after_gap = models.BooleanField(default=False)
    # The Uniconta number under which this record, born in Intempus, is being created there.
    reserved_number = models.CharField(max_length=60, blank=True)
    uniconta_match_keys = ArrayField(models.TextField(), default=list)
    intempus_match_keys = ArrayField(models.TextField(), default=list)
    is_match_rejected = models.BooleanField(default=False)  # a person said: none of those alike, it is a new one
    # Whose value stands where the pair differs at its first writing: attribute → mappings.engine.Winner, "" for all others.
    winners = models.JSONField(default=dict)
    is_left_out = models.BooleanField(_("left out"), default=False)  # a person said: it stays out of this
    differing = ArrayField(models.TextField(), verbose_name=_("differs in"), default=list)
    generation = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    changed_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta:
        verbose_name = _("linked pair")
        verbose_name_plural = _("linked pairs")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entity", "uniconta_id"],
                condition=~models.Q(uniconta_id=""),
                name="one_link_per_uniconta_record",
            ),
            models.UniqueConstraint(
                fields=["tenant", "entity", "intempus_id"],
                condition=~models.Q(intempus_id=""),
                name="one_link_per_intempus_record",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "entity", "state"], name="links_by_state"),
            models.Index(fields=["tenant", "entity", "uniconta_key"], name="links_by_uniconta_key"),
            models.Index(fields=["tenant", "entity", "intempus_key"], name="links_by_intempus_key"),
            models.Index(fields=["tenant", "-changed_at"], name="links_by_change"),
            # For the search box, which need not know the company: ids exactly, numbers and names by their beginning.
            models.Index(fields=["uniconta_id"], name="links_by_uniconta_id"),
            models.Index(fields=["intempus_id"], name="links_by_intempus_id"),
            models.Index(fields=["uniconta_key"], name="links_by_uniconta_start", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["intempus_key"], name="links_by_intempus_start", opclasses=["varchar_pattern_ops"]),
            models.Index(OpClass(Upper("name"), name="text_pattern_ops"), name="links_by_name_start"),
            models.Index(
                fields=["merged_into"], condition=models.Q(merged_into__isnull=False), name="links_by_merged_into"
            ),
            GinIndex(fields=["uniconta_match_keys"], name="links_by_uniconta_match"),
            GinIndex(fields=["intempus_match_keys"], name="links_by_intempus_match"),
        ]

    def __str__(self) -> str:
        return f"{self.uniconta_key or self.intempus_key or self.pk} {self.name}".strip()

    def remote_id(self, system: System | str) -> str:
        return self.uniconta_id if system == System.UNICONTA else self.intempus_id

    def base(self, system: System | str) -> dict[str, Any]:
        base: dict[str, Any] = self.uniconta_base if system == System.UNICONTA else self.intempus_base
        return base

    def current(self, system: System | str) -> dict[str, Any] | None:
        """The values last read on that side; None where the record is not there (never was, or deleted)."""
        if not self.remote_id(system) or self.is_gone(system):
            return None
        seen: dict[str, Any] | None = self.uniconta_seen if system == System.UNICONTA else self.intempus_seen
        return seen if seen is not None else self.base(system) or None

    def is_gone(self, system: System | str) -> bool:
        return self.is_gone_in_uniconta if system == System.UNICONTA else self.is_gone_in_intempus

    @property
    def is_linked(self) -> bool:
        return bool(self.uniconta_id and self.intempus_id)
