"""Runs: one row per pull, sweep, test or preview, so that everybody sees what runs, how far it is and how it ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from sync import queue
from sync.models import Run
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

log = structlog.get_logger()

#: kind → the function of sync.tasks that carries it out; each takes the tenant's and the run's primary key
TASKS = {
    Run.Kind.PULL: "pull",
    Run.Kind.SWEEP: "sweep",
    Run.Kind.RECONCILE: "reconcile",
    Run.Kind.TEST: "check_connection",
    Run.Kind.PREVIEW: "preview",
    Run.Kind.CHECK_UP: "check_up",
    Run.Kind.RETRY: "retry_many",
    Run.Kind.HOOKS: "hooks",
    Run.Kind.TRY_OUT: "try_out",
    Run.Kind.EFFECT: "preview_effect",
    Run.Kind.MATCHING: "first_matching",
    Run.Kind.DECIDE: "decide_many",
    Run.Kind.UNDO: "undo_run",
    Run.Kind.HOURS: "hours",
    Run.Kind.EXPLAIN: "explain",
    Run.Kind.STEP: "check_step",
    Run.Kind.TEMPLATE: "roll_out",
    Run.Kind.PRE_SALE: "pre_sale",
}
#: A run that took its worker with it so often is given up.
STARTS_ALLOWED = 3
#: The code of a queued run while another of its kind is at work.
FOLLOWS = "follows_another"


def queue_run(run: Run, delay: float = 0) -> Run:
    """Store a run as queued and let a worker take it, at the earliest after `delay` seconds. Call inside a scope."""
    run.state, run.error_code = Run.State.QUEUED, ""
    run.save()
    Run.objects.filter(pk=run.pk).update(alive_at=Now() + timedelta(seconds=delay))
    queue.enqueue(f"sync.tasks.{TASKS[Run.Kind(run.kind)]}", run.tenant_id, run.pk, delay=delay)
    return run


def start(run_id: int) -> Run | None:
    """Take a queued run. None: somebody has, so this task came twice. Call inside a scope."""
    is_taken = Run.objects.filter(pk=run_id, state=Run.State.QUEUED).update(
        state=Run.State.RUNNING, started_at=timezone.now(), alive_at=Now(), start_count=F("start_count") + 1
    )
    return Run.objects.get(pk=run_id) if is_taken else None


def _start_new(tenant_id: int, kind: str, now: datetime) -> Run:
    """A run that nobody queued, at work from `now` (database time) on."""
    return Run.objects.create(
        tenant_id=tenant_id,
        kind=kind,
        state=Run.State.RUNNING,
        started_at=timezone.now(),
        alive_at=now,
        start_count=1,
    )


def begin(tenant_id: int, kind: str, run_id: int | None = None) -> Run | None:
    """The run to work under, or None when another of its kind is running for this tenant already.

    What was asked for by a run of its own is not forgotten then: the other may have read before the wish came, so the run
    follows when that has ended.
    """
    with tenant_scope(tenant_id):
        # Two that begin at the same instant would each see nobody else.
        tenant = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant_id)
        now = tenant.annotate(now=Now()).values_list("now", flat=True).get()
        others = Run.objects.filter(tenant_id=tenant_id, kind=kind, state=Run.State.RUNNING).exclude(pk=run_id or 0)
        if others.exists():
            others.filter(Q(alive_at__lt=_silent_since()) | Q(alive_at=None)).update(
                state=Run.State.FAILED, error_code="crashed", finished_at=timezone.now()
            )
        if not others.exists():
            return start(run_id) if run_id else _start_new(tenant_id, kind, now)
        Run.objects.filter(pk=run_id or 0, state=Run.State.QUEUED).update(error_code=FOLLOWS, alive_at=Now())
    _start_next(tenant_id, kind)  # the other may have ended without seeing this one wait
    return None


def _start_next(tenant_id: int, kind: str) -> None:
    """Queue the oldest run that follows another of its kind, unless that is still at work."""
    with tenant_scope(tenant_id):
        runs = Run.objects.filter(tenant_id=tenant_id, kind=kind)
        waiting = runs.select_for_update(skip_locked=True).filter(state=Run.State.QUEUED, error_code=FOLLOWS)
        run = waiting.order_by("created_at").first()
        if run is not None and not runs.filter(state=Run.State.RUNNING).exists():
            queue_run(run)


def sign_of_life(run: Run) -> None:
    """Somebody works on it. Without it for RUN_SILENT_SECONDS a run is started again. Call inside a scope."""
    _mine(run).update(alive_at=Now())


def resume_runs() -> int:
    """Queue again the runs that nobody works on; returns how many.

    A worker may be killed, the database may vanish under a task, and the queue may lose one: the run's row is the truth.
    """
    open_states = (Run.State.QUEUED, Run.State.RUNNING)
    with tenant_scope(ALL):
        silent = Run.objects.select_for_update(skip_locked=True).filter(
            state__in=open_states, alive_at__lt=_silent_since()
        )
        for run in silent:
            if run.start_count < STARTS_ALLOWED:
                queue_run(run)
            else:
                fail_run(run, "crashed")
        return len(silent)


def _silent_since() -> Any:
    return Now() - timedelta(seconds=settings.RUN_SILENT_SECONDS)


def progress(run: Run, done: int, total: int | None = None) -> None:
    with tenant_scope(run.tenant_id):
        _mine(run).update(done=done, total=total if total is not None else F("total"), alive_at=Now())


def finish_run(run: Run, *, counts: dict[str, int] | None = None, result: dict[str, Any] | None = None) -> Run:
    return _end(run, Run.State.DONE, counts=counts, result=result)


def fail_run(
    run: Run,
    code: str,
    detail: str = "",
    *,
    counts: dict[str, int] | None = None,
    result: dict[str, Any] | None = None,
) -> Run:
    return _end(run, Run.State.FAILED, code, detail, counts=counts, result=result)


def _mine(run: Run) -> QuerySet[Run]:
    """The run's row as long as it is the same start of it: whoever was thought dead touches no successor's."""
    return Run.objects.filter(pk=run.pk, state=run.state, start_count=run.start_count)


def _end(
    run: Run,
    state: str,
    code: str = "",
    detail: str = "",
    *,
    counts: dict[str, int] | None = None,
    result: dict[str, Any] | None = None,
) -> Run:
    counts = counts or run.counts
    values: dict[str, Any] = {
        "state": state,
        "error_code": code,
        "error_detail": detail,
        "finished_at": timezone.now(),
        "counts": counts,
        "result": result or run.result,
    }
    if counts.get("read"):
        values |= {"done": counts["read"], "total": counts["read"]}
    with tenant_scope(ALL):
        if not _mine(run).update(**values):
            log.warning("run lost", tenant=run.tenant_id, run=run.pk)
            return run
    for name, value in values.items():
        setattr(run, name, value)
    _start_next(run.tenant_id, run.kind)
    return run
