from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mappings.models import RecordLink
from tenants.models import Tenant


class HeldSet(models.Model):
    """One question of the brake (rule M12): unusually many records of a tenant would get the same drastic change.

    Its members are the record links that wait with `reason`; who no longer wants the change leaves by being planned.
    """

    class Kind(models.TextChoices):
        DEACTIVATE = "deactivate", _("Deactivate")
        BLANK = "blank", _("Blank a field")
        CREATE = "create", _("Create")
        RE_PARENT = "re_parent", _("Move to another group")

    class State(models.TextChoices):
        OPEN = "open", _("Waits for a decision")
        RELEASED = "released", _("Released")
        RESOLVED = "resolved", _("No longer wanted")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="held_sets", verbose_name=_("company"))
    entity = models.CharField(_("entity"), max_length=40)
    kind = models.CharField(_("what would happen"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    count = models.PositiveIntegerField(_("records"), default=0)  # the most that were counted while it was open
    limit = models.PositiveIntegerField(_("limit"), default=0)
    cause = models.CharField(max_length=60, blank=True)
    cause_detail = models.CharField(max_length=200, blank=True)
    examples = models.JSONField(default=list)  # ["1001 Hansen", …] as they were called when it was opened
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, verbose_name=_("released by")
    )

    class Meta:
        verbose_name = _("held set")
        verbose_name_plural = _("held sets")
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entity", "kind"], condition=models.Q(state="open"), name="one_open_set_per_kind"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-opened_at"], name="held_sets_by_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.count})"

    @staticmethod
    def is_held() -> models.Q:
        """Of record links: what an open question holds."""
        reasons = [f"held_{kind}" for kind in HeldSet.Kind.values]
        return models.Q(state=RecordLink.State.WAITING, reason__in=reasons)

    @property
    def reason(self) -> str:
        return f"held_{self.kind}"

    @property
    def members(self) -> models.QuerySet[RecordLink]:
        return RecordLink.objects.filter(
            tenant_id=self.tenant_id, entity=self.entity, state=RecordLink.State.WAITING, reason=self.reason
        )
