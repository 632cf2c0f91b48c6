"""`manage.py reconcile`: what it prints, and what it refuses."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from sync.models import Run
from tenants.scoping import tenant_scope
from tests.factories import make_tenant


def run_command(slug):
    output = io.StringIO()
    call_command("reconcile", slug, stdout=output)
    return output.getvalue()


def test_an_unknown_tenant_is_named(db):
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        run_command("nobody")


def test_the_counts_become_a_table(db, monkeypatch):
    tenant = make_tenant("nordbyg", name="Nordbyg ApS")

    def compared(tenant_id, tell):
        tell("customer")
        with tenant_scope(tenant_id):
            return Run.objects.create(
                tenant_id=tenant_id,
                kind=Run.Kind.RECONCILE,
                state=Run.State.DONE,
                counts={"pairs": 12, "equal": 10, "differing": 2},
                result={"differing_fields": {"customer.cvr": 2}},
            )

    monkeypatch.setattr("sync.management.commands.reconcile.reconcile", compared)
    text = run_command(tenant.slug)
    for part in ("Customer", "Nordbyg ApS", "Pairs", "12", "differ in customer.cvr"):
        assert part in text


def test_a_tenant_that_is_not_live_says_so(db):
    make_tenant("nordbyg", state="preparing")
    with pytest.raises(CommandError, match="not live"):
        run_command("nordbyg")


def test_one_at_a_time(db):
    tenant = make_tenant("nordbyg")
    with tenant_scope(tenant.pk):
        now = timezone.now()
        Run.objects.create(tenant=tenant, kind="reconcile", state="running", started_at=now, alive_at=now)
    with pytest.raises(CommandError, match="running already"):
        run_command("nordbyg")
