"""Change URL rows in Uniconta: looked at and created on request, nobody else's touched, the address kept nowhere."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

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
    nothing = carry_out(company, "create")
    assert (nothing.counts, nothing.result["is_complete"]) == ({}, True)
    assert len(rows(company)) == 1  # the row for all tables covers everything
    renew(company)
    run = carry_out(company, "create")
    assert (run.state, run.error_code, run.counts) == ("done", "", {"created": 2})
    assert run.result["is_complete"] is False
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


def test_a_refusal_in_the_middle_shows_the_rows_as_they_are_now(world: World) -> None:
    world.ends_well = False  # a row is written outside of the log of records
    company, others = world.nordbyg, rows(world.havnen)
    renew(company)
    world.uniconta.faults.add("status", method="POST", status=403, nth=2)
    run = carry_out(company, "create")
    assert (run.state, run.error_code, run.counts) == ("failed", "hooks_refused", {"created": 1})
    assert [(row["table"], row["is_valid"]) for row in run.result["hooks"]] == [("", False), ("DebtorGroup", True)]
    assert rows(world.havnen) == others


def test_a_row_made_for_another_table_is_said_and_no_more_are_made(world: World) -> None:
    """Uniconta may not keep a table's name; then a row without a number of its table stands for all of them."""
    world.ends_well = False  # rows are written outside of the log of records
    company = world.nordbyg
    renew(company)
    world.uniconta.switches.read_only_fields = ("Table",)
    run = carry_out(company, "create")
    assert (run.state, run.error_code, run.error_detail) == ("failed", "hook_other_table", "DebtorGroup → *")
    assert [row["table"] for row in run.result["hooks"] if row["is_valid"]] == [""]
    assert carry_out(company, "create").state == "done"  # everything is carried now, and nothing more is made
    assert len(rows(company)) == 2


def page_of(client: Client, company: Company) -> str:
    client.force_login(make_user("boss", is_superuser=True))
    client.cookies["django_language"] = "en"
    return client.get(reverse("admin:tenants_tenant_webhooks", args=[company.tenant.pk])).content.decode()


def test_a_row_that_uniconta_could_not_call_shows_with_its_reason(world: World, client: Client, settings: Any) -> None:
    company = world.nordbyg
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    company.uniconta.add_change_url(company.number, f"http://127.0.0.1:1/hooks/nordbyg/{token_of(company)}/uniconta/")
    company.debtor("1001")
    company.settle()
    [failed] = [row for row in company.uniconta.rows(company.number, "TableChangeEvent") if row["HasError"]]
    carry_out(company)
    page = page_of(client, company)
    assert "Uniconta could not call the change URL." in page
    assert escape(failed["ErrorMessage"][:30]) in page
    assert token_of(company) not in page


def test_a_table_without_a_row_of_its_own_is_said_to_be_carried_by_the_one_for_all(
    world: World, client: Client
) -> None:
    carry_out(world.nordbyg)
    page = page_of(client, world.nordbyg)
    assert page.count("carried by the row for all tables") == 2
    assert "is there<" not in page


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
        reverse("admin:tenants_tenant_webhooks", args=[company.tenant.pk]),
        reverse("admin:sync_run_change", args=[look.pk]),
    ):
        page = client.get(url, headers={"accept-language": "en"}).content.decode()
        assert "revoked or leads elsewhere" in page or "tilbagekaldt eller fører" in page
        assert token_of(company) not in page
