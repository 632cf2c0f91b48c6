"""When wages are paid and invoices sent, and who said that a period was in order."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from tenants.models import Tenant


class PayCalendar(models.Model):
    """Which periods some employees are paid by, or invoices cover. A tenant may have several.

    `groups` are numbers of Uniconta's employee groups; none means everybody.
    """

    class Kind(models.TextChoices):
        FORTNIGHT = "fortnight", _("Every 14 days")
        MONTH = "month", _("Monthly")
        INVOICING = "invoicing", _("Invoicing, monthly")
        YEAR_END = "year_end", _("Year-end")

    #: A period ends on a day that recurs from the anchor; of the others, on a day of the month.
    ANCHORED = (Kind.FORTNIGHT, Kind.YEAR_END)

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("periods"), max_length=10, choices=Kind, default=Kind.MONTH)
    anchor_on = models.DateField(
        _("last day of one period"),
        null=True,
        blank=True,
        help_text=_("For periods of 14 days and for year-end: the others are counted from it."),
    )
    day_of_month = models.PositiveSmallIntegerField(
        _("last day of the period"),
        default=31,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("For monthly periods; 31 is the last day of any month."),
    )
    groups = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("employee groups"),
        default=list,
        blank=True,
        help_text=_("Numbers of the groups in Uniconta, with commas between. Empty: everybody."),
    )
    cut_off_days = models.PositiveSmallIntegerField(
        _("days to the cut-off"),
        default=2,
        validators=[MaxValueValidator(60)],
        help_text=_(
            "From the last day of the period to the day by which hours must be through. "
            "Where that is no bank day, it is the one before."
        ),
    )
    warn_days = models.PositiveSmallIntegerField(
        _("warn days ahead"),
        default=3,
        validators=[MaxValueValidator(30)],
        help_text=_("So many days before the cut-off the front page says what is not through."),
    )
    unposted_days = models.PositiveSmallIntegerField(
        _("days in the journal"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("Lines that stand in the journal for longer are reported as not posted."),
    )
    is_active = models.BooleanField(_("in use"), default=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("pay calendar")
        verbose_name_plural = _("pay calendars")
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_pay_calendar_per_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.kind in self.ANCHORED and self.anchor_on is None:
            raise ValidationError({"anchor_on": _("Name the last day of one period; the others are counted from it.")})


class SignOff(models.Model):
    """A person's word that a period was in order, with the figures seen then. Written once; the database refuses changes.

    `figures` as `sync.domain.hours.sign_off.figures_of` makes them.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    calendar = models.ForeignKey(
        PayCalendar, models.RESTRICT, related_name="+", null=True, verbose_name=_("pay calendar")
    )
    first = models.DateField(_("first day"))
    last = models.DateField(_("last day"))
    at = models.DateTimeField(_("at"), default=timezone.now)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, db_index=False)
    # Whoever leaves and is removed did sign.
    signed_by = models.CharField(_("signed off by"), max_length=150)
    figures = models.JSONField()
    reason = models.TextField(_("why in spite of differences"), blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("sign-off")
        verbose_name_plural = _("sign-offs")
        indexes = [models.Index(fields=["tenant", "calendar", "-last"], name="sign_offs_by_period")]

    def __str__(self) -> str:
        return f"{self.first:%d-%m-%Y} – {self.last:%d-%m-%Y}"
