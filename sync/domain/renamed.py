"""A record with another number is the same record: what others say about it is said about it, nobody saved them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mappings.models import RecordLink
from mappings.spec import Entity
from sync.domain.bulk import save_many

SPELT_BY_NUMBER = ["uniconta_base", "uniconta_seen"]


def follow_renamed(tenant_id: int, entities: Iterable[Entity], renamed: str, numbers: Mapping[str, str]) -> None:
    """Let every record that refers to one of these by its old number (old → new) refer to it by the new one.

    Uniconta changes the reference with the number. Without this, a child read before its parent, or one whose reference
    a person changed in Intempus meanwhile, would look saved in Uniconta. Call inside a scope.
    """
    if not numbers:
        return
    for entity in entities:
        for attribute in entity.references:
            if attribute.reference != renamed:
                continue
            ours = RecordLink.objects.select_for_update().filter(tenant_id=tenant_id, entity=entity.name)
            users = list(ours.filter(**{f"uniconta_base__{attribute.name}__in": list(numbers)}).order_by("pk"))
            for link in users:
                for column in SPELT_BY_NUMBER:
                    values = getattr(link, column)
                    if values and values.get(attribute.name) in numbers:
                        values[attribute.name] = numbers[values[attribute.name]]
            save_many(users, SPELT_BY_NUMBER)
