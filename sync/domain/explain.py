"""Why a record is, or is not, on the other side: where it stands, what both sides say, today's rules, what was done.

For a record we know nothing is called and nothing is written: the plan comes from what was last read. One never seen is
looked up in both systems, and planned as the sync would plan it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mappings.engine import Plan
from mappings.labels import attribute_label, entity_label, is_danish
from mappings.models import EntityPolicy, RecordLink
from mappings.spec import Entity, System
from sync.connectors.errors import RemoteError
from sync.domain.catalogue import explain_code
from sync.domain.connections import Recorder, connector_for
from sync.domain.context import Context, load_context
from sync.domain.decide import find_matches, load_items, plan_items
from sync.domain.observe import read_row
from sync.domain.preview import Previewed, preview_entity
from sync.domain.timeline import EntryItem, EventItem, Item, timeline
from sync.models import ChangeEvent
from tenants.models import Connection, Tenant
from tenants.scoping import tenant_scope

SHOWN = 10


@dataclass(frozen=True)
class FieldLine:
    """One field, as both sides were last seen to have it; a reference stays in its own system's spelling."""

    label: str
    uniconta: str
    intempus: str
    differs: bool


@dataclass(frozen=True)
class Explained:
    """The answer, in sentences of the active language. Empty parts have nothing to say."""

    title: str
    standing: tuple[str, ...]
    fields: tuple[FieldLine, ...] = ()
    rules: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass
