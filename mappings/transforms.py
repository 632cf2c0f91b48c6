"""Named conversions between a remote system's spelling of a value and the canonical one.

A transform is data: two plain functions under a name, so that a declaration, and a tenant's field rule, can name it.
Canonical values are text, booleans and integers; decimals are normalised strings, dates ISO strings, "" is blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from mappings.countries import CODE_OF_MEMBER, MEMBER_OF_CODE, NO_COUNTRY
from mappings.phases import MEMBER_OF_LABEL
from mappings.units import MEMBER_OF_SPELLING, NO_UNIT, TEXT_OF_MEMBER

LINE_END = re.compile(r"\r+\n")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
CENT = Decimal("0.01")
COUNTRY_PREFIX = re.compile(r"^(DK)+")
DIALLING_PREFIX = re.compile(r"^(\+|00)45")
NOT_DIALLED = re.compile(r"[\s().-]")
#: Intempus: a positive whole number below a million, as text (API page 3.5).
EMPLOYEE_NUMBER = re.compile(r"[1-9]\d{0,5}", re.ASCII)
DENMARK = ZoneInfo("Europe/Copenhagen")
#: The database keeps counters in eight bytes.
LARGEST_COUNTER = 2**63 - 1
Raw = Any
Value = str | bool | int


class MappingError(ValueError):
    """A remote value cannot be understood; becomes *needs attention*. `field` is filled in by the engine.

    `code`: which sentence of the catalogue says it, where a value is refused before it is sent.
    """

    def __init__(self, message: str, field: str = "", code: str = "value_refused") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


@dataclass(frozen=True)
class Transform:
    """`read` makes a remote value canonical, `write` makes a canonical value remote. `write(read(x))` keeps meaning.

    `is_one_way`: what was read cannot be told from the canonical value, so it stands only where Uniconta is read and
    never written. `needs_translation`: a value that the tenant's value maps do not name is refused, not passed on.
    `needs_field`: False where the value does not come from the record.
    """

    name: str
    read: Callable[[Raw], Value]
    write: Callable[[Value], Raw]
    is_one_way: bool = False
    needs_translation: bool = False
    needs_field: bool = True


def storable(text: str) -> str:
    """Without NUL characters and halves of characters: JSON can spell them, PostgreSQL and UTF-8 cannot hold them."""
    return text if text.isprintable() else text.replace("\0", "").encode("utf-8", "replace").decode()


def read_counter(raw: Raw) -> int | None:
    """A whole number from 0 to `LARGEST_COUNTER`, None when blank. Raises MappingError."""
    text = "" if raw is None else str(raw).strip()
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_COUNTER))
    if not is_number or int(text) > LARGEST_COUNTER:
        raise MappingError(f"expected a whole number below {LARGEST_COUNTER + 1}, got {text[:40]!r}")
    return int(text)


def read_text(raw: Raw) -> str:
    if raw is None:
        return ""
    if isinstance(raw, (dict, list)):
        raise MappingError(f"expected text, got {type(raw).__name__}")
    # A remote form may send Windows line ends and trailing blanks; neither is a change.
    return LINE_END.sub("\n", storable(str(raw))).strip()


def _read_boolean(raw: Raw) -> bool:
    if raw is None:
        return False
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, (int, str)) and str(raw).lower() in {"1", "true"}:
        return True
    if isinstance(raw, (int, str)) and str(raw).lower() in {"0", "false", ""}:
        return False
    raise MappingError(f"expected yes or no, got {raw!r}")


def _active_unless_false(raw: Raw) -> bool:
    """For a field that some installations do not have: what is not there does not make a record inactive."""
    return True if raw in (None, "") else _read_boolean(raw)


def read_number(raw: Raw) -> Decimal | None:
    """The number, None when blank. A comma is refused: "1,234" is one thing in Danish and another in English."""
    text = str(raw).strip() if raw is not None else ""
    if not text:
        return None
    if "," in text:
        raise MappingError(f"expected a number with a decimal point (12.5), got {raw!r} with a comma")
    if not NUMBER.fullmatch(text):
        raise MappingError(f"expected a number, got {raw!r}")
    return Decimal(text)


def plain_number(number: Decimal | None) -> str:
    """Without exponent, trailing zeros and minus zero, so that equal numbers are equal texts."""
    if number is None:
        return ""
    return format(number.normalize() if number else Decimal(0), "f")


def _read_decimal(raw: Raw) -> str:
    return plain_number(read_number(raw))


def _read_price(raw: Raw) -> str:
    """As Intempus can hold it, with two decimals (API page section 7, no. 15): a finer one would differ for ever."""
    number = read_number(raw)
    if number is None:
        return ""
    try:
        return plain_number(number.quantize(CENT, ROUND_HALF_UP))
    except InvalidOperation:
        raise MappingError(f"expected a price, got {raw!r}") from None


def _read_unit(raw: Raw) -> str:
    """Uniconta's member name. A unit we do not know is kept as it is: it is shown, never guessed at."""
    text = read_text(raw)
    if text.casefold() in NO_UNIT:
        return ""
    return MEMBER_OF_SPELLING.get(text.casefold(), text)


