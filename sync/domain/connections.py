"""A tenant's ways into the two systems: open them, test them, and react to trouble with them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from mappings.spec import System
from sync.connectors.base import Company, ConnectionSettings, Connector
from sync.connectors.base import Exchange as HttpExchange
from sync.connectors.errors import ConnectionBroken, RemoteError, RetryLater
from sync.connectors.registry import connect
from sync.domain.budgets import Login, count_calls, login_of, used_share, waits
from sync.domain.runs import fail_run, finish_run, sign_of_life, start
from sync.models import CallCount, Exchange, Run
from tenants.models import Connection, RemoteHost, Tenant
from tenants.scoping import tenant_scope

log = structlog.get_logger()

#: Outages in a row before nothing more is tried for a while, and how long (seconds) the pause grows.
OUTAGES_BEFORE_PAUSE, PAUSE_FIRST, PAUSE_LONGEST = 3, 5, 900
#: A host wants more outages, because they come from all its companies. When its pause is over one company tries, and the
#: others wait for what becomes of it: a little longer than a call may take.
OUTAGES_OF_A_HOST, TRIAL_SECONDS = 9, 40

#: What a run exchanged is stored at the latest after so many seconds, when the next answer comes.
FLUSH_SECONDS = 10

#: The log entry (id) for which the running thread calls; tags its exchanges.
current_entry: ContextVar[int | None] = ContextVar("current_entry", default=None)


class NotReadyError(Exception):
    """The tenant cannot be worked on now: not live, a connection paused, broken or untested, or a breaker open."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Recorder:
    """Collects the exchanges of one piece of work from all its threads; `flush` stores them."""

    tenant_id: int
    run: Run | None = None
    #: What the calls are for, by which log-ins, and how much of the day's calls was used before; see budgets.
    cause: str = CallCount.Cause.PERSON
    logins: dict[str, Login] = field(default_factory=dict)
    share: float = 0.0
    call_counts: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[datetime, int | None, HttpExchange]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _owner: int = field(default_factory=threading.get_ident)
    _flushed_at: float = field(default_factory=time.monotonic)

    def connect(self, connection: Connection) -> Connector:
        """The connector whose calls are collected here. Nothing is called yet."""
        self.logins[connection.system] = login_of(connection)
        return connect(settings_of(connection), self)

    def __call__(self, exchange: HttpExchange) -> None:
        with self._lock:
            self._waiting.append((timezone.now(), current_entry.get(), exchange))
            self.call_counts[exchange.system] = self.call_counts.get(exchange.system, 0) + 1
        # A run reads for minutes and shall be seen to live. Database work belongs to the thread that does the run.
        is_due = self.run and time.monotonic() - self._flushed_at > FLUSH_SECONDS
        if is_due and threading.get_ident() == self._owner:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        self._flushed_at = time.monotonic()
        if not waiting:
            return
        with tenant_scope(self.tenant_id):
            if self.run:
                sign_of_life(self.run)
            run_id = self.run.pk if self.run else None
            Exchange.objects.bulk_create(
                Exchange(tenant_id=self.tenant_id, at=at, entry_id=entry_id, run_id=run_id, **_columns(exchange))
                for at, entry_id, exchange in waiting
            )
            # In one order, or two drains that share both log-ins would wait for each other.
            for system, count in sorted(Counter(exchange.system for _, _, exchange in waiting).items()):
                count_calls(system, self.logins[system], self.cause, count)


def _columns(exchange: HttpExchange) -> dict[str, Any]:
    return {
        "system": exchange.system,
        "method": exchange.method,
        "url": exchange.url,
        "status": exchange.status,
        "duration_ms": exchange.duration_ms,
        # PostgreSQL refuses NUL characters in text; everything else is kept.
        "request_body": exchange.request_body.replace("\x00", "\ufffd"),
        "response_body": exchange.response_body.replace("\x00", "\ufffd"),
        "error_code": exchange.error_code,
    }


