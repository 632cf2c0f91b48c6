"""When each tenant is pulled, swept and compared: derived from its settings, spread over the interval, kept as queue schedules.

The schedule rows may be lost or damaged at any time: `repair_schedules` restores them from the tenants.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from mappings.models import HoursPolicy
from sync.models import AlertChannel, CauseNote
from sync.queue import Plan, delete_schedules, next_run, schedule_names, set_schedule, stop_unreadable_schedules
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

DAY = 24 * 60
WEEK = 7 * DAY
#: kind → the tenant's setting that says how often, in minutes; a number where it is the same for everybody
KINDS: dict[str, str | int] = {
    "pull": "pull_minutes",
    "sweep": "sweep_minutes",
    "hours": "pull_minutes",
    "reconcile": DAY,
    "digest": DAY,
    "check_up": WEEK,
}
#: Only for tenants that have switched it on.
CHOSEN = frozenset({"hours"})
#: For all tenants together, while somebody is to be told: what is wrong is told within so many minutes.
ALERT = Plan(name="alert:all", task="sync.tasks.alert", args=(), minutes=1)
LOCK = 0x53434845  # any constant of our own: two supervisors must not both make the missing rows


def _plan(kind: str, tenant_id: int, minutes: int) -> Plan:
    return Plan(name=f"{kind}:{tenant_id}", task=f"sync.tasks.{kind}", args=(tenant_id,), minutes=minutes)


def minutes_of(kind: str, tenant: Tenant) -> int:
    """How often the tenant has this done."""
    every = KINDS[kind]
    return every if isinstance(every, int) else int(getattr(tenant, every))


def first_run(name: str, minutes: int, now: datetime) -> datetime:
    """The next moment of this schedule: the same place in every interval, another one for every name.

    Without it all tenants would call the same two hosts at :00, :15, :30 and :45.
    """
    interval = minutes * 60
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % interval
    since = int((now - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    wait = (place - since) % interval
    return now.replace(microsecond=0) + timedelta(seconds=wait or interval)


def repair_schedules() -> int:
    """Make missing schedules, correct changed ones, remove those of tenants that are not live; returns how many changed.

    Also switches off schedules of others that nobody can read: a single one of those stops all the rest.
    """
    changed = len(stop_unreadable_schedules())
    with tenant_scope(ALL):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        live = Tenant.objects.filter(state=Tenant.State.LIVE)
        with_hours = set(HoursPolicy.objects.filter(enabled=True).values_list("tenant_id", flat=True))
        plans = [
            _plan(kind, tenant.pk, max(1, minutes_of(kind, tenant)))
            for tenant in live
            for kind in KINDS
            if kind not in CHOSEN or tenant.pk in with_hours
        ]
        if AlertChannel.objects.filter(is_active=True).exists() or CauseNote.objects.exists():
            plans.append(ALERT)
        now = timezone.now()
        changed += sum(set_schedule(plan, first_run(plan.name, plan.minutes, now)) for plan in plans)
        ours = schedule_names([*(f"{kind}:" for kind in KINDS), "alert:"])
        return changed + delete_schedules(ours - {plan.name for plan in plans})


def next_runs(tenant_id: int) -> dict[str, datetime | None]:
    """When each kind is next, {"pull": …, "sweep": …, "reconcile": …}; None where nothing is planned."""
    return {kind: next_run(f"{kind}:{tenant_id}") for kind in KINDS}
