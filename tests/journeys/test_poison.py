"""One record as no system should hold it: it becomes a question of its own, or is cleaned, and all others notice nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hostile import HOSTILE
from tests.journeys.conftest import Company, World
from tests.simulators.intempus.resources import RESOURCES
from tests.simulators.uniconta.tables import TABLES

pytestmark = pytest.mark.one_profile


def spoil(company: Company, side: str, record_id: int, **values: Any) -> None:
    """Values that no program would let a person type, as a defect of the remote might have left them."""
    if side == "uniconta":
        rows = company.uniconta._table(company.number, TABLES["Debtor"])
        rows.put(record_id, {**rows.rows[record_id], **values})
        company.hint(record_id)
    else:
        number, stamp = company.intempus_number, company.intempus.next_timestamp()
        stored = company.intempus.store.table(number, "customer").rows[record_id]
        company.intempus.put(number, RESOURCES["customer"], record_id, {**stored, **values}, stamp)


@pytest.mark.parametrize("profile", ["default"])
@pytest.mark.parametrize("side", ["uniconta", "intempus"])
def test_a_hostile_record_stops_no_other(world: World, side: str) -> None:
    """A NUL character in one customer stopped everything of its company, and so did a number too long for an index."""
    world.ends_well = False  # what is so strange is neither sent nor compared
    company = world.nordbyg
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    company.both()
    for position, (title, value) in enumerate(HOSTILE.items()):
        if side == "uniconta":
            record_id = company.debtor(str(2000 + position), Name=title)
            spoil(company, side, record_id, Name=value, City=value)
        else:
            record_id = company.customer(name=title)
            spoil(company, side, record_id, name=value, city=value, number=value)
    company.edit(row_id, Phone="12345678")
    company.both()
    assert company.customer_by_number("1001")["phone"] == "12345678"
    reasons = {link.name[:20]: link.reason for link in company.links()}
    assert (reasons["['a', {'b': None}]"], reasons["{'a': 1}"]) == ("mapping_error", "mapping_error")
    assert "NulNul" in reasons  # nobody can tell it from a name without NUL

    company.edit(row_id, Phone="87654321")
    company.both()
    assert company.customer_by_number("1001")["phone"] == "87654321"


def test_a_refusal_with_a_nul_in_it_is_one_records_own(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.debtor("1002")
    company.settle()
    record_id = company.customer_by_number("1001")["id"]
    words = '{"customer": {"city": ["Ugyldig v\\u0000rdi"]}}'
    method, path = "PUT" if world.is_adverse else "PATCH", rf"/web/v1/customer/{record_id}/"
    world.intempus.faults.add("status", method=method, path=path, status=400, body=words)
    for debtor in company.debtors().values():
        company.edit(debtor["RowId"], City="Odense")
    company.settle()
    assert company.customer_by_number("1002")["city"] == "Odense"
    link = company.link(uniconta_key="1001")
    assert (link.state, link.reason, link.detail) == ("needs_attention", "refused", "city: Ugyldig vrdi")
