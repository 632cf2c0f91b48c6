"""“I am posting the journal”: new lines are held back for an hour, or until the person is done. Call inside a scope."""

from __future__ import annotations

from datetime import datetime, timedelta

from mappings.models import HoursPolicy
from sync.domain.actions import RefusedError, audit
from sync.domain.context import database_now
from sync.domain.hours.corrections import fetch_now

#: It ends by itself: who goes home and forgets it shall not stop the hours.
LASTS = timedelta(minutes=60)


def hold_new_lines(tenant_id: int, user_id: int | None) -> datetime:
    """Returns until when. Pressed again it lasts an hour from then. Raises RefusedError."""
    until = database_now() + LASTS
    _set(tenant_id, until)
    audit(tenant_id, user_id, "hours_held")
    return until


def let_lines_go(tenant_id: int, user_id: int | None) -> None:
    """The journal is posted: what waited is sent now. Raises RefusedError."""
    _set(tenant_id, None)
    audit(tenant_id, user_id, "hours_let_go")
    fetch_now(tenant_id, user_id)


def _set(tenant_id: int, until: datetime | None) -> None:
    if not HoursPolicy.objects.filter(tenant_id=tenant_id, enabled=True).update(paused_until=until):
        raise RefusedError("hours_off")
