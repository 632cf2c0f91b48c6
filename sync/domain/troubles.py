"""What somebody may want to be told: every trouble of every live company, as it stands now. Call inside a scope of ALL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync.domain.causes import Cause
from sync.domain.causes import Kind as CauseKind
from sync.domain.health import Health, TenantHealth, health, with_readings, worker_health
from sync.domain.hours.payroll_warnings import with_calendars
from sync.models import AlertChannel
from tenants.models import Connection, Tenant

Kind = AlertChannel.Kind
#: Causes that are counted against a channel's threshold; questions are told in any case.
COUNTED = (CauseKind.RECORD, CauseKind.REPORT, CauseKind.EVENT)


@dataclass(frozen=True)
class Trouble:
    """`code` is one of the catalogue; `about` what else tells two of it apart, in words or a number."""

    kind: str
    code: str
    tenant_id: int | None = None
    about: str = ""
    count: int = 0
    since: datetime | None = None

    @property
    def key(self) -> tuple[int | None, str, str, str]:
        return self.tenant_id, self.kind, self.code, self.about


def find_troubles(causes: Sequence[Cause]) -> list[Trouble]:
    """`causes`: those of all companies."""
    live = Tenant.objects.filter(state=Tenant.State.LIVE).order_by("name")
    found = health(with_calendars(with_readings(live)), with_calls=True, with_payroll=True)
    worker = worker_health()
    troubles: list[Trouble] = []
    if not worker.is_alive(found.at):
        troubles.append(Trouble(Kind.WORKER, "no_worker", since=worker.beat_at))
    for host in found.hosts_down:
        troubles += [
            Trouble(Kind.HOST, "host_down", tenant_id, host.system, since=host.since) for tenant_id in host.tenant_ids
        ]
    for row in found.tenants:
        troubles += _of_tenant(row, found)
    live_ids = {row.tenant_id for row in found.tenants}
    for cause in causes:
        if cause.kind in (*COUNTED, CauseKind.QUESTION):
            troubles += [
                Trouble(Kind.FAILING, cause.code, part.tenant_id, cause.kind.value, part.count, part.first_at)
                for part in cause.parts
                if part.tenant_id in live_ids
            ]
    return troubles


def _of_tenant(row: TenantHealth, found: Health) -> Iterator[Trouble]:
    broken = [each for each in row.connections if each.state == Connection.State.BROKEN]
    for each in broken:
        code = each.state_code or "connection_broken"
        yield Trouble(Kind.BROKEN, code, row.tenant_id, Connection.System(each.system).label)
    if not broken:
        if row.pulled.is_late(found.at):
            yield Trouble(Kind.STALE, "fetch_late", row.tenant_id, since=row.pulled.at)
        if row.swept.is_late(found.at):
            yield Trouble(Kind.STALE, "check_late", row.tenant_id, since=row.swept.at)
        if row.is_stuck(found.at):
            yield Trouble(Kind.STALE, "changes_stuck", row.tenant_id, count=row.waiting, since=row.oldest_due_at)
    for each in row.connections:
        if each.waiting_code:
            yield Trouble(Kind.BUDGET, each.waiting_code, row.tenant_id, Connection.System(each.system).label)
    if row.are_hooks_silent:
        yield Trouble(Kind.SILENT, "hooks_silent", row.tenant_id)
    for warning in row.payroll:
        about = f"{warning.calendar} {warning.period.cut_off_on:%d-%m-%Y}"
        yield Trouble(Kind.PAYROLL, "payroll_near", row.tenant_id, about, warning.open + warning.waiting)
