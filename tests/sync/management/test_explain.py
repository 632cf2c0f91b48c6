"""`manage.py explain`: the answer to "why is this record (not) over there", from the command line."""

import pytest
from django.core.management import CommandError

from tenants.models import Tenant
from tests.factories import make_policy, make_tenant
from tests.sync.management.test_sync import nordbyg, ours, writes

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["nordbyg"]  # a fixture of test_sync


@pytest.fixture
def synced(run, nordbyg) -> Tenant:
    run("sync", "nordbyg")
    return nordbyg


def squeezed(output: str) -> str:
    """Without line breaks and indents, which depend on the width."""
    return " ".join(output.split())


def test_a_linked_record_shows_both_sides_rules_and_history(run, synced):
    output = run("explain", "nordbyg", "customer", "1003")
    text = squeezed(output)
    assert "Customer (debtor) 1003 Café Ærø ApS" in text
    assert "In sync." in text
    assert "Uniconta: number 1003, id" in text
    assert "Intempus: number 1003, id" in text
    assert "Torvet 7 Torvet 7" in text
    assert "xIntempus: ticked → synchronises." in text
    assert "What would happen now Nothing to do." in text
    assert "Created Intempus: Done" in text


def test_a_record_that_is_not_ticked_says_so_and_what_to_do(run, synced):
    text = squeezed(run("explain", "nordbyg", "customer", "1004"))
    assert "Excluded. Not ticked for synchronisation in Uniconta. Tick the field on the record in Uniconta" in text
    assert "Intempus: not there" in text
    assert "xIntempus: not ticked → does not synchronise." in text


def test_in_danish(run, synced):
    text = squeezed(run("explain", "nordbyg", "customer", "1004", "--language", "da"))
    assert "Kunde (debitor) 1004" in text
    assert "Ikke markeret til synkronisering i Uniconta" in text
    assert "Intempus: findes ikke" in text
    assert "Gældende regler" in text
    assert "xIntempus: ikke markeret → synkroniseres ikke." in text


def test_any_number_or_id_on_either_side_finds_the_record(run, synced, world):
    row = next(row for row in world.intempus.rows(61001, "customer") if row["name"] == "Café Ærø ApS")
    assert "1003 Café Ærø ApS" in run("explain", "nordbyg", "customer", str(row["id"]))


def test_a_group_tells_who_uses_it(run, synced):
    text = squeezed(run("explain", "nordbyg", "customer_group", "1"))
    assert "Used by Customer (debtor): " in text
    assert "1001 Murermester Kjær A/S" in text
    unused = squeezed(run("explain", "nordbyg", "customer_group", "4"))
    assert "Goes to Intempus only when a record that uses it goes" in unused


def test_explaining_a_known_record_calls_nobody_and_writes_nothing(run, synced, world):
    calls = world.uniconta.ledger.last_seq, world.intempus.ledger.last_seq
    before = ours()
    for key in ("1001", "1003", "1004"):
        run("explain", "nordbyg", "customer", key)
    assert ours() == before
    assert (world.uniconta.ledger.last_seq, world.intempus.ledger.last_seq) == calls


def test_two_halves_that_would_be_linked_are_told_but_not_linked(run, nordbyg):
    """Explaining matches, and matching joins rows: all of that must be undone."""
    from sync.domain.pull import pull
    from sync.domain.sweep import sweep

    pull(nordbyg.pk), sweep(nordbyg.pk)
    before = ours()
    text = squeezed(run("explain", "nordbyg", "customer", "1001"))
    assert "update in Intempus: Number: 28417748 → 1001" in text
    assert ours() == before


def test_a_record_never_seen_is_looked_up_and_planned_without_a_trace(run, nordbyg, world):
    before = ours()
    text = squeezed(run("explain", "nordbyg", "customer", "1003"))
    assert "Not seen by the platform yet." in text
    assert "Uniconta: 1003 Café Ærø ApS, id" in text
    assert "Intempus: not there" in text
    assert "create in Intempus: " in text
    assert "Torvet 7" in text
    assert ours() == before
    assert writes(world) == []


def test_a_record_nowhere_says_where_was_looked(run, nordbyg):
    text = squeezed(run("explain", "nordbyg", "customer", "987654"))
    assert "Not seen by the platform yet. Uniconta: not there Intempus: not there" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "customer", "1"], "There is no tenant 'nobody'"),
        (["nordbyg", "costumer", "1"], "invalid choice: 'costumer'"),
    ],
)
def test_a_wrong_call_is_explained(run, arguments, said):
    make_policy(make_tenant("nordbyg"))
    with pytest.raises(CommandError, match=said):
        run("explain", *arguments)


def test_an_entity_the_tenant_does_not_have_is_explained(run):
    make_tenant("nordbyg")
    with pytest.raises(CommandError, match="nordbyg does not synchronise customer"):
        run("explain", "nordbyg", "customer", "1")
