"""pytest plugin (``-p tests.plugin_cpu``): what each file costs in CPU seconds, in set-up, test and teardown.

Wall time tells how busy the machine was, CPU time what a test costs, however many run beside it. Counted are the process of
the tests with its threads, and children that have ended; the database server comes on top, with about a quarter of it.
"""

import resource
from collections import Counter, defaultdict
from collections.abc import Generator
from typing import Any

import pytest

PHASES = ("setup", "call", "teardown")
SHOWN = 40


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class CpuSeconds:
    """In each parallel worker it measures, in the session that started them it sums up: the reports carry the figures."""

    def __init__(self) -> None:
        self.last = 0.0
        self.sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.tests: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self.last = _cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        report = yield
        now = _cpu_seconds()
        report.cpu_seconds, self.last = now - self.last, now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self.sums[file][report.when or ""] += getattr(report, "cpu_seconds", 0.0)
        self.tests[file] += report.when == "setup"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        total = sum((Counter(sums) for sums in self.sums.values()), Counter[str]())
        dearest = sorted(self.sums.items(), key=lambda pair: -pair[1].total())[:SHOWN]
        write(f"{'CPU seconds':>12} {'tests':>6} " + " ".join(f"{phase:>9}" for phase in PHASES))
        for file, sums in [("all files", total), *dearest]:
            count = self.tests[file] or self.tests.total()
            write(
                f"{sums.total():12.1f} {count:6} " + " ".join(f"{sums[phase]:9.1f}" for phase in PHASES) + f"  {file}"
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuSeconds(), "cpu-seconds")
