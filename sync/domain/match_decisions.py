"""What a person decides on rows of the first matching: link, exclude, create, or none of it any more.

A decision stands on the row with who and when, and on the links as the engine reads it: a link takes the key of a
person's answer, an exclusion and a new record are marks. So deciding again, or taking back, is simply setting them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q
from django.utils import timezone

from mappings.engine import Winner
from mappings.models import MatchRow, RecordLink
from mappings.spec import System
from sync.domain.actions import audit, retry
from sync.domain.bulk import save_many
from sync.domain.connections import Recorder
from sync.domain.context import Context, load_context
from sync.domain.doorbell import release, take_lease
from sync.domain.first_matching import CHUNK, PAIRS, plan_rows
from sync.domain.move import BusyError
from sync.domain.runs import finish_run, progress, start
from sync.models import PutBack, Run
from tenants.scoping import tenant_scope

Category = MatchRow.Category
Decision = MatchRow.Decision
ANSWER = ["is_left_out", "is_match_rejected", "uniconta_match_keys", "intempus_match_keys"]
SAVED = ["category", "other_id", "candidates", "decision", "decided_by_id", "decided_at", "writes", "reason"]
#: Columns of a link that are its Intempus side.
INTEMPUS_SIDE = [
    *(f"intempus_{name}" for name in ("id", "key", "base", "seen", "seen_at", "timestamp", "match_keys")),
    "is_gone_in_intempus",
]


class TakenError(ValueError):
    """The record is linked already, or was decided to be another one."""


# ------------------------------------------------------------------------------------------------ deciding


def decide(tenant_id: int, row_ids: Iterable[int], decision: str, user_id: int | None, run: Run | None = None) -> int:
    """Decide on rows; "" takes decisions back. Returns on how many: what is linked by now, or has nothing to be linked
    to, is left alone. Call inside a scope.

    Under a `run` it is one wish for many, which the brake counts.
    """
    rows = list(
        MatchRow.objects.select_for_update(of=("self",))
        .filter(tenant_id=tenant_id, pk__in=list(row_ids))
        .order_by("entity", "pk")
    )
    count = 0
    for entity in dict.fromkeys(row.entity for row in rows):
        count += _decide(tenant_id, entity, [row for row in rows if row.entity == entity], decision, user_id, run)
    return count


def link_by_hand(tenant_id: int, row_id: int, other_id: int, user_id: int | None) -> None:
    """These two are the same record, whatever their keys say. Raises TakenError. Call inside a scope."""
    row = MatchRow.objects.select_for_update(of=("self",)).select_related("link").get(tenant_id=tenant_id, pk=row_id)
    other = RecordLink.objects.select_for_update().get(tenant_id=tenant_id, entity=row.entity, pk=other_id)
    if not row.link.uniconta_id:
        # The row of a pair is that of its Uniconta half.
        uniconta_row = MatchRow.objects.select_for_update(of=("self",)).filter(link=other).first()
        row, other = uniconta_row or MatchRow(tenant_id=tenant_id, entity=row.entity, link=other), row.link
        row.category = row.category or Category.ONLY_IN_UNICONTA
    if row.link.is_linked or other.is_linked or not (row.link.uniconta_id and other.intempus_id):
        raise TakenError
    rivals = MatchRow.objects.select_for_update(of=("self",)).filter(tenant_id=tenant_id, other=other)
    for rival in rivals.exclude(pk=row.pk):
        if rival.decision == Decision.LINK:
            raise TakenError
        # It was found for another one, which has to look further now, unless a person said already what that is.
        rival.other = None
        if rival.decision:
            rival.category = Category.ONLY_IN_UNICONTA
        else:
            rival.category, rival.candidates = Category.AMBIGUOUS, [other.pk]
            rival.writes, rival.reason = [], "ambiguous_match"
        rival.save()
    if row.other_id and row.other_id != other.pk:
        _give_back(row)
    row.other = other
    row.save()
    _decide(tenant_id, row.entity, [row], Decision.LINK, user_id)


def _decide(
    tenant_id: int,
    entity: str,
    rows: Sequence[MatchRow],
    decision: str,
    user_id: int | None,
    run: Run | None = None,
) -> int:
    links = RecordLink.objects.select_for_update().in_bulk(
        {pk for row in rows for pk in (row.link_id, row.other_id) if pk}
    )
    others = [row.other_id for row in rows if row.other_id]
    taken = MatchRow.objects.filter(tenant_id=tenant_id, other_id__in=others, decision=Decision.LINK)
    taken_by = dict(taken.values_list("other_id", "pk"))
    able = [row for row in rows if _is_able(row, links, taken_by, decision)]
    alone = []
    for row in able:
        link, other = links[row.link_id], links.get(row.other_id or 0)
        row.decision, row.decided_by_id, row.decided_at = decision, user_id, timezone.now()
        _mark(link, decision, f"p:{link.pk}:{other.pk}" if other else "")
        if other is None:
            continue
        is_of_pair = decision == Decision.LINK or (row.category in PAIRS and decision != Decision.CREATE)
        if is_of_pair:
            _mark(other, decision, f"p:{link.pk}:{other.pk}")
            alone.append(other.pk)
        elif _give_back(row):
            _mark(other, "", "")  # only now: later it has a row, and decisions, of its own
    # What belongs to a pair has no row of its own.
    MatchRow.objects.filter(tenant_id=tenant_id, link_id__in=alone).delete()
    save_many(list(links.values()), ANSWER)
    context = looking_context(tenant_id)
    plan_rows(context, context.entities[entity], able, links)
    save_many(able, SAVED)
    if able:
        about = str(links[able[0].link_id]) if len(able) == 1 else str(len(able))
        audit(tenant_id, user_id, "match_decided", f"{entity}: {decision or 'taken back'}, {about}")
        if context.tenant.is_live:
            retry([pk for pk in links if not links[pk].is_linked], user_id, run=run)
    return len(able)


def _is_able(row: MatchRow, links: dict[int, RecordLink], taken_by: dict[int, int], decision: str) -> bool:
    link, other = links[row.link_id], links.get(row.other_id or 0)
    if link.is_linked or (other is not None and other.is_linked):
        return False
    if decision == Decision.LINK:
        return other is not None and taken_by.get(other.pk, row.pk) == row.pk
    return bool(decision or row.decision)


def _mark(link: RecordLink, decision: str, key: str) -> None:
    link.is_left_out = decision == Decision.EXCLUDE
    link.is_match_rejected = decision == Decision.CREATE
    system = System.UNICONTA if link.uniconta_id else System.INTEMPUS
    name = f"{system}_match_keys"
    keys = [each for each in getattr(link, name) if not each.startswith("p:")]
    setattr(link, name, [key, *keys] if key and decision == Decision.LINK else keys)


def _give_back(row: MatchRow) -> bool:
    """The record that was this row's other one stands for itself again; False: it did already. A found pair remembers it."""
    assert row.other_id is not None
    is_of_pair = row.category in PAIRS
    _, is_new = MatchRow.objects.get_or_create(
        link_id=row.other_id,
        defaults={
            "tenant_id": row.tenant_id,
            "entity": row.entity,
            "category": Category.ONLY_IN_INTEMPUS if is_of_pair else Category.AMBIGUOUS,
            "candidates": [] if is_of_pair else [row.link_id],
            "writes": [],
            "reason": "" if is_of_pair else "ambiguous_match",
        },
    )
    if not is_of_pair:
        row.other_id = None
    return is_new


