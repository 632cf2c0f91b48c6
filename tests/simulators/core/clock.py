"""The simulator's clock: real time plus an offset, or frozen at one instant."""

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._offset = timedelta(0)
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._offset

    def set(self, instant: datetime, *, freeze: bool = False) -> None:
        """Move to `instant`; with `freeze` time stands still there, which makes a test's stamps exact."""
        self._frozen = instant if freeze else None
        self._offset = instant - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        step = timedelta(seconds=seconds)
        if self._frozen is not None:
            self._frozen += step
        self._offset += step
