"""Every button: who may press it, and what it sets going."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mappings.models import EntityPolicy, RecordLink
from sync import tasks
from sync.domain.runs import begin, finish_run
from sync.domain.sweep import sweep
from sync.models import ChangeEvent, Run
from tenants.models import AuditEntry, Connection, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_link, make_log_entry, make_run
from tests.sync.admin.conftest import all_rows

MAY_OPERATE = {"customer": False, "bookkeeper": False, "auditor": False, "support": True, "consultant": True}
MAY_CONFIGURE = {"customer": False, "bookkeeper": False, "auditor": False, "support": False, "consultant": True}


def press(client, company, verb):
    return client.post(reverse("admin:tenants_tenant_press", args=[company.tenant.pk, verb]))


def tenant_state(company) -> str:
    with tenant_scope(ALL):
        return Tenant.objects.get(pk=company.tenant.pk).state


def set_state(company, state):
    with tenant_scope(ALL):
        Tenant.objects.filter(pk=company.tenant.pk).update(state=state)


def actions_audited() -> list[str]:
    return [entry.action for entry in all_rows(AuditEntry)]


@pytest.mark.parametrize(
    ("verb", "kind", "system", "task"),
    [
        ("pull", "pull", "", "sync.tasks.pull"),
        ("sweep", "sweep", "", "sync.tasks.sweep"),
        ("check-hooks", "hooks", "uniconta", "sync.tasks.hooks"),
        ("test-uniconta", "test", "uniconta", "sync.tasks.check_connection"),
        ("test-intempus", "test", "intempus", "sync.tasks.check_connection"),
    ],
)
@pytest.mark.parametrize("role", MAY_OPERATE)
def test_starting_a_run(ours, as_role, queued, role, verb, kind, system, task):
    client = as_role(role)
    before = len(all_rows(Run))
    response = press(client, ours, verb)
    if not MAY_OPERATE[role]:
        assert response.status_code == 403
        assert len(all_rows(Run)) == before
        assert queued == []
        return
    run = max(all_rows(Run), key=lambda run: run.pk)
    assert response["Location"] == reverse("admin:sync_run_change", args=[run.pk])
    assert (run.kind, run.system, run.state) == (kind, system, "queued")
    assert run.requested_by_id is not None
    assert [call[0] for call in queued] == [task]
    assert client.get(response["Location"])["Refresh"] == "2"


@pytest.mark.parametrize("role", MAY_CONFIGURE)
def test_pausing_and_resuming(ours, as_role, role):
    client = as_role(role)
    assert press(client, ours, "pause").status_code == (302 if MAY_CONFIGURE[role] else 403)
    assert tenant_state(ours) == ("paused" if MAY_CONFIGURE[role] else "live")
    if MAY_CONFIGURE[role]:
        assert press(client, ours, "resume").status_code == 302
        assert tenant_state(ours) == "live"
        assert {"paused", "resumed"} <= set(actions_audited())


@pytest.mark.parametrize(
    ("verb", "state", "why"),
    [
        ("resume", "preparing", "The company is not paused"),
        ("resume", "live", "The company is not paused"),
        ("pause", "preparing", "Only a live company can be paused"),
        ("pause", "paused", "Only a live company can be paused"),
        ("go-live", "paused", "has been put into operation already"),
        ("go-live", "live", "has been put into operation already"),
        ("first-matching", "live", "has been put into operation already"),
        ("pull", "preparing", "The company is not live"),
        ("sweep", "preparing", "The company is not live"),
        ("reconcile", "paused", "The company is not live"),
    ],
)
def test_what_does_not_fit_the_state_is_refused_and_changes_nothing(ours, theirs, as_role, queued, verb, state, why):
    set_state(ours, state)
    runs, audited, changed = len(all_rows(Run)), actions_audited(), len(all_rows(Tenant.history.model))
    response = press(as_role("consultant"), ours, verb)
    assert response.status_code == 302
    [message] = get_messages(response.wsgi_request)
    assert (message.level_tag, why in str(message)) == ("error", True)
    assert (tenant_state(ours), tenant_state(theirs)) == (state, "live")
    assert (len(all_rows(Run)), actions_audited(), queued) == (runs, audited, [])
    assert len(all_rows(Tenant.history.model)) == changed


def test_a_company_that_was_never_tested_cannot_be_resumed_into_operation(ours, as_role):
    set_state(ours, Tenant.State.PREPARING)
    with tenant_scope(ALL):
        Connection.objects.filter(tenant=ours.tenant).update(state="untested", pinned_company_id="")
    client = as_role("consultant")
    for verb in ("pause", "resume", "go-live", "resume"):
        press(client, ours, verb)
    assert tenant_state(ours) == "preparing"


@pytest.mark.parametrize(("state", "offered"), [("live", True), ("paused", False), ("preparing", False)])
def test_run_now_is_offered_for_a_live_company_only(ours, as_role, state, offered):
    set_state(ours, state)
    client = as_role("consultant")
    company, schedules = (
        client.get(reverse(f"admin:tenants_tenant_{name}", args=[ours.tenant.pk])).content.decode()
        for name in ("change", "schedules")
    )
    assert ("Run now" in schedules) is offered
    for page in (company, schedules):
        assert {verb for verb in ("pull", "sweep", "reconcile") if f"/press/{verb}/" in page} == (
            {"pull", "sweep", "reconcile"} if offered else set()
        )
    # Looks at the set-up: what a company that is being prepared needs.
    assert "/press/check_up/" in (schedules if offered else company)


def test_a_check_up_runs_while_a_company_is_prepared(ours, as_role, queued):
    set_state(ours, Tenant.State.PREPARING)
    press(as_role("support"), ours, "check_up")
    assert [call[0] for call in queued] == ["sync.tasks.check_up"]


@pytest.mark.parametrize("role", MAY_OPERATE)
def test_pausing_and_resuming_a_connection(ours, as_role, role):
    client = as_role(role)
    for verb, state in (("pause-intempus", "paused"), ("resume-intempus", "working")):
        assert press(client, ours, verb).status_code == (302 if MAY_OPERATE[role] else 403)
        with tenant_scope(ALL):
            found = Connection.objects.get(pk=ours.intempus.pk).state
        assert found == (state if MAY_OPERATE[role] else "working")


def test_going_live_is_confirmed_on_its_own_page(ours, as_role):
    set_state(ours, Tenant.State.PREPARING)
    client = as_role("consultant")
    page = client.get(reverse("admin:tenants_tenant_go_live", args=[ours.tenant.pk])).content.decode()
    assert "Go live now" in page and "run the first matching" in page
    response = press(client, ours, "go-live")
    assert tenant_state(ours) == "preparing"
    assert "Run the first matching first." in "".join(str(each) for each in get_messages(response.wsgi_request))
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk=ours.policy.pk).update(matched_at=timezone.now())
    press(client, ours, "go-live")
    assert tenant_state(ours) == "live"
    assert {run.kind for run in all_rows(Run) if run.state == "queued"} == {"pull", "sweep"}


def test_going_live_takes_the_chosen_kinds_and_begins_with_ten(ours, theirs, as_role):
    set_state(ours, Tenant.State.PREPARING)
    with tenant_scope(ALL):
        EntityPolicy.objects.create(tenant=ours.tenant, entity="product", matched_at=timezone.now())
        EntityPolicy.objects.filter(pk=ours.policy.pk).update(matched_at=timezone.now())
    client = as_role("consultant")
    url = reverse("admin:tenants_tenant_press", args=[ours.tenant.pk, "go-live"])
    client.post(url, {"chooses": "1"})
    assert tenant_state(ours) == "preparing"
    client.post(url, {"chooses": "1", "entity": ["customer"], "first_ten": "1"})
    assert tenant_state(ours) == "live"
    policies = {
        (row.tenant_id, row.entity): (row.enabled, row.first_ten_at is not None) for row in all_rows(EntityPolicy)
    }
    assert policies == {
        (ours.tenant.pk, "customer"): (True, True),
        (ours.tenant.pk, "product"): (False, False),
        (theirs.tenant.pk, "customer"): (True, False),
    }


def test_going_on_is_offered_while_something_waits_for_it(ours, theirs, as_role):
    client = as_role("consultant")
    page = reverse("admin:tenants_tenant_change", args=[ours.tenant.pk])
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk__in=[ours.policy.pk, theirs.policy.pk]).update(first_ten_at=timezone.now())
    make_link(theirs.tenant, state="waiting", reason="first_ten")
    assert "Go on with the rest" not in client.get(page).content.decode()  # there were fewer than ten
    make_link(ours.tenant, state="waiting", reason="first_ten")
    assert "Go on with the rest" in client.get(page).content.decode()
    press(client, ours, "go-on")
    assert "Go on with the rest" not in client.get(page).content.decode()
    first_ten = {row.tenant_id: row.first_ten_at is not None for row in all_rows(EntityPolicy)}
    assert first_ten == {ours.tenant.pk: False, theirs.tenant.pk: True}


@pytest.mark.parametrize("role", MAY_CONFIGURE)
def test_undoing_a_run_is_a_run_of_its_own(ours, theirs, as_role, queued, role):
    client = as_role(role)
    for company in (ours, theirs):
        run = make_run(company.tenant, "sweep", state="done")
        make_log_entry(company.link, run_id=run.pk, target="intempus", action="update")
        url = reverse("admin:sync_run_press", args=[run.pk, "undo"])
        if company is theirs:
            assert client.post(url).status_code == 404
            continue
        page = client.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
        assert ("Undo run" in page) == MAY_CONFIGURE[role]
        assert client.post(url).status_code == (302 if MAY_CONFIGURE[role] else 403)
    assert [call[0] for call in queued] == (["sync.tasks.undo_run"] if MAY_CONFIGURE[role] else [])


def test_going_live_needs_tested_connections(ours, as_role):
    set_state(ours, Tenant.State.PREPARING)
    with tenant_scope(ALL):
        Connection.objects.filter(pk=ours.intempus.pk).update(state="untested")
    client = as_role("consultant")
    response = press(client, ours, "go-live")
    assert tenant_state(ours) == "preparing"
    [message] = get_messages(response.wsgi_request)
    assert str(message).startswith("Test both connections first.")


def test_support_may_not_look_at_going_live(ours, as_role):
    set_state(ours, Tenant.State.PREPARING)
    assert as_role("support").get(reverse("admin:tenants_tenant_go_live", args=[ours.tenant.pk])).status_code == 403


@pytest.mark.parametrize("verb", ["sync", "retry"])
@pytest.mark.parametrize("role", MAY_OPERATE)
def test_sync_now_and_retry_make_a_persons_event(ours, as_role, role, verb):
    """Who mended something may try it again, also at the customer's."""
    may = MAY_OPERATE[role] or (verb == "retry" and role in ("customer", "bookkeeper"))
    url = reverse("admin:mappings_recordlink_press", args=[ours.link.pk, verb])
    response = as_role(role).post(url)
    made = [event for event in all_rows(ChangeEvent) if event.origin == "person"]
    assert response.status_code == (302 if may else 403)
    assert len(made) == may
    if made:
        assert (made[0].link_id, made[0].priority) == (ours.link.pk, ChangeEvent.Priority.PERSON)
        assert made[0].requested_by_id is not None


