"""`manage.py demo`, as a person sees it. It needs a minute, and the project's own var/ folder."""

import fcntl
import re
import signal
import subprocess
import sys
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
import pytest

from integration_platform import development

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def demo(tmp_path):
    """A running demo: (process, what it has printed)."""
    development.write_keys()
    with (ROOT / "var" / "demo.test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one such test at a time, whoever runs it
        log = tmp_path / "demo.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "demo", "--port", "8400"], cwd=ROOT, stdout=output, stderr=output
            )
        try:
            deadline = time.monotonic() + 120
            while "The demo runs" not in log.read_text():
                if "A demo runs in this folder already" in log.read_text():
                    pytest.skip("a demo runs in this folder")
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            time.sleep(0.2)
            yield process, log
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def test_the_demo_comes_up_lets_people_in_and_leaves_nothing_behind(demo):
    process, log = demo
    text = log.read_text()
    console = re.search(r"http://127.0.0.1:\d+/admin/", text).group()
    for line, word in (("Uniconta", "Nordbyg"), ("Intempus", "Nordbyg")):
        address = re.search(rf"{line} +(http://\S+)", text).group(1)
        with urllib.request.urlopen(address, timeout=10) as page:
            assert word in page.read().decode()
    for user in ("admin", "consultant", "support", "customer"):
        assert may_log_in(console, user, re.search(rf"{user} +(\S+)", text).group(1))
    assert not may_log_in(console, "admin", "wrong")

    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) > 5
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    psutil.wait_procs(family, timeout=3)
    assert [each.cmdline() for each in family if each.is_running() and each.status() != "zombie"] == []


def may_log_in(console, user, password):
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    login = opener.open(f"{console}login/", timeout=20)
    page = login.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
    body = f"csrfmiddlewaretoken={token}&login={user}&password={password}&next=/admin/".encode()
    with opener.open(login.url, body, timeout=20) as answer:
        return answer.url == console
