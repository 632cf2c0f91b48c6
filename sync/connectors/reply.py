"""One HTTP answer: its status, its body on the spool, and what kind of thing the body is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, BinaryIO

from mappings.transforms import storable
from sync.connectors.base import Answer
from sync.connectors.errors import RetryLater, Unclear

DETAIL_CHARACTERS = 500
_HEAD_BYTES = 64 * 1024


class Shape(StrEnum):
    """What a body is, judged by its content: content types are not to be trusted."""

    EMPTY = "empty"
    OBJECT = "object"
    ARRAY = "array"
    JSON_TEXT = "json_text"
    HTML = "html"  # XML counts as HTML: both are pages for something else
    TEXT = "text"


class Wanted(StrEnum):
    """What the caller asked for."""

    ROWS = "rows"
    RECORD = "record"
    RECORD_OR_NOTHING = "record_or_nothing"


_SHAPES_WANTED = {
    Wanted.ROWS: {Shape.OBJECT, Shape.ARRAY},
    Wanted.RECORD: {Shape.OBJECT},
    Wanted.RECORD_OR_NOTHING: {Shape.OBJECT, Shape.ARRAY, Shape.EMPTY},
}


@dataclass(frozen=True)
class Reply:
    """`headers` has lower-case names. `broken_by`: the code of what ended the body early; only its beginning is here."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    spool: BinaryIO
    wanted: Wanted
    broken_by: str = ""

    @property
    def is_broken(self) -> bool:
        return bool(self.broken_by)

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_as_wanted(self) -> bool:
        return self.shape in _SHAPES_WANTED[self.wanted]

    @cached_property
    def head(self) -> str:
        self.spool.seek(0)
        return self.spool.read(_HEAD_BYTES).decode("utf-8-sig", "replace")

    @cached_property
    def shape(self) -> Shape:
        text = self.head.strip()
        if not text:
            return Shape.EMPTY
        if text[0] == "{":
            return Shape.OBJECT
        if text[0] == "[":
            return Shape.ARRAY
        if text[0] == "<":
            return Shape.HTML
        if text[0] == '"' and isinstance(_json_or_none(text), str):
            return Shape.JSON_TEXT
        return Shape.TEXT

    @cached_property
    def message(self) -> str:
        """What the remote said, as one line of text, whichever of the known error shapes it used."""
        text = self.head.strip()
        value = _json_or_none(text)
        if value is not None:
            text = _words(value)
        elif self.shape is Shape.HTML:
            text = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>", " ", text)
            text = html.unescape(re.sub(r"(?s)<[^>]*>", " ", text))
        return " ".join(storable(text).split())[:DETAIL_CHARACTERS]

    def json(self) -> Any:
        """The whole body. Raises ValueError where it is not JSON."""
        self.spool.seek(0)
        try:
            return json.loads(self.spool.read())
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def close(self) -> None:
        self.spool.close()


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _words(value: Any) -> str:
    """{"error": "text" | [...]}, {"case": {"name": [...]}}, {"error_message": …}, "text": names are kept for fields."""
    if isinstance(value, dict):
        parts = []
        for name, inner in value.items():
            words = _words(inner)
            is_envelope = str(name).lower() in _ENVELOPES or isinstance(inner, dict)
            parts.append(words if is_envelope else f"{name}: {words}")
        return "; ".join(part for part in parts if part)
    if isinstance(value, list):
        return "; ".join(_words(inner) for inner in value)
    return "" if value is None else str(value)


_ENVELOPES = {"error", "errors", "error_message", "message", "detail", "title"}


def answer_of(reply: Reply) -> Answer:
    """The answer unjudged; the reply is closed. Raises Unclear or RetryLater where the JSON breaks off."""
    try:
        return Answer(reply.status, reply.json() if reply.head.strip() else None)
    except ValueError as error:
        if reply.is_read:
            raise RetryLater("unreadable_answer", str(error)) from None
        raise Unclear("answer_lost", f"the answer breaks off: {error}", is_outage=False) from None
    finally:
        reply.close()
