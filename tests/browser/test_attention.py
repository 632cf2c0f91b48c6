"""Fix one cause for three companies: from the front page to the one press that tries all of it again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from sync.models import AlertChannel, CauseNote, Run
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_alert_channel, make_link, make_tenant, make_work_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def three(world: dict[str, Any]) -> list[Any]:
    """Three companies whose customers were refused with the same words, one with hours that ask, too."""
    tenants = [make_tenant(name.split()[0].lower(), name=name) for name in ("Anker ApS", "Bro A/S", "Dam I/S")]
    for tenant in tenants:
        for number in range(2):
            make_link(
                tenant, state="needs_attention", reason="refused", name=f"Hansen & Søn {number}",
                uniconta_key=f"10{number}", detail="Period 11 is closed for posting",
            )  # fmt: skip
    make_work_report(tenants[0], state="needs_attention", reason="item_missing")
    return tenants


def test_one_cause_is_mended_for_three_companies(world: Any, visitor: Any, three: list[Any]) -> None:
    person = visitor("en")
    page = person.page
    person.visit(reverse("admin:index"))
    page.get_by_role("link", name="All causes, with what to do").click()
    person.shoot("en-attention")
    card = page.locator("section", has=page.get_by_role("heading", name=re.compile("refused", re.IGNORECASE))).first
    assert card.get_by_text("3 companies").is_visible()
    assert card.get_by_text("Period 11 is closed for posting").is_visible()

    card.get_by_text("Assign, write a note").click()
    card.get_by_label("Who sees to it").select_option(label="Bodil Andersen")
    card.get_by_label("Note").fill("The bookkeepers open the period today.")
    card.get_by_role("button", name="Save").click()
    page.wait_for_load_state()
    assert page.get_by_text("The bookkeepers open the period today.").is_visible()
    person.shoot("en-attention-noted")

    page.get_by_role("link", name=re.compile("^Mine")).click()
    page.get_by_role("button", name="Retry all of this cause").press("Enter")  # by keyboard
    page.wait_for_load_state()
    assert page.get_by_text("6 of 3 companies are tried again.").is_visible()
    person.shoot("en-attention-retried")
    with tenant_scope(ALL):
        runs = Run.objects.filter(kind="retry")
        assert {run.tenant_id for run in runs} == {tenant.pk for tenant in three}
        assert [note.assigned_to for note in CauseNote.objects.all()] == [User.objects.get(username="boss")]
    assert person.complaints == []


def test_search_alerts_and_catalogue_in_danish_and_in_the_dark(world: Any, visitor: Any, three: list[Any]) -> None:
    channel: AlertChannel = make_alert_channel(name="Vagten", language="da")
    dark, narrow = visitor("da", scheme="dark"), visitor("da", width=400)
    pages = {
        "attention": reverse("admin:sync_causenote_changelist"),
        "catalogue": reverse("admin:sync_causenote_errors"),
        "find": reverse("find") + "?q=anker+100",
        "find-nothing": reverse("find") + "?q=anker+4711",
        "alert": reverse("admin:sync_alertchannel_change", args=[channel.pk]),
        "alerts": reverse("admin:sync_alertchannel_changelist"),
        "views": reverse("views"),
        "front-sorted": reverse("admin:index") + "?sort=-attention",
    }
    for name, path in pages.items():
        assert dark.visit(path).status == 200
        dark.shoot(f"dark-da-{name}")
        narrow.visit(path)
        narrow.page.wait_for_timeout(250)
        assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 410, path
        narrow.shoot(f"narrow-da-{name}")
    page = dark.page
    page.get_by_role("searchbox", name="Søg i alt").fill("bro 101")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.get_by_role("link", name="101 Hansen & Søn 1").click()
    assert page.get_by_text("Period 11 is closed for posting").first.is_visible()
    assert dark.complaints == narrow.complaints == []
