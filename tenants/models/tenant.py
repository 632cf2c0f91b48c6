from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

# Slugs are ASCII, so that a URL with one can be pasted anywhere.
SLUG = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$", _("Small letters, digits and hyphens only."))
MINUTES = [MinValueValidator(1), MaxValueValidator(24 * 60)]


class Tenant(models.Model):
    """One customer company of the partner firm."""

    class State(models.TextChoices):
        PREPARING = "preparing", _("Preparing")
        LIVE = "live", _("Live")
        PAUSED = "paused", _("Paused")
        LEAVING = "leaving", _("Leaving")
        CLOSED = "closed", _("Closed")

    class OptInMeans(models.TextChoices):
        SYNC = "sync", _("Ticked records synchronise")
        DO_NOT_SYNC = "do_not_sync", _("Ticked records do not synchronise")

    class ConflictPolicy(models.TextChoices):
        UNICONTA_WINS = "uniconta_wins", _("Uniconta's record wins")
        MERGE_FIELDS = "merge_fields", _("Merge field by field, Uniconta wins the same field")

    class Language(models.TextChoices):
        DANISH = "da", "Dansk"
        ENGLISH = "en", "English"

    slug = models.CharField(
        _("short name"), max_length=50, unique=True, validators=[SLUG], help_text=_("Part of every webhook URL.")
    )
    name = models.CharField(_("name"), max_length=200)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.DANISH)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State,
        default=State.PREPARING,
        help_text=_("Nothing is written to either system until the company is live."),
    )
    contact_email = models.EmailField(
        _("contact e-mail"), blank=True, help_text=_("Gets a mail a day about overwritten changes, when there are any.")
    )
    opt_in_field = models.CharField(
        _("tick field in Uniconta"),
        max_length=100,
        default="xIntempus",
        help_text=_("A table without this field synchronises whole."),
    )
    opt_in_means = models.CharField(_("a tick means"), max_length=12, choices=OptInMeans, default=OptInMeans.SYNC)
    conflict_policy = models.CharField(
        _("when both sides changed"), max_length=14, choices=ConflictPolicy, default=ConflictPolicy.UNICONTA_WINS
    )
    pull_minutes = models.PositiveIntegerField(_("fetch from Intempus every (minutes)"), default=15, validators=MINUTES)
    sweep_minutes = models.PositiveIntegerField(_("check Uniconta every (minutes)"), default=15, validators=MINUTES)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    # The way out: when it was begun, when everything was shut, and when personal data goes.
    leaving_at = models.DateTimeField(_("off-boarding begun"), null=True, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    forget_on = models.DateField(_("personal data erased on"), null=True, editable=False)
    forgotten_at = models.DateTimeField(_("personal data erased"), null=True, editable=False)

    # What was overwritten until then has been mailed to the contact.
    digest_until = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords(excluded_fields=["digest_until", "forgotten_at"])

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_leaving(self) -> bool:
        """On its way out, or out: nothing new begins."""
        return self.state in (self.State.LEAVING, self.State.CLOSED)

    @property
    def is_live(self) -> bool:
        return self.state == self.State.LIVE
