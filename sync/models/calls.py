from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CallCount(models.Model):
    """How many calls one log-in made on one day, for one cause.

    Both remote systems count per log-in, and several companies may share one: the row belongs to none of them.
    """

    class Cause(models.TextChoices):
        PERSON = "person", _("Persons' wishes")
        WEBHOOK = "webhook", _("Change URLs")
        PULL = "pull", _("Fetching from Intempus")
        SWEEP = "sweep", _("Checking Uniconta")
        BACKFILL = "backfill", _("Backlog and first load")
        RECONCILE = "reconcile", _("Full comparison")
        HOURS = "hours", _("Transfer of hours")

    system = models.CharField(max_length=10)
    base_url = models.CharField(max_length=200)
    username = models.CharField(max_length=200)
    on = models.DateField()
    cause = models.CharField(max_length=10, choices=Cause)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["base_url", "username", "on", "cause"], name="one_count_per_login_and_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} {self.on}: {self.count} ({self.get_cause_display()})"
