"""*Put back* on the page of overwritten changes: who may, what happens, and what it says afterwards."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from sync.models import ChangeEvent, PutBack
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.factories import make_link, make_log_entry
from tests.sync.admin.conftest import all_rows

MAY_OPERATE = {"customer": False, "bookkeeper": False, "auditor": False, "support": True, "consultant": True}


@pytest.fixture
def lost(ours):
    link = make_link(ours.tenant, name="Hansen", uniconta_id="77", intempus_id="78")
    changes = [
        {"field": name, "old": f"old {name}", "new": f"new {name}", "reason": "overwritten"} for name in ("city", "cvr")
    ]
    seen = {"uniconta": "2026-11-27T08:00:00+00:00", "intempus": "2026-11-27T07:30:00+00:00"}
    plan = {"changes": changes, "overwritten": changes, "first_seen_at": seen}
    return make_log_entry(link, plan=plan, has_overwritten=True)


def address(entry, field="city"):
    return reverse("admin:sync_synclogentry_put_back", args=[entry.pk, field])


@pytest.mark.parametrize("role", MAY_OPERATE)
def test_who_may_put_back(lost, as_role, role):
    client = as_role(role)
    page = client.get(reverse("admin:sync_synclogentry_overwritten")).content.decode()
    assert (address(lost) in page) is MAY_OPERATE[role]
    assert address(lost, "cvr") not in page  # one-way: there is nothing to press
    assert "Uniconta 27 Nov 2026 09:00" in page
    assert "Intempus 27 Nov 2026 08:30" in page
    response = client.post(address(lost))
    if not MAY_OPERATE[role]:
        assert response.status_code == 403
        assert all_rows(PutBack) == []
        return
    [wish] = all_rows(PutBack)
    assert (wish.field, wish.value, wish.stands, wish.state) == ("city", "old city", "new city", "open")
    assert [event.requested_by_id for event in all_rows(ChangeEvent) if event.origin == "person"] == [
        wish.requested_by_id
    ]
    assert "put_back" in [entry.action for entry in all_rows(AuditEntry)]
    again = client.post(address(lost))
    assert [str(message) for message in get_messages(again.wsgi_request)][-1] == "The value is being put back already."
    assert address(lost) not in client.get(reverse("admin:sync_synclogentry_overwritten")).content.decode()


def test_a_foreign_entry_does_not_exist(theirs, as_role):
    assert as_role("support").post(address(theirs.entry, "name")).status_code == 404
    assert all_rows(PutBack) == []


def test_a_refusal_shows_both_values_and_may_be_tried_again(lost, as_role):
    with tenant_scope(lost.tenant_id):
        PutBack.objects.create(
            tenant_id=lost.tenant_id,
            link_id=lost.link_id,
            entry_id=lost.pk,
            field="city",
            value="old city",
            stands="new city",
            state="refused",
            found={"uniconta": "Faaborg", "intempus": "Ringe"},
        )
    page = as_role("support").get(reverse("admin:sync_synclogentry_overwritten")).content.decode()
    assert "Uniconta has “Faaborg”, Intempus “Ringe”" in page
    assert address(lost) in page
