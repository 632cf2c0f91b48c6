"""Which connector speaks to which system. A new system is one line here and one folder beside this file."""

from __future__ import annotations

from sync.connectors.base import ConnectionSettings, Connector, OnExchange
from sync.connectors.intempus import IntempusConnector
from sync.connectors.uniconta import UnicontaConnector

CONNECTORS: dict[str, type[UnicontaConnector | IntempusConnector]] = {
    UnicontaConnector.system: UnicontaConnector,
    IntempusConnector.system: IntempusConnector,
}


def calls_per_day(system: str) -> int:
    """What the system lets one log-in call before it slows down or refuses."""
    return CONNECTORS[system].calls_per_day


def connect(settings: ConnectionSettings, on_exchange: OnExchange) -> Connector:
    """The connector for `settings.system`. Nothing is called yet. Raises KeyError for an unknown system."""
    return CONNECTORS[settings.system](settings, on_exchange)
