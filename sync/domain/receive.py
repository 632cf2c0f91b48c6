"""Webhooks come in here: a call is checked, stored and answered, and nothing remote is asked.

A call is a hint that a record may have changed, never data. Uniconta does not repeat one, so nothing that the sender can
write may make us lose it: what cannot be read is stored as what can be read of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import structlog
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.utils import timezone

from mappings.entities import ENTITIES
from sync.domain.runs import queue_run
from sync.models import Run
from tenants.models import Tenant, WebhookToken
from tenants.models.webhook_token import hash_token
from tenants.scoping import ALL, tenant_scope

log = structlog.get_logger(__name__)

MAX_RECORD_ID = 2**63 - 1
PULL_EVERY_SECONDS = 30
LOCK = 0x50554C4C  # any constant of our own, used together with the tenant's id
#: Waits before another try when the database is away: together longer than PostgreSQL needs to restart.
TRIES_AFTER = (0.1, 0.3, 0.6, 1.0, 1.0)

# Uniconta's own example puts `?` between the pairs. Inside a value a `?` may stand, unless a name follows it.
SEPARATOR = re.compile(rb"&|\?(?=(?:companyid|table|rowid|key|action|operation)=)", re.IGNORECASE)
OPERATIONS = {
    "add": "create",
    "insert": "create",
    "create": "create",
    "update": "update",
    "delete": "delete",
}

Result = TypeVar("Result")


class Outcome(StrEnum):
    """What became of a call; the first four are what the database's function receive_hint says."""

    STORED = "stored"
    IGNORED = "ignored"  # kept to be seen, but no entity of ours
    UNKNOWN = "unknown"  # no such tenant, or not its token
    WRONG_COMPANY = "wrong_company"
    PULLING = "pulling"  # a pull was queued
    ENOUGH = "enough"  # one is queued already, or the tenant is not live


@cache
def entities_by_table() -> dict[str, str]:
    """The name of the entity by table as webhooks spell it, in small letters: `debtor` as well as `debtorclient`."""
    return {
        table.lower() + suffix: entity.name
        for entity in ENTITIES.values()
        if (table := entity.uniconta.table)
        for suffix in ("", "client", "clientuser")
    }


def _text(raw: bytes, length: int) -> str:
    """As PostgreSQL can store it. Danish letters arrive as UTF-8 or, from older senders, as Latin-1."""
    raw = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.replace("\0", "").strip()[:length]


def _number(text: str) -> str:
    """Numbers without leading zeros, anything else as it is."""
    return (text.lstrip("0") or "0") if text.isascii() and text.isdigit() else text


def read_parameters(query: bytes) -> dict[str, str]:
    """The parameters of a Uniconta call by name in small letters. A blank one counts as not given; the last one wins."""
    found: dict[str, str] = {}
    for pair in SEPARATOR.split(query):
        name, _, raw = pair.partition(b"=")
        if value := _text(raw, 200):
            found[_text(name, 20).lower()] = value
    return found


def receive_uniconta(slug: str, token: str, query: bytes, size: int) -> Outcome:
    """Check and store one Uniconta call in one committed statement; afterwards it cannot be lost.

    `size` is that of the body, which is never looked at. Without a readable RowId the hint is kept for its whole
    table. Raises OperationalError or InterfaceError when the database stays away.
    """
    parameters = read_parameters(query)
    row_id = _number(parameters.get("rowid", ""))
    operation = parameters.get("action") or parameters.get("operation") or ""
    table = parameters.get("table", "")[:60]
    arguments: list[str | int] = [
        _clean(slug)[:60],
        hash_token(_clean(token)),
        _number(parameters.get("companyid", ""))[:40],
        table,
        entities_by_table().get(table.lower(), ""),
        row_id if row_id.isascii() and row_id.isdigit() and 0 < int(row_id) <= MAX_RECORD_ID else "",
        parameters.get("key", "")[:100],
        OPERATIONS.get(operation.lower(), operation.lower()[:20]),
        min(size, 2**31 - 1),
    ]

    def store() -> Outcome:
        with connection.cursor() as cursor:
            cursor.execute("SELECT receive_hint(%s, %s, %s, %s, %s, %s, %s, %s, %s)", arguments)
            return Outcome(cursor.fetchone()[0])

    return _persistently(store)


def receive_intempus(slug: str, token: str) -> Outcome:
    """Intempus says that something changed: pull soon, but not more often than every 30 seconds.

    A call during those seconds is not lost: it moves a pull to their end, unless one is waiting already.
    """

    def start() -> Outcome:
        with tenant_scope(ALL):
            tenant = (
                Tenant.objects.exclude(state=Tenant.State.CLOSED)
                .filter(
                    slug=_clean(slug),
                    pk__in=WebhookToken.objects.filter(token_hash=hash_token(_clean(token)), revoked_at=None).values(
                        "tenant"
                    ),
                )
                .first()
            )
            if tenant is None:
                return Outcome.UNKNOWN
            return _pull_soon(tenant) if tenant.is_live else Outcome.ENOUGH

    return _persistently(start)


def _pull_soon(tenant: Tenant) -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, tenant.pk % 2**31])
    now = timezone.now()
    last = (
        Run.objects.filter(
            tenant=tenant, kind=Run.Kind.PULL, created_at__gt=now - 3 * timedelta(seconds=PULL_EVERY_SECONDS)
        )
        .order_by("-created_at")
        .first()
    )
    delay = 0.0
    if last is not None:
        if last.state == Run.State.QUEUED:
            return Outcome.ENOUGH  # it reads after this call
        began = last.started_at or last.created_at
        delay = max(0.0, PULL_EVERY_SECONDS - (now - began).total_seconds())
    queue_run(Run(tenant=tenant, kind=Run.Kind.PULL, system="intempus"), delay)
    return Outcome.PULLING


def _clean(text: str) -> str:
    """What a URL can hold and a PostgreSQL text or UTF-8 cannot."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _persistently(work: Callable[[], Result]) -> Result:
    """Bridge a short outage of the database instead of losing the call; a hint stored twice by that does no harm."""
    for seconds in TRIES_AFTER:
        try:
            return work()
        except (OperationalError, InterfaceError, InternalError) as error:
            if connection.in_atomic_block:
                raise
            log.warning("webhook_database_away", error=str(error).strip()[:300])
            connection.close()
            time.sleep(seconds)
    return work()
