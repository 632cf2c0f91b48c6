"""Retry of many records as a run: in chunks with progress, and resumed where it was when its worker dies.

It is one wish for many records, not a look at each: the brake (M12) counts them as it counts everything, and what it holds
already stays held.
"""

from __future__ import annotations

from typing import TypeAlias

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Now

from mappings.models import RecordLink
from sync.domain.actions import ANSWERED_ONE_BY_ONE, audit, retry
from sync.domain.runs import finish_run, queue_run, start
from sync.domain.selection import select
from sync.models import Run
from tenants.scoping import tenant_scope

CHUNK = 200
#: Of one tenant: {"links": [primary keys]}, or {"filter": criteria of `select`} for all that a list finds.
Wanted: TypeAlias = dict[str, list[int]] | dict[str, dict[str, str]]


def queue_retry(tenant_id: int, wanted: Wanted, user_id: int | None) -> Run | None:
    """A run over these records; None when there is none. Call inside a scope.

    A list is kept as its filter: what fits it when its turn comes is tried again, of the records known when it was asked.
    """
    run = Run(tenant_id=tenant_id, kind=Run.Kind.RETRY, requested_by_id=user_id, result=wanted)
    found = _records(run).aggregate(number=Count("pk"), last=Max("pk"))
    if not found["number"]:
        return None
    run.total, run.result = found["number"], {**wanted, "last": found["last"]}
    audit(tenant_id, user_id, "retry_many", str(run.total))
    return queue_run(run)


def can_retry_all(reason: str) -> bool:
    """Whether trying again can help records with this reason: a question waits for its answer, record by record."""
    return reason not in ANSWERED_ONE_BY_ONE


def retry_many(tenant_id: int, run_id: int) -> Run | None:
    """Carry out such a run. `counts`: records, held (by the brake, left alone). None: somebody else has taken it."""
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return None
    while _retry_some(run):
        pass
    return finish_run(run, counts={"records": run.done, "held": run.counts.get("held", 0)})


def _retry_some(run: Run) -> bool:
    """The next chunk; False when there was none. It and the place where it ends are one transaction: none is asked twice."""
    with tenant_scope(run.tenant_id):
        chunk = list(_records(run).order_by("pk").values_list("pk", flat=True)[:CHUNK])
        if not chunk:
            return False
        asked = retry(chunk, run.requested_by_id, run=run)
        run.done += len(chunk)
        run.counts = {"held": run.counts.get("held", 0) + len(chunk) - asked}
        run.result = {**run.result, "after": chunk[-1]}
        Run.objects.filter(pk=run.pk).update(done=run.done, counts=run.counts, result=run.result, alive_at=Now())
    return True


def _records(run: Run) -> QuerySet[RecordLink]:
    """Those still to do that trying again can help; of the run's tenant, whatever it says: a row is no proof of a right."""
    links = RecordLink.objects.filter(tenant_id=run.tenant_id, pk__gt=run.result.get("after", 0))
    links = links.exclude(state=RecordLink.State.NEEDS_ATTENTION, reason__in=ANSWERED_ONE_BY_ONE)
    if "last" in run.result:
        links = links.filter(pk__lte=run.result["last"])
    if "links" in run.result:
        return links.filter(pk__in=run.result["links"])
    return select(links, run.result["filter"])
