"""What a person presses. Each leaves an audit entry; whatever calls out is queued as a run or a change event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from mappings.entities import ENTITIES
from mappings.models import NOT_MATCHED, EntityPolicy, MatchRow, RecordLink
from mappings.spec import System
from sync.domain.context import database_now
from sync.domain.decide import DELETIONS
from sync.domain.doorbell import ring
from sync.domain.field_watch import accept
from sync.domain.first_matching import is_matched
from sync.domain.first_ten import begin_with_ten
from sync.domain.match import alike
from sync.domain.runs import queue_run
from sync.models import ChangeEvent, HeldSet, Run, SyncLogEntry
from tenants.models import AuditEntry, Connection, Tenant
from tenants.scoping import ALL, tenant_scope

REOPENED = (ChangeEvent.State.NEEDS_ATTENTION, ChangeEvent.State.QUARANTINED)
#: Seconds in which several changes of own fields become one comparison.
MOMENT = 10
MATCH_QUESTIONS = ("ambiguous_match", "proposal_match")
#: What only a person's answer about the one record ends.
ANSWERED_ONE_BY_ONE = (*MATCH_QUESTIONS, *DELETIONS)


def audit(tenant_id: int | None, user_id: int | None, action: str, detail: str = "") -> None:
    AuditEntry.objects.create(tenant_id=tenant_id, user_id=user_id, action=action, detail=detail[:500])


def start_run(run: Run) -> Run:
    """What a person asked for, queued and noted; or the run that waits for the same already. Call inside a scope."""
    same = {name: getattr(run, name) for name in ("tenant_id", "kind", "system", "entity", "link_id", "result")}
    waiting = _still_queued(Run.objects.filter(**same, requested_by__isnull=False))
    if waiting is not None:
        return waiting
    queue_run(run)
    audit(run.tenant_id, run.requested_by_id, f"run_{run.kind}", run.system)
    return run


def _still_queued(runs: QuerySet[Run]) -> Run | None:
    """One that has not begun, and does not begin before what the caller changed is committed. Call inside a scope."""
    return runs.select_for_update(of=("self",)).filter(state=Run.State.QUEUED).first()


def compare_again(tenant_id: int, entity: str, user_id: int | None) -> Run | None:
    """After the own fields of an entity changed: read it on both sides, so that the records that differ by it are found.

    None while the company is not live. Several changes within a moment are one run. Call inside a scope.
    """
    if not Tenant.objects.filter(pk=tenant_id, state=Tenant.State.LIVE).exists():
        return None
    waiting = _still_queued(Run.objects.filter(tenant_id=tenant_id, kind=Run.Kind.RECONCILE, entity=entity))
    return waiting or queue_run(
        Run(tenant_id=tenant_id, kind=Run.Kind.RECONCILE, entity=entity, requested_by_id=user_id), MOMENT
    )


def sync_now(link_ids: Iterable[int], user_id: int | None, *, run: Run | None = None) -> int:
    """Look at these records now, before anything else; returns how many. Call inside a scope.

    What the brake holds is left alone: only its release carries that out (M12).
    """
    links = list(RecordLink.objects.exclude(HeldSet.is_held()).filter(pk__in=list(link_ids)))
    _ask_for(links, user_id, run)
    for tenant_id in {link.tenant_id for link in links}:
        if run is None:
            audit(tenant_id, user_id, "sync_now", ", ".join(str(link) for link in links if link.tenant_id == tenant_id))
        ring(tenant_id)
    return len(links)


def _ask_for(
    links: Iterable[RecordLink],
    user_id: int | None,
    run: Run | None = None,
    origin: str = ChangeEvent.Origin.PERSON,
) -> None:
    """A person's wish for each record; under a run it is one wish for many, which the brake counts and others overtake."""
    now = database_now()
    ChangeEvent.objects.bulk_create(
        ChangeEvent(
            tenant_id=link.tenant_id,
            entity=link.entity,
            system=System.UNICONTA.value if link.uniconta_id else System.INTEMPUS.value,
            remote_id=link.uniconta_id or link.intempus_id,
            key=link.uniconta_key or link.intempus_key,
            origin=origin,
            priority=ChangeEvent.Priority.PERSON if run is None else ChangeEvent.Priority.PULL,
            run=run,
            requested_by_id=user_id,
            link=link,
            received_at=now,
            due_at=now,
        )
        for link in links
    )


