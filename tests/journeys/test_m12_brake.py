"""M12: unusually many drastic changes are one question; everything else goes on, and a release is logged."""

from datetime import timedelta
from typing import Any

import pytest

from mappings.models import RecordLink
from sync.domain import actions
from sync.domain.retry_many import queue_retry, retry_many
from sync.models import HeldSet
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.factories import make_policy
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile

LIMIT = 25


def many(company: Company, count: int, start: int = 1001, **values: Any) -> list[int]:
    """Debtors that were there before the first load."""
    given = {"Account": "{n}", "Name": "Kunde {n}", "Group": "1", "City": "Odense", "Country": "Denmark"}
    if company.uniconta_fields:
        given["xIntempus"] = True
    rows = company.uniconta.bulk(company.number, "Debtor", count, start=start, **(given | values))
    return [int(row) for row in rows]


def edit_all(company: Company, rows: list[int], **values: Any) -> None:
    for row_id in rows:
        company.edit(row_id, **values)


def held_sets(company: Company) -> list[tuple[str, str, int, str]]:
    with tenant_scope(company.tenant.pk):
        return [(h.kind, h.state, h.count, h.cause) for h in HeldSet.objects.filter(tenant=company.tenant)]


def members(company: Company) -> int:
    with tenant_scope(company.tenant.pk):
        return RecordLink.objects.filter(tenant=company.tenant, state="waiting", reason__startswith="held_").count()


def release(company: Company) -> None:
    with tenant_scope(company.tenant.pk):
        held = HeldSet.objects.get(tenant=company.tenant, state="open")
    company.press(actions.release_held, held.pk)
    company.settle()


def active(company: Company) -> int:
    return sum(row["active"] for row in company.customers())


def load(company: Company, count: int) -> list[int]:
    rows = many(company, count)
    company.sweep()
    assert len(company.customers()) == count  # a confirmed first load is exempt
    assert held_sets(company) == []
    return rows


@pytest.mark.parametrize("is_announced", [True, False], ids=["hooks", "no hooks"])
def test_many_ticks_removed_by_one_paste_are_one_question(world: World, is_announced: bool) -> None:
    company, other = world.nordbyg, world.havnen
    count = 60 if is_announced else 35
    rows = load(company, count)
    load(other, 3)
    world.uniconta.switches.webhook_drop_probability = 0.0 if is_announced else 1.0
    before = company.now()
    edit_all(company, rows[5:], xIntempus=False)
    company.edit(rows[0], City="Assens")  # everything else goes on
    company.settle()
    company.both()
    assert held_sets(company) == [("deactivate", "open", count - 5, "many_unticked")]
    assert members(company) == count - 5
    assert active(company) == count
    assert company.customer_by_number("1001")["city"] == "Assens"
    assert [write[:2] for write in company.writes(before)] == [("updated", "customer")]
    assert held_sets(other) == []

    release(company)
    assert active(company) == 5
    assert [state for _, state, _, _ in held_sets(company)] == ["released"]
    assert active(other) == 3
    with tenant_scope(company.tenant.pk):
        assert AuditEntry.objects.filter(action="held_released").count() == 1
    company.edit(rows[1], xIntempus=False)  # what a person released does not count against what follows
    company.both()
    assert active(company) == 4


def test_the_first_ones_do_not_slip_through(world: World) -> None:
    """Twenty-five within the hour go; with the next handful the hour has too many, and only those are held."""
    company = world.nordbyg
    rows = load(company, 30)
    edit_all(company, rows[:LIMIT], xIntempus=False)
    company.settle()
    assert (active(company), held_sets(company)) == (30 - LIMIT, [])
    edit_all(company, rows[LIMIT : LIMIT + 3], xIntempus=False)
    company.settle()
    assert active(company) == 30 - LIMIT
    assert held_sets(company) == [("deactivate", "open", LIMIT + 3, "many_unticked")]
    assert members(company) == 3


