"""What we read becomes state and change events: one row per record from first sight, an event where it changed.

Reading decides nothing. An older read never replaces a newer one, so reads may overlap freely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import structlog
from django.db import connection

from mappings.engine import KEPT_OUT, Inactive, kept_out, match_keys, to_canonical
from mappings.models import RecordLink
from mappings.spec import Entity, Side, System
from mappings.transforms import TRANSFORMS, MappingError, read_counter, storable
from sync.connectors.errors import ConnectionBroken
from sync.domain.bulk import save_many
from sync.domain.connections import NotReadyError
from sync.domain.context import Context
from sync.domain.doorbell import ring
from sync.domain.personal_number import personal_key, personal_keys
from sync.domain.renamed import follow_renamed
from sync.models import ChangeEvent, Run
from tenants.scoping import tenant_scope

log = structlog.get_logger()

BATCH = 500
LONGEST_ID = 40
SEEN_FIELDS = ("name", "is_ticked", "state", "reason", "detail", "changed_at")
#: Excluded only because a switch was off: worth another look at every complete read, the switch may be on now.
SWITCHED_OFF = ("entity_off", "creates_off", "direction_off")


@dataclass
class Observed:
    """Counts of one read, and the identities it showed."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unreadable: int = 0  # rows whose id no record link can hold
    ids: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        counts = {"read": self.read, "new": self.new, "changed": self.changed}
        return counts | ({"unreadable": self.unreadable} if self.unreadable else {})


@dataclass(frozen=True)
class Reading:
    """One row as read: its identity, its canonical values and what else a link remembers of it."""

    id: str
    key: str
    name: str
    values: dict[str, Any]
    timestamp: int | None
    is_ticked: bool | None
    match_keys: list[str]
    problem: MappingError | None = None
    is_tick_known: bool = True  # False: the field watch waits for a person, the tick remembered so far stands


def read_row(context: Context, entity: Entity, system: System, row: Mapping[str, Any]) -> Reading:
    """A row in neutral terms. A value that cannot be understood is the record's own problem, not the read's."""
    side = entity.side(system)
    record_id = str(row[side.id_field])
    values: dict[str, Any] = {}
    timestamp = problem = None
    try:
        values = to_canonical(entity, system, row)
        timestamp = read_counter(row.get(side.timestamp_field)) if side.timestamp_field else None
    except MappingError as error:
        values, problem = {}, error
        problem.field = problem.field or side.timestamp_field
    key = storable(str(row.get(side.key_field) or ""))[:60]
    keys = match_keys(entity, system, values)
    if side.personal_number_field:
        keys[:0] = personal_key(context.tenant_id, row.get(side.personal_number_field))
    # Our own creation id is the surest key of all: it finds the record whose answer got lost.
    if side.creation_id_field:
        if row.get(side.creation_id_field):
            keys.insert(0, f"c:{storable(str(row[side.creation_id_field]))[:60]}")
    else:
        keys[:0] = [f"c:{context.creation_id(entity, record_id)}", f"n:{key}"]
    return Reading(
        id=record_id,
        key=key,
        name=storable(str(row.get(side.name_field) or ""))[:255],
        values=values,
        timestamp=timestamp,
        is_ticked=context.is_ticked(entity, row) if system is System.UNICONTA else None,
        match_keys=keys,
        problem=problem,
        is_tick_known=context.is_tick_known(entity),
    )


def observe(
    context: Context,
    entity: Entity,
    system: System,
    rows: Iterable[Mapping[str, Any]],
    read_at: datetime,
    *,
    origin: str,
    run: Run | None = None,
    is_complete: bool = False,
    stores_events: bool = True,
) -> Observed:
    """Store what `rows`, read at `read_at` (database time before the read), show; returns counts.

    `is_complete`: the rows are the whole table, so linked records missing from it get an event, too.
    Raises ConnectionBroken when a row belongs to another company (rule M13), NotReadyError when the tenant has moved
    to another company since this read began.
    """
    observed = Observed()
    for chunk, is_last in _chunks(rows, BATCH):
        _check_company(context, entity.side(system), chunk)
        readings = [read_row(context, entity, system, row) for row in chunk if _can_be_known(entity.side(system), row)]
        observed.read += len(chunk)
        observed.unreadable += len(chunk) - len(readings)
        observed.ids.update(reading.id for reading in readings)
        ends = is_complete and is_last
        if not readings and not ends:
            continue
        with tenant_scope(context.tenant_id):
            _hold_company(context, system)
            new, changed = _store(context, entity, system, readings, read_at, origin, run, is_complete, stores_events)
            if ends:
                changed += _store_missing(context, entity, system, observed.ids, read_at, origin, run)
        observed.new += new
        observed.changed += changed
    return observed


