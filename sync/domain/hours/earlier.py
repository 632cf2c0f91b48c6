"""Taking over from another integration: what it, or a person, has transferred already must not come twice.

Reports that were in Intempus before us are compared, once, when they are ready, with the lines and transactions that stand
in Uniconta and are not ours. Who has one like it is proposed as *transferred earlier*; a person says whether it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mappings.entities.work_report import LINE_BY_JOURNAL, TRANSACTION_BY_PROJECT
from mappings.spec import System
from sync.domain.bulk import save_many
from sync.domain.hooks import HOOKS, other_hosts
from sync.domain.hours.context import HoursContext
from sync.domain.hours.following import signature
from sync.domain.hours.transfer import seen
from sync.models import JournalLine, ReportEntry, WorkReport
from tenants.scoping import tenant_scope

State = WorkReport.State
CODE = "earlier_found"
CHUNK = 500
#: More of them say nothing more.
SHOWN = 3


def strangers(context: HoursContext) -> list[str]:
    """Before the very first line: the addresses of others that Uniconta calls, unless a person said that they are known.

    An integration that is still at work would transfer the same hours. Raises RemoteError.
    """
    if context.policy.knows_other_urls:
        return []
    with tenant_scope(context.tenant_id):
        if JournalLine.objects.filter(tenant_id=context.tenant_id).exists():
            return []
    return other_hosts(list(context.connectors[System.UNICONTA].read_all(HOOKS)))


def look_for_earlier(context: HoursContext) -> None:
    """Hold ready reports from before us that have something like them in Uniconta. Raises RemoteError."""
    with tenant_scope(context.tenant_id):
        ready = WorkReport.objects.filter(tenant_id=context.tenant_id, state=State.READY, is_from_before=True)
        reports = list(ready.order_by("pk"))
    for start in range(0, len(reports), CHUNK):
        _look(context, reports[start : start + CHUNK])


def _look(context: HoursContext, reports: Sequence[WorkReport]) -> None:
    connector = context.connectors[System.UNICONTA]
    journals = sorted({report.line["Journal"] for report in reports})
    projects = sorted({report.line["Project"] for report in reports})
    found = [
        *(("journal", row) for row in connector.find_by_key(LINE_BY_JOURNAL, journals)),
        *(("transaction", row) for row in connector.find_by_key(TRANSACTION_BY_PROJECT, projects)),
    ]
    with tenant_scope(context.tenant_id):
        references = {str(row.get("ReferenceNumber") or "") for _, row in found}
        ours = JournalLine.objects.filter(tenant_id=context.tenant_id, reference__in=references)
        known = set(ours.values_list("reference", flat=True))
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for where, row in found:
            if str(row.get("ReferenceNumber") or "") not in known:
                text = f"{str(row.get('Date'))[:10]} {row.get('Text') or row.get('Item') or ''}".strip()
                alike[signature(seen(row))].append({"where": where, "row_id": str(row["RowId"]), "text": text[:80]})
        entries = []
        for report in reports:
            report.is_from_before = False
            report.earlier = alike.get(signature(report.line), [])[:SHOWN]
            if report.earlier:
                text = ", ".join(each["text"] for each in report.earlier)
                report.state, report.reason, report.problems = State.NEEDS_ATTENTION, CODE, [[CODE, text]]
                entries.append(_entry(context, report, text))
        columns = ["is_from_before", "earlier", "state", "reason", "problems"]
        save_many(reports, columns)
        ReportEntry.objects.bulk_create(entries)
    context.count("earlier", len(entries))


def _entry(context: HoursContext, report: WorkReport, text: str) -> ReportEntry:
    return ReportEntry(tenant_id=context.tenant_id, report=report, code=CODE, detail=text, run_id=context.run_id)