def test_retry_for_several_rows_at_once_is_a_run(ours, as_role, queued):
    second = make_link(ours.tenant)
    url = reverse("admin:mappings_recordlink_changelist")
    response = as_role("support").post(url, {"action": "retry_now", "_selected_action": [ours.link.pk, second.pk]})
    run = max(all_rows(Run), key=lambda run: run.pk)
    assert response["Location"].endswith(f"/{run.pk}/change/")
    assert queued == [("sync.tasks.retry_many", ours.tenant.pk, run.pk)]
    tasks.retry_many(ours.tenant.pk, run.pk)
    made = {(event.link_id, event.run_id) for event in all_rows(ChangeEvent) if event.origin == "person"}
    assert made == {(ours.link.pk, run.pk), (second.pk, run.pk)}


def persons_events() -> list[tuple[int | None, int | None]]:
    """(record, run) of each wish."""
    return sorted((event.link_id, event.run_id) for event in all_rows(ChangeEvent) if event.origin == "person")


@pytest.mark.parametrize("reason", ["ambiguous_match", "deleted_in_uniconta"])
def test_what_only_an_answer_ends_is_not_tried_again(ours, as_role, queued, reason):
    client = as_role("support")
    asked = make_link(ours.tenant, state="needs_attention", reason=reason)
    failed = make_link(ours.tenant, state="needs_attention", reason="key_taken")
    pages = {
        link.pk: client.get(reverse("admin:mappings_recordlink_change", args=[link.pk])).content.decode()
        for link in (asked, failed)
    }
    assert ["press/retry/" in pages[link.pk] for link in (asked, failed)] == [False, True]
    url = reverse("admin:mappings_recordlink_changelist")
    page = client.post(url, {"action": "retry_now", "_selected_action": [asked.pk]}, follow=True).content.decode()
    assert "wait for an answer about each of them" in page and queued == []
    client.post(url, {"action": "retry_now", "_selected_action": [asked.pk, failed.pk]})
    [run] = [row for row in all_rows(Run) if row.kind == "retry"]
    tasks.retry_many(ours.tenant.pk, run.pk)
    assert {event.link_id for event in all_rows(ChangeEvent) if event.origin == "person"} == {failed.pk}


