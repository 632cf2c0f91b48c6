"""Needs attention by cause: what the page shows whom, what its buttons do, and what it costs."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from sync.domain.catalogue import SENTENCES
from sync.domain.causes import notes
from sync.models import CauseNote, Run
from tenants.models import Membership
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_held_set, make_link, make_tenant, make_user, make_work_report
from tests.sync.admin.conftest import all_rows, sign_in
from tests.sync.admin.test_pages import query_count

pytestmark = pytest.mark.django_db
PAGE = "admin:sync_causenote_changelist"


def trouble(slug: str):
    tenant = make_tenant(slug, name=f"{slug} ApS")
    make_connections(tenant)
    make_link(tenant, state="needs_attention", reason="refused", name=f"{slug} customer", detail=f"{slug} said no")
    make_work_report(tenant, state="needs_attention", reason="item_missing", employee_name=f"{slug} Jensen")
    make_work_report(tenant, state="changed", reason="changed_after_transfer")
    make_held_set(tenant)
    return tenant


def entries(client: Client, **query: str) -> dict[str, dict]:
    page = client.get(reverse(PAGE), query)
    assert page.status_code == 200
    return {entry["key"]: entry for entry in page.context["entries"]}


def test_one_cause_at_three_companies_is_one_entry_and_one_press():
    ours = [trouble(slug) for slug in ("aa", "bb", "cc")]
    theirs = trouble("theirmark")
    client = sign_in(make_user("helper", "support", *ours))
    found = entries(client)
    hours = ["report:changed_after_transfer", "report:item_missing"]
    assert list(found) == ["question:held_deactivate", *hours, "record:refused"]
    # What stands in Uniconta already waits for an answer to each.
    assert [found[key]["may_retry"] for key in hours] == [False, True]
    assert found["report:item_missing"]["example"]["text"].startswith("cc Jensen ")
    entry = found["record:refused"]
    assert [company["name"] for company in entry["companies"]] == ["aa ApS", "bb ApS", "cc ApS"]
    assert entry["example"]["said"] == "cc said no" and entry["may_retry"] and entry["may_say"]
    assert "theirmark" not in client.get(reverse(PAGE)).content.decode()
    assert list(entries(client, kind="record")) == ["record:refused"]
    assert list(entries(client, cause="report:changed_after_transfer")) == ["report:changed_after_transfer"]
    assert entries(client, tenant=str(theirs.pk)) == {} == entries(client, kind="mine")

    response = client.post(
        reverse("admin:sync_causenote_retry"), {"cause": "record:refused", "query": "kind=record"}, follow=True
    )
    assert response.redirect_chain == [(reverse(PAGE) + "?kind=record", 302)]
    assert "3 of 3 companies are tried again." in response.content.decode()
    assert [(run.tenant_id, run.kind, run.total) for run in all_rows(Run)] == [
        (tenant.pk, "retry", 1) for tenant in reversed(ours)
    ]
    assert client.post(reverse("admin:sync_causenote_retry"), {"cause": hours[0]}).status_code == 404
    client.post(reverse("admin:sync_causenote_retry"), {"cause": hours[1]})
    assert {run.tenant_id for run in all_rows(Run) if run.kind == "hours"} == {tenant.pk for tenant in ours}


def test_who_sees_to_it_is_noted_for_colleagues_only():
    tenant, other = trouble("aa"), trouble("theirmark")
    with tenant_scope(ALL):
        customer, helper, colleague, stranger = (
            make_user(name, role, at)
            for name, role, at in (
                ("customer", "customer", tenant),
                ("helper", "support", tenant),
                ("colleague", "consultant", tenant),
                ("stranger", "support", other),
            )
        )
    say = reverse("admin:sync_causenote_say")
    client = sign_in(helper)
    assert [user.username for user in client.get(reverse(PAGE)).context["colleagues"]] == ["colleague", "helper"]
    wish = {"cause": "record:refused", "assigned_to": colleague.pk, "note": "  the bank is asked  "}
    assert client.post(say, wish | {"assigned_to": stranger.pk}).status_code == 404
    assert client.post(say, wish).status_code == 302
    assert [(row.note, row.assigned_to_id, row.written_by_id, row.tenant_ids) for row in all_rows(CauseNote)] == [
        ("the bank is asked", colleague.pk, helper.pk, [tenant.pk])
    ]
    assert list(entries(sign_in(colleague), kind="mine")) == ["record:refused"]
    assert "the bank is asked" in sign_in(colleague).get(reverse(PAGE)).content.decode()
    seen = sign_in(customer).get(reverse(PAGE)).content.decode()
    assert "the bank is asked" not in seen and "Assign" not in seen and "Retry all" not in seen
    for refused in (customer, stranger):
        assert sign_in(refused).post(say, wish | {"assigned_to": ""}).status_code in (302, 403)
    with tenant_scope([tenant.pk]):
        assert notes()["record", "refused"].note == "the bank is asked"
    assert sign_in(customer).post(reverse("admin:sync_causenote_retry"), wish).status_code == 302
    assert all_rows(Run) == []
    client.post(say, {"cause": "record:refused"})
    assert [row.tenant_ids for row in all_rows(CauseNote)] == [[other.pk]]


@pytest.mark.parametrize("role", ["superuser", "consultant"])
def test_the_page_costs_the_same_for_many_companies(role):
    tenants = [trouble("a")]
    user = make_user("person", "consultant", *tenants) if role == "consultant" else make_user("b", is_superuser=True)
    client = sign_in(user)
    client.get(reverse(PAGE))  # warms what is read once per process
    one = query_count(client, reverse(PAGE))
    for slug in ("b", "c"):
        tenant = trouble(slug)
        if role == "consultant":
            with tenant_scope(ALL):
                Membership.objects.create(user=user, tenant=tenant, role="consultant")
    assert query_count(client, reverse(PAGE)) == one <= 15


def test_the_front_page_leads_to_the_causes():
    trouble("aa")
    page = sign_in(make_user("boss", is_superuser=True)).get(reverse("admin:index"))
    assert page.context["causes"][0]["url"] == reverse(PAGE) + "?cause=record%3Arefused"
    assert page.context["attention_url"] == reverse(PAGE)


def test_the_catalogue_is_searched_and_collects_what_it_has_no_name_for():
    ours, theirs = make_tenant("ours"), make_tenant("theirs")
    for tenant, text in ((ours, "Row 17 is odd"), (ours, "Row 18 is odd"), (theirs, "theirmark is odd")):
        make_link(tenant, state="needs_attention", reason="refused", detail=text)
    make_link(ours, state="needs_attention", reason="key_taken", detail="a name we know")
    client = sign_in(make_user("helper", "support", ours))
    url = reverse("admin:sync_causenote_errors")
    page = client.get(url)
    assert [(each.text, each.count) for each in page.context["unnamed"]] == [("Row 18 is odd", 2)]
    assert sum(len(section.codes) for section in page.context["sections"]) == len(SENTENCES)
    assert "theirmark" not in page.content.decode()
    found = client.get(url, {"q": "never_ticked"}).context["sections"]
    assert [each.code for section in found for each in section.codes] == ["never_ticked"]
    assert query_count(client, url) <= 15
