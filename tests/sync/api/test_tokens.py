"""API tokens: what each may, for whom and how long, and that nothing of another company is ever answered."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mappings.models import RecordLink
from sync.models import ChangeEvent
from tenants.models import ApiToken, AuditEntry, Membership, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_user
from tests.sync.admin.conftest import Company, as_boss, as_role, ours, sign_in, theirs  # noqa: F401 - fixtures

READING = ("status", "tenants", "health", "records", "log", "needs-attention")
EVERYTHING = ["read", "explain", "retry"]


@pytest.fixture(autouse=True)
def _no_calls_yet() -> None:
    cache.clear()


def issue(user: Any, *tenants: Tenant, scopes: Any = EVERYTHING, days: int = 1) -> tuple[ApiToken, str]:
    with tenant_scope(ALL):
        return ApiToken.issue(user, tenants, scopes, timezone.now() + timedelta(days=days), "for tests")


def call(token: str, name: str, *, post: Any = None, **query: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    if post is not None:
        return Client().post(f"/api/{name}/", post, content_type="application/json", headers=headers)
    return Client().get(f"/api/{name}/", query, headers=headers)


def all_of(name: str, tenant: Tenant) -> dict[str, str]:
    return {"tenant": tenant.slug, "entity": "customer", "key": "ourmark-1"} if name != "status" else {}


def test_what_it_answers(ours: Company, theirs: Company) -> None:  # noqa: F811
    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(state="needs_attention", reason="refused")
    _, token = issue(make_user("reader", "customer", ours.tenant), ours.tenant)
    slug = ours.tenant.slug
    assert call(token, "tenants").json() == [{"slug": slug, "name": "ourmark ApS", "state": "live"}]
    (health,) = call(token, "health").json()
    assert (health["tenant"], health["needs_attention"]) == (slug, 1)
    (record,) = call(token, "records", tenant=slug, number="ourmark-1").json()["results"]
    assert (record["id"], record["state"], record["reason"]) == (ours.link.pk, "needs_attention", "refused")
    assert call(token, "records", tenant=slug, state="in_sync").json()["results"] == []
    (line,) = call(token, "log", tenant=slug, record=ours.link.pk).json()["results"]
    assert line["changes"] == [{"field": "name", "old": "ourmark lost", "new": "ourmark kept"}]
    (cause,) = [row for row in call(token, "needs-attention").json() if row["kind"] == "record"]
    assert (cause["code"], cause["count"], cause["can_retry"]) == ("refused", 1, True)
    (answer,) = call(token, "explain", tenant=slug, entity="customer", key="ourmark-1").json()
    assert {"label": "Phone", "uniconta": "1", "intempus": "2", "differs": True} in answer["fields"]


def test_another_company_is_not_there(ours: Company, theirs: Company) -> None:  # noqa: F811
    """Not for its member with a token for ours, and not with a token for both in the hands of who may see one."""
    both = make_user("both", "consultant", ours.tenant, theirs.tenant)
    one = make_user("one", "consultant", ours.tenant)
    for user, tenants in ((both, [ours.tenant]), (one, [ours.tenant, theirs.tenant])):
        _, token = issue(user, *tenants)
        for name in (*READING, "explain"):
            shown = call(token, name, **all_of(name, ours.tenant))
            assert shown.status_code == 200, name
            assert b"theirmark" not in shown.content, name
        for name in ("records", "log", "explain"):
            assert call(token, name, **all_of(name, theirs.tenant)).status_code == 404, name
        before = ChangeEvent.objects.count()
        for wish in ({"record": theirs.link.pk}, {"reason": "refused"}):
            assert call(token, "retry", post={"tenant": theirs.tenant.slug, **wish}).status_code == 404
        answer = call(token, "retry", post={"tenant": ours.tenant.slug, "record": theirs.link.pk})
        assert answer.json() == {"records": 0, "run": None}
        assert ChangeEvent.objects.count() == before


def test_a_token_allows_what_it_names(ours: Company) -> None:  # noqa: F811
    user = make_user("reader", "support", ours.tenant)
    wish = {"tenant": ours.tenant.slug, "record": ours.link.pk}
    asked = all_of("explain", ours.tenant)
    for scopes, statuses in ((["read"], (200, 403, 403)), (["explain"], (403, 200, 403)), (["retry"], (403, 403, 202))):
        _, token = issue(user, ours.tenant, scopes=scopes)
        found = (call(token, "tenants"), call(token, "explain", **asked), call(token, "retry", post=wish))
        assert tuple(answer.status_code for answer in found) == statuses
    with tenant_scope(ALL):
        assert ChangeEvent.objects.filter(requested_by=user, link=ours.link).count() == 1
        assert AuditEntry.objects.filter(user=user, action="sync_now").count() == 1


def test_a_token_is_no_better_than_its_person(ours: Company) -> None:  # noqa: F811
    auditor = make_user("auditor", "auditor", ours.tenant)
    _, token = issue(auditor, ours.tenant)
    assert call(token, "retry", post={"tenant": ours.tenant.slug, "record": ours.link.pk}).status_code == 403
    with tenant_scope(ALL):
        Membership.objects.update(until=timezone.localdate() - timedelta(days=1))
    assert call(token, "tenants").json() == []
    auditor.is_active = False
    auditor.save()
    assert call(token, "tenants").status_code == 401


def test_no_expired_revoked_or_made_up_token(ours: Company) -> None:  # noqa: F811
    user = make_user("reader", "support", ours.tenant)
    _, expired = issue(user, ours.tenant, days=-1)
    row, revoked = issue(user, ours.tenant)
    assert call(revoked, "tenants").status_code == 200
    sign_in(user).post(reverse("admin:tenants_apitoken_press", args=[row.pk, "revoke"]))
    for token in (expired, revoked, "made-up", ""):
        assert call(token, "tenants").status_code == 401


def test_calls_are_throttled(ours: Company, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("sync.api.access.Throttle.rate", "2/min", raising=False)
    user = make_user("reader", "support", ours.tenant)
    _, token = issue(user, ours.tenant)
    _, other = issue(user, ours.tenant)
    assert [call(token, "tenants").status_code for _ in range(3)] == [200, 200, 429]
    assert call(other, "tenants").status_code == 200


def test_it_is_shown_once_and_kept_as_a_hash(ours: Company, theirs: Company) -> None:  # noqa: F811
    user = make_user("reader", "consultant", ours.tenant)
    client = sign_in(user)
    add = reverse("admin:tenants_apitoken_add")
    form = {"note": "for the help desk", "scopes": ["read"], "days": "30", "tenants": [ours.tenant.pk]}
    assert client.post(add, form | {"tenants": [theirs.tenant.pk]}).status_code == 200  # refused by the form
    page = client.post(add, form)
    assert "no-store" in page["Cache-Control"]
    token = page.context["token"]
    assert token in page.content.decode()
    assert call(token, "tenants").status_code == 200
    with tenant_scope(ALL):
        (row,) = ApiToken.objects.all()
        assert token not in str(vars(row))
        assert (row.user_id, row.tenant_ids) == (user.pk, [ours.tenant.pk])
        (entry,) = AuditEntry.objects.filter(action="api_token_made")
        assert (entry.tenant_id, token in entry.detail) == (ours.tenant.pk, False)
    for url in (reverse("admin:tenants_apitoken_changelist"), reverse("admin:tenants_apitoken_change", args=[row.pk])):
        assert token not in client.get(url).content.decode()
    colleague = sign_in(make_user("colleague", "consultant", ours.tenant))
    assert colleague.get(reverse("admin:tenants_apitoken_change", args=[row.pk])).status_code == 404
    assert colleague.post(reverse("admin:tenants_apitoken_press", args=[row.pk, "revoke"])).status_code == 404
