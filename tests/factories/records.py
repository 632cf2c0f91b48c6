"""What belongs to a tenant's records: policies, links, change events, runs, log entries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from mappings.hours import content_hash, quantity, reference
from mappings.models import EntityPolicy, HoursPolicy, RecordLink
from sync.models import (
    AlertChannel,
    ChangeEvent,
    HeldSet,
    JournalLine,
    PayCalendar,
    ReferenceRow,
    Run,
    SyncLogEntry,
    WorkReport,
)
from tenants.models import Tenant
from tenants.scoping import ALL
from tests.factories.scope import scope_of

_numbers = count(1)


def make_policy(tenant: Tenant, entity: str = "customer", **values: Any) -> EntityPolicy:
    with scope_of(tenant.pk):
        return EntityPolicy.objects.create(tenant=tenant, entity=entity, **values)


def make_hours_policy(tenant: Tenant, **values: Any) -> HoursPolicy:
    defaults = {"journal": "Intempus", "transfer_from": date(2027, 1, 1)}
    with scope_of(tenant.pk):
        return HoursPolicy.objects.create(tenant=tenant, **(defaults | values))


def make_link(tenant: Tenant, entity: str = "customer", **values: Any) -> RecordLink:
    """A pair in sync, known on both sides; say `intempus_id=""` for one that is not linked."""
    number = next(_numbers)
    defaults = {
        "uniconta_id": str(700000 + number),  # no number that a test would give a record of its own
        "uniconta_key": f"{10000 + number}",
        "intempus_id": str(500000 + number),
        "intempus_key": f"{10000 + number}",
        "name": f"Record {number}",
        "state": RecordLink.State.IN_SYNC,
    }
    with scope_of(tenant.pk):
        return RecordLink.objects.create(tenant=tenant, entity=entity, **(defaults | values))


def make_event(tenant: Tenant, entity: str = "customer", system: str = "uniconta", **values: Any) -> ChangeEvent:
    values.setdefault("origin", ChangeEvent.Origin.WEBHOOK)
    with scope_of(tenant.pk):
        return ChangeEvent.objects.create(tenant=tenant, entity=entity, system=system, **values)


def make_run(tenant: Tenant, kind: str = Run.Kind.PULL, **values: Any) -> Run:
    with scope_of(tenant.pk):
        return Run.objects.create(tenant=tenant, kind=kind, **values)


def make_held_set(tenant: Tenant, entity: str = "customer", **values: Any) -> HeldSet:
    with scope_of(tenant.pk):
        return HeldSet.objects.create(tenant=tenant, entity=entity, **({"kind": "deactivate", "count": 30} | values))


def make_log_entry(link: RecordLink, **values: Any) -> SyncLogEntry:
    values.setdefault("action", SyncLogEntry.Action.UPDATE)
    values.setdefault("state", SyncLogEntry.State.DONE)
    with scope_of(link.tenant_id):
        return SyncLogEntry.objects.create(tenant_id=link.tenant_id, link_id=link.pk, entity=link.entity, **values)


def make_work_report(tenant: Tenant, **values: Any) -> WorkReport:
    """Seven and a half hours of Bo on the first of March 2027, waiting for approval."""
    number = next(_numbers)
    day = values.get("starts_on", date(2027, 3, 1))
    defaults = {
        "intempus_id": str(700000 + number),
        "employee_id": "31",
        "employee_number": "7",
        "employee_name": "Bo Ødegård",
        "case_id": "41",
        "case_name": "Tagrenovering",
        "work_type_id": "51",
        "work_type_name": "Normaltid",
        "category_name": "Arbejde",
        "kind": "work",
        "unit": "Timer",
        "starts_on": day,
        "ends_on": day,
        "amount": Decimal("7.5"),
        "remarks": "Spær",
    }
    report = WorkReport(tenant=tenant, **(defaults | values))
    report.quantity = quantity(report.amount)
    report.content_hash = content_hash(report)
    with scope_of(tenant.pk):
        report.save()
    return report


def make_journal_line(report: WorkReport, **values: Any) -> JournalLine:
    """The first line of the report, as it stands in the journal; say `number` for a later one."""
    number = values.get("number", 1)
    said = {
        "Journal": "Intempus",
        "Date": report.starts_on.isoformat(),
        "Project": "P1",
        "Employee": report.employee_number,
        "Item": "TIME",
        "Qty": str(report.quantity),
        "Text": report.remarks,
    }
    defaults = {
        "reference": reference(report.intempus_id, number),
        "state": JournalLine.State.IN_JOURNAL,
        "journal": "Intempus",
        "values": said,
        "seen": {name: value for name, value in said.items() if name != "Journal"},
        "quantity": report.quantity,
        "content_hash": report.content_hash,
        "uniconta_id": str(next(_numbers)),
        "sent_at": timezone.now(),
        "confirmed_at": timezone.now(),
    }
    with scope_of(report.tenant_id):
        return JournalLine.objects.create(tenant_id=report.tenant_id, report=report, **(defaults | values))


def make_reference(tenant: Tenant, name: str, key: str, title: str = "", **data: Any) -> ReferenceRow:
    """A row of a list that hours refer to; `key` is its id in Intempus, too."""
    with scope_of(tenant.pk):
        return ReferenceRow.objects.create(
            tenant=tenant, list=name, remote_id=key, key=key, name=title or key, data=data
        )


def make_ready_report(tenant: Tenant, amount: str = "7.5", **values: Any) -> WorkReport:
    """A finally approved report, ready to go."""
    defaults = {"amount": Decimal(amount), "is_approved": True, "state": WorkReport.State.READY}
    return make_work_report(tenant, **(defaults | values))


def make_seen_line(report: WorkReport, seen: str = "", **values: Any) -> JournalLine:
    """The next line of the report, with the report's quantity or the one that was seen in Uniconta."""
    amount = Decimal(seen or report.quantity)
    with scope_of(report.tenant_id):
        number = report.lines.count() + 1
    defaults = {"number": number, "quantity": amount, "seen": {"Qty": format(amount, "f")}}
    return make_journal_line(report, **(defaults | values))


def make_calendar(tenant: Tenant, **values: Any) -> PayCalendar:
    with scope_of(tenant.pk):
        return PayCalendar.objects.create(tenant=tenant, **({"name": "Månedsløn"} | values))


def make_alert_channel(tenant: Tenant | None = None, **values: Any) -> AlertChannel:
    """By mail, in English, about everything; without a company of all of them."""
    defaults = {
        "name": "Bookkeeping",
        "recipients": "bogholder@example.dk",
        "language": "en",
        "kinds": AlertChannel.Kind.values,
    }
    with scope_of(tenant.pk if tenant else ALL):
        return AlertChannel.objects.create(tenant=tenant, **(defaults | values))