def release_held(set_id: int, user_id: int | None) -> int:
    """A person says that a held set is meant: all of it is carried out now, as that person's wish. Returns how many.

    Call inside a scope.
    """
    held = HeldSet.objects.select_for_update().get(pk=set_id, state=HeldSet.State.OPEN)
    members = list(held.members)
    held.state, held.closed_at, held.closed_by_id = HeldSet.State.RELEASED, timezone.now(), user_id
    held.save()
    ChangeEvent.objects.filter(
        tenant_id=held.tenant_id, entity=held.entity, state=ChangeEvent.State.WAITING, waits_for=held.reason
    ).update(state=ChangeEvent.State.PENDING, waits_for="", due_at=database_now())
    _ask_for(members, user_id)
    audit(held.tenant_id, user_id, "held_released", f"{held.entity}: {held.kind}, {len(members)}")
    ring(held.tenant_id)
    return len(members)


def retry(link_ids: Iterable[int], user_id: int | None, *, run: Run | None = None) -> int:
    """Try again what a person has mended: open events start afresh. Returns how many records. Call inside a scope.

    What the brake holds is left alone, as by `sync_now`.
    """
    ids = list(RecordLink.objects.exclude(HeldSet.is_held()).filter(pk__in=list(link_ids)).values_list("pk", flat=True))
    for link in RecordLink.objects.select_for_update().filter(pk__in=ids, reason="not_stuck"):
        _send_again(link)
    ChangeEvent.objects.filter(link_id__in=ids, state=ChangeEvent.State.PENDING).update(due_at=database_now())
    ChangeEvent.objects.filter(link_id__in=ids, state__in=REOPENED).update(
        state=ChangeEvent.State.DONE, finished_at=database_now()
    )
    return sync_now(ids, user_id, run=run)


def _send_again(link: RecordLink) -> None:
    """Make what did not stick a change that has yet to travel: the side it came from no longer has it in its base.

    Only at a person's wish. Our own write comes back as a hint, and a refusal that was tried again at every hint would
    never end.
    """
    for name in link.detail.split(", "):
        written = SyncLogEntry.objects.filter(
            link_id=link.pk, state=SyncLogEntry.State.DONE, plan__changes__contains=[{"field": name}]
        )
        last = written.order_by("-at", "-id").first()
        if last is None:
            continue
        source = System(last.target).other
        current = link.current(source) or {}
        base = {field: value for field, value in link.base(source).items() if field != name}
        if name in (target := link.base(last.target)):
            base[name] = target[name]
        setattr(link, f"{source}_seen", current)
        setattr(link, f"{source}_base", base)
    link.save()


def choose_match(link_id: int, other_id: int | None, user_id: int | None) -> None:
    """A person's answer to a match question: `other_id` is the same record, or (None) none of them. Call in a scope."""
    link = RecordLink.objects.select_for_update().get(pk=link_id)
    # Their own questions may be answered by this, too.
    candidates = alike(ENTITIES[link.entity], link) - {other_id}
    if other_id is None:
        RecordLink.objects.filter(pk=link_id).update(is_match_rejected=True, is_left_out=False)
        _note_decision(link, None, MatchRow.Decision.CREATE, user_id)
        audit(link.tenant_id, user_id, "match_rejected", str(link))
    else:
        other = RecordLink.objects.select_for_update().get(pk=other_id, tenant_id=link.tenant_id, entity=link.entity)
        system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
        if link.is_linked or other.is_linked or not other.remote_id(system.other):
            raise ValueError("these two records cannot be linked")
        chosen = f"p:{link.pk}:{other.pk}"
        for half, side in ((link, system), (other, system.other)):
            keys = [chosen, *getattr(half, f"{side}_match_keys")]
            RecordLink.objects.filter(pk=half.pk).update(
                **{f"{side}_match_keys": keys}, is_left_out=False, is_match_rejected=False
            )
        pair = (link, other) if link.uniconta_id else (other, link)
        _note_decision(*pair, MatchRow.Decision.LINK, user_id)
        audit(link.tenant_id, user_id, "match_chosen", f"{link} = {other}")
    asked = RecordLink.objects.filter(
        tenant_id=link.tenant_id, entity=link.entity, state=RecordLink.State.NEEDS_ATTENTION, reason__in=MATCH_QUESTIONS
    )
    rivals = [pk for pk in asked.exclude(pk=link_id).values_list("pk", flat=True) if pk in candidates]
    retry([link_id, *rivals], user_id)


