"""Translating references between the systems through the record links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from mappings.engine import BY_INTEMPUS_ID
from mappings.models import RecordLink
from mappings.spec import Attribute, Entity, System
from sync.domain.context import Context
from sync.models import ChangeEvent

#: What is asked of a record that others refer to.
STANDING = ["uniconta_id", "uniconta_key", "intempus_id", "is_ticked"] + [
    f"{system}_{values}" for system in System for values in ("base", "seen")
]
STANDING += [f"is_gone_in_{system}" for system in System]


class LinkReferences:
    """References of some records, looked up in one query per referenced entity. Build it inside a scope."""

    def __init__(self, context: Context, entity: Entity, links: Iterable[RecordLink]) -> None:
        self._to_intempus: dict[tuple[str, str], str] = {}
        self._to_uniconta: dict[tuple[str, str], str] = {}
        #: By entity and Uniconta key: linked records that do not synchronise, and those inactive in Intempus.
        self.not_ticked: set[tuple[str, str]] = set()
        self.inactive: set[tuple[str, str]] = set()
        self._links: dict[tuple[str, str], RecordLink] = {}
        links = list(links)
        for attribute in entity.references:
            keys = {str((link.current(System.UNICONTA) or {}).get(attribute.name, "")) for link in links}
            ids = {str((link.current(System.INTEMPUS) or {}).get(attribute.name, "")) for link in links}
            if not (keys | ids) - {""}:
                continue
            pairs = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=attribute.reference).exclude(
                uniconta_id="", intempus_id=""
            )
            usable = pairs.filter(is_gone_in_uniconta=False, is_gone_in_intempus=False).only(*STANDING)
            for link in usable.filter(Q(uniconta_key__in=keys - {""}) | Q(intempus_id__in=ids - {""})):
                if link.is_linked:
                    self._to_intempus[attribute.reference, link.uniconta_key] = link.intempus_id
                    self._to_uniconta[attribute.reference, link.intempus_id] = link.uniconta_key
                    self._note_standing(context, attribute.reference, link)
            self._follow_merged(context, attribute.reference, keys - {""}, ids - {""})

    def _follow_merged(self, context: Context, entity: str, keys: set[str], ids: set[str]) -> None:
        """What refers to a record that was merged into another refers to that one; a number given anew is the new one's."""
        keys = {key for key in keys if (entity, key) not in self._to_intempus}
        ids = {each for each in ids if (entity, each) not in self._to_uniconta}
        if not (keys or ids):
            return
        gone = RecordLink.objects.filter(tenant_id=context.tenant_id, entity=entity, merged_into__isnull=False)
        for link in gone.filter(Q(uniconta_key__in=keys) | Q(intempus_id__in=ids)).select_related("merged_into"):
            target = link.merged_into
            if target is None or not target.is_linked or target.is_gone_in_uniconta or target.is_gone_in_intempus:
                continue
            self._to_intempus.setdefault((entity, link.uniconta_key), target.intempus_id)
            if link.intempus_id:
                self._to_uniconta[entity, link.intempus_id] = target.uniconta_key

    def _note_standing(self, context: Context, entity: str, link: RecordLink) -> None:
        activity = context.entities[entity].activity if entity in context.entities else None
        self._links[entity, link.uniconta_key] = link
        if link.is_ticked is False:
            self.not_ticked.add((entity, link.uniconta_key))
        if activity is not None and (link.current(System.INTEMPUS) or {}).get(activity.name) is False:
            self.inactive.add((entity, link.uniconta_key))

    def apart(self, entity: Entity, link: RecordLink) -> tuple[tuple[str, str, str], ...]:
        """References, as in `Plan.unresolved`, to records that do not share what both must have the same of."""
        values = link.current(System.UNICONTA) or {}
        references = [(a, str(values.get(a.name, ""))) for a in entity.references if a.within]
        return tuple(
            (attribute.name, attribute.reference, key)
            for attribute, key in references
            if (other := self._links.get((attribute.reference, key)))
            and not self._agree(entity.attribute(attribute.within), values, other)
        )

    def _agree(self, attribute: Attribute, values: Mapping[str, Any], other: RecordLink) -> bool:
        """Whether the other record refers to the same one, be it by a number from before it was renumbered."""
        ours, theirs = (str(each.get(attribute.name, "")) for each in (values, other.current(System.UNICONTA) or {}))
        was_sent = other.base(System.UNICONTA).get(attribute.name) == theirs
        there = other.base(System.INTEMPUS).get(attribute.name)
        return ours == theirs or (was_sent and there == self.to_intempus(attribute.reference, ours))

    def to_intempus(self, entity: str, uniconta_key: str) -> str | None:
        return self._to_intempus.get((entity, uniconta_key))

    def to_uniconta(self, entity: str, intempus_id: str) -> str | None:
        return self._to_uniconta.get((entity, intempus_id)) if intempus_id else None


def is_used(context: Context, entity: Entity, link: RecordLink) -> bool:
    """Whether a record that goes to Intempus uses this one, or waits for it (rule M6). Call inside a scope."""
    waiting = ChangeEvent.objects.filter(
        tenant_id=context.tenant_id, state=ChangeEvent.State.WAITING, waits_for=f"{entity.name}:{link.uniconta_key}"
    )
    if waiting.exists():
        return True
    for user in context.entities.values():
        for attribute in user.references:
            if attribute.reference != entity.name:
                continue
            users = RecordLink.objects.filter(
                tenant_id=context.tenant_id, entity=user.name, **{f"uniconta_base__{attribute.name}": link.uniconta_key}
            ).exclude(intempus_id="")
            if users.exclude(is_ticked=False).exists():
                return True
    return False


def why_not_there(context: Context, name: str, key: str) -> str:
    """The code of what keeps a record that another one waits for from the other side; "" where nothing does.

    `key` as in `Plan.unresolved`. Call inside a scope.
    """
    if not context.is_on(name):
        return "entity_off"
    by = "intempus_id" if key.startswith(BY_INTEMPUS_ID) else "uniconta_key"
    link = RecordLink.objects.filter(
        tenant_id=context.tenant_id, entity=name, **{by: key.removeprefix(BY_INTEMPUS_ID)}
    ).first()
    return link.reason if link is not None else ""


def waiting_on(tenant_id: int, reason: str, entity: str = "") -> QuerySet[ChangeEvent]:
    """Events that wait with this reason, of one entity or of all, and those of whoever waits for a record held by it.

    A record that is looked at only for another one's sake has no event of its own. Call inside a scope.
    """
    of_entity = {"entity": entity} if entity else {}
    held = RecordLink.objects.filter(tenant_id=tenant_id, state=RecordLink.State.WAITING, reason=reason, **of_entity)
    names = {f"{name}:{key}" for name, key in held.values_list("entity", "uniconta_key")}
    waiting = ChangeEvent.objects.filter(tenant_id=tenant_id, state=ChangeEvent.State.WAITING)
    awaited = names.intersection(waiting.values_list("waits_for", flat=True).distinct())
    return waiting.filter(Q(waits_for=reason, **of_entity) | Q(waits_for__in=awaited))
