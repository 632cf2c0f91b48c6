"""One search box: what it finds for whom, that it reads no table whole, and the look-up of what nobody has seen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sync.domain.explain import Explained, FieldLine
from sync.domain.explain_run import explain_run
from sync.models import Run
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_link, make_tenant, make_user, make_work_report
from tests.sync.admin.conftest import all_rows, sign_in
from tests.sync.admin.test_pages import query_count

pytestmark = pytest.mark.django_db


def search(client: Client, text: str) -> dict[str, list[str]]:
    page = client.get(reverse("find"), {"q": text})
    assert page.status_code == 200 and "theirmark" not in page.content.decode().replace(text, "")
    return {
        "companies": [row["name"] for row in page.context["companies"]],
        "links": [f"{row['row'].tenant} {row['row']}" for row in page.context["links"]],
        "reports": [str(row["row"]) for row in page.context["reports"]],
        "askable": [name for _, name in page.context["askable"]],
    }


@pytest.fixture
def support(db: None) -> Client:
    nordbyg, syd = make_tenant("nordbyg", name="Nordbyg ApS"), make_tenant("syd", name="Syd VVS")
    other = make_tenant("other", name="theirmark")
    for tenant, uniconta_id in ((nordbyg, "501"), (syd, "502"), (other, "503")):
        make_link(
            tenant, name="Hansen & Søn", uniconta_key="1042", uniconta_id=uniconta_id, intempus_id=f"9{uniconta_id}"
        )
    make_link(nordbyg, "customer_group", name="Erhverv", uniconta_key="7", uniconta_id="77")
    make_link(syd, name="Nordbyg Ejendomme", uniconta_key="2000", uniconta_id="504")
    for tenant, number in ((nordbyg, "6001"), (other, "6002")):
        make_work_report(
            tenant, intempus_id=number, employee_name="Bo Berg", employee_number="7", starts_on=date(2027, 3, 1),
            ends_on=date(2027, 3, 1),
        )  # fmt: skip
    return sign_in(make_user("helper", "support", nordbyg, syd))


HANSEN = ["Nordbyg ApS 1042 Hansen & Søn", "Syd VVS 1042 Hansen & Søn"]


@pytest.mark.parametrize(
    ("text", "part", "found"),
    [
        ("nordbyg 1042", "links", HANSEN[:1]),
        ("1042 syd vvs", "links", HANSEN[1:]),
        ("1042", "links", HANSEN),
        ("hansen", "links", HANSEN),
        ("9502", "links", HANSEN[1:]),  # Intempus id
        ("501", "links", HANSEN[:1]),  # Uniconta row id
        ("503", "links", []),  # somebody else's
        ("erhverv", "links", ["Nordbyg ApS 7 Erhverv"]),  # a group
        ("Nordbyg Ejendomme", "links", ["Syd VVS 2000 Nordbyg Ejendomme"]),  # not a company after all
        ("nordbyg", "companies", ["Nordbyg ApS"]),
        ("theirmark", "companies", []),
        ("bo 01-03-2027", "reports", ["Bo Berg 01-03-2027"]),
        ("nordbyg 7 1/3/2027", "reports", ["Bo Berg 01-03-2027"]),
        ("I6001", "reports", ["Bo Berg 01-03-2027"]),
        ("6002", "reports", []),
        ("nordbyg 4711", "askable", ["Nordbyg ApS"]),
        ("4711", "askable", ["Nordbyg ApS", "Syd VVS"]),
    ],
)
def test_what_is_found(support, text, part, found):
    assert search(support, text)[part] == found


def test_the_search_costs_little_and_never_looks_into_the_middle(support):
    url = reverse("find") + "?q=nordbyg+1042"
    support.get(url)
    assert query_count(support, url) <= 15
    with CaptureQueriesContext(connection) as queries:
        search(support, "syd hansen")
    assert not [query["sql"] for query in queries if "LIKE '%" in query["sql"] or "LIKE UPPER('%" in query["sql"]]


def test_what_nobody_has_seen_is_looked_up_as_a_run(support, monkeypatch, queued):
    with tenant_scope(ALL):
        tenants = {name: pk for pk, name in Run.tenant.field.related_model.objects.values_list("pk", "slug")}
    url = reverse("find_explain")
    wish = {"tenant": tenants["nordbyg"], "entity": "customer", "key": "4711"}
    for refused in ({"tenant": tenants["other"]}, {"entity": "nothing"}, {"key": ""}, {"key": "x" * 100}):
        assert support.post(url, wish | refused).status_code == 404
    assert support.get(url).status_code == 405
    viewer = sign_in(make_user("viewer"))
    assert viewer.post(url, wish).status_code == 404

    response = support.post(url, wish)
    [run] = all_rows(Run)
    assert response.url == reverse("admin:sync_run_change", args=[run.pk])
    assert queued == [("sync.tasks.explain", run.tenant_id, run.pk)]

    def answer(*asked: Any) -> list[Explained]:
        assert asked == (run.tenant_id, "customer", "4711")
        return [
            Explained("Customer 4711", ("Not ticked.",), (FieldLine("City", "Odense", "", differs=True),), ("A rule.",))
        ]

    monkeypatch.setattr("sync.domain.explain_run.explain", answer)
    assert explain_run(run.tenant_id, run.pk).state == "done"
    page = support.get(response.url).content.decode()
    assert all(text in page for text in ("Customer 4711", "Not ticked.", "Odense", "A rule."))


def test_a_person_without_the_right_is_offered_no_look_up():
    tenant = make_tenant("nordbyg")
    client = sign_in(make_user("customer", "customer", tenant))
    assert search(client, "nordbyg 4711")["askable"] == []
    wish = {"tenant": tenant.pk, "entity": "customer", "key": "4711"}
    assert client.post(reverse("find_explain"), wish).status_code == 403
    assert 'name="q"' in client.get(reverse("admin:index")).content.decode()  # the box is on every page
