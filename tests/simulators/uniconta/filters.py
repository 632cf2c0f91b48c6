"""`$filter` and `$orderby` as far as Uniconta's OData understands them.

Known: eq ne gt ge lt le, and, or (on one and the same field), parentheses, startswith, endswith, `datetime'…'`.
Everything else (contains, tolower, an ISO date without `datetime`) is a BadFilterError, answered with 400.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .tables import Table

Test = Callable[[Any], bool]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
TOKEN = re.compile(
    r"\s*(?:(?P<date>datetime'(?:[^']*)')|(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?(?![\w:-]))"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),]))"
)
NUMERIC = ("int", "number")


class BadFilterError(ValueError):
    pass


@dataclass
class Filter:
    test: Test
    fields: set[str]
    equal_to: dict[str, set[Any]] | None = None  # an `or` chain of equalities on one field, for the id index


def parse_filter(text: str, table: Table, types: dict[str, str], max_or: int) -> Filter:
    """`types` maps every property that may be asked for to its type."""
    tokens = _tokens(text)
    parser = _Parser(tokens, table, types, max_or)
    result = parser.either()
    if parser.position != len(tokens):
        raise BadFilterError(f"unexpected {tokens[parser.position][1]!r}")
    return result


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise BadFilterError(f"cannot read {text[position : position + 20]!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    if not tokens:
        raise BadFilterError("empty filter")
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], table: Table, types: dict[str, str], max_or: int) -> None:
        self.tokens, self.table, self.types, self.max_or = tokens, table, types, max_or
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def take(self, kind: str, value: str | None = None) -> str:
        if self.position >= len(self.tokens):
            raise BadFilterError("filter ends too early")
        found_kind, found = self.tokens[self.position]
        if found_kind != kind or (value is not None and found != value):
            raise BadFilterError(f"unexpected {found!r}")
        self.position += 1
        return found

    def either(self) -> Filter:
        parts = [self.both()]
        while self.peek() == "or":
            self.position += 1
            parts.append(self.both())
        if len(parts) == 1:
            return parts[0]
        fields = set().union(*(part.fields for part in parts))
        if len(fields) > 1:
            raise BadFilterError("OR is only allowed on one and the same field")
        if len(parts) > self.max_or:
            raise BadFilterError(f"more than {self.max_or} values in one OR")
        field = next(iter(fields))
        if all(part.equal_to is not None for part in parts):
            values = set().union(*(part.equal_to[field] for part in parts if part.equal_to))
            return _is_one_of(field, values)
        tests = [part.test for part in parts]
        return Filter(lambda row: any(test(row) for test in tests), fields)

    def both(self) -> Filter:
        parts = [self.single()]
        while self.peek() == "and":
            self.position += 1
            parts.append(self.single())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        return Filter(lambda row: all(test(row) for test in tests), set().union(*(part.fields for part in parts)))

    def single(self) -> Filter:
        if self.peek() == "(":
            self.position += 1
            inner = self.either()
            self.take("mark", ")")
            return inner
        word = self.take("word")
        if word in ("startswith", "endswith"):
            return self.text_function(word)
        if self.peek() == "(":
            raise BadFilterError(f"function {word} is not supported")
        return self.comparison(word)

    def text_function(self, function: str) -> Filter:
        self.take("mark", "(")
        field = self.field(self.take("word"))
        self.take("mark", ",")
        wanted = _unquote(self.take("string")).casefold()
        self.take("mark", ")")
        method = str.startswith if function == "startswith" else str.endswith
        return Filter(lambda row: method(str(_value(row, field) or "").casefold(), wanted), {field})

    def comparison(self, name: str) -> Filter:
        field = self.field(name)
        word = self.take("word")
        if word not in COMPARE:
            raise BadFilterError(f"unknown operator {word!r}")
        literal = self.literal(field)
        compare = COMPARE[word]
        if word == "eq":
            return _is_one_of(field, {literal})

        def test(row: Any) -> bool:
            value = _value(row, field)
            if value is None:
                value = "" if isinstance(literal, str) else 0
            try:
                return compare(_folded(value), literal)
            except TypeError:
                return False

        return Filter(test, {field})

    def field(self, name: str) -> str:
        if name not in self.types:
            raise BadFilterError(f"unknown property {name!r}")
        return name

    def literal(self, field: str) -> Any:
        if self.position >= len(self.tokens):
            raise BadFilterError("value is missing")
        kind, text = self.tokens[self.position]
        self.position += 1
        type_ = self.types[field]
        if kind == "date" and type_ == "date":
            value = text[len("datetime'") : -1]
            return value if "T" in value else f"{value}T00:00:00"
        if kind == "string" and type_ == "enum":
            member = self.table.enums[field].parse(_unquote(text), "en", any_language=True)
            return (member or _unquote(text)).casefold()
        if kind == "string" and type_ == "text":
            return _unquote(text).casefold()
        if kind == "number" and type_ in NUMERIC:
            return float(text) if "." in text else int(text)
        if kind == "word" and text in ("true", "false") and type_ == "bool":
            return text == "true"
        raise BadFilterError(f"{text} does not fit {field}")


def _is_one_of(field: str, values: set[Any]) -> Filter:
    def test(row: Any) -> bool:
        value = _value(row, field)
        return _folded("" if value is None else value) in values

    return Filter(test, {field}, {field: values})


def _value(row: Any, field: str) -> Any:
    return row.get(field)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) and not _looks_like_date(value) else value


def _looks_like_date(value: str) -> bool:
    return len(value) == 19 and value[10] == "T"


def _unquote(literal: str) -> str:
    return literal[1:-1].replace("''", "'")


def sort_rows(rows: list[Any], order_by: str, types: dict[str, str]) -> list[Any]:
    """`Name asc, RowId desc`; the last key is sorted first because sorting is stable."""
    for term in reversed(order_by.split(",")):
        name, _, direction = term.strip().partition(" ")
        if name not in types or direction.strip().lower() not in ("", "asc", "desc"):
            raise BadFilterError(f"cannot order by {term.strip()!r}")
        empty: Any = "" if types[name] in ("text", "enum", "date") else 0

        def sort_key(row: Any, name: str = name, empty: Any = empty) -> Any:
            value = row.get(name)
            return _folded(empty if value is None else value)

        rows = sorted(rows, key=sort_key, reverse=direction.strip().lower() == "desc")
    return rows
