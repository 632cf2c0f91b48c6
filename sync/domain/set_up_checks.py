"""Checks of what was set up around the records: number series, default groups, work models, clock and language of the log-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mappings.entities import ENTITIES
from mappings.entities.work_report import WORK_TYPE, id_of
from mappings.models import EntityPolicy
from mappings.phases import PHASES
from mappings.spec import Side, System
from sync.connectors.base import Connector, Row
from sync.connectors.errors import RemoteError
from sync.domain.check import Check, failed, ok, said, warn
from sync.domain.numbers import NUMBER_SERIES
from sync.domain.said import entity_said, fix_of, say, text_of
from tenants.models import Connection

#: Numbers left in a series below which somebody should know.
FEW_NUMBERS = 100
#: Change stamps and "read since" are in the other system's time; the cursor's overlap forgives this much.
CLOCK_SECONDS = 60

WORK_MODEL = Side(System.INTEMPUS, resource="work_model", id_field="id", key_field="number", name_field="name")


def check_groups_and_numbers(policies: Mapping[str, EntityPolicy], uniconta: Connector) -> Iterator[Check]:
    """What records born in Intempus get in Uniconta: a number from a series that is there, a group that is there."""
    for name, policy in policies.items():
        if not policy.enabled or not policy.create_in_uniconta or name not in ENTITIES:
            continue
        try:
            if policy.number_series:
                yield _check_series(name, policy.number_series, uniconta)
            yield from _check_group(name, policy.default_group, uniconta)
        except RemoteError as error:
            yield said(say("Numbers and groups, {entity}", entity=entity_said(name)), error, warn)


def _check_series(entity: str, series: str, uniconta: Connector) -> Check:
    name = say("Number series, {entity}", entity=entity_said(entity))
    row = next(iter(uniconta.find_by_key(NUMBER_SERIES, [series])), None)
    if row is None:
        return failed(name, text_of("number_series_missing", series), fix_of("number_series_missing"))
    last = int(row.get("Last") or 0)
    left = last - int(row.get("Next") or 1) + 1
    if last and left < FEW_NUMBERS:
        found = say("{series} has {count} numbers left", series=series, count=max(0, left))
        return (failed if left <= 0 else warn)(name, found, fix_of("number_series_used_up"))
    return ok(name, say("{series}, next is {next}", series=series, next=row.get("Next") or 1))


def _check_group(entity: str, group: str, uniconta: Connector) -> Iterator[Check]:
    name = say("Default group, {entity}", entity=entity_said(entity))
    reference = next((each.reference for each in ENTITIES[entity].references if each.is_group), "")
    if not reference:
        return
    if not group:
        yield warn(
            name,
            say("none: a record from Intempus in a group that Uniconta does not know asks a person"),
            say("Name one under the company’s entity policies"),
        )
    elif uniconta.find_by_key(ENTITIES[reference].uniconta, [group]):
        yield ok(name, say("{group} is there", group=group))
    else:
        found = say("{group} is not in Uniconta", group=group)
        yield failed(name, found, say("Name one that is there under the company’s entity policies"))


def check_work_models(intempus: Connector) -> Iterator[Check]:
    """A work model without work types: its employees can register nothing, so no hours of theirs will ever come."""
    name = say("Work models")
    try:
        models = {str(row.get("id")): str(row.get("name") or row.get("id")) for row in intempus.read_all(WORK_MODEL)}
        with_types = {id_of(row.get("work_model")) for row in intempus.read_all(WORK_TYPE)}
    except RemoteError as error:
        yield said(name, error, warn)
        return
    empty = sorted(label for key, label in models.items() if key not in with_types)
    if empty:
        found = say("without any work type: {names}", names=", ".join(empty))
        yield warn(name, found, say("Give them work types in Intempus, or move their employees to another work model"))
    else:
        yield ok(name, say("{count}, each with work types", count=len(models)))


def check_language(projects: Sequence[Row]) -> Iterator[Check]:
    """Uniconta writes enumerations in the language of the log-in (API page 5.2); phases show which it is."""
    seen = {str(row.get("Phase") or "").casefold() for row in projects} - {""}
    if not seen:
        return
    name = say("Language of the log-in")
    english = {text.casefold() for member, label, _ in PHASES for text in (member, label)}
    danish = {label.casefold() for _, _, label in PHASES}
    if unknown := sorted(seen - english - danish):
        found = say("it says {texts}, which is neither English nor Danish", texts=", ".join(unknown))
        yield failed(name, found, say("Set the language of the log-in to English or Danish in Uniconta"))
    elif seen - english and seen - danish:
        yield warn(name, say("mixed, English and Danish"), say("Set one language on the log-in in Uniconta"))
    else:
        yield ok(name, say("Danish") if seen - english else say("English"))


def check_clock_of(system: System, apart: float | None) -> Iterator[Check]:
    """`apart`: seconds that the system's clock is ahead of ours; None where its answers do not tell the time."""
    if apart is None:
        return
    name = say("Clock, {system}", system=Connection.System(system.value).label)
    if abs(apart) <= CLOCK_SECONDS:
        yield ok(name, say("agrees with ours"))
        return
    found = say("{seconds} s apart from ours: what changed last may be missed", seconds=round(abs(apart)))
    yield warn(name, found, say("Look at the clock of this machine first"))
