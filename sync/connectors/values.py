"""Small questions about raw remote values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")

_ID = re.compile(r"[1-9][0-9]{0,18}")
_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})T00:00:00(?:\.0+)?Z?")


def plain(value: Any) -> Any:
    """One spelling per meaning: missing, null, "", false-by-omission and .NET's empty date are all blank."""
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").strip()
        midnight = _MIDNIGHT.fullmatch(text)
        text = midnight[1] if midnight else text
        return "" if text == "0001-01-01" else text
    return value


def is_same(one: Any, other: Any) -> bool:
    """Whether two raw values mean the same; numbers by size, as 100, 100.0 and "100.00" come from the same field."""
    one, other = plain(one), plain(other)
    if one == other:
        return True
    if isinstance(one, str) and isinstance(other, str):
        return False  # two texts of digits may be two keys: "007" is not "7"
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def folded(key: Any) -> str:
    """A key as a server compares it that cares neither about case nor about blanks around it."""
    return str("" if key is None else key).strip().casefold()


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def numeric_ids(ids: Sequence[str]) -> list[str]:
    """The ids that can exist at all, each once: hints come from outside and go into filters and paths."""
    return [item for item in dict.fromkeys(ids) if _ID.fullmatch(item)]
