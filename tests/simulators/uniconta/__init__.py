"""The Uniconta stand-in: OData reading, REST-like writing, Change URLs."""

from .profiles import ALL_ADVERSE, DEFAULT, Switches
from .simulator import UnicontaSimulator

__all__ = ["ALL_ADVERSE", "DEFAULT", "Switches", "UnicontaSimulator"]
