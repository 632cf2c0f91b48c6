"""Signing off a period: a person's word, the figures it was given on, and what has moved since. Call inside a scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from sync.domain.actions import RefusedError, audit
from sync.domain.hours.completeness import Check, Span, check_hours, employees_in
from sync.models import PayCalendar, SignOff

#: Of each row of figures, after the employee's id, number, name and the unit.
COMPARED = ("ready", "transferred", "posted")


@dataclass(frozen=True)
class Moved:
    """One employee's amount of one unit, as signed off and as it stands."""

    number: str
    name: str
    unit: str
    then: tuple[Decimal, ...]  # as COMPARED
    now: tuple[Decimal, ...]


def span_of(tenant_id: int, calendar: PayCalendar | None, first: date, last: date) -> Span:
    """The days of a period, of the employees whom the calendar is for."""
    return Span(tenant_id, first, last, employees_in(tenant_id, calendar.groups if calendar else ()))


def figures_of(check: Check) -> dict[str, Any]:
    """What is kept: {"rows": [[employee id, number, name, unit, ready, transferred, posted], …], "groups": {standing:
    count}}; amounts as text with two decimals.
    """
    return {
        "rows": [
            [employee.id, employee.number, employee.name, unit, *(f"{getattr(amount, name):.2f}" for name in COMPARED)]
            for (employee, unit), amount in check.by_employee.items()
        ],
        "groups": {standing.value: group.count for standing, group in check.groups.items() if group.count},
    }


def sign_off(
    tenant_id: int, calendar: PayCalendar | None, first: date, last: date, user_id: int, *, reason: str, note: str
) -> SignOff:
    """Raises RefusedError where something differs and no reason is given."""
    user = User.objects.get(pk=user_id)
    check = check_hours(span_of(tenant_id, calendar, first, last))
    reason = reason.strip()
    if not check.is_complete and not reason:
        raise RefusedError("sign_off_needs_reason")
    signed = SignOff.objects.create(
        tenant_id=tenant_id,
        calendar=calendar,
        first=first,
        last=last,
        user=user,
        signed_by=user.get_full_name() or user.get_username(),
        figures=figures_of(check),
        reason="" if check.is_complete else reason,
        note=note.strip(),
    )
    audit(tenant_id, user.pk, "period_signed_off", f"{calendar or ''} {signed}".strip())
    return signed


def sign_offs_of(tenant_id: int, calendar: PayCalendar | None, first: date, last: date) -> list[SignOff]:
    """Of exactly this period, latest first: what was signed off again stands beside what was signed off before."""
    signed = SignOff.objects.filter(tenant_id=tenant_id, calendar=calendar, first=first, last=last)
    return list(signed.order_by("-at", "-pk"))


def moved_since(signed: SignOff, check: Check) -> list[Moved]:
    """The amounts that are not what they were when a person signed."""
    then = _amounts(signed.figures["rows"])
    now = _amounts(figures_of(check)["rows"])
    zeros = (Decimal(0),) * len(COMPARED)
    moved = []
    for key in sorted({*then, *now}):
        (old_name, old), (new_name, new) = then.get(key, ((), zeros)), now.get(key, ((), zeros))
        if old != new:
            number, name = new_name or old_name
            moved.append(Moved(number, name, key[1], old, new))
    return moved


def _amounts(rows: Sequence[Sequence[str]]) -> dict[tuple[str, str], tuple[Any, tuple[Decimal, ...]]]:
    """(employee id, unit) → ((number, name), amounts)."""
    return {
        (employee_id, unit): ((number, name), tuple(Decimal(text) for text in amounts))
        for employee_id, number, name, unit, *amounts in rows
    }
