"""The pre-sale check: what both systems hold, counted; nothing written to them, and next to nothing kept here."""

import pytest

from sync import tasks
from sync.domain.pre_sale import pre_sale
from sync.models import Run
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_run
from tests.sync.management.test_sync import nordbyg, ours, writes

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["nordbyg"]  # a fixture of test_sync


def check(tenant: Tenant) -> Run:
    run = make_run(tenant, "pre_sale", state="queued", finished_at=None)
    tasks.pre_sale(tenant.pk, run.pk)
    with tenant_scope(ALL):
        return Run.objects.get(pk=run.pk)


def test_it_counts_records_doubles_and_seats_and_writes_nothing(nordbyg, world):
    world.uniconta.person_creates(4242, "Debtor", Account="dobbelt", Name="Dobbelt", CompanyRegNo="25313763")
    world.uniconta.person_creates(4242, "Debtor", Account="dobbelt2", Name="Dobbelt", CompanyRegNo="25313763")
    seats = len(world.uniconta.rows(4242, "Employee"))
    world.uniconta.person_creates(4242, "Employee", Number="999", Name="Ny", Mobil="11223344")
    world.uniconta.person_creates(4242, "Employee", Number="998", Name="Fratrådt", Terminated="2020-01-01T00:00:00")
    sent = writes(world)
    before = ours()
    run = check(nordbyg)
    assert run.state == "done", run.error_code
    customers = next(row for row in run.result["pre_sale"] if row["entity"] == "customer")
    assert customers["uniconta"] == len(world.uniconta.rows(4242, "Debtor"))
    assert customers["intempus"] == len(world.intempus.rows(61001, "customer"))
    assert customers["doubles"]["uniconta"] >= 2 and {"dobbelt", "dobbelt2"} & set(customers["examples"])
    assert 1 <= run.result["seats"] <= seats + 1  # the new one, never the one that left
    assert run.result["calls"]["uniconta"] > 0 and run.result["refused"] == []
    assert writes(world) == sent
    kept = {line.split(" ")[0] for line in set(ours().splitlines()) - set(before.splitlines())}
    assert kept <= {"sync_run", "sync_callcount"} | {name for name in kept if name.startswith("sync_exchange")}


def test_a_wrong_log_in_is_said(nordbyg):
    with tenant_scope(ALL):
        row = Connection.objects.get(system="intempus")
        row.set_secret("planted-wrong")
        row.save()
    run = check(nordbyg)
    assert (run.state, run.error_code) == ("failed", "bad_credentials")
    assert pre_sale(nordbyg.pk, run.pk) is None  # once over it is over
