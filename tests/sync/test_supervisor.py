"""When the supervisor gives a cluster up, without any cluster."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from sync.management.commands.run_worker import Supervisor


@dataclass
class Unheard:
    """A cluster that runs and executes nothing."""

    started_at: float = field(default_factory=time.monotonic)

    def has_ended(self) -> bool:
        return False

    def are_all_busy(self) -> bool:
        return False


def test_a_slow_start_is_not_hanging(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor(beat_limit=0.2, stop_limit=1, start_limit=1.5)
    supervisor.upkeep.answered_at = time.monotonic() + 60  # the database is there
    starting = Unheard()
    assert supervisor._watch(starting) == "cluster_did_not_start"  # type: ignore[arg-type]
    assert time.monotonic() - starting.started_at > 1.5
    assert caplog.text.count("cluster_starts_slowly") == 1
    begun = Unheard()
    supervisor.upkeep.beat_seen_at = time.monotonic()
    assert supervisor._watch(begun) == "cluster_hangs"  # type: ignore[arg-type]
    assert time.monotonic() - begun.started_at < 1.5