def looking_context(tenant_id: int) -> Context:
    """A context that plans but reaches nobody. Call inside a scope."""
    return load_context(tenant_id, {}, Recorder(tenant_id))


def choose_winners(tenant_id: int, row_ids: Iterable[int], winners: Mapping[str, str], user_id: int | None) -> int:
    """Whose value stands where these pairs differ, by attribute, "" for all not named; see mappings.engine.Winner.

    Returns for how many: what is linked already, or is no pair, is left alone. Raises ValueError for an unknown choice.
    Call inside a scope.
    """
    chosen = {name: Winner(value).value for name, value in winners.items()}
    rows = MatchRow.objects.select_for_update(of=("self",)).select_related("link", "other")
    pairs = rows.filter(tenant_id=tenant_id, pk__in=list(row_ids)).exclude(other=None).exclude(decision=Decision.CREATE)
    able = [row for row in pairs.order_by("entity", "pk") if not row.link.is_linked]
    context = looking_context(tenant_id)
    for entity in dict.fromkeys(row.entity for row in able):
        own = [row for row in able if row.entity == entity]
        for row in own:
            row.link.winners = {**chosen} if "" in chosen else {**row.link.winners, **chosen}
        save_many([row.link for row in own], ["winners"])
        plan_rows(context, context.entities[entity], own)
        save_many(own, ["writes", "reason"])
        said = ", ".join(f"{name or '*'}={value}" for name, value in chosen.items())
        about = str(own[0].link) if len(own) == 1 else str(len(own))
        audit(tenant_id, user_id, "winners_chosen", f"{entity}: {said}, {about}")
    return len(able)


