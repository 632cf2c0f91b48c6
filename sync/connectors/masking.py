"""What may be stored of an exchange: no credentials, no personal numbers, not too long.

Works on text rather than on parsed JSON: answers may be cut off, HTML, or far larger than the part that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from mappings.private_fields import PRIVATE_NAME

MASK = "***"
BODY_CHARACTERS = 20_000
# Masking looks a little past the cut, so that half a personal number at its edge is still recognised.
_LOOK_AHEAD = 200

# Fields that legitimately hold ten digits: phone and registration numbers, keys, ids, bank details, counters.
_NUMBER_NAME = re.compile(
    r".*phone.*|.*mobil.*|.*fax.*|.*cvr.*|.*vat.*|companyregno|.*ean|.*gln|bar_?code|.*number|number|.*account.*|item"
    r"|key_?str|(.*_)?id|.*(row|company|key)id|uuid|resource_uri|.*timestamp.*|.*iban.*|.*swift.*|swift|voucher"
    r"|after|offset|limit",
    re.IGNORECASE,
)
_MEMBER = re.compile(
    r'"(?P<name>[^"\\]{1,100})"(?P<colon>\s*:\s*)(?P<value>"(?:[^"\\]|\\.)*(?:"|\\?$)|-?\d[\d.eE+-]*)', re.DOTALL
)
_PERSONAL_NUMBER = re.compile(r"(?<![\d-])(\d{2})(\d{2})(\d{2})[- ]?\d{4}(?!\d)")
_FILTER_FIELD = re.compile(r"\s*\(*\s*(\w+)\s+(?:eq|ne)\b")


def _hide_if_date(match: re.Match[str]) -> str:
    day, month, year = (int(part) for part in match.groups())
    try:
        date(2000 + year, month, day)
    except ValueError:
        try:
            date(1900 + year, month, day)
        except ValueError:
            return match.group()
    return MASK


def mask_personal_numbers(text: str) -> str:
    """Hide whatever reads like a CPR number: a plausible day, month and year followed by four digits."""
    return _PERSONAL_NUMBER.sub(_hide_if_date, text)


def _mask_member(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    start = f'"{name}"{match["colon"]}'
    if PRIVATE_NAME.fullmatch(name):
        return start if value == '""' else f'{start}"{MASK}"'
    if _NUMBER_NAME.fullmatch(name):
        return match.group()
    masked = mask_personal_numbers(value)
    if masked != value and not value.startswith('"'):
        masked = f'"{MASK}"'  # a masked number stays readable JSON
    return start + masked


def _mask_rest(text: str) -> str:
    """Members by their names, everything between them by its looks."""
    pieces: list[str] = []
    position = 0
    for match in _MEMBER.finditer(text):
        pieces.extend((mask_personal_numbers(text[position : match.start()]), _mask_member(match)))
        position = match.end()
    pieces.append(mask_personal_numbers(text[position:]))
    return "".join(pieces)


def mask_text(text: str, secrets: Iterable[str] = ()) -> str:
    """For error texts and bodies. `secrets` are literal strings that must not appear, whatever the field."""
    for secret in secrets:
        if len(secret) >= 4:  # hiding a shorter one would shred the text without protecting anything
            text = text.replace(secret, MASK)
    return _mask_rest(mask_hooks(text))


def mask_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """A body as it may be stored; pass the first bytes only, `kept_bytes()` are enough."""
    text = body.decode("utf-8", "replace")[: BODY_CHARACTERS + _LOOK_AHEAD]
    return mask_text(text, secrets)[:BODY_CHARACTERS]


def kept_bytes() -> int:
    """How much of a body `mask_body` can use: a character is at most four bytes."""
    return 4 * (BODY_CHARACTERS + _LOOK_AHEAD)


def mask_url(url: str, secrets: Iterable[str] = ()) -> str:
    """The address without user, password and secret parameters. A filter's value is judged by the field it is on."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    # `?Name=<field>&Value=<text>` is how Uniconta's family B filters.
    named = dict(pairs).get("Name", "")
    shown = []
    for name, value in pairs:
        field = name
        if name == "$filter":
            match = _FILTER_FIELD.match(value)
            field = match[1] if match else name
        elif name == "Value":
            field = named
        if PRIVATE_NAME.fullmatch(field):
            masked = MASK
        elif _NUMBER_NAME.fullmatch(field.partition("__")[0]):
            masked = value
        else:
            masked = mask_personal_numbers(value)
        shown.append(f"{quote(name, safe='$@')}={quote(masked, safe=_READABLE)}")
    host = parts.netloc.rpartition("@")[2]
    address = urlunsplit((parts.scheme, host, parts.path, "&".join(shown), ""))
    for secret in secrets:
        if len(secret) >= 4:
            address = address.replace(quote(secret, safe=_READABLE), MASK).replace(secret, MASK)
    return mask_hooks(address)


#: Our own webhook addresses, also with the slashes escaped (JSON) or cut off: the part after the company is the secret.
_HOOK = re.compile(r"((?:/|%2F)hooks(?:\\?/|%2F)[\w-]+(?:\\?/|%2F))[\w-]+", re.IGNORECASE)


def mask_hooks(text: str) -> str:
    return _HOOK.sub(rf"\g<1>{MASK}", text)


_READABLE = "*'(),:/$@!;"
