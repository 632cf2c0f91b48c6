"""What a remote system said that the catalogue has no name for: its own words, how often, and where. Call inside a scope.

From what needs attention now: the words go when the records are well, and are there again with the next refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from mappings.entities import ENTITIES
from mappings.models import RecordLink
from sync.domain.catalogue import SENTENCES

#: A refusal in words we do not know.
UNKNOWN = "refused"
#: Numbers in a text tell records apart, not texts.
NUMBERS = re.compile(r"\d+")


@dataclass
class Unnamed:
    """`text`: the words as last said; `example`: the record of which they were."""

    text: str
    count: int = 0
    tenant_ids: set[int] = field(default_factory=set)
    last_at: datetime | None = None
    example: int | None = None


def unnamed_texts(links: QuerySet[RecordLink]) -> list[Unnamed]:
    """Of these records, most first; texts that differ in numbers only are one."""
    asking = links.filter(entity__in=list(ENTITIES), state=RecordLink.State.NEEDS_ATTENTION).exclude(detail="")
    rows = asking.filter(Q(reason=UNKNOWN) | ~Q(reason__in=list(SENTENCES))).order_by()
    found: dict[str, Unnamed] = {}
    grouped = rows.values_list("detail", "tenant_id").annotate(Count("pk"), Max("changed_at"), Max("pk"))
    for text, tenant_id, count, last_at, example in grouped:
        each = found.setdefault(NUMBERS.sub("#", text), Unnamed(text))
        each.count += count
        each.tenant_ids.add(tenant_id)
        if each.last_at is None or last_at > each.last_at:
            each.text, each.last_at, each.example = text, last_at, example
    return sorted(found.values(), key=lambda each: (-each.count, each.text))