class _Found:
    """A record that no link knows, as the systems have it."""

    names: list[str] = field(default_factory=list)
    values: dict[System, Mapping[str, object]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def say(english: str, danish: str) -> str:
    return danish if is_danish() else english


def sentence(code: str, detail: str = "") -> str:
    explanation = explain_code(code, detail)
    return " ".join(part for part in dict.fromkeys([explanation.text, explanation.detail, explanation.fix]) if part)


def explain(tenant_id: int, entity_name: str, key: str) -> list[Explained]:
    """Every record that `key` may mean, by number or id, on either side. Raises RemoteError while looking one up."""
    context = _context(tenant_id)
    entity = context.entities[entity_name]
    with tenant_scope(tenant_id):
        named = Q(uniconta_key=key) | Q(intempus_key=key) | Q(uniconta_id=key) | Q(intempus_id=key)
        links = list(RecordLink.objects.filter(named, tenant_id=tenant_id, entity=entity_name).order_by("pk"))
    if links:
        return [_known(context, entity, link) for link in links]
    return [_unknown(context, entity, key)]


def _context(tenant_id: int) -> Context:
    """For planning without calling anybody. An entity that is off can be explained, too."""
    with tenant_scope(tenant_id):
        return load_context(tenant_id, {}, Recorder(tenant_id))


# --------------------------------------------------------------------------------------------- a record we know


def _known(context: Context, entity: Entity, link: RecordLink) -> Explained:
    with tenant_scope(context.tenant_id):
        events = list(ChangeEvent.objects.filter(link=link, state__in=ChangeEvent.OPEN).order_by("due_at")[:SHOWN])
        return Explained(
            title=f"{entity_label(entity.name)} {link}",
            standing=tuple(_standing(link)),
            fields=tuple(_fields(entity, {system: link.current(system) for system in System}, set(link.differing))),
            rules=tuple(_rules(context, entity, link, events)),
            plan=tuple(_plan(context, entity, link)),
            history=tuple(_line(item) for item in timeline(link, limit=SHOWN).items),
            users=tuple(_users(context, entity, link)),
        )


def _standing(link: RecordLink) -> Iterator[str]:
    yield f"{link.get_state_display()}. {sentence(link.reason, link.detail) if link.reason else ''}".strip()
    for system in System:
        label = Connection.System(system.value).label
        if not link.remote_id(system):
            yield say(f"{label}: not there", f"{label}: findes ikke")
            continue
        number = getattr(link, f"{system}_key")
        gone = say(" – deleted", " – slettet") if link.is_gone(system) else ""
        at = getattr(link, f"{system}_seen_at")
        seen = say(", last seen ", ", senest set ") + f"{timezone.localtime(at):%d-%m-%Y %H:%M}" if at else ""
        yield (
            say(f"{label}: number {number}", f"{label}: nummer {number}") + f", id {link.remote_id(system)}{seen}{gone}"
        )
    if link.inactive_reason:
        yield say("Inactive in Intempus: ", "Inaktiv i Intempus: ") + link.get_inactive_reason_display()


def _fields(
    entity: Entity, values: Mapping[System, Mapping[str, object] | None], differing: set[str]
) -> Iterator[FieldLine]:
    uniconta, intempus = values.get(System.UNICONTA) or {}, values.get(System.INTEMPUS) or {}
    for attribute in entity.attributes:
        if attribute.name in uniconta or attribute.name in intempus:
            yield FieldLine(
                attribute_label(entity, attribute.name),
                _shown(uniconta.get(attribute.name, "")),
                _shown(intempus.get(attribute.name, "")),
                attribute.name in differing,
            )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return say("yes", "ja") if value else say("no", "nej")
    return str(value)


def _rules(context: Context, entity: Entity, link: RecordLink | None, events: list[ChangeEvent]) -> Iterator[str]:
    """What decides today: the company, the entity's switches, the tick, blocked, and what is waited for."""
    tenant, policy = context.tenant, context.policies[entity.name]
    if not tenant.is_live:
        yield say("The company is not live: nothing is written.", "Virksomheden er ikke i drift: intet skrives.")
    yield from _switches(entity, policy)
    if link is not None and entity.uniconta.is_flaggable and link.uniconta_id:
        yield _tick(tenant, link)
    values = link.current(System.UNICONTA) if link is not None else None
    phase = values.get(entity.phase.name) if values and entity.phase is not None else ""
    if phase and phase not in policy.phases:
        yield say(f"The phase {phase} is not one of: ", f"Fasen {phase} er ikke en af: ") + ", ".join(policy.phases)
    if values and entity.activity is not None and not values.get(entity.activity.name, True):
        yield say(
            "Blocked in Uniconta, so inactive in Intempus.", "Blokeret (spærret) i Uniconta, så inaktiv i Intempus."
        )
    if entity.is_on_demand:
        yield say(
            "Goes to Intempus only when a record that uses it goes.",
            "Kommer først til Intempus, når en post, der bruger den, gør det.",
        )
    for event in events:
        if event.state == ChangeEvent.State.WAITING:
            yield say("Waits for ", "Venter på ") + event.waits_for.replace(":", " ")
        else:
            due = f"{timezone.localtime(event.due_at):%d-%m-%Y %H:%M:%S}"
            why = f" {sentence(event.error_code, event.error_detail)}" if event.error_code else ""
            yield say("A change is due at ", "En ændring behandles ") + f"{due} ({event.get_origin_display()}).{why}"


def _switches(entity: Entity, policy: EntityPolicy) -> Iterator[str]:
    label = entity_label(entity.name)
    if not policy.enabled or (not policy.pk and not entity.is_on_demand):
        yield say(f"{label} is switched off.", f"{label} er slået fra.")
        return
    if not policy.to_intempus:
        yield say("Uniconta → Intempus is switched off.", "Uniconta → Intempus er slået fra.")
    elif not policy.create_in_intempus:
        yield say("Nothing is created in Intempus.", "Der oprettes intet i Intempus.")
    if not policy.to_uniconta:
        yield say("Intempus → Uniconta is switched off.", "Intempus → Uniconta er slået fra.")
    elif not policy.create_in_uniconta:
        yield say("Nothing is created in Uniconta.", "Der oprettes intet i Uniconta.")
    if policy.hold_code:
        yield say("On hold: ", "Holdt tilbage: ") + sentence(policy.hold_code, policy.hold_detail)


def _tick(tenant: Tenant, link: RecordLink) -> str:
    name = tenant.opt_in_field
    if link.is_ticked is None:
        return say(
            f"The table has no field {name}: every record synchronises.",
            f"Tabellen har ikke feltet {name}: alle poster synkroniseres.",
        )
    # `is_ticked` means "synchronises", whichever way round the tenant uses the field.
    has_tick = link.is_ticked is (tenant.opt_in_means == Tenant.OptInMeans.SYNC)
    tick = say("ticked", "markeret") if has_tick else say("not ticked", "ikke markeret")
    verdict = (
        say("synchronises", "synkroniseres") if link.is_ticked else say("does not synchronise", "synkroniseres ikke")
    )
    return f"{name}: {tick} → {verdict}."


def _plan(context: Context, entity: Entity, link: RecordLink) -> list[str]:
    """What would be done now with what was last read. Matching joins rows, so all of it is rolled back."""
    lines: list[str] = []
    with transaction.atomic():
        items = find_matches(context, entity, load_items([link.pk], {}))
        plan_items(context, entity, items)
        for item in items:
            code, detail = (item.error.code, item.error.detail) if item.error else ("", "")
            lines += _plan_lines(entity, item.plan, code, detail)
        transaction.set_rollback(True)
    return lines


def _plan_lines(entity: Entity, plan: Plan, error_code: str = "", error_detail: str = "") -> list[str]:
    if error_code:
        return [sentence(error_code, error_detail)]
    lines = [sentence(plan.reason, plan.detail)] if plan.reason else []
    verbs = {
        "create": say("create in", "opret i"),
        "update": say("update in", "ret i"),
        "activate": say("activate in", "aktivér i"),
        "deactivate": say("set inactive in", "sæt inaktiv i"),
    }
    for write in plan.writes:
        label = Connection.System(write.target.value).label
        fields = ", ".join(
            f"{attribute_label(entity, change.field)}: {_shown(change.old) or '–'} → {_shown(change.new) or '–'}"
            for change in write.changes
        )
        lines.append(f"{verbs[write.action]} {label}: {fields}")
    for change in plan.not_taken_over:
        label = attribute_label(entity, change.field)
        lines.append(say("Not taken over: ", "Ikke overført: ") + f"{label}: {_shown(change.new)}")
    for _name, reference, key in plan.unresolved:
        lines.append(say("Not in Intempus yet: ", "Endnu ikke i Intempus: ") + f"{entity_label(reference)} {key}")
    lines += [sentence(note) for note in plan.notes]
    return lines or [say("Nothing to do.", "Intet at gøre.")]


def _line(item: Item) -> str:
    at = f"{timezone.localtime(item.at):%d-%m-%Y %H:%M:%S}"
    match item:
        case EventItem(event=event):
            return f"{at}  {event.get_origin_display()}: {event.get_state_display()}"
        case EntryItem(entry=entry):
            target = f" {Connection.System(entry.target).label}" if entry.target else ""
            fields = ", ".join(
                f"{change.label}: {_shown(change.before) or '–'} → {_shown(change.after) or '–'}"
                for change in item.changes
            )
            who = f" ({item.person})" if item.person else ""
            error = f". {sentence(entry.error_code, entry.error_detail)}" if entry.error_code else ""
            parts = f"{at}  {entry.get_action_display()}{target}: {entry.get_state_display()}{who}"
            return f"{parts}{' – ' + fields if fields else ''}{error}"


def _users(context: Context, entity: Entity, link: RecordLink) -> Iterator[str]:
    """Of a group: the records that use it, in either system's spelling of the reference."""
    for user in context.entities.values():
        for attribute in user.references:
            if attribute.reference != entity.name:
                continue
            using = Q()
            for system, value in ((System.UNICONTA, link.uniconta_key), (System.INTEMPUS, link.intempus_id)):
                for part in ("seen", "base") if value else ():
                    using |= Q(**{f"{system}_{part}__{attribute.name}": value})
            if not using:
                continue
            rows = RecordLink.objects.filter(using, tenant_id=context.tenant_id, entity=user.name)
            count = rows.count()
            names = [str(row) for row in rows.order_by("uniconta_key", "pk")[:SHOWN]]
            more = say(f" and {count - SHOWN} more", f" og {count - SHOWN} flere") if count > SHOWN else ""
            yield f"{entity_label(user.name)}: {count}" + (f" ({', '.join(names)}{more})" if names else "")


# --------------------------------------------------------------------------------------------- one never seen


def _unknown(context: Context, entity: Entity, key: str) -> Explained:
    found = _look_up(context, entity, key)
    title = f"{entity_label(entity.name)} {key}"
    standing = [say("Not seen by the platform yet.", "Endnu ikke set af platformen."), *found.names, *found.problems]
    if not found.names:
        return Explained(title, tuple(standing))
    plans: list[str] = []
    if not found.problems:
        for previewed in preview_entity(context.tenant_id, entity.name).records:
            if _is_about(previewed, found):
                plans += _plan_lines(entity, previewed.plan, previewed.error_code, previewed.error_detail)
    return Explained(
        title,
        tuple(standing),
        fields=tuple(_fields(entity, found.values, set())),
        rules=tuple(_rules(context, entity, None, [])),
        plan=tuple(dict.fromkeys(plans)),
    )


def _is_about(previewed: Previewed, found: _Found) -> bool:
    return previewed.label.partition(" ")[0] in found.keys


def _look_up(context: Context, entity: Entity, key: str) -> _Found:
    """The record in both systems: by number, else by id."""
    found = _Found()
    for system in System:
        label = Connection.System(system.value).label
        side = entity.side(system)
        try:
            connector = connector_for(context.tenant_id, system)
            rows = connector.find_by_key(side, [key])
            if not rows and key.isdecimal():
                rows = list(connector.read_by_ids(side, [key]).values())
        except Connection.DoesNotExist:
            found.problems.append(say(f"{label}: no connection", f"{label}: ingen forbindelse"))
            continue
        except RemoteError as error:
            found.problems.append(f"{label}: {sentence(error.code, error.detail)}")
            continue
        if not rows:
            found.names.append(say(f"{label}: not there", f"{label}: findes ikke"))
        for row in rows:
            reading = read_row(context, entity, system, row)
            found.values[system] = reading.values
            found.keys |= {reading.key, reading.id} - {""}
            found.names.append(f"{label}: {reading.key} {reading.name}, id {reading.id}")
    if not found.values:
        found.names, found.problems = [], [*found.names, *found.problems]
    return found
