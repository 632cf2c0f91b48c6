"""Intempus as a connector. Section numbers refer to `intempus-api.md`.

Lists are read with cursor paging (offset paging shifts under concurrent inserts, 1.3). A list is never written to:
PUT on one would replace the whole collection (1.6).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.spec import Side
from mappings.transforms import MappingError, read_counter
from sync.connectors.base import Answer, Changes, Company, ConnectionSettings, OnExchange, Reference, Row, Written
from sync.connectors.errors import ConnectionBroken, Gone, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.http import DEADLINE_SECONDS, HttpDoor, Limit
from sync.connectors.intempus.replies import RULES
from sync.connectors.intempus.uris import id_of, uri
from sync.connectors.reply import Reply, Wanted, answer_of
from sync.connectors.values import numeric_ids

PAGE_ROWS = 1000
#: Of filtered reads; Intempus allows 10,000 (1.3), and a page may have 32 MB here.
LARGE_PAGE_ROWS = 5000
#: Up to so many records are read one by one; beyond, the whole list costs fewer calls (design, section 5.4).
DETAILS_AT_MOST = 20
STAMP = "logical_timestamp"
#: POST answers carry this instead of the true value (1.9).
PLACEHOLDER_STAMP = 42
#: Before a resource's name: the capability that says whether it takes PATCH. Known not to, every run saves one call.
PATCH_CAPABILITY = "patch_allowed_"


@dataclass(frozen=True)
class _Page:
    rows: list[dict[str, Any]]
    next_link: str
    total_count: int | None
    stamp: int | None  # the `Logical-Timestamp` header: the highest committed value


class IntempusConnector:
    system = "intempus"
    #: Per user; besides, 500 a minute are answered before 429 (API page, limits).
    calls_per_day = 50_000

    def __init__(
        self, settings: ConnectionSettings, on_exchange: OnExchange, *, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._pinned_company = settings.company_id.strip()
        self._company_id = self._pinned_company
        self._door = HttpDoor(
            settings,
            on_exchange,
            headers={
                "Authorization": f"ApiKey {settings.username}:{settings.secret}".encode(),
                "Accept": "application/json",
            },
            secrets=(settings.secret,),
            rules=RULES,
            deadline=deadline,
        )
        self._lock = threading.Lock()
        self._field_names: dict[str, frozenset[str]] = {}
        #: Resources that take no PATCH: known from the probe, or found out by a 405.
        self._without_patch = {
            name.removeprefix(PATCH_CAPABILITY)
            for name, is_allowed in settings.capabilities.items()
            if name.startswith(PATCH_CAPABILITY) and not is_allowed
        }

    # --- reading ---

    def identify(self) -> Company:
        rows = [row for page in self._pages("company", {}) for row in page.rows]
        if len({_row_id(row) for row in rows}) != 1:
            raise ConnectionBroken("company_unclear", f"{len(rows)} companies are visible")
        row = rows[0]
        company_id = _row_id(row)
        if self._pinned_company and company_id != self._pinned_company:
            raise ConnectionBroken("wrong_company", f"company {company_id} instead of {self._pinned_company}")
        self._company_id = company_id
        return Company(
            id=company_id,
            name=str(row.get("name") or ""),
            number=str(row.get("vat_registration_number") or row.get("cvr_number") or ""),
        )

    def read_all(self, side: Side) -> Iterator[Row]:
        names: set[str] = set()
        for page in self._checked_pages(side, {}):
            for row in page.rows:
                names.update(row)
                yield row
        with self._lock:
            self._field_names[side.resource] = frozenset(names)

    def read_by_ids(self, side: Side, ids: Sequence[str]) -> dict[str, Row]:
        wanted = numeric_ids(ids)
        if len(wanted) > DETAILS_AT_MOST:
            asked = set(wanted)
            return {_row_id(row): row for row in self.read_all(side) if _row_id(row) in asked}
        found: dict[str, Row] = {}
        for record_id in wanted:
            try:
                found[record_id] = self._detail(side, record_id)
            except Gone:
                continue
        return found

    def read_changes(self, side: Side, cursor: int) -> Changes:
        """An unknown or disallowed filter is ignored or refused (1.4): then everything is returned, the cursor stays.

        More rows than asked for are harmless, since only values against their base make a change; too few would lose
        one. Refusing to pull instead would keep hours from arriving.
        """
        # From the very start no filter at all: `> 0` would leave out rows without a stamp, and they would look deleted.
        params = {f"{STAMP}__gt": str(cursor)} if cursor > 0 else {}
        rows: list[Row] = []
        stamp: int | None = None
        try:
            for number, page in enumerate(self._checked_pages(side, params)):
                # The first page's header: rows committed while later pages are read lie above it (8).
                stamp = page.stamp if number == 0 else stamp
                rows.extend(page.rows)
        except NeedsAttention as error:
            if error.code != "refused":
                raise
            return Changes(list(self.read_all(side)), cursor=None, filter_ignored=True)
        stamps = [_stamp(row) for row in rows]
        if any(value is None or value <= cursor for value in stamps):
            return Changes(rows, cursor=None, filter_ignored=True)
        newest = stamp if stamp is not None else max((value for value in stamps if value is not None), default=None)
        return Changes(rows, cursor=newest if newest is not None and newest > cursor else None)

    def position(self, side: Side) -> int | None:
        for page in self._pages(side.resource, {"limit": "1"}):
            return page.stamp
        return None

    def read_where(self, side: Side, filters: Mapping[str, str]) -> Iterator[Row]:
        """Pages are larger than elsewhere: what is filtered comes by the thousands (work reports), never one by one."""
        params = {"limit": str(LARGE_PAGE_ROWS), **filters}
        is_begun = False
        try:
            for page in self._checked_pages(side, params):
                is_begun = True
                yield from page.rows
        except NeedsAttention as error:
            if error.code != "refused" or is_begun:
                raise
            yield from self.read_all(side)

    def find_by_key(self, side: Side, keys: Sequence[str]) -> list[Row]:
        """A filter on `number` is not known to be allowed (8): read everything and compare."""
        wanted = {key.strip() for key in keys} - {""}
        if not wanted:
            return []
        return [row for row in self.read_all(side) if str(row.get(side.key_field) or "").strip() in wanted]

    def field_names(self, side: Side) -> frozenset[str] | None:
        with self._lock:
            return self._field_names.get(side.resource) or None

    # --- writing ---

    def create(self, side: Side, values: Row, *, creation_id: str) -> Written:
        """A repeated `creation_id` answers with the record made the first time (1.6), whatever it says by now."""
        body = {**_rendered(values), "creation_id": creation_id}
        if side.company_field and not body.get(side.company_field):
            body[side.company_field] = uri("company", self._company())
        reply = self._door.call("POST", _list_path(side), wanted=Wanted.RECORD_OR_NOTHING, body=body)
        answer = _record(reply)
        row: Row = (
            _without_stamp(answer)
            if answer is not None
            else self._read_back(side, id_of(reply.headers.get("location")))
        )
        self._check_company(side, row)
        return Written(id=_row_id(row), row=row)

    def create_many(self, side: Side, rows: Sequence[Row]) -> None:
        """A PATCH on a list might do it and might not (1.6, 8): not used."""
        raise NotImplementedError(f"{side.resource}: Intempus takes records one by one")

    def update(
        self,
        side: Side,
        record_id: str,
        values: Row,
        *,
        is_as_planned: Callable[[Row], bool],
        stamp: int | None,
    ) -> Written:
        """No conditional update exists (1.6). The answer's stamp is the one before our write: that gives edits away.

        The values were compared by the pull right before, so `is_as_planned` is not asked.
        """
        reply = self._write_part(side, record_id, _rendered(values))
        answer = _record(reply)
        row: Row = _without_stamp(answer) if answer is not None else self._read_back(side, record_id)
        self._check_company(side, row)
        if _row_id(row) != record_id:
            raise Unclear("unreadable_answer", f"the answer is about record {_row_id(row)}", is_outage=False)
        before = _stamp(answer or {})
        is_unseen = stamp is not None and before is not None and before > stamp
        return Written(id=record_id, row=row, unseen_edit=is_unseen)

    def ask(
        self,
        method: str,
        side: Side,
        *,
        record_id: str = "",
        params: Mapping[str, str] | None = None,
        body: Row | None = None,
    ) -> Answer:
        path = _record_path(side, record_id) if record_id else _list_path(side)
        if method == "GET":
            wanted, limit = (Wanted.RECORD, Limit.RECORD) if record_id else (Wanted.ROWS, Limit.PAGE)
        else:
            if not record_id and method != "POST":
                raise ValueError(f"{method} on a list would replace the collection (1.6)")
            wanted, limit = Wanted.RECORD_OR_NOTHING, Limit.RECORD
        return answer_of(self._door.call(method, path, wanted=wanted, limit=limit, params=params, body=body))

    def call_count(self) -> int:
        return self._door.request_count

    def close(self) -> None:
        self._door.close()

    # --- inside ---

    def _company(self) -> str:
        return self._company_id or self.identify().id

    def _pages(self, resource: str, params: Mapping[str, str]) -> Iterator[_Page]:
        query: Mapping[str, str] | None = {"pagination_type": "cursor", "limit": str(PAGE_ROWS), **params}
        url = self._door.url(f"web/v1/{resource}/")
        seen: set[str] = set()
        while True:
            reply = self._door.call_url("GET", url, wanted=Wanted.ROWS, limit=Limit.PAGE, params=query)
            seen.add(reply.url)
            page = _page(reply)
            yield page
            if not page.next_link:
                return
            url, query = self._door.follow(reply.url, page.next_link), None
            if url in seen:
                raise RetryLater("paging_stuck", resource)

    def _checked_pages(self, side: Side, params: Mapping[str, str]) -> Iterator[_Page]:
        """Pages of new rows, of the right company, and as many in all as the server counted at the start."""
        seen: set[str] = set()
        counted: int | None = None
        fruitless = 0
        for number, page in enumerate(self._pages(side.resource, params)):
            counted = page.total_count if number == 0 else counted
            fresh = []
            for row in page.rows:
                self._check_company(side, row)
                row_id = _row_id(row)
                if row_id not in seen:  # paging is no snapshot: a row may come twice (1.3)
                    seen.add(row_id)
                    fresh.append(row)
            fruitless = 0 if fresh else fruitless + 1
            if fruitless > 2 and page.next_link:
                raise RetryLater("paging_stuck", f"{side.resource}: pages without new rows")
            yield _Page(fresh, page.next_link, page.total_count, page.stamp)
        if counted is not None and len(seen) < counted:
            # A record deleted while we read makes this a false alarm, and the next attempt a good one.
            raise RetryLater("incomplete_read", f"{side.resource}: {len(seen)} of {counted} rows", is_outage=False)

    def _write_part(self, side: Side, record_id: str, body: Row) -> Reply:
        path = _record_path(side, record_id)
        if side.resource not in self._without_patch:
            try:
                return self._door.call("PATCH", path, wanted=Wanted.RECORD_OR_NOTHING, body=body)
            except NeedsAttention as error:
                if error.code != "not_allowed":
                    raise
            self._without_patch.add(side.resource)
        # PUT is partial here as well (1.6). It might create a record that is missing (8), hence the look first.
        self._detail(side, record_id)
        return self._door.call("PUT", path, wanted=Wanted.RECORD_OR_NOTHING, body=body)

    def _detail(self, side: Side, record_id: str) -> dict[str, Any]:
        reply = self._door.call("GET", _record_path(side, record_id), wanted=Wanted.RECORD)
        try:
            row = reply.json()
        except ValueError as error:
            raise RetryLater("unreadable_answer", str(error)) from None
        finally:
            reply.close()
        if _row_id(row) != record_id:
            raise RetryLater("unreadable_answer", f"asked for record {record_id}, got {row.get('id')!r}")
        self._check_company(side, row)
        return dict(row)

    def _read_back(self, side: Side, record_id: str) -> Row:
        """After a write whose answer had no body."""
        if not record_id:
            raise Unclear("not_found_after_write", side.resource, is_outage=False)
        try:
            return self._detail(side, record_id)
        except Gone:
            raise Unclear("not_found_after_write", f"{side.resource} {record_id}", is_outage=False) from None
        except RemoteError as error:
            raise Unclear("unconfirmed_write", str(error), is_outage=False) from error

    def _check_company(self, side: Side, row: Row) -> None:
        company = id_of(row.get(side.company_field)) if side.company_field else ""
        if company and self._company_id and company != self._company_id:
            raise ConnectionBroken("wrong_company", f"{side.resource}: a row of company {company} arrived")


def _list_path(side: Side) -> str:
    return f"web/v1/{side.resource}/"


def _record_path(side: Side, record_id: str) -> str:
    if not numeric_ids([record_id]):
        # Never let a strange id turn the address of a record into that of a list.
        raise Gone("gone", f"{side.resource} {record_id!r} cannot exist")
    return f"web/v1/{side.resource}/{record_id}/"


def _page(reply: Reply) -> _Page:
    try:
        body = reply.json()
        meta, rows = body["meta"], body["objects"]
        next_link, total = meta.get("next"), meta.get("total_count")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RetryLater("unreadable_answer", f"{type(error).__name__}: {error}") from None
    finally:
        reply.close()
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _row_id(row) for row in rows):
        raise RetryLater("unreadable_answer", "a list without rows, or a row without id")
    return _Page(
        rows,
        next_link=str(next_link or ""),
        total_count=total if isinstance(total, int) else None,
        stamp=_counter(reply.headers.get("logical-timestamp")),
    )


def _row_id(row: Row) -> str:
    value = row.get("id")
    return "" if value is None or isinstance(value, bool) else str(value)


def _stamp(row: Row) -> int | None:
    value = _counter(row.get(STAMP))
    return value if value != PLACEHOLDER_STAMP else None


def _counter(raw: Any) -> int | None:
    """None also for what cannot be one: the record says so itself (`observe`), and the cursor stays where it is."""
    try:
        return read_counter(raw)
    except MappingError:
        return None


def _without_stamp(row: Row) -> dict[str, Any]:
    """The stamp in the answer to a write is a placeholder or the value before it: the true one is unknown (1.9)."""
    return {name: value for name, value in row.items() if name != STAMP}


def _rendered(values: Row) -> dict[str, Any]:
    return {
        name: uri(value.resource, value.id) if isinstance(value, Reference) else value for name, value in values.items()
    }


def _record(reply: Reply) -> dict[str, Any] | None:
    """The record in the answer to a write; None where there is none."""
    try:
        value = reply.json() if reply.head.strip() else None
    except ValueError as error:
        raise Unclear("answer_lost", f"the answer breaks off: {error}", is_outage=False) from None
    finally:
        reply.close()
    return value if isinstance(value, dict) and _row_id(value) else None
