"""What one piece of work with hours knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.models import HoursPolicy
from mappings.spec import System
from sync.connectors.base import Connector
from sync.domain.connections import Recorder


@dataclass(frozen=True)
class HoursContext:
    tenant_id: int
    run_id: int
    policy: HoursPolicy
    connectors: Mapping[System, Connector]
    recorder: Recorder
    counts: dict[str, int] = field(default_factory=dict)
    #: Of absence that is not transferred; see `hiding`.
    hidden_work_types: set[str] = field(default_factory=set)

    def count(self, name: str, by: int = 1) -> None:
        if by:
            self.counts[name] = self.counts.get(name, 0) + by
