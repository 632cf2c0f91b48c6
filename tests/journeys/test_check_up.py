"""The weekly check-up: the doctor's checks as a run, with nothing changed anywhere."""

import pytest

from sync import tasks
from sync.models import Run
from tenants.scoping import tenant_scope
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


def last_check_up(company: Company) -> Run:
    with tenant_scope(company.tenant.pk):
        return Run.objects.filter(tenant=company.tenant, kind=Run.Kind.CHECK_UP).latest("created_at")


def grades(run: Run, grade: str) -> list[str]:
    return [check["name"]["en"] for check in run.result["checks"] if check["grade"] == grade]


def test_what_drifted_is_found_and_said(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    for each in world.companies:
        each.debtor("1001")
        each.settle()
        each.both()
    since = company.now()
    tasks.check_up(company.tenant.pk)
    healthy = last_check_up(company)
    company.update(opt_in_field="xIntempos")
    tasks.check_up(company.tenant.pk)
    drifted = last_check_up(company)
    new = set(grades(drifted, "failed")) - set(grades(healthy, "failed"))
    assert new == {"Tick xIntempos, Customer (debtor)"} or not company.uniconta_fields
    assert drifted.counts["checks_failed"] == len(grades(drifted, "failed"))
    assert (drifted.state, drifted.error_code) == ("failed", "check_up_found")
    assert company.writes(since) == other.writes(since) == []
    with tenant_scope(other.tenant.pk):
        assert not Run.objects.filter(tenant=other.tenant, kind=Run.Kind.CHECK_UP).exists()


def test_two_at_once_are_one(world: World) -> None:
    company = world.nordbyg
    with tenant_scope(company.tenant.pk):
        Run.objects.create(tenant=company.tenant, kind=Run.Kind.CHECK_UP, state=Run.State.RUNNING)
        Run.objects.update(alive_at="2999-01-01T00:00Z")
    since = company.now()
    tasks.check_up(company.tenant.pk)
    assert company.uniconta.ledger.calls(since=since[0]) == company.intempus.ledger.calls(since=since[1]) == []
