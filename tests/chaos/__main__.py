"""`make chaos`: the fault programme, as a table and as var/chaos.json. Ends with 1 if anything was lost, doubled or
wrong, or if a defect that was built in on purpose was not seen.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from tests.chaos import (  # noqa: F401 - they register their rows
    backlog,
    both_sides,
    clocks,
    database,
    hints,
    hosts,
    kills,
    neighbours,
    pages,
    poison,
    refusals,
    remotes,
    restarts,
    sweep,
)
from tests.chaos.oracle import Verdict
from tests.chaos.programme import ROWS, Outcome, Row, Trial
from tests.processes.installation import ROOT, Installation, Server

#: The full programme takes so long; less time means smaller loads and fewer kills, never fewer rows.
FULL_MINUTES = 60
#: A defect shows in a small load already.
SELF_CHECK_SCALE = 1 / FULL_MINUTES
RELEASE_MINUTES = 600
EXAMPLES = 5

Reports = SimpleQueue[dict[str, object]]

console = Console(width=None if sys.stdout.isatty() else 140)


def run(row: Row, server: Server, seed: int, scale: float, defect: str = "") -> Outcome:
    """One trial. Whatever it raises is a finding too."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        place = row.kind(Path(folder), server, row.companies)
        try:
            place.start_simulators()
            return row.run(Trial(place, Random(f"{seed}/{row.name}"), scale, defect))
        except AssertionError as error:
            return Outcome("-", Verdict(lost=[str(error)]))
        finally:
            place.end()


def report(row: Row, server: Server, seed: int, scale: float) -> dict[str, object]:
    started = time.monotonic()
    outcome = run(row, server, seed, scale)
    verdict = outcome.verdict
    for sentence in verdict.sentences[:EXAMPLES]:
        console.print(f"  {row.name}: {sentence}", style="red", markup=False)
    small = min(scale, SELF_CHECK_SCALE)
    missed = [defect for defect in row.defects if not run(row, server, seed, small, defect).verdict.sentences]
    for defect in missed:
        console.print(f"  {row.name}: the defect {defect} was not seen", style="red", markup=False)
    return {
        "name": row.name,
        "title": row.title,
        "injected": outcome.injected,
        "lost": len(verdict.lost),
        "duplicated": len(verdict.duplicated),
        "wrong": len(verdict.wrong),
        "recovered_s": outcome.recovered_s,
        "calls_ratio": outcome.calls_ratio,
        "seed": seed,
        "detected": f"{len(row.defects) - len(missed)} of {len(row.defects)}",
        "is_well": not verdict.sentences and not missed,
        "took_s": round(time.monotonic() - started, 1),
    }


def machine(folder: Path) -> dict[str, object]:
    """Cores, and what a commit waits for: the median of fifty syncs of a page to the disk, in milliseconds."""
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 8192)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return {"cores": os.cpu_count(), "disk_sync_ms": round(statistics.median(times), 2)}


def carry_out(names: list[str], seed: int, scale: float, reports: Reports) -> None:
    """These rows, one after the other, on a server of their own."""
    with tempfile.TemporaryDirectory(prefix="chaos-server-") as folder:
        server = Server(Path(folder) / "server")
        try:
            for row in ROWS:
                if row.name in names:
                    console.print(f"{row.name} {row.title} …", highlight=False)
                    reports.put(report(row, server, seed, scale))
        finally:
            server.remove()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=FULL_MINUTES, help="about so long; 3 is what CI runs")
    parser.add_argument("--only", default="", help="rows by name, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--lanes", type=int, default=1, help="2: beside real processes, which mostly wait, the other rows"
    )
    parser.add_argument("--release", action="store_true", help="ten times the full loads, as before a release; a night")
    options = parser.parse_args()
    if options.release:
        options.minutes = RELEASE_MINUTES
    wanted = {name.strip() for name in options.only.split(",") if name.strip()} or {row.name for row in ROWS}
    if unknown := wanted - {row.name for row in ROWS}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(row.name for row in ROWS)}")
    lanes: dict[bool, list[str]] = {}
    for row in ROWS:
        if row.name in wanted:
            lanes.setdefault(options.lanes == 2 and row.kind is Installation, []).append(row.name)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        here = machine(Path(folder))
    reports: Reports = multiprocessing.SimpleQueue()
    scale = options.minutes / FULL_MINUTES
    processes = [
        multiprocessing.Process(target=carry_out, args=(lane, options.seed, scale, reports)) for lane in lanes.values()
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    rows = []
    while not reports.empty():
        rows.append(reports.get())
    rows.sort(key=lambda each: [row.name for row in ROWS].index(str(each["name"])))
    table = Table("row", "fault", "injected", "lost", "duplicated", "wrong", "back after s", "defects seen", "took s")
    for each in rows:
        keys = ("name", "title", "injected", "lost", "duplicated", "wrong", "recovered_s", "detected", "took_s")
        table.add_row(*(str(each[key]) for key in keys), style="" if each["is_well"] else "red")
    console.print(table)
    console.print(f"seed {options.seed}, {here['cores']} cores, {here['disk_sync_ms']} ms to sync to the disk")
    what = {"seed": options.seed, "minutes": options.minutes, "machine": here, "rows": rows}
    file = ROOT / "var" / "chaos.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(what, indent=1) + "\n")
    return 0 if len(rows) == len(wanted) and all(each["is_well"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