def test_a_retry_is_no_release(world: World) -> None:
    """Support may try again; letting a held set through is a consultant's. Nor are many at once a person's look at each."""
    company, other = world.nordbyg, world.havnen
    rows = load(company, LIMIT + 1)
    load(other, 2)
    before = company.now()
    edit_all(company, rows, Blocked=True)
    company.settle()
    with tenant_scope(company.tenant.pk):
        ids = list(RecordLink.objects.filter(tenant=company.tenant, entity="customer").values_list("pk", flat=True))
        assert actions.sync_now(ids[:1], None) == actions.retry(ids, None) == 0
        run = queue_retry(company.tenant.pk, {"links": ids}, None)
        assert run is not None
    done = retry_many(company.tenant.pk, run.pk)
    company.settle()
    assert done is not None and done.counts == {"records": LIMIT + 1, "held": LIMIT + 1}
    assert company.writes(before) == other.writes(before) == []
    assert members(company) == LIMIT + 1
    release(company)
    assert active(company) == 0


def test_many_at_once_are_braked_before_they_are_held(world: World) -> None:
    company = world.nordbyg
    rows = load(company, LIMIT + 1)
    before = company.now()
    world.uniconta.switches.webhook_drop_probability = 1.0
    edit_all(company, rows, Blocked=True)
    with tenant_scope(company.tenant.pk):
        ids = list(RecordLink.objects.filter(tenant=company.tenant, entity="customer").values_list("pk", flat=True))
        run = queue_retry(company.tenant.pk, {"links": ids}, None)
        assert run is not None
    retry_many(company.tenant.pk, run.pk)
    company.settle()
    assert company.writes(before) == []
    assert members(company) == LIMIT + 1


def test_what_is_undone_is_no_question_any_more(world: World) -> None:
    company = world.nordbyg
    rows = load(company, LIMIT + 1)
    before = company.now()
    edit_all(company, rows, Blocked=True)
    company.settle()
    assert held_sets(company) == [("deactivate", "open", LIMIT + 1, "many_blocked")]
    edit_all(company, rows, Blocked=False)
    company.settle()
    assert company.writes(before) == []
    assert held_sets(company) == [("deactivate", "resolved", LIMIT + 1, "many_blocked")]
    assert members(company) == 0
    assert company.events(state="waiting") == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"City": ""}, ("blank", "many_blanked")),
        ({"Group": "2"}, ("re_parent", "many_regrouped")),
    ],
    ids=["blank", "group"],
)
def test_blanking_and_regrouping_are_braked_as_well(
    world: World, values: dict[str, str], expected: tuple[str, str]
) -> None:
    company = world.havnen
    # One keeps its city: a field that no row of a complete read carries is gone (rule M5), not blanked.
    rows = load(company, LIMIT + 2)[:-1]
    before = company.now()
    edit_all(company, rows, **values)
    company.settle()
    company.both()
    assert held_sets(company) == [(expected[0], "open", LIMIT + 1, expected[1])]
    assert [write for write in company.writes(before) if write[1] == "customer"] == []
    release(company)
    assert members(company) == 0
    if "City" in values:
        assert sorted(row["city"] for row in company.customers()) == [""] * (LIMIT + 1) + ["Odense"]
    else:
        groups = [row["customer_group"] for row in company.customers()]
        assert sorted(groups.count(group) for group in set(groups)) == [1, LIMIT + 1]
    assert {link.differing == [] for link in company.links()} == {True}


def test_an_import_after_the_first_load_is_a_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.domain.brake.FIRST_LOAD", -timedelta(days=1))
    company = world.havnen
    company.sweep()
    many(company, LIMIT + 1)
    company.sweep()
    assert company.customers() == []
    assert held_sets(company) == [("create", "open", LIMIT + 1, "many_new_in_uniconta")]
    release(company)
    assert len(company.customers()) == LIMIT + 1


