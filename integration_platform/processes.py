"""Child processes that start, are watched and end together; used by the demo."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1


class ProcessError(Exception):
    """A child failed; the message says which and shows the end of its log."""


def end_of(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented."""
    return "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-lines:])


def _end_with_parent() -> None:
    """Runs in the child: have it told to stop even when its parent is killed. Only Linux can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Processes:
    """Children of this process. Each has a session of its own, so Ctrl-C reaches only us and we stop them in order."""

    environment: Mapping[str, str]
    folder: Path
    log_folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a child; its output goes to <log_folder>/<name>.log."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has no threads
            )

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a child to its end. Raises ProcessError when it fails."""
        self.start(name, command)
        code = self._running[name].wait()
        del self._running[name]
        if code:
            raise self._error(name, code)

    def check(self) -> None:
        """Raises ProcessError when a child has ended."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                raise self._error(name, code)

    def wait_until(self, is_ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for a condition. Raises ProcessError when a child ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{what} did not come up within {seconds:.0f} seconds; logs are in {self.log_folder}"
                )
            time.sleep(0.1)

    def stop(self, name: str, seconds: float) -> None:
        """Ask a child to end, and end it with everything it started when it does not."""
        process = self._running.pop(name, None)
        if process is None:
            return
        family = _with_descendants(process.pid)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for survivor in psutil.wait_procs(family, timeout=1)[1]:
            try:
                survivor.kill()
            except psutil.NoSuchProcess:
                continue

    def stop_all(self, seconds: float) -> None:
        """Stop what is left, youngest first."""
        for name in reversed(list(self._running)):
            self.stop(name, seconds)

    def log(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def _error(self, name: str, code: int) -> ProcessError:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return ProcessError(f"{name} {how}. The end of {self.log(name)}:\n{end_of(self.log(name))}")


def _with_descendants(pid: int) -> list[psutil.Process]:
    """The process and all it started; asked before stopping, because orphans forget where they came from."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def environment_without(*names: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in names}
