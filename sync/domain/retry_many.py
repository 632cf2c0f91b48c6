"""Retry of many records as a run: in chunks with progress, and resumed where it was when its worker dies.

It is one wish for many records, not a look at each: the brake (M12) counts them as it counts everything, and what it holds
already stays held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mappings.models import RecordLink
from sync.domain.actions import audit, retry
from sync.domain.runs import finish_run, progress, queue_run, start
from sync.models import HeldSet, Run
from tenants.scoping import tenant_scope

CHUNK = 200


def queue_retries(links: Iterable[tuple[int, int]], user_id: int | None) -> list[Run]:
    """One run per tenant for these records, given as (tenant, link) keys. Call inside a scope."""
    wanted: dict[int, list[int]] = defaultdict(list)
    for tenant_id, link_id in links:
        wanted[tenant_id].append(link_id)
    runs = []
    for tenant_id, ids in wanted.items():
        run = Run(tenant_id=tenant_id, kind=Run.Kind.RETRY, requested_by_id=user_id, total=len(ids))
        run.result = {"links": sorted(ids)}
        runs.append(queue_run(run))
        audit(tenant_id, user_id, "retry_many", f"{len(ids)}")
    return runs


def retry_many(tenant_id: int, run_id: int) -> Run | None:
    """Carry out such a run. `counts`: records, held (by the brake, left alone). None: somebody else has taken it.

    A chunk done twice asks twice for the same look, which changes nothing.
    """
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return None
    ids = run.result["links"]
    for first in range(run.done, len(ids), CHUNK):
        with tenant_scope(tenant_id):
            # Of this tenant, whatever the run says: a row is no proof of a right.
            chunk = RecordLink.objects.filter(tenant_id=tenant_id, pk__in=ids[first : first + CHUNK])
            retry(chunk.values_list("pk", flat=True), run.requested_by_id, run=run)
        progress(run, min(first + CHUNK, len(ids)), len(ids))
    with tenant_scope(tenant_id):
        run.refresh_from_db()
        held = RecordLink.objects.filter(HeldSet.is_held(), tenant_id=tenant_id, pk__in=ids).count()
    return finish_run(run, counts={"records": len(ids), "held": held})
