"""A death stands for a stretch between two effects, and is final."""

import pytest

from tests.chaos.fail_points import FailPoints, Killed


def live_through(points: FailPoints) -> None:
    """Reads, reads, writes, reads, writes."""
    for what, takes_effect in (("read", False), ("look", False), ("write", True), ("re-read", False), ("send", True)):
        points.passed(what)
        if takes_effect:
            points.took_effect()


def test_what_only_reads_begins_no_stretch() -> None:
    points = FailPoints()
    live_through(points)
    assert (points.count, points.is_dead) == (2, False)


@pytest.mark.parametrize(("at", "what"), [(1, "read"), (2, "re-read")])
def test_it_dies_at_the_beginning_of_the_stretch_and_stays_dead(at: int, what: str) -> None:
    points = FailPoints(at)
    with pytest.raises(Killed):
        live_through(points)
    assert points.what == what
    with pytest.raises(Killed):
        points.passed("anything else")
    assert points.what == what
