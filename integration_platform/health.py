"""/healthz and /readyz: whether this process lives, and whether it can accept work.

Web and worker fail separately. Without a worker the web server still has to take webhooks, so a missing worker or a
backlog makes /readyz say "degraded", with 200; only a database that does not take writes makes it 503.
"""

from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sync.domain.health import worker_health
from sync.models import ChangeEvent
from tenants.scoping import ALL, tenant_scope

WORKER_SILENT_SECONDS = 90  # several missed beats
BACKLOG_SECONDS = 5 * 60  # Uniconta to Intempus is promised within two minutes


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Liveness: answers without asking anybody, so a slow database does not get web processes killed."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """Readiness, as JSON: {"status": "ok" | "degraded" | "unavailable", "database": …, "worker": …, "backlog": …, "upkeep": …}."""
    try:
        state = read_state()
    except DatabaseError as error:
        return JsonResponse({"status": "unavailable", "database": type(error).__name__}, status=503)
    worker_ok = state["worker_beat_age"] is not None and state["worker_beat_age"] < WORKER_SILENT_SECONDS
    backlog_ok = (state["oldest_due_age"] or 0) < BACKLOG_SECONDS
    return JsonResponse(
        {
            "status": "ok" if worker_ok and backlog_ok and not state["upkeep_failures"] else "degraded",
            "database": "ok",
            "worker": {"ok": worker_ok, "beat_age_seconds": state["worker_beat_age"]},
            "backlog": {"ok": backlog_ok, "oldest_due_seconds": state["oldest_due_age"]},
            "upkeep": {"ok": not state["upkeep_failures"]},  # which and why is for those who are signed in
        }
    )


def read_state() -> dict[str, Any]:
    """Ages in seconds, None where there is nothing to measure. Raises DatabaseError when the database takes no writes."""
    with tenant_scope(ALL):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")  # refused by a standby and by a read-only server
        now = timezone.now()
        worker = worker_health()
        oldest_due_at = ChangeEvent.objects.filter(state=ChangeEvent.State.PENDING, due_at__lte=now).aggregate(
            at=Min("due_at")
        )["at"]
    return {
        "worker_beat_age": _age(worker.beat_at, now),
        "oldest_due_age": _age(oldest_due_at, now),
        "upkeep_failures": len(worker.upkeep_errors),
    }


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round(max(0.0, (now - at).total_seconds()), 1)
