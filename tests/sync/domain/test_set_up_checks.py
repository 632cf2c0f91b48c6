"""What the doctor says of the log-in's language and clock."""

import pytest

from mappings.spec import System
from sync.domain.set_up_checks import check_clock_of, check_language


@pytest.mark.parametrize(
    ("phases", "grade"),
    [
        (["Created", "In progress"], "ok"),
        (["Oprettet", "Igangværende"], "ok"),
        (["Oprettet", "In progress"], "warning"),
        (["Angelegt"], "failed"),
        # Spelled the same in both languages: it says nothing, so it speaks for neither.
        (["", None], None),
    ],
)
def test_the_language_of_the_log_in_shows_in_the_phases(phases, grade):
    found = [check.grade.value for check in check_language([{"Phase": phase} for phase in phases])]
    assert found == ([grade] if grade else [])


@pytest.mark.parametrize(("apart", "grade"), [(None, None), (0.0, "ok"), (-60.0, "ok"), (61.0, "warning")])
def test_a_clock_may_be_a_minute_apart(apart, grade):
    assert [check.grade.value for check in check_clock_of(System.UNICONTA, apart)] == ([grade] if grade else [])
