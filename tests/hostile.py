"""Values as no system should hold them, by what they are."""

from typing import Any

HOSTILE: dict[str, Any] = {
    "NUL": "Nul\0Nul",
    "40,000 letters": "".join(f"{n:05}" for n in range(8000)),
    "markup": "<script>alert(1)</script>' OR 1=1 --",
    "turned text": "\u202eabc\u2066",
    "list": ["a", {"b": None}],
    "map": {"a": 1},
    "number": 10**40,
    "not a number": float("nan"),
    "yes": True,
    "blanks": "   ",
}
