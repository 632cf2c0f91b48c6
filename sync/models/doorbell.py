from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.models import Tenant


class Bell(models.Model):
    """Rung when a tenant has something to do; at most one per tenant. Losing it loses nothing: events are the truth."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="+")
    rung_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"bell of {self.tenant_id}"


class DrainLease(models.Model):
    """Who drains a tenant. Valid while `lease_until`, in database time, lies ahead; every completion is fenced by it."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="+")
    token = models.UUIDField()
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"lease of {self.tenant_id}"


class WorkerBeat(models.Model):
    """Heartbeat of a worker group, sent through the queue: proof that tasks are really being executed."""

    name = models.CharField(max_length=200, primary_key=True)
    beat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    #: What of its upkeep fails, one line each: "forget_old: canceling statement due to statement timeout".
    upkeep_error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
