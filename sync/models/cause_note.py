from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CauseNote(models.Model):
    """Who sees to a cause of `sync.domain.causes`, and what they say about it. Forgotten when the cause is gone.

    It was written about certain companies and may name them: row security shows it only to people who see them all.
    """

    kind = models.CharField(max_length=10)
    code = models.CharField(max_length=60)
    tenant_ids = ArrayField(models.BigIntegerField())
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("assigned to"),
    )
    note = models.TextField(_("note"), blank=True, max_length=1000)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("cause")
        verbose_name_plural = _("needs attention, by cause")
        indexes = [models.Index(fields=["kind", "code", "-written_at"], name="cause_notes_by_cause")]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
