"""Reading work reports: what changed since the cursor, and a sliding window beside it.

An approval may leave no trace in the change counter (Intempus API page 8), and a deletion never does. So the last
`window_days` days are read again every hour, together with older reports that still wait for approval, and everything once
a month. What that costs does not depend on how many old reports there are, save the monthly reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from mappings.entities.work_report import NAME, REPORT, read_report
from mappings.hours import Ready, content_hash, is_hidden, quantity
from mappings.spec import System
from mappings.transforms import MappingError, read_text
from sync.connectors.base import Row
from sync.domain.bulk import save_many
from sync.domain.context import database_now
from sync.domain.hours.context import HoursContext
from sync.domain.hours.hiding import HIDDEN, hide
from sync.domain.pull import advance, restart
from sync.domain.retention import years_kept_from
from sync.models import Cursor, ReportCursor, ReportEntry, WorkReport
from tenants.scoping import tenant_scope

WINDOW_EVERY = timedelta(hours=1)
EVERYTHING_EVERY = timedelta(days=30)
CHUNK = 1000
#: What a change of these says is said by a code of its own.
QUIET = ("approvals", "origin", "employee_name", "case_name", "category_name", "employee_number", "kind")


def read_reports(context: HoursContext, *, is_window_due: bool = False) -> None:
    """Read what may have changed and store it. Raises RemoteError; what was read until then is stored."""
    with tenant_scope(context.tenant_id):
        hidden = hide(context.policy)
        position, _ = ReportCursor.objects.get_or_create(tenant_id=context.tenant_id)
        now = database_now()
    context.hidden_work_types.update(hidden)
    if _is_due(position.everything_read_at, EVERYTHING_EVERY, now):
        _read_everything(context, position, now)
        return
    if position.has_stamps is not False:
        _read_changes(context, position, now)
    if is_window_due or _is_due(position.window_read_at, WINDOW_EVERY, now):
        _read_window(context, now)


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is None or now - last >= every


def _read_everything(context: HoursContext, position: ReportCursor, now: datetime) -> None:
    """Also the first reading. The counter is asked before: what changes meanwhile is read again."""
    connector = context.connectors[System.INTEMPUS]
    stamp = connector.position(REPORT)
    seen = _store(context, connector.read_where(REPORT, {}), is_first=position.everything_read_at is None)
    _confirm_missing(context, Q(), seen, now)
    with tenant_scope(context.tenant_id):
        cursor, _ = Cursor.objects.get_or_create(tenant_id=context.tenant_id, entity=NAME)
        ReportCursor.objects.filter(pk=position.pk).update(
            everything_read_at=now, window_read_at=now, has_stamps=None if stamp is not None else False
        )
    if stamp is not None:
        advance(context.tenant_id, cursor, stamp, now)


def _read_changes(context: HoursContext, position: ReportCursor, now: datetime) -> None:
    with tenant_scope(context.tenant_id):
        cursor, _ = Cursor.objects.get_or_create(tenant_id=context.tenant_id, entity=NAME)
    changes = context.connectors[System.INTEMPUS].read_changes(REPORT, restart(cursor))
    _store(context, changes.rows)
    if changes.filter_ignored:
        # It answers with everything, each time: the window is cheaper, until the next reading of everything asks again.
        with tenant_scope(context.tenant_id):
            ReportCursor.objects.filter(pk=position.pk).update(has_stamps=False)
    elif changes.cursor is not None:
        advance(context.tenant_id, cursor, changes.cursor, now)


def _read_window(context: HoursContext, now: datetime) -> None:
    connector = context.connectors[System.INTEMPUS]
    start = timezone.localdate() - timedelta(days=context.policy.window_days)
    seen = _store(context, connector.read_where(REPORT, {"start_date__gte": start.isoformat()}))
    expected = Q(starts_on__gte=start)
    if context.policy.ready_when == Ready.APPROVED.value:
        older = {"approved": "false", "start_date__lte": (start - timedelta(days=1)).isoformat()}
        seen |= _store(context, connector.read_where(REPORT, older))
        # An older one that has left this list was approved, or deleted: it is looked up by itself.
        expected |= Q(is_approved=False)
    _confirm_missing(context, expected, seen, now)
    with tenant_scope(context.tenant_id):
        ReportCursor.objects.filter(tenant_id=context.tenant_id).update(window_read_at=now)


def _confirm_missing(context: HoursContext, expected: Q, seen: set[str], read_from: datetime) -> None:
    """Reports that a reading should have shown and did not are read one by one before anything is said about them."""
    with tenant_scope(context.tenant_id):
        reports = WorkReport.objects.filter(expected, tenant_id=context.tenant_id, is_gone=False)
        reports = reports.exclude(state=WorkReport.State.CLOSED)
        known = reports.filter(changed_at__lt=read_from).values_list("intempus_id", flat=True)
        missing = [intempus_id for intempus_id in known.iterator() if intempus_id not in seen]
    if not missing:
        return
    found = context.connectors[System.INTEMPUS].read_by_ids(REPORT, missing)
    _store(context, found.values())
    gone = [intempus_id for intempus_id in missing if intempus_id not in found]
    with tenant_scope(context.tenant_id):
        rows = WorkReport.objects.select_for_update().filter(tenant_id=context.tenant_id, intempus_id__in=gone)
        changed = list(rows)
        for report in changed:
            report.is_gone = True
            report.content_hash = content_hash(report)
            _touch(report)
        _save(changed, [_entry(context, report, "report_deleted", []) for report in changed])
    context.count("deleted", len(changed))


def _store(context: HoursContext, rows: Iterable[Row], *, is_first: bool = False) -> set[str]:
    """Keep the rows, a thousand at a time; returns their ids. `is_first`: they were there before us."""
    seen: set[str] = set()
    for chunk in _chunks(rows):
        seen |= set(chunk)
        with tenant_scope(context.tenant_id):
            _store_chunk(context, chunk, is_first=is_first)
    context.count("read", len(seen))
    return seen


def _chunks(rows: Iterable[Row]) -> Iterator[dict[str, Row]]:
    chunk: dict[str, Row] = {}
    for row in rows:
        chunk[str(row["id"])] = row
        if len(chunk) == CHUNK:
            yield chunk
            chunk = {}
    if chunk:
        yield chunk


def _store_chunk(context: HoursContext, rows: Mapping[str, Row], *, is_first: bool) -> None:
    reports = WorkReport.objects.select_for_update().filter(tenant_id=context.tenant_id, intempus_id__in=rows)
    known = {report.intempus_id: report for report in reports}
    new, changed, entries = [], [], []
    kept_from = years_kept_from(timezone.now())
    for intempus_id, row in rows.items():
        report = known.get(intempus_id)
        values = _columns(row)
        if _hides(context.hidden_work_types, values, report):
            values |= HIDDEN
        elif report is not None and is_hidden(report):
            values["kind"] = ""  # it is something else now
        if report is None:
            if values["starts_on"] < kept_from:
                continue  # kept, and removed when its time was over
            report = WorkReport(tenant_id=context.tenant_id, intempus_id=intempus_id, is_from_before=is_first, **values)
            report.content_hash = content_hash(report)
            new.append(report)
            continue
        if values["unreadable"]:
            values |= {"starts_on": report.starts_on, "ends_on": report.ends_on}
        changes = [
            [name, _plain(getattr(report, name)), _plain(value)]
            for name, value in {**values, "is_gone": False}.items()
            if getattr(report, name) != value
        ]
        if not changes:
            continue
        was_approved, was_locked = report.is_approved, report.is_locked
        for name, value in {**values, "is_gone": False}.items():
            setattr(report, name, value)
        report.content_hash = content_hash(report)
        _touch(report)
        changed.append(report)
        if any(name not in QUIET for name, *_ in changes):
            code = _code(report, was_approved, was_locked)
            entries.append(_entry(context, report, code, [c for c in changes if c[0] not in QUIET]))
    WorkReport.objects.bulk_create(new, batch_size=500)
    _save(changed, entries)
    context.count("new", len(new))
    context.count("changed", len(changed))


def _hides(work_types: Collection[str], values: Mapping[str, Any], report: WorkReport | None) -> bool:
    """Not where it stands in the books as what it is: then the setting came later."""
    is_booked = report is not None and report.transferred_hash and report.work_type_id == values["work_type_id"]
    return values["work_type_id"] in work_types and not values["product_id"] and not is_booked


def _code(report: WorkReport, was_approved: bool, was_locked: bool) -> str:
    if report.is_approved != was_approved:
        return "report_approved" if report.is_approved else "report_withdrawn"
    if report.is_locked != was_locked:
        return "report_locked" if report.is_locked else "report_unlocked"
    return "report_changed"


def _touch(report: WorkReport) -> None:
    """It has changed: whoever is not transferred yet is judged afresh. Who asks about a line of its own goes on asking."""
    report.changed_at = timezone.now()
    if report.state in WorkReport.OPEN and not report.transferred_hash:
        report.state, report.attempts, report.due_at = WorkReport.State.WAITING, 0, timezone.now()


def _save(reports: list[WorkReport], entries: list[ReportEntry]) -> None:
    columns = [*_COLUMNS, "kind", "quantity", "is_gone", "content_hash", "changed_at", "state", "attempts", "due_at"]
    save_many(reports, columns)
    ReportEntry.objects.bulk_create(entries, batch_size=500)


def _entry(context: HoursContext, report: WorkReport, code: str, changes: list[list[Any]]) -> ReportEntry:
    return ReportEntry(tenant_id=context.tenant_id, report=report, code=code, changes=changes, run_id=context.run_id)


_COLUMNS = (
    "employee_id",
    "employee_number",
    "employee_name",
    "case_id",
    "case_name",
    "work_type_id",
    "work_type_name",
    "category_name",
    "product_id",
    "unit",
    "starts_on",
    "ends_on",
    "starts_at",
    "ends_at",
    "amount",
    "remarks",
    "origin",
    "is_approved",
    "is_locked",
    "approvals",
    "unreadable",
)


def _columns(row: Row) -> dict[str, Any]:
    """The columns that Intempus decides. What cannot be understood is kept as a report that asks for a person."""
    try:
        values = read_report(row)
        starts_on, ends_on = date.fromisoformat(values["starts_on"]), date.fromisoformat(values["ends_on"])
        amount = values["amount"].quantize(AMOUNT_STEP)
        times = {name: time.fromisoformat(values[name]) if values[name] else None for name in ("starts_at", "ends_at")}
    except (MappingError, ValueError, ArithmeticError) as error:
        today = timezone.localdate()
        blank = dict.fromkeys(_COLUMNS, "")
        return blank | {
            "unreadable": f"{type(error).__name__}: {error}"[:255],
            "employee_name": read_text(row.get("employee_name"))[:255],
            "starts_on": today,
            "ends_on": today,
            "starts_at": None,
            "ends_at": None,
            "amount": Decimal(0).quantize(AMOUNT_STEP),
            "quantity": Decimal(0),
            "is_approved": row.get("approved") is True,
            "is_locked": False,
            "approvals": [],
        }
    return (
        values
        | times
        | {
            "starts_on": starts_on,
            "ends_on": ends_on,
            "amount": amount,
            "quantity": quantity(amount),
            "unreadable": "",
        }
    )


#: As the column holds it.
AMOUNT_STEP = Decimal(1).scaleb(-14)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value if isinstance(value, (bool, int, list)) or value is None else str(value)
