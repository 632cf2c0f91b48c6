"""What both simulators share; see the modules."""

from . import html
from .clock import Clock
from .control import PersonRefusedError, control_response
from .faults import KINDS, Faults, Rule
from .ledger import Effect, Entry, Ledger
from .server import Served, serve
from .simulator import JSON, Call, RefusedError, Reply, Simulator, json_bytes, json_reply
from .store import Row, Store, Table
from .switches import apply_switches, make_switches

__all__ = [
    "JSON",
    "KINDS",
    "Call",
    "Clock",
    "Effect",
    "Entry",
    "Faults",
    "Ledger",
    "PersonRefusedError",
    "RefusedError",
    "Reply",
    "Row",
    "Rule",
    "Served",
    "Simulator",
    "Store",
    "Table",
    "apply_switches",
    "control_response",
    "html",
    "json_bytes",
    "json_reply",
    "make_switches",
    "serve",
]
