"""One finding of the doctor, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sync.connectors.errors import RemoteError
from sync.domain.catalogue import explain_code
from sync.domain.said import Said, fix_of, say, text_of


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Area(StrEnum):
    """What a check is about, by the step of the onboarding that it belongs to."""

    UNICONTA = "uniconta"
    INTEMPUS = "intempus"
    WEBHOOKS = "webhooks"
    POLICIES = "policies"
    LIVE = "live"


@dataclass(frozen=True)
class Check:
    """One thing looked at, in the language of whoever shows it. `fix` is "" where nothing is asked of anybody.

    `page`: where that is done in the console: records, changes, webhooks or company. `command`: the same on the command line.
    """

    name: Said
    grade: Grade
    found: Said
    fix: Said = ""
    page: str = ""
    command: str = ""
    area: str = ""


def ok(name: Said, found: Said) -> Check:
    return Check(name, Grade.OK, found)


def warn(name: Said, found: Said, fix: Said = "", page: str = "", command: str = "") -> Check:
    return Check(name, Grade.WARNING, found, fix, page, command)


def failed(name: Said, found: Said, fix: Said = "", page: str = "", command: str = "") -> Check:
    return Check(name, Grade.FAILED, found, fix, page, command)


def said(name: Said, error: RemoteError, make: Callable[[Said, Said, Said], Check] = failed) -> Check:
    text = text_of(error.code, error.detail)
    is_more = error.detail not in ("", explain_code(error.code, error.detail).text)
    return make(name, say("{text} {detail}", text=text, detail=error.detail) if is_more else text, fix_of(error.code))
