"""Two companies' first load and a burst of webhooks, through real processes, compared by an independent eye."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.installation import COMPANIES, Installation

pytestmark = pytest.mark.slow

DEBTORS, BURST, READS_ALLOWED = 1000, 500, 60


def test_first_load_and_burst(installation: Installation) -> None:
    place = installation
    place.load_companies(DEBTORS)
    assert len(place.differences()) == 2 * DEBTORS  # the comparison can fail: nothing was sent yet
    place.start_web()
    place.start_worker()
    started = time.monotonic()
    place.onboard()
    place.wait_until_quiet(150)
    print(f"first load of 2 x {DEBTORS}: {time.monotonic() - started:.1f} s")
    assert place.differences() == []
    assert [len(place.rows("intempus", slug, "customer")) for slug in COMPANIES] == [DEBTORS, DEBTORS]
    assert [len(place.rows("intempus", slug, "customer_group")) for slug in COMPANIES] == [1, 1]  # group 2 is unused

    before = place.control("uniconta", "ledger?since=0&origin=person")["last_seq"]
    ids = [row["RowId"] for row in place.rows("uniconta", "nordbyg", "Debtor")[:BURST]]
    started = time.monotonic()

    def edit(row_id: int) -> None:
        place.control(
            "uniconta", "person/edit", company=4242, resource="Debtor", id=row_id, values={"City": f"By {row_id}"}
        )

    with ThreadPoolExecutor(8) as people:
        list(people.map(edit, ids))
    place.wait_until_quiet(60)
    print(f"burst of {BURST}: {time.monotonic() - started:.1f} s")
    reads = [
        call
        for call in place.control("uniconta", f"ledger?origin=api&since={before}")["entries"]
        if call["method"] == "GET" and "/4242/" in call["path"]
    ]
    print(f"Uniconta reads for the burst: {len(reads)}")
    assert place.differences() == []
    assert 0 < len(reads) <= READS_ALLOWED
