from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mappings.models import RecordLink
from tenants.models import Tenant


class PutBack(models.Model):
    """A person's wish that a value which was overwritten stands again: on both sides (rule M4), or, when a run is undone, on
    the one that was written to.

    A wish, not a write: the drain plans it like every change, and refuses it when the field moved since.
    """

    class State(models.TextChoices):
        OPEN = "open", _("On its way")
        DONE = "done", _("Put back")
        REFUSED = "refused", _("Refused")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("company"))
    link = models.ForeignKey(RecordLink, models.CASCADE, related_name="put_backs", verbose_name=_("record"))
    entry_id = models.BigIntegerField()  # the log entry that says what was overwritten; a partition, so no foreign key
    field = models.CharField(_("field"), max_length=60)
    value = models.JSONField()  # what shall stand again
    stands = models.JSONField()  # what was written over it, and must stand still
    # Of a write that is undone: the system that was written to, which alone gets its value back. "": both.
    target = models.CharField(max_length=10, blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    found = models.JSONField(default=dict)  # of a refused one: {"uniconta": …, "intempus": …}
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("value put back")
        verbose_name_plural = _("values put back")
        constraints = [
            models.UniqueConstraint(
                fields=["link", "field", "target"],
                condition=models.Q(state="open"),
                name="one_open_put_back_per_field",
            )
        ]
        indexes = [models.Index(fields=["entry_id"], name="put_backs_by_entry")]

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"
