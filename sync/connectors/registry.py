"""Which connector speaks to which system. A new system is one line here and one folder beside this file."""

from __future__ import annotations

from collections.abc import Callable

from sync.connectors.base import ConnectionSettings, Connector, OnExchange
from sync.connectors.intempus import IntempusConnector
from sync.connectors.uniconta import UnicontaConnector

CONNECTORS: dict[str, Callable[[ConnectionSettings, OnExchange], Connector]] = {
    UnicontaConnector.system: UnicontaConnector,
    IntempusConnector.system: IntempusConnector,
}


def connect(settings: ConnectionSettings, on_exchange: OnExchange) -> Connector:
    """The connector for `settings.system`. Nothing is called yet. Raises KeyError for an unknown system."""
    return CONNECTORS[settings.system](settings, on_exchange)
