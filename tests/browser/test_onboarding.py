"""A customer from nothing to live, in Danish, in a real browser and on real simulators; each step leaves a picture."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from mappings.models import Template, TemplatePolicy
from sync import tasks
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.browser.conftest import Visitor
from tests.simulators.core import serve
from tests.simulators.intempus import IntempusSimulator
from tests.simulators.seeds import demo_seed
from tests.simulators.uniconta import UnicontaSimulator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD, KEY = "planted-password", "planted-api-key"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`work()` does what the workers do with what was queued since."""
    queued: list[tuple[Any, ...]] = []
    monkeypatch.setattr("sync.queue.enqueue", lambda *args, **_options: queued.append(args))

    def do() -> None:
        waiting = queued[:]
        queued.clear()
        for path, *arguments in waiting:
            getattr(tasks, path.rpartition(".")[2])(*arguments)

    return do


@pytest.fixture
def urls() -> Any:
    seed = demo_seed(uniconta_password=PASSWORD, nordbyg_api_key=KEY)
    with serve(UnicontaSimulator(data=seed)) as uniconta, serve(IntempusSimulator(data=seed)) as intempus:
        yield {"uniconta": uniconta.url, "intempus": intempus.url}


def test_a_customer_from_nothing_to_live_in_danish(visitor, browser, live_server, urls, work, settings):
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.PUBLIC_URL = live_server.url
    cache.clear()
    template = Template.objects.create(name="Håndværk", description="Kunder og varer; timer kommer senere.")
    TemplatePolicy.objects.create(template=template, entity="customer", number_prefix="I", default_group="1")
    TemplatePolicy.objects.create(template=template, entity="product", create_in_uniconta=False)
    bodil = visitor("da")
    page = bodil.page

    # The customer
    bodil.visit(reverse("admin:tenants_tenant_add"))
    page.fill("#id_name", "Nyby Tømrer ApS")
    page.fill("#id_slug", "nyby")
    page.fill("#id_contact_email", "bogholder@nyby.dk")
    bodil.shoot("da-onboarding-1-customer")
    page.get_by_role("button", name="Gem", exact=True).click()
    page.wait_for_selector("text=trin er udført")
    with tenant_scope(ALL):
        tenant = Tenant.objects.get(slug="nyby")
    here = reverse("admin:tenants_tenant_onboarding", args=[tenant.pk])
    assert page.url.endswith(here)
    bodil.shoot("da-onboarding-2-steps")

    # Uniconta: typed in by the consultant
    page.locator("#uniconta").get_by_role("link", name="Log-in").click()
    page.fill("#id_base_url", urls["uniconta"])
    page.fill("#id_username", "sync")
    page.fill("#id_secret", PASSWORD)
    page.fill("#id_company_id", "4242")
    bodil.shoot("da-onboarding-3-log-in")
    page.get_by_role("button", name="Gem og test").click()
    page.wait_for_selector("#uniconta >> text=Venter på en ledig")
    bodil.shoot("da-onboarding-4-testing")
    work()
    page.wait_for_selector("#uniconta dl >> text=Nordbyg ApS")  # busy, the page refreshes itself
    bodil.shoot("da-onboarding-5-confirm")
    page.locator("#uniconta").get_by_role("button", name="Ja, det er kunden").click()
    page.wait_for_selector("#uniconta >> text=Virker og fører til Nordbyg ApS")

    # Intempus: the key is entered by the customer, who has no log-in here
    page.locator("#intempus").get_by_role("link", name="Log-in").click()
    page.fill("#id_base_url", urls["intempus"])
    page.fill("#id_username", "api@nordbyg.dk")
    page.get_by_role("button", name="Gem og test").click()
    page.locator("#intempus").get_by_role("button", name="Link til kunden").click()
    link = page.locator("#secret-url").input_value()
    bodil.shoot("da-onboarding-6-link")
    context = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 800})
    somebody = Visitor(context.new_page(), live_server.url)
    customer = somebody.page
    customer.goto(link)
    assert customer.locator("html").get_attribute("lang") == "da"
    customer.fill("#id_secret", KEY)
    somebody.shoot("da-onboarding-7-customer-enters")
    customer.get_by_role("button", name="Gem").click()
    customer.wait_for_selector("text=Tak")
    assert KEY not in customer.content()
    somebody.shoot("da-onboarding-8-thanks")
    customer.goto(link)
    customer.wait_for_selector("text=Linket virker ikke længere")
    context.close()
    work()
    bodil.visit(here)
    page.locator("#intempus").get_by_role("button", name="Ja, det er kunden").click()
    page.wait_for_selector("#intempus >> text=Virker og fører til")

    # What synchronises, from a template
    page.locator("#policies").get_by_role("link", name="Håndværk").click()
    bodil.shoot("da-onboarding-9-template")
    page.get_by_role("button", name="Brug denne skabelon").click()
    page.wait_for_selector("#policies >> text=Slået til: Kunde (debitor), Vare (produkt)")

    # Change URLs: made, created in Uniconta, looked at
    page.locator("#webhooks").get_by_role("button", name="Ny ændrings-URL").click()
    page.wait_for_url("**/webhooks/")
    bodil.shoot("da-onboarding-10-change-url")
    bodil.visit(here)
    page.locator("#webhooks").get_by_role("button", name="Opret i Uniconta").click()
    page.wait_for_selector("#webhooks >> text=Venter på en ledig")
    work()
    page.wait_for_selector("#webhooks >> text=Uniconta kalder os for alle tabeller i brug.")

    # First matching, then live
    page.locator("#matching").get_by_role("button", name="Første parring").click()
    page.wait_for_selector("#matching >> text=Venter på en ledig")
    work()
    page.wait_for_selector("#matching >> text=Begge systemer")
    page.locator("#policies").get_by_role("button", name="Kontrollér").click()
    page.wait_for_selector("#policies >> text=Venter på en ledig")
    work()
    page.wait_for_selector("#policies >> text=Kontrolleret")
    bodil.shoot("da-onboarding-11-ready")
    page.locator("#live").get_by_role("link", name="Sæt i drift").click()
    bodil.shoot("da-onboarding-12-go-live")
    page.get_by_role("button", name="Sæt i drift nu").click()
    page.wait_for_selector("text=Virksomheden er i drift")
    bodil.shoot("da-onboarding-13-live")
    with tenant_scope(ALL):
        assert Tenant.objects.get(pk=tenant.pk).state == "live"
        assert {row.state for row in Connection.objects.filter(tenant=tenant)} == {"working"}

    # What the customer gets in hand
    bodil.visit(reverse("admin:tenants_tenant_hand_over", args=[tenant.pk]))
    page.wait_for_selector("text=Hvem er master")
    bodil.shoot("da-onboarding-14-hand-over")
    # The link that was used up is a page that is not there, which a browser reports as an error.
    assert [said for said in bodil.complaints + somebody.complaints if "404" not in said] == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_pages_fit_a_telephone_and_the_dark(visitor, world, width, scheme):
    person = visitor("en", width, scheme)
    preparing = world["preparing"].pk
    for name in ("onboarding", "off_boarding", "hand_over"):
        person.visit(reverse(f"admin:tenants_tenant_{name}", args=[preparing]))
        # Alpine folds away what does not fit; its tab row keeps a few pixels.
        person.page.wait_for_function(f"document.documentElement.scrollWidth <= {width + 10}")
        person.shoot(f"{scheme}-{width}-{name}")
    assert person.complaints == []
