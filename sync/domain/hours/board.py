"""The board of work types: every work type a company has in Intempus against what it becomes on a line in Uniconta."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Count, Q

from mappings.hours import Kind, LineRule, Listed, Terms, Treatment
from mappings.models import HoursPolicy, WorkTypeRule
from sync.domain.actions import audit
from sync.domain.hours.corrections import fetch_now
from sync.models import ReferenceRow, Run, WorkReport
from tenants.models import Tenant

State = WorkReport.State
#: What a person sets for a work type, by column of WorkTypeRule, and the list whose keys it holds.
COLUMNS: Mapping[str, str] = {
    "item": "item",
    "category": "category",
    "pay_type": "pay_type",
    "unit": "",
    "journal": "journal",
    "treatment": "",
    "invoiceable": "",
}
#: The lists a person chooses from, and those that say what the work types are.
CHOSEN = ("item", "category", "pay_type", "journal")
LISTS = (*CHOSEN, "work_type", "work_category")


class Standing(StrEnum):
    BROKEN = "broken"  # names something that Uniconta does not have, or has blocked
    RENAMED = "renamed"  # since a person last confirmed the rule
    GONE = "gone"  # Intempus has no such work type any more
    MISSING = "missing"  # reports use it, and no item is chosen
    NOT_TRANSFERRED = "not_transferred"
    UNUSED = "unused"
    EXACT = "exact"


@dataclass(frozen=True)
class Row:
    """One work type with what it becomes. `broken`: the columns that name what is not there."""

    work_type_id: str
    name: str
    category: str
    kind: Kind | None
    rule: WorkTypeRule | None
    standing: Standing
    broken: tuple[str, ...] = ()
    named_pay_type: str = ""  # the number of the pay type with exactly the name, when that decides
    has_pay_type: bool = True
    used: int = 0
    waiting: int = 0  # reports that need attention because of this row

    @property
    def is_by_name(self) -> bool:
        """The rule is one for every work type of this name."""
        return self.rule is not None and not self.rule.work_type_id

    @property
    def was_called(self) -> str:
        return self.rule.work_type_name if self.rule is not None else ""


@dataclass(frozen=True)
class Board:
    rows: Sequence[Row]
    #: By list, in the order people read them.
    choices: Mapping[str, Sequence[Listed]] = field(default_factory=dict)


#: Worst first; of equal standing the most used first.
ORDER = list(Standing)
#: Reasons that the board answers.
REASONS = (
    "rule_missing",
    "item_missing",
    "item_blocked",
    "category_missing",
    "pay_type_missing",
    "pay_type_blocked",
    "work_type_unknown",
)


def read_board(tenant_id: int) -> Board:
    """Four queries, however many work types there are. Call inside a scope."""
    lists: dict[str, list[ReferenceRow]] = {name: [] for name in LISTS}
    rows = ReferenceRow.objects.filter(tenant_id=tenant_id, list__in=LISTS, is_gone=False)
    for row in rows.order_by("name", "key"):
        lists[row.list].append(row)
    choices = {name: [Listed(row.key, row.name, row.data) for row in lists[name]] for name in CHOSEN}
    categories = {row.remote_id: row for row in lists["work_category"]}
    policy = HoursPolicy.objects.filter(tenant_id=tenant_id).first()
    terms = policy.terms() if policy else Terms(journal="", transfer_from=None)
    rules = list(WorkTypeRule.objects.filter(tenant_id=tenant_id))
    own = {rule.work_type_id: rule for rule in rules if rule.work_type_id}
    by_name = {rule.work_type_name: rule for rule in rules if not rule.work_type_id}
    used = _usage(tenant_id)
    found = []
    for row in lists["work_type"]:
        category = categories.get(str(row.data.get("work_category", "")))
        rule = own.pop(row.remote_id, None) or by_name.get(row.name)
        is_used, waiting = used.get(row.remote_id, (0, 0))
        is_offered = row.data.get("active") is not False
        if is_offered or rule or is_used:
            found.append(_row(row, category, rule, terms, choices, is_used, waiting))
    names = {row.name for row in lists["work_type"]}
    left = [*own.values(), *(rule for name, rule in by_name.items() if name not in names)]
    found += [Row(rule.work_type_id, rule.work_type_name, "", None, rule, Standing.GONE) for rule in left]
    found.sort(key=lambda row: (ORDER.index(row.standing), -row.used, row.name))
    return Board(found, choices)


def _usage(tenant_id: int) -> dict[str, tuple[int, int]]:
    reports = WorkReport.objects.filter(tenant_id=tenant_id, product_id="").order_by()
    is_asking = Q(state=State.NEEDS_ATTENTION, reason__in=REASONS)
    counted = reports.values_list("work_type_id").annotate(used=Count("pk"), waiting=Count("pk", filter=is_asking))
    return {work_type_id: (number, waiting) for work_type_id, number, waiting in counted}


def _row(
    work_type: ReferenceRow,
    category: ReferenceRow | None,
    rule: WorkTypeRule | None,
    terms: Terms,
    choices: Mapping[str, Sequence[Listed]],
    used: int,
    waiting: int,
) -> Row:
    kind = _kind(category)
    said = rule.line_rule() if rule else LineRule()
    broken = tuple(
        column for column, name in COLUMNS.items() if name and not _is_there(getattr(said, column), choices[name])
    )
    treatment = said.treatment or (terms.treatment(kind) if kind else Treatment.TRANSFER)
    named = [each for each in choices["pay_type"] if each.name == work_type.name and not each.data.get("Blocked")]
    if broken:
        standing = Standing.BROKEN
    elif rule and rule.work_type_id and rule.work_type_name not in ("", work_type.name):
        standing = Standing.RENAMED
    elif treatment is Treatment.SKIP:
        standing = Standing.NOT_TRANSFERRED
    elif not said.item and used:
        standing = Standing.MISSING
    else:
        standing = Standing.EXACT if used else Standing.UNUSED
    return Row(
        work_type_id=work_type.remote_id,
        name=work_type.name,
        category=category.name if category else "",
        kind=kind,
        rule=rule,
        standing=standing,
        broken=broken,
        named_pay_type=named[0].key if len(named) == 1 and not said.pay_type else "",
        has_pay_type=bool(said.pay_type) or len(named) == 1 or treatment is Treatment.SKIP,
        used=used,
        waiting=waiting,
    )


def _kind(category: ReferenceRow | None) -> Kind | None:
    text = str(category.data.get("type") or Kind.WORK) if category else ""
    return Kind(text) if text in set(Kind) else None


def _is_there(key: str, rows: Sequence[Listed]) -> bool:
    return not key or any(row.key == key and not row.data.get("Blocked") for row in rows)


# ------------------------------------------------------------------------------------------------ from names


def propose(board: Board) -> dict[str, dict[str, str]]:
    """For each work type without an item, what its name suggests: {work type id: {column: key}}. Nothing is stored.

    A name counts when exactly one row has it, small differences of spelling aside. A person confirms.
    """
    found: dict[str, dict[str, str]] = {}
    for row in board.rows:
        if (row.rule and row.rule.item) or row.standing in (Standing.GONE, Standing.NOT_TRANSFERRED):
            continue
        item = _named(row.name, board.choices["item"]) or _named(row.category, board.choices["item"])
        if not item:
            continue
        said = {"item": item, "category": _named(row.name, board.choices["category"])}
        if not row.has_pay_type:
            said["pay_type"] = _named(row.name, board.choices["pay_type"])
        found[row.work_type_id] = {column: key for column, key in said.items() if key}
    return found


def _named(name: str, rows: Sequence[Listed]) -> str:
    wanted = _plain(name)
    if not wanted:
        return ""
    found = {row.key for row in rows if not row.data.get("Blocked") and wanted in (_plain(row.name), _plain(row.key))}
    return found.pop() if len(found) == 1 else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


# ------------------------------------------------------------------------------------------------ saving


def save_board(
    tenant_id: int, said: Mapping[str, Mapping[str, Any]], confirmed: Sequence[str], user_id: int | None
) -> Run | None:
    """Store what a person set, {work type id: {column: value}}, and have reports judged anew; the run, if one was needed.

    A work type that follows a rule of its name gets one of its own as soon as it is set otherwise. `confirmed`: work
    types whose rule a person found right under the new name. Call inside a scope.
    """
    changed = []
    for row in read_board(tenant_id).rows:
        values = said.get(row.work_type_id) if row.work_type_id else None
        if values is None:
            continue
        before = {column: getattr(row.rule, column) if row.rule else _blank(column) for column in COLUMNS}
        is_changed = any(values[column] != before[column] for column in COLUMNS)
        if not is_changed and row.work_type_id not in confirmed:
            continue
        rule = row.rule
        if rule is None or row.is_by_name:
            rule = WorkTypeRule(tenant_id=tenant_id, work_type_id=row.work_type_id)
        for column in COLUMNS:
            setattr(rule, column, values[column])
        rule.work_type_name = row.name
        rule.save()
        changed.append(row.name)
    if not changed:
        return None
    audit(tenant_id, user_id, "work_types_saved", ", ".join(changed))
    return judge_anew(tenant_id, user_id)


def judge_anew(tenant_id: int, user_id: int | None) -> Run | None:
    """A run that judges every report by the new rules or settings; None where nothing is transferred yet."""
    return fetch_now(tenant_id, user_id) if travels(tenant_id) else None


def travels(tenant_id: int) -> bool:
    """Whether hours are switched on, and the company is live."""
    return HoursPolicy.objects.filter(tenant_id=tenant_id, enabled=True, tenant__state=Tenant.State.LIVE).exists()


def _blank(column: str) -> Any:
    return None if column == "invoiceable" else ""