def _write_unit_member(value: Value) -> Raw:
    """Raises MappingError for a unit Uniconta may not have: it stores its default for it without a word (page 3.2)."""
    if value and value not in TEXT_OF_MEMBER:
        raise MappingError(f"Uniconta has no unit {value!r}; a value translation can say which one is meant")
    return value


def _read_phase(raw: Raw) -> str:
    """Uniconta's member name. Raises MappingError for a phase we do not know: it decides whether a case is closed."""
    text = read_text(raw)
    if text and text.casefold() not in MEMBER_OF_LABEL:
        raise MappingError(f"{text!r} is no phase that the platform knows")
    return MEMBER_OF_LABEL.get(text.casefold(), "")


def _read_date(raw: Raw) -> str:
    """Uniconta's empty date is 0001-01-01T00:00:00; times are cut: dates are Danish calendar dates (API page 5.5)."""
    text = read_text(raw)[:10]
    if text in ("", "0001-01-01"):
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise MappingError(f"expected a date, got {raw!r}") from None


def _read_withdrawn(raw: Raw) -> Value:
    """False once the day of a date has passed, until then blank: a last day at work is still one (Danish calendar)."""
    ended = _read_date(raw)
    return False if ended and ended < datetime.now(DENMARK).date().isoformat() else ""


def _never_written(value: Value) -> Raw:
    raise MappingError(f"is only ever read there, so {value!r} cannot be written")


def _write_employee_number(value: Value) -> Raw:
    """Raises MappingError for a number Intempus does not take."""
    if not EMPLOYEE_NUMBER.fullmatch(str(value)):
        raise MappingError(f"{value!r} is no whole number from 1 to 999999", code="number_refused")
    return value


def _read_phone(raw: Raw) -> str:
    """A Danish number as it is dialled at home: "+45 20 30 40 50" and "20304050" are one telephone."""
    return DIALLING_PREFIX.sub("", NOT_DIALLED.sub("", read_text(raw)))


def _read_country(raw: Raw) -> str:
    """ISO code. A text we do not know is kept as it is: it is shown, never guessed at. Uniconta's first is none."""
    text = read_text(raw)
    if text == NO_COUNTRY:
        return ""
    return CODE_OF_MEMBER.get(text, text.upper() if text.upper() in MEMBER_OF_CODE else text)


def _write_country_member(value: Value) -> Raw:
    """Raises MappingError for a country Uniconta may not have: it stores its first member for it without a word."""
    if value and value not in MEMBER_OF_CODE and value not in CODE_OF_MEMBER:
        raise MappingError(f"Uniconta has no country {value!r}; a value translation can say which one is meant")
    return MEMBER_OF_CODE.get(str(value), value)


def _read_digits(raw: Raw) -> str:
    """A registration number without the blanks and the country prefix people type ("DK 12 34 56 78")."""
    return COUNTRY_PREFIX.sub("", read_text(raw).upper().replace(" ", ""))


def _read_uri(raw: Raw) -> str:
    """The id inside a resource URI; list rows carry the URI, detail replies may embed the object (API page 1.5)."""
    if raw in (None, ""):
        return ""
    if isinstance(raw, dict):
        raw = raw.get("resource_uri") or raw.get("id") or ""
    parts = [part for part in storable(str(raw)).split("/") if part]
    if not parts:
        raise MappingError(f"expected a resource URI, got {raw!r}")
    return parts[-1]


TRANSFORMS: dict[str, Transform] = {
    transform.name: transform
    for transform in (
        Transform("text", read_text, lambda value: value),
        Transform("boolean", _read_boolean, bool),
        Transform("inverted", lambda raw: not _read_boolean(raw), lambda value: not value),
        Transform("active_unless_false", _active_unless_false, bool),
        Transform("decimal", _read_decimal, lambda value: value),
        Transform("price", _read_price, lambda value: value or None),
        Transform("unit_member", _read_unit, _write_unit_member),
        Transform("unit_text", _read_unit, lambda value: TEXT_OF_MEMBER.get(str(value), value)),
        Transform("phase_member", _read_phase, lambda value: value),
        Transform("date", _read_date, lambda value: value or None),
        Transform("withdrawn_when_past", _read_withdrawn, _never_written, is_one_way=True),
        Transform("employee_number", read_text, _write_employee_number),
        Transform("phone_number", _read_phone, lambda value: value),
        Transform("country_member", _read_country, _write_country_member),
        Transform("country_code", _read_country, lambda value: value),
        Transform("registration_number", _read_digits, lambda value: value),
        Transform("reference_key", read_text, lambda value: value),
        Transform("reference_uri", _read_uri, lambda value: value),
    )
}
