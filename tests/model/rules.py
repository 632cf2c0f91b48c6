"""The rules of the integration for one customer, once more and as plainly as they are written (M4, M5, M7, M10).

Independent of the platform on purpose: nothing is imported, and nothing is known of hints, reads, retries or tables. What
matters is only when a record was looked at, because both sides are compared with what they were at the last look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]

#: Travel both ways; `group` goes to Intempus only.
BOTH_WAYS = ("name", "city", "phone", "active")
DEFAULT_GROUP = "1"


@dataclass
class Customer:
    """`uniconta` and `intempus` are what stands there now, None where there is no record."""

    uniconta: Values | None = None  # name, city, phone, group, blocked, ticked
    intempus: Values | None = None  # name, city, phone, group, active
    uniconta_before: Values = field(default_factory=dict)  # at the last look
    intempus_before: Values = field(default_factory=dict)
    is_linked: bool = False
    is_off_by_tick: bool = False

    def look(self, *, merges_fields: bool) -> None:
        """Both sides are looked at, and what the rules say happens."""
        if self.is_linked:
            if self.uniconta is None or self.intempus is None:
                return  # a deletion is a question for a person (M10)
            self._align(merges_fields=merges_fields)
        elif self.uniconta is not None:
            if not self.uniconta["ticked"] or self.uniconta["blocked"]:
                return  # never ticked (M5), or out of use before anybody over there knew it
            self.intempus = self._wanted()
        elif self.intempus is not None:
            if not self.intempus["active"]:
                return  # what was never active is nobody's customer
            self.uniconta = {name: self.intempus[name] for name in ("name", "city", "phone")}
            self.uniconta |= {"blocked": False, "ticked": True, "group": DEFAULT_GROUP}
            self.intempus["group"] = DEFAULT_GROUP  # groups are Uniconta's to say
        else:
            return
        self._remember()

    def _wanted(self) -> Values:
        """Uniconta's values as Intempus should have them: active is ticked and not blocked (M7)."""
        assert self.uniconta is not None
        values = {name: self.uniconta[name] for name in ("name", "city", "phone", "group")}
        return values | {"active": self.uniconta["ticked"] and not self.uniconta["blocked"]}

    def _align(self, *, merges_fields: bool) -> None:
        assert self.uniconta is not None
        assert self.intempus is not None
        if not self.uniconta["ticked"]:
            if not self.is_off_by_tick:
                self.intempus["active"] = False
                self.is_off_by_tick = True
            return
        wanted = self._wanted()
        in_uniconta = {name for name in wanted if wanted[name] != self.uniconta_before[name]}
        in_intempus = {name for name in BOTH_WAYS if self.intempus[name] != self.intempus_before[name]}
        if self.is_off_by_tick:  # ticked again: brought up to date
            self.is_off_by_tick = False
            self.intempus |= wanted
            return
        if in_uniconta and not merges_fields:
            in_uniconta |= in_intempus  # the record was saved in Uniconta: the whole record wins (M4)
        for name in in_uniconta:
            self.intempus[name] = wanted[name]
        for name in in_intempus - in_uniconta:
            if name == "active":
                self.uniconta["blocked"] = not self.intempus["active"]
            else:
                self.uniconta[name] = self.intempus[name]

    def _remember(self) -> None:
        assert self.intempus is not None
        self.is_linked = True
        self.uniconta_before = self._wanted()
        self.intempus_before = dict(self.intempus)
