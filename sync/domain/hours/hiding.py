"""Absence that is not transferred: of such a report only what counting needs is kept. Sickness is health data.

Who, which day and how much stay, and that it is approved; what it was called, where, when and why do not, nor its history.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F

from mappings.hours import Kind, content_hash
from mappings.models import HoursPolicy
from sync.domain.bulk import save_many
from sync.domain.hours.judging import Rules
from sync.models import ReportCursor, ReportEntry, WorkReport

#: What such a report says in our tables.
HIDDEN: dict[str, Any] = {
    "kind": Kind.ABSENCE.value,
    **dict.fromkeys(
        ("case_id", "case_name", "work_type_id", "work_type_name", "category_name", "remarks", "origin"), ""
    ),
    **dict.fromkeys(("starts_at", "ends_at")),
    "approvals": [],
}
#: So much older it counts as read: everything is due again.
LONG_AGO = timedelta(days=400)


def hide(policy: HoursPolicy) -> set[str]:
    """The work types to hide by the lists and settings as they are; what is stored of those that were shown until now is
    hidden. Where one is shown again, everything is read anew. Call inside a scope.
    """
    rules = Rules.load(policy)
    position, _ = ReportCursor.objects.select_for_update().get_or_create(tenant_id=policy.tenant_id)
    before = set(position.hidden_work_types)
    # One that Intempus lists no more was what it was.
    hidden = rules.hidden_work_types | before.difference(rules.lists.work_types)
    if hidden == before:
        return hidden
    _hide_stored(policy.tenant_id, hidden - before)
    cursor = ReportCursor.objects.filter(tenant_id=policy.tenant_id)
    cursor.update(hidden_work_types=sorted(hidden))
    if before - hidden:
        cursor.update(everything_read_at=F("everything_read_at") - LONG_AGO)
    return hidden


def _hide_stored(tenant_id: int, work_types: set[str]) -> None:
    """Not what has a line: that is in the books as what it is."""
    shown = WorkReport.objects.filter(tenant_id=tenant_id, work_type_id__in=work_types, product_id="")
    reports = list(shown.filter(state__in=WorkReport.OPEN, transferred_hash="", lines=None))
    for report in reports:
        for name, value in {**HIDDEN, "problems": [], "warnings": [], "line": {}, "earlier": []}.items():
            setattr(report, name, value)
        report.content_hash = content_hash(report)
    save_many(reports, [*HIDDEN, "problems", "warnings", "line", "earlier", "content_hash"])
    ReportEntry.objects.filter(report__in=reports).update(changes=[], detail="")
