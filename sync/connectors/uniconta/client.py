"""Uniconta as a connector.

Reading goes through family A (OData), in whole tables or by at most 40 values of one field; writing through family B,
which takes the whole record. Section numbers refer to `uniconta-api.md`.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mappings.spec import Side
from sync.connectors.base import Answer, Changes, Company, ConnectionSettings, OnExchange, Reference, Row, Written
from sync.connectors.errors import ConnectionBroken, Gone, Moved, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.http import DEADLINE_SECONDS, HttpDoor, Limit
from sync.connectors.reply import Reply, Wanted, answer_of
from sync.connectors.rows import stream_rows
from sync.connectors.uniconta.replies import RULES
from sync.connectors.values import chunks, folded, numeric_ids

#: The server takes at most 40 values in one OR (1.8).
VALUES_PER_FILTER = 40
_VERBS = {"POST": "Insert", "PUT": "Update"}


class UnicontaConnector:
    system = "uniconta"
    #: "Approximately 5,000 calls a day", then each is delayed (API page, limits).
    calls_per_day = 5_000

    def __init__(
        self, settings: ConnectionSettings, on_exchange: OnExchange, *, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._settings = settings
        self._company_id = settings.company_id.strip().lstrip("0")
        self._named_company, _, login = settings.username.rpartition("/")
        # The company stands in the user name as well: family B has no other place for it, and without one the
        # user's default company would answer (5.4).
        credentials = f"00{self._company_id}/{login}:{settings.secret}".encode()
        token = base64.b64encode(credentials).decode()
        self._door = HttpDoor(
            settings,
            on_exchange,
            # Family A answers XML without Accept, and one client got JSON by Content-Type alone: send both (1.3).
            headers={
                "Authorization": f"Basic {token}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            secrets=(settings.secret, token),
            rules=RULES,
            deadline=deadline,
        )
        self._lock = threading.Lock()
        self._field_names: dict[str, frozenset[str]] = {}

    # --- reading ---

    def identify(self) -> Company:
        for row in self._rows(self._odata("CompanyClient")):
            number = next((row[name] for name in ("PrimaryKeyId", "CompanyId", "RowId") if row.get(name)), "")
            if _company_number(number) == self._company_id:
                return Company(
                    id=self._company_id,
                    name=str(row.get("Name") or row.get("CompanyName") or row.get("KeyName") or ""),
                    number=str(row.get("CompanyRegNo") or row.get("VatNumber") or ""),
                )
        raise ConnectionBroken("wrong_company", f"company {self._company_id} is not among those the log-in sees")

    def read_all(self, side: Side) -> Iterator[Row]:
        if side.members:
            yield from side.members
            return
        names: set[str] = set()
        seen: set[str] = set()
        for row in self._rows(self._odata(_entity(side))):
            row_id = self._checked_id(side, row)
            if row_id in seen:
                raise RetryLater("duplicate_rows", f"{side.resource} {side.id_field} {row_id}")
            seen.add(row_id)
            names.update(row)
            yield row
        with self._lock:
            self._field_names[side.resource] = frozenset(names)

    def read_by_ids(self, side: Side, ids: Sequence[str]) -> dict[str, Row]:
        if side.members:
            return {row[side.id_field]: row for row in side.members if row[side.id_field] in ids}
        found: dict[str, Row] = {}
        for some in chunks(numeric_ids(ids), VALUES_PER_FILTER):
            condition = " or ".join(f"{side.id_field} eq {item}" for item in some)
            for row in self._rows(self._odata(_entity(side)), {"$filter": condition}):
                row_id = self._checked_id(side, row)
                if row_id not in some:
                    raise NeedsAttention(
                        "filter_ignored", f"{side.resource}: {side.id_field} {row_id} was not asked for"
                    )
                found[row_id] = row
        return found

    def read_changes(self, side: Side, cursor: int) -> Changes:
        """Uniconta cannot list changes: `UpdatedAt` is not on every table (8.15). Kept complete for the protocol."""
        raise NotImplementedError(f"{side.resource} has no cursor in Uniconta; read everything instead")

    def position(self, side: Side) -> int | None:
        raise NotImplementedError(f"{side.resource} has no cursor in Uniconta")

    def read_where(self, side: Side, filters: Mapping[str, str]) -> Iterator[Row]:
        raise NotImplementedError(f"{side.resource}: nobody needs Uniconta filtered by anything but a key")

    def find_by_key(self, side: Side, keys: Sequence[str]) -> list[Row]:
        """Rows whose key is one of `keys` in the server's eyes, which may ignore case: compare before linking."""
        if side.members:
            return [row for row in side.members if row[side.key_field] in keys]
        return self._find(side, [key for key in dict.fromkeys(keys) if key.strip() and not _is_too_long(side, key)])

    def field_names(self, side: Side) -> frozenset[str] | None:
        with self._lock:
            return self._field_names.get(side.resource) or None

    # --- writing ---

    def create(self, side: Side, values: Row, *, creation_id: str) -> Written:
        body = _rendered(values)
        self._refuse_long_key(side, body)
        reply = self._door.call("POST", self._entities("Insert", side), wanted=Wanted.RECORD_OR_NOTHING, body=body)
        row: Row | None = _record(reply)
        if row is None or not row.get(side.id_field):
            row = self._created(side, body)
        row_id = self._checked_id(side, row)
        sent, stored = str(body.get(side.key_field) or ""), str(row.get(side.key_field) or "")
        if sent and folded(sent) != folded(stored):
            # 1.6: over-long keys were seen to be cut without a word; a look-up by the full key then finds nothing.
            raise NeedsAttention("key_truncated", f"{side.id_field} {row_id} was created as {stored!r}, not {sent!r}")
        return Written(id=row_id, row=row)

    def create_many(self, side: Side, rows: Sequence[Row]) -> None:
        """InsertList (1.6): the answer may hold the rows or nothing, so nobody relies on it."""
        body = [_rendered(row) for row in rows]
        reply = self._door.call("POST", self._entities("InsertList", side), wanted=Wanted.RECORD_OR_NOTHING, body=body)
        reply.close()

    def update(
        self,
        side: Side,
        record_id: str,
        values: Row,
        *,
        is_as_planned: Callable[[Row], bool],
        stamp: int | None,
    ) -> Written:
        """Rows carry no stamp here; the look right before the write is what there is."""
        body = _rendered(values)
        self._refuse_long_key(side, body)
        before = self._read_for_update(side, record_id)
        if not is_as_planned(before):
            raise Moved
        # PUT resets what is left out (8.1), so the whole record goes back with only our fields changed.
        whole = {**before, **body, side.id_field: before[side.id_field]}
        reply = self._door.call("PUT", self._entities("Update", side), wanted=Wanted.RECORD_OR_NOTHING, body=whole)
        row: Row | None = _record(reply)
        if row is None or not row.get(side.id_field):
            row = self._read_back(side, record_id)
        if self._checked_id(side, row) != record_id:
            raise Unclear(
                "unreadable_answer", f"the answer is about {side.id_field} {row[side.id_field]}", is_outage=False
            )
        return Written(id=record_id, row=row, pre_image=before)

    def ask(
        self,
        method: str,
        side: Side,
        *,
        record_id: str = "",
        params: Mapping[str, str] | None = None,
        body: Row | None = None,
    ) -> Answer:
        """Reads go through family A. A write names its record in the body, so `record_id` is not used."""
        if method == "GET":
            path, wanted, limit = self._odata(_entity(side)), Wanted.ROWS, Limit.TABLE
        else:
            path, wanted, limit = self._entities(_VERBS[method], side), Wanted.RECORD_OR_NOTHING, Limit.RECORD
        return answer_of(self._door.call(method, path, wanted=wanted, limit=limit, params=params, body=body))

    def call_count(self) -> int:
        return self._door.request_count

    def close(self) -> None:
        self._door.close()

    # --- inside ---

    def _odata(self, entity: str) -> str:
        self._check_settings()
        return f"odata/{self._company_id}/{entity}"

    def _entities(self, verb: str, side: Side) -> str:
        self._check_settings()
        return f"api/Entities/{verb}/{_entity(side)}" if verb else f"api/Entities/{_entity(side)}"

    def _check_settings(self) -> None:
        if not (self._company_id.isascii() and self._company_id.isdigit()):
            raise ConnectionBroken("company_missing", f"company number {self._settings.company_id!r}")
        if self._named_company and self._named_company.lstrip("0") != self._company_id:
            raise ConnectionBroken(
                "wrong_company", f"the user name is for company {self._named_company}, not {self._company_id}"
            )

    def _rows(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Row]:
        """All pages. No page size was ever seen, but two clients are prepared for a link to a next page (1.4)."""
        url, query = self._door.url(path), params
        seen: set[str] = set()
        while True:
            reply = self._door.call_url("GET", url, wanted=Wanted.ROWS, limit=Limit.TABLE, params=query)
            outside: dict[str, Any] = {}
            yield from _streamed(reply, outside)
            link = outside.get("@odata.nextLink") or outside.get("odata.nextLink")
            if not link:
                return
            seen.add(reply.url)
            url, query = self._door.follow(reply.url, str(link)), None
            if url in seen:
                raise RetryLater("paging_stuck", path)

    def _find(self, side: Side, keys: Sequence[str]) -> list[Row]:
        found: list[Row] = []
        for some in chunks(keys, VALUES_PER_FILTER):
            asked = {folded(key) for key in some}
            condition = " or ".join(f"{side.key_field} eq '{_quoted(key)}'" for key in some)
            for row in self._rows(self._odata(_entity(side)), {"$filter": condition}):
                self._checked_id(side, row)
                if folded(row.get(side.key_field)) not in asked:
                    raise NeedsAttention(
                        "filter_ignored", f"{side.resource}: a {side.key_field} that was not asked for"
                    )
                found.append(row)
        return found

    def _checked_id(self, side: Side, row: Row) -> str:
        """The row's id, after making sure that the row is of our company at all (5.4)."""
        company = _company_number(row.get(side.company_field or "CompanyId"))
        if company and company != self._company_id:
            raise ConnectionBroken("wrong_company", f"{side.resource}: a row of company {company} arrived")
        row_id = row.get(side.id_field)
        if isinstance(row_id, bool) or not row_id:
            raise RetryLater("unreadable_answer", f"{side.resource}: a row without {side.id_field}")
        return str(row_id)

    def _read_for_update(self, side: Side, record_id: str) -> dict[str, Any]:
        """The whole record through family B, whose rows are what PUT expects back."""
        reply = self._door.call(
            "GET",
            self._entities("", side),
            wanted=Wanted.ROWS,
            limit=Limit.TABLE,  # if the condition is ignored, the whole table comes
            params={"Name": side.id_field, "Value": record_id},
        )
        for row in _streamed(reply, {}):
            if self._checked_id(side, row) == record_id:
                return dict(row)
        if self.read_by_ids(side, [record_id]):
            raise RetryLater(
                "unreadable_answer", "one way of reading finds the record, the other does not", is_outage=False
            )
        raise Gone("gone", f"{side.resource} {side.id_field} {record_id}")

    def _created(self, side: Side, body: Row) -> Row:
        """Insert may answer without a body (8.5): look for the record under its key. The newest, if several."""
        key = str(body.get(side.key_field) or "")
        try:
            rows = self._find(side, [key]) if key else []
        except RemoteError as error:
            raise Unclear("unconfirmed_write", str(error), is_outage=False) from error
        if not rows:
            raise Unclear("not_found_after_write", f"{side.resource} {key}", is_outage=False)
        return max(rows, key=lambda row: int(row[side.id_field]))

    def _read_back(self, side: Side, record_id: str) -> Row:
        try:
            row = self.read_by_ids(side, [record_id]).get(record_id)
        except RemoteError as error:
            raise Unclear("unconfirmed_write", str(error), is_outage=False) from error
        if row is None:
            raise Unclear("not_found_after_write", f"{side.resource} {record_id}", is_outage=False)
        return row

    def _refuse_long_key(self, side: Side, body: Row) -> None:
        key = str(body.get(side.key_field) or "")
        if _is_too_long(side, key):
            raise NeedsAttention(
                "key_too_long", f"{key!r} has {len(key)} characters, allowed are {side.key_max_length}"
            )