def _chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[tuple[list[Mapping[str, Any]], bool]]:
    """The rows by so many, and whether that was all; of no rows an empty list."""
    iterator = iter(rows)
    following = list(islice(iterator, size))
    is_last = False
    while not is_last:
        chunk, following = following, list(islice(iterator, size))
        is_last = not following
        yield chunk, is_last


def _can_be_known(side: Side, row: Mapping[str, Any]) -> bool:
    """Whether a link can name the row. What it cannot is left out and counted; the rows beside it go on."""
    record_id = str(row[side.id_field])
    is_good = len(record_id) <= LONGEST_ID and storable(record_id) == record_id
    if not is_good:
        log.warning("row left out", resource=side.resource, id=record_id[:LONGEST_ID])
    return is_good


def _check_company(context: Context, side: Side, rows: list[Mapping[str, Any]]) -> None:
    """Proof that we read the right company, from the rows themselves."""
    expected = context.companies[side.system.value]
    for row in rows:
        found = row.get(side.company_field) if side.company_field else None
        if TRANSFORMS["reference_uri"].read(found) not in ("", expected):
            raise ConnectionBroken("wrong_company", f"{side.resource} {row[side.id_field]}: company {found}")


def _hold_company(context: Context, system: System) -> None:
    """Nobody moves the tenant to another company (`move_company`) before these rows are stored, or they do not count."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(nullif(pinned_company_id, ''), company_id) FROM tenants_connection"
            " WHERE tenant_id = %s AND system = %s FOR KEY SHARE",
            [context.tenant_id, system.value],
        )
        found = cursor.fetchone()
    if found is not None and found[0] != context.companies[system.value]:
        raise NotReadyError("company_moved")


def _store(
    context: Context,
    entity: Entity,
    system: System,
    readings: list[Reading],
    read_at: datetime,
    origin: str,
    run: Run | None,
    is_complete: bool,
    stores_events: bool,
) -> tuple[int, int]:
    ids = [reading.id for reading in readings]
    scope = {"tenant_id": context.tenant_id, "entity": entity.name}
    known: dict[str, RecordLink] = {
        link.remote_id(system): link
        for link in RecordLink.objects.select_for_update(of=("self",)).filter(**scope, **{f"{system}_id__in": ids})
    }
    fresh = [reading for reading in readings if reading.id not in known]
    RecordLink.objects.bulk_create(
        [RecordLink(**scope, **_identity(system, reading)) for reading in fresh], ignore_conflicts=True
    )
    for link in RecordLink.objects.filter(**scope, **{f"{system}_id__in": [reading.id for reading in fresh]}):
        known[link.remote_id(system)] = link
    touched: list[RecordLink] = []
    told: list[RecordLink] = []
    filled: list[RecordLink] = []
    doubtful: list[RecordLink] = []
    gone = context.gone_attributes(entity, system)
    renamed: dict[str, str] = {}
    for reading in readings:
        link = known[reading.id]
        if reading.problem is None:
            _keep_gone(reading, link.current(system), gone)
        seen_at = getattr(link, f"{system}_seen_at")
        if seen_at is not None and seen_at >= read_at:
            if reading.problem is None and link.current(system) != reading.values:
                doubtful.append(link)
            continue
        is_due = is_complete and system is System.UNICONTA and _has_phase_policy_changed(context, entity, link, reading)
        if not (is_due or needs_processing(link, system, reading, is_complete)):
            if reading.values.keys() - (link.current(system) or {}).keys():
                # Fields of a new mapping, and nothing else is new.
                if take_new_fields(entity, link, system, reading, read_at):
                    told.append(link)
                touched.append(link)
                filled.append(link)
                continue
            if _note_unchanged(link, system, reading):
                touched.append(link)
            continue
        renamed |= _new_number(link, system, reading)
        note_seen(link, system, reading, read_at)
        link.is_after_gap = link.is_after_gap or system in context.gaps
        touched.append(link)
        told.append(link)
    save_seen(touched, system)
    save_many(filled, [f"{each}_{column}" for each in System for column in ("base", "seen")])
    follow_renamed(context.tenant_id, context.entities.values(), entity.name, renamed)
    if stores_events and told:
        store_events(context, entity, system, told, read_at, origin, run)
    if doubtful and entity.side(system).has_cursor:
        # Read while a write of ours was under way: what it shows is from before, or an edit from right after, which the
        # cursor now leaves behind. Only a look at the record itself tells.
        store_events(context, entity, system, doubtful, read_at, origin, run, operation="missing")
    return len(fresh), len(told)


def _keep_gone(reading: Reading, last: Mapping[str, Any] | None, gone: frozenset[str]) -> None:
    """A field that no row carries any more is not blank: what was known of it stands, until a person says more."""
    for name in gone:
        if last is not None and name in last:
            reading.values[name] = last[name]
        else:
            reading.values.pop(name, None)


def _identity(system: System, reading: Reading) -> dict[str, Any]:
    return {f"{system}_id": reading.id, f"{system}_key": reading.key, "name": reading.name}


def needs_processing(link: RecordLink, system: System, reading: Reading, is_complete: bool) -> bool:
    """Whether this reading says something about the record that is neither processed nor waiting to be."""
    if reading.problem is not None:
        return link.reason != "mapping_error" or link.detail != _problem(system, reading)
    if _has_problem(link, system):
        return True
    if link.is_gone(system):
        return True
    last = link.current(system)
    if last is None or any(name not in reading.values or reading.values[name] != last[name] for name in last):
        return True
    if system is System.UNICONTA and reading.is_tick_known and link.is_ticked != reading.is_ticked:
        return True
    if link.state == RecordLink.State.NEW or (not link.is_linked and _has_other_number(link, system, reading)):
        return True
    if not is_complete:
        return False
    if link.state == RecordLink.State.EXCLUDED and link.reason in SWITCHED_OFF:
        return True
    # A complete read also repairs: a difference from the base that nobody is working on or waiting for.
    return link.state == RecordLink.State.IN_SYNC and _is_unprocessed(link, system)


def _is_unprocessed(link: RecordLink, system: System) -> bool:
    """Whether something was seen that the base does not have. A field the other side was never read for can wait."""
    seen = getattr(link, f"{system}_seen")
    base, other = link.base(system), link.current(system.other) or {}
    return seen is not None and any(
        name not in base or base[name] != value for name, value in seen.items() if name in base or name in other
    )


def take_new_fields(entity: Entity, link: RecordLink, system: System, reading: Reading, read_at: datetime) -> bool:
    """Keep what a changed mapping reads for the first time; whether the record has to be looked at because of it.

    A mapping is no change of any record. Where both sides hold the same, that is their base; where they differ, or the
    record could not be processed before, it is looked at. The side that was not read yet tells when it is.
    """
    new = reading.values.keys() - (link.current(system) or {}).keys()
    note_seen(link, system, reading, read_at)
    other = link.current(system.other)
    is_told = link.state not in (RecordLink.State.IN_SYNC, RecordLink.State.EXCLUDED)
    if not link.is_linked or other is None:
        return is_told
    for name in new & other.keys():
        if other[name] == reading.values[name] and not entity.attribute(name).reference:
            for each in System:
                _adopt(link, each, name, reading.values[name])
        elif link.is_ticked is not False:
            is_told = True
    return is_told


def _adopt(link: RecordLink, system: System, name: str, value: Any) -> None:
    link.base(system)[name] = value
    if getattr(link, f"{system}_seen") == link.base(system):
        setattr(link, f"{system}_seen", None)


def _has_phase_policy_changed(context: Context, entity: Entity, link: RecordLink, reading: Reading) -> bool:
    """Whether the tenant's set of phases says otherwise about the record than when it was looked at last."""
    is_settled = link.state in (RecordLink.State.IN_SYNC, RecordLink.State.EXCLUDED)
    if entity.phase is None or reading.problem is not None or not is_settled:
        return False
    why = kept_out(entity, reading.values, context.policy(entity), link.is_ticked)
    was_out = link.inactive_reason == RecordLink.Inactive.PHASE or link.reason in KEPT_OUT[Inactive.PHASE]
    return why is not Inactive.FLAG and (why is Inactive.PHASE) is not was_out


