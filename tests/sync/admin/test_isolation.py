"""Nobody sees a byte of a company that is not theirs, on any page and by any way in."""

from __future__ import annotations

import json

import pytest
from django.contrib import admin
from django.urls import reverse

from mappings.models import RecordLink
from sync.models import ChangeEvent, Run
from tenants.models import AuditEntry, Membership, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_user
from tests.sync.admin.conftest import all_rows, sign_in

ROLES = Membership.Role.values
OBJECTS = {
    "tenants_tenant": "tenant",
    "tenants_connection": "uniconta",
    "tenants_webhooktoken": "token",
    "mappings_entitypolicy": "policy",
    "mappings_recordlink": "link",
    "sync_changeevent": "event",
    "sync_run": "run",
    "sync_synclogentry": "entry",
    "sync_heldset": "held",
    "sync_workreport": "report",
    "sync_paycalendar": "calendar",
    "mappings_hourspolicy": "hours",
    "sync_alertchannel": "channel",
}


def lists() -> list[str]:
    names = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    return [
        reverse("admin:index"),
        reverse("admin:sync_synclogentry_overwritten"),
        *(reverse(f"admin:{name}_changelist") for name in names),
    ]


def content(client, url, **kwargs) -> tuple[int, str]:
    response = client.get(url, **kwargs)
    if getattr(response, "streaming", False):
        return response.status_code, ""
    return response.status_code, response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_lists_show_own_rows_only(ours, theirs, as_role, role):
    client = as_role(role)
    for url in lists():
        status, page = content(client, url)
        assert status in (200, 403), url
        assert "theirmark" not in page, url
    assert "ourmark" in content(client, reverse("admin:mappings_recordlink_changelist"))[1]


@pytest.mark.parametrize("role", ROLES)
def test_foreign_rows_do_not_exist(ours, theirs, as_role, role):
    client = as_role(role)
    for name, row in OBJECTS.items():
        foreign = getattr(theirs, row).pk
        for page in ("change", "history", "delete"):
            status, text = content(client, reverse(f"admin:{name}_{page}", args=[foreign]))
            assert status in (403, 404), (name, page)
            assert "theirmark" not in text, (name, page)
        # Whoever may see rows of this kind at all gets 404; who may not gets 403 whatever the number is.
        own = content(client, reverse(f"admin:{name}_change", args=[getattr(ours, row).pk]))[0]
        made_up = content(client, reverse(f"admin:{name}_change", args=[987654]))[0]
        found = content(client, reverse(f"admin:{name}_change", args=[foreign]))[0]
        assert found == made_up == (404 if own == 200 else 403), name


@pytest.mark.parametrize("role", ROLES)
def test_pages_of_a_foreign_company_do_not_exist(ours, theirs, as_role, role):
    client = as_role(role)
    for name in ("webhooks", "schedules", "hours", "work_types", "hours_check"):
        status, page = content(client, reverse(f"admin:tenants_tenant_{name}", args=[theirs.tenant.pk]))
        assert status == 404 and "theirmark" not in page, name
        status, page = content(client, reverse(f"admin:tenants_tenant_{name}", args=[ours.tenant.pk]))
        assert status == 200 and "theirmark" not in page, name


def test_searching_finds_own_records_only(ours, theirs, as_role):
    client = as_role("support")
    url = reverse("admin:mappings_recordlink_changelist")
    for term in ("theirmark", "theirmark-1", "2001", "2002"):
        assert "theirmark" not in content(client, url, data={"q": term})[1].replace(f'value="{term}"', "")
    assert "ourmark customer" in content(client, url, data={"q": "ourmark"})[1]


@pytest.mark.parametrize(
    "name", ["mappings_recordlink", "sync_changeevent", "sync_run", "sync_synclogentry", "sync_workreport"]
)
def test_filtering_by_a_foreign_company_finds_nothing(ours, theirs, as_role, name):
    client = as_role("consultant")
    url = reverse(f"admin:{name}_changelist")
    assert "theirmark" not in content(client, url, data={"tenant": theirs.tenant.pk})[1]
    assert "theirmark" not in content(client, url, data={"tenant__name__startswith": "their"})[1]


def test_a_foreign_company_is_no_choice_and_is_refused_when_posted(ours, theirs, as_role):
    client = as_role("consultant")
    url = reverse("admin:mappings_fieldrule_add")
    assert "theirmark" not in content(client, url)[1]
    values = {
        "tenant": theirs.tenant.pk,
        "entity": "customer",
        "attribute": "iban",
        "uniconta_field": "IBAN",
        "intempus_field": "iban",
        "uniconta_transform": "text",
        "intempus_transform": "text",
        "direction": "to_intempus",
    }
    assert client.post(url, values).status_code == 200  # the form again, with an error
    assert client.post(url, values | {"tenant": ours.tenant.pk}).status_code == 302


def test_autocomplete_answers_nothing_foreign(ours, theirs, as_role):
    client = as_role("consultant")
    response = client.get(
        reverse("admin:autocomplete"),
        {"app_label": "mappings", "model_name": "fieldrule", "field_name": "tenant", "term": ""},
    )
    assert response.status_code in (200, 403, 404)
    assert "theirmark" not in response.content.decode()


def test_the_search_palette_shows_nothing_foreign(ours, theirs, as_role):
    page = content(as_role("support"), reverse("admin:search"), data={"s": "theirmark", "extended": "1"})[1]
    assert "theirmark ApS" not in page