def test_retry_all_of_one_cause(ours, theirs, as_role, queued):
    broken = make_link(ours.tenant, state="needs_attention", reason="key_taken")
    make_link(ours.tenant, state="needs_attention", reason="value_refused")
    make_link(theirs.tenant, state="needs_attention", reason="key_taken")
    url = reverse("admin:tenants_tenant_retry_all", args=[ours.tenant.pk]) + "?reason=key_taken"
    assert as_role("customer").post(url).status_code == 403
    support = as_role("support")
    assert support.get(url).status_code == 405
    support.post(url)
    run = max(all_rows(Run), key=lambda run: run.pk)
    assert (run.tenant_id, run.kind, run.total) == (ours.tenant.pk, "retry", 1)
    assert run.result == {"filter": {"state": "needs_attention", "reason": "key_taken"}, "last": broken.pk}
    tasks.retry_many(ours.tenant.pk, run.pk)
    assert persons_events() == [(broken.pk, run.pk)]
    foreign = reverse("admin:tenants_tenant_retry_all", args=[theirs.tenant.pk]) + "?reason=key_taken"
    assert support.post(foreign).status_code == 404


@pytest.mark.parametrize("reason", ["proposal_match", "ambiguous_match", "deleted_in_uniconta", "deleted_in_intempus"])
def test_questions_about_single_records_are_not_retried_together(ours, as_role, queued, reason):
    make_link(ours.tenant, state="needs_attention", reason=reason)
    make_link(ours.tenant, state="needs_attention", reason="key_taken")
    support = as_role("support")
    page = support.get(reverse("admin:tenants_tenant_change", args=[ours.tenant.pk])).content.decode()
    assert "retry-all/?reason=key_taken" in page
    assert f"retry-all/?reason={reason}" not in page
    url = reverse("admin:tenants_tenant_retry_all", args=[ours.tenant.pk])
    response = support.post(f"{url}?reason={reason}")
    [message] = get_messages(response.wsgi_request)
    assert "wait for an answer about each of them" in str(message)
    assert queued == []