def _note_decision(link: RecordLink, other: RecordLink | None, decision: str, user_id: int | None) -> None:
    """Keep an answer on the row of the first matching, too, where there is one: it asks no more."""
    rows = MatchRow.objects.filter(tenant_id=link.tenant_id)
    # Whoever this one, or the one chosen, was found for has nobody now, and may be asked about that.
    rivals = list(rows.filter(Q(other=link) | Q(other=other), other__isnull=False).exclude(link=link))
    for rival in rivals:
        is_doubtful = other is not None and not rival.decision
        rival.category = MatchRow.Category.AMBIGUOUS if is_doubtful else MatchRow.Category.ONLY_IN_UNICONTA
        rival.other = None
        rival.save()
    noted = {"decision": decision, "decided_by_id": user_id, "decided_at": timezone.now()}
    rows.filter(link=link).update(**noted, **({"other": other} if other else {}))
    if other is not None:
        rows.filter(link=other).delete()


def answer_deletion(link_id: int, answer: str, user_id: int | None) -> None:
    """What is to become of the other side of a deleted record. Call inside a scope.

    Raises ValueError when neither side is gone (any more): then there is no question to answer.
    """
    link = RecordLink.objects.select_for_update().get(pk=link_id)
    if not (link.is_gone_in_uniconta or link.is_gone_in_intempus):
        raise ValueError("only the deletion of a record can be answered")
    link.deletion_answer, link.merged_into = answer, None
    link.save(update_fields=["deletion_answer", "merged_into"])
    answered(link, f"deletion_{answer}", user_id)


def create_again(link_id: int, user_id: int | None) -> None:
    """Deleted in Intempus by mistake: make it there anew from Uniconta's record. Call inside a scope.

    A new generation, or Intempus would take the create for a repetition of the first.
    """
    link = RecordLink.objects.select_for_update().get(pk=link_id)
    if not (link.uniconta_id and link.is_gone_in_intempus):
        raise ValueError("only what was deleted in Intempus alone can be made there again")
    link.intempus_id = link.intempus_key = link.inactive_reason = link.deletion_answer = ""
    link.intempus_base, link.intempus_seen, link.intempus_timestamp, link.intempus_match_keys = {}, None, None, []
    link.is_gone_in_intempus = link.was_sent = False
    link.generation += 1
    link.save()
    answered(link, "created_again", user_id)


def answered(link: RecordLink, action: str, user_id: int | None, detail: str = "") -> None:
    """Note a person's answer about one record and look at it at once. Call inside a scope."""
    audit(link.tenant_id, user_id, action, detail or str(link))
    if not retry([link.pk], user_id):
        # The brake holds it: looked at all the same, but under the brake, which still holds what is drastic about it.
        _ask_for([link], user_id, origin=ChangeEvent.Origin.FOLLOW_UP)
        ring(link.tenant_id)


class RefusedError(Exception):
    """What was pressed does not fit the company as it stands, and nothing was changed. `code`: why, in the catalogue."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _locked(tenant_id: int, state: str, code: str) -> Tenant:
    """The tenant, which nobody else can change meanwhile. Raises RefusedError where it is in another state."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.state != state:
        raise RefusedError(code)
    return tenant


def _set_state(tenant: Tenant, state: str, user_id: int | None, action: str) -> None:
    tenant.state = state
    tenant._change_reason = action  # type: ignore[attr-defined]  # noqa: SLF001 - how simple_history takes its reason
    tenant.save()
    audit(tenant.pk, user_id, action)


def pause(tenant_id: int, user_id: int | None) -> None:
    """Stop writing to either system. Webhooks are still taken in. Call inside a scope. Raises RefusedError."""
    tenant = _locked(tenant_id, Tenant.State.LIVE, "pause_needs_live")
    _set_state(tenant, Tenant.State.PAUSED, user_id, "paused")
    repair_schedules_on_commit()


def resume(tenant_id: int, user_id: int | None) -> None:
    """Go on after a pause. Call inside a scope.

    Raises RefusedError: what was never live goes live by `go_live` only, which asks for tested connections (rule M13).
    """
    tenant = _locked(tenant_id, Tenant.State.PAUSED, "resume_needs_pause")
    _set_state(tenant, Tenant.State.LIVE, user_id, "resumed")
    ring(tenant_id)
    repair_schedules_on_commit()


