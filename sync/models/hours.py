"""Hours: one row per work report, the journal lines it became, and what happened to it.

These are kept longer than the sync log (the books' five years), so they have a history of their own.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class ReferenceRow(models.Model):
    """One row of a list that hours refer to (work types, pay types, journals …), as last read. Never written back."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    list = models.CharField(max_length=20)
    remote_id = models.CharField(max_length=40)
    key = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=255, blank=True)
    data = models.JSONField(default=dict)
    is_gone = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "list", "remote_id"], name="one_row_per_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.name}".strip()


class WorkReport(models.Model):
    """One registration in Intempus, whatever becomes of it. `amount` as registered, `quantity` as transferred."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits for approval")
        BEFORE_START = "before_start", _("Before start")
        SKIPPED = "skipped", _("Not transferred by rule")
        HELD = "held", _("Held back by rule")
        NEEDS_ATTENTION = "needs_attention", _("Needs attention")
        READY = "ready", _("Ready")
        SENDING = "sending", _("Being sent")
        TRANSFERRED = "transferred", _("Transferred")
        CHANGED = "changed", _("Changed after transfer")
        EARLIER = "earlier", _("Transferred earlier")
        ACCEPTED = "accepted", _("Accepted as it is")
        BY_HAND = "by_hand", _("Done by hand")
        GONE = "gone", _("Deleted in Intempus")
        CLOSED = "closed", _("Of a company that was left")

    #: Nobody transferred them yet: what becomes of them is judged afresh each time.
    OPEN = (
        State.WAITING,
        State.BEFORE_START,
        State.SKIPPED,
        State.HELD,
        State.NEEDS_ATTENTION,
        State.READY,
        State.GONE,
    )
    #: A person said that nothing is to be sent: that holds for what the report said then.
    ANSWERED = (State.ACCEPTED, State.BY_HAND, State.EARLIER)

    class Answer(models.TextChoices):
        """What a person chose for a report that changed after its transfer, until a run has carried it out."""

        CHANGE = "change", _("Change the line in the journal")
        REVERSE = "reverse", _("Reverse and book anew")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    intempus_id = models.CharField(_("Intempus id"), max_length=40)
    employee_id = models.CharField(max_length=40, blank=True)
    employee_number = models.CharField(_("employee number"), max_length=40, blank=True)
    employee_name = models.CharField(_("employee"), max_length=255, blank=True)
    case_id = models.CharField(max_length=40, blank=True)
    case_name = models.CharField(_("case"), max_length=255, blank=True)
    work_type_id = models.CharField(max_length=40, blank=True)
    work_type_name = models.CharField(_("work type"), max_length=255, blank=True)
    category_name = models.CharField(_("work category"), max_length=255, blank=True)
    product_id = models.CharField(max_length=40, blank=True)
    kind = models.CharField(_("kind"), max_length=10, blank=True)
    unit = models.CharField(_("unit"), max_length=60, blank=True)
    starts_on = models.DateField(_("day"))
    ends_on = models.DateField(_("until"))
    starts_at = models.TimeField(_("from"), null=True)
    ends_at = models.TimeField(_("to"), null=True)
    amount = models.DecimalField(_("amount"), max_digits=30, decimal_places=14)
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=2)
    remarks = models.TextField(_("remarks"), blank=True)
    origin = models.CharField(max_length=60, blank=True)
    is_approved = models.BooleanField(_("approved"), default=False)
    is_locked = models.BooleanField(_("locked"), default=False)
    approvals = models.JSONField(default=list)  # [{level, label, date, name}]; an empty date is still awaited
    unreadable = models.CharField(max_length=255, blank=True)
    is_gone = models.BooleanField(default=False)
    content_hash = models.CharField(max_length=64)
    # Of the content that stands in Uniconta; "" while nothing does.
    transferred_hash = models.CharField(max_length=64, blank=True)
    # What a person accepted, or did by hand: the state it led to, the content, and whether it counted as ready. Another
    # content asks again, and so does an approval that comes or goes.
    answered_as = models.CharField(max_length=15, blank=True)
    answered_hash = models.CharField(max_length=64, blank=True)
    answered_ready = models.BooleanField(default=False)
    answer = models.CharField(max_length=10, choices=Answer, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, db_index=False
    )
    state = models.CharField(_("state"), max_length=15, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    problems = models.JSONField(default=list)  # [[code, about], …]; also while a report waits for approval
    warnings = ArrayField(models.CharField(max_length=60), default=list)
    # It was there before us: another integration, or a person, may have transferred it. Looked into once, when it is ready.
    is_from_before = models.BooleanField(default=False)
    earlier = models.JSONField(default=list)  # lines and transactions alike, not ours: [{"where", "row_id", "text"}]
    line = models.JSONField(default=dict)  # what the line would say, in Uniconta's spelling
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    first_seen_at = models.DateTimeField(_("first seen"), default=timezone.now)
    changed_at = models.DateTimeField(_("last changed"), default=timezone.now)
    transferred_at = models.DateTimeField(_("transferred"), null=True)

    class Meta:
        verbose_name = _("work report")
        verbose_name_plural = _("work reports")
        constraints = [models.UniqueConstraint(fields=["tenant", "intempus_id"], name="one_row_per_work_report")]
        indexes = [
            models.Index(fields=["tenant", "state", "starts_on"], name="reports_by_state"),
            models.Index(fields=["tenant", "starts_on"], name="reports_by_day"),
            models.Index(fields=["starts_on", "id"], name="reports_of_all"),
            models.Index(fields=["tenant", "employee_number", "starts_on"], name="reports_by_employee"),
            models.Index(fields=["tenant", "case_id"], name="reports_by_case"),
            models.Index(fields=["tenant"], condition=~models.Q(answer=""), name="reports_answered"),
            models.Index(fields=["tenant", "starts_on"], condition=~models.Q(warnings=[]), name="reports_warned"),
        ]

    def __str__(self) -> str:
        return f"{self.employee_name or self.employee_number} {self.starts_on:%d-%m-%Y}"


class JournalLine(models.Model):
    """One project journal line of ours in Uniconta. A report has one; a correction adds to the chain, nothing leaves it.

    `values` is what was sent, in Uniconta's spelling; `seen` what was last read there. `intended` is what a change under
    way will make of it, {"values", "quantity", "content_hash"}, from before the call until the answer was stored.
    """

    class Kind(models.TextChoices):
        TRANSFER = "transfer", _("Line")
        REVERSAL = "reversal", _("Reversal")

    class State(models.TextChoices):
        PLANNED = "planned", _("To be sent")
        SENDING = "sending", _("Being sent")
        UNCLEAR = "unclear", _("Unclear")
        REFUSED = "refused", _("Refused")
        IN_JOURNAL = "in_journal", _("In the journal")
        POSTED = "posted", _("Posted")
        NOT_PROVEN = "not_proven", _("Posted, not proven")
        MISSING = "missing", _("Missing from the journal")
        GIVEN_UP = "given_up", _("Missing, not needed any more")

    #: It stands in Uniconta, as far as we can tell.
    STANDING = (State.IN_JOURNAL, State.POSTED, State.NOT_PROVEN)

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    report = models.ForeignKey(WorkReport, models.RESTRICT, related_name="lines", verbose_name=_("work report"))
    number = models.PositiveSmallIntegerField(default=1)
    reference = models.CharField(_("reference number"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.TRANSFER)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.SENDING)
    journal = models.CharField(_("journal"), max_length=40, blank=True)
    values = models.JSONField(default=dict)
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=2)
    content_hash = models.CharField(max_length=64)
    uniconta_id = models.CharField(_("Uniconta row id"), max_length=40, blank=True)
    seen = models.JSONField(default=dict)
    intended = models.JSONField(default=dict)
    # What stands in Uniconta otherwise than we sent it: cut by Uniconta, or changed there by a person.
    differing = ArrayField(models.CharField(max_length=40), default=list)
    is_on_hold = models.BooleanField(_("on hold"), default=False)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    claim = models.UUIDField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    confirmed_at = models.DateTimeField(_("seen in the journal"), null=True)
    posted_at = models.DateTimeField(_("seen as posted"), null=True)
    # Since when it is looked for and not found, or not told from others; it is looked for a while only.
    lost_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("journal line")
        verbose_name_plural = _("journal lines")
        constraints = [models.UniqueConstraint(fields=["tenant", "reference"], name="one_line_per_reference")]
        indexes = [
            models.Index(fields=["report", "number"], name="lines_by_report"),
            models.Index(
                fields=["tenant", "state"], condition=~models.Q(state__in=["posted", "refused"]), name="lines_unposted"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class ReportEntry(models.Model):
    """What happened to one work report: what Intempus said, what was decided and why, what was sent, who pressed what.

    `changes` is [[column, before, after], …]; `code` a code of the catalogue.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    report = models.ForeignKey(WorkReport, models.CASCADE, related_name="entries", db_index=False)
    at = models.DateTimeField(_("at"), default=timezone.now)
    code = models.CharField(max_length=60)
    detail = models.TextField(blank=True)
    changes = models.JSONField(default=list)
    line = models.ForeignKey(JournalLine, models.CASCADE, related_name="+", null=True)
    run_id = models.BigIntegerField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, db_index=False)

    class Meta:
        verbose_name = _("event of a work report")
        verbose_name_plural = _("events of work reports")
        indexes = [models.Index(fields=["report", "-at"], name="report_entries")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.code}"


class ReportCursor(models.Model):
    """When a tenant's reports were last read which way, and the lists beside them."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="+", primary_key=True)
    lists_read_at = models.DateTimeField(null=True)
    window_read_at = models.DateTimeField(null=True)
    everything_read_at = models.DateTimeField(null=True)
    journal_read_at = models.DateTimeField(null=True)
    # Whether Intempus stamps work reports at all; None before the first try.
    has_stamps = models.BooleanField(null=True)
    # Absence that is not transferred, by work type id: of such reports only what counting needs is kept.
    hidden_work_types = models.JSONField(default=list)
    # Of the settings, rules and work types under which every report was last judged.
    terms_hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return str(self.tenant_id)