def note_seen(link: RecordLink, system: System, reading: Reading, read_at: datetime) -> None:
    """Keep on the link what was read. Nothing is decided here."""
    setattr(link, f"{system}_key", reading.key)
    setattr(link, f"{system}_seen_at", read_at)
    _set_match_keys(link, system, reading)
    if link.is_gone(system):
        setattr(link, f"is_gone_in_{system}", False)
        link.deletion_answer, link.merged_into = "", None
    if reading.problem is None:
        is_known = reading.values == link.base(system)
        setattr(link, f"{system}_seen", None if is_known else reading.values)
        if _has_problem(link, system):
            link.state, link.reason, link.detail = RecordLink.State.NEW, "", ""
    else:
        link.state, link.reason = RecordLink.State.NEEDS_ATTENTION, "mapping_error"
        link.detail = _problem(system, reading)
    if system is System.UNICONTA and reading.is_tick_known:
        link.is_ticked = reading.is_ticked
    if reading.timestamp is not None:
        link.intempus_timestamp = reading.timestamp
    if system is System.UNICONTA or not link.uniconta_id:
        link.name = reading.name


def _note_unchanged(link: RecordLink, system: System, reading: Reading) -> bool:
    """Keep what is new about a record of which no value is; whether there is anything."""
    is_restamped = reading.timestamp not in (None, link.intempus_timestamp)
    if is_restamped:
        link.intempus_timestamp = reading.timestamp
    if has_other_number := _has_other_number(link, system, reading):
        _set_match_keys(link, system, reading)
    return is_restamped or has_other_number


