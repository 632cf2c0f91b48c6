"""R18: the database takes no writes: it is read-only for a while, and its disk is full."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from tests.chaos.kills import QUIET_SECONDS, finish
from tests.chaos.oracle import Verdict, not_stored
from tests.chaos.programme import Outcome, People, Trial, hooks_without_end, row, since
from tests.processes.installation import Installation, wait_for

SIZE_MB = 48
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


@row("R18", "database read-only, disk full", "answered_before_it_is_stored")
def no_writes(trial: Trial) -> Outcome:
    """Hints are refused with 503 meanwhile, so whoever sends them knows; it goes on by itself."""
    place, people = trial.place, People(trial.place, trial.random)
    place.load_companies(20)
    place.start_web(**trial.defective)
    place.start_worker()
    place.onboard()
    place.wait_until_quiet(QUIET_SECONDS)
    times, verdict, told = trial.size(20, least=1), Verdict(), []
    with hooks_without_end(place) as answered:
        for _ in range(times):
            for refuses in (read_only, full_disk):
                with refuses(place) as name:
                    people.edit(10)
                    statuses = {ask(place, f"{name}-{number}") for number in range(10)}
                    told.append(f"{name}: {sorted(statuses)}")
                    # A full table may have room for one more row here and there; read-only is read-only.
                    if statuses - ({503} if refuses is read_only else {200, 503}):
                        verdict.wrong.append(f"{name}: hints were answered with {sorted(statuses)}")
                ended = time.monotonic()
                before = len(answered)
                wait_for(lambda before=before: len(answered) > before + 20, 60, "hooks are answered again")
    if trial.defect:
        verdict.lost += not_stored(place, answered)
        return Outcome(f"{times} times", verdict)
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(ended)
    last = finish(place, people)
    last.lost += not_stored(place, answered)
    last.wrong += verdict.wrong
    return Outcome(f"{times} times, {len(answered)} hooks, {'; '.join(sorted(set(told)))}", last, recovered)


def ask(place: Installation, key: str) -> int:
    url = f"{place.hook('nordbyg', 'uniconta')}?CompanyId=4242&Table=Debtor&RowId=1&Action=update&Key={key}"
    return requests.post(url, timeout=20).status_code


@contextmanager
def read_only(place: Installation) -> Iterator[str]:
    name = place.database
    place.server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    place.server.run(END_ALL.format(name))
    try:
        yield "read-only"
    finally:
        place.server.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        place.server.run(END_ALL.format(name))


@contextmanager
def full_disk(place: Installation) -> Iterator[str]:
    """The table of change events on a disk of its own, which is filled to the last byte. Needs the right to mount."""
    disk = Path(f"/var/tmp/{place.database}-{place.ports['web']}")
    disk.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=777", "tmpfs", str(disk)], check=True)
    space = disk / "space"
    space.mkdir(mode=0o700)
    pid = place.postgres.pid()
    assert pid is not None
    shutil.chown(space, psutil.Process(pid).uids().real, psutil.Process(pid).gids().real)
    try:
        place.server.run(f"CREATE TABLESPACE {place.database}_small LOCATION '{space}'")
        move_events(place, f"{place.database}_small")
        ballast = disk / "ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
        use_up_pages(place)
        yield "disk full"
        ballast.unlink()
        move_events(place, "pg_default")
        place.server.run(f"DROP TABLESPACE {place.database}_small")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        disk.rmdir()


def use_up_pages(place: Installation) -> None:
    """A full disk is noticed where the table needs one more page; until then there is room in those it has."""
    wait_for(lambda: any(ask(place, f"filler-{number}") == 503 for number in range(50)), 60, "the disk is full")


def move_events(place: Installation, space: str) -> None:
    place.query(f"ALTER TABLE sync_changeevent SET TABLESPACE {space}")