def settings_of(connection: Connection) -> ConnectionSettings:
    """Raises tenants.secrets.SecretError when the credentials cannot be opened."""
    return ConnectionSettings(
        system=connection.system,
        base_url=connection.base_url,
        username=connection.username,
        secret=connection.secret,
        company_id=connection.pinned_company_id or connection.company_id,
        allow_private_targets=settings.ALLOW_PRIVATE_TARGETS,
        capabilities={name: bool(entry["value"]) for name, entry in connection.capabilities.items()},
    )


def connector_for(tenant_id: int, system: System | str, recorder: Recorder | None = None) -> Connector:
    """One connector, whatever state its connection is in: for tests and look-ups by a person."""
    with tenant_scope(tenant_id):
        connection = Connection.objects.get(tenant_id=tenant_id, system=str(system))
    return (recorder or Recorder(tenant_id)).connect(connection)


def open_connectors(tenant_id: int, recorder: Recorder) -> dict[System, Connector]:
    """Both connectors of a live tenant. Raises NotReadyError."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        return open_both(tenant, Connection.objects.filter(tenant_id=tenant_id), recorder)


def open_both(tenant: Tenant | None, rows: Iterable[Connection], recorder: Recorder) -> dict[System, Connector]:
    """The same for whoever has read the tenant and its connections. Call inside a scope."""
    if tenant is None or tenant.state != Tenant.State.LIVE:
        raise NotReadyError("not_live")
    connections = {connection.system: connection for connection in rows}
    hosts = RemoteHost.objects.in_bulk([connection.base_url for connection in connections.values()])
    recorder.share = used_share(connections.values())
    for system in System:
        connection = connections.get(system.value)
        if connection is None:
            raise NotReadyError("connection_missing")
        if connection.state != Connection.State.WORKING or not connection.pinned_company_id:
            raise NotReadyError(f"connection_{connection.state}")
        breakers = [connection, hosts.get(connection.base_url)]
        if any(breaker and _is_open(breaker) for breaker in breakers):
            raise NotReadyError("breaker_open")
    if waits(recorder.cause, recorder.share):
        raise NotReadyError("budget_low")
    for host in hosts.values():
        if host.open_until is not None and not _may_try(host):
            raise NotReadyError("breaker_open")
    return {system: recorder.connect(connections[system.value]) for system in System}


def _is_open(breaker: Connection | RemoteHost) -> bool:
    """By the database's clock, as for the drains (`doorbell.CAN_DRAIN`): ours may be an hour off."""
    return breaker.open_until is not None and bool(
        type(breaker).objects.filter(pk=breaker.pk, open_until__gt=Now()).exists()
    )


def _may_try(host: RemoteHost) -> bool:
    """Whether we are the one to find out if a host that was paused answers again; it stays open for all others."""
    over = RemoteHost.objects.filter(pk=host.pk, open_until__lte=Now())
    return bool(over.update(open_until=Now() + timedelta(seconds=TRIAL_SECONDS)))


# ------------------------------------------------------------------------------------------------ trouble


def report_trouble(tenant_id: int, system: System | str, error: RemoteError) -> datetime | None:
    """Let the connection feel an error that is not one record's own; returns when to try again (None: a person acts).

    Broken credentials pause the connection; repeated outages open the breakers of the connection and of its host, so
    that drains skip instead of occupying a worker.
    """
    with tenant_scope(tenant_id):
        connection = Connection.objects.select_for_update().get(tenant_id=tenant_id, system=str(system))
        if isinstance(error, ConnectionBroken):
            connection.state = Connection.State.BROKEN
            connection.state_code, connection.state_detail = error.code, error.detail
            connection._change_reason = error.code  # type: ignore[attr-defined]  # noqa: SLF001 - how simple_history takes its reason
            connection.save()
            log.error("connection broken", tenant=tenant_id, system=str(system), code=error.code)
            return None
        connection.failure_count += 1
        wait = getattr(error, "after", None)
        if wait is None:
            over = connection.failure_count - OUTAGES_BEFORE_PAUSE
            wait = min(PAUSE_FIRST * 2 ** min(over, 10), PAUSE_LONGEST) if over >= 0 else 1
        Connection.objects.filter(pk=connection.pk).update(
            failure_count=connection.failure_count,
            open_until=Now() + timedelta(seconds=wait),
            state_detail=error.detail or error.code,
        )
        open_until = Connection.objects.values_list("open_until", flat=True).get(pk=connection.pk)
        base_url = connection.base_url
    if getattr(error, "after", None) is None:
        _host_failed(base_url)
    return open_until


