"""All errors a connector may raise, grouped by what happens next.

An error carries a stable `code` (its sentence and fix stand in `sync.domain.catalogue`, in English and Danish) and
`detail`: what the remote system itself said, shortened and never containing credentials.
"""

from __future__ import annotations


class RemoteError(Exception):
    """Base of everything a remote system can do to us."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.system = ""  # which system it came from, where the caller knows


class RetryLater(RemoteError):
    """Try again after a while: network, 429, 5xx.

    `after` is the wait in seconds the remote asked for (None: our own back-off decides). `is_outage` says that the
    whole connection is in trouble, not this record: such a try never counts against the record.
    """

    def __init__(self, code: str, detail: str = "", *, after: float | None = None, is_outage: bool = True) -> None:
        super().__init__(code, detail)
        self.after = after
        self.is_outage = is_outage


class Unclear(RetryLater):
    """A write was sent and nobody knows whether it took effect: look before writing again."""


class Moved(RetryLater):
    """The record changed between our read and our write; nothing was written. Plan again from a fresh read."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("moved_since_read", detail, after=0, is_outage=False)


class NeedsAttention(RemoteError):
    """Only a person can solve it: refused values, missing references, missing rights on one record."""


class ConnectionBroken(RemoteError):
    """Credentials, licence or company are wrong: pause the connection and tell people; no record is at fault."""


class Gone(RemoteError):
    """The record is not there any more; the tenant's policy decides."""
