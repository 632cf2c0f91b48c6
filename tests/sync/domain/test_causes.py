"""One entry per cause over all companies; what is said about it is seen by who sees them all, and goes with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mappings.models import EntityPolicy, RecordLink
from sync.domain.causes import Cause, Kind, causes_of, forget_healed, notes, retry_cause, write_note
from sync.models import CauseNote, Run, WorkReport
from tenants.models import Connection
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_connections,
    make_event,
    make_held_set,
    make_link,
    make_policy,
    make_tenant,
    make_user,
    make_work_report,
)

pytestmark = pytest.mark.django_db


def found(tenants: str | list[int] = ALL) -> list[tuple[str, str, dict[int, int]]]:
    with tenant_scope(tenants):
        return [
            (cause.kind.value, cause.code, {part.tenant_id: part.count for part in cause.parts})
            for cause in causes_of(tenants)
        ]


def the(code: str, tenants: str | list[int] = ALL) -> Cause:
    return next(cause for cause in causes_of(tenants) if cause.code == code)


def test_every_kind_of_trouble_is_one_entry_per_cause():
    first, second, third = (make_tenant(name) for name in ("a", "b", "c"))
    for tenant in (first, second, second):
        newest = make_link(tenant, state="needs_attention", reason="key_taken", name="newest")
    make_link(third, state="waiting", reason="reference_waits")
    make_work_report(first, state="needs_attention", reason="item_missing")
    make_work_report(first, state="transferred")
    make_connections(third)
    make_held_set(second)
    make_policy(third, hold_code="flag_disappeared")
    make_event(first, state="quarantined", error_code="crashed")
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=third, system="intempus").update(state="broken", state_code="bad_credentials")
        RecordLink.objects.filter(pk=newest.pk).update(changed_at=timezone.now() + timedelta(hours=1))
    assert found() == [
        ("connection", "bad_credentials", {third.pk: 1}),
        ("event", "crashed", {first.pk: 1}),
        ("question", "flag_disappeared", {third.pk: 1}),
        ("question", "held_deactivate", {second.pk: 1}),
        ("report", "item_missing", {first.pk: 1}),
        ("record", "key_taken", {second.pk: 2, first.pk: 1}),
    ]
    assert found([third.pk]) == [
        ("connection", "bad_credentials", {third.pk: 1}),
        ("question", "flag_disappeared", {third.pk: 1}),
    ]
    with tenant_scope(ALL):
        cause = the("key_taken")
        assert (cause.count, cause.newest.example, cause.newest.tenant_id) == (3, newest.pk, second.pk)
        assert cause.first_at < cause.last_at
        RecordLink.objects.filter(reason="key_taken").update(state="in_sync", reason="")
        EntityPolicy.objects.update(hold_code="")
    assert "key_taken" not in {code for _, code, _ in found()}


def test_one_press_tries_again_whatever_has_the_cause_in_the_companies_one_may_work_for():
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    for tenant in (ours, ours, theirs):
        make_link(tenant, state="needs_attention", reason="refused")
    make_link(ours, state="needs_attention", reason="key_taken")
    make_link(ours, state="needs_attention", reason="ambiguous_match")
    make_work_report(ours, state="needs_attention", reason="item_missing")
    user = make_user("a")
    with tenant_scope(ALL):
        assert retry_cause(the("refused"), [ours.pk], user.pk) == [(ours.pk, 2)]
        assert retry_cause(the("ambiguous_match"), [ours.pk], user.pk) == []  # a question is answered one by one
        assert retry_cause(the("item_missing"), [ours.pk], user.pk) == [(ours.pk, 1)]
        runs = list(Run.objects.order_by("pk").values_list("tenant_id", "kind", "total", "result__filter"))
    assert runs == [
        (ours.pk, "retry", 2, {"state": "needs_attention", "reason": "refused"}),
        (ours.pk, "hours", None, None),
    ]


def test_a_note_is_seen_by_who_sees_all_its_companies_and_goes_with_the_cause():
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    links = [make_link(tenant, state="needs_attention", reason="refused") for tenant in (ours, theirs)]
    boss, helper = make_user("boss"), make_user("helper")
    key = ("record", "refused")
    with tenant_scope(ALL):
        write_note(the("refused"), [ours.pk, theirs.pk], helper.pk, "Theirs ApS has called", boss.pk)
    with tenant_scope([ours.pk]):
        assert notes() == {}
        write_note(the("refused", [ours.pk]), [ours.pk], None, "only ours", helper.pk)
        assert notes()[key].note == "only ours"
    with tenant_scope([theirs.pk]):
        assert notes() == {}
    with tenant_scope(ALL):
        assert CauseNote.objects.count() == 2
        write_note(the("refused"), [ours.pk, theirs.pk], None, "all of it", boss.pk)  # takes the place of both
        assert [note.note for note in CauseNote.objects.all()] == ["all of it"]
        assert forget_healed(causes_of(ALL)) == 0
        RecordLink.objects.filter(pk=links[0].pk).update(state="in_sync", reason="")
        assert forget_healed(causes_of(ALL)) == 0  # the other company still has it
        RecordLink.objects.filter(pk=links[1].pk).update(state="in_sync", reason="")
        make_work_report(ours, state="needs_attention", reason="refused")  # the same words about something else
        assert forget_healed(causes_of(ALL)) == 1 and WorkReport.objects.exists()
        assert notes() == {}
    assert Kind.REPORT in {cause[0] for cause in found()}