def test_all_that_a_filter_finds_across_pages_is_retried_and_nothing_else(ours, theirs, as_role, queued, monkeypatch):
    monkeypatch.setattr("sync.admin.record_link.RecordLinkAdmin.list_per_page", 2)
    broken = [make_link(ours.tenant, name=f"Hansen {n}", state="needs_attention", reason="key_taken") for n in range(5)]
    for others in (
        {"name": "Jensen"},
        {"name": "Hansen", "reason": "value_refused"},
        {"name": "Hansen", "state": "new"},
    ):
        make_link(ours.tenant, **{"state": "needs_attention", "reason": "key_taken", **others})
    make_link(theirs.tenant, name="Hansen", state="needs_attention", reason="key_taken")
    query = "?state=needs_attention&reason=key_taken&q=hansen"
    url = reverse("admin:mappings_recordlink_changelist") + query
    support = as_role("support")
    shown = support.get(url).context["cl"].result_list
    ticked = [link.pk for link in shown]
    assert len(ticked) == 2
    response = support.post(
        url, {"action": "retry_now", "select_across": "1", "index": "0", "_selected_action": ticked}
    )
    [call] = queued
    run = max(all_rows(Run), key=lambda run: run.pk)
    assert (call, run.total) == (("sync.tasks.retry_many", ours.tenant.pk, run.pk), 5)
    assert "links" not in run.result  # a hundred thousand numbers are no way to say "all"
    later = make_link(ours.tenant, name="Hansen later", state="needs_attention", reason="key_taken")
    tasks.retry_many(ours.tenant.pk, run.pk)
    assert persons_events() == [(link.pk, run.pk) for link in broken]
    assert later.pk not in [link_id for link_id, _ in persons_events()]
    page = support.get(response["Location"])
    criteria = {"tenant": str(ours.tenant.pk), "state": "needs_attention", "reason": "key_taken", "q": "hansen"}
    assert dict(parse_qsl(urlsplit(page.context["list_url"]).query)) == criteria
    assert "To the list" in page.content.decode()
    assert len(support.get(page.context["list_url"]).context["cl"].result_list) == 2


