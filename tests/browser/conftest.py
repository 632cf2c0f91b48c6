"""One browser for the session, signed in through Django's own session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.browser.seed import seed
from tests.factories import make_user

CHROMIUM = Path("/usr/bin/chromium")
TALLEST = 2600  # a picture nobody can look at any more helps nobody
SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    # Playwright's loop runs in this thread; Django would refuse the database because of it.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def world(browser: Any, transactional_db: None) -> dict[str, Any]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return seed()


class Visitor:
    """A person at a browser. What the console, the page or the policy complains about is collected in `complaints`."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", lambda message: self._hear(message) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _hear(self, message: Any) -> None:
        self.complaints.append(f"{self.page.url}: {message.text}")

    def visit(self, path: str) -> Any:
        return self.page.goto(self.base + path, wait_until="load")

    def shoot(self, name: str) -> None:
        """A picture under var/screenshots, when asked for: SCREENSHOTS=1 make test ARGS="-m browser"."""
        if not os.environ.get("SCREENSHOTS"):
            return
        self.page.wait_for_timeout(250)  # Alpine shows what it hides while starting
        size = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], TALLEST)}
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, clip=clip)


@pytest.fixture
def visitor(browser: Any, live_server: Any, world: dict[str, Any]) -> Iterator[Any]:
    """`visitor(language, width, scheme)` makes a signed-in administrator's browser window."""
    client = Client()
    client.force_login(make_user("boss", is_superuser=True, first_name="Bodil", last_name="Andersen"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    contexts = []

    def make(language: str = "en", width: int = 1440, scheme: str = "light") -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        context.add_cookies(
            [
                {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url},
                {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
            ]
        )
        return Visitor(context.new_page(), live_server.url)

    yield make
    for context in contexts:
        context.close()
