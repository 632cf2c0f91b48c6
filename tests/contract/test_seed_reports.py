"""The demo's fortnight of work reports: every kind and state, and nothing a real Intempus would have refused."""

from datetime import date

import pytest

from tests.simulators.intempus import IntempusSimulator, reports
from tests.simulators.seed_reports import JOURNAL, WITHDRAWN, hours_seed
from tests.simulators.seeds import HAVNENS_EL, HAVNENS_EL_INTEMPUS, NORDBYG, NORDBYG_INTEMPUS, demo_seed
from tests.simulators.uniconta import UnicontaSimulator

COMPANIES = [(NORDBYG, NORDBYG_INTEMPUS), (HAVNENS_EL, HAVNENS_EL_INTEMPUS)]
SUNDAY = date(2026, 11, 15)


@pytest.fixture
def intempus() -> IntempusSimulator:
    simulator = IntempusSimulator(data=demo_seed())
    simulator.load(hours_seed(SUNDAY))
    return simulator


@pytest.fixture
def uniconta() -> UnicontaSimulator:
    simulator = UnicontaSimulator(data=demo_seed())
    simulator.load(hours_seed(SUNDAY))
    return simulator


def state(row: dict) -> str:
    signatures = sum(each["date"] is not None for each in row["approved_by"])
    return "locked" if row["isimmutable"] else ("waiting", "half approved", "approved")[signatures]


@pytest.mark.parametrize("company", [NORDBYG_INTEMPUS, HAVNENS_EL_INTEMPUS])
def test_a_fortnight_in_every_state_and_kind(intempus: IntempusSimulator, company: int) -> None:
    rows = intempus.rows(company, "work_report")
    assert {row["start_date"] for row in rows} == {f"2026-11-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)}
    states = [state(row) for row in rows]
    counts = {each: states.count(each) for each in ("locked", "approved", "half approved", "waiting")}
    assert counts == {"locked": 4, "approved": 18, "half approved": 5, "waiting": 3}
    assert all(row["approved"] == (state(row) in ("locked", "approved")) for row in rows)
    names = {row["id"]: row["name"] for row in intempus.rows(company, "work_type")}
    assert {names.get(row["worktype"], "material") for row in rows} == {*names.values(), "material"}
    [absence] = [row for row in rows if names.get(row["worktype"]) == "Sygdom"]
    assert (absence["case"], absence["start_date"], absence["end_date"]) == (None, "2026-11-09", "2026-11-10")
    for row in rows:
        reports.validate(intempus, row, None)


@pytest.mark.parametrize("company", [NORDBYG_INTEMPUS, HAVNENS_EL_INTEMPUS])
def test_what_is_withdrawn_later_is_approved_and_open_at_first(intempus: IntempusSimulator, company: int) -> None:
    for each in WITHDRAWN[company]:
        row = intempus.row(company, "work_report", each)
        assert row is not None
        assert state(row) == "approved"
    intempus.person_withdraws(company, *WITHDRAWN[company])


@pytest.mark.parametrize(("books", "times"), COMPANIES)
def test_both_sides_meet_by_their_keys(
    uniconta: UnicontaSimulator, intempus: IntempusSimulator, books: int, times: int
) -> None:
    def there(table: str, name: str) -> set[str]:
        return {row[name] for row in uniconta.rows(books, table)}

    def missing(resource: str, name: str, table: str, name_there: str) -> set[str]:
        return {row[name] for row in intempus.rows(times, resource)} - there(table, name_there)

    assert missing("case", "number", "Project", "Number") == set()
    assert missing("product", "number", "InvItem", "Item") == set()
    assert {each.partition("@")[0] for each in missing("employee", "email", "Employee", "Email")} == {"vikar"}
    assert missing("work_type", "name", "EmpPayrollCategory", "Name") == {"Diamantskæring", "Udlæg", "Diæt, døgn"}
    assert there("ProjectJournal", "Journal") == {JOURNAL}
