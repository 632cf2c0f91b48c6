"""Change URL rows in Uniconta: looked at and created on request, nobody else's touched, the address kept nowhere."""

import json

import pytest
from django.urls import reverse

from sync.domain.hooks import hooks, last_look
from sync.domain.reconcile import reconcile
from sync.models import Exchange, Run
from tenants.models import WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_user
from tests.journeys.conftest import Company, World


def carry_out(company: Company, wanted: str = "") -> Run:
    with tenant_scope(company.tenant.pk):
        run = Run.objects.create(tenant=company.tenant, kind="hooks", result={"wanted": wanted} if wanted else {})
    hooks(company.tenant.pk, run.pk)
    with tenant_scope(company.tenant.pk):
        run.refresh_from_db()
    return run


def rows(company: Company) -> list[tuple[str, bool]]:
    found = company.uniconta.rows(company.number, "TableChangeEvent")
    return [(row["Table"], bool(row["UsePost"])) for row in found]


def token_of(company: Company) -> str:
    with tenant_scope(company.tenant.pk):
        return WebhookToken.objects.get(tenant=company.tenant, revoked_at=None).token


def renew(company: Company) -> None:
    """The row for all tables, which every company begins with, becomes outdated."""
    with tenant_scope(company.tenant.pk):
        WebhookToken.objects.filter(tenant=company.tenant).update(revoked_at="2026-01-01T00:00Z")
        WebhookToken.issue(company.tenant)


def test_missing_rows_are_created_once_with_an_address_that_is_kept_nowhere(world: World) -> None:
    world.ends_well = False  # the rows are written outside of the log of records
    company, other = world.nordbyg, world.havnen
    others, before = rows(other), other.now()[0]
    assert carry_out(company, "create").counts == {}
    assert len(rows(company)) == 1  # the row for all tables covers everything
    renew(company)
    run = carry_out(company, "create")
    assert (run.state, run.error_code, run.counts) == ("done", "", {"created": 2})
    assert sorted(rows(company)[1:]) == [("Debtor", False), ("DebtorGroup", False)]
    again = carry_out(company, "create")
    assert (again.state, again.counts, len(rows(company))) == ("done", {}, 3)
    assert [row["is_valid"] for row in again.result["hooks"]].count(False) == 1
    with tenant_scope(ALL):
        kept = [f"{row.url} {row.request_body} {row.response_body}" for row in Exchange.objects.all()]
        kept += [json.dumps([row.result, row.error_detail]) for row in Run.objects.all()]
        assert not Run.objects.filter(tenant=other.tenant).exists()
    assert any("/hooks/nordbyg/***" in text or "hooks\\/nordbyg\\/***" in text for text in kept)
    assert not any(token_of(company) in text for text in kept)
    assert rows(other) == others
    assert not [call for call in other.uniconta.ledger.calls(since=before) if call.user and "havnen" in call.user]


def test_a_refusal_is_a_sentence_and_loses_nothing(world: World) -> None:
    company = world.nordbyg
    renew(company)
    world.uniconta.faults.add("status", method="POST", status=403, times=1)
    run = carry_out(company, "create")
    assert (run.state, run.error_code) == ("failed", "hooks_refused")
    assert [row["is_valid"] for row in run.result["hooks"]] == [False]
    assert company.connection("uniconta").state == "working"


@pytest.mark.parametrize("is_daily", [True, False])
def test_a_row_that_fails_or_is_outdated_shows_as_a_warning(world: World, client, is_daily: bool) -> None:  # type: ignore[no-untyped-def]
    company = world.nordbyg
    renew(company)
    if is_daily:
        assert reconcile(company.tenant.pk) is not None
    else:
        carry_out(company)
    client.force_login(make_user("boss", is_superuser=True))
    with tenant_scope(ALL):
        look = last_look(company.tenant.pk)
    assert look is not None
    for url in (
        reverse("admin:tenants_tenant_change", args=[company.tenant.pk]),
        reverse("admin:sync_run_change", args=[look.pk]),
    ):
        page = client.get(url, headers={"accept-language": "en"}).content.decode()
        assert "revoked or leads elsewhere" in page or "tilbagekaldt eller fører" in page
        assert token_of(company) not in page
