"""Run the simulators as a process: `python -m tests.simulators --uniconta-port 8101 --intempus-port 8102`.

Only the system whose port is given is started. Without `--seed` the demo companies of `seeds.demo_seed` are loaded;
SEED is a JSON file in the format described there. `--hours` adds a fortnight of work reports. Everything is in memory and gone at the end.
"""

import argparse
import json
import signal
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .core import serve
from .intempus import IntempusSimulator
from .seed_reports import hours_seed
from .seeds import demo_seed
from .uniconta import UnicontaSimulator


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__.splitlines()[0])
    parser.add_argument("--uniconta-port", type=int, help="port of the Uniconta simulator; 0 takes a free one")
    parser.add_argument("--intempus-port", type=int, help="port of the Intempus simulator; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=Path, metavar="FILE", help="seed document (JSON) instead of the demo companies")
    parser.add_argument("--hours", action="store_true", help="add the work reports of `seed_reports.hours_seed`")
    parser.add_argument("--profile", default="DEFAULT", help="DEFAULT or ALL_ADVERSE")
    parser.add_argument("--random-seed", type=int, default=1, help="makes ids, gaps and faults repeatable")
    options = parser.parse_args(arguments)
    if options.uniconta_port is None and options.intempus_port is None:
        parser.error("give --uniconta-port, --intempus-port or both")
    data: dict[str, Any] = json.loads(options.seed.read_text()) if options.seed else demo_seed()

    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with ExitStack() as running:
        for kind, port in (
            (UnicontaSimulator, options.uniconta_port),
            (IntempusSimulator, options.intempus_port),
        ):
            if port is None:
                continue
            simulator = kind(options.random_seed, kind.profiles[options.profile], data)
            if options.hours:
                simulator.load(hours_seed(yesterday))
            served = running.enter_context(serve(simulator, options.host, port))
            sys.stdout.write(f"{simulator.title} listening on {served.url}\n")
            sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
