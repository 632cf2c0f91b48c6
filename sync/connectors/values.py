"""Small questions about keys and ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_ID = re.compile(r"[1-9][0-9]{0,18}")


def folded(key: Any) -> str:
    """A key as a server compares it that cares neither about case nor about blanks around it."""
    return str("" if key is None else key).strip().casefold()


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def numeric_ids(ids: Sequence[str]) -> list[str]:
    """The ids that can exist at all, each once: hints come from outside and go into filters and paths."""
    return [item for item in dict.fromkeys(ids) if _ID.fullmatch(item)]