def _host_failed(base_url: str) -> None:
    """A success of any company starts the count anew. What fails while the breaker is open was under way before, or is the
    one trial: neither makes the pause longer.
    """
    with transaction.atomic():
        host, _ = RemoteHost.objects.select_for_update().get_or_create(base_url=base_url)
        host.failure_count += 1
        if host.failure_count >= OUTAGES_OF_A_HOST and not _is_open(host):
            host.down_since = host.down_since or Now()
            host.open_until = Now() + timedelta(seconds=PAUSE_FIRST)
        host.save()


def report_success(tenant_id: int, *systems: System) -> None:
    """These systems answered: close their breakers. Costs one statement when they were closed anyway."""
    failed_hosts = RemoteHost.objects.filter(failure_count__gt=0)
    with tenant_scope(tenant_id):
        failed = Q(failure_count__gt=0) | Q(base_url__in=failed_hosts.values("base_url"))
        connections = Connection.objects.filter(failed, tenant_id=tenant_id, system__in=systems)
        base_urls = list(connections.values_list("base_url", flat=True))
        if base_urls:
            connections.filter(failure_count__gt=0).update(failure_count=0, open_until=None, state_detail="")
    if base_urls:
        failed_hosts.filter(base_url__in=base_urls).update(failure_count=0, open_until=None, down_since=None)


# ------------------------------------------------------------------------------------------------ testing


def check_connection_now(connection: Connection, recorder: Recorder | None = None) -> Company:
    """Ask the remote who we are; the first success pins the company (rule M13). Raises RemoteError, and keeps it."""
    recorder = recorder or Recorder(connection.tenant_id)
    try:
        company = recorder.connect(connection).identify()
        _pin(connection, company)
    except RemoteError as error:
        if not isinstance(error, RetryLater):
            report_trouble(connection.tenant_id, connection.system, error)
        raise
    finally:
        recorder.flush()
        _refresh(connection)
    return company


def _refresh(connection: Connection) -> None:
    with tenant_scope(connection.tenant_id):
        connection.refresh_from_db()


def _pin(connection: Connection, company: Company) -> None:
    try:
        with tenant_scope(connection.tenant_id):
            row = Connection.objects.select_for_update().get(pk=connection.pk)
            if row.pinned_company_id and row.pinned_company_id != company.id:
                raise ConnectionBroken("wrong_company", f"{company.id} {company.name}")
            news = {
                "pinned_company_id": company.id,
                "pinned_company_name": company.name,
                "pinned_company_number": company.number,
                "company_id": row.company_id or company.id,
            }
            if row.state != Connection.State.PAUSED:
                news |= {"state": Connection.State.WORKING, "state_code": "", "state_detail": ""}
            if any(getattr(row, name) != value for name, value in news.items()):
                for name, value in news.items():
                    setattr(row, name, value)
                row.save()  # with history: something people see has changed
            Connection.objects.filter(pk=row.pk).update(tested_at=timezone.now(), failure_count=0, open_until=None)
    except IntegrityError:
        raise ConnectionBroken("company_taken", f"{company.id} {company.name}") from None


def check_connection(tenant_id: int, run_id: int) -> None:
    """The same as a run with its outcome, for the console's button; the run names the system."""
    with tenant_scope(tenant_id):
        run = start(run_id)
        if run is None:
            return
        connection = Connection.objects.get(tenant_id=tenant_id, system=run.system)
    try:
        company = check_connection_now(connection, Recorder(tenant_id, run))
    except RemoteError as error:
        fail_run(run, error.code, error.detail)
        return
    finish_run(run, result={"company": {"id": company.id, "name": company.name, "number": company.number}})
