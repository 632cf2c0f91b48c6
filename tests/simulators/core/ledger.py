"""The ledger: what was called, what it did to the data, and whether the caller ever heard about it.

An independent oracle compares the platform with this list, so the effect is recorded in the same locked step that
stores it. An entry whose reply was lost still carries its effect: that is the whole point.
"""

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Origin = Literal["api", "person"]


@dataclass(slots=True, frozen=True)
class Effect:
    action: str  # created, updated, deleted
    resource: str
    company: int
    id: int


@dataclass(slots=True)
class Entry:
    seq: int
    at: str
    origin: Origin
    method: str
    path: str
    query: str
    user: str | None
    company: int | None
    body: Any
    status: int | None  # None: the caller got no status at all
    reply: str  # sent, lost (connection gone), spoiled (body useless)
    fault: str | None
    effects: list[Effect] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Ledger:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=500_000)
        self._seq = 0

    def append(self, **values: Any) -> Entry:
        with self._lock:
            self._seq += 1
            entry = Entry(seq=self._seq, **values)
            self._entries.append(entry)
            return entry

    def entries(self, since: int = 0, origin: Origin | None = None) -> list[Entry]:
        """Entries with a sequence number above `since`, oldest first."""
        with self._lock:
            newer = list(self._entries) if not since else [e for e in self._entries if e.seq > since]
        return newer if origin is None else [e for e in newer if e.origin == origin]

    def calls(self, method: str | None = None, path_contains: str = "", since: int = 0) -> list[Entry]:
        """Calls over the API only, narrowed for tests."""
        return [
            entry
            for entry in self.entries(since, "api")
            if (method is None or entry.method == method) and path_contains in entry.path
        ]

    def effects(self, action: str | None = None, resource: str | None = None, since: int = 0) -> list[Effect]:
        """What the API calls really did, in order."""
        return [
            effect
            for entry in self.entries(since, "api")
            for effect in entry.effects
            if action in (None, effect.action) and resource in (None, effect.resource)
        ]

    @property
    def last_seq(self) -> int:
        return self._seq

    def clear(self) -> None:
        """Forget the entries; numbers go on, so a reader's `since` stays right."""
        with self._lock:
            self._entries.clear()
