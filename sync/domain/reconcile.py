"""Full comparison: read both systems completely and hold every pair against each other.

It writes to neither. What it finds becomes change events, and the drain does with them what it always does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mappings.models import RecordLink
from mappings.spec import Entity, System
from sync.connectors.errors import RemoteError
from sync.domain.budgets import cause_of
from sync.domain.bulk import save_many
from sync.domain.connections import NotReadyError, Recorder, report_success, report_trouble
from sync.domain.context import Context, open_context
from sync.domain.hooks import watch
from sync.domain.pull import pull_entity
from sync.domain.references import LinkReferences
from sync.domain.remember import differing
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.domain.sweep import sweep_entity
from sync.models import Run
from tenants.scoping import tenant_scope

CHUNK = 500
State = RecordLink.State


def reconcile(tenant_id: int, run_id: int | None = None, tell: Callable[[str], None] = lambda _: None) -> Run | None:
    """Compare one tenant's records on both sides; a run that names an entity compares that one only.

    Returns the run with its counts, None when one is on already.

    Counts: pairs, equal, differing, only_in_uniconta, only_in_intempus, excluded, waiting, needs_attention, and events
    (changes found by reading). `result["differing_fields"]` says in which fields pairs differ, {"customer.city": 3};
    `result["hooks"]` how Uniconta's Change URL rows stand (see hooks.watch): whoever looks once a day looks at them, too.
    """
    run = begin(tenant_id, Run.Kind.RECONCILE, run_id)
    if run is None:
        return None
    recorder = Recorder(tenant_id, run, cause_of(run))
    counts: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    system = System.UNICONTA
    try:
        context = open_context(tenant_id, recorder)
        for system in System:
            context.connectors[system].identify()
        entities = [
            entity
            for entity in context.entities.values()
            if context.policies[entity.name].enabled and run.entity in ("", entity.name)
        ]
        for entity in entities:
            tell(entity.name)
            system = System.UNICONTA
            counts["events"] += sweep_entity(context, entity, run).changed
            system = System.INTEMPUS
            counts["events"] += pull_entity(context, entity, run, is_complete=True).changed
        report_success(tenant_id, *System)
        for entity in entities:
            _compare(context, entity, run, counts, fields)
        hooks = watch(tenant_id, context.connectors[System.UNICONTA]) if not run.entity else {}
    except NotReadyError as error:
        return fail_run(run, error.code, counts=dict(counts))
    except RemoteError as error:
        report_trouble(tenant_id, system, error)
        return fail_run(run, error.code, error.detail, counts=dict(counts))
    finally:
        recorder.flush()
    return finish_run(run, counts=dict(counts), result={"differing_fields": dict(fields.most_common()), **hooks})


def _compare(context: Context, entity: Entity, run: Run, counts: Counter[str], fields: Counter[str]) -> None:
    with tenant_scope(context.tenant_id):
        ids = list(
            RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
    for start in range(0, len(ids), CHUNK):
        with tenant_scope(context.tenant_id):
            links = list(RecordLink.objects.select_for_update().filter(pk__in=ids[start : start + CHUNK]))
            references = LinkReferences(context, entity, links)
            moved = []
            for link in links:
                now = differing(context, entity, link, references)
                if now != link.differing:
                    link.differing = now
                    moved.append(link)
                counts.update(_standing(link))
                fields.update(f"{entity.name}.{name}" for name in now)
            save_many(moved, ["differing"])
        progress(run, start + len(links), len(ids))


def _standing(link: RecordLink) -> list[str]:
    found = []
    if link.is_linked:
        found += ["pairs", "differing" if link.differing else "equal"]
    else:
        found.append("only_in_uniconta" if link.uniconta_id else "only_in_intempus")
    if link.state in (State.EXCLUDED, State.WAITING, State.NEEDS_ATTENTION):
        found.append(link.state)
    return found
