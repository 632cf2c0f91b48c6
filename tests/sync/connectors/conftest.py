from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sync.connectors.base import ConnectionSettings, Exchange
from sync.connectors.classify import AFTER, BEFORE, Rule
from sync.connectors.errors import NeedsAttention
from sync.connectors.http import HttpDoor
from tests.sync.connectors.scripted import Scripted, scripted_server

RULES = (
    *BEFORE,
    Rule(lambda r: 400 <= r.status < 500 and r.status != 408, NeedsAttention, "refused", "for these tests"),
    *AFTER,
)
MakeDoor = Callable[..., HttpDoor]


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def make_door(exchanges: list[Exchange]) -> Iterator[MakeDoor]:
    doors: list[HttpDoor] = []

    def make(base_url: str, *, deadline: float = 5.0, allow_private_targets: bool = True, **changes: Any) -> HttpDoor:
        settings = ConnectionSettings(
            "uniconta", base_url, "sync", "hemmeligt", "4242", allow_private_targets=allow_private_targets
        )
        values: dict[str, Any] = {"headers": {"Authorization": "Basic hemmeligt"}, "secrets": ("hemmeligt",)}
        doors.append(HttpDoor(settings, exchanges.append, rules=RULES, deadline=deadline, **(values | changes)))
        return doors[-1]

    yield make
    for door in doors:
        door.close()


@pytest.fixture
def door(script: Scripted, make_door: MakeDoor) -> HttpDoor:
    return make_door(script.url)
