"""A preview tells what would happen and leaves no trace, neither there nor here."""

import pytest

from mappings.models import MatchRow
from sync.domain.first_matching import first_matching
from sync.domain.preview import preview_entity
from sync.models import ChangeEvent, SyncLogEntry
from tenants.scoping import ALL, tenant_scope
from tests.journeys.conftest import World

pytestmark = pytest.mark.one_profile


def test_a_preview_foretells_and_leaves_no_trace(world: World) -> None:
    company = world.nordbyg
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.debtor("1001", Group="2")
    company.debtor("1002", xIntempus=False)
    company.debtor("1003", CompanyRegNo="25313763", Name="Hansen")
    linked = company.customer(name="Hansen", number="25313763")
    company.customer(name="Født her")
    before = company.now()
    told = preview_entity(company.tenant.pk, "customer").records
    assert company.writes(before) == []
    assert company.links() == []
    with tenant_scope(ALL):
        assert (ChangeEvent.objects.count(), SyncLogEntry.objects.count()) == (0, 0)
    foretold = sorted((one.label.split()[-1], [f"{w.action} {w.target}" for w in one.plan.writes]) for one in told)
    assert foretold == [
        ("1001", ["create intempus"]),
        ("1002", []),
        ("Hansen", ["update intempus"]),
        ("her", ["create uniconta"]),
    ]
    [first] = [one for one in told if "1001" in one.label]
    assert "creates_customer_group" in first.plan.notes
    company.both()
    company.pull()
    assert len(company.customers()) == 3
    assert company.link(uniconta_key="1003").intempus_id == str(linked)


def test_what_cannot_be_sent_is_foretold_as_a_question(world: World) -> None:
    """Found by the whole company: it was promised as a create, by the preview and by the page of *Go live*."""
    company, other = world.nordbyg, world.havnen
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.update(state="preparing")
    for each in (company, other):
        each.debtor("1001", Name="Å" * 256)
    [told] = preview_entity(company.tenant.pk, "customer").records
    assert (told.error_code, told.plan.writes) == ("value_refused", ())
    first_matching(company.tenant.pk)
    with tenant_scope(ALL):
        assert list(MatchRow.objects.values_list("reason", "writes")) == [("value_refused", [])]
