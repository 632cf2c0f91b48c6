"""Bells wake a drain, leases keep it alone: one bell and one lease per tenant, both in database time.

The change events are the truth. A bell or a lease that is lost costs a second (`ring_due`), never a change.
"""

from __future__ import annotations

import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from tenants.scoping import ALL, is_scoped, tenant_scope

#: The channel on which a worker's queue waits for bells (LISTEN/NOTIFY).
CHANNEL = "doorbell"

# DO UPDATE, never DO NOTHING: the update locks the bell until our commit, so nobody can take it away before our events
# are visible. With DO NOTHING a bell rung earlier is taken while our events are uncommitted, and they wait unheard.
RING = f"""
WITH rung AS (
    INSERT INTO sync_bell (tenant_id, rung_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (tenant_id) DO UPDATE SET rung_at = excluded.rung_at
    RETURNING tenant_id
)
SELECT pg_notify('{CHANNEL}', '') FROM rung
"""  # noqa: S608 - constants of this module

# Whether a drain of tenant `t` can start: live, nobody at work, no connection paused, broken or cut off by its breaker.
CAN_DRAIN = """
t.state = 'live'
AND NOT EXISTS (SELECT FROM sync_drainlease l WHERE l.tenant_id = t.id AND l.lease_until > statement_timestamp())
AND NOT EXISTS (
    SELECT FROM tenants_connection c LEFT JOIN tenants_remotehost h ON h.base_url = c.base_url
    WHERE c.tenant_id = t.id
      AND (c.state IN ('paused', 'broken') OR c.open_until > statement_timestamp() OR h.open_until > statement_timestamp())
)
"""

# Here DO NOTHING is right: what we ring for is committed, so a bell that rings already is as good.
RING_DUE = f"""
WITH rung AS (
    INSERT INTO sync_bell (tenant_id, rung_at)
    SELECT t.id, clock_timestamp() FROM tenants_tenant t
    WHERE {CAN_DRAIN}
      AND NOT EXISTS (SELECT FROM sync_bell b WHERE b.tenant_id = t.id)
      AND (
          EXISTS (SELECT FROM sync_changeevent e
                  WHERE e.tenant_id = t.id AND e.state = 'pending' AND e.due_at <= statement_timestamp())
          -- claimed, though nobody is at work: the drain that claimed them died
          OR EXISTS (SELECT FROM sync_changeevent e WHERE e.tenant_id = t.id AND e.state = 'claimed')
      )
    ORDER BY t.id
    ON CONFLICT (tenant_id) DO NOTHING
    RETURNING tenant_id
), total AS (SELECT count(*) AS rung_count FROM rung)
SELECT rung_count, (SELECT pg_notify('{CHANNEL}', '')::text WHERE rung_count > 0) FROM total
"""  # noqa: S608 - constants of this module

# The oldest bells first, so that nobody waits for a tenant that rings all the time. A bell that somebody is just ringing
# (locked), or whose tenant cannot be drained now, stays: it is taken when that is over.
TAKE_BELLS = f"""
WITH next AS MATERIALIZED (
    SELECT b.tenant_id FROM sync_bell b JOIN tenants_tenant t ON t.id = b.tenant_id
    WHERE {CAN_DRAIN}
    ORDER BY b.rung_at FOR UPDATE OF b SKIP LOCKED LIMIT %s
)
DELETE FROM sync_bell USING next WHERE sync_bell.tenant_id = next.tenant_id
RETURNING sync_bell.tenant_id
"""  # noqa: S608 - constants of this module

