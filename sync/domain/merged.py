"""*Merged into …*: two records became one in Uniconta. One row is gone, the other stands for both (decision 31)."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from mappings.engine import BY_INTEMPUS_ID
from mappings.models import MatchRow, RecordLink
from sync.domain.actions import answered, sync_now
from sync.domain.context import database_now
from sync.domain.doorbell import release, take_lease
from sync.domain.match import INTEMPUS_SIDE, lay_together
from sync.domain.move import BusyError
from sync.domain.remember import wake
from sync.models import PutBack


def targets(link: RecordLink, text: str) -> list[RecordLink]:
    """Records of the same kind that are in Uniconta, with this number, id or beginning of the name; two at most.

    Call inside a scope.
    """
    there = RecordLink.objects.filter(tenant_id=link.tenant_id, entity=link.entity, is_gone_in_uniconta=False)
    there = there.exclude(uniconta_id="").exclude(pk=link.pk)
    found = list(there.filter(Q(uniconta_key=text) | Q(uniconta_id=text))[:2])
    return found or list(there.filter(name__istartswith=text)[:2])


def merge_into(link_id: int, target_id: int, user_id: int | None) -> None:
    """A person says that a record gone in Uniconta was merged into another one there.

    Where that one has no record in Intempus, it takes this one's: hours and cases stay where they are. Otherwise this
    one's is set inactive. What refers to this one refers to the other from here on. Nothing is written yet.

    Raises ValueError where either record does not fit, BusyError while a drain is at work. Call inside a scope.
    """
    # The lease first, as a drain does: locked the other way round, each would wait for the other.
    lease = take_lease(RecordLink.objects.get(pk=link_id).tenant_id)
    if lease is None:
        raise BusyError
    try:
        rows = RecordLink.objects.select_for_update().order_by("pk").in_bulk([link_id, target_id])
        link, target = rows[link_id], rows.get(target_id)
        if target is None or not _can_merge(link, target):
            raise ValueError("these two records cannot be merged")
        was = link.intempus_id
        if was and not link.is_gone_in_intempus and (not target.intempus_id or target.is_gone_in_intempus):
            _hand_over(link, target)
        link.deletion_answer, link.merged_into = RecordLink.DeletionAnswer.MERGED, target
        link.save()
        RecordLink.objects.filter(merged_into=link).update(merged_into=target)
        wake(link.tenant_id, link.entity, [link.uniconta_key, f"{BY_INTEMPUS_ID}{was}"], database_now())
        answered(link, "deletion_merged", user_id, f"{link} → {target}")
        sync_now([target.pk], user_id)
    finally:
        release(lease)


def _can_merge(link: RecordLink, target: RecordLink) -> bool:
    is_same_kind = (link.tenant_id, link.entity) == (target.tenant_id, target.entity)
    return (
        is_same_kind
        and link.pk != target.pk
        and link.is_gone_in_uniconta
        and bool(target.uniconta_id)
        and not target.is_gone_in_uniconta
    )


def _hand_over(link: RecordLink, target: RecordLink) -> None:
    """The record in Intempus becomes the other one's. It has no base there: the first plan adopts what is equal."""
    was_sent = target.was_sent
    lay_together(target, link)
    target.was_sent = was_sent  # what was sent was the other one: one without a tick is linked and left alone (rule M5)
    target.is_left_out = target.is_match_rejected = False
    target.inactive_reason = ""
    blank = RecordLink()
    for name in INTEMPUS_SIDE:
        setattr(link, name, getattr(blank, name))
    link.intempus_timestamp, link.was_sent, link.inactive_reason, link.differing = None, False, "", []
    link.save()  # first: two rows cannot name one record
    target.save()
    PutBack.objects.filter(link=link, state=PutBack.State.OPEN).update(
        state=PutBack.State.REFUSED, closed_at=timezone.now()
    )
    MatchRow.objects.filter(link=target, decision="").update(
        category=MatchRow.Category.CERTAIN, other=None, key="", candidates=[], writes=[], reason=""
    )
