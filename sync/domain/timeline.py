"""The history of one record, newest first: what came in, what was decided and why, what was sent, what answered.

Three tables become one list: change events, sync log entries, and the exchanges of each entry. Call inside a scope.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Left, Length

from mappings.entities import ENTITIES
from mappings.labels import attribute_label
from mappings.models import FieldRule, RecordLink
from mappings.rules import with_rules
from mappings.spec import Entity, System
from sync.domain.catalogue import Explanation, explain_code
from sync.models import ChangeEvent, Exchange, SyncLogEntry

#: Bodies are cut on the record's page; the entry's own page shows them whole.
BODY_SHOWN = 4_000


@dataclass(frozen=True)
class FieldChange:
    """One field of one plan: before → after, and why."""

    name: str
    label: str
    before: Any
    after: Any
    reason: Explanation | None = None
    loses: bool = False  # something typed in Intempus that never travelled


@dataclass(frozen=True)
class ShownExchange:
    id: int
    at: datetime
    system: str
    method: str
    url: str
    status: int
    duration_ms: int
    request: str
    response: str
    is_cut: bool
    error: Explanation | None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class EventItem:
    """A hint that arrived: who says that the record may have changed."""

    id: int
    at: datetime
    event: ChangeEvent
    error: Explanation | None
    person: str = ""
    kind: str = "event"


@dataclass(frozen=True)
class EntryItem:
    """What happened with one change of the record."""

    id: int
    at: datetime
    entry: SyncLogEntry
    person: str
    changes: tuple[FieldChange, ...]
    overwritten: tuple[FieldChange, ...]
    not_taken_over: tuple[FieldChange, ...]
    notes: tuple[Explanation, ...]
    error: Explanation | None
    exchanges: tuple[ShownExchange, ...]
    kind: str = "entry"


Item = EventItem | EntryItem
#: (tenant, system, entity, id or number there) → "number name".
Names: TypeAlias = dict[tuple[int, str, str, str], str]


@dataclass(frozen=True)
class Part:
    """Some changes as a plan keeps them, {"field", "old", "new", "reason"?, "loses"?}, in the spelling of `system`."""

    tenant_id: int
    entity: Entity | None
    system: str
    changes: Sequence[dict[str, Any]]

    def reference(self, field: str) -> str:
        """The entity that a field names a record of; "" for any other field."""
        references = self.entity.references if self.entity else ()
        return next((each.reference for each in references if each.name == field), "")


@dataclass(frozen=True)
class Timeline:
    """One page of it; `older` is what to pass as `before` for the next page ("" at the end)."""

    items: tuple[Item, ...]
    older: str = ""


# At the same instant the entry stands above the event that led to it.
_RANK = {"event": 0, "entry": 1}


def timeline(link: RecordLink, before: str = "", limit: int = 50) -> Timeline:
    """A page of the record's history. Raises ValueError for a `before` that no page gave out."""
    entity = entity_of(link.tenant_id, link.entity)
    position = _parse(before) if before else None
    events = list(_older(_events(link), "event", "received_at", position)[: limit + 1])
    entries = list(_older(_entries(link), "entry", "at", position)[: limit + 1])
    rows: list[tuple[datetime, int, int, ChangeEvent | SyncLogEntry]] = [
        *((event.received_at, _RANK["event"], event.pk, event) for event in events),
        *((entry.at, _RANK["entry"], entry.pk, entry) for entry in entries),
    ]
    rows.sort(key=lambda row: row[:3], reverse=True)
    page = rows[:limit]
    shown_entries = [row for *_, row in page if isinstance(row, SyncLogEntry)]
    names = reference_names(part for entry in shown_entries for part in parts_of(entry, entity))
    exchanges = exchanges_of(shown_entries)
    people = _people(shown_entries)
    items = tuple(
        entry_item(row, entity, people, exchanges.get(row.pk, ()), names)
        if isinstance(row, SyncLogEntry)
        else _event_item(row)
        for *_, row in page
    )
    older = ""
    if len(rows) > limit:
        at, rank, pk, _ = page[-1]
        older = f"{at.isoformat()}|{rank}|{pk}"
    return Timeline(items, older)


