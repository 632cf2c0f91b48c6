"""How one company is doing, in words for the people who work there. Call inside a scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext

from mappings.entities import ENTITIES
from mappings.models import RecordLink
from sync.domain.causes import ASKING_REPORTS
from sync.domain.health import TenantHealth, health, with_readings
from sync.models import SyncLogEntry, WorkReport
from tenants.models import Connection, Tenant

SHOWN = 20
LINK = "status_link"  # what its signature is for
LINK_DAYS = (1, 7, 30)


@dataclass(frozen=True)
class Today:
    """`records` and `reports` are the newest that wait for somebody; their counts say how many there are."""

    at: datetime
    health: TenantHealth
    written: int  # changes carried out within the last hour, in either system
    transferred: int  # work reports that reached Uniconta within the last hour
    record_count: int
    report_count: int
    records: list[RecordLink]
    reports: list[WorkReport]

    @property
    def tone(self) -> str:
        return self.health.verdict(self.at)

    @property
    def waiting(self) -> int:
        return self.health.waiting + self.health.held_records


def today(tenant_id: int, *, with_rows: bool = True) -> Today:
    """`with_rows`: also the records and reports themselves."""
    now = timezone.now()
    hour = now - timedelta(hours=1)
    entries = SyncLogEntry.objects.filter(tenant_id=tenant_id, at__gte=hour, state=SyncLogEntry.State.DONE)
    links = RecordLink.objects.filter(
        tenant_id=tenant_id, entity__in=list(ENTITIES), state=RecordLink.State.NEEDS_ATTENTION
    )
    reports = WorkReport.objects.filter(tenant_id=tenant_id, state__in=ASKING_REPORTS)
    done = entries.exclude(action__in=[SyncLogEntry.Action.NOTHING, SyncLogEntry.Action.LINK])
    row = with_readings(Tenant.objects.filter(pk=tenant_id)).annotate(
        written=_count(done),
        transferred=_count(WorkReport.objects.filter(tenant_id=tenant_id, transferred_at__gte=hour)),
        report_count=_count(reports),
    )[0]
    found = health([row]).tenants[0]
    return Today(
        at=now,
        health=found,
        written=row.written,
        transferred=row.transferred,
        record_count=found.needs_attention,
        report_count=row.report_count,
        records=list(links.order_by("-changed_at")[:SHOWN]) if with_rows and found.needs_attention else [],
        reports=list(reports.order_by("-changed_at")[:SHOWN]) if with_rows and row.report_count else [],
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    """How many of one company's rows, within a query that is made anyway."""
    counted = rows.order_by().values("tenant_id").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), 0)


def in_words(found: Today) -> Iterator[str]:
    """Sentences in the active language, the verdict first. They name no record and no company."""
    verdicts = {
        "good": gettext("Everything runs as promised."),
        "warning": gettext("The synchronisation runs; something waits for a person."),
        "bad": gettext("Something is wrong. Your consultant sees this, too."),
        "neutral": gettext("The synchronisation is not running now."),
    }
    yield verdicts[found.tone]
    if not found.health.is_live:
        return
    for connection in found.health.connections:
        label = Connection.System(connection.system).label
        if connection.state == Connection.State.BROKEN:
            yield gettext("%(system)s refuses our log-in.") % {"system": label}
        elif connection.state == Connection.State.PAUSED:
            yield gettext("The connection to %(system)s is paused.") % {"system": label}
        elif connection.is_open(found.at):
            yield gettext("%(system)s does not answer at the moment; we go on by ourselves.") % {"system": label}
    for label, read in (("Intempus", found.health.pulled), ("Uniconta", found.health.swept)):
        if read.is_late(found.at):
            yield gettext("%(system)s has not been read for longer than promised.") % {"system": label}


# ------------------------------------------------------------------------------------------ a link without log-in


def make_link(tenant_id: int, days: int) -> str:
    """What stands in the address: signed, good for so many days, and knowing nothing but the company."""
    until = timezone.now() + timedelta(days=days)
    return signing.dumps({"tenant": tenant_id, "until": until.timestamp()}, salt=LINK)


def read_link(token: str) -> int | None:
    """The company of a link that holds today; None for any other text."""
    try:
        said = signing.loads(token, salt=LINK)
    except signing.BadSignature:
        return None
    return int(said["tenant"]) if said["until"] > timezone.now().timestamp() else None
