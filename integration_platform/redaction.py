"""Takes secrets and personal numbers out of everything that is logged. Pure functions, no configuration.

Redaction here is the last net; code must not log secrets in the first place.
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

# A name that contains one of these words holds a secret, whatever is in it.
SECRET_NAME = re.compile(
    r"passw|pwd|secret|token|api[_-]?key|credential|authorization|cookie|session_?key|cpr", re.IGNORECASE
)

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # /hooks/<tenant>/<token>/<system>/ - the token is the only secret of a webhook
    (re.compile(r"(/hooks/[^/\s\"']+/)[^/\s\"'?]+"), rf"\1{MASK}"),
    # /secret/<token>/ - where a customer enters a password or key
    (re.compile(r"(/secret/)[^/\s\"'?]+"), rf"\1{MASK}"),
    # /status/<signed link>/ and the link that sets a new password
    (re.compile(r"(/(?:status|password/reset/key)/)(?!done/)[^/\s\"'?]+(?=/)"), rf"\1{MASK}"),
    # https://user:password@host
    (re.compile(r"(\w://[^\s:/@]*:)[^\s@/]+(@)"), rf"\1{MASK}\2"),
    # Authorization: Basic …, Bearer …, and Intempus' ApiKey user:key
    (re.compile(r"(?i)\b(basic|bearer|apikey|digest)\s+[^\s\"',}]+"), rf"\1 {MASK}"),
    # password=…, "api_key": "…", also inside a URL query or a JSON text
    (
        re.compile(
            r"(?i)([\"']?\b[\w-]*(?:passw(?:or)?d|pwd|secret|token|api[_-]?key|cookie|authorization)[\"']?\s*[=:]\s*[\"']?)"
            r"(?!(?:basic|bearer|apikey|digest)\b)[^\s\"'&,;}]+"
        ),
        rf"\1{MASK}",
    ),
    # a Danish CPR number: ddmmyy-nnnn; the day and month tell it from other ten digit numbers
    (re.compile(r"(?<!\d)(?:[0-2]\d|3[01]|[4-8]\d|9[01])(?:0[1-9]|1[0-2])\d{2}[- ]?\d{4}(?!\d)"), MASK),
)


def redact_text(text: str) -> str:
    """The text with every secret it is known to contain replaced by ``***``."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, name: str = "") -> Any:
    """The same for any value that may be logged, to any depth. ``name`` is the key the value was found under."""
    if value is None or isinstance(value, bool):
        return value
    if name and SECRET_NAME.search(name):
        return MASK
    match value:
        case Mapping():
            return {redact(key): redact(item, str(key)) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(item) for item in value]
        case int() | float():
            text = str(value)
            clean = redact_text(text)
            return value if clean == text else clean
    return redact_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def redact_event(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """structlog processor: the whole log entry, exception text included. Its own bookkeeping keys stay as they are."""
    return {key: item if key.startswith("_") else redact(item, key) for key, item in event.items()}
