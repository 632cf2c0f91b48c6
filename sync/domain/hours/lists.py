"""The lists that hours refer to (work types, pay types, journals …): read whole now and then, kept, never written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from mappings.entities.work_report import KEPT, LISTS, id_of
from mappings.hours import Listed, Lists
from mappings.models import RecordLink
from mappings.spec import System
from mappings.transforms import TRANSFORMS, MappingError, read_text
from sync.connectors.base import Connector, Row
from sync.domain.bulk import save_many
from sync.models import ReferenceRow, ReportCursor, WorkReport
from tenants.scoping import tenant_scope

#: Known lists by the Intempus id of their rows; all others by the Uniconta key.
BY_ID = ("work_type", "work_category")
#: The pairs a report refers to, by the column that holds the Intempus id.
LINKED = {"project": "case_id", "employee": "employee_id", "product": "product_id"}


def read_lists(tenant_id: int, connectors: Mapping[System, Connector]) -> None:
    """Read every list whole, one call each, and keep what changed. Raises RemoteError."""
    for name, side in LISTS.items():
        rows = {str(row[side.id_field]): _kept(name, side, row) for row in connectors[side.system].read_all(side)}
        with tenant_scope(tenant_id):
            _store(tenant_id, name, rows)
    with tenant_scope(tenant_id):
        ReportCursor.objects.filter(tenant_id=tenant_id).update(lists_read_at=Now())


def _kept(name: str, side: Any, row: Row) -> dict[str, Any]:
    return {
        "key": read_text(row.get(side.key_field))[:60],
        "name": read_text(row.get(side.name_field))[:255],
        "data": {field: _value(field, row[field]) for field in KEPT[name] if field in row},
    }


def _value(field: str, raw: Any) -> Any:
    if field in ("work_model", "work_category"):
        return id_of(raw)
    if field == "Phase":
        try:
            return TRANSFORMS["phase_member"].read(raw)
        except MappingError:
            return read_text(raw)  # an unknown phase is no open one
    if field == "Terminated":
        return TRANSFORMS["date"].read(raw)
    return raw if isinstance(raw, bool) else read_text(raw)


def _store(tenant_id: int, name: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    known = {row.remote_id: row for row in ReferenceRow.objects.filter(tenant_id=tenant_id, list=name)}
    changed = []
    for remote_id, row in known.items():
        values = {"is_gone": remote_id not in rows, **rows.get(remote_id, {})}
        if any(getattr(row, column) != value for column, value in values.items()):
            for column, value in values.items():
                setattr(row, column, value)
            changed.append(row)
    save_many(changed, ["key", "name", "data", "is_gone"])
    ReferenceRow.objects.bulk_create(
        (
            ReferenceRow(tenant_id=tenant_id, list=name, remote_id=remote_id, **row)
            for remote_id, row in rows.items()
            if remote_id not in known
        ),
        batch_size=500,
    )


def load_lists(tenant_id: int, reports: QuerySet[WorkReport] | None, items: Collection[str]) -> Lists:
    """The lists as last read, and which Intempus record is which in Uniconta. Call inside a scope.

    Of the long ones only what `reports` and rules (`items`) refer to: a company has thousands of items and projects, and few
    of them are in the reports that are still to be judged.
    """
    links: dict[str, dict[str, str]] = {entity: {} for entity in LINKED}
    if reports is not None:
        asked = Q()
        for entity, column in LINKED.items():
            asked |= Q(entity=entity, intempus_id__in=reports.order_by().values(column))
        pairs = RecordLink.objects.filter(asked, tenant_id=tenant_id).exclude(uniconta_key="").exclude(intempus_id="")
        columns = ("entity", "intempus_id", "uniconta_key", "merged_into__uniconta_key")
        for entity, intempus_id, key, stands_for_it in pairs.values_list(*columns):
            links[entity][intempus_id] = stands_for_it or key
    wanted = {
        "item": {*items, *links["product"].values()},
        "employee": set(links["employee"].values()),
        "project": set(links["project"].values()),
    }
    rows = Q(list__in=[name for name in LISTS if name not in wanted])
    for name, keys in wanted.items():
        rows |= Q(list=name, key__in=keys)
    found: dict[str, dict[str, Listed]] = {name: {} for name in LISTS}
    there = ReferenceRow.objects.filter(rows, tenant_id=tenant_id, is_gone=False)
    for name, remote_id, key, title, data in there.values_list("list", "remote_id", "key", "name", "data"):
        found[name][remote_id if name in BY_ID else key] = Listed(key, title, data)
    return Lists(
        work_types=found["work_type"],
        work_categories=found["work_category"],
        journals=found["journal"],
        categories=found["category"],
        pay_types=found["pay_type"],
        items=found["item"],
        employees=found["employee"],
        projects=found["project"],
        links=links,
    )
