"""R19: a new version is rolled out while people work: everything is asked to end, and started again."""

from __future__ import annotations

import signal
import time

import psutil

from tests.chaos.kills import QUIET_SECONDS, finish, start_first_load
from tests.chaos.oracle import judge, not_stored
from tests.chaos.programme import Outcome, People, Trial, hooks_without_end, row, since
from tests.processes.installation import Installation, wait_for

#: So long a process may take to end what it has begun.
GRACE_SECONDS = 40


@row("R19", "restarted under load", "claims_are_never_released")
def roll_out(trial: Trial) -> Outcome:
    """SIGTERM to worker and web server, by turns, during a first load and a stream of hints. Whoever ends has finished or
    handed over: no lease is left behind, and none of what was answered is missing.
    """
    place, people = trial.place, People(trial.place, trial.random)
    debtors, times = trial.size(500, least=40), trial.size(40, least=4)
    start_first_load(trial, debtors, **trial.defective)
    left = []
    with hooks_without_end(place) as answered:
        for number in range(times):
            before = len(answered)
            wait_for(lambda before=before: len(answered) > before + 20, 60, "hooks are answered")
            people.edit(trial.random.randrange(1, 10))
            if number % 2:
                end_politely(place, "web")
                place.start_web()
                continue
            if trial.defect:  # ended in the middle, and the next one shall not take over
                wait_for(lambda: place.query("SELECT 1 FROM sync_changeevent WHERE state = 'claimed'"), 20, "at work")
                place.kill("worker")
            else:
                end_politely(place, "worker")
                left += place.query("SELECT 'lease of tenant ' || tenant_id FROM sync_drainlease")
                left += place.query("SELECT 'event ' || id || ' claimed' FROM sync_changeevent WHERE state = 'claimed'")
            place.start_worker(**trial.defective)
            ended = time.monotonic()
    lost = not_stored(place, answered)
    if trial.defect:
        return Outcome(f"{times} restarts", judge(place, answered, seconds=12))
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(ended)
    verdict = finish(place, people)
    verdict.lost += lost
    verdict.wrong += [f"left behind by a worker that was asked to end: {what}" for (what,) in left]
    return Outcome(f"{2 * debtors} debtors, {len(answered)} hooks, {times} restarts", verdict, recovered)


def end_politely(place: Installation, name: str) -> None:
    family = place.family(name)
    process = place.processes.pop(name)
    process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=GRACE_SECONDS)
    assert not alive, f"{name} did not end within {GRACE_SECONDS} s"
    process.wait()
