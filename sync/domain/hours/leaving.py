"""The tenant leaves a company (*Move company*): what was read and sent belongs to that company and is left as it stands."""

from __future__ import annotations

from mappings.entities.work_report import NAME
from mappings.models import HoursPolicy
from sync.models import Cursor, ReferenceRow, ReportCursor, WorkReport

CODE = "company_moved"


def leave_hours(tenant_id: int) -> int:
    """Close every report, and switch hours off until a person says anew from which day on; returns how many reports.

    Otherwise the reports of the company that is left would count as deleted, its lines as missing, and what is on its way
    would go to the other company. Call inside a scope.
    """
    Cursor.objects.filter(tenant_id=tenant_id, entity=NAME).delete()
    ReportCursor.objects.filter(tenant_id=tenant_id).delete()
    ReferenceRow.objects.filter(tenant_id=tenant_id).delete()
    for policy in HoursPolicy.objects.select_for_update().filter(tenant_id=tenant_id):
        policy.enabled, policy.transfer_from = False, None
        policy._change_reason = CODE  # type: ignore[attr-defined]  # noqa: SLF001 - as simple_history wants it
        policy.save()
    reports = WorkReport.objects.filter(tenant_id=tenant_id).exclude(state=WorkReport.State.CLOSED)
    return reports.update(state=WorkReport.State.CLOSED, reason=CODE, problems=[], answer="")