def _new_number(link: RecordLink, system: System, reading: Reading) -> dict[str, str]:
    """Old number → new one, where the record in Uniconta was given another."""
    is_renamed = system is System.UNICONTA and link.uniconta_key and reading.key not in ("", link.uniconta_key)
    return {link.uniconta_key: reading.key} if is_renamed else {}


def _set_match_keys(link: RecordLink, system: System, reading: Reading) -> None:
    own = [key for key in getattr(link, f"{system}_match_keys") if key.startswith("p:")]  # a person's answer stands
    if link.reserved_number and system is System.INTEMPUS:
        own.append(f"n:{link.reserved_number}")
    setattr(link, f"{system}_match_keys", [*own, *reading.match_keys])


def _has_other_number(link: RecordLink, system: System, reading: Reading) -> bool:
    """Whether the person's CPR number was typed, corrected or removed, which changes no value."""
    return personal_keys(getattr(link, f"{system}_match_keys")) != personal_keys(reading.match_keys)


def _problem(system: System, reading: Reading) -> str:
    field = reading.problem.field if reading.problem else ""
    return f"{system}.{field}: {reading.problem}"


def _has_problem(link: RecordLink, system: System) -> bool:
    return link.reason == "mapping_error" and link.detail.startswith(f"{system}.")


def save_seen(links: list[RecordLink], system: System) -> None:
    if not links:
        return
    side = [f"{system}_{name}" for name in ("key", "seen_at", "match_keys", "seen")] + [f"is_gone_in_{system}"]
    save_many(
        links,
        [
            *side,
            "name",
            "is_after_gap",
            "deletion_answer",
            "merged_into",
            "is_ticked",
            "intempus_timestamp",
            "state",
            "reason",
            "detail",
        ],
    )


def store_events(
    context: Context,
    entity: Entity,
    system: System,
    links: list[RecordLink],
    received_at: datetime,
    origin: str,
    run: Run | None = None,
    operation: str = "",
) -> None:
    """One event per link, in the transaction that also stores what was seen; rings the tenant's bell."""
    open_links = set(
        ChangeEvent.objects.filter(link__in=links, state=ChangeEvent.State.PENDING, operation=operation).values_list(
            "link_id", flat=True
        )
    )
    priority = {
        ChangeEvent.Origin.PERSON: ChangeEvent.Priority.PERSON,
        ChangeEvent.Origin.SWEEP: ChangeEvent.Priority.BACKFILL,
    }.get(ChangeEvent.Origin(origin), ChangeEvent.Priority.PULL)
    ChangeEvent.objects.bulk_create(
        ChangeEvent(
            tenant_id=context.tenant_id,
            entity=entity.name,
            system=system.value,
            remote_id=link.remote_id(system),
            key=getattr(link, f"{system}_key"),
            origin=origin,
            operation=operation,
            link=link,
            run=run,
            priority=priority,
            due_at=received_at,
            received_at=received_at,
        )
        for link in links
        # A pending event of ours says the same already; it carries no data that could be older.
        if link.pk not in open_links or origin == ChangeEvent.Origin.PERSON
    )
    ring(context.tenant_id)


def _store_missing(
    context: Context,
    entity: Entity,
    system: System,
    ids: set[str],
    read_at: datetime,
    origin: str,
    run: Run | None,
) -> int:
    """Linked records that a complete read did not show: only a hint, each is looked up before anything is said."""
    links = RecordLink.objects.filter(
        tenant_id=context.tenant_id, entity=entity.name, **{f"is_gone_in_{system}": False}
    ).exclude(**{f"{system}_id": ""})
    candidates = links.filter(**{f"{system}_seen_at__lt": read_at}).values_list("pk", f"{system}_id")
    missing = [pk for pk, record_id in candidates.iterator(chunk_size=2000) if record_id not in ids]
    if missing:
        store_events(
            context, entity, system, list(links.filter(pk__in=missing)), read_at, origin, run, operation="missing"
        )
    return len(missing)


# ------------------------------------------------------------------------------------------------ field watch (M5)
