"""Who is told by mail or chat when something goes wrong, and what they have been told."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from tenants.models import Tenant
from tenants.secrets import seal, unseal


class AlertChannel(models.Model):
    """One place that is told: of one company, of those a staff group works for, or of all.

    What it may say and when stands in the settings; `batch` is the message on its way, see `sync.domain.alerts`.
    """

    class Medium(models.TextChoices):
        EMAIL = "email", _("E-mail")
        CHAT = "chat", _("Chat (Teams, Slack, Discord, Google Chat)")

    class Kind(models.TextChoices):
        WORKER = "worker", _("No worker is alive")
        HOST = "host", _("Uniconta or Intempus is down")
        BROKEN = "broken", _("A connection is broken")
        STALE = "stale", _("Reading or writing is behind the promise")
        PAYROLL = "payroll", _("A payroll cut-off comes near")
        FAILING = "failing", _("Something needs attention")
        BUDGET = "budget", _("Most calls of the day are used")
        SILENT = "silent", _("Change URLs are silent")

    #: Told at once where a channel says so, whatever the hour.
    URGENT = (Kind.WORKER, Kind.HOST, Kind.BROKEN)

    name = models.CharField(_("name"), max_length=80)
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("company"),
        help_text=_("Without one: the companies of the staff group, or all."),
    )
    group = models.ForeignKey(
        Group,
        models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("staff group"),
        help_text=_("Told of the companies its members work for; every recipient sees all of them."),
    )
    medium = models.CharField(_("by"), max_length=5, choices=Medium, default=Medium.EMAIL)
    recipients = models.TextField(
        _("e-mail addresses"),
        blank=True,
        help_text=_("One a line. With a staff group and no address: its members."),
    )
    sealed_chat_url = models.TextField(editable=False, blank=True)
    chat_service = models.CharField(max_length=20, editable=False, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Tenant.Language, default=Tenant.Language.DANISH)
    kinds = ArrayField(models.CharField(max_length=10, choices=Kind), verbose_name=_("tell about"), default=list)
    attention_above = models.PositiveIntegerField(
        _("records that need attention: more than"),
        default=0,
        help_text=_("Of one company. What an open question holds is told in any case."),
    )
    every_minutes = models.PositiveIntegerField(
        _("at most one message every (minutes)"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("What happens in between stands together in the next one."),
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    is_bank_days_only = models.BooleanField(
        _("on bank days only"),
        default=False,
        help_text=_("Nothing on Saturdays, Sundays and Danish bank holidays; the next bank day tells it together."),
    )
    is_urgent_at_once = models.BooleanField(
        _("outages at once"),
        default=True,
        help_text=_("A system that is down, a broken connection or a dead worker is told whatever the day and hour."),
    )
    is_active = models.BooleanField(_("in use"), default=True)

    # The message on its way, or none. A message that was begun and not confirmed is never sent a second time.
    batch = models.UUIDField(null=True, editable=False)
    batch_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("last message"), null=True, editable=False)
    unconfirmed_at = models.DateTimeField(null=True, editable=False)
    failure_count = models.PositiveIntegerField(default=0, editable=False)
    failure = models.TextField(blank=True, editable=False)
    due_at = models.DateTimeField(default=timezone.now, editable=False)
    tested_at = models.DateTimeField(_("last test"), null=True, editable=False)
    test_failure = models.TextField(blank=True, editable=False)

    history = HistoricalRecords(
        excluded_fields=[
            "sealed_chat_url",
            "batch",
            "batch_at",
            "sent_at",
            "unconfirmed_at",
            "failure_count",
            "failure",
            "due_at",
            "tested_at",
            "test_failure",
        ]
    )

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def _row(self) -> str:
        return f"alert_channel:{self.pk}"

    @property
    def chat_url(self) -> str:
        """In clear. Raises SecretError."""
        return unseal(self.sealed_chat_url, self._row) if self.sealed_chat_url else ""

    def set_chat_url(self, url: str, service: str) -> None:
        """Of a channel that is saved: the address is bound to its row."""
        self.sealed_chat_url, self.chat_service = seal(url, self._row), service


class Alert(models.Model):
    """One trouble of one company as one channel knows it: from when it was seen until its end was told."""

    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="alerts")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", null=True)  # None: of the installation
    kind = models.CharField(max_length=10, choices=AlertChannel.Kind)
    code = models.CharField(max_length=60)
    about = models.CharField(max_length=200, blank=True)  # what else tells two apart: a system, a period, a host
    count = models.PositiveIntegerField(default=0)
    since_at = models.DateTimeField(default=timezone.now)
    noted_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    batch = models.UUIDField(null=True)  # in the message that is on its way

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "tenant", "kind", "code", "about"],
                name="one_alert_per_trouble",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
