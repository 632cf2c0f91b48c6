from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mappings.labels import entity_label
from mappings.models import RecordLink
from sync.models.run import Run
from tenants.models import Tenant


class ChangeEvent(models.Model):
    """A stored hint that one record may have changed: the inbox, and the only queue that counts.

    An event never carries data: what our own reads found stands on the record link, and what a webhook claims is read
    afresh before anything is decided.
    """

    class Origin(models.TextChoices):
        WEBHOOK = "webhook", _("Change URL")
        PULL = "pull", _("Fetched from Intempus")
        SWEEP = "sweep", _("Found when checking Uniconta")
        PERSON = "person", _("A person")
        FOLLOW_UP = "follow_up", _("Follows from another change")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        CLAIMED = "claimed", _("Being processed")
        WAITING = "waiting", _("Waiting for another record")
        DONE = "done", _("Done")
        NEEDS_ATTENTION = "needs_attention", _("Needs attention")
        QUARANTINED = "quarantined", _("Quarantined")
        IGNORED = "ignored", _("Ignored")

    class Priority(models.IntegerChoices):
        PERSON = 0
        WEBHOOK = 10
        PULL = 20
        BACKFILL = 50

    OPEN = (State.PENDING, State.CLAIMED, State.WAITING)

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False, verbose_name=_("company"))
    entity = models.CharField(_("entity"), max_length=40, blank=True)
    system = models.CharField(_("system"), max_length=10)
    remote_id = models.CharField(_("record id"), max_length=60, blank=True)
    key = models.CharField(_("record number"), max_length=100, blank=True)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    table = models.CharField(_("table"), max_length=60, blank=True)
    operation = models.CharField(_("operation"), max_length=20, blank=True)
    size = models.PositiveIntegerField(_("body size"), default=0)
    link = models.ForeignKey(RecordLink, models.CASCADE, related_name="events", null=True, db_index=False)
    run = models.ForeignKey(Run, models.SET_NULL, related_name="events", null=True, db_index=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, verbose_name=_("requested by")
    )
    state = models.CharField(_("state"), max_length=15, choices=State, default=State.PENDING)
    priority = models.SmallIntegerField(default=Priority.WEBHOOK)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    # What the record waits for, "entity:uniconta key"; only in state WAITING.
    waits_for = models.CharField(max_length=120, blank=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("change event")
        verbose_name_plural = _("change events")
        indexes = [
            models.Index(
                fields=["tenant", "priority", "due_at", "id"],
                condition=models.Q(state="pending"),
                name="events_due_by_tenant",
            ),
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="events_due"),
            models.Index(
                fields=["tenant", "entity", "system", "remote_id"],
                condition=models.Q(state__in=["pending", "claimed", "waiting"]),
                name="events_open_by_record",
            ),
            models.Index(fields=["tenant"], condition=models.Q(state="claimed"), name="events_claimed"),
            models.Index(fields=["tenant"], condition=models.Q(state="quarantined"), name="events_quarantined"),
            models.Index(fields=["tenant", "waits_for"], condition=models.Q(state="waiting"), name="events_waiting"),
            models.Index(fields=["link", "-received_at"], name="events_by_link"),
            models.Index(fields=["tenant", "-received_at"], name="events_by_tenant"),
            models.Index(fields=["run"], name="events_by_run"),
        ]

    def __str__(self) -> str:
        return f"{entity_label(self.entity) if self.entity else self.table} {self.key or self.remote_id} ({self.get_origin_display()})"

    @property
    def is_held(self) -> bool:
        """Whether it waits for a person's answer; what waits for a record names it as "entity:number"."""
        return self.state == self.State.WAITING and ":" not in self.waits_for

    @property
    def state_label(self) -> str:
        return gettext("Held") if self.is_held else self.get_state_display()

    @property
    def is_single_wish(self) -> bool:
        """A person asked for this very record, and not, by a run, for many at once."""
        return self.origin == self.Origin.PERSON and self.run_id is None
