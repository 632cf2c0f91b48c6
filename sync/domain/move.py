"""*Move company* (rule M13): the tenant's records leave one company of a remote system and look for themselves in another.

Unlinks everything and stops the tenant. A person then enters the new company, tests the connection and goes live, and
the first load matches by keys as on the first day. Nothing is written to the company that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from mappings.models import EntityPolicy, MatchRow, RecordLink
from mappings.spec import System
from sync.domain.actions import audit
from sync.domain.doorbell import release, take_lease
from sync.domain.field_watch import WATCHED, forget_fields
from sync.domain.hours.leaving import leave_hours
from sync.models import ChangeEvent, Cursor, HeldSet, PutBack, Run
from tenants.models import Connection, Tenant

#: A link's columns before anybody, person or drain, has said anything about the record.
UNDECIDED: dict[str, Any] = {
    "state": RecordLink.State.NEW,
    "reason": "",
    "detail": "",
    "is_match_rejected": False,
    "is_left_out": False,
    "winners": {},
}


class BusyError(Exception):
    """A drain or a run is at work; it must not find its records unlinked under its hands."""


@dataclass(frozen=True)
class Standing:
    """What a move would do: `pairs` are unlinked and keep their history, `halves` only this system knows are forgotten."""

    pairs: int
    halves: int


def _known_to(tenant_id: int, system: System) -> QuerySet[RecordLink]:
    return RecordLink.objects.filter(tenant_id=tenant_id).exclude(**{f"{system}_id": ""})


def standing(tenant_id: int, system: System) -> Standing:
    """Call inside a scope."""
    known = _known_to(tenant_id, system)
    halves = known.filter(**{f"{system.other}_id": ""}).count()
    return Standing(pairs=known.count() - halves, halves=halves)


def move_company(tenant_id: int, system: System, user_id: int | None) -> Standing:
    """Unlink the tenant from its company in one system; returns what that meant. Call inside a scope.

    Raises BusyError.
    """
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)  # no run begins from here on
    if Run.objects.filter(tenant_id=tenant_id, state=Run.State.RUNNING).exists():
        raise BusyError
    lease = take_lease(tenant_id)
    if lease is None:
        raise BusyError
    # Before any row goes: whoever still stores rows of the company that is left has this one locked, see `observe`.
    connection = Connection.objects.select_for_update().get(tenant_id=tenant_id, system=system.value)
    done = standing(tenant_id, system)
    tenant.state = Tenant.State.PREPARING
    tenant._change_reason = "company_moved"  # type: ignore[attr-defined]  # noqa: SLF001 - as simple_history wants it
    tenant.save()
    _close_what_is_open(tenant_id)
    known = _known_to(tenant_id, system)
    known.filter(**{f"{system.other}_id": ""}).delete()
    known.update(**_unlinked(system))
    # What was decided, of whichever record, was said of the company that is left.
    RecordLink.objects.filter(tenant_id=tenant_id).update(**UNDECIDED)
    if system is System.INTEMPUS:
        Cursor.objects.filter(tenant_id=tenant_id).delete()
    leave_hours(tenant_id)
    MatchRow.objects.filter(tenant_id=tenant_id).delete()
    for policy in EntityPolicy.objects.select_for_update().filter(tenant_id=tenant_id):
        forget_fields(policy, system)
        EntityPolicy.objects.filter(pk=policy.pk).update(
            loaded_at=None, matched_at=None, first_ten_at=None, **{name: getattr(policy, name) for name in WATCHED}
        )
    left = f"{connection.pinned_company_id} {connection.pinned_company_name}".strip()
    connection.company_id = connection.pinned_company_id = ""
    connection.pinned_company_name = connection.pinned_company_number = ""
    connection.capabilities = {}  # measured on the company that is left
    connection.state, connection.state_code, connection.state_detail = Connection.State.UNTESTED, "", ""
    connection.save()
    audit(tenant_id, user_id, "company_moved", f"{system.value}: {left}, {done.pairs} + {done.halves}")
    release(lease)
    return done


def _close_what_is_open(tenant_id: int) -> None:
    now = timezone.now()
    open_or_asking = [*ChangeEvent.OPEN, ChangeEvent.State.NEEDS_ATTENTION, ChangeEvent.State.QUARANTINED]
    ChangeEvent.objects.filter(tenant_id=tenant_id, state__in=open_or_asking).update(
        state=ChangeEvent.State.IGNORED, error_code="company_moved", claim=None, finished_at=now
    )
    PutBack.objects.filter(tenant_id=tenant_id, state=PutBack.State.OPEN).update(
        state=PutBack.State.REFUSED, closed_at=now
    )
    HeldSet.objects.filter(tenant_id=tenant_id, state=HeldSet.State.OPEN).update(
        state=HeldSet.State.RESOLVED, closed_at=now
    )


def _unlinked(system: System) -> dict[str, Any]:
    """A link's columns once it no longer knows this system; the other side stays as it was last read."""
    side: dict[str, Any] = {"id": "", "key": "", "base": {}, "seen": None, "seen_at": None, "match_keys": []}
    columns: dict[str, Any] = {f"{system}_{name}": value for name, value in side.items()}
    columns |= {f"is_gone_in_{system}": False, "was_sent": False, "is_after_gap": False}
    columns |= {
        "differing": [],
        "inactive_reason": "",
        "reserved_number": "",
        "deletion_answer": "",
        "merged_into": None,
    }
    columns |= {"generation": F("generation") + 1}  # another record for a resource that remembers creation ids
    columns |= {"is_ticked": None} if system is System.UNICONTA else {"intempus_timestamp": None}
    return columns
