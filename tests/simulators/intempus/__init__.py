"""The Intempus stand-in: a REST API in tastypie's manner."""

from .profiles import ALL_ADVERSE, DEFAULT, NO_TIMESTAMPS, Switches
from .simulator import IntempusSimulator

__all__ = ["ALL_ADVERSE", "DEFAULT", "NO_TIMESTAMPS", "IntempusSimulator", "Switches"]