# ------------------------------------------------------------------------------------------------ many at once


def decide_many(tenant_id: int, run_id: int) -> Run | None:
    """Decide on all open rows of a category, as a run; its `entity` says which, its `result` is {"category"} and either
    "decision" or "winners", see `choose_winners`.

    A chunk done twice finds its rows decided. `counts`: records. None: somebody else has taken it.
    """
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return None
    rows = MatchRow.objects.filter(tenant_id=tenant_id, entity=run.entity, category=run.result["category"], decision="")
    count, after = 0, 0
    while True:
        with tenant_scope(tenant_id):
            ids = list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:CHUNK])
            if "winners" in run.result:
                count += choose_winners(tenant_id, ids, run.result["winners"], run.requested_by_id)
            else:
                count += decide(tenant_id, ids, run.result["decision"], run.requested_by_id, run)
        if not ids:
            break
        after = ids[-1]
        progress(run, count)
    return finish_run(run, counts={"records": count})


# ------------------------------------------------------------------------------------------------ finding by hand


def free_records(link: RecordLink, text: str) -> list[RecordLink]:
    """Unlinked records of the other system with this number, id or beginning of the name. Call inside a scope."""
    system = (System.UNICONTA if link.uniconta_id else System.INTEMPUS).other
    free = RecordLink.objects.filter(tenant_id=link.tenant_id, entity=link.entity, **{f"{system.other}_id": ""})
    same = Q(**{f"{system}_key": text}) | Q(**{f"{system}_id": text})
    found = list(free.exclude(**{f"{system}_id": ""}).filter(same)[:2])
    return found or list(free.exclude(**{f"{system}_id": ""}).filter(name__istartswith=text)[:2])


# ------------------------------------------------------------------------------------------------ later, by hand


def unlink(link_id: int, user_id: int | None) -> RecordLink:
    """Take a pair apart; returns the Intempus half. Both stay out until a person says what either is.

    Nothing is written to either system. The Uniconta half keeps the history. Raises ValueError for what is no pair, BusyError
    while a drain is at work, whose answers are for the pair. Call inside a scope.
    """
    # The lease first, as a drain does: locked the other way round, each would wait for the other.
    lease = take_lease(RecordLink.objects.get(pk=link_id).tenant_id)
    if lease is None:
        raise BusyError
    link = RecordLink.objects.select_for_update().get(pk=link_id)
    if not link.is_linked:
        release(lease)
        raise ValueError("only a pair can be taken apart")
    half = RecordLink(tenant_id=link.tenant_id, entity=link.entity)
    blank = RecordLink()
    half.name = str((link.current(System.INTEMPUS) or {}).get("name") or link.name)
    for name in INTEMPUS_SIDE:
        setattr(half, name, getattr(link, name))
        setattr(link, name, getattr(blank, name))
    for each in (link, half):
        _mark(each, Decision.EXCLUDE, "")
        each.state, each.reason, each.detail = RecordLink.State.EXCLUDED, "left_out", ""
    link.inactive_reason, link.deletion_answer, link.merged_into, link.was_sent = "", "", None, False
    link.differing, link.winners = [], {}
    link.generation += 1  # should it be created there anew, Intempus must not take that for a repetition
    link.save()
    half.save()
    PutBack.objects.filter(link=link, state=PutBack.State.OPEN).update(
        state=PutBack.State.REFUSED, closed_at=timezone.now()
    )
    MatchRow.objects.filter(link=link).update(
        decision=Decision.EXCLUDE, decided_by_id=user_id, decided_at=timezone.now(), reason="left_out", writes=[]
    )
    audit(link.tenant_id, user_id, "unlinked", f"{link} / {half}")
    release(lease)
    return half


def take_in_again(link_id: int, user_id: int | None) -> None:
    """What was left out is synchronised again, as if it had just been seen. Call inside a scope."""
    link = RecordLink.objects.select_for_update().get(pk=link_id)
    RecordLink.objects.filter(pk=link_id).update(is_left_out=False)
    MatchRow.objects.filter(link=link).update(decision="", decided_by_id=user_id, decided_at=timezone.now())
    audit(link.tenant_id, user_id, "taken_in_again", str(link))
    retry([link_id], user_id)
