"""What every connector offers, in neutral terms. A connector knows HTTP and one system's habits, and no Django.

Rows are what the remote system says, untranslated: `mappings.engine` turns them into canonical values.
All calls raise the errors of `sync.connectors.errors` and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from mappings.spec import Side

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ConnectionSettings:
    """Where and as whom to call. `company_id` is the pinned company ("" before the first test)."""

    system: str
    base_url: str
    username: str
    secret: str = field(repr=False)
    company_id: str = ""
    allow_private_targets: bool = False
    #: What the probe measured here, by name (`sync.domain.probe`). A name that is missing: take the safest assumption.
    capabilities: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Company:
    """The company behind a log-in; `number` is its CVR number, "" where the system does not tell."""

    id: str
    name: str
    number: str = ""


@dataclass(frozen=True)
class Exchange:
    """One HTTP exchange as it may be stored: no credentials, personal fields masked, bodies cut at 20,000 characters."""

    system: str
    method: str
    url: str
    status: int  # 0: no answer
    duration_ms: int
    request_body: str = ""
    response_body: str = ""
    error_code: str = ""
    said_at: datetime | None = None  # the time that the answer's Date header tells


@dataclass(frozen=True)
class Changes:
    """Rows changed after a cursor, and the cursor to store once they are stored (None: leave it where it is).

    `filter_ignored`: the remote did not filter; `rows` is then every row, and the cursor stays where it is.
    """

    rows: Sequence[Row]
    cursor: int | None
    filter_ignored: bool = False


@dataclass(frozen=True)
class Reference:
    """A reference among the values of a write: the connector spells it as its system does. "" refers to nothing."""

    resource: str
    id: str


@dataclass(frozen=True)
class Written:
    """What a write left behind. `row` is the record as it stands now; `pre_image` the whole record before an update.

    `unseen_edit`: the answer proves that somebody changed the record between our read and our write.
    """

    id: str
    row: Row
    pre_image: Row | None = None
    unseen_edit: bool = False


@dataclass(frozen=True)
class Answer:
    """What the system answered, unjudged. `value` is the JSON; None when the answer was empty."""

    status: int
    value: Any


class Connector(Protocol):
    """One tenant's way into one system. Safe for use from several threads at once."""

    system: str

    def identify(self) -> Company:
        """The company this log-in reads and writes. Raises ConnectionBroken when it is not the pinned one."""

    def read_all(self, side: Side) -> Iterator[Row]:
        """Every row of the resource, streamed page by page; complete or an error, never a silent part."""

    def read_by_ids(self, side: Side, ids: Sequence[str]) -> dict[str, Row]:
        """Rows by identity; an id that is not there any more is missing from the result."""

    def read_changes(self, side: Side, cursor: int) -> Changes:
        """Rows changed after `cursor`. Only for sides with `has_cursor`."""

    def position(self, side: Side) -> int | None:
        """Where the change counter of a side with `has_cursor` stands now; None where the system does not say."""

    def read_where(self, side: Side, filters: Mapping[str, str]) -> Iterator[Row]:
        """Rows that satisfy the filters, in the system's own spelling. Where the system ignores or refuses a filter all
        rows come: a reader must not take a row's presence for a proof.
        """

    def find_by_key(self, side: Side, keys: Sequence[str]) -> list[Row]:
        """Rows whose key field is one of `keys`; reads everything where the system cannot filter on it."""

    def create(self, side: Side, values: Row, *, creation_id: str) -> Written:
        """Create one record. Raises Unclear when the answer got lost."""

    def create_many(self, side: Side, rows: Sequence[Row]) -> None:
        """Create several records in one call. Whether one bad row stops the others is not known, so after an error the
        caller looks what is there. Raises Unclear when the answer got lost.
        """

    def update(
        self, side: Side, record_id: str, values: Row, *, is_as_planned: Callable[[Row], bool], stamp: int | None
    ) -> Written:
        """Change only the fields in `values`.

        Where the system allows a look right before the write, raises Moved unless `is_as_planned(row)`. `stamp` is the
        change stamp last read (None: unknown); a higher one in the answer is an edit nobody saw.
        """

    def ask(
        self,
        method: str,
        side: Side,
        *,
        record_id: str = "",
        params: Mapping[str, str] | None = None,
        body: Row | None = None,
    ) -> Answer:
        """One call as it stands, without the care `create` and `update` take: for the experiments of the probe only.

        Of a list, the first page. Refusals are raised like everywhere else.
        """

    def field_names(self, side: Side) -> frozenset[str] | None:
        """Field names seen over all rows of the last completed `read_all`; None: none completed, or it was empty."""

    def call_count(self) -> int:
        """HTTP requests sent so far, repeats included."""

    def close(self) -> None:
        """Close the connections kept open. The connector may be used again afterwards."""


OnExchange = Callable[[Exchange], None]
