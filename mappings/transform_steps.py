"""Conversions as a tenant's rows write them: one or several steps, each a name and perhaps a value.

"upper", "first 3", "upper | first 3 | prefix K-". A step alone is a transform like any other; several become one, read
from left to right and written from right to left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache

from mappings.transforms import TRANSFORMS, MappingError, Raw, Transform, Value, plain_number, read_number, read_text

SEPARATOR = "|"


class StepError(ValueError):
    """A conversion that cannot be read. `code`: unknown, needs_value, needs_number or takes_no_value."""

    def __init__(self, code: str, name: str, close: str = "") -> None:
        super().__init__(f"conversion {name!r}: {code}" + (f", did you mean {close!r}?" if close else ""))
        self.code, self.name, self.close = code, name, close


@dataclass(frozen=True)
class Step:
    """What people may write, and what it does, in both languages. `value`: "", "text" or "number", which it takes."""

    name: str
    value: str
    meaning: str
    meaning_da: str
    make: Callable[[str], Transform]
    is_value_optional: bool = False


def _keep(value: Value) -> Raw:
    return value


def _one_way(read: Callable[[str], Value]) -> Transform:
    return Transform("", lambda raw: read(read_text(raw)), _keep, is_one_way=True)


def _prefix(value: str) -> Transform:
    def write(canonical: Value) -> Raw:
        text = str(canonical)
        if text and not text.startswith(value):
            raise MappingError(f"does not begin with {value!r}: {text!r}")
        return text.removeprefix(value)

    def read(raw: Raw) -> Value:
        text = read_text(raw)
        return value + text if text else ""

    return Transform("", read, write)


def _negated(raw: Raw) -> Value:
    number = read_number(raw)
    return plain_number(-number if number is not None else None)


def _rounded(value: str) -> Transform:
    if not value:
        return TRANSFORMS["decimal"]
    places = Decimal(1).scaleb(-int(value))

    def read(raw: Raw) -> Value:
        number = read_number(raw)
        try:
            return plain_number(number.quantize(places, ROUND_HALF_UP) if number is not None else None)
        except InvalidOperation:
            raise MappingError(f"too large to be rounded: {raw!r}") from None

    return Transform("", read, _keep, is_one_way=True)


def _read_danish_date(raw: Raw) -> Value:
    text = read_text(raw)
    day, _dot, rest = text.partition("-")
    month, _dot, year = rest.partition("-")
    try:
        return date(int(year), int(month), int(day)).isoformat() if text else ""
    except ValueError:
        raise MappingError(f"expected a date such as 31-12-2027, got {raw!r}") from None


def _write_danish_date(value: Value) -> Raw:
    return date.fromisoformat(str(value)).strftime("%d-%m-%Y") if value else ""


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step(
            "text",
            "",
            "As it is, without blanks around it",
            "Som det står, uden blanktegn omkring",
            lambda _: TRANSFORMS["text"],
        ),
        Step("trim", "", "The same as text", "Det samme som text", lambda _: TRANSFORMS["text"]),
        Step("upper", "", "In capital letters", "Med store bogstaver", lambda _: _one_way(lambda text: text.upper())),
        Step("lower", "", "In small letters", "Med små bogstaver", lambda _: _one_way(lambda text: text.lower())),
        Step("prefix", "text", "With this in front", "Med dette foran", _prefix),
        Step(
            "first",
            "number",
            "Only so many characters from the beginning",
            "Kun så mange tegn fra begyndelsen",
            lambda value: _one_way(lambda text: text[: int(value)].strip()),
        ),
        Step(
            "constant",
            "text",
            "Always this, whatever stands in Uniconta",
            "Altid dette, uanset hvad der står i Uniconta",
            lambda value: replace(_one_way(lambda _: value), needs_field=False),
        ),
        Step(
            "default",
            "text",
            "This where Uniconta is blank",
            "Dette hvor Uniconta er tomt",
            lambda value: _one_way(lambda text: text or value),
        ),
        Step(
            "lookup",
            "",
            "By the value translations, and nothing without one",
            "Efter værdioversættelserne, og intet uden en",
            lambda _: Transform("lookup", read_text, _keep, needs_translation=True),
        ),
        Step(
            "negate",
            "",
            "The number with the opposite sign",
            "Tallet med modsat fortegn",
            lambda _: Transform("", _negated, _negated),
        ),
        Step(
            "inverted", "", "Yes becomes no, and no yes", "Ja bliver nej, og nej ja", lambda _: TRANSFORMS["inverted"]
        ),
        Step("boolean", "", "Yes or no", "Ja eller nej", lambda _: TRANSFORMS["boolean"]),
        Step("date", "", "A date", "En dato", lambda _: TRANSFORMS["date"]),
        Step(
            "danish_date",
            "",
            "A date written as 31-12-2027",
            "En dato skrevet som 31-12-2027",
            lambda _: Transform("", _read_danish_date, _write_danish_date),
        ),
        Step(
            "number",
            "number",
            "A number, with a value rounded to so many decimals",
            "Et tal, med en værdi afrundet til så mange decimaler",
            _rounded,
            is_value_optional=True,
        ),
    )
}


@lru_cache(maxsize=4096)
def find_transform(text: str) -> Transform:
    """The transform that a declaration or a tenant's row names. Raises StepError."""
    if text in TRANSFORMS:
        return TRANSFORMS[text]
    parts = [_step(part.strip()) for part in text.split(SEPARATOR)]
    return parts[0] if len(parts) == 1 else _chain(text, parts)


def _step(text: str) -> Transform:
    name, _blank, value = text.partition(" ")
    value = value.strip()
    if name in TRANSFORMS and name not in STEPS:
        if value:
            raise StepError("takes_no_value", name)
        return TRANSFORMS[name]
    step = STEPS.get(name)
    if step is None:
        close = get_close_matches(name, [*STEPS, *TRANSFORMS], n=1)
        raise StepError("unknown", name, close[0] if close else "")
    if value and not step.value:
        raise StepError("takes_no_value", name)
    if step.value and not value and not step.is_value_optional:
        raise StepError("needs_number" if step.value == "number" else "needs_value", name)
    if step.value == "number" and value and not (value.isascii() and value.isdigit() and int(value) <= 255):
        raise StepError("needs_number", name)
    return step.make(value)


def _chain(name: str, parts: list[Transform]) -> Transform:
    def read(raw: Raw) -> Value:
        for part in parts:
            raw = part.read(raw)
        value: Value = raw
        return value

    def write(value: Value) -> Raw:
        for part in reversed(parts):
            value = part.write(value)
        return value

    return Transform(
        name,
        read,
        write,
        is_one_way=any(part.is_one_way for part in parts),
        needs_translation=any(part.needs_translation for part in parts),
        needs_field=all(part.needs_field for part in parts),
    )
