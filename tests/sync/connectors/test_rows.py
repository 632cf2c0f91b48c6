"""Rows come out one by one, whatever way the answer is cut into pieces, and only whole answers end well."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.connectors import rows
from sync.connectors.rows import stream_rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(text: str | bytes, outside: dict[str, Any] | None = None) -> list[Any]:
    return list(stream_rows(io.BytesIO(text if isinstance(text, bytes) else text.encode()), outside))


@given(VALUES.map(lambda value: [value, value]), st.integers(1, 40), st.booleans())
def test_pieces_of_any_size(value: Any, size: int, is_wrapped: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_CHUNK", size)
        outside: dict[str, Any] = {}
        whole = {"odata.metadata": "x", "value": value, "@odata.nextLink": "y"} if is_wrapped else value
        assert read(json.dumps(whole, ensure_ascii=False), outside) == value
        assert outside == ({"odata.metadata": "x", "@odata.nextLink": "y"} if is_wrapped else {})


def test_small_things() -> None:
    assert read("[]") == read(' { "value" : [ ] } ') == []
    assert read("\ufeff[1]".encode()) == [1]
    assert read("[12345]") == [12345]


@pytest.mark.parametrize(
    "text",
    ["", "[", "[1", "[1,", "[1,]", "[1] 2", '{"value": [1]', '{"value": 1}', "{}", '{"a": [1]}', "7", "{1: 2}", "[1 2]",
     '{"value": [1]} {', b'["\xff"]'],
)  # fmt: skip
def test_what_is_not_whole_is_an_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        read(text)


def test_an_endless_row_is_given_up() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read('["' + "x" * (8 * 1024 * 1024))