def go_live(
    tenant_id: int,
    user_id: int | None,
    *,
    is_confirmed_by_file: bool = False,
    entities: Sequence[str] | None = None,
    begins_with_ten: bool = False,
) -> None:
    """The confirmation: from now on both systems are written to. Starts the first load. Call inside a scope.

    `entities`: only these go live, the others are switched off; None: all that are on. `begins_with_ten`: of each a few are
    written, then the rest waits for a person, see first_ten.

    Raises RefusedError; both connections must have been tested (rule M13), and the first matching looked at, unless
    `live = true` in a tenant file is the confirmation.
    """
    tenant = _locked(tenant_id, Tenant.State.PREPARING, "live_already")
    working = Connection.objects.filter(tenant_id=tenant_id, state=Connection.State.WORKING).exclude(
        pinned_company_id=""
    )
    if working.count() < len(System):
        raise RefusedError("not_tested")
    if not (is_confirmed_by_file or is_matched(tenant_id, entities)):
        raise RefusedError("not_matched")
    if entities is not None:
        for policy in EntityPolicy.objects.filter(tenant_id=tenant_id, enabled=True).exclude(entity__in=entities):
            policy.enabled = False
            policy.save()  # with history: something people see has changed
    own = EntityPolicy.objects.filter(tenant_id=tenant_id)
    own.filter(hold_code=NOT_MATCHED).update(hold_code="")
    if begins_with_ten:
        begin_with_ten(own)
    _set_state(tenant, Tenant.State.LIVE, user_id, "went_live")
    for kind in (Run.Kind.PULL, Run.Kind.SWEEP):
        start_run(Run(tenant_id=tenant_id, kind=kind, requested_by_id=user_id))
    ring(tenant_id)
    repair_schedules_on_commit()


def begin_entity(policy_id: int, user_id: int | None, *, begins_with_ten: bool = False) -> bool:
    """The confirmation for an entity switched on at a company in operation: from now on it is written. Call in a scope.

    False, and nothing is done, where it has begun already. Raises RefusedError before its first matching.
    """
    policies = EntityPolicy.objects.filter(pk=policy_id)
    policy = policies.select_for_update().filter(hold_code=NOT_MATCHED, enabled=True).first()
    if policy is None:
        return False
    if policy.matched_at is None:
        raise RefusedError("not_matched")
    policies.update(hold_code="")
    if begins_with_ten:
        begin_with_ten(policies)
    audit(policy.tenant_id, user_id, "entity_begun", policy.entity)
    if Tenant.objects.filter(pk=policy.tenant_id, state=Tenant.State.LIVE).exists():
        for kind in (Run.Kind.PULL, Run.Kind.SWEEP):
            start_run(Run(tenant_id=policy.tenant_id, kind=kind, requested_by_id=user_id))
    return True


def resume_connection(connection_id: int, user_id: int | None) -> None:
    """Take a connection back after its trouble was mended; the next answer tells whether it was. Call in a scope."""
    connection = Connection.objects.select_for_update().get(pk=connection_id)
    connection.state = Connection.State.WORKING if connection.pinned_company_id else Connection.State.UNTESTED
    connection.state_code = connection.state_detail = ""
    connection.failure_count, connection.open_until = 0, None
    connection.save()
    audit(connection.tenant_id, user_id, "connection_resumed", connection.system)
    ring(connection.tenant_id)


def pause_connection(connection_id: int, user_id: int | None) -> None:
    """Stop calling one system. Call inside a scope."""
    connection = Connection.objects.select_for_update().get(pk=connection_id)
    connection.state = Connection.State.PAUSED
    connection.save()
    audit(connection.tenant_id, user_id, "connection_paused", connection.system)


def confirm_company(tenant_id: int, system: System, company_id: str, user_id: int | None) -> bool:
    """A person saw the company that a connection leads to, and says that it is the customer's. Call inside a scope.

    False, and nothing is done, when it leads to another one by now.
    """
    rows = Connection.objects.select_for_update()
    connection = rows.filter(tenant_id=tenant_id, system=system.value, pinned_company_id=company_id).first()
    if connection is None or not company_id:
        return False
    connection.confirmed_company_id = company_id
    connection.save()
    audit(tenant_id, user_id, "company_confirmed", f"{system}: {company_id} {connection.pinned_company_name}".strip())
    return True


def accept_fields(policy_id: int, code: str, user_id: int | None) -> bool:
    """A person says that the tick field or mapped fields of a table really appeared or went: the entity goes on.

    `code` is the question as it was shown; False, and nothing is done, when it is not asked any more. Call in a scope.
    """
    policy = accept(policy_id, code)
    if policy is None:
        return False
    audit(policy.tenant_id, user_id, "flag_accepted", f"{policy.entity}: {code}")
    start_run(Run(tenant_id=policy.tenant_id, kind=Run.Kind.SWEEP, requested_by_id=user_id))
    return True


def repair_schedules_on_commit() -> None:
    """Schedules follow a company's settings; the supervisor would see to it a little later."""
    from sync.domain.schedules import repair_schedules

    def repair() -> None:
        with tenant_scope(ALL):
            repair_schedules()

    transaction.on_commit(repair)
