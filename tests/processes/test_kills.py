"""SIGKILL in the middle of the work: all is completed after the restart and nothing is done twice.

Each test runs twice: as the product is, and with a seeded defect that it must see.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.processes.conftest import COMPANIES, Installation, wait_for

pytestmark = pytest.mark.slow

DEBTORS = 60
WORKERS = 3
DEFECTIVE = "tests.processes.defective_settings"


def with_defect(name: str) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": DEFECTIVE, "DEFECT": name} if name else {}


def customers(place: Installation) -> int:
    return sum(len(place.rows("intempus", slug, "customer")) for slug in COMPANIES)


def start_first_load(place: Installation, **defect: str) -> None:
    """The adverse way: Intempus keeps no creation id, and takes a moment, so that writes are under way at any time."""
    place.load_companies(DEBTORS)
    place.control("intempus", "switches", creation_id_honoured=False)
    place.control("intempus", "faults", kind="delay", method="POST", path="customer/", seconds=0.15)
    place.start_web()
    place.start_worker(**defect)
    place.onboard()


@contextmanager
def hooks_without_end(place: Installation) -> Iterator[list[str]]:
    """Someone saves in Uniconta all the time; yields the keys of the calls that were answered with success."""
    answered: list[str] = []
    stop = threading.Event()
    token = place.environment["HOOK_nordbyg"]
    url = f"{place.url('web')}/hooks/nordbyg/{token}/uniconta/?CompanyId=4242&Table=Debtor&RowId=1&Action=update&Key="

    def post(sender: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{sender}-{number}"
            try:
                if requests.post(url + key, timeout=5).status_code == 200:
                    answered.append(key)
                time.sleep(0.01)
            except requests.RequestException:
                time.sleep(0.02)

    senders = [threading.Thread(target=post, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    try:
        yield answered
    finally:
        stop.set()
        for sender in senders:
            sender.join()


def lost(place: Installation, answered: list[str]) -> list[str]:
    stored = {key for (key,) in place.query("SELECT key FROM sync_changeevent WHERE origin = 'webhook'")}
    return [f"answered, but not stored: {key}" for key in answered if key not in stored]


@pytest.mark.parametrize("defect", ["", "claims_are_never_released", "nothing_is_looked_up_before_a_create"])
def test_the_worker_is_killed(installation: Installation, defect: str) -> None:
    place = installation
    start_first_load(place, **with_defect(defect))
    kills = (20,) if defect == "claims_are_never_released" else (20, 60, 100)  # that one never gets any further
    for progress in kills:
        wait_for(lambda progress=progress: customers(place) >= progress or place.open_events() == 0, 60, place.state)
        place.kill("worker")
        place.start_worker(**with_defect(defect))
    problems = place.problems(12 if defect == "claims_are_never_released" else 60)
    assert bool(problems) == bool(defect), problems[:5]


@pytest.mark.parametrize("beat_limit", ["6", "600"], ids=["product", "no_watchdog"])
def test_the_idle_worker_that_holds_the_lock_is_killed(installation: Installation, beat_limit: str) -> None:
    """The bare cluster stops silently then: workers are replaced, everything looks healthy, nothing runs any more."""
    place = installation
    place.load_companies(2)
    place.start_web()
    place.start_worker(BEAT_LIMIT=beat_limit)
    place.onboard()
    assert place.problems(30) == []

    def holder() -> psutil.Process | None:
        try:
            [main] = psutil.Process(place.processes["worker"].pid).children()
            [sentinel] = main.children()
            for child in sentinel.children()[:WORKERS]:
                # System call 0 is read(2): the one idle worker that may read the queue, all others wait for it.
                if Path(f"/proc/{child.pid}/syscall").read_text().split()[0] == "0":
                    return child
        except (OSError, ValueError, psutil.Error):
            pass
        return None

    victim = wait_for(holder, 20, "an idle worker holds the lock")
    victim.kill()
    row_id = place.rows("uniconta", "nordbyg", "Debtor")[0]["RowId"]
    place.control(
        "uniconta", "person/edit", company=4242, resource="Debtor", id=row_id, values={"City": "Efter nedbrud"}
    )
    problems = place.problems(30 if beat_limit == "6" else 8)
    assert bool(problems) == (beat_limit == "600"), problems[:5]


@pytest.mark.parametrize("defect", ["", "answered_before_it_is_stored"])
def test_the_web_server_is_killed(installation: Installation, defect: str) -> None:
    place = installation
    place.load_companies(20)
    place.start_web(**with_defect(defect))
    place.start_worker()
    place.onboard()
    assert place.problems(30) == []
    with hooks_without_end(place) as answered:
        for _ in range(2):
            before = len(answered)
            wait_for(lambda before=before: len(answered) > before + 50, 20, "hooks are answered")
            place.kill("web")
            for row in place.rows("uniconta", "havnen", "Debtor")[:10]:  # nobody hears of these
                place.control(
                    "uniconta",
                    "person/edit",
                    company=4343,
                    resource="Debtor",
                    id=row["RowId"],
                    values={"City": f"By {before}"},
                )
            place.start_web(**with_defect(defect))
    time.sleep(0.5)
    problems = lost(place, answered)
    assert bool(problems) == bool(defect), problems[:5]
    place.control("uniconta", "wait_for_webhooks", timeout=30)
    place.manage("sync", "havnen", "--from", "uniconta")
    assert place.problems(30) == []


@pytest.mark.parametrize("defect", ["", "commits_are_not_waited_for"])
def test_postgresql_is_killed(installation: Installation, defect: str) -> None:
    place = installation
    if defect:
        place.server.run(f"ALTER DATABASE {place.database} SET synchronous_commit = off")
        place.server.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        place.server.run("SELECT pg_reload_conf()")
    start_first_load(place)
    try:
        with hooks_without_end(place) as answered:
            for progress in (20, 70) if not defect else (20,):
                before = len(answered)
                wait_for(
                    lambda progress=progress, before=before: (
                        customers(place) >= progress and len(answered) > before + 20
                    ),
                    60,
                    "the load goes on and hooks are answered",
                )
                place.kill_postgres()
                place.postgres.ensure_running()
        problems = lost(place, answered)
        assert bool(problems) == bool(defect), problems[:5]
        if not defect:
            assert place.problems(90) == []
    finally:
        if defect:
            place.server.run("ALTER SYSTEM RESET wal_writer_delay")


def test_the_oracle_sees_a_difference(installation: Installation) -> None:
    """The comparison itself can fail."""
    place = installation
    place.load_companies(3)
    assert len(place.differences()) == 6  # nothing was sent yet
