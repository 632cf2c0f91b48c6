"""R1–R4: SIGKILL in the middle of the work. All is completed after the restart, and nothing is done twice."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from tests.chaos.oracle import Verdict, judge, not_stored
from tests.chaos.programme import Outcome, People, Trial, hooks_without_end, row, since
from tests.processes.installation import WORKERS, Installation, wait_for

QUIET_SECONDS = 90.0


def customers(place: Installation) -> int:
    return sum(len(place.rows("intempus", slug, "customer")) for slug in place.companies)


def start_first_load(trial: Trial, debtors: int, **defective: str) -> None:
    """The adverse way: Intempus keeps no creation id, and takes a moment, so that writes are under way at any time."""
    place = trial.place
    place.load_companies(debtors)
    place.control("intempus", "switches", creation_id_honoured=False)
    place.control("intempus", "faults", kind="delay", method="POST", path="customer/", seconds=0.15)
    place.start_web()
    place.start_worker(**defective)
    place.onboard()


def finish(place: Installation, people: People) -> Verdict:
    """One pull and one check of Uniconta after the trouble, as the schedules would; then the oracle."""
    place.catch_up()
    verdict = judge(place, seconds=QUIET_SECONDS)
    verdict.lost += people.forgotten()
    return verdict


@row("R1", "worker killed", "claims_are_never_released", "nothing_is_looked_up_before_a_create")
def kill_the_worker(trial: Trial) -> Outcome:
    """During a first load, and again while people work in both systems."""
    place, people = trial.place, People(trial.place, trial.random)
    debtors = trial.size(500, least=40)
    creating, editing = trial.size(20, least=3), trial.size(20, least=1)
    start_first_load(trial, debtors, **trial.defective)

    def kill() -> None:
        place.kill("worker")
        place.start_worker(**trial.defective)

    if trial.defect == "claims_are_never_released":  # that one never gets any further
        creating, editing = 1, 0
    # Where there is time to be killed in the middle of a create: not in the last of them.
    for progress in sorted(trial.random.sample(range(10, 2 * debtors - 10), creating)):
        least = max(progress, customers(place) + 1)  # or the worker that just started is killed before it does anything
        wait_for(lambda least=least: customers(place) >= least or not place.open_events(), 60, place.state)
        kill()
    if trial.defect:
        seconds = 12 if trial.defect == "claims_are_never_released" else QUIET_SECONDS
        return Outcome(f"{creating} kills", judge(place, seconds=seconds))
    killed = time.monotonic()
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(killed)
    edits = 0
    for _ in range(editing):
        edits += (burst := trial.random.randrange(20, 60))
        people.edit(burst)
        kill()
    verdict = finish(place, people)
    return Outcome(f"{2 * debtors + edits} changes, {creating + editing} kills", verdict, recovered)


@row("R1b", "idle worker killed that holds the queue's lock", "no_watchdog")
def kill_the_lock_holder(trial: Trial) -> Outcome:
    """The bare cluster stops silently then: workers are replaced, everything looks healthy, nothing runs any more."""
    place, people = trial.place, People(trial.place, trial.random)
    limit = {"BEAT_LIMIT": "600" if trial.defect else "6"}
    place.load_companies(4)
    place.start_web()
    place.start_worker(**limit)
    place.onboard()
    place.wait_until_quiet(30)

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

    kills = trial.size(20)
    for _ in range(kills):
        wait_for(holder, 20, "an idle worker holds the lock").kill()
        killed = time.monotonic()
        people.edit(4)
        if trial.defect:
            break
        place.wait_until_quiet(30)
    recovered = since(killed)
    if trial.defect:
        return Outcome("1 kill", judge(place, seconds=10))
    return Outcome(f"{kills} kills", finish(place, people), recovered)


@row("R2", "web server killed", "answered_before_it_is_stored")
def kill_the_web_server(trial: Trial) -> Outcome:
    """What it answered is stored; what nobody could tell it is found by the next check of Uniconta."""
    place, people = trial.place, People(trial.place, trial.random)
    place.load_companies(20)
    place.start_web(**trial.defective)
    place.start_worker()
    place.onboard()
    place.wait_until_quiet(60)
    kills = trial.size(40, least=2)
    with hooks_without_end(place) as answered:
        for _ in range(kills):
            before = len(answered)
            wait_for(
                lambda before=before: len(answered) > before + trial.random.randrange(20, 60), 20, "hooks are answered"
            )
            place.kill("web")
            killed = time.monotonic()
            people.edit(10)  # nobody hears of these
            place.start_web(**trial.defective)
    recovered = since(killed)
    if trial.defect:
        return Outcome(f"{kills} kills", Verdict(lost=not_stored(place, answered)))
    verdict = finish(place, people)
    verdict.lost += not_stored(place, answered)
    return Outcome(f"{len(answered)} hooks, {kills} kills", verdict, recovered)


@row("R3", "PostgreSQL killed", "commits_are_not_waited_for")
def kill_postgresql(trial: Trial) -> Outcome:
    place, people = trial.place, People(trial.place, trial.random)
    debtors, kills = trial.size(500, least=40), trial.size(40, least=2)
    if trial.defect:
        kills = 1
        place.server.run(f"ALTER DATABASE {place.database} SET synchronous_commit = off")
        place.server.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        place.server.run("SELECT pg_reload_conf()")
    start_first_load(trial, debtors)
    try:
        with hooks_without_end(place) as answered:
            for _ in range(kills):
                before = len(answered)
                wait_for(lambda before=before: len(answered) > before + 20, 60, "hooks are answered")
                people.edit(trial.random.randrange(1, 20))
                place.kill_postgres()
                place.postgres.ensure_running()
                killed = time.monotonic()
        lost = not_stored(place, answered)
        if trial.defect:
            return Outcome("1 kill", Verdict(lost=lost))
    finally:
        if trial.defect:
            place.server.run("ALTER SYSTEM RESET wal_writer_delay")
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(killed)
    verdict = finish(place, people)
    verdict.lost += lost
    return Outcome(f"{2 * debtors} debtors, {len(answered)} hooks, {kills} kills", verdict, recovered)


@row("R4", "only the worker's main process killed", "orphans_live_on")
def kill_the_supervisor(trial: Trial) -> Outcome:
    """Nobody outlives it, so that the next start does not make two."""
    place, people = trial.place, People(trial.place, trial.random)
    place.load_companies(20)
    place.start_web()
    place.start_worker(**trial.defective)
    place.onboard()
    place.wait_until_quiet(60)
    kills, orphans = trial.size(20, least=2), []
    for _ in range(kills):
        people.edit(trial.random.randrange(1, 10))
        family = wait_for(lambda: len(found := place.family("worker")) > WORKERS and found, 20, "the worker is up")
        supervisor = place.processes.pop("worker")
        supervisor.kill()
        supervisor.wait()
        _, alive = psutil.wait_procs(family, timeout=2 if trial.defect else 5)
        killed = time.monotonic()
        orphans += [f"process {process.pid} outlived its supervisor" for process in alive]
        for process in alive:
            process.kill()
        place.start_worker(**trial.defective)
        if trial.defect:
            return Outcome("1 kill", Verdict(wrong=orphans))
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(killed)
    verdict = finish(place, people)
    verdict.wrong += orphans
    return Outcome(f"{kills} kills", verdict, recovered)
