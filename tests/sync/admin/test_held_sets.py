"""The brake's questions in the console: what they say, and who may answer."""

import pytest
from django.urls import reverse

from sync.models import ChangeEvent, HeldSet
from tenants.models import AuditEntry
from tests.factories import make_event, make_held_set, make_link
from tests.sync.admin.conftest import all_rows

MAY_RELEASE = {"customer": False, "bookkeeper": False, "auditor": False, "support": False, "consultant": True}


def waiting(company, name):
    link = make_link(company.tenant, name=name, uniconta_id=name, state="waiting", reason="held_deactivate")
    make_event(company.tenant, link=link, remote_id=name, state="waiting", waits_for="held_deactivate")
    return link


@pytest.mark.parametrize("role", MAY_RELEASE)
def test_only_who_configures_may_release(ours, theirs, as_role, role):
    mine, foreign = waiting(ours, "501"), waiting(theirs, "501")
    client = as_role(role)
    page = client.get(reverse("admin:sync_heldset_change", args=[ours.held.pk])).content.decode()
    assert "unusually many records would be set inactive" in page
    assert "Somebody removed many ticks" in page
    assert ("Release: carry it out" in page) is MAY_RELEASE[role]
    response = client.post(reverse("admin:sync_heldset_press", args=[ours.held.pk, "release"]))
    states = {held.pk: (held.state, held.closed_by_id is not None) for held in all_rows(HeldSet)}
    pressed = [event.link_id for event in all_rows(ChangeEvent) if event.origin == "person"]
    if not MAY_RELEASE[role]:
        assert response.status_code == 403
        assert (states[ours.held.pk], pressed) == (("open", False), [])
        return
    assert (states[ours.held.pk], pressed) == (("released", True), [mine.pk])
    assert states[theirs.held.pk] == ("open", False)
    events = {event.link_id: event.state for event in all_rows(ChangeEvent) if event.remote_id == "501"}
    assert events == {mine.pk: "pending", foreign.pk: "waiting"}
    assert "held_released" in [entry.action for entry in all_rows(AuditEntry)]
    again = client.post(reverse("admin:sync_heldset_press", args=[ours.held.pk, "release"]))
    assert again.status_code == 404


def test_an_open_question_is_on_the_front_page_and_on_the_companys(ours, as_role):
    client = as_role("consultant")
    assert "waits for a decision" in client.get(reverse("admin:index")).content.decode()
    page = client.get(reverse("admin:tenants_tenant_change", args=[ours.tenant.pk])).content.decode()
    assert reverse("admin:sync_heldset_change", args=[ours.held.pk]) in page


def test_a_closed_one_shows_its_examples_and_no_button(ours, as_role):
    held = make_held_set(ours.tenant, kind="create", state="resolved", examples=["1001 Hansen"], cause="many_blanked")
    page = as_role("consultant").get(reverse("admin:sync_heldset_change", args=[held.pk])).content.decode()
    assert "1001 Hansen" in page
    assert "Release: carry it out" not in page
