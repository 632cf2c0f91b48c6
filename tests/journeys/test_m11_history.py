"""M11: every record shows what came in, what was decided and why, what was sent and who pressed what.

That the log and the simulators' ledgers agree write by write, and that no exchange carries a credential, is checked
after every journey (`check_promises`).
"""

import pytest

from sync.domain.actions import sync_now
from sync.models import Exchange
from tenants.scoping import tenant_scope
from tests.factories import make_user
from tests.journeys.conftest import World

pytestmark = pytest.mark.one_profile


def test_the_life_of_one_record(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    row_id = company.debtor("1001", City="Odense")
    other.debtor("1001")
    company.settle()
    other.settle()
    company.edit(row_id, City="Assens")
    company.settle()
    company.edit_customer(company.customer_by_number("1001")["id"], city="Nyborg")
    company.pull()
    company.edit(row_id, xIntempus=False)
    company.settle()
    link = company.link()
    told = [
        (entry.origin, entry.target, entry.action, entry.state)
        for entry in company.log(link)
        if entry.target  # and what led to nothing
    ]
    assert told == [
        ("webhook", "intempus", "create", "done"),
        ("webhook", "intempus", "update", "done"),
        ("pull", "uniconta", "update", "done"),
        ("webhook", "intempus", "deactivate", "done"),
    ]
    changes = [entry.plan["changes"] for entry in company.log(link) if entry.target]
    assert changes[1] == [{"field": "city", "old": "Odense", "new": "Assens", "reason": "changed_in_uniconta"}]
    assert changes[2] == [{"field": "city", "old": "Assens", "new": "Nyborg", "reason": "changed_in_intempus"}]
    assert changes[3] == [{"field": "active", "old": True, "new": False, "reason": "tick_removed"}]

    with tenant_scope(company.tenant.pk):
        for entry in company.log(link):
            if entry.target:
                methods = set(Exchange.objects.filter(entry_id=entry.pk).values_list("method", flat=True))
                assert methods & {"POST", "PUT", "PATCH"}, entry
    [update] = [entry for entry in company.log(link) if entry.target == "uniconta"]
    assert update.sealed_pre_image != ""
    assert "Assens" not in update.sealed_pre_image
    assert all(entry.finished_at is not None for entry in company.log(link))
    assert len(other.log(other.link())) == 1


def test_who_pressed(world: World) -> None:
    company = world.nordbyg
    company.debtor("1001")
    company.settle()
    user = make_user("support")
    with tenant_scope(company.tenant.pk):
        sync_now([company.link().pk], user.pk)
    company.settle()
    last = company.log(company.link())[-1]
    assert (last.origin, last.action, last.state, last.user_id) == ("person", "nothing", "done", user.pk)
