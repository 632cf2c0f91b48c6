"""Sealing of credentials: MultiFernet over a key ring from the environment, bound to the row they belong to.

Fails closed: a wrong key, a damaged text or a text copied from another row raises `SecretError`, never returns
something that looks like a value. Keys lost are credentials lost: they must be typed in again.
"""

from __future__ import annotations

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class SecretError(Exception):
    """A sealed text cannot be opened with the keys of this installation or does not belong to this row."""


def _ring() -> MultiFernet:
    keys = settings.CREDENTIAL_KEYS
    if not keys:
        raise ImproperlyConfigured("CREDENTIAL_KEYS is empty: credentials can be neither sealed nor opened.")
    return MultiFernet([Fernet(key) for key in keys])


def seal(value: str, row: str) -> str:
    """Seal `value` for `row`, a name such as `connection:17:uniconta` that no other row shares."""
    return _ring().encrypt(json.dumps({"row": row, "value": value}).encode()).decode()


def unseal(sealed: str, row: str) -> str:
    """The value sealed for `row`. Raises SecretError."""
    try:
        envelope = json.loads(_ring().decrypt(sealed.encode()))
    except InvalidToken:
        raise SecretError(f"{row}: cannot be opened with the present credential keys") from None
    if envelope["row"] != row:
        raise SecretError(f"{row}: the sealed text belongs to another row")
    return str(envelope["value"])


def reseal(sealed: str) -> str:
    """The same secret under the newest key of the ring. Raises SecretError."""
    try:
        return _ring().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise SecretError("a sealed text cannot be opened with the present credential keys") from None