def _events(link: RecordLink) -> QuerySet[ChangeEvent]:
    """Those tied to the link, and those still open that name its record (webhooks know no link)."""
    mine = Q(link_id=link.pk)
    for system in System:
        if remote_id := link.remote_id(system):
            mine |= Q(
                tenant_id=link.tenant_id,
                entity=link.entity,
                system=system.value,
                remote_id=remote_id,
                state__in=ChangeEvent.OPEN,
            )
    return ChangeEvent.objects.filter(mine).select_related("requested_by")


def _entries(link: RecordLink) -> QuerySet[SyncLogEntry]:
    return SyncLogEntry.objects.filter(tenant_id=link.tenant_id, link_id=link.pk).defer("sealed_pre_image")


def _parse(before: str) -> tuple[datetime, int, int]:
    at, rank, pk = before.split("|")
    return datetime.fromisoformat(at), int(rank), int(pk)


def _older(rows: QuerySet[Any], kind: str, column: str, position: tuple[datetime, int, int] | None) -> QuerySet[Any]:
    """Rows strictly below `position` in the order (instant, kind, id), newest first."""
    if position is not None:
        at, rank, pk = position
        if _RANK[kind] < rank:
            rows = rows.filter(**{f"{column}__lte": at})
        elif _RANK[kind] > rank:
            rows = rows.filter(**{f"{column}__lt": at})
        else:
            rows = rows.filter(Q(**{f"{column}__lt": at}) | Q(**{column: at, "pk__lt": pk}))
    return rows.order_by(f"-{column}", "-pk")


def entity_of(tenant_id: int, name: str) -> Entity | None:
    """The entity with the tenant's own fields; the declared one when a rule does not fit any more."""
    declared = ENTITIES.get(name)
    if declared is None:
        return None
    try:
        return with_rules(declared, FieldRule.objects.filter(tenant_id=tenant_id, entity=name, is_off=False), [])
    except ValueError:
        return declared


def exchanges_of(entries: Sequence[SyncLogEntry], body_shown: int = BODY_SHOWN) -> dict[int, tuple[ShownExchange, ...]]:
    """The exchanges of these entries, by entry. The time goes with the look-up: the table is partitioned by it."""
    if not entries:
        return {}
    first = min(entry.at for entry in entries) - timedelta(hours=1)
    last = max(entry.finished_at or entry.at for entry in entries) + timedelta(hours=1)
    rows = Exchange.objects.filter(entry_id__in=[entry.pk for entry in entries], at__range=(first, last))
    grouped: dict[int, list[ShownExchange]] = defaultdict(list)
    for exchange in shown_exchanges(rows, body_shown):
        grouped[exchange[0]].append(exchange[1])
    return {entry_id: tuple(exchanges) for entry_id, exchanges in grouped.items()}


def shown_exchanges(rows: QuerySet[Exchange], body_shown: int = BODY_SHOWN) -> list[tuple[int, ShownExchange]]:
    """(entry id or 0, exchange) in the order of sending, bodies cut in the database."""
    found = rows.order_by("at", "pk").annotate(
        sent=Left("request_body", body_shown),
        got=Left("response_body", body_shown),
        longest=Length(F("request_body")) + Length(F("response_body")),
    )
    return [
        (
            row.entry_id or 0,
            ShownExchange(
                id=row.pk,
                at=row.at,
                system=row.system,
                method=row.method,
                url=row.url,
                status=row.status,
                duration_ms=row.duration_ms,
                request=pretty(row.sent),
                response=pretty(row.got),
                is_cut=row.longest > len(row.sent) + len(row.got),
                error=explain_code(row.error_code) if row.error_code else None,
            ),
        )
        for row in found.defer("request_body", "response_body")
    ]


