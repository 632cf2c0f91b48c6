"""R16: rows that change, appear and go while pages of them are read, with stamps that are equal or come late.

In this process and without a server: the connector reads from a list that moves between two pages, and what it makes of
the cursor is compared with what is there.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.chaos.bench import Bench
from tests.chaos.oracle import Verdict
from tests.chaos.programme import Outcome, Trial, row

PAGE = 4
#: A transaction that drew its stamp commits so much later at most: less than the overlap, as the design assumes.
LATEST = timedelta(minutes=4)
#: So long after the first reading everything is read once more.
AGAIN = timedelta(minutes=5)
COMPANY = "61001"


class MovingList:
    """One resource of Intempus, paged as there; people work between two pages. It takes the place of the connector's door."""

    def __init__(self, random: Random, *, has_header: bool, counts: bool) -> None:
        self.random, self.has_header, self.counts = random, has_header, counts
        self.rows: dict[int, dict[str, Any]] = {}
        self.is_same_transaction = False
        self.stamp, self.last_id, self.committed = 1000, 0, 1000
        self.now = datetime(2026, 1, 5, 8, tzinfo=UTC)
        self.late: list[tuple[datetime, int, int]] = []  # when it commits, the row, its stamp
        for _ in range(random.randrange(3 * PAGE)):
            self.save(0)

    # ---------------------------------------------------------------- people

    def save(self, number: int, stamp: int | None = None) -> None:
        """A new row for 0."""
        if not number:
            self.last_id += 1
            number = self.last_id
        if stamp is None:
            self.stamp += 0 if self.is_same_transaction else self.random.choice((1, 7, 40))
            stamp = self.stamp
        version = self.rows.get(number, {"version": 0})["version"] + 1
        self.rows[number] = {"id": number, "version": version, "logical_timestamp": stamp}
        self.committed = max(self.committed, stamp)

    def people(self) -> None:
        """They commit before the next page is read; rows of one transaction have one stamp."""
        has_saved = False
        for _ in range(self.random.randrange(4)):
            self.is_same_transaction = has_saved and self.random.random() < 0.5
            chosen = self.random.choice([*self.rows, 0])
            match self.random.randrange(6):
                case 0 if chosen:
                    del self.rows[chosen]
                case 1:
                    self.stamp += 5
                    self.late.append((self.now + LATEST * self.random.random(), chosen, self.stamp))
                case _:
                    self.save(chosen)
                    has_saved = True
        self.is_same_transaction = False

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for each in [each for each in self.late if each[0] <= self.now]:
            self.late.remove(each)
            if not each[1] or each[1] in self.rows:
                self.save(*each[1:])

    # ---------------------------------------------------------------- the door

    def url(self, path: str) -> str:
        return f"http://intempus/{path}"

    def follow(self, current: str, link: str) -> str:
        return urljoin(current, link)

    def call_url(self, method: str, url: str, *, params: Any = None, **_: Any) -> Any:
        from sync.connectors.reply import Reply, Wanted

        url = f"{url}?{urlencode(params)}" if params else url
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        after = int(base64.b64decode(query.get("after", "")) or 0)
        above = int(query.get("logical_timestamp__gt", 0))
        found = [self.rows[number] for number in sorted(self.rows) if self.rows[number]["logical_timestamp"] > above]
        rest = [each for each in found if each["id"] > after]
        more = (
            {**query, "after": base64.b64encode(str(rest[:PAGE][-1]["id"]).encode()).decode()} if rest[PAGE:] else None
        )
        meta = {"next": f"?{urlencode(more)}" if more else None, "total_count": len(found) if self.counts else None}
        body = json.dumps({"meta": meta, "objects": rest[:PAGE]}).encode()
        headers = {"logical-timestamp": str(self.committed)} if self.has_header else {}
        self.pass_time(self.random.choice((0.1, 1, 20)))
        self.people()
        return Reply(method, url, 200, headers, BytesIO(body), Wanted.ROWS)


@row("R16", "rows change while pages are read", "a_pull_restarts_where_it_stopped", kind=Bench)
def moving_pages(trial: Trial) -> Outcome:
    """What is there in the end was read as it is; deletions are found by the daily complete reading, not by a cursor."""
    assert isinstance(trial.place, Bench)
    trial.place.start_engine(trial.defect)
    verdict, pulls = Verdict(), 0
    sequences = trial.size(10_000, least=200)
    for number in range(sequences):
        remote = MovingList(
            Random(f"{trial.random.random()}"), has_header=bool(number % 2), counts=bool(number // 2 % 2)
        )
        count, unread = follow(remote)
        pulls += count
        if unread:
            verdict.lost.append(f"sequence {number}: {unread}")
    return Outcome(f"{sequences} sequences, {pulls} pulls", verdict)


def follow(remote: MovingList) -> tuple[int, str]:
    """Pull as the product does, a while; how often, and which rows nobody noticed."""
    from mappings.entities import ENTITIES
    from sync.connectors.base import ConnectionSettings
    from sync.connectors.errors import RetryLater
    from sync.connectors.intempus.client import IntempusConnector
    from sync.domain.pull import moved, restart
    from sync.models import Cursor

    side = ENTITIES["customer"].intempus
    settings = ConnectionSettings("intempus", "http://intempus", "nobody", "nothing", COMPANY)
    connector = IntempusConnector(settings, lambda *_: None)
    connector._door = remote  # type: ignore[assignment]
    cursor, seen, pulls = Cursor(entity="customer"), {}, 0
    complete: list[datetime] = []
    times = remote.random.randrange(3, 8)
    is_last = False
    while not is_last:
        is_last = pulls >= times
        if is_last:  # people have gone home, and what was late is committed
            remote.people = lambda: None  # type: ignore[method-assign]
            remote.pass_time(AGAIN.total_seconds())
        read_at = remote.now
        pulls += 1
        # The product reads everything a second time, for what committed late behind the very first reading.
        is_complete = not complete or (len(complete) == 1 and read_at - complete[0] >= AGAIN)
        try:
            changes = connector.read_changes(side, 0 if is_complete or not cursor.value else restart(cursor))
        except RetryLater:
            is_last = False
            continue  # a row went away while we counted: the next pull begins where this one did
        complete += [read_at] if is_complete else []
        seen |= {each["id"]: each["version"] for each in changes.rows}
        if changes.cursor is not None:
            cursor.trail = moved(cursor.trail, changes.cursor, read_at)
            cursor.value = max(cursor.value, changes.cursor)
        remote.pass_time(remote.random.choice((1, 30, 900)))
    unread = {number for number, each in remote.rows.items() if seen.get(number) != each["version"]}
    return pulls, f"{len(unread)} of {len(remote.rows)} rows" if unread else ""