# Whoever gets the lease answers what has rung so far, before claiming anything. Otherwise ring_due, which sees due events
# and no lease while a drain waits for a free worker, leaves a bell for one more drain that finds nothing: when all workers
# are busy that was nearly every second drain.
TAKE_LEASE = """
WITH taken AS (
    INSERT INTO sync_drainlease AS l (tenant_id, token, lease_until)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (tenant_id) DO UPDATE SET token = excluded.token, lease_until = excluded.lease_until
    WHERE l.lease_until < clock_timestamp()
    RETURNING tenant_id
), bells AS MATERIALIZED (
    SELECT b.tenant_id FROM sync_bell b JOIN taken ON taken.tenant_id = b.tenant_id FOR UPDATE OF b SKIP LOCKED
), answered AS (DELETE FROM sync_bell USING bells WHERE sync_bell.tenant_id = bells.tenant_id)
SELECT 1 FROM taken
"""
RENEW = """
UPDATE sync_drainlease SET lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE tenant_id = %s AND token = %s AND lease_until > clock_timestamp()
RETURNING clock_timestamp()
"""
# Always notifies: a bell that rang meanwhile was left where it is, and its own notification is long gone.
RELEASE = f"""
WITH gone AS (DELETE FROM sync_drainlease WHERE tenant_id = %s AND token = %s RETURNING tenant_id)
SELECT pg_notify('{CHANNEL}', '') FROM gone
"""  # noqa: S608 - constants of this module
BEAT = """
INSERT INTO sync_workerbeat (name, beat_at, started_at, upkeep_error)
VALUES (%s, clock_timestamp(), clock_timestamp(), '')
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at
"""


def lease_seconds() -> int:
    return int(settings.LEASE_SECONDS)


class Lease:
    """The right to drain one tenant, until `deadline` on this machine's monotonic clock.

    The deadline lies before the end of the lease in the database, because it is counted from before the statement. So a
    process that was stopped or slow refuses to send by itself, without asking anybody.
    """

    def __init__(self, tenant_id: int, token: uuid.UUID, deadline: float) -> None:
        self.tenant_id = tenant_id
        self.token = token
        self.deadline = deadline

    def __repr__(self) -> str:
        return f"Lease(tenant_id={self.tenant_id}, token={self.token})"

    def has_time_for(self, seconds: float) -> bool:
        """Whether something that takes up to `seconds` ends while the lease is surely ours (with 5 % in hand)."""
        margin = 0.05 * lease_seconds()
        return time.monotonic() + seconds + margin <= self.deadline


def _scope(tenant_id: int) -> AbstractContextManager[None]:
    """The caller's scope if there is one, so that everything commits together; otherwise a scope of its own."""
    return nullcontext() if is_scoped() else tenant_scope(tenant_id)


def _run(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def ring(tenant_id: int) -> None:
    """Say that the tenant has something to do. Inside a scope it counts from the caller's commit on."""
    with _scope(tenant_id):
        _run(RING, [tenant_id])


def ring_due() -> int:
    """Ring for every live tenant with due or orphaned events whom nobody serves; returns how many bells were rung."""
    with tenant_scope(ALL):
        return int(_run(RING_DUE, [])[0][0])


def take_bells(limit: int) -> list[int]:
    """Remove the oldest bells of tenants that can be drained now, and return those. The queue does this before a drain
    claims anything, so that a ring during the drain is a new bell.
    """
    with tenant_scope(ALL):
        return [tenant_id for (tenant_id,) in _run(TAKE_BELLS, [limit])]


def take_lease(tenant_id: int) -> Lease | None:
    """The right to drain the tenant, or None while somebody else has it. Call it outside any transaction."""
    token, before = uuid.uuid4(), time.monotonic()
    with _scope(tenant_id):
        taken = _run(TAKE_LEASE, [tenant_id, token, lease_seconds()])
    return Lease(tenant_id, token, before + lease_seconds()) if taken else None


def renew(lease: Lease) -> datetime | None:
    """Extend the lease; returns the database's time, None means that it is lost: stop sending, roll back.

    Inside a transaction this is the fence: it locks the lease's row, so nobody takes over before the commit, and what is
    committed with it was done by the holder. The deadline moves at that commit, not before.
    """
    before = time.monotonic()
    with _scope(lease.tenant_id):
        renewed = _run(RENEW, [lease_seconds(), lease.tenant_id, lease.token])
        if not renewed:
            return None

        def extend() -> None:
            lease.deadline = max(lease.deadline, before + lease_seconds())

        transaction.on_commit(extend)
    now: datetime = renewed[0][0]
    return now


def release(lease: Lease) -> bool:
    """Give the lease back; False if it was lost already. Afterwards the drain looks once more for due events."""
    with _scope(lease.tenant_id):
        was_ours = bool(_run(RELEASE, [lease.tenant_id, lease.token]))
    lease.deadline = 0.0
    return was_ours


def beat(name: str) -> None:
    """Note that a task sent through the queue of the worker group `name` was really executed."""
    with connection.cursor() as cursor:
        cursor.execute(BEAT, [name])
