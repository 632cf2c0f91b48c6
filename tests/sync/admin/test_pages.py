"""Every page of the console answers, for every role that may see it, and shows what it should."""

from __future__ import annotations

import ast
import gettext
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from mappings.models import FieldRule, ValueMap
from sync import tasks
from sync.domain import schedules
from sync.domain.budgets import count_calls, login_of
from sync.models import Run
from tenants.models import Membership, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.browser.seed import seed
from tests.factories import (
    make_connections,
    make_event,
    make_held_set,
    make_hours_policy,
    make_journal_line,
    make_link,
    make_log_entry,
    make_policy,
    make_run,
    make_tenant,
    make_token,
    make_user,
    make_work_report,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return seed()


def test_every_registered_list_answers_an_administrator(world, boss):
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert boss.get(url).status_code == 200, url


def test_every_registered_add_page_answers_or_refuses(world, boss):
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        assert boss.get(url).status_code in (200, 403), url


def test_front_page(world, boss):
    page = boss.get(reverse("admin:index")).content.decode()
    assert "Nordbyg ApS" in page and "Syd VVS A/S" in page and "Vest-El ApS" in page


def test_front_page_finds_one_company_among_many(boss, monkeypatch):
    monkeypatch.setattr("sync.admin.dashboard.PER_PAGE", 2)
    for name in ("Anker", "Bro", "Cykler"):
        make_tenant(name.lower(), name=f"{name} ApS", state="preparing")
    make_link(make_tenant("dam", name="Dam ApS"), state="needs_attention", reason="key_taken")

    def look(**query: str) -> tuple[list[str], str]:
        page = boss.get(reverse("admin:index"), query)
        return [row["health"].name for row in page.context["rows"]], page.content.decode()

    names, page = look()
    assert names == ["Dam ApS", "Anker ApS"]  # who asks for something comes first
    assert "?page=2#companies" in page and "1–2 of 4" in page
    assert look(page="2")[0] == ["Bro ApS", "Cykler ApS"]
    assert look(q="ro")[0] == ["Bro ApS"]
    assert look(show="attention")[0] == ["Dam ApS"]
    assert look(show="live", q="bro")[0] == [] and "No company is like that." in look(q="x")[1]
    assert {choice["text"]: choice["count"] for choice in boss.get(reverse("admin:index")).context["choices"]} == {
        "All": 4, "To look at": 1, "Live": 1
    }  # fmt: skip


def test_front_page_counts_records_and_names_held_ones_by_themselves(boss):
    tenant = make_tenant("nordbyg")
    make_held_set(tenant)
    for number in range(30):
        link = make_link(tenant, state="waiting", reason="held_deactivate")
        for origin in ("sweep", "webhook"):
            make_event(tenant, link=link, origin=origin, state="waiting", waits_for="held_deactivate", key=str(number))
    tiles = {tile["label"]: tile for tile in boss.get(reverse("admin:index")).context["tiles"]}
    assert (tiles["Waiting changes"]["value"], tiles["Waiting changes"]["detail"]) == (0, "none")
    assert (tiles["Held"]["value"], tiles["Held"]["detail"]) == (30, "waiting for an answer")
    assert tiles["Held"]["url"] == reverse("admin:sync_heldset_changelist") + "?state=open"
    page = boss.get(reverse("admin:tenants_tenant_change", args=[tenant.pk])).content.decode()
    assert "waiting for an answer" in page


def test_what_waits_for_an_answer_does_not_wait_for_another_record(boss):
    tenant = make_tenant("a")
    make_event(tenant, key="asked", state="waiting", waits_for="held_deactivate")
    make_event(tenant, key="behind", state="waiting", waits_for="customer:1001")
    page = boss.get(reverse("admin:sync_changeevent_changelist"))
    assert {event.key: event.state_label for event in page.context["cl"].result_list} == {
        "asked": "Held",
        "behind": "Waiting for another record",
    }


def test_record_page_shows_both_sides_and_the_history(world, boss):
    url = reverse("admin:mappings_recordlink_change", args=[world["link"].pk])
    page = boss.get(url).content.decode()
    assert "98 12 34 56" in page and "98 00 00 00" in page
    assert "kontor@example.dk" in page and "hans@example.dk" in page
    assert "?before=" in page


@pytest.mark.parametrize("state", Run.State.values)
def test_run_page(boss, state):
    tenant = make_tenant("a")
    for kind in Run.Kind.values:
        response = boss.get(reverse("admin:sync_run_change", args=[make_run(tenant, kind, state=state).pk]))
        assert response.status_code == 200, kind
        assert ("Refresh" in response) == (state in ("queued", "running")), kind


def company_page(boss: Client, tenant: Tenant, name: str = "change") -> str:
    boss.cookies["django_language"] = "en"
    return boss.get(reverse(f"admin:tenants_tenant_{name}", args=[tenant.pk])).content.decode()


def test_what_waits_for_midnight_is_said_with_where_to_press(boss):
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    connection, _ = make_connections(ours, uniconta_username="ours")
    make_connections(theirs, uniconta_username="theirs", intempus_username="theirs")
    texts = {3999: None, 4000: "checks of Uniconta, the full comparison", 4750: "fetches from Intempus, checks"}
    counted = 0
    for count, text in texts.items():
        with tenant_scope(ALL):
            count_calls("uniconta", login_of(connection), "sweep", count - counted)
        counted = count
        page = company_page(boss, ours)
        assert ("wait until midnight" in page) is ("press Run now on the page Schedules" in page) is bool(text)
        assert text is None or text in page
    assert "wait until midnight" not in company_page(boss, theirs)


def test_the_page_of_a_change_event_speaks_the_readers_language(boss):
    tenant = make_tenant("a")
    boss.cookies["django_language"] = "da"

    def page(waits_for: str) -> str:
        event = make_event(tenant, key="3130", state="waiting", waits_for=waits_for)
        return boss.get(reverse("admin:sync_changeevent_change", args=[event.pk])).content.decode()

    held, behind = page("held_deactivate"), page("customer_group:4")
    assert "Kunde (debitor) 3130" in held and "Kundegruppe 4" in behind
    assert "held_deactivate" not in held and "customer_group:4" not in behind
    assert "Waits for" not in held


def test_a_first_matching_leads_to_what_it_found(boss):
    tenant = make_tenant("a", state="preparing")
    found = reverse("admin:tenants_tenant_first_matchings", args=[tenant.pk])
    pages = [
        boss.get(reverse("admin:sync_run_change", args=[make_run(tenant, kind=kind, state="done").pk])).content.decode()
        for kind in (Run.Kind.MATCHING, Run.Kind.CHECK_UP)
    ]
    assert [found in page for page in pages] == [True, False]


def test_the_tile_says_how_often_uniconta_is_really_checked(boss):
    ours, theirs = make_tenant("ours"), make_tenant("theirs", sweep_minutes=20)
    for tenant in (ours, theirs):
        make_policy(tenant, loaded_at=timezone.now() - timedelta(days=2))
    make_event(ours, "product", state="done")
    hourly = "each table at least once an hour, while change URLs work"
    for page in (company_page(boss, ours), company_page(boss, ours, "schedules")):
        assert page.count(hourly) == 1  # the tile, and the list of schedules
        assert "because a check found" not in page
    for _ in range(3):
        make_event(ours, origin="sweep", link=make_link(ours), state="done")
    missed = "Customer (debtor): every 15 minutes, because a check found what no change URL had announced"
    for page in (company_page(boss, ours), company_page(boss, ours, "schedules")):
        assert page.count(missed) == 1
    for page in (company_page(boss, ours), company_page(boss, ours, "webhooks")):
        assert "Customer (debtor): No change URL call has come for this table for 24 hours" in page
    page = company_page(boss, theirs)
    assert hourly not in page
    assert "every 20 minutes" in page
    page = company_page(boss, make_tenant("quick", sweep_minutes=1))
    assert "every minute" in page and "every 1 minute" not in page


# ------------------------------------------------------------------------------- what carries a company's changes


def tabs(page: str) -> dict[str, str]:
    """Title → where it leads, of unfold's tabs."""
    nav = page.split('id="tabs-items"')[1].split("</nav>", maxsplit=1)[0]
    found = re.findall(r'<a href="([^"]*)".*?>\s*([^<>]+?)\s*</a>', nav, re.DOTALL)
    return {title: url for url, title in found}


def test_webhooks_and_schedules_are_tabs_of_the_company(boss):
    tenant = make_tenant("a")
    company, webhooks, planned = (
        reverse(f"admin:tenants_tenant_{name}", args=[tenant.pk]) for name in ("change", "webhooks", "schedules")
    )
    ends = {"Webhooks": webhooks, "Schedules": planned}
    on_form = tabs(boss.get(company).content.decode())
    assert list(on_form)[:4] == ["General", "Connections", "Entity policies", "Memberships"]
    assert list(on_form)[4:] == ["Today", "Webhooks", "Schedules", "Hours", "Hours check", "Auditor pack"]
    assert on_form == {**on_form, **ends, "Connections": f"{company}#connections"}
    for url in (webhooks, planned):
        assert tabs(boss.get(url).content.decode()) == on_form | {"General": f"{company}#general"}


def test_the_webhooks_page_says_what_they_carry_and_when_they_last_did(boss):
    tenant, other = make_tenant("a"), make_tenant("b")
    token, foreign = make_token(tenant, note="made for Nordbyg"), make_token(other, note="made for others")
    make_event(tenant, origin="webhook")
    page = boss.get(reverse("admin:tenants_tenant_webhooks", args=[tenant.pk])).content.decode()
    for text in (
        "so the change is in Intempus within seconds",
        "at every save",
        "just now",
        "Calls in 24 hours",
        "made for Nordbyg",
    ):
        assert text in page
    assert "made for others" not in page
    with tenant_scope(ALL):
        assert token.token not in page and foreign.token not in page
    assert 'aria-label="Run now' not in page


def test_the_schedules_page_says_what_when_and_how_it_ended(boss):
    tenant, other = make_tenant("a", pull_minutes=7), make_tenant("b", pull_minutes=11)
    ended = timezone.now() - timedelta(minutes=5)
    make_run(tenant, "pull", state="failed", error_code="bad_credentials", finished_at=ended)
    make_run(other, "sweep", state="failed", error_code="server_error", finished_at=ended)
    schedules.repair_schedules()
    page = boss.get(reverse("admin:tenants_tenant_schedules", args=[tenant.pk]))
    text = page.content.decode()
    for words in ("What people changed or made in Intempus.", "every 7 minutes", "5 min ago", "refuses the user name"):
        assert words in text
    assert "every 11 minutes" not in text
    rows = {row["schedule"].kind: row["schedule"] for row in page.context["rows"]}
    assert all(row.next_at for row in rows.values())
    assert (rows["pull"].last_error, rows["sweep"].last_error) == ("bad_credentials", "")
    company = boss.get(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
    summary = company.context["panel"]["carriers"]
    assert summary["next"].next_at == min(row.next_at for row in rows.values())
    assert [row.kind for row in summary["failed"]] == ["pull"]
    assert "next: " in company.content.decode()


# ------------------------------------------------------------------------------------------ prices of the lists


LISTS = {
    "mappings_recordlink": 10,
    "sync_changeevent": 10,
    "sync_run": 10,
    "sync_synclogentry": 10,
    "sync_workreport": 10,
    "tenants_tenant": 15,
    "tenants_connection": 10,
    "mappings_entitypolicy": 10,
    "mappings_hourspolicy": 10,
}


def query_count(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    # The test is one transaction already; on a server these are its beginning and end, which nobody counts.
    return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("role", ["superuser", "consultant"])
def test_a_list_costs_the_same_with_one_row_and_with_three(name, role):
    tenants = [_one_of_everything("a")]
    user = make_user("person", "consultant", *tenants) if role == "consultant" else make_user("b", is_superuser=True)
    client = Client()
    client.force_login(user)
    url = reverse(f"admin:{name}_changelist")
    client.get(url)  # warms what is read once per process
    one = query_count(client, url)
    for slug in ("b", "c"):
        tenant = _one_of_everything(slug)
        if role == "consultant":
            with tenant_scope(ALL):
                Membership.objects.create(user=user, tenant=tenant, role="consultant")
    assert query_count(client, url) == one <= LISTS[name]


def _one_of_everything(slug: str) -> Tenant:
    tenant = make_tenant(slug)
    make_connections(tenant)
    make_policy(tenant)
    link = make_link(tenant, state="needs_attention", reason="key_taken")
    make_log_entry(link)
    make_event(tenant, link=link)
    make_run(tenant)
    make_journal_line(make_work_report(tenant, state="changed", warnings=["pay_type_not_found"]))
    make_hours_policy(tenant)
    return tenant


@pytest.mark.parametrize("role", ["superuser", "consultant"])
def test_the_front_page_costs_the_same_for_many_companies(role):
    tenants = [_one_of_everything(slug) for slug in ("a", "b", "c")]
    one, many = (
        make_user(f"person-{len(seen)}", "consultant", *seen)
        if role == "consultant"
        else make_user(f"person-{len(seen)}", is_superuser=True)
        for seen in (tenants[:1], tenants)
    )
    url = reverse("admin:index")
    counts = []
    for user in (one, many):
        client = Client()
        client.force_login(user)
        client.get(url)  # warms what is read once per process
        counts.append(query_count(client, url))
    assert counts[0] == counts[1] <= 16  # one of them for hours


@pytest.mark.parametrize("name", ["sync_changeevent", "sync_run", "sync_synclogentry", "sync_workreport"])
def test_big_tables_are_never_counted(boss, name):
    _one_of_everything("a")
    with CaptureQueriesContext(connection) as queries:
        boss.get(reverse(f"admin:{name}_changelist"))
    assert not [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]


def test_linked_pairs_are_searched_once_and_a_few_pages_ahead(boss, monkeypatch):
    monkeypatch.setattr("tenants.admin.base.BoundedPaginator.LOOK_AHEAD", 1)
    monkeypatch.setattr("sync.admin.record_link.RecordLinkAdmin.list_per_page", 2)
    tenant = make_tenant("a")
    links = [make_link(tenant, name=f"n{number}") for number in range(7)]
    url = reverse("admin:mappings_recordlink_changelist")
    with CaptureQueriesContext(connection) as queries:
        first = boss.get(url, {"q": "n"})
    assert not [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert sum("LIKE" in query["sql"] and "LIMIT 4" in query["sql"] for query in queries) == 1
    assert list(first.context["cl"].result_list) == [links[6], links[5]]
    assert "4+" in first.content.decode()
    last = boss.get(url, {"q": "n", "p": 4}).context["cl"]
    assert (last.result_count, list(last.result_list)) == (7, [links[0]])
    assert boss.get(url, {"p": 99}).status_code == 302  # beyond the end


# ------------------------------------------------------------------------------------------ finding records


@pytest.mark.parametrize("term", ["101", "500101", "K-1", "I-1", "hansen", "HANSEN & S"])
def test_search_finds_by_either_sides_id_number_or_name(boss, term):
    tenant = make_tenant("a")
    make_link(
        tenant, name="Hansen & Søn", uniconta_id="101", intempus_id="500101", uniconta_key="K-100", intempus_key="I-100"
    )
    make_link(tenant, name="Another", uniconta_id="1101", intempus_id="9", uniconta_key="X", intempus_key="Y")
    page = boss.get(reverse("admin:mappings_recordlink_changelist"), {"q": term})
    assert [link.name for link in page.context["cl"].result_list] == ["Hansen & Søn"]


def test_search_never_looks_into_the_middle(boss):
    with CaptureQueriesContext(connection) as queries:
        boss.get(reverse("admin:mappings_recordlink_changelist"), {"q": "abc"})
    assert not [query["sql"] for query in queries if "LIKE '%" in query["sql"] or "LIKE UPPER('%" in query["sql"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "needs_attention"}, {"bad"}),
        ({"reason": "key_taken"}, {"bad"}),
        ({"inactive_reason": "blocked"}, {"idle"}),
        ({"differs": "yes"}, {"differing"}),
        ({"differs": "no"}, {"bad", "idle", "group"}),
        ({"entity": "customer_group"}, {"group"}),
        ({"tenant": "nonsense"}, set()),
    ],
)
def test_filters(boss, query, found):
    tenant = make_tenant("a")
    make_link(tenant, name="bad", state="needs_attention", reason="key_taken")
    make_link(tenant, name="idle", inactive_reason="blocked")
    make_link(tenant, name="differing", differing=["phone"])
    make_link(tenant, "customer_group", name="group")
    page = boss.get(reverse("admin:mappings_recordlink_changelist"), query)
    assert {link.name for link in page.context["cl"].result_list} == found


def test_waiting_changes_are_the_unfinished_ones(boss):
    tenant = make_tenant("a")
    for state in ("pending", "claimed", "waiting", "done", "quarantined"):
        make_event(tenant, state=state, key=state)
    page = boss.get(reverse("admin:sync_changeevent_changelist"), {"state": "open"})
    assert {event.key for event in page.context["cl"].result_list} == {"pending", "claimed", "waiting"}


def test_overwritten_changes_field_by_field_and_paged(boss, monkeypatch):
    monkeypatch.setattr("sync.admin.log.OVERWRITTEN_PER_PAGE", 2)
    tenant = make_tenant("a")
    link = make_link(tenant, name="Hansen")
    for number in range(3):
        lost = {"field": "phone", "old": f"lost-{number}", "new": f"kept-{number}", "reason": "overwritten"}
        make_log_entry(link, has_overwritten=True, plan={"changes": [lost], "overwritten": [lost]})
    make_log_entry(link, plan={"changes": [{"field": "phone", "old": "untouched", "new": "x"}]})
    url = reverse("admin:sync_synclogentry_overwritten")
    first = boss.get(url)
    page = first.content.decode()
    assert "lost-2" in page and "kept-1" in page
    assert "lost-0" not in page and "untouched" not in page
    older = boss.get(url, {"before": first.context["older"], "tenant": tenant.pk}).content.decode()
    assert "lost-0" in older and "lost-1" not in older
    assert boss.get(url, {"before": "x"}).status_code == 404


def test_a_preview_shows_what_would_happen(boss):
    tenant = make_tenant("a")
    link = make_link(tenant)
    change = {"field": "phone", "old": "1", "new": "2", "reason": "changed_in_uniconta"}
    result = {
        "label": str(link),
        "outcome": "in_sync",
        "reason": "",
        "writes": [{"target": "intempus", "action": "update", "changes": [change]}],
        "notes": ["creates_customer_group"],
    }
    run = make_run(tenant, "preview", state="done", link_id=link.pk, entity="customer", result=result)
    page = boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
    for text in ("What would happen in Intempus", "Phone", "Changed in Uniconta.", "is created in Intempus first"):
        assert text in page


def test_a_test_shows_the_company_it_found(boss):
    company = {"id": "4242", "name": "Nordbyg ApS", "number": "12345678"}
    run = make_run(make_tenant("a"), "test", state="done", system="uniconta", result={"company": company})
    page = boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
    assert "Nordbyg ApS" in page and "12345678" in page


def test_a_failed_run_says_what_to_do(boss):
    run = make_run(make_tenant("a"), "test", state="failed", error_code="bad_credentials", error_detail="401 no")
    page = boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
    assert "refuses the user name" in page and "press Test connection" in page and "401 no" in page


# ------------------------------------------------------------------------------------------ who sees what


@pytest.mark.parametrize("model", ["auth_user", "auth_group", "django_q_schedule", "django_q_ormq"])
def test_pages_of_the_installation_are_for_administrators(boss, model):
    tenant = make_tenant("a")
    client = Client()
    client.force_login(make_user("consultant", "consultant", tenant))
    url = reverse(f"admin:{model}_changelist")
    assert client.get(url).status_code == 403
    assert boss.get(url).status_code == 200


def test_members_are_changed_by_administrators_only(boss):
    tenant = make_tenant("a")
    client = Client()
    client.force_login(make_user("consultant", "consultant", tenant))
    make_user("somebody-elsewhere", "support", make_tenant("b"))
    page = client.get(reverse("admin:tenants_tenant_change", args=[tenant.pk])).content.decode()
    assert "somebody-elsewhere" not in page
    assert client.get(reverse("admin:tenants_membership_add")).status_code == 403
    assert boss.get(reverse("admin:tenants_membership_add")).status_code == 200


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [("/admin/tenants/tenant/add/", 403, "Det har du ikke ret til."), ("/nothing/", 404, "Siden findes ikke.")],
)
def test_a_refusal_is_said_in_words_and_leads_back(url, status, said):
    client = Client()
    client.force_login(make_user("consultant", "consultant", make_tenant("a")))
    client.cookies["django_language"] = "da"
    page = client.get(url)
    assert page.status_code == status
    assert said in page.content.decode() and f'href="{reverse("admin:index")}"' in page.content.decode()


def test_nobody_deletes_companies_or_makes_records(boss):
    tenant = make_tenant("a")
    link = make_link(tenant)
    assert boss.get(reverse("admin:tenants_tenant_delete", args=[tenant.pk])).status_code == 403
    assert boss.get(reverse("admin:mappings_recordlink_delete", args=[link.pk])).status_code == 403
    assert boss.get(reverse("admin:mappings_recordlink_add")).status_code == 403
    assert boss.post(reverse("admin:sync_run_add")).status_code == 403


def test_without_being_staff_there_is_no_console():
    client = Client()
    user = make_user("customer", "customer", make_tenant("a"))
    user.is_staff = False
    user.save()
    client.force_login(user)
    assert client.get(reverse("admin:index")).status_code == 302


def test_unknown_records_do_not_exist(boss):
    for name in ("mappings_recordlink", "sync_run", "sync_synclogentry", "tenants_tenant", "sync_changeevent"):
        for pk in ("987654", "x"):
            assert boss.get(reverse(f"admin:{name}_change", args=[pk])).status_code == 404, (name, pk)


# ------------------------------------------------------------------------------------------ Danish


def test_the_console_speaks_danish(world, boss):
    boss.cookies["django_language"] = "da"
    front = boss.get(reverse("admin:index")).content.decode()
    for text in (
        "Virksomheder i drift",
        "Venter på behandling",
        "Kræver handling",
        "Gennemløb",
        "Overskrevne ændringer",
    ):
        assert text in front
    make_token(world["tenant"], note="made by onboard")
    webhooks = boss.get(reverse("admin:tenants_tenant_webhooks", args=[world["tenant"].pk])).content.decode()
    assert "lavet af onboard" in webhooks and "made by onboard" not in webhooks
    with tenant_scope(ALL):
        world["tenant"].save()
    history = boss.get(reverse("admin:tenants_tenant_history", args=[world["tenant"].pk])).content.decode()
    assert "Ændret" in history and "Changed" not in history
    record = boss.get(reverse("admin:mappings_recordlink_change", args=[world["link"].pk])).content.decode()
    for text in ("Senest set i Uniconta", "Synkroniser nu", "Vis hvad der vil ske", "Telefon", "Prøv igen"):
        assert text in record


def test_the_compiled_danish_texts_are_those_of_the_source(tmp_path):
    """msgfmt need not be installed where this runs, so the compiled file is kept; it must not be forgotten."""
    folder = Path(settings.LOCALE_PATHS[0]) / "da" / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    source = (folder / "django.po").read_text()
    entries = re.findall(r'^(?:msgctxt "(.+)"\n)?msgid "(.+)"\nmsgstr "(.*)"$', source, re.MULTILINE)
    assert len(entries) > 400
    for context, english, danish in entries:
        found = compiled.pgettext(context, _unescaped(english)) if context else compiled.gettext(_unescaped(english))
        assert danish, english
        assert found == _unescaped(danish)


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def test_every_text_of_the_templates_is_translated():
    source = (Path(settings.LOCALE_PATHS[0]) / "da" / "LC_MESSAGES" / "django.po").read_text()
    missing = []
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        for _, text in re.findall(r"""{% translate (["'])(.+?)\1""", path.read_text()):
            if f'msgid "{text}"' not in source:
                missing.append(f"{path.name}: {text}")
    assert missing == []


SAYS = re.compile(r"\bsay\(\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')")


def test_every_sentence_of_the_doctor_and_the_probe_is_translated():
    source = (Path(settings.LOCALE_PATHS[0]) / "da" / "LC_MESSAGES" / "django.po").read_text()
    texts = [
        ast.literal_eval(text)
        for name in ("doctor", "probe")
        for text in SAYS.findall((settings.BASE_DIR / "sync" / "domain" / f"{name}.py").read_text())
    ]
    assert len(texts) > 100
    assert [text for text in texts if "msgid " + json.dumps(text, ensure_ascii=False) not in source] == []


def test_a_check_up_is_read_in_the_readers_language(boss):
    tenant = make_tenant("a")
    make_policy(tenant)
    with override("da"):  # whatever the worker's
        tasks.check_up(tenant.pk)
    with tenant_scope(ALL):
        run = Run.objects.get(tenant=tenant, kind="check_up")
    url = reverse("admin:sync_run_change", args=[run.pk])
    pages = {}
    for language in ("en", "da"):
        boss.cookies["django_language"] = language
        pages[language] = unescape(boss.get(url).content.decode())
    english = ("no connection", "Add [tenant.uniconta] to the tenant file", "not measured: safest assumption")
    danish = ("ingen forbindelse", "Tilføj [tenant.uniconta] i virksomhedsfilen", "ikke målt: den sikreste antagelse")
    assert all(text in pages["en"] for text in english) and not any(text in pages["en"] for text in danish)
    assert all(text in pages["da"] for text in danish) and not any(text in pages["da"] for text in english)


def test_a_check_up_leads_to_the_page_where_it_is_mended(boss):
    tenant = make_tenant("a")
    make_link(tenant, state="needs_attention", reason="key_taken")
    tasks.check_up(tenant.pk)
    with tenant_scope(ALL):
        run = Run.objects.get(tenant=tenant, kind="check_up")
    page = unescape(boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode())
    records = reverse("admin:mappings_recordlink_changelist") + f"?state=needs_attention&tenant={tenant.pk}"
    webhooks = reverse("admin:tenants_tenant_webhooks", args=[tenant.pk])
    assert f'<a href="{records}">To the records</a>' in page and f'<a href="{webhooks}">To Webhooks</a>' in page
    assert "SLUG" not in page and "onboard, which" not in page


def test_own_fields_are_named_in_the_readers_language(boss):
    tenant = make_tenant("a")
    with tenant_scope(tenant.pk):
        own = {"tenant": tenant, "entity": "customer", "attribute": "department"}
        FieldRule.objects.create(**own, uniconta_field="Dimension1", intempus_field="notes")
        ValueMap.objects.create(**own, uniconta_value="100", intempus_value="Tømrer")
        rule = FieldRule.objects.create(tenant=tenant, entity="customer", attribute="city", is_off=True)
    with override("da"):
        assert str(rule) == "Kunde (debitor): By"
    boss.cookies["django_language"] = "da"
    for name in ("fieldrule", "valuemap"):
        assert "customer." not in boss.get(reverse(f"admin:mappings_{name}_changelist")).content.decode()
    page = boss.get(reverse("admin:mappings_fieldrule_change", args=[rule.pk])).content.decode()
    assert "Kunde (debitor): By" in page and "customer.city" not in page


def test_whoever_may_not_open_a_users_page_gets_the_name_without_a_link(boss):
    tenant = make_tenant("a")
    person = make_user("karen", "consultant", tenant)
    client = Client()
    client.force_login(person)
    user = reverse("admin:auth_user_change", args=[person.pk])
    with tenant_scope(ALL):
        member = Membership.objects.get(user=person)
    for url in (
        reverse("admin:tenants_tenant_change", args=[tenant.pk]),
        reverse("admin:tenants_membership_change", args=[member.pk]),
    ):
        page = client.get(url).content.decode()
        assert "karen" in page and user not in page
        assert user in boss.get(url).content.decode() or "<select" in boss.get(url).content.decode()


def test_a_preview_says_what_the_brake_would_hold(boss):
    run = make_run(make_tenant("a"), "effect", entity="customer", state="done", counts={"records": 30, "altered": 30})
    for held, is_said in (([{"kind": "blank", "count": 30, "limit": 25}], True), ([], False)):
        run.result = {"effects": [], "held": held}
        with tenant_scope(ALL):
            run.save()
        page = boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
        assert ("The brake would hold this: Blank a field, 30 records, more than 25" in page) is is_said


def test_creating_change_urls_with_nothing_to_create_says_so(boss):
    tenant = make_tenant("a")
    texts = {}
    for is_complete in (True, False):
        run = make_run(tenant, "hooks", state="done", result={"hooks": [], "is_complete": is_complete})
        texts[is_complete] = boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
    said = "There was nothing to create"
    assert said in texts[True] and said not in texts[False]


def test_a_check_up_kept_before_there_were_two_languages_is_shown_as_it_is(boss):
    check = {"name": "Clocks", "grade": "ok", "found": "agree", "fix": ""}
    run = make_run(make_tenant("a"), "check_up", state="done", result={"checks": [check]})
    assert "agree" in boss.get(reverse("admin:sync_run_change", args=[run.pk])).content.decode()