def test_all_across_companies_becomes_a_run_for_each_that_the_person_may_operate(ours, theirs, as_boss, queued):
    for company in (ours, theirs):
        make_link(company.tenant, state="needs_attention", reason="key_taken")
    url = reverse("admin:mappings_recordlink_changelist") + "?reason=key_taken"
    as_boss.post(url, {"action": "retry_now", "select_across": "1", "index": "0", "_selected_action": [ours.link.pk]})
    assert [call[1] for call in queued] == [ours.tenant.pk, theirs.tenant.pk]


def test_a_run_never_reaches_into_another_company(ours, theirs):
    with tenant_scope(ours.tenant.pk):
        run = Run.objects.create(tenant=ours.tenant, kind="retry", result={"links": [ours.link.pk, theirs.link.pk]})
    tasks.retry_many(ours.tenant.pk, run.pk)
    assert [event.link_id for event in all_rows(ChangeEvent) if event.origin == "person"] == [ours.link.pk]


@pytest.mark.django_db(transaction=True)
def test_a_retry_whose_worker_dies_in_the_middle_of_a_chunk_asks_for_no_record_twice(ours, monkeypatch):
    monkeypatch.setattr("sync.domain.retry_many.CHUNK", 2)
    links = [make_link(ours.tenant).pk for _ in range(5)]
    with tenant_scope(ours.tenant.pk):
        run = Run.objects.create(tenant=ours.tenant, kind="retry", total=5, result={"links": links})

    class Killed(BaseException):
        pass

    deaths = iter([False, True])  # after the second chunk was asked for, before its end is written down

    def dies():
        if next(deaths, False):
            raise Killed
        return Now()

    monkeypatch.setattr("sync.domain.retry_many.Now", dies)
    with pytest.raises(Killed):
        tasks.retry_many(ours.tenant.pk, run.pk)
    assert persons_events() == [(pk, run.pk) for pk in links[:2]]
    with tenant_scope(ours.tenant.pk):
        Run.objects.filter(pk=run.pk).update(state="queued")  # as resume_runs does with a silent one
    tasks.retry_many(ours.tenant.pk, run.pk)
    tasks.retry_many(ours.tenant.pk, run.pk)  # the task came twice
    assert persons_events() == [(pk, run.pk) for pk in links]
    [done] = [row for row in all_rows(Run) if row.pk == run.pk]
    assert (done.state, done.done, done.counts) == ("done", 5, {"records": 5, "held": 0})


def test_actions_are_not_offered_to_those_who_only_look(ours, as_role):
    url = reverse("admin:mappings_recordlink_changelist")
    assert "retry_now" not in as_role("customer").get(url).content.decode()
    client = as_role("auditor")
    client.post(url, {"action": "retry_now", "_selected_action": [ours.link.pk]})
    assert not any(event.origin == "person" for event in all_rows(ChangeEvent))


def test_preview_starts_a_run_for_the_record(ours, as_role, queued):
    url = reverse("admin:mappings_recordlink_press", args=[ours.link.pk, "preview"])
    response = as_role("support").post(url)
    run = max(all_rows(Run), key=lambda run: run.pk)
    assert (run.kind, run.link_id) == ("preview", ours.link.pk)
    assert response["Location"].endswith(f"/{run.pk}/change/")
    assert queued == [("sync.tasks.preview", ours.tenant.pk, run.pk)]


