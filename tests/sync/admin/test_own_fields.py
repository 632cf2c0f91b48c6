"""The buttons beside a field rule's form: what is posted is looked at, never saved, and stays within the company."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from mappings.models import FieldRule, ValueMap
from sync.models import Run
from tenants.models import AuditEntry
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_run
from tests.sync.admin.conftest import all_rows

ADD = {"try": "admin:mappings_fieldrule_draft", "effect": "admin:mappings_fieldrule_draft"}


def values(company, **changes):
    defaults = {
        "tenant": company.tenant.pk,
        "entity": "customer",
        "attribute": "department",
        "uniconta_field": "Dimension1",
        "intempus_field": "notes",
        "direction": "to_intempus",
        "record_key": "",
    }
    return defaults | changes


def drafts() -> list[Run]:
    return [run for run in all_rows(Run) if run.kind in ("try_out", "effect")]


@pytest.mark.parametrize("verb", ["try", "effect"])
@pytest.mark.parametrize(
    ("role", "may"), [("customer", False), ("auditor", False), ("support", False), ("consultant", True)]
)
def test_a_draft_becomes_a_run_and_no_rule(ours, as_role, queued, role, may, verb):
    response = as_role(role).post(reverse("admin:mappings_fieldrule_draft", args=[verb]), values(ours))
    assert response.status_code == (200 if may else 403)
    assert len(drafts()) == len(queued) == may
    assert all_rows(FieldRule) == []
    if may:
        [run] = drafts()
        assert queued == [
            ({"try": "sync.tasks.try_out", "effect": "sync.tasks.preview_effect"}[verb], ours.tenant.pk, run.pk)
        ]
        assert run.link_id == (ours.link.pk if verb == "try" else None)
        assert [row["uniconta_field"] for row in run.result["draft"]["rules"]] == ["Dimension1"]
        assert reverse("admin:mappings_fieldrule_draft_result", args=[run.pk]) in response.content.decode()


def test_a_stored_rule_is_drafted_as_the_form_has_it_now(ours, theirs, as_role, queued):
    with tenant_scope(ALL):
        rows = [
            FieldRule.objects.create(
                tenant=company.tenant,
                entity="customer",
                attribute="department",
                uniconta_field="A",
                intempus_field="notes",
            )
            for company in (ours, theirs)
        ]
    client = as_role("consultant")
    urls = [reverse("admin:mappings_fieldrule_draft_of", args=[row.pk, "effect"]) for row in rows]
    assert client.post(urls[0], values(ours, uniconta_field="B")).status_code == 200
    assert client.post(urls[1], values(ours, uniconta_field="B")).status_code == 404
    [run] = drafts()
    assert [(row["id"], row["uniconta_field"]) for row in run.result["draft"]["rules"]] == [(rows[0].pk, "B")]
    assert [row.uniconta_field for row in all_rows(FieldRule)] == ["A", "A"]


def test_a_value_translation_is_drafted_too(ours, as_role, queued):
    words = {"uniconta_value": "100", "intempus_value": "Tømrer"}
    url = reverse("admin:mappings_valuemap_draft", args=["effect"])
    assert as_role("consultant").post(url, values(ours, attribute="city", **words)).status_code == 200
    [run] = drafts()
    assert run.result["draft"]["translations"] == [{"id": None, "attribute": "city", **words}]
    assert all_rows(ValueMap) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uniconta_transform": "uper"}, "Did you mean “upper”?"),
        ({"record_key": "theirmark-1"}, "There is no record with this number yet."),
        ({"uniconta_field": "Name"}, "two attributes use the uniconta field"),
    ],
)
def test_what_is_wrong_is_said_in_the_box(ours, theirs, as_role, queued, changes, said):
    page = as_role("consultant").post(reverse("admin:mappings_fieldrule_draft", args=["try"]), values(ours, **changes))
    assert said in page.content.decode().replace("&#x27;", "'")
    assert drafts() == queued == []


def test_another_companys_draft_does_not_exist(ours, theirs, as_role, queued):
    client, url = as_role("consultant"), reverse("admin:mappings_fieldrule_draft", args=["try"])
    client.post(url, values(theirs))
    assert drafts() == []
    mark = {
        "journeys": [
            {"source": "uniconta", "source_field": "A", "target": "intempus", "target_field": "b"}
            | {"raw": "theirmark"}
        ]
    }
    foreign = make_run(theirs.tenant, "try_out", state="done", result=mark)
    assert client.get(reverse("admin:mappings_fieldrule_draft_result", args=[foreign.pk])).status_code == 404
    assert client.get(reverse("admin:mappings_fieldrule_draft_result", args=[ours.run.pk])).status_code == 404  # a pull
    assert client.get(url).status_code == 405


def test_the_result_comes_into_the_box_and_onto_the_runs_page(ours, as_role):
    change = {"target": "intempus", "action": "update", "field": "city", "old": "Aarhus", "new": "Odense"}
    effect = {
        "label": "ourmark",
        "link": ours.link.pk,
        "writes": [change],
        "dropped": [],
        "error_code": "",
        "error_detail": "",
    }
    run = make_run(
        ours.tenant,
        "effect",
        entity="customer",
        state="done",
        counts={"records": 70, "altered": 60},
        result={"effects": [effect] * 60},
    )
    client = as_role("consultant")
    box = client.get(reverse("admin:mappings_fieldrule_draft_result", args=[run.pk])).content.decode()
    assert "60 records would change." in box and box.count("Odense") == 5
    url = reverse("admin:sync_run_change", args=[run.pk])
    pages = [client.get(url, {"page": page}).content.decode() for page in (1, 2)]
    assert [page.count("Odense") for page in pages] == [50, 10]
    journey = {"source": "uniconta", "source_field": "City", "raw": "Aarhus", "canonical": "Aarhus"}
    journey |= {"target": "intempus", "target_field": "city", "written": "ÅRHUS", "stands": None}
    tried = make_run(ours.tenant, "try_out", entity="customer", state="done", result={"journeys": [journey]})
    for address in (
        reverse("admin:mappings_fieldrule_draft_result", args=[tried.pk]),
        reverse("admin:sync_run_change", args=[tried.pk]),
    ):
        page = client.get(address).content.decode()
        assert "ÅRHUS" in page and "no record there" in page


# ------------------------------------------------------------------------------------------------------ versions


def page_of(company, entity="customer") -> str:
    return reverse("admin:mappings_fieldrule_versions", args=[company.tenant.pk, entity])


def verb_of(company, verb) -> str:
    return reverse("admin:mappings_fieldrule_version", args=[company.tenant.pk, "customer", verb])


@pytest.fixture
def two_versions(ours, theirs, as_role, queued):
    """Made in the console, so that it is known by whom."""
    client = as_role("consultant")
    client.post(reverse("admin:mappings_fieldrule_add"), values(ours))
    [row] = all_rows(FieldRule)
    client.post(reverse("admin:mappings_fieldrule_change", args=[row.pk]), values(ours, uniconta_field="Dimension2"))
    with tenant_scope(ALL):
        FieldRule.objects.create(
            tenant=theirs.tenant, entity="customer", attribute="theirmark", uniconta_field="X", intempus_field="notes"
        )
        first = FieldRule.history.filter(tenant=ours.tenant).earliest().history_date
        # As if on different days.
        FieldRule.history.filter(tenant=ours.tenant, history_type="+").update(history_date=first - timedelta(days=1))
    return client, first - timedelta(days=1)


def test_saving_looks_for_the_records_it_concerns_once(ours, two_versions, queued):
    runs = [run for run in all_rows(Run) if run.kind == "reconcile"]
    assert [(run.tenant_id, run.entity) for run in runs] == [(ours.tenant.pk, "customer")]
    assert queued == [("sync.tasks.reconcile", ours.tenant.pk, runs[0].pk)]


def test_versions_say_who_changed_what(ours, two_versions):
    page = two_versions[0].get(page_of(ours)).content.decode()
    assert "consultant-person" in page and "Dimension1" in page and "Dimension2" in page and "in force" in page
    assert "theirmark" not in page
    links = two_versions[0].get(reverse("admin:mappings_fieldrule_changelist")).content.decode()
    assert page_of(ours) in links and "theirmark" not in links


def test_going_back_is_a_consultants_and_a_new_version(ours, two_versions, as_role):
    client, at = two_versions
    for role in ("customer", "auditor", "support"):
        other = as_role(role)
        assert other.get(page_of(ours)).status_code == 200
        assert other.post(verb_of(ours, "restore"), {"at": at.isoformat()}).status_code == 403
    assert client.get(verb_of(ours, "restore")).status_code == 405
    assert client.post(verb_of(ours, "restore"), {"at": at.isoformat()}).status_code == 302
    with tenant_scope(ours.tenant.pk):
        [row] = FieldRule.objects.all()
        assert row.uniconta_field == "Dimension1"
        assert FieldRule.history.count() == 3
        assert FieldRule.history.latest().history_user.username == "consultant-person"
    assert "own_fields_restored" in [entry.action for entry in all_rows(AuditEntry)]
    assert client.post(verb_of(ours, "restore"), {"at": ""}).status_code == 302  # before all of them
    with tenant_scope(ours.tenant.pk):
        assert not FieldRule.objects.exists()


def test_the_effect_of_a_version_is_previewed(ours, two_versions):
    client, at = two_versions
    response = client.post(verb_of(ours, "effect"), {"at": at.isoformat()})
    [run] = drafts()
    assert response.url == reverse("admin:sync_run_change", args=[run.pk])
    assert [row["uniconta_field"] for row in run.result["draft"]["rules"]] == ["Dimension1"]


def test_another_companys_versions_do_not_exist(ours, theirs, two_versions):
    client, at = two_versions
    assert client.get(page_of(theirs)).status_code == 404
    for verb in ("restore", "effect"):
        assert client.post(verb_of(theirs, verb), {"at": ""}).status_code == 404
    assert client.get(page_of(ours, "invoice")).status_code == 404
    for wrong in ("yesterday", at.replace(tzinfo=None).isoformat()):
        assert client.post(verb_of(ours, "restore"), {"at": wrong}).status_code == 404
    assert client.post(verb_of(ours, "delete"), {"at": ""}).status_code == 404
    assert len(all_rows(FieldRule)) == 2
