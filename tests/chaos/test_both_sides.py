"""What R15 forgives: only what was saved after our last look at the record, and written over by the PUT that follows."""

from typing import Any

from tests.chaos.both_sides import in_the_instant

LOOK = {"origin": "api", "method": "GET", "query": "Name=RowId&Value=7", "body": None, "effects": []}
OTHER_LOOK = {**LOOK, "query": "Name=RowId&Value=77"}
SAVE = {"origin": "person", "method": "PERSON", "query": "", "body": {"City": "Ribe"}, "effects": [{"id": "7"}]}
PUT = {"origin": "api", "method": "PUT", "query": "", "body": {"City": "Odense"}, "effects": [{"id": "7"}]}


def forgives(*calls: dict[str, Any]) -> bool:
    return in_the_instant(list(calls), 7, "Ribe")


def test_only_the_instant_between_look_and_put_is_forgiven() -> None:
    assert forgives(LOOK, SAVE, OTHER_LOOK, PUT)
    assert not forgives(LOOK, SAVE, LOOK, PUT)
    assert not forgives(SAVE, LOOK, PUT)
    assert not forgives(LOOK, SAVE)
    assert not forgives(LOOK, PUT, SAVE)
    assert not forgives(LOOK, {**SAVE, "body": {"City": "Tønder"}}, PUT)