def test_pressing_while_the_same_waits_leads_to_what_waits(ours, theirs, as_role, queued):
    client = as_role("support")
    first = press(client, ours, "sweep")["Location"]
    assert press(client, ours, "sweep")["Location"] == first
    assert press(client, ours, "pull")["Location"] != first
    assert [call[0] for call in queued] == ["sync.tasks.sweep", "sync.tasks.pull"]
    assert {call[1] for call in queued} == {ours.tenant.pk}


def test_a_wish_that_waits_for_another_run_says_so_and_leads_there(ours, as_role, queued):
    client = as_role("support")
    at_work = begin(ours.tenant.pk, Run.Kind.SWEEP)
    page = press(client, ours, "sweep")["Location"]
    _, tenant_id, run_id = queued[0]
    assert sweep(tenant_id, run_id) is None
    text = client.get(page, headers={"accept-language": "en"}).content.decode()
    assert "this one follows by itself" in text or "dette følger af sig selv" in text
    assert reverse("admin:sync_run_change", args=[at_work.pk]) in text
    finish_run(at_work)
    assert [call[2] for call in queued] == [run_id, run_id]


def test_buttons_need_a_post(ours, as_role):
    client = as_role("consultant")
    for name, pk, verb in (
        ("tenants_tenant", ours.tenant.pk, "pause"),
        ("mappings_recordlink", ours.link.pk, "sync"),
        ("tenants_webhooktoken", ours.token.pk, "show"),
    ):
        assert client.get(reverse(f"admin:{name}_press", args=[pk, verb])).status_code == 405
    assert tenant_state(ours) == "live"


def test_buttons_need_the_token_of_the_form(ours, as_role):
    """Another site cannot press them."""
    client = as_role("consultant")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert press(strict, ours, "pause").status_code == 403
    assert tenant_state(ours) == "live"


def test_unknown_buttons_do_not_exist(ours, as_role):
    assert press(as_role("consultant"), ours, "explode").status_code == 404


# ------------------------------------------------------------------------------------------------ webhook URLs


def test_urls_are_masked_until_shown(ours, as_role):
    client = as_role("consultant")
    with tenant_scope(ALL):
        token = WebhookToken.objects.get(pk=ours.token.pk).token
    page = client.get(reverse("admin:tenants_tenant_webhooks", args=[ours.tenant.pk])).content.decode()
    assert token not in page and "••••••••" in page
    response = client.post(reverse("admin:tenants_webhooktoken_press", args=[ours.token.pk, "show"]))
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    shown = [entry for entry in all_rows(AuditEntry) if entry.action == "webhook_url_shown"]
    assert [(entry.tenant_id, token in entry.detail) for entry in shown] == [(ours.tenant.pk, False)]


@pytest.mark.parametrize("role", ["customer", "auditor", "support"])
def test_others_never_see_them(ours, as_role, role):
    client = as_role(role)
    with tenant_scope(ALL):
        token = WebhookToken.objects.get(pk=ours.token.pk).token
    assert client.post(reverse("admin:tenants_webhooktoken_press", args=[ours.token.pk, "show"])).status_code == 404
    page = client.get(reverse("admin:tenants_tenant_webhooks", args=[ours.tenant.pk])).content.decode()
    assert token not in page
    assert not any(entry.action == "webhook_url_shown" for entry in all_rows(AuditEntry))


def test_new_token_and_revoke(ours, as_role):
    client = as_role("consultant")
    press(client, ours, "new-token")
    tokens = sorted(all_rows(WebhookToken), key=lambda token: token.pk)
    assert len(tokens) == 2 and tokens[0].revoked_at is None
    client.post(reverse("admin:tenants_webhooktoken_press", args=[ours.token.pk, "revoke"]))
    tokens = {token.pk: token.revoked_at for token in all_rows(WebhookToken)}
    assert tokens[ours.token.pk] is not None
    assert {"webhook_token_made", "webhook_token_revoked"} <= set(actions_audited())


# ------------------------------------------------------------------------------------------------ questions


