"""The log-in page, as a person types it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visitor
from tests.factories import make_tenant, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_logs_in(browser: Any, live_server: Any) -> None:
    make_user("kirsten", "consultant", make_tenant(), password="long enough and odd 17")
    visitor = Visitor(browser.new_context(viewport={"width": 400, "height": 900}).new_page(), live_server.url)
    visitor.visit("/")
    page = visitor.page
    assert page.url.startswith(live_server.url + "/account/login/")
    page.fill("input[name=login]", "kirsten")
    page.fill("input[name=password]", "long enough and odd 17")
    page.click("button[type=submit]")
    page.wait_for_url(live_server.url + "/admin/")
    visitor.visit("/account/sessions/")
    assert page.locator("form").count() > 0
    assert visitor.complaints == []
    page.context.close()
