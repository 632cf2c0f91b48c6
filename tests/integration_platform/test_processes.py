import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from integration_platform.processes import ProcessError, Processes

ROOT = Path(__file__).parents[2]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
PARENT = [
    sys.executable,
    "-c",
    f"import subprocess, time; subprocess.Popen({SLEEP!r}); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def processes(tmp_path):
    processes = Processes(os.environ, ROOT, tmp_path)
    yield processes
    processes.stop_all(0)


def child(processes, name):
    """The process itself: a session's other children are none of this test's business."""
    return psutil.Process(processes._running[name].pid)


def wait_until_up(processes, name):
    processes.wait_until(lambda: "up" in processes.log(name).read_text(), name, 10)


def test_a_child_that_ends_is_named_with_its_last_words(processes):
    processes.start("fine", SLEEP)
    processes.start("worker", [sys.executable, "-c", "print('all is lost'); raise SystemExit(3)"])
    with pytest.raises(ProcessError, match=r"(?s)worker ended with exit code 3.*all is lost"):
        processes.wait_until(lambda: False, "nothing", 10)


def test_a_killed_child_is_named_with_the_signal(processes):
    processes.start("web", SLEEP)
    child(processes, "web").kill()
    with pytest.raises(ProcessError, match="web was ended by SIGKILL"):
        processes.wait_until(lambda: False, "nothing", 10)


def test_waiting_has_an_end(processes):
    with pytest.raises(ProcessError, match="The console did not come up"):
        processes.wait_until(lambda: False, "The console", 0.1)


def test_a_failing_step_says_why_and_a_good_one_nothing(processes):
    processes.run("good", [sys.executable, "-c", ""])
    with pytest.raises(ProcessError, match=r"(?s)bad ended with exit code 1.*ZeroDivisionError"):
        processes.run("bad", [sys.executable, "-c", "1 / 0"])


def test_stopping_is_patient_only_so_long(processes):
    processes.start("stubborn", STUBBORN)
    wait_until_up(processes, "stubborn")
    stubborn = child(processes, "stubborn")
    before = time.monotonic()
    processes.stop("stubborn", 0.3)
    assert time.monotonic() - before < 3
    assert not stubborn.is_running()


def test_what_a_child_started_ends_with_it(processes):
    processes.start("parent", PARENT)
    wait_until_up(processes, "parent")
    parent = child(processes, "parent")
    family = [parent, *parent.children(recursive=True)]
    assert len(family) == 2
    processes.stop("parent", 5)
    psutil.wait_procs(family, timeout=5)
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere children are not told")
def test_children_end_when_we_are_killed(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from integration_platform.processes import Processes;"
        f"p = Processes(os.environ, Path('.'), Path({str(tmp_path)!r})); p.start('a', {SLEEP!r});"
        "print(p._running['a'].pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    try:
        child = psutil.Process(int(result.stdout))
    except psutil.NoSuchProcess:
        return
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == "zombie"
