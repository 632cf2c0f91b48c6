from sync.models.alert import Alert, AlertChannel
from sync.models.calls import CallCount
from sync.models.cause_note import CauseNote
from sync.models.change_event import ChangeEvent
from sync.models.cursor import Cursor
from sync.models.doorbell import Bell, DrainLease, WorkerBeat
from sync.models.front_page import Pin, SavedView
from sync.models.held_set import HeldSet
from sync.models.hours import JournalLine, ReferenceRow, ReportCursor, ReportEntry, WorkReport
from sync.models.log import Exchange, SyncLogEntry
from sync.models.payroll import PayCalendar, SignOff
from sync.models.put_back import PutBack
from sync.models.run import Run

__all__ = [
    "Alert",
    "AlertChannel",
    "Bell",
    "CallCount",
    "CauseNote",
    "ChangeEvent",
    "Cursor",
    "DrainLease",
    "Exchange",
    "HeldSet",
    "JournalLine",
    "PayCalendar",
    "Pin",
    "PutBack",
    "ReferenceRow",
    "ReportCursor",
    "ReportEntry",
    "Run",
    "SavedView",
    "SignOff",
    "SyncLogEntry",
    "WorkReport",
    "WorkerBeat",
]
