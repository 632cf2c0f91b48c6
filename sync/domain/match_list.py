"""The match list as a file: out to a spreadsheet, decided there, and back. CSV and XLSX.

Rows are known by the ids of the two systems, so a list stays good when both are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zipfile import BadZipFile

from django.db import transaction
from django.utils.translation import gettext
from tablib import Dataset
from tablib.exceptions import TablibException

from mappings.models import MatchRow, RecordLink
from mappings.spec import System
from sync.domain.match_decisions import TakenError, decide, link_by_hand
from sync.domain.personal_number import PREFIX
from sync.domain.spreadsheet import FORMULA, neutral

Decision = MatchRow.Decision

#: Stable, so that a list taken out in one language comes back in another.
COLUMNS = (
    "category",
    "uniconta_id",
    "uniconta_number",
    "uniconta_name",
    "intempus_id",
    "intempus_number",
    "intempus_name",
    "matched_by",
    "decision",
    "link_to_intempus_id",
    "decided_by",
    "decided_at",
)
FORMATS = ("csv", "xlsx")
LARGEST_BYTES = 10_000_000
LARGEST_ROWS = 100_000
ERRORS_SHOWN = 20
CHUNK = 500


class ListError(Exception):
    """The list cannot be taken in; `problems` are sentences, each with its line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Wish:
    """What one line of a list asks for, where that differs from what is decided."""

    line: int
    row: MatchRow
    decision: str
    other: RecordLink | None = None  # linked by hand


# ------------------------------------------------------------------------------------------------ out


def export_list(tenant_id: int, entity: str, form: str) -> bytes:
    """All rows of one entity as a file of one of FORMATS. Call inside a scope."""
    data = Dataset(headers=list(COLUMNS), title=entity[:31])
    rows = MatchRow.objects.filter(tenant_id=tenant_id, entity=entity).select_related("link", "other", "decided_by")
    for row in rows.order_by("pk").iterator(chunk_size=CHUNK):
        data.append([neutral(value) for value in _cells(row)])
    if form == "xlsx":
        content: bytes = data.export("xlsx")
        return content
    # What a spreadsheet in Danish opens by itself: a byte order mark and semicolons.
    return str(data.export("csv", delimiter=";")).encode("utf-8-sig")


def _cells(row: MatchRow) -> Iterator[str]:
    link, other = row.link, row.other
    theirs = other or (link if link.intempus_id else None)
    yield row.category
    yield link.uniconta_id
    yield link.uniconta_key
    yield link.name if link.uniconta_id else ""
    yield theirs.intempus_id if theirs else ""
    yield theirs.intempus_key if theirs else ""
    yield str((theirs.current(System.INTEMPUS) or {}).get("name", "")) if theirs else ""
    yield gettext("CPR number") if row.key == PREFIX else row.key
    yield row.decision
    yield ""
    yield str(row.decided_by or "")
    yield row.decided_at.isoformat(timespec="minutes") if row.decided_at else ""


# ------------------------------------------------------------------------------------------------ in


@transaction.atomic
def import_list(tenant_id: int, entity: str, content: bytes, form: str, user_id: int | None) -> int:
    """Take the decisions of a list in, all or none; returns on how many rows. Lines without a decision say nothing.

    Raises ListError. Call inside a scope.
    """
    wishes = _wishes(tenant_id, entity, _read(content, form))
    count = 0
    for wish in wishes:
        if wish.other is None:
            continue
        try:
            link_by_hand(tenant_id, wish.row.pk, wish.other.pk, user_id)
        except TakenError:
            raise ListError([_at(wish.line, gettext("one of the two records is linked already"))]) from None
        count += 1
    for decision in Decision.values:
        ids = [wish.row.pk for wish in wishes if wish.other is None and wish.decision == decision]
        for start in range(0, len(ids), CHUNK):
            count += decide(tenant_id, ids[start : start + CHUNK], decision, user_id)
    return count


def _read(content: bytes, form: str) -> Dataset:
    if len(content) > LARGEST_BYTES:
        raise ListError([gettext("The file is too large.")])
    try:
        if form == "xlsx":
            data = Dataset().load(content, format="xlsx")
        else:
            text = content.decode("utf-8-sig")
            first = text.partition("\n")[0]
            data = Dataset().load(text, format="csv", delimiter=";" if ";" in first else ",")
    except (TablibException, BadZipFile, ValueError, KeyError, OSError) as error:
        raise ListError([gettext("The file is no list of this kind: %(error)s") % {"error": error}]) from None
    missing = {"uniconta_id", "intempus_id", "decision"} - set(data.headers or ())
    if missing:
        columns = ", ".join(sorted(missing))
        raise ListError([gettext("Columns are missing: %(columns)s") % {"columns": columns}])
    if len(data) > LARGEST_ROWS:
        raise ListError([gettext("The file is too large.")])
    return data


def _wishes(tenant_id: int, entity: str, data: Dataset) -> list[Wish]:
    rows = MatchRow.objects.filter(tenant_id=tenant_id, entity=entity).select_related("link")
    by_id = {
        (system, row.link.remote_id(system)): row for row in rows for system in System if row.link.remote_id(system)
    }
    free = {
        link.intempus_id: link
        for link in RecordLink.objects.filter(tenant_id=tenant_id, entity=entity, uniconta_id="").exclude(
            intempus_id=""
        )
    }
    wishes, problems = [], []
    for line, cells in enumerate(data.dict, start=2):
        values = {name: _plain(cells.get(name)) for name in COLUMNS}
        decision, target = values["decision"].lower(), values["link_to_intempus_id"]
        if not decision and not target:
            continue
        keys = ((System.UNICONTA, values["uniconta_id"]), (System.INTEMPUS, values["intempus_id"]))
        row = next((by_id[key] for key in keys if key[1] and key in by_id), None)
        if row is None:
            problems.append(_at(line, gettext("no record of this list has these ids")))
        elif decision not in (*Decision.values, ""):
            allowed = ", ".join(Decision.values)
            text = gettext("the decision “%(decision)s” is none of %(allowed)s")
            problems.append(_at(line, text % {"decision": decision, "allowed": allowed}))
        elif target and (decision not in ("", Decision.LINK) or not row.link.uniconta_id or target not in free):
            problems.append(_at(line, gettext("there is no free record in Intempus to link to with this id")))
        elif decision == Decision.LINK and not target and row.other_id is None:
            problems.append(_at(line, gettext("nothing was found to link to; fill in link_to_intempus_id")))
        elif target or decision != row.decision:
            wishes.append(Wish(line, row, decision or Decision.LINK, free[target] if target else None))
    if problems:
        more = len(problems) - ERRORS_SHOWN
        shown = problems[:ERRORS_SHOWN]
        raise ListError([*shown, gettext("and %(count)s more") % {"count": more}] if more > 0 else shown)
    return wishes


def _plain(value: object) -> str:
    """A cell's text as it was before it was made harmless; a spreadsheet may have made a number of an id."""
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value or "").strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _at(line: int, text: str) -> str:
    return gettext("Line %(line)s: %(text)s.") % {"line": line, "text": text}
