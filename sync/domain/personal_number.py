"""The CPR number as something to recognise an employee by: never kept, only a digest of it under a key of its own.

Ten digits are guessed in no time, so a digest without a key would be the number itself. The key is the installation's
(`CPR_KEY`), apart from those that protect sessions and passwords; without it nobody is recognised by CPR number.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings

#: Before the digest in the match keys of a record link, as "c:" stands before a creation id.
PREFIX = "h:"
#: ddmmyy and four more digits. A number given to somebody without one of his own has 60 added to the day.
_NUMBER = re.compile(r"(?:0[1-9]|[12]\d|3[01]|6[1-9]|[78]\d|9[01])(?:0[1-9]|1[0-2])\d{6}", re.ASCII)
_BETWEEN = re.compile(r"[\s-]")


def personal_key(tenant_id: int, raw: Any) -> list[str]:
    """The match key for the CPR number in a remote field; none for a blank, for what is no CPR number, without `CPR_KEY`.

    Another one per tenant: nobody can tell that two companies employ the same person.
    """
    number = _BETWEEN.sub("", str(raw)) if isinstance(raw, (str, int)) else ""
    if len(number) == 9 and isinstance(raw, int):
        number = f"0{number}"
    if not (settings.CPR_KEY and _NUMBER.fullmatch(number)):
        return []
    digest = hmac.new(settings.CPR_KEY.encode(), f"{tenant_id}:{number}".encode(), hashlib.sha256)
    return [f"{PREFIX}{digest.hexdigest()}"]


def personal_keys(keys: Iterable[str]) -> set[str]:
    """Those of a side's match keys that stand for a CPR number."""
    return {key for key in keys if key.startswith(PREFIX)}
