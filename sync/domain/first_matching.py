"""The first matching: before the first write, everything both systems hold is laid side by side and sorted.

Reading stores record links and nothing else: no cursor moves, no change event appears, and nothing is written anywhere
else. Each record gets a row that says what it was found to be; a person decides on rows (`match_decisions`), and the
engine reads the decisions from the links. Nothing ambiguous is ever linked or created by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from django.db.models import Count, F, Func, Q
from django.utils import timezone

from mappings.entities import ENTITIES
from mappings.models import NOT_MATCHED, EntityPolicy, MatchRow, RecordLink
from mappings.spec import Entity, System
from sync.connectors.errors import RemoteError
from sync.domain.bulk import save_many
from sync.domain.connections import NotReadyError, Recorder, connector_for, report_trouble
from sync.domain.context import Context, database_now, load_context
from sync.domain.decide import QUESTIONS, Item, plan_items
from sync.domain.field_watch import watch_fields, watch_flag
from sync.domain.match import Found, Holders, lay_together, match_record
from sync.domain.observe import observe
from sync.domain.personal_number import PREFIX
from sync.domain.push import foresee
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.models import ChangeEvent, Run
from tenants.models import Tenant
from tenants.scoping import tenant_scope

CHUNK = 500
Category = MatchRow.Category
Decision = MatchRow.Decision


@dataclass(frozen=True)
class Match:
    """What one record was found to be; see MatchRow for the meaning of the fields."""

    link: RecordLink
    category: MatchRow.Category
    other: RecordLink | None = None
    key: str = ""
    candidates: tuple[RecordLink, ...] = ()


# ------------------------------------------------------------------------------------------------ the run


def first_matching(tenant_id: int, run_id: int | None = None) -> Run | None:
    """Read both systems completely and list what corresponds to what. Returns the run, None when one is on already.

    Counts: read, and how many rows of each category. Decisions taken before stand.
    """
    run = begin(tenant_id, Run.Kind.MATCHING, run_id)
    if run is None:
        return None
    recorder = Recorder(tenant_id, run)
    counts: Counter[str] = Counter()
    system = System.UNICONTA
    try:
        context = preparing_context(tenant_id, recorder)
        entities = to_match(context)
        if not entities:
            return fail_run(run, "live_already")
        for system in System:
            context.connectors[system].identify()
        for entity in (*_referred_to(context, entities), *entities):
            for system in System:
                counts["read"] += _read(context, entity, system)
                progress(run, counts["read"])
        for entity in entities:
            counts.update(row.category for row in list_rows(context, entity))
    except NotReadyError as error:
        return fail_run(run, error.code, counts=dict(counts))
    except RemoteError as error:
        report_trouble(tenant_id, system, error)
        return fail_run(run, error.code, error.detail, counts=dict(counts))
    finally:
        recorder.flush()
    return finish_run(run, counts=dict(counts))


def preparing_context(tenant_id: int, recorder: Recorder) -> Context:
    """The context of a tenant that need not be live, for looking only."""
    connectors = {system: connector_for(tenant_id, system, recorder) for system in System}
    with tenant_scope(tenant_id):
        return load_context(tenant_id, connectors, recorder)


def to_match(context: Context) -> list[Entity]:
    """What is matched before its first write: all of a company that is prepared, else what was switched on since."""
    is_preparing = context.tenant.state == Tenant.State.PREPARING
    return [each for each in listed(context) if is_preparing or context.policies[each.name].hold_code == NOT_MATCHED]


def _referred_to(context: Context, entities: Sequence[Entity]) -> list[Entity]:
    """The groups these refer to, which have no rows of their own."""
    names = {attribute.reference for entity in entities for attribute in entity.references}
    on_demand = [each for each in context.entities.values() if each.is_on_demand and each.name in names]
    return [each for each in on_demand if context.policies[each.name].enabled]


def listed(context: Context) -> list[Entity]:
    """The entities that get rows. Groups follow the records that use them, so nobody is asked about them."""
    return [
        entity
        for entity in context.entities.values()
        if context.policies[entity.name].enabled and not entity.is_on_demand
    ]


def _read(context: Context, entity: Entity, system: System) -> int:
    """Read one table into record links. What an earlier reading found and this one does not is forgotten.

    Not by an empty table, though: a right withdrawn looks the same, and decisions would go with it.
    """
    with tenant_scope(context.tenant_id):
        read_at = database_now()
    rows = list(context.connectors[system].read_all(entity.side(system)))
    if rows and system is System.UNICONTA:
        watch_flag(context, entity, any(context.tenant.opt_in_field in row for row in rows))
    watch_fields(context, entity, system, rows)  # what a field rule may name is known from here on
    observed = observe(context, entity, system, rows, read_at, origin=ChangeEvent.Origin.PERSON, stores_events=False)
    with tenant_scope(context.tenant_id):
        halves = RecordLink.objects.filter(
            tenant_id=context.tenant_id, entity=entity.name, **{f"{system.other}_id": ""}
        )
        stale = halves.filter(**{f"{system}_seen_at__lt": read_at}, state=RecordLink.State.NEW)
        gone = [pk for pk, key in stale.values_list("pk", f"{system}_id") if key not in observed.ids]
        if rows:
            halves.filter(pk__in=gone).delete()
    return observed.read


# ------------------------------------------------------------------------------------------------ categories


def categorise(entity: Entity, links: Sequence[RecordLink]) -> list[Match]:
    """What every record with one side only is found to be, by the matching of the engine itself.

    `links` are all of the tenant and entity: certain pairs are found first, so no order of records matters.
    """
    halves = [
        link
        for system in System
        for link in links
        if link.remote_id(system) and not link.remote_id(system.other) and not link.is_gone(system)
    ]
    holders = Holders(links)
    found = {link.pk: match_record(entity, link, holders) for link in halves}
    taken: set[int] = set()
    matches: list[Match] = []
    for link in halves:
        other = found[link.pk].other
        if other is not None and link.pk not in taken:
            pair = (link, other) if link.uniconta_id else (other, link)
            matches.append(Match(pair[0], Category.CERTAIN, pair[1], found[link.pk].key))
            taken |= {link.pk, other.pk}
    for link in halves:
        twin = _only_twin(link, found, taken)
        if twin is not None and link.uniconta_id:
            matches.append(Match(link, Category.PROBABLE, twin, "name"))
            taken |= {link.pk, twin.pk}
    return matches + [_alone(link, found[link.pk], taken) for link in halves if link.pk not in taken]


def _twins(link: RecordLink, found: Mapping[int, Found], taken: set[int]) -> list[RecordLink]:
    mine = found.get(link.pk, Found())
    return [other for other in mine.candidates if other.pk not in taken] if mine.question == "proposal_match" else []


def _only_twin(link: RecordLink, found: Mapping[int, Found], taken: set[int]) -> RecordLink | None:
    """The one free record of the other system that is like this one, where this is the only one like it, too."""
    twins = _twins(link, found, taken) if link.pk not in taken else []
    return twins[0] if len(twins) == 1 and _twins(twins[0], found, taken) == [link] else None


def _alone(link: RecordLink, found: Found, taken: set[int]) -> Match:
    is_in_uniconta = bool(link.uniconta_id)
    candidates = found.candidates
    if found.question == "proposal_match":
        candidates = tuple(other for other in candidates if other.pk not in taken)
    if candidates and not (is_in_uniconta and link.is_ticked is False):  # not ticked: it looks for nobody
        return Match(link, Category.AMBIGUOUS, candidates=candidates)
    return Match(link, Category.ONLY_IN_UNICONTA if is_in_uniconta else Category.ONLY_IN_INTEMPUS)


def list_rows(context: Context, entity: Entity) -> list[MatchRow]:
    """Store a row per record, or per pair, anew; rows that a person decided on stay as they are."""
    with tenant_scope(context.tenant_id):
        links = list(RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name).order_by("pk"))
        of_entity = MatchRow.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
        of_entity.filter(decision="").delete()
        decided = list(of_entity.order_by("pk"))
        settled = {row.link_id for row in decided} | {
            row.other_id for row in decided if row.other_id and row.decision != Decision.CREATE
        }
        rows = [
            MatchRow(
                tenant_id=context.tenant_id,
                entity=entity.name,
                category=match.category,
                link=match.link,
                other=match.other,
                key=PREFIX if match.key.startswith(PREFIX) else match.key[:300],
                candidates=[candidate.pk for candidate in match.candidates],
            )
            for match in sorted(categorise(entity, links), key=lambda match: match.link.pk)
            if match.link.pk not in settled and not (match.other and match.other.pk in settled)
        ]
        by_pk = {link.pk: link for link in links}
        plan_rows(context, entity, rows, by_pk)
        MatchRow.objects.bulk_create(rows, batch_size=CHUNK)
        plan_rows(context, entity, decided, by_pk)
        save_many(decided, ["writes", "reason"])
        EntityPolicy.objects.filter(tenant_id=context.tenant_id, entity=entity.name).update(matched_at=timezone.now())
    return rows + decided


def count_categories(context: Context, entity: Entity) -> Counter[str]:
    """How many rows of each category there would be, from the links as they stand; stores nothing. Call in a scope."""
    links = list(RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity.name).order_by("pk"))
    return Counter(str(match.category) for match in categorise(entity, links))


# ------------------------------------------------------------------------------------------------ what would happen


def laid_together(link: RecordLink, other: RecordLink | None) -> RecordLink:
    """The pair both would become; nothing is saved, neither is changed."""
    pair = copy(link)
    if other is not None:
        lay_together(pair, other)
    return pair


def plan_rows(
    context: Context, entity: Entity, rows: Sequence[MatchRow], links: Mapping[int, RecordLink] | None = None
) -> list[Item]:
    """Lay down on each row what would be written as decided so far; nothing is saved. Returns what was planned.

    `links`: the records of the rows, where the caller has them at hand. Call inside a scope.
    """
    if links is None:
        links = RecordLink.objects.in_bulk({pk for row in rows for pk in (row.link_id, row.other_id) if pk})
    policy = context.policies[entity.name]
    policy.loaded_at = policy.loaded_at or database_now()  # both systems were read: what seems new is new
    items = []
    for row in rows:
        is_pair = row.decision == Decision.LINK or (row.category in PAIRS and row.decision != Decision.CREATE)
        link = laid_together(links[row.link_id], links.get(row.other_id or 0) if is_pair else None)
        link.is_left_out = row.decision == Decision.EXCLUDE
        items.append(Item(link))
    plan_items(context, entity, items)
    foresee(context, entity, items)
    for row, item in zip(rows, items, strict=True):
        code = item.error.code if item.error else item.plan.reason
        if row.is_asked:
            row.writes, row.reason = [], QUESTIONS[Category(row.category)]
        else:
            row.writes = [] if item.error else [f"{write.action} {write.target}" for write in item.plan.writes]
            row.reason = "" if row.writes else code
    return items


#: Categories of rows that are about two records.
PAIRS = (Category.CERTAIN, Category.PROBABLE)
#: Calls that one write costs each system: (Uniconta, Intempus). A look at the record or its number comes first in
#: Uniconta, and a number given there is taken back to Intempus. See docs/api-calls.md.
CALLS = {
    "create intempus": (0, 1),
    "update intempus": (0, 1),
    "activate intempus": (0, 1),
    "deactivate intempus": (0, 1),
    "create uniconta": (2, 1),
    "update uniconta": (2, 0),
    "activate uniconta": (2, 0),
    "deactivate uniconta": (2, 0),
}
#: So many records share one reading of what may have changed meanwhile.
GROUP = 40


@dataclass(frozen=True)
class Summary:
    """What going live would do to one entity, as decided so far."""

    tenant_id: int
    entity: str
    categories: Mapping[str, int]  # category → rows
    writes: Mapping[str, int]  # "create intempus" → records
    asked: int  # rows that wait for a person, whatever happens
    links: int  # pairs that are linked
    left_out: int
    calls: tuple[int, int]  # about so many, in Uniconta and in Intempus


def summarise(tenant_id: int, entities: Iterable[str] = ()) -> list[Summary]:
    """One summary per entity that has rows: a handful of queries, however many rows. Call inside a scope."""
    rows = MatchRow.objects.filter(tenant_id=tenant_id)
    if entities:
        rows = rows.filter(entity__in=entities)
    becomes_pair = Q(decision=Decision.LINK) | Q(decision="", category=Category.CERTAIN)
    facts = {
        row["entity"]: row
        for row in rows.values("entity").annotate(
            asked=Count("pk", filter=Q(decision="", category__in=MatchRow.ASKED)),
            links=Count("pk", filter=becomes_pair),
            left_out=Count("pk", filter=Q(decision=Decision.EXCLUDE)),
            written=Count("pk", filter=~Q(writes=[])),
        )
    }
    categories: dict[str, dict[str, int]] = {name: {} for name in facts}
    for name, category, count in rows.values_list("entity", "category").annotate(count=Count("pk")):
        categories[name][category] = count
    writes: dict[str, dict[str, int]] = {name: {} for name in facts}
    unnested = rows.annotate(write=Func(F("writes"), function="unnest"))
    for name, write, count in unnested.values_list("entity", "write").annotate(count=Count("pk")):
        writes[name][write] = count
    return [
        Summary(
            tenant_id,
            name,
            categories[name],
            writes[name],
            fact["asked"],
            fact["links"],
            fact["left_out"],
            _calls(writes[name], fact["written"]),
        )
        for name, fact in sorted(facts.items())
    ]


def _calls(writes: Mapping[str, int], record_count: int) -> tuple[int, int]:
    uniconta = sum(CALLS[write][0] * count for write, count in writes.items())
    intempus = sum(CALLS[write][1] * count for write, count in writes.items())
    return uniconta, intempus + -(-record_count // GROUP)


def is_matched(tenant_id: int, entities: Sequence[str] | None = None) -> bool:
    """Whether every entity that is switched on, or of those the ones named, went through the first matching.

    Call inside a scope.
    """
    enabled = EntityPolicy.objects.filter(tenant_id=tenant_id, enabled=True)
    return are_matched(enabled if entities is None else enabled.filter(entity__in=entities))


def are_matched(policies: Iterable[EntityPolicy]) -> bool:
    """The same for policies that are at hand."""
    return all(policy.matched_at or ENTITIES[policy.entity].is_on_demand for policy in policies)
