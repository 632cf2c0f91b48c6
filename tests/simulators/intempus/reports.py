"""Work reports: what is checked when one is saved, how one is approved and locked, and the overtime Intempus adds.

Approving is what a person does in the user interface; the API shows it and cannot do it (API page 3.9).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.simulators.core import Call, Effect, PersonRefusedError, RefusedError, Reply, Row, json_reply

from .resources import RESOURCES, TIMESTAMP
from .rows import bad_request
from .texts import sentence

if TYPE_CHECKING:
    from .simulator import IntempusSimulator

LEVELS = ("second_approver", "final_approver")
OVERTIME = "intempus:overtime"
DENMARK = ZoneInfo("Europe/Copenhagen")


@dataclass
class ReportIndex:
    """Which contracts an employee has, and which reports one has on a day."""

    contracts: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    days: dict[tuple[int, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def _entry(self, resource: str, row: Mapping[str, Any]) -> set[int] | None:
        if resource == "contract":
            return self.contracts[row["employee"]]
        return self.days[row["employee"], row["start_date"]] if resource == "work_report" else None

    def add(self, resource: str, row: Mapping[str, Any]) -> None:
        entry = self._entry(resource, row)
        if entry is not None:
            entry.add(row["id"])

    def remove(self, resource: str, row: Mapping[str, Any] | None) -> None:
        entry = None if row is None else self._entry(resource, row)
        if entry is not None and row is not None:
            entry.discard(row["id"])


@dataclass
class OvertimeRule:
    """Hours of a day above `after_hours` become a row of `worktype`, for the contracts of one work model."""

    work_model: int
    worktype: int
    after_hours: str = "7.4"


def today(simulator: "IntempusSimulator") -> str:
    return _local(simulator).date().isoformat()


def _local(simulator: "IntempusSimulator") -> datetime:
    return simulator.clock.now().astimezone(DENMARK).replace(tzinfo=None, microsecond=0)


def contract_on(simulator: "IntempusSimulator", employee: int, day: str) -> Row | None:
    for contract_id in simulator.report_index.contracts.get(employee, ()):
        contract = simulator.find("contract", contract_id)
        if contract and contract["start_date"] <= day and (not contract["end_date"] or day <= contract["end_date"]):
            return contract
    return None


# -- saving a report -------------------------------------------------------------------------------------------------


def complete(simulator: "IntempusSimulator", row: dict[str, Any]) -> None:
    """What the server fills in: dates left blank, the week, the contract, the pending approvals, the time of birth."""
    row["start_date"] = row["start_date"] or today(simulator)
    row["end_date"] = row["end_date"] or row["start_date"]
    row["start_week_number"] = date.fromisoformat(row["start_date"]).isocalendar().week
    contract = contract_on(simulator, row["employee"], row["start_date"])
    row["contract"] = None if contract is None else contract["id"]
    if not row["approved_by"]:
        row["approved_by"] = [_signature(simulator, level) for level in LEVELS]
    if row["creation_datetime"] is None:
        utc = simulator.switches.creation_datetime_utc
        now = simulator.clock.now().astimezone(UTC).replace(microsecond=0) if utc else _local(simulator)
        row["creation_datetime"] = now.isoformat()


def complete_seed(simulator: "IntempusSimulator", company: int, row: dict[str, Any]) -> None:
    """A seeded report that says `approved` was approved at every level on its last day."""
    complete(simulator, row)
    if row["approved"] and row["approved_by"][-1]["date"] is None:
        when = datetime.fromisoformat(f"{row['end_date']}T17:00:00")
        row["approved_by"] = [
            _signature(simulator, level, _approver(simulator, company, level), when) for level in LEVELS
        ]


def validate(simulator: "IntempusSimulator", row: dict[str, Any], old: Row | None) -> None:
    """Raises RefusedError (400, a list with one sentence) as API page 7.18 says."""
    contract = contract_on(simulator, row["employee"], row["start_date"])
    if contract is None:
        raise _refused(simulator, "no_contract", day=row["start_date"])
    check_period(simulator, contract, row)
    if old is not None:
        check_period(simulator, simulator.find("contract", old["contract"] or 0), old)
    if row["worktype"] is not None:
        _check_work_type(simulator, contract, row, old)
    case = None if row["case"] is None else simulator.find("case", row["case"])
    moved = old is None or old["case"] != row["case"]
    if case is not None and moved and not (case["active"] and case["permit_new_workreports"]):
        raise _refused(simulator, "case_closed")


def check_period(simulator: "IntempusSimulator", contract: Row | None, row: Mapping[str, Any]) -> None:
    if contract is not None and contract["locked_date"] and row["start_date"] <= contract["locked_date"]:
        raise _refused(simulator, "period_locked", day=contract["locked_date"])


def _check_work_type(simulator: "IntempusSimulator", contract: Row, row: dict[str, Any], old: Row | None) -> None:
    work_type = simulator.find("work_type", row["worktype"])
    assert work_type is not None
    category = simulator.find("work_category", work_type["work_category"])
    if work_type["work_model"] != contract["work_model"]:
        raise _refused(simulator, "other_work_model")
    if not work_type["active"] and (old is None or old["worktype"] != row["worktype"]):
        raise _refused(simulator, "work_type_inactive")
    if work_type["report_interval"] and not (row["start_time"] and row["end_time"]):
        raise _refused(simulator, "times_needed")
    if category is not None and category["case_related"] and row["case"] is None:
        raise _refused(simulator, "case_needed")


def check_api_may_change(simulator: "IntempusSimulator", row: Row) -> None:
    if (row["approved"] or row["isimmutable"]) and not simulator.switches.approved_reports_editable:
        raise _refused(simulator, "report_fixed")


def _refused(simulator: "IntempusSimulator", code: str, **values: object) -> RefusedError:
    return bad_request([sentence(code, simulator.switches.language, **values)])


# -- approving and locking -------------------------------------------------------------------------------------------


def _signature(
    simulator: "IntempusSimulator", level: str, approver: Row | None = None, when: datetime | None = None
) -> dict[str, Any]:
    """One entry of `approved_by`; without a date it is pending."""
    return {
        "level": level,
        "label": sentence(level, simulator.switches.language),
        "date": None if when is None else when.date().isoformat(),
        "time": None if when is None else when.time().isoformat(timespec="seconds"),
        **{name: None if approver is None else approver[name] for name in ("name", "number", "username")},
    }


def _approver(simulator: "IntempusSimulator", company: int, level: str) -> Row | None:
    """The first person responsible at that level."""
    for responsible in simulator.store.table(company, "responsible"):
        if responsible["level"] == level:
            return simulator.find("employee", responsible["employee"])
    return None


def approve(
    simulator: "IntempusSimulator", company: int, ids: Iterable[int], level: str | None, by: int | None
) -> None:
    """Sign at one level, or at every level where none is named; `approved` follows the final one."""
    levels = LEVELS if level is None else (level,)
    if not set(levels) <= set(LEVELS):
        raise ValueError(f"unknown level {level}; known: {', '.join(LEVELS)}")
    people = {each: simulator.find("employee", by) if by else _approver(simulator, company, each) for each in levels}
    when = _local(simulator)
    for row in _reports(simulator, company, ids):
        signatures = [
            _signature(simulator, each["level"], people[each["level"]], when) if each["level"] in levels else each
            for each in row["approved_by"]
        ]
        _restate(simulator, company, row, approved_by=signatures)


def withdraw(simulator: "IntempusSimulator", company: int, ids: Iterable[int], level: str | None) -> None:
    for row in _reports(simulator, company, ids):
        if row["isimmutable"]:
            raise PersonRefusedError(sentence("report_fixed", simulator.switches.language))
        signatures = [
            _signature(simulator, each["level"]) if level in (None, each["level"]) else each
            for each in row["approved_by"]
        ]
        _restate(simulator, company, row, approved_by=signatures)


def lock(simulator: "IntempusSimulator", company: int, ids: Iterable[int], *, locked: bool) -> None:
    for row in _reports(simulator, company, ids):
        _restate(simulator, company, row, isimmutable=locked)


def _reports(simulator: "IntempusSimulator", company: int, ids: Iterable[int]) -> list[Row]:
    table = simulator.store.table(company, "work_report").rows
    unknown = [row_id for row_id in ids if row_id not in table]
    if unknown:
        raise PersonRefusedError(f"no work_report {unknown[0]}")
    return [table[row_id] for row_id in ids]


def _restate(simulator: "IntempusSimulator", company: int, old: Row, **values: Any) -> None:
    row = {**old, **values}
    row["approved"] = any(each["level"] == LEVELS[-1] and each["date"] for each in row["approved_by"])
    moves = simulator.switches.approval_moves_timestamp
    timestamp = simulator.next_timestamp() if moves else old[TIMESTAMP]
    simulator.put(company, RESOURCES["work_report"], old["id"], row, timestamp)


def unsigned(simulator: "IntempusSimulator") -> dict[str, Any]:
    """The values of a report nobody has approved."""
    return {"approved": False, "approved_by": [_signature(simulator, level) for level in LEVELS]}


def answer_bulk(simulator: "IntempusSimulator", call: Call) -> Reply:
    """`POST work_report/bulk/`: locks and unlocks where the company has the feature."""
    assert call.company is not None
    body = simulator.body(call)
    if not body.get("origin"):
        raise bad_request("The 'origin' field has no data and doesn't allow a default or null value.")
    if not simulator.switches.bulk_lock_enabled:
        raise RefusedError(json_reply({"error": sentence("feature_missing", simulator.switches.language)}, 401))
    table = simulator.store.table(call.company, "work_report").rows
    ids = body.get("ids")
    if body.get("action") != "work_report_state" or not isinstance(ids, list) or not set(ids) <= set(table):
        raise bad_request("Invalid data sent")
    lock(simulator, call.company, ids, locked=bool(body.get("immutable")))
    call.effects += [Effect("updated", "work_report", call.company, row_id) for row_id in ids]
    return json_reply({"ids": ids}, 200)


# -- overtime --------------------------------------------------------------------------------------------------------


def settle_overtime(simulator: "IntempusSimulator", company: int, employee: int, day: str) -> None:
    """Add, change or remove the day's overtime row; Intempus does this by itself, some time after the work."""
    contract = contract_on(simulator, employee, day)
    rules = simulator.overtime_rules.get(company, ())
    rule = next((each for each in rules if contract and each.work_model == contract["work_model"]), None)
    if rule is None:
        return
    reports = [simulator.find("work_report", i) for i in sorted(simulator.report_index.days[employee, day])]
    hours = [row for row in reports if row is not None and _is_plain_work(simulator, row)]
    existing = next((row for row in reports if row is not None and row["origin"] == OVERTIME), None)
    amount = sum((Decimal(row["amount"]) for row in hours), Decimal(0)) - Decimal(rule.after_hours)
    if amount > 0:
        _put_overtime(simulator, company, rule, existing, hours[-1], amount)
    elif existing is not None:
        simulator.drop(company, RESOURCES["work_report"], existing["id"])
        simulator.enter_person_act("overtime", company, "work_report", existing["id"], None, "deleted")