def test_actions_leave_foreign_rows_alone(ours, theirs, as_role):
    client = as_role("support")
    url = reverse("admin:mappings_recordlink_changelist")
    before = len(all_rows(Run))
    client.post(url, {"action": "retry_now", "_selected_action": [theirs.link.pk]})
    assert len(all_rows(Run)) == before
    client.post(url, {"action": "retry_now", "_selected_action": [theirs.link.pk, ours.link.pk]})
    [run] = [run for run in all_rows(Run) if run.kind == "retry"]
    assert (run.tenant_id, run.result) == (ours.tenant.pk, {"links": [ours.link.pk], "last": ours.link.pk})


PRESSES = [
    ("tenants_tenant", "tenant", verb)
    for verb in (
        "pull",
        "sweep",
        "pause",
        "resume",
        "go-live",
        "test-uniconta",
        "resume-uniconta",
        "new-token",
        "check-hooks",
        "create-hooks",
        "first-matching",
        "go-on",
        "fetch-hours",
        "hold-lines",
        "let-lines-go",
    )
] + [
    ("mappings_recordlink", "link", "sync"),
    ("mappings_recordlink", "link", "preview"),
    ("mappings_recordlink", "link", "retry"),
    ("sync_workreport", "report", "fetch"),
    ("sync_workreport", "report", "accept"),
    ("sync_workreport", "report", "reverse"),
    ("tenants_webhooktoken", "token", "show"),
    ("tenants_webhooktoken", "token", "revoke"),
]


@pytest.mark.parametrize(("name", "row", "verb"), PRESSES)
def test_foreign_buttons_do_not_exist(ours, theirs, as_role, name, row, verb):
    client = as_role("consultant")
    runs, events, tokens = len(all_rows(Run)), len(all_rows(ChangeEvent)), len(all_rows(WebhookToken))
    response = client.post(reverse(f"admin:{name}_press", args=[getattr(theirs, row).pk, verb]))
    assert response.status_code == 404
    assert (len(all_rows(Run)), len(all_rows(ChangeEvent)), len(all_rows(WebhookToken))) == (runs, events, tokens)


def test_a_match_cannot_be_chosen_across_companies(ours, theirs, as_role):
    client = as_role("consultant")
    for link, other in ((ours.link, theirs.link), (theirs.link, ours.link)):
        url = reverse("admin:mappings_recordlink_same_as", args=[link.pk, other.pk])
        assert client.post(url).status_code == 404
    assert not any(event.origin == "person" for event in all_rows(ChangeEvent))


def test_a_role_counts_only_where_it_was_given(ours, theirs):
    """Consultant here, customer there: sees both, configures one."""
    user = make_user("two-hats", "consultant", ours.tenant)
    with tenant_scope(ALL):
        Membership.objects.create(user=user, tenant=theirs.tenant, role="customer")
    client = sign_in(user)
    assert client.get(reverse("admin:mappings_recordlink_change", args=[theirs.link.pk])).status_code == 200
    for verb in ("pull", "pause", "new-token", "create-hooks"):
        url = reverse("admin:tenants_tenant_press", args=[theirs.tenant.pk, verb])
        assert client.post(url).status_code == 403
    assert client.get(reverse("admin:tenants_connection_change", args=[theirs.uniconta.pk])).status_code == 404
    page = content(client, reverse("admin:mappings_fieldrule_add"))[1]
    assert "ourmark" in page and "theirmark" not in page
    assert client.post(reverse("admin:tenants_webhooktoken_press", args=[theirs.token.pk, "show"])).status_code == 404


def test_somebody_without_a_company_sees_an_empty_console(ours, theirs):
    client = sign_in(make_user("nobody"))
    for url in lists():
        status, page = content(client, url)
        assert status in (200, 403), url
        assert "ourmark" not in page and "theirmark" not in page, url


def test_an_administrator_sees_both(ours, theirs, as_boss):
    page = content(as_boss, reverse("admin:index"))[1]
    assert "ourmark ApS" in page and "theirmark ApS" in page


def test_history_of_settings_stays_inside(ours, theirs, as_role):
    client = as_role("consultant")
    with tenant_scope(ALL):
        version = Tenant.history.filter(id=theirs.tenant.pk).first()
        own = Tenant.history.filter(id=ours.tenant.pk).first()
    url = reverse("admin:tenants_tenant_simple_history", args=[theirs.tenant.pk, version.pk])
    assert client.get(url).status_code == 404
    mixed = reverse("admin:tenants_tenant_simple_history", args=[ours.tenant.pk, version.pk])
    assert client.get(mixed).status_code == 404
    assert client.post(reverse("admin:tenants_tenant_simple_history", args=[ours.tenant.pk, own.pk])).status_code == 405


def test_audit_entries_stay_inside(ours, theirs, as_role):
    with tenant_scope(ALL):
        AuditEntry.objects.create(tenant=ours.tenant, action="paused", detail="ourmark detail")
        AuditEntry.objects.create(tenant=theirs.tenant, action="paused", detail="theirmark detail")
        AuditEntry.objects.create(action="paused", detail="theirmark: whole installation")
    for role, status in (("auditor", 200), ("consultant", 200), ("support", 403), ("customer", 403)):
        found, page = content(as_role(role), reverse("admin:tenants_auditentry_changelist"))
        assert found == status
        assert "theirmark" not in page
        assert ("ourmark detail" in page) == (status == 200)


def test_json_pages_carry_nothing_foreign(ours, theirs, as_role):
    """The history of one record names only its own exchanges, even when ids are guessed."""
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(uniconta_id="2001")
    page = content(as_role("support"), reverse("admin:mappings_recordlink_change", args=[ours.link.pk]))[1]
    assert "theirmark" not in page
    assert "theirmark" not in json.dumps(page)
