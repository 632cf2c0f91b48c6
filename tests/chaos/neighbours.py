"""R11, R12: fifty companies; Uniconta answers one of them no more, another is flooded with hints. The others notice nothing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from statistics import median

import psutil
import requests

from tests.chaos.oracle import Verdict
from tests.chaos.programme import Outcome, Trial, row
from tests.processes.installation import Installation, wait_for

COMPANIES = {f"firm{number:02}": (5000 + number, 65000 + number) for number in range(50)}
HUNG, FLOODED, *OTHERS = COMPANIES
DEBTORS = 3
#: The others' 95th percentile with trouble, by that without, in rounds that alternate.
LIMIT = 1.25
#: 345,000 changes a day; on two cores they leave half of the machine free, which a ratio of times needs: near the end of
#: what a machine can do, every millisecond more of work shows as many of waiting.
EDITS_A_SECOND = 4
FLOOD_A_SECOND = 25
#: Seconds until either system answers a call, which both do from somewhere else.
ROUND_TRIP = 0.1


@row("R11", "one company hung, one flooded, 48 others", "a_company_may_take_every_worker", companies=COMPANIES)
def hang_one_and_flood_one(trial: Trial) -> Outcome:
    place = trial.place
    place.load_companies(DEBTORS)
    for system in ("uniconta", "intempus"):
        place.control(system, "faults", kind="delay", seconds=ROUND_TRIP)
    place.start_web()
    # Nothing is killed here, so the lease is the product's own. That of the other rows is shorter than a call may hang, and
    # each time it ends one more worker would hang for the same company.
    place.start_worker(WORKERS="8", LEASE_SECONDS="60", **trial.defective)
    place.onboard()
    place.wait_until_quiet(120)
    edits, rounds = trial.size(800, least=120), 1 if trial.defect else trial.size(20, least=3)
    work(trial, edits // 2)  # the first round is slower than all others
    ratios, calms, busy = [], [], []
    psutil.cpu_percent()  # which counts from the last time it was asked
    for _ in range(rounds):
        calm, calm_busy = percentile(work(trial, edits)), psutil.cpu_percent()
        with trouble(place):
            troubled, troubled_busy = percentile(work(trial, edits)), psutil.cpu_percent()
        ratios.append(troubled / calm)
        calms.append(calm)
        busy.append((calm_busy, troubled_busy))
        place.wait_until_quiet(120)
        psutil.cpu_percent()
    ratio = median(ratios)
    told = f"48 companies: p95 {ratio:.2f} x that without trouble ({', '.join(f'{each:.2f}' for each in ratios)})"
    verdict = Verdict(wrong=[told] if ratio > LIMIT else [])
    if not trial.defect:
        verdict.wrong += place.differences()
    calm_busy, troubled_busy = (median(each) for each in zip(*busy, strict=True))
    told = f"{edits * 2 * rounds} edits, p95 {median(calms):.1f} s x {ratio:.2f}, processors busy {calm_busy:.0f} %, {troubled_busy:.0f} %"
    return Outcome(told, verdict)


def work(trial: Trial, count: int) -> list[float]:
    """People of the 48 companies save debtors, one after the other; returns the seconds until each stood in Intempus."""
    place = trial.place
    since = {system: place.control(system, "ledger?since=999999999")["last_seq"] for system in ("uniconta", "intempus")}
    started = time.monotonic()
    for number in range(count):
        slug = OTHERS[number % len(OTHERS)]
        debtor = trial.random.choice(place.rows("uniconta", slug, "Debtor"))
        place.edit("uniconta", place.companies[slug][0], "Debtor", debtor["RowId"], City=f"By {trial.random.random()}")
        time.sleep(max(0.0, started + (number + 1) / EDITS_A_SECOND - time.monotonic()))

    def seconds() -> list[float] | None:
        found = delays(place, since)
        return found if len(found) >= count else None

    return list(wait_for(seconds, 60, "every edit stands in Intempus"))


def delays(place: Installation, since: dict[str, int]) -> list[float]:
    """From a person's save to the write in Intempus, by the simulators' clocks; the text says which belongs to which."""
    saved = {
        call["body"]["City"]: datetime.fromisoformat(call["at"])
        for call in place.control("uniconta", f"ledger?origin=person&since={since['uniconta']}")["entries"]
        if isinstance(call["body"], dict) and "City" in call["body"]
    }
    calls = place.control("intempus", f"ledger?origin=api&since={since['intempus']}")["entries"]
    return [
        (datetime.fromisoformat(call["at"]) - saved[call["body"]["city"]]).total_seconds()
        for call in calls
        if call["effects"] and isinstance(call["body"], dict) and call["body"].get("city") in saved
    ]


def percentile(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


@contextmanager
def trouble(place: Installation) -> Iterator[None]:
    """Uniconta lets every call for one company hang, and that company's people go on; another is flooded with hints."""
    hung, flooded = place.companies[HUNG][0], place.companies[FLOODED][0]
    rule = place.control("uniconta", "faults", kind="hang", path=f"/{hung}/", seconds=40)
    stop = threading.Event()
    threads = [
        threading.Thread(target=send_hints, args=(place, slug, company, rate, stop.wait))
        for slug, company, rate in ((HUNG, hung, 2), (FLOODED, flooded, FLOOD_A_SECOND))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        requests.delete(f"{place.url('uniconta')}/_control/faults/{rule['id']}", timeout=10)


def send_hints(place: Installation, slug: str, company: int, rate: float, wait: Callable[[float], bool]) -> None:
    url = f"{place.hook(slug, 'uniconta')}?CompanyId={company}&Table=Debtor&Action=update"
    number = 0
    with requests.Session() as session:
        while not wait(1 / rate):
            number += 1
            session.post(f"{url}&RowId={number % DEBTORS + 1}", timeout=10)
