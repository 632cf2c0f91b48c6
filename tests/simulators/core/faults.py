"""Faults: rules that say which calls go wrong and how.

A rule is one JSON object (or keyword arguments of `Faults.add`):

    kind         what happens, see KINDS
    method       "POST"; none: any
    path         regular expression searched in path and query; none: any
    nth          only the nth matching call (1 = the next one), or a list of such numbers
    times        fire at most so often; none: for ever
    probability  0..1, drawn from a random source seeded per rule
    effect       does the call still take effect? default per kind, see KINDS
    status, retry_after (seconds), retry_after_as ("seconds" | "http_date"), body, content_type   for kind "status"
    seconds      for "delay", "hang", "drip"
    bytes        for "huge"

"hang" keeps the connection open without a word and then drops it; "drop" is commit-then-drop; "cut" announces the
whole length but stops half way; "truncate" is a complete HTTP answer whose JSON is cut off; "drip" sends the answer
in small pieces over `seconds`, so that a socket timeout never strikes but a total deadline does.
"""

import random
import re
import threading
from dataclasses import dataclass, field, fields
from typing import Any

#: kind → does the call take effect unless the rule says otherwise
KINDS = {
    "status": False,
    "delay": True,
    "hang": False,
    "reset": False,
    "drop": True,
    "truncate": True,
    "cut": True,
    "drip": True,
    "html": False,
    "text": False,
    "empty": True,
    "no_content": True,
    "huge": True,
}


@dataclass
class Rule:
    kind: str
    method: str | None = None
    path: str | None = None
    nth: int | list[int] | None = None
    times: int | None = None
    probability: float = 1.0
    effect: bool | None = None
    status: int = 500
    retry_after: float | None = None
    retry_after_as: str | None = None
    body: str | None = None
    content_type: str | None = None
    seconds: float = 3600.0
    bytes: int = 50_000_000
    id: int = 0
    matched: int = 0
    fired: int = 0
    source: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}; known: {', '.join(KINDS)}")
        if self.effect is None:
            self.effect = KINDS[self.kind]

    def as_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "source"}


class Faults:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._last_id = 0

    def add(self, kind: str, **values: Any) -> Rule:
        rule = Rule(kind=kind, **values)
        with self._lock:
            self._last_id += 1
            rule.id = self._last_id
            rule.source = random.Random(f"{self._seed}/{rule.id}")
            self._rules.append(rule)
        return rule

    def clear(self, rule_id: int | None = None) -> None:
        with self._lock:
            self._rules = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]

    def rules(self) -> list[Rule]:
        with self._lock:
            return list(self._rules)

    def take(self, method: str, target: str) -> list[Rule]:
        """The rules that strike this call; counts them as fired."""
        with self._lock:
            return [rule for rule in self._rules if _strikes(rule, method, target)]


def _strikes(rule: Rule, method: str, target: str) -> bool:
    if rule.method is not None and rule.method.upper() != method:
        return False
    if rule.path is not None and not re.search(rule.path, target):
        return False
    rule.matched += 1
    wanted = rule.nth if isinstance(rule.nth, list) else None if rule.nth is None else [rule.nth]
    if wanted is not None and rule.matched not in wanted:
        return False
    if rule.times is not None and rule.fired >= rule.times:
        return False
    if rule.probability < 1.0 and rule.source.random() >= rule.probability:
        return False
    rule.fired += 1
    return True