def _put_overtime(
    simulator: "IntempusSimulator", company: int, rule: OvertimeRule, existing: Row | None, cause: Row, amount: Decimal
) -> None:
    """Store the day's overtime on the case of the last ordinary report; an unchanged one is left alone."""
    values: dict[str, Any] = {"amount": f"{amount:.8f}", "case": cause["case"]}
    if existing is not None and values.items() <= existing.items():
        return
    if existing is None:
        row = simulator.defaults(RESOURCES["work_report"], company) | {"creation_id": None}
        row |= {"employee": cause["employee"], "start_date": cause["start_date"], "end_date": cause["start_date"]}
        row |= {"worktype": rule.worktype, "origin": OVERTIME, **values}
        complete(simulator, row)
    else:
        row = {**existing, **values}
    row_id = simulator.next_id() if existing is None else existing["id"]
    simulator.put(company, RESOURCES["work_report"], row_id, row, simulator.next_timestamp())
    action = "created" if existing is None else "updated"
    simulator.enter_person_act("overtime", company, "work_report", row_id, values, action)


def _is_plain_work(simulator: "IntempusSimulator", row: Row) -> bool:
    work_type = None if row["worktype"] is None else simulator.find("work_type", row["worktype"])
    category = None if work_type is None else simulator.find("work_category", work_type["work_category"])
    return category is not None and category["type"] is None and not category["supplement"]
