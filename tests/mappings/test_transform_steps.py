"""Conversions as a tenant's rows write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.transform_steps import STEPS, StepError, find_transform
from mappings.transforms import TRANSFORMS, MappingError

READS = [
    ("text", " a b ", "a b"),
    ("trim", " a b ", "a b"),
    ("upper", "Æble", "ÆBLE"),
    ("lower", "ÆBLE", "æble"),
    ("prefix K-", "17", "K-17"),
    ("prefix K-", None, ""),
    ("first 3", "Tømrer", "Tøm"),
    ("constant Nord byg", "whatever", "Nord byg"),
    ("default ukendt", None, "ukendt"),
    ("default ukendt", "kendt", "kendt"),
    ("lookup", "100", "100"),
    ("negate", "12.50", "-12.5"),
    ("negate", -3, "3"),
    ("negate", 0, "0"),
    ("negate", None, ""),
    ("inverted", True, False),
    ("boolean", "true", True),
    ("number", "12.50", "12.5"),
    ("number 1", "12.25", "12.3"),
    ("number 0", None, ""),
    ("date", "2027-12-31T00:00:00", "2027-12-31"),
    ("danish_date", "31-12-2027", "2027-12-31"),
    ("danish_date", None, ""),
    ("upper | first 3 | prefix K-", "tømrer", "K-TØM"),
    ("date|danish_date", "0001-01-01T00:00:00", ""),
]


@pytest.mark.parametrize(("text", "raw", "value"), READS)
def test_reading(text: str, raw: Any, value: Any) -> None:
    assert find_transform(text).read(raw) == value


def test_every_step_is_read_above() -> None:
    assert {text.split()[0].split("|")[0] for text, _, _ in READS} == STEPS.keys()


@pytest.mark.parametrize(
    ("text", "code", "close"),
    [
        ("uper", "unknown", "upper"),
        ("contry_code", "unknown", "country_code"),
        ("upper |", "unknown", ""),
        ("xyzzy", "unknown", ""),
        ("prefix", "needs_value", ""),
        ("first", "needs_number", ""),
        ("first many", "needs_number", ""),
        ("number -1", "needs_number", ""),
        ("number 999", "needs_number", ""),
        ("upper x", "takes_no_value", ""),
        ("country_code dk", "takes_no_value", ""),
    ],
)
def test_a_mistake_is_named_and_the_nearest_word_offered(text: str, code: str, close: str) -> None:
    with pytest.raises(StepError) as caught:
        find_transform(text)
    assert (caught.value.code, caught.value.close) == (code, close)


RAW: dict[str, st.SearchStrategy[Any]] = {
    "prefix K-": st.none() | st.text(),
    "lookup": st.none() | st.text(),
    "negate": st.none() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    "number": st.none() | st.integers(),
    "danish_date": st.none() | st.dates().map(lambda day: day.strftime("%d-%m-%Y") if day.year > 999 else ""),
    "prefix A | prefix B": st.none() | st.text(),
}


def test_what_cannot_be_undone_says_so() -> None:
    both_ways = {text.split()[0] for text in RAW} | TRANSFORMS.keys() | {"trim"}
    assert {name for name in STEPS if name not in both_ways} == {"upper", "lower", "first", "constant", "default"}
    assert all(find_transform(text).is_one_way for text in ("upper", "first 3", "constant x", "default x", "number 2"))
    assert find_transform("prefix K | upper").is_one_way
    assert not any(find_transform(text).is_one_way for text in RAW)


@pytest.mark.parametrize("text", RAW)
@given(data=st.data())
def test_writing_what_was_read_keeps_its_meaning(text: str, data: st.DataObject) -> None:
    transform = find_transform(text)
    value = transform.read(data.draw(RAW[text]))
    assert transform.read(transform.write(value)) == value


def test_only_what_has_the_prefix_can_lose_it() -> None:
    assert find_transform("prefix K-").write("K-17") == "17"
    with pytest.raises(MappingError, match="does not begin with 'K-': '17'"):
        find_transform("prefix K-").write("17")


@pytest.mark.parametrize(("text", "raw"), [("danish_date", "31.12.2027"), ("negate", "many"), ("number 2", "1,5")])
def test_what_cannot_be_understood_is_refused(text: str, raw: Any) -> None:
    with pytest.raises(MappingError):
        find_transform(text).read(raw)
