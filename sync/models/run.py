from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class Run(models.Model):
    """One pull, sweep, connection test or bulk operation, with its counts. Shown with progress while it runs."""

    class Kind(models.TextChoices):
        PULL = "pull", _("Fetch from Intempus")
        SWEEP = "sweep", _("Check Uniconta")
        TEST = "test", _("Connection test")
        PREVIEW = "preview", _("Preview")
        RECONCILE = "reconcile", _("Full comparison")
        CHECK_UP = "check_up", _("Check-up")
        RETRY = "retry", _("Retry of many")
        HOOKS = "hooks", _("Change URLs in Uniconta")
        TRY_OUT = "try_out", _("Try it")
        EFFECT = "effect", _("Preview of effect")
        MATCHING = "matching", _("First matching")
        UNDO = "undo", _("Undoing a run")
        DECIDE = "decide", _("Decisions of the first matching")
        HOURS = "hours", _("Transfer of hours")
        EXPLAIN = "explain", _("Look-up of a record")
        STEP = "step", _("Check of one step")
        PRE_SALE = "pre_sale", _("Pre-sale check")
        TEMPLATE = "template", _("Roll-out of a template")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="runs", db_index=False, verbose_name=_("company"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    entity = models.CharField(_("entity"), max_length=40, blank=True)
    system = models.CharField(_("system"), max_length=10, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, verbose_name=_("requested by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    alive_at = models.DateTimeField(null=True)  # the last sign of life, by the database's clock
    start_count = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    total = models.PositiveIntegerField(_("of"), null=True)
    done = models.PositiveIntegerField(_("processed"), default=0)
    counts = models.JSONField(_("counts"), default=dict)  # {"read": 12, "changed": 3, …}
    link_id = models.BigIntegerField(null=True)  # of a preview: the record
    result = models.JSONField(default=dict)  # of a preview: the plans; a test: the company; a check-up: the checks;
    # of a look-up: the key, the language and the answers; of a retry: the records, see sync.domain.retry_many, and the last one done; of a draft of own fields: the draft, then
    # what it would do; of decisions: see match_decisions.decide_many; of an undo: {"run": primary key}; of a step: as a check-up, and {"area"}
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["tenant", "kind", "-created_at"], name="runs_by_kind"),
            models.Index(fields=["-created_at"], name="runs_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M}"