def test_a_renamed_group_is_no_move_of_its_records(world: World) -> None:
    company = world.havnen
    load(company, 30)
    [group] = [row for row in world.uniconta.rows(4343, "DebtorGroup") if row["Group"] == "1"]
    world.uniconta.person_edits(4343, "DebtorGroup", group["RowId"], Group="1A")
    company.both()
    assert held_sets(company) == []


def test_a_release_reaches_what_only_another_record_needs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked customer goes because a project needs it, and has no event of its own."""
    company = world.havnen
    make_policy(company.tenant, "project", default_group="10")
    world.uniconta.bulk(company.number, "ProjectGroup", 1, Group="10", Name="Fast pris")
    for account in ("1001", "1002"):
        company.debtor(account, Blocked=True, Group=account[-1])
    company.both()
    monkeypatch.setattr("sync.domain.brake.FIRST_LOAD", -timedelta(days=1))
    monkeypatch.setattr(
        "sync.domain.brake.limit_for", lambda _context, entity: 0 if entity.name == "customer" else LIMIT
    )
    company.uniconta.person_creates(company.number, "Project", Number="5001", Name="Tag", Account="1001", Group="10")
    company.settle()
    assert held_sets(company) == [("create", "open", 1, "many_new_in_uniconta")]
    assert (company.customers(), company.link(uniconta_key="1001").reason) == ([], "held_create")
    company.press(actions.sync_now, [company.link(uniconta_key="1002").pk])  # looked at beside the released one
    release(company)
    [case] = company.intempus.rows(company.intempus_number, "case")
    [customer] = company.customers()
    assert (case["number"], case["customer"], customer["number"]) == ("5001", customer["id"], "1001")
    assert company.groups_in_intempus() == [("1", "Danske")]  # that of the other blocked one is not used
    assert world.nordbyg.writes() == []


def delete_and_hold(company: Company, monkeypatch: pytest.MonkeyPatch, system: str) -> int:
    """One record whose deletion would block its other side; the brake holds that."""
    company.policy(on_uniconta_delete="deactivate", on_intempus_delete="block")
    row_id = company.debtor("1001")
    company.both()
    with monkeypatch.context() as patch:
        patch.setattr("sync.domain.brake.limit_for", lambda *_: 0)
        if system == "uniconta":
            company.uniconta.person_deletes(company.number, "Debtor", row_id)
            company.settle()
        else:
            company.intempus.person_deletes(company.intempus_number, "customer", int(company.link().intempus_id))
            company.pull(is_complete=True)
    assert company.link().reason == "held_deactivate"
    return row_id


def test_an_answer_to_what_is_held_waits_for_the_release(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        delete_and_hold(each, monkeypatch, "uniconta")
    company.press(actions.answer_deletion, company.link().pk, "switch_off")
    company.settle()
    assert (active(company), company.link().reason) == (1, "held_deactivate")
    release(company)
    assert (active(company), company.link().reason) == (0, "deleted_in_uniconta")
    assert (active(other), other.link().reason) == (1, "held_deactivate")


def test_an_answer_that_wants_nothing_drastic_is_carried_out_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, other = world.nordbyg, world.havnen
    delete_and_hold(company, monkeypatch, "uniconta")
    before = company.now()
    company.press(actions.answer_deletion, company.link().pk, "leave")
    company.settle()
    assert (company.link().state, company.link().reason) == ("excluded", "deleted_in_uniconta")
    assert [state for _, state, _, _ in held_sets(company)] == ["resolved"]
    assert company.writes(before) == []

    delete_and_hold(other, monkeypatch, "intempus")
    other.press(actions.create_again, other.link().pk)
    other.settle()
    assert [row["number"] for row in other.customers()] == ["1001"]
    assert (other.link().state, other.debtors()["1001"]["Blocked"]) == ("in_sync", False)
    world.ends_well = False  # the log's first create names a record that is no longer this link's
