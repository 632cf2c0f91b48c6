"""Runs: one row per pull, sweep, test or preview, so that everybody sees what runs, how far it is and how it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from sync.models import Run
from tenants.scoping import ALL, tenant_scope

#: A run without an end for this long was killed; another may start.
GIVEN_UP_AFTER = timedelta(minutes=30)


def start(run_id: int) -> Run:
    """Mark a queued run as running. Call inside a scope."""
    run = Run.objects.get(pk=run_id)
    run.state, run.started_at = Run.State.RUNNING, timezone.now()
    run.save(update_fields=["state", "started_at"])
    return run


def begin(tenant_id: int, kind: str, run_id: int | None = None) -> Run | None:
    """The run to work under, or None when another of its kind is running for this tenant already."""
    with tenant_scope(tenant_id):
        limit = timezone.now() - GIVEN_UP_AFTER
        running = Run.objects.filter(tenant_id=tenant_id, kind=kind, state=Run.State.RUNNING)
        running.filter(started_at__lt=limit).update(
            state=Run.State.FAILED, error_code="crashed", finished_at=timezone.now()
        )
        if running.filter(started_at__gte=limit).exists():
            if run_id:
                Run.objects.filter(pk=run_id).update(
                    state=Run.State.DONE, finished_at=timezone.now(), error_code="already_running"
                )
            return None
        run = Run.objects.get(pk=run_id) if run_id else Run.objects.create(tenant_id=tenant_id, kind=kind)
        return start(run.pk)


def progress(run: Run, done: int, total: int | None = None) -> None:
    with tenant_scope(run.tenant_id):
        Run.objects.filter(pk=run.pk).update(done=done, total=total if total is not None else F("total"))


def finish_run(run: Run, *, counts: dict[str, int] | None = None, result: dict[str, Any] | None = None) -> Run:
    return _end(run, Run.State.DONE, counts=counts, result=result)


def fail_run(run: Run, code: str, detail: str = "", *, counts: dict[str, int] | None = None) -> Run:
    return _end(run, Run.State.FAILED, code, detail, counts=counts)


def _end(
    run: Run,
    state: str,
    code: str = "",
    detail: str = "",
    *,
    counts: dict[str, int] | None = None,
    result: dict[str, Any] | None = None,
) -> Run:
    with tenant_scope(ALL):
        run.state, run.error_code, run.error_detail = state, code, detail
        run.finished_at = timezone.now()
        run.counts, run.result = counts or run.counts, result or run.result
        if run.counts.get("read"):
            run.done = run.total = run.counts["read"]
        run.save()
    return run
