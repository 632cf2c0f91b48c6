"""The oracle: what must hold once all is quiet, read from both simulators' ledgers and from the tables by plain SQL.

None of the engine's code is used. The numbers are those of the fault programme: O1 what was answered is stored, O2 every
event came to an end, O3 both sides are equal, O4 nothing stands twice, O5 the log and the ledgers agree, O6 nobody
reached into another company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.processes.installation import Installation

#: table or resource in the ledgers → entity in our log
ENTITIES = {
    "Debtor": "customer",
    "customer": "customer",
    "DebtorGroup": "customer_group",
    "customer_group": "customer_group",
}
NOTHING: Mapping[str, int] = {}


@dataclass
class Verdict:
    """Each a list of sentences; all empty is well."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        return [*self.lost, *self.duplicated, *self.wrong]


def judge(place: Installation, answered: Iterable[str] = (), *, seconds: float) -> Verdict:
    """Wait until all is quiet, so long at most, and compare. Never getting quiet is lost work."""
    verdict = Verdict()
    try:
        place.wait_until_quiet(seconds)
    except AssertionError as error:
        verdict.lost.append(f"not finished: {error}")
    verdict.lost += not_stored(place, answered)
    if verdict.lost:
        return verdict
    verdict.wrong += [f"event {number} ended {state}: {code}" for number, state, code in unhappy_events(place)]
    for sentence in place.differences():
        (
            verdict.duplicated if "customers for debtor" in sentence or "stands twice" in sentence else verdict.wrong
        ).append(sentence)
    verdict.wrong += log_against_ledgers(place)
    verdict.wrong += trespasses(place)
    return verdict


def not_stored(place: Installation, answered: Iterable[str]) -> list[str]:
    """O1."""
    stored = {key for (key,) in place.query("SELECT key FROM sync_changeevent WHERE origin = 'webhook'")}
    return [f"answered, but not stored: {key}" for key in answered if key not in stored]


def unhappy_events(place: Installation) -> list[tuple[int, str, str]]:
    """O2."""
    return place.query("SELECT id, state, error_code FROM sync_changeevent WHERE state NOT IN ('done', 'ignored')")


def log_against_ledgers(
    place: Installation, ledgers_since: Mapping[str, int] = NOTHING, entries_since: int = 0
) -> list[str]:
    """O5, both ways: each write that took effect is claimed by one finished log entry, and no entry claims more."""
    written: Counter[tuple[str, str, str, str]] = Counter()
    for system, position in (("uniconta", 0), ("intempus", 1)):
        slugs = {numbers[position]: slug for slug, numbers in place.companies.items()}
        for call in place.control(system, f"ledger?since={ledgers_since.get(system, 0)}&origin=api")["entries"]:
            for effect in call["effects"]:
                if entity := ENTITIES.get(effect["resource"]):
                    action = "created" if effect["action"] == "created" else "updated"
                    written[slugs[effect["company"]], entity, f"{system} {effect['id']}", action] += 1
    logged: Counter[tuple[str, str, str, str]] = Counter()
    for slug, entity, target, action, uniconta_id, intempus_id in place.query(
        """SELECT tenant.slug, entry.entity, entry.target, entry.action, link.uniconta_id, link.intempus_id
           FROM sync_synclogentry entry JOIN tenants_tenant tenant ON tenant.id = entry.tenant_id
           JOIN mappings_recordlink link ON link.id = entry.link_id
           WHERE entry.state = 'done' AND entry.target <> '' AND entry.id > %s""",
        entries_since,
    ):
        number = uniconta_id if target == "uniconta" else intempus_id
        logged[slug, entity, f"{target} {number}", "created" if action == "create" else "updated"] += 1
    unlogged, unwritten = written - logged, logged - written
    return [f"written, but not in the log: {' '.join(key)} ({n})" for key, n in unlogged.items()] + [
        f"in the log, but not written: {' '.join(key)} ({n})" for key, n in unwritten.items()
    ]


def trespasses(place: Installation) -> list[str]:
    """O6: no call of one tenant's log-in at another's company."""
    found = []
    for system, position in (("uniconta", 0), ("intempus", 1)):
        slugs = {numbers[position]: slug for slug, numbers in place.companies.items()}
        for call in place.control(system, "ledger?since=0&origin=api")["entries"]:
            slug = slugs.get(call["company"])
            if slug and call["user"] and slug not in call["user"]:
                found.append(f"{call['user']} called {call['path']}")
    return found