def questions(ours) -> tuple[RecordLink, RecordLink]:
    """A Uniconta record and an Intempus record of the same name, not linked."""
    values = {"number": "", "name": "Twin", "cvr": "", "active": True}
    one = make_link(
        ours.tenant,
        name="Twin",
        intempus_id="",
        intempus_key="",
        state="needs_attention",
        reason="proposal_match",
        uniconta_base=values,
    )
    other = make_link(ours.tenant, name="Twin", uniconta_id="", uniconta_key="", state="new", intempus_base=values)
    return one, other


def test_a_match_is_chosen_on_the_records_page(ours, as_role):
    one, other = questions(ours)
    client = as_role("support")
    page = client.get(reverse("admin:mappings_recordlink_change", args=[one.pk])).content.decode()
    url = reverse("admin:mappings_recordlink_same_as", args=[one.pk, other.pk])
    assert url in page
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 302
    assert "match_chosen" in actions_audited()


def test_none_of_the_candidates(ours, as_role):
    one, _ = questions(ours)
    as_role("support").post(reverse("admin:mappings_recordlink_press", args=[one.pk, "none-of-them"]))
    with tenant_scope(ALL):
        assert RecordLink.objects.get(pk=one.pk).is_match_rejected


def test_whoever_only_looks_is_not_asked(ours, as_role):
    one, other = questions(ours)
    client = as_role("customer")
    page = client.get(reverse("admin:mappings_recordlink_change", args=[one.pk])).content.decode()
    assert "same-as" not in page
    assert client.post(reverse("admin:mappings_recordlink_same_as", args=[one.pk, other.pk])).status_code == 403


def said(response):
    """The last message to the person who pressed."""
    return [str(message) for message in get_messages(response.wsgi_request)][-1]


def test_a_linked_record_cannot_be_chosen(ours, as_role):
    one, _ = questions(ours)
    client = as_role("support")
    client.post(reverse("admin:mappings_recordlink_same_as", args=[one.pk, ours.link.pk]))
    assert "match_chosen" not in actions_audited()


def test_a_held_entity_is_released_by_a_consultant(ours, as_role, queued):
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk=ours.policy.pk).update(hold_code="flag_appeared", hold_detail="xIntempus")
    url = reverse("admin:tenants_tenant_accept_flag", args=[ours.tenant.pk, ours.policy.pk])
    answer = {"code": "flag_appeared"}
    assert as_role("support").post(url, answer).status_code == 403
    client = as_role("consultant")
    page = client.get(reverse("admin:tenants_tenant_change", args=[ours.tenant.pk])).content.decode()
    assert f'formaction="{url}" name="code" value="flag_appeared"' in page
    assert "Noted." in said(client.post(url, answer))
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get(pk=ours.policy.pk)
        assert (policy.hold_code, policy.has_flag) == ("", True)
        # The question has changed since that page was shown: it is about something else now.
        EntityPolicy.objects.filter(pk=ours.policy.pk).update(hold_code="flag_disappeared")
    assert "answered already" in said(client.post(url, answer))
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get(pk=ours.policy.pk)
    assert (policy.hold_code, policy.has_flag) == ("flag_disappeared", True)


