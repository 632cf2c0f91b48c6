"""Three hundred companies on the front page: sorted, pinned, and kept as views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sync.domain.health import health, with_readings
from sync.models import Pin, Run, SavedView
from sync.templatetags.console import freshness
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_link, make_run, make_tenant, make_user
from tests.sync.admin.conftest import all_rows, sign_in

pytestmark = pytest.mark.django_db


def names(client, **query: str) -> list[str]:
    return [row["health"].name for row in client.get(reverse("admin:index"), query).context["rows"]]


def test_columns_sort_both_ways_and_pinned_companies_stand_first():
    anker, bro, dam = (make_tenant(name.lower(), name=name, state="preparing") for name in ("Anker", "Bro", "Dam"))
    for _ in range(2):
        make_link(bro, state="needs_attention", reason="refused")
    make_link(dam, state="needs_attention", reason="refused")
    make_run(dam, state="done", finished_at=timezone.now())
    client = sign_in(make_user("helper", "support", anker, bro, dam))
    assert names(client, sort="-name") == ["Dam", "Bro", "Anker"]
    assert names(client, sort="-attention") == ["Bro", "Dam", "Anker"]
    assert names(client, sort="pulled") == ["Bro", "Anker", "Dam"]  # what was never read comes first
    assert names(client, sort="nonsense") == names(client)
    page = client.get(reverse("admin:index"), {"sort": "name", "q": "a"})
    assert page.context["sorts"]["name"] == {
        "text": "company", "url": "?q=a&sort=-name#companies", "aria": "ascending", "arrow": "▲"
    }  # fmt: skip

    response = client.post(reverse("pin"), {"tenant": dam.pk, "query": "sort=name&next=//evil.dk"})
    assert response.url == reverse("admin:index") + "?sort=name#companies"
    assert names(client, sort="name") == ["Dam", "Anker", "Bro"]
    colleague = sign_in(make_user("colleague", "support", anker, bro, dam))
    assert names(colleague, sort="name") == ["Anker", "Bro", "Dam"]
    client.post(reverse("pin"), {"tenant": dam.pk})
    assert names(client, sort="name") == ["Anker", "Bro", "Dam"] and all_rows(Pin) == []


def test_nobody_pins_a_company_of_others():
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    client = sign_in(make_user("helper", "support", ours))
    for tenant in (theirs.pk, "", "x"):
        assert client.post(reverse("pin"), {"tenant": tenant}).status_code == 404
    assert client.get(reverse("pin")).status_code == 405 and all_rows(Pin) == []


def test_a_view_is_kept_under_a_name_by_its_owner():
    tenant = make_tenant("ours")
    client, colleague = (sign_in(make_user(name, "support", tenant)) for name in ("helper", "colleague"))
    url = reverse("views")
    for query in ("show=live", "show=attention&sort=-waiting&page=2&next=x"):
        client.post(url, {"name": " Mine ", "query": query})
    [view] = SavedView.objects.all()
    assert (view.name, view.query) == ("Mine", "show=attention&sort=-waiting")
    assert f"{reverse('admin:index')}?show=attention&amp;sort=-waiting#companies" in client.get(url).content.decode()
    assert "Mine" not in colleague.get(url).content.decode().partition('<div class="c-page">')[2]
    colleague.post(url, {"delete": view.pk})
    assert SavedView.objects.count() == 1
    client.post(url, {"delete": view.pk})
    assert SavedView.objects.count() == 0


def test_the_line_of_freshness_counts_fetches_by_hour():
    tenant, other = make_tenant("ours"), make_tenant("theirs")
    now = timezone.now()
    hour = now.replace(minute=5, second=0, microsecond=0)
    for hours, kind, state in (
        (1, "pull", "done"),
        (1, "pull", "done"),
        (2, "pull", "failed"),
        (2, "sweep", "done"),
        (30, "pull", "done"),
    ):
        run = make_run(tenant, kind, state=state, finished_at=hour - timedelta(hours=hours))
        with tenant_scope(ALL):
            Run.objects.filter(pk=run.pk).update(created_at=hour - timedelta(hours=hours))
    with tenant_scope(ALL):
        rows = health(with_readings(Tenant.objects.order_by("slug")), with_changes=True).tenants
    assert rows[0].reads_by_hour == (0,) * 22 + (2, 0)
    assert rows[1].tenant_id == other.pk and rows[1].reads_by_hour == (0,) * 24


def test_an_hour_with_less_than_half_of_what_is_promised_stands_out():
    every, now = timedelta(minutes=15), datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
    assert "promised every 15 min; 0 hours behind" in freshness([4] * 23 + [2], every, now)
    assert "2 hours behind" in freshness([4] * 20 + [2, 1, 0, 1], every, now)
    assert "0 hours behind" in freshness([0, 1] * 12, timedelta(hours=2), now)
    assert freshness((), every, now) == '<span class="c-muted">–</span>'
