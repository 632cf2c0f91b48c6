"""What every file for a spreadsheet has in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from tablib import Databook, Dataset

#: A cell that begins like this is a formula to a spreadsheet, whoever typed it as a name.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def neutral(value: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value


def sheet(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> Dataset:
    """Instants in local time, because a spreadsheet knows no zones; no text is a formula."""
    data = Dataset(headers=headers, title=title)
    for row in rows:
        data.append([_cell(value) for value in row])
    return data


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None, microsecond=0)
    return neutral(value) if isinstance(value, str) else value


def book(sheets: Sequence[Dataset]) -> bytes:
    content: bytes = Databook(sheets).export("xlsx")
    return content
