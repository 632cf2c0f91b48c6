"""Reading the rows of one large JSON answer without holding the answer in memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

_BLANK = " \t\r\n"
_CHUNK = 64 * 1024
# A row is a few kilobytes. Without a limit an endless string would be scanned again with every chunk.
_LONGEST_VALUE = 4 * 1024 * 1024


class _Text:
    """A window onto the text: `fill` appends, `drop` forgets what was read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._decode = json.JSONDecoder().raw_decode
        self.window = ""
        self._is_ended = False

    def fill(self) -> bool:
        if self._is_ended:
            return False
        chunk = self._source.read(_CHUNK)
        self._is_ended = not chunk
        self.window += self._decoder.decode(chunk, final=self._is_ended)
        return True

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            self.window = self.window.lstrip(_BLANK)
            if self.window or not self.fill():
                return self.window[:1]

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise ValueError(f"expected {wanted!r}, found {self.peek()!r}")
        self.window = self.window[1:]

    def value(self) -> Any:
        """One JSON value. A number at the end of the window might go on (`0` of `0.5`), hence the look past it."""
        self.peek()
        while True:
            try:
                found, end = self._decode(self.window)
            except ValueError:
                if len(self.window) > _LONGEST_VALUE or not self.fill():
                    raise
                continue
            might_go_on = isinstance(found, (int, float)) and not self.window[end:].strip("0123456789.eE+-")
            if might_go_on and self.fill():
                continue
            self.window = self.window[end:]
            return found

    def values(self) -> Iterator[Any]:
        """The elements of an array; decodes many per slice of the window, which is what makes it fast."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield self.value()
            if self.peek() == ",":
                self.take(",")
                continue
            self.take("]")
            return


def stream_rows(source: BinaryIO, outside: dict[str, Any] | None = None) -> Iterator[Any]:
    """The elements of a bare array, or of an object's `value` array; other members of that object go to `outside`.

    Raises ValueError where the text is not JSON, also at its very end: only a normal end means that it was whole.
    """
    source.seek(0)
    text = _Text(source)
    if text.peek() == "[":
        yield from text.values()
    else:
        yield from _members(text, outside if outside is not None else {})
    if text.peek():
        raise ValueError("text after the end of the JSON value")


def _members(text: _Text, outside: dict[str, Any]) -> Iterator[Any]:
    text.take("{")
    is_found = False
    while True:
        name = text.value()
        if not isinstance(name, str):
            raise ValueError("a member without a name")  # noqa: TRY004 - one error for "not the JSON we expect"
        text.take(":")
        if name == "value" and text.peek() == "[":
            is_found = True
            yield from text.values()
        else:
            outside[name] = text.value()
        if text.peek() != ",":
            break
        text.take(",")
    text.take("}")
    if not is_found:
        raise ValueError("no `value` array in the answer")