def pretty(body: str) -> str:
    """JSON with line breaks; anything else, also JSON that was cut, as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _event_item(event: ChangeEvent) -> EventItem:
    error = explain_code(event.error_code, event.error_detail) if event.error_code else None
    person = event.requested_by
    return EventItem(
        event.pk, event.received_at, event, error, person.get_full_name() or person.get_username() if person else ""
    )


def _people(entries: Sequence[SyncLogEntry]) -> dict[int, str]:
    ids = {entry.user_id for entry in entries if entry.user_id}
    if not ids:
        return {}
    users = get_user_model()._default_manager.filter(pk__in=ids)  # noqa: SLF001 - Django's own name for it
    return {user.pk: user.get_full_name() or user.get_username() for user in users}


def entry_item(
    entry: SyncLogEntry,
    entity: Entity | None,
    people: dict[int, str] | None = None,
    exchanges: tuple[ShownExchange, ...] = (),
    names: Names | None = None,
) -> EntryItem:
    """A log entry with names and sentences in the active language. `names`: what `reference_names` found for it."""
    plan = entry.plan
    parts = parts_of(entry, entity)
    names = reference_names(parts) if names is None else names
    changes, overwritten, not_taken_over = (changes_shown(part, names) for part in parts)
    return EntryItem(
        id=entry.pk,
        at=entry.at,
        entry=entry,
        person=(people if people is not None else _people([entry])).get(entry.user_id or 0, ""),
        changes=changes,
        overwritten=overwritten,
        not_taken_over=not_taken_over,
        notes=tuple(explain_code(str(code)) for code in plan.get("notes") or ()),
        error=explain_code(entry.error_code, entry.error_detail) if entry.error_code else None,
        exchanges=exchanges,
    )


def parts_of(entry: SyncLogEntry, entity: Entity | None) -> list[Part]:
    """The lists of changes that a log entry keeps, each in the spelling of one system."""
    plan = entry.plan
    spelt = (("changes", entry.target), ("overwritten", entry.target), ("not_taken_over", System.INTEMPUS.value))
    return [Part(entry.tenant_id, entity, system, plan.get(name) or ()) for name, system in spelt]


def changes_shown(part: Part, names: Names) -> tuple[FieldChange, ...]:
    def shown(field: str, value: Any) -> Any:
        return names.get((part.tenant_id, part.system, part.reference(field), str(value)), value)

    return tuple(
        FieldChange(
            name=(field := str(change.get("field", ""))),
            label=attribute_label(part.entity, field),
            before=shown(field, change.get("old", "")),
            after=shown(field, change.get("new", "")),
            reason=explain_code(change["reason"]) if change.get("reason") else None,
            loses=bool(change.get("loses")),
        )
        for change in part.changes
    )


def names_referred_to(entity: Entity, links: Iterable[RecordLink]) -> Names:
    """What the records are called that these refer to, by what was last read on either side. One query, or none."""
    parts = []
    for link in links:
        for system in System:
            found = (link.base(system), link.current(system) or {})
            changes = [{"field": name, "new": value} for values in found for name, value in values.items()]
            parts.append(Part(link.tenant_id, entity, system.value, changes))
    return reference_names(parts)


def reference_names(parts: Iterable[Part]) -> Names:
    """What the records are called that changes name by an id or number of one system. One query, or none."""
    column = {System.UNICONTA.value: "uniconta_key", System.INTEMPUS.value: "intempus_id"}
    wanted: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for part in parts:
        for change in part.changes:
            reference = part.reference(str(change.get("field", "")))
            if reference and part.system in column:
                values = {str(change.get(side) or "") for side in ("old", "new")}
                wanted[part.tenant_id, part.system, reference] |= values - {""}
    named = [
        Q(tenant_id=tenant_id, entity=name, **{f"{column[system]}__in": ids})
        for (tenant_id, system, name), ids in wanted.items()
        if ids
    ]
    names: Names = {}
    for link in RecordLink.objects.filter(reduce(or_, named)) if named else ():
        for system in System:
            if value := getattr(link, column[system.value]):
                names[link.tenant_id, system.value, link.entity, value] = str(link)
    return names
