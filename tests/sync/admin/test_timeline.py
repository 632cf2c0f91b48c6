"""The history of one record: complete, in order, paged without gaps, in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from mappings.models import FieldRule, RecordLink
from sync.domain.timeline import EntryItem, EventItem, timeline
from sync.models import ChangeEvent, Exchange
from tenants.scoping import tenant_scope
from tests.factories import make_event, make_link, make_log_entry, make_tenant, make_user

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def link() -> RecordLink:
    return make_link(make_tenant("nordbyg"), uniconta_id="77")


def read(link, **kwargs):
    with tenant_scope(link.tenant_id):
        return timeline(link, **kwargs)


def test_newest_first_and_entries_above_the_event_of_the_same_instant(link):
    make_event(link.tenant, link=link, received_at=NOON - timedelta(minutes=1))
    event = make_event(link.tenant, link=link, received_at=NOON)
    entry = make_log_entry(link, at=NOON)
    found = read(link).items
    assert [(type(item), item.id) for item in found[:2]] == [(EntryItem, entry.pk), (EventItem, event.pk)]
    assert len(found) == 3


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_have_no_gaps_and_no_repeats_even_at_one_instant(link, limit):
    for number in range(9):
        at = NOON - timedelta(minutes=number // 4)  # several share an instant
        make_event(link.tenant, link=link, received_at=at)
        make_log_entry(link, at=at)
    whole = [(item.kind, item.id) for item in read(link, limit=100).items]
    paged, before = [], ""
    while True:
        page = read(link, before=before, limit=limit)
        paged += [(item.kind, item.id) for item in page.items]
        before = page.older
        if not before:
            break
    assert paged == whole
    assert len(whole) == 18


def test_an_open_webhook_that_names_the_record_belongs_to_it(link):
    make_event(link.tenant, remote_id="77")
    make_event(link.tenant, remote_id="78")
    make_event(link.tenant, remote_id="77", state=ChangeEvent.State.DONE)
    assert len(read(link).items) == 1


def test_nothing_of_other_records(link):
    other = make_link(link.tenant)
    make_event(link.tenant, link=other)
    make_log_entry(other)
    assert read(link).items == ()


def test_fields_carry_labels_reasons_and_values_in_both_languages(link):
    change = {"field": "phone", "old": "1", "new": "2", "reason": "changed_in_uniconta"}
    make_log_entry(link, plan={"changes": [change], "overwritten": [change], "notes": ["group_unknown"]})
    with translation.override("en"):
        (item,) = read(link).items
        assert (item.changes[0].label, item.changes[0].before, item.changes[0].after) == ("Phone", "1", "2")
        assert item.changes[0].reason.text == "Changed in Uniconta."
        assert item.overwritten[0].before == "1"
        assert "default group" in item.notes[0].text
    with translation.override("da"):
        (item,) = read(link).items
        assert item.changes[0].label == "Telefon"
        assert item.changes[0].reason.text == "Ændret i Uniconta."


def test_a_tenants_own_field_and_one_that_is_gone_show_their_names(link):
    with tenant_scope(link.tenant_id):
        FieldRule.objects.create(
            tenant=link.tenant, entity="customer", attribute="iban", uniconta_field="IBAN", intempus_field="iban"
        )
    changes = [{"field": "iban", "old": "", "new": "DK1"}, {"field": "gone", "old": "", "new": "x"}]
    make_log_entry(link, plan={"changes": changes})
    assert [change.label for change in read(link).items[0].changes] == ["iban", "gone"]


def test_errors_say_what_to_do_and_what_the_system_said(link):
    make_log_entry(link, state="needs_attention", error_code="key_exists", error_detail="400 exists")
    error = read(link).items[0].error
    assert error.fix.startswith("Press Retry")
    assert error.detail == "400 exists"


def test_exchanges_stand_with_their_entry_pretty_and_cut(link):
    entry = make_log_entry(link, at=NOON)
    with tenant_scope(link.tenant_id):
        for number, body in enumerate(['{"a":1}', "x" * 9000]):
            Exchange.objects.create(
                tenant=link.tenant,
                at=NOON + timedelta(seconds=number),
                entry_id=entry.pk,
                system="uniconta",
                method="PUT",
                url="https://example.dk/",
                status=200,
                duration_ms=5,
                response_body=body,
            )
    first, second = read(link).items[0].exchanges
    assert first.response == '{\n  "a": 1\n}'
    assert not first.is_cut
    assert (len(second.response), second.is_cut) == (4000, True)


def test_who_pressed_stands_with_it(link):
    user = make_user("bodil", "support", link.tenant, first_name="Bodil", last_name="Andersen")
    make_log_entry(link, user_id=user.pk)
    make_event(link.tenant, link=link, requested_by=user, origin="person")
    assert [item.person for item in read(link).items] == ["Bodil Andersen", "Bodil Andersen"]


def test_a_made_up_position_is_refused(link):
    for before in ("x", "1|2", "2026-01-01|a|b"):
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            read(link, before=before)


def test_the_number_of_queries_does_not_grow(link, django_assert_max_num_queries):
    for number in range(30):
        entry = make_log_entry(link, at=NOON - timedelta(minutes=number), user_id=number + 1)
        with tenant_scope(link.tenant_id):
            Exchange.objects.create(
                tenant=link.tenant,
                at=entry.at,
                entry_id=entry.pk,
                system="uniconta",
                method="GET",
                url="u",
                status=200,
                duration_ms=1,
            )
    with django_assert_max_num_queries(12):  # five of ours, the rest opens and closes the scope
        read(link)


def test_a_field_that_names_a_record_shows_its_number_and_name(link):
    for tenant, name in ((link.tenant, "Udland"), (make_tenant("havnen"), "Fremmed")):
        make_link(tenant, "customer_group", uniconta_key="2", intempus_id="600123", name=name)
    change = {"field": "group", "old": "600999", "new": "600123", "reason": "changed_in_uniconta"}
    plan = {
        "changes": [change],
        "overwritten": [change],
        "not_taken_over": [{"field": "group", "old": "", "new": "600123"}],
    }
    make_log_entry(link, target="intempus", plan=plan, at=NOON)
    make_log_entry(link, target="uniconta", plan={"changes": [change | {"old": "1", "new": "2"}]}, at=NOON)
    to_uniconta, to_intempus = read(link).items
    shown = [[(each.before, each.after) for each in part] for part in (to_intempus.changes, to_intempus.overwritten)]
    assert shown == [[("600999", "2 Udland")]] * 2  # what no record is known for stays as it is
    assert [(each.before, each.after) for each in to_intempus.not_taken_over] == [("", "2 Udland")]
    assert [(each.before, each.after) for each in to_uniconta.changes] == [("1", "2 Udland")]
