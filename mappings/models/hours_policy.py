from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from mappings.hours import TEXT_LENGTH, Kind, LineRule, Ready, Terms, Treatment
from tenants.models import Tenant

#: What people read of each treatment.
TREATMENTS: Mapping[str, Promise] = {
    Treatment.TRANSFER.value: _("Transfer"),
    Treatment.HOLD.value: _("Hold back"),
    Treatment.SKIP.value: _("Do not transfer"),
}
READY_WHEN: Mapping[str, Promise] = {
    Ready.APPROVED.value: _("Finally approved in Intempus"),
    Ready.LOCKED.value: _("Locked in Intempus"),
    Ready.DAYS.value: _("A number of days after the day worked"),
}


class HoursPolicy(models.Model):
    """How a tenant's work reports reach Uniconta. No row: they do not."""

    class ClosedDates(models.TextChoices):
        HOLD = "hold", _("Hold back and ask")
        FIRST_OPEN_DAY = "first_open_day", _("Book on the first open day, with the true day in the text")

    class LongTexts(models.TextChoices):
        HOLD = "hold", _("Hold back and ask")
        CUT = "cut", _("Shorten")

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="hours_policy", verbose_name=_("company"))
    enabled = models.BooleanField(_("transfer work reports"), default=True)
    journal = models.CharField(
        _("project journal"), max_length=40, blank=True, help_text=_("The journal in Uniconta that gets the lines.")
    )
    transfer_from = models.DateField(
        _("transfer from"),
        null=True,
        blank=True,
        help_text=_("First day worked that is transferred. Earlier reports are counted, never transferred."),
    )
    ready_when = models.CharField(_("ready when"), max_length=10, choices=READY_WHEN, default=Ready.APPROVED.value)
    ready_days = models.PositiveSmallIntegerField(
        _("days"), default=7, help_text=_("For “a number of days after the day worked” only.")
    )
    window_days = models.PositiveSmallIntegerField(
        _("days read again"),
        default=60,
        validators=[MinValueValidator(7), MaxValueValidator(400)],
        help_text=_(
            "An approval may leave no trace in what Intempus says has changed; so many days are read every hour."
        ),
    )
    text = models.CharField(
        _("text of a line"),
        max_length=200,
        blank=True,
        default="{remarks}",
        help_text=_("Possible words: {remarks}, {work_type}, {employee}, {case}, {date}."),
    )
    long_texts = models.CharField(_("longer texts"), max_length=4, choices=LongTexts, default=LongTexts.HOLD)
    text_length = models.PositiveSmallIntegerField(
        _("longest text"),
        default=TEXT_LENGTH,
        validators=[MinValueValidator(20), MaxValueValidator(1000)],
        help_text=_("How many characters Uniconta takes is not published; what is longer might be cut without a word."),
    )
    closed_until = models.DateField(
        _("books closed until"), null=True, blank=True, help_text=_("The last day of the period closed in Uniconta.")
    )
    closed_dates = models.CharField(
        _("days in a closed period"), max_length=14, choices=ClosedDates, default=ClosedDates.HOLD
    )
    mileage = models.CharField(_("mileage"), max_length=8, choices=TREATMENTS, default=Treatment.SKIP.value)
    expenses = models.CharField(_("expenses"), max_length=8, choices=TREATMENTS, default=Treatment.SKIP.value)
    per_diem = models.CharField(_("per diem"), max_length=8, choices=TREATMENTS, default=Treatment.SKIP.value)
    absence = models.CharField(
        _("absence"),
        max_length=8,
        choices=TREATMENTS,
        default=Treatment.SKIP.value,
        help_text=_("Sickness is health data: transfer it only where you have agreed to."),
    )
    material = models.CharField(_("materials"), max_length=8, choices=TREATMENTS, default=Treatment.TRANSFER.value)
    knows_other_urls = models.BooleanField(
        _("other Change URLs are known"),
        default=False,
        help_text=_(
            "Another integration that is still at work would transfer the same hours. Tick this when the other addresses "
            "that Uniconta calls have nothing to do with hours."
        ),
    )
    # “I am posting the journal”: no new lines until then. Ends by itself.
    paused_until = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords(excluded_fields=["paused_until"])

    class Meta:
        verbose_name = _("settings for hours")
        verbose_name_plural = _("settings for hours")

    def __str__(self) -> str:
        return str(self.tenant)

    def clean(self) -> None:
        if self.enabled and not self.journal:
            raise ValidationError({"journal": _("Name the project journal that gets the lines.")})
        if self.enabled and self.transfer_from is None:
            raise ValidationError(
                {
                    "transfer_from": _(
                        "Say from which day on, or hours that were transferred otherwise would come twice."
                    )
                }
            )

    def terms(self) -> Terms:
        return Terms(
            journal=self.journal,
            transfer_from=self.transfer_from,
            ready_when=Ready(self.ready_when),
            ready_days=self.ready_days,
            treatments={kind: Treatment(getattr(self, kind.value)) for kind in Kind if kind is not Kind.WORK},
            text=self.text,
            text_length=self.text_length,
            cuts_long_text=self.long_texts == self.LongTexts.CUT,
            closed_until=self.closed_until,
            moves_closed_dates=self.closed_dates == self.ClosedDates.FIRST_OPEN_DAY,
        )


class WorkTypeRule(models.Model):
    """What a work type of Intempus becomes on a project journal line."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="work_type_rules", verbose_name=_("company"))
    work_type_id = models.CharField(
        _("work type id"),
        max_length=40,
        blank=True,
        help_text=_("Empty: every work type with exactly this name, as the same name repeats in several work models."),
    )
    # As it was called when a person last confirmed the rule: a work type renamed since is shown on the board.
    work_type_name = models.CharField(_("work type"), max_length=255, blank=True)
    item = models.CharField(_("item"), max_length=40, blank=True)
    category = models.CharField(_("project category"), max_length=40, blank=True)
    pay_type = models.CharField(
        _("pay type"),
        max_length=40,
        blank=True,
        help_text=_(
            "Empty: the pay type with exactly the same name; without one the line goes without, with a warning."
        ),
    )
    unit = models.CharField(_("unit"), max_length=40, blank=True, help_text=_("Empty: the unit of the report."))
    journal = models.CharField(
        _("project journal"), max_length=40, blank=True, help_text=_("Empty: the company’s journal.")
    )
    treatment = models.CharField(
        _("transfer"), max_length=8, choices=TREATMENTS, blank=True, help_text=_("Empty: as its kind.")
    )
    invoiceable = models.BooleanField(_("invoiceable"), null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("work type rule")
        verbose_name_plural = _("work type rules")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "work_type_id"], condition=~models.Q(work_type_id=""), name="one_rule_per_work_type"
            ),
            models.UniqueConstraint(
                fields=["tenant", "work_type_name"],
                condition=models.Q(work_type_id=""),
                name="one_rule_per_work_type_name",
            ),
        ]

    def __str__(self) -> str:
        return self.work_type_name or self.work_type_id

    def clean(self) -> None:
        if not self.work_type_id and not self.work_type_name:
            raise ValidationError({"work_type_name": _("Name the work type, or give its id.")})

    def line_rule(self) -> LineRule:
        return LineRule(
            item=self.item,
            category=self.category,
            pay_type=self.pay_type,
            unit=self.unit,
            journal=self.journal,
            treatment=Treatment(self.treatment) if self.treatment else None,
            is_invoiceable=self.invoiceable,
        )