def _entity(side: Side) -> str:
    # Only …ClientUser carries the user-defined fields, and PUT on …Client would lose them (section 4).
    return f"{side.resource}ClientUser"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _is_too_long(side: Side, key: str) -> bool:
    return side.key_max_length is not None and len(key) > side.key_max_length


def _company_number(value: Any) -> str:
    return str(value).lstrip("0") if value is not None else ""


def _rendered(values: Row) -> dict[str, Any]:
    """References are the other record's key text (section 3)."""
    return {name: value.id if isinstance(value, Reference) else value for name, value in values.items()}


def _streamed(reply: Reply, outside: dict[str, Any]) -> Iterator[Row]:
    try:
        for row in stream_rows(reply.spool, outside):
            if not isinstance(row, dict):
                raise RetryLater("unreadable_answer", "a row is not an object")
            yield row
    except ValueError as error:
        raise RetryLater("unreadable_answer", str(error)) from None
    finally:
        reply.close()


def _record(reply: Reply) -> dict[str, Any] | None:
    """The record in the answer to a write; None where there is none. Some servers wrap it in an array."""
    try:
        value = reply.json() if reply.head.strip() else None
    except ValueError as error:
        raise Unclear("answer_lost", f"the answer breaks off: {error}", is_outage=False) from None
    finally:
        reply.close()
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if isinstance(value, dict):
        return value
    return None
