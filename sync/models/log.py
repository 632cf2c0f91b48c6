"""The two append-only tables. Both are monthly partitions in PostgreSQL (see the first migration), so nothing refers
to them by foreign key and every look-up by id also carries the time.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class SyncLogEntry(models.Model):
    """What happened with one change of one record: plan, outcome, error. Written *before* a remote write (state
    SENDING) and closed afterwards, so that a crash in between is always visible.

    `plan` is {"changes": [{field, old, new, reason}], "overwritten": […], "not_taken_over": […], "notes": [code, …]}.
    """

    class Action(models.TextChoices):
        CREATE = "create", _("Created")
        UPDATE = "update", _("Updated")
        ACTIVATE = "activate", _("Activated")
        DEACTIVATE = "deactivate", _("Set inactive")
        LINK = "link", _("Linked")
        NOTHING = "nothing", _("Nothing to do")

    class State(models.TextChoices):
        SENDING = "sending", _("Being sent")
        DONE = "done", _("Done")
        NOT_DONE = "not_done", _("Not done")
        UNCLEAR = "unclear", _("Unclear")
        RETRY = "retry", _("Will be tried again")
        WAITING = "waiting", _("Waiting")
        EXCLUDED = "excluded", _("Excluded")
        NEEDS_ATTENTION = "needs_attention", _("Needs attention")

    #: Written, or perhaps: who counts what went out counts all of these.
    WRITTEN = (State.DONE, State.SENDING, State.UNCLEAR)

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_constraint=False, db_index=False, verbose_name=_("company")
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    link_id = models.BigIntegerField()
    entity = models.CharField(_("entity"), max_length=40)
    origin = models.CharField(_("origin"), max_length=10, blank=True)
    run_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    target = models.CharField(_("written to"), max_length=10, blank=True)
    action = models.CharField(_("action"), max_length=10, choices=Action)
    state = models.CharField(_("outcome"), max_length=15, choices=State)
    plan = models.JSONField(default=dict)
    has_overwritten = models.BooleanField(default=False)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    claim = models.UUIDField(null=True)
    creation_id = models.CharField(max_length=36, blank=True)
    reserved_number = models.CharField(max_length=60, blank=True)
    sealed_pre_image = models.TextField(blank=True)

    class Meta:
        verbose_name = _("sync log entry")
        verbose_name_plural = _("sync log")
        indexes = [
            models.Index(fields=["tenant", "-at"], name="log_by_tenant"),
            models.Index(fields=["link_id", "-at"], name="log_by_link"),
            models.Index(fields=["tenant"], condition=models.Q(state="sending"), name="log_sending"),
            models.Index(fields=["tenant", "-at"], condition=models.Q(has_overwritten=True), name="log_overwritten"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.get_action_display()}"


class Exchange(models.Model):
    """One HTTP exchange as it may be kept: without credentials, personal fields masked, bodies cut."""

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_constraint=False, db_index=False, verbose_name=_("company")
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    entry_id = models.BigIntegerField(null=True)
    run_id = models.BigIntegerField(null=True)
    system = models.CharField(_("system"), max_length=10)
    method = models.CharField(_("method"), max_length=7)
    url = models.TextField(_("address"))
    status = models.PositiveSmallIntegerField(_("status"))
    duration_ms = models.PositiveIntegerField(_("milliseconds"))
    request_body = models.TextField(_("sent"), blank=True)
    response_body = models.TextField(_("answer"), blank=True)
    error_code = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name = _("exchange")
        verbose_name_plural = _("exchanges")
        indexes = [
            models.Index(fields=["tenant", "-at"], name="exchanges_by_tenant"),
            models.Index(fields=["entry_id", "at"], name="exchanges_by_entry"),
            models.Index(fields=["run_id", "at"], name="exchanges_by_run"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.url} → {self.status}"
