"""Switches: what is not known about the real system, as named values that a test may turn.

Each simulator declares its switches as a dataclass; a profile is a mapping of some of those names to values.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

S = TypeVar("S")


def apply_switches(switches: Any, values: Mapping[str, Any]) -> None:
    known = {f.name for f in fields(switches)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"unknown switches: {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(switches, name, value)


def make_switches(kind: type[S], values: Mapping[str, Any]) -> S:
    switches = kind()
    apply_switches(switches, values)
    return switches


def switches_as_json(switches: Any) -> dict[str, Any]:
    return asdict(switches)