def test_an_entity_switched_on_at_a_live_company_begins_after_its_matching(ours, theirs, as_role, queued):
    client, url = as_role("consultant"), reverse("admin:mappings_entitypolicy_add")
    form = {"tenant": ours.tenant.pk, "entity": "product", "enabled": "on", "to_intempus": "on", "to_uniconta": "on"}
    form |= {"on_uniconta_delete": "ask", "on_intempus_delete": "ask"}
    assert client.post(url, form).status_code == 302
    with tenant_scope(ALL):
        policy = EntityPolicy.objects.get(tenant=ours.tenant, entity="product")
    assert policy.hold_code == "entity_not_matched"
    page = reverse("admin:tenants_tenant_change", args=[ours.tenant.pk])
    begin = reverse("admin:tenants_tenant_accept_flag", args=[ours.tenant.pk, policy.pk])
    answer = {"code": "entity_not_matched", f"first_ten_{policy.pk}": "1"}
    assert "Begin with this kind" not in client.get(page).content.decode().replace("Then press Begin with", "")
    assert "first matching" in said(client.post(begin, answer))
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk=policy.pk).update(matched_at=timezone.now())
    assert f'formaction="{begin}" name="code" value="entity_not_matched"' in client.get(page).content.decode()
    assert as_role("support").post(begin, answer).status_code == 403
    assert "first load has begun" in said(client.post(begin, answer))
    with tenant_scope(ALL):
        policies = {each.entity: each for each in EntityPolicy.objects.filter(tenant=ours.tenant)}
    assert (policies["product"].hold_code, policies["product"].first_ten_at is not None) == ("", True)
    assert {each.first_ten_at for name, each in policies.items() if name != "product"} == {None}
    assert {run.kind for run in all_rows(Run) if run.state == "queued" and run.tenant_id == ours.tenant.pk} == {
        "pull",
        "sweep",
    }
    assert "answered already" in said(client.post(begin, answer))
    # What was loaded once goes on where it stood.
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(pk=policy.pk).update(enabled=False, loaded_at=timezone.now())
    change = reverse("admin:mappings_entitypolicy_change", args=[policy.pk])
    assert client.post(change, form).status_code == 302
    with tenant_scope(ALL):
        policy.refresh_from_db()
    assert (policy.enabled, policy.hold_code) == (True, "")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("deleted_in_uniconta", {"switch-off", "leave"}),
        ("deleted_in_intempus", {"switch-off", "leave", "create-again"}),
        ("key_taken", set()),
    ],
)
def test_a_deletion_is_answered_on_the_records_page(ours, as_role, queued, reason, shown):
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(state="needs_attention", reason=reason)
    page = as_role("support").get(reverse("admin:mappings_recordlink_change", args=[ours.link.pk])).content.decode()
    answers = {"switch-off", "leave", "create-again"}
    assert {verb for verb in answers if f"/press/{verb}/" in page} == shown


@pytest.mark.parametrize("role", MAY_OPERATE)
def test_answering_a_deletion_is_a_persons_wish(ours, as_role, role):
    url = reverse("admin:mappings_recordlink_press", args=[ours.link.pk, "leave"])
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(is_gone_in_uniconta=True)
    assert as_role(role).post(url).status_code == (302 if MAY_OPERATE[role] else 403)
    with tenant_scope(ALL):
        link = RecordLink.objects.get(pk=ours.link.pk)
    assert link.deletion_answer == ("leave" if MAY_OPERATE[role] else "")
    assert ("deletion_leave" in actions_audited()) is MAY_OPERATE[role]


@pytest.mark.parametrize("role", MAY_OPERATE)
def test_merged_into_is_said_beside_the_other_answers(ours, theirs, as_role, queued, role):
    url = reverse("admin:mappings_recordlink_merged_into", args=[ours.link.pk])
    page = reverse("admin:mappings_recordlink_change", args=[ours.link.pk])
    client = as_role(role)
    assert url not in client.get(page).content.decode()  # it is there
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(is_gone_in_uniconta=True, reason="deleted_in_uniconta")
    target = make_link(ours.tenant, uniconta_id="77", uniconta_key="K-77", name="Ny konto")
    make_link(theirs.tenant, uniconta_id="78", uniconta_key="K-78")
    assert (url in client.get(page).content.decode()) is MAY_OPERATE[role]
    if not MAY_OPERATE[role]:
        assert client.post(url, {"target": "K-77"}).status_code == 403
        return
    assert client.get(url).status_code == 405
    assert "no single record" in said(client.post(url, {"target": "K-78"}))
    assert "was merged into" in said(client.post(url, {"target": "K-77"}))
    with tenant_scope(ALL):
        link = RecordLink.objects.get(pk=ours.link.pk)
    assert (link.merged_into_id, link.deletion_answer) == (target.pk, "merged")
    assert "deletion_merged" in actions_audited()


@pytest.mark.parametrize("role", MAY_CONFIGURE)
def test_creating_change_url_rows_asks_for_the_right_to_configure(ours, as_role, queued, role):
    response = press(as_role(role), ours, "create-hooks")
    assert response.status_code == (302 if MAY_CONFIGURE[role] else 403)
    assert [call[0] for call in queued] == (["sync.tasks.hooks"] if MAY_CONFIGURE[role] else [])
    if MAY_CONFIGURE[role]:
        assert max(all_rows(Run), key=lambda run: run.pk).result == {"wanted": "create"}
