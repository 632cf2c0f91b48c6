"""`manage.py sync`: in the foreground, with numbers that add up; and a dry run that leaves no trace anywhere."""

import re

import pytest
from django.core.management import CommandError

from mappings.models import RecordLink
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_policy, make_tenant
from tests.sync.management.conftest import INTEMPUS_KEY, UNICONTA_PASSWORD
from tests.tenants.conftest import owner_cursor, tables

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nordbyg(world) -> Tenant:
    """Live, tested, customers switched on; nothing read yet."""
    from sync.domain.connections import check_connection_now

    tenant = make_tenant("nordbyg")
    rows = make_connections(
        tenant,
        world.uniconta_url,
        world.intempus_url,
        uniconta_username="sync",
        uniconta_password=UNICONTA_PASSWORD,
        intempus_username="api@nordbyg.dk",
        intempus_key=INTEMPUS_KEY,
    )
    make_policy(tenant, "customer", number_prefix="I", default_group="1")
    for row in rows:
        check_connection_now(row)
    return tenant


def ours() -> str:
    """Every row of ours, call counts included."""
    with owner_cursor() as cursor:
        texts = []
        for table in tables():
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            texts += [f"{table} {row}" for (row,) in cursor.fetchall()]
    return "\n".join(texts)


def writes(world) -> list[str]:
    return [
        f"{entry.method} {entry.path}"
        for simulator in (world.uniconta, world.intempus)
        for entry in simulator.ledger.entries()
        if entry.origin == "api" and entry.method != "GET"
    ]


def row_of(output: str, label: str) -> int:
    line = next(line for line in output.splitlines() if label in line)
    return int(line.strip("│ ").split("│")[-1])


def test_everything_travels_and_the_table_counts_it(run, nordbyg, world):
    output = run("sync", "nordbyg")
    with tenant_scope(nordbyg.pk):
        states = list(RecordLink.objects.filter(entity="customer").values_list("state", flat=True))
    assert states.count("new") == 0
    assert row_of(output, "Excluded: Not ticked") == states.count("excluded") > 0
    assert row_of(output, "Created") > 0
    assert row_of(output, "Needs attention") == states.count("needs_attention")
    assert row_of(output, "Records read") > 12
    assert row_of(output, "Calls made") > 4
    assert "planted" not in output
    creates = [write for write in writes(world) if write.startswith("POST")]
    assert row_of(output, "Created") == len(creates)


def test_a_second_run_writes_nothing_and_says_so(run, nordbyg, world):
    run("sync", "nordbyg")
    before = writes(world)
    output = run("sync", "nordbyg")
    assert writes(world) == before
    assert (row_of(output, "Created"), row_of(output, "Updated"), row_of(output, "Linked")) == (0, 0, 0)
    assert row_of(output, "Unchanged") > 5


def test_from_one_system_reads_the_other_only_where_needed(run, nordbyg):
    output = run("sync", "nordbyg", "--from", "intempus")
    assert "Reading Intempus" in output
    assert "Reading Uniconta" not in output


def test_one_entity_alone(run, nordbyg, world):
    output = run("sync", "nordbyg", "--entity", "customer", "--from", "uniconta")
    assert row_of(output, "Records read") == 12
    assert row_of(output, "Created") > 0


def test_a_dry_run_shows_everything_and_writes_nothing_anywhere(run, nordbyg, world):
    before = ours()
    output = run("sync", "nordbyg", "--dry-run")
    assert ours() == before
    assert writes(world) == []
    assert "× create in Intempus" in output
    assert "× create in Uniconta" in output
    assert "Not ticked for synchronisation" in output
    assert "1003 Café Ærø ApS" in output
    assert re.search(
        r"first matching: \d+ certain, \d+ probable, \d+ ambiguous, \d+ only in Uniconta, \d+ only in", output
    )
    assert "nothing was written" in output


def test_the_dry_run_foretells_what_then_happens(run, nordbyg, world):
    output = run("sync", "nordbyg", "--dry-run", "--entity", "customer")
    foretold = {
        name: int(line.split("×")[0])
        for line in output.splitlines()
        for name in ("create in Intempus", "create in Uniconta")
        if f"× {name}" in line
    }
    run("sync", "nordbyg")
    with tenant_scope(nordbyg.pk):
        customers = RecordLink.objects.filter(entity="customer").exclude(intempus_id="").exclude(uniconta_id="")
    created = [entry.path for entry in world.uniconta.ledger.entries() if entry.method == "POST"]
    assert foretold["create in Uniconta"] == len(created)
    creates = [
        entry for entry in world.intempus.ledger.entries() if entry.method == "POST" and "/customer/" in entry.path
    ]
    assert foretold["create in Intempus"] == len(creates)
    with tenant_scope(nordbyg.pk):
        assert customers.count() > 0


def test_a_dry_run_works_before_going_live(run, nordbyg):
    with tenant_scope(ALL):
        Tenant.objects.update(state="preparing")
    assert "× create in Intempus" in run("sync", "nordbyg", "--dry-run")
    with pytest.raises(CommandError, match="nordbyg is not live, so nothing may be written"):
        run("sync", "nordbyg")


def test_a_failed_read_is_said_and_fails(run, nordbyg):
    with tenant_scope(ALL):
        row = Connection.objects.get(system="uniconta")
        row.set_secret("planted-wrong")
        row.save()
    with pytest.raises(CommandError, match="Check Uniconta: ") as caught:
        run("sync", "nordbyg")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "There is no tenant 'nobody'"),
        (["nordbyg", "--entity", "costumer"], "invalid choice: 'costumer'"),
        (["nordbyg", "--from", "e-conomic"], "invalid choice: 'e-conomic'"),
    ],
)
def test_a_wrong_call_is_explained(run, nordbyg, arguments, said):
    with pytest.raises(CommandError, match=said):
        run("sync", *arguments)


def test_an_entity_that_is_off_is_refused(run):
    make_policy(make_tenant("nordbyg"), "customer", enabled=False)
    with pytest.raises(CommandError, match="customer is not switched on"):
        run("sync", "nordbyg", "--entity", "customer")
