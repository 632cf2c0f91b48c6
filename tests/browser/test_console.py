"""Every page of the console in a real browser: no script error, no violation of the content security policy."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from mappings.models import EntityPolicy, FieldRule
from sync.models import Run, SyncLogEntry
from tenants.models import Connection
from tenants.scoping import ALL, tenant_scope

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def pages(world) -> dict[str, str]:
    with tenant_scope(ALL):
        run = Run.objects.filter(state="failed").first().pk
        entry = SyncLogEntry.objects.filter(has_overwritten=True).first().pk
        connection = Connection.objects.filter(tenant=world["tenant"]).first().pk
    found = {
        "front": reverse("admin:index"),
        "company": reverse("admin:tenants_tenant_change", args=[world["tenant"].pk]),
        "company-in-trouble": reverse("admin:tenants_tenant_change", args=[world["other"].pk]),
        "webhooks": reverse("admin:tenants_tenant_webhooks", args=[world["tenant"].pk]),
        "schedules": reverse("admin:tenants_tenant_schedules", args=[world["tenant"].pk]),
        "company-history": reverse("admin:tenants_tenant_history", args=[world["tenant"].pk]),
        "connection": reverse("admin:tenants_connection_change", args=[connection]),
        "record": reverse("admin:mappings_recordlink_change", args=[world["link"].pk]),
        "run": reverse("admin:sync_run_change", args=[run]),
        "log-entry": reverse("admin:sync_synclogentry_change", args=[entry]),
        "first-matching": reverse("admin:tenants_tenant_first_matching", args=[world["preparing"].pk, "customer"]),
        "hours": reverse("admin:tenants_tenant_hours", args=[world["tenant"].pk]),
        "work-types": reverse("admin:tenants_tenant_work_types", args=[world["tenant"].pk]),
        "work-types-proposed": reverse("admin:tenants_tenant_work_types", args=[world["tenant"].pk]) + "?propose=1",
        "hours-settings": reverse("admin:tenants_tenant_hours_settings", args=[world["tenant"].pk]),
        "hours-off": reverse("admin:tenants_tenant_hours", args=[world["other"].pk]),
        "work-report": reverse("admin:sync_workreport_change", args=[world["report"].pk]),
        "held-set": reverse("admin:sync_heldset_change", args=[world["held"].pk]),
        "overwritten": reverse("admin:sync_synclogentry_overwritten"),
        "search": reverse("admin:mappings_recordlink_changelist") + "?q=10003",
        "needs-attention": reverse("admin:mappings_recordlink_changelist") + "?state=needs_attention",
    }
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found[f"list-{name}"] = reverse(f"admin:{name}_changelist")
    for name in ("mappings_fieldrule", "mappings_entitypolicy", "tenants_tenant", "auth_user"):
        found[f"add-{name}"] = reverse(f"admin:{name}_add")
    return found


@pytest.mark.parametrize("language", ["en", "da"])
def test_every_page_in_a_browser(world, visitor, language):
    person = visitor(language)
    for name, path in pages(world).items():
        response = person.visit(path)
        assert response.status == 200, path
        assert person.page.locator("html").get_attribute("lang") == language
        person.shoot(f"{language}-{name}")
    assert person.complaints == []


def test_narrow_and_dark(world, visitor):
    narrow, dark = visitor("da", width=400), visitor("en", scheme="dark")
    for name, path in pages(world).items():
        if name in (
            "front",
            "company",
            "company-in-trouble",
            "record",
            "run",
            "hours",
            "work-types",
            "work-report",
            "held-set",
            "overwritten",
            "needs-attention",
        ):
            narrow.visit(path)
            narrow.page.wait_for_timeout(250)  # Alpine folds away what does not fit; its tab row keeps a few pixels
            width = narrow.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 410, f"{path} is {width} pixels wide on a phone"
            narrow.shoot(f"narrow-{name}")
            dark.visit(path)
            dark.shoot(f"dark-{name}")
    assert narrow.complaints == dark.complaints == []


def test_go_live_asks_first(world, visitor):
    person = visitor("en")
    with tenant_scope(ALL):
        preparing = Connection.objects.exclude(tenant__in=[world["tenant"], world["other"]]).first().tenant_id
    person.visit(reverse("admin:tenants_tenant_change", args=[preparing]))
    person.page.get_by_role("link", name="Go live").click()
    assert person.page.get_by_role("button", name="Go live now").is_disabled()
    person.shoot("en-go-live")
    assert person.complaints == []


def test_tabs_of_the_company(world, visitor):
    person = visitor("en")
    person.visit(reverse("admin:tenants_tenant_change", args=[world["tenant"].pk]))
    person.page.get_by_role("link", name="Connections", exact=True).last.click()
    assert person.page.locator("#id_connections-0-secret").is_visible()
    assert person.page.locator("#id_connections-0-secret").input_value() == ""
    person.shoot("en-company-connections")
    person.page.get_by_role("link", name="Entity policies", exact=True).last.click()
    person.shoot("en-company-policies")
    assert person.complaints == []


def test_sync_now_is_a_press_not_a_link(world, visitor):
    person = visitor("en")
    url = reverse("admin:mappings_recordlink_change", args=[world["link"].pk])
    person.visit(url)
    person.page.get_by_role("button", name="Sync now").click()
    person.page.wait_for_load_state()
    assert person.page.get_by_text("on its way").is_visible()
    assert person.complaints == []


def test_a_field_rule_is_tried_beside_its_form(world, visitor):
    """The form as it stands goes into the box, mistakes and results come back into it, and nothing is saved."""
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(tenant=world["tenant"]).update(
            fields_returned={"uniconta": ["Dimension1", "Dimension2"], "intempus": ["notes"]}
        )
    person = visitor()
    page = person.page
    person.visit(reverse("admin:mappings_fieldrule_add"))
    page.select_option("#id_tenant", str(world["tenant"].pk))
    page.select_option("#id_entity", "customer")
    page.wait_for_selector('#fields-uniconta option[value="Dimension1"]', state="attached")
    page.fill("#id_attribute", "department")
    page.fill("#id_uniconta_field", "Dimensoin1")
    page.fill("#id_intempus_field", "notes")
    page.fill("#record_key", world["link"].uniconta_key)
    page.click("text=Try it")
    page.wait_for_selector("#draft-box >> text=Did you mean “Dimension1”?")
    page.fill("#id_uniconta_field", "Dimension1")
    page.click("text=Try it")
    page.wait_for_selector("#draft-box >> text=Waits for a worker.")
    journey = {"source": "uniconta", "source_field": "Dimension1", "raw": "100", "canonical": "100"}
    journey |= {"target": "intempus", "target_field": "notes", "written": "Carpenters", "stands": ""}
    with tenant_scope(ALL):
        run = Run.objects.get(kind="try_out")
        assert run.link_id == world["link"].pk
        run.state, run.result = "done", {"journeys": [journey]}
        run.save()
    page.wait_for_selector("#draft-box >> text=Carpenters")
    person.shoot("field-rule-tried")
    assert page.input_value("#id_uniconta_field") == "Dimension1"  # the form is as it was
    assert person.complaints == []
    with tenant_scope(ALL):
        assert not FieldRule.objects.exists()


def test_a_list_on_a_telephone_shows_the_whole_reason(visitor, world):
    phone = visitor("da", 390)
    phone.visit(reverse("admin:mappings_recordlink_changelist") + "?state=needs_attention")
    cut = "[...document.querySelectorAll('#result_list .c-reason')].map(e => e.closest('td')).filter(td => td.scrollHeight > td.clientHeight + 1).length"
    assert phone.page.evaluate("document.querySelectorAll('#result_list .c-reason').length") > 0
    assert phone.page.evaluate(cut) == 0


@pytest.mark.parametrize("width", [1440, 390])
def test_the_tabs_of_a_company_do_not_vanish_into_a_menu(visitor, world, width):
    bodil = visitor("da", width)
    bodil.visit(reverse("admin:tenants_tenant_change", args=[world["tenant"].pk]))
    bodil.page.wait_for_function("window.Alpine && document.querySelector('#tabs-items').offsetWidth > 0")
    assert bodil.page.evaluate("document.querySelector('#tabs-dropdown').childElementCount") == 0
    tabs = bodil.page.locator("#tabs-items > a")
    assert bodil.page.locator("#tabs-items > a:visible").count() == tabs.count() >= 6
    assert bodil.page.evaluate("document.documentElement.scrollWidth") <= width
