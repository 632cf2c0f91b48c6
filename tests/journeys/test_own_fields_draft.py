"""What a field rule would do is told before it is saved, from real records, and nothing is written anywhere."""

from datetime import timedelta
from typing import Any

import pytest

from mappings.models import FieldRule, OwnFields, ValueMap
from sync.domain.draft import draft_run, find_record, preview_effect, try_out
from sync.models import ChangeEvent, Run, SyncLogEntry
from tenants.scoping import ALL, tenant_scope
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile

DEPARTMENT = {"attribute": "department", "uniconta_field": "Dimension1", "intempus_field": "notes"}


def draft(company: Company, *rows: FieldRule | ValueMap, kind: str = Run.Kind.EFFECT, key: str = "") -> Run:
    """What pressing the button does, and the worker after it."""
    before = stands(company)
    with tenant_scope(company.tenant.pk):
        own = OwnFields.stored(company.tenant.pk, "customer")
        for row in rows:
            own = own.with_row(row)
        link = find_record(company.tenant.pk, "customer", key)
        assert link is not None
        run = draft_run(company.tenant.pk, kind, "customer", own, rows[-1].attribute, None, link.pk)
        run.save()
    (try_out if kind == Run.Kind.TRY_OUT else preview_effect)(company.tenant.pk, run.pk)
    with tenant_scope(company.tenant.pk):
        run.refresh_from_db()
    assert stands(company) == before
    return run


def rule(company: Company, **values: Any) -> FieldRule:
    return FieldRule(tenant=company.tenant, entity="customer", **(DEPARTMENT | values))


def translation(company: Company, **values: str) -> ValueMap:
    words = {"attribute": "department", "uniconta_value": "100", "intempus_value": "Tømrer"}
    return ValueMap(tenant=company.tenant, entity="customer", **(words | values))


@pytest.fixture
def company(world: World) -> Company:
    """Both companies have the same three customers; only Nordbyg's people draft anything."""
    for each in world.companies:
        each.debtor("1001", Dimension1="100")
        each.debtor("1002", Dimension1="200")
        each.debtor("1003")
        each.settle()
        each.both()
    return world.nordbyg


def stands(company: Company) -> Any:
    with tenant_scope(ALL):
        rows = [
            list(model.objects.filter(tenant=company.tenant).order_by("pk").values())
            for model in (FieldRule, ValueMap, ChangeEvent, SyncLogEntry)
        ]
    return company.writes(), rows, [(link.uniconta_base, link.intempus_base, link.state) for link in company.links()]


def told(run: Run) -> list[tuple[str, list[tuple[str, str, Any, Any]]]]:
    return [
        (effect["label"].split()[0], [(w["target"], w["field"], w["old"], w["new"]) for w in effect["writes"]])
        for effect in run.result["effects"]
    ]


def test_a_rule_is_tried_on_a_real_record_before_it_is_saved(company: Company) -> None:
    run = draft(company, rule(company), translation(company), kind=Run.Kind.TRY_OUT, key="1001")
    assert (run.state, run.result["journeys"]) == (
        "done",
        [
            {
                "source": "uniconta",
                "source_field": "Dimension1",
                "raw": "100",
                "canonical": "100",
                "target": "intempus",
                "target_field": "notes",
                "written": "Tømrer",
                "stands": "",
            }
        ],
    )


def test_a_field_that_goes_both_ways_is_tried_both_ways(company: Company) -> None:
    company.edit_customer(company.customer_by_number("1002")["id"], notes="Tømrer")
    company.settle()
    there, back = draft(
        company, rule(company, direction="both"), translation(company), kind=Run.Kind.TRY_OUT, key="1002"
    ).result["journeys"]
    assert (there["raw"], there["written"], there["stands"]) == ("200", "200", "Tømrer")
    assert (back["raw"], back["canonical"], back["written"], back["stands"]) == ("Tømrer", "100", "100", "200")


def test_a_value_that_cannot_travel_is_told_and_a_personal_number_is_not(company: Company) -> None:
    [journey] = draft(company, rule(company, intempus_transform="lookup"), kind=Run.Kind.TRY_OUT, key="1001").result[
        "journeys"
    ]
    assert (journey["error_code"], journey["error_detail"]) == ("value_untranslated", "has no translation: '100'")
    company.debtor("1009", Dimension1="010180-1234")
    company.settle()
    run = draft(company, rule(company, intempus_transform="lookup"), kind=Run.Kind.TRY_OUT, key="1009")
    assert run.result["journeys"][0]["raw"] == "***"
    assert "1234" not in str(run.result)
    run = draft(company, rule(company))
    assert "010180" not in str(run.result["effects"])


def test_the_effect_names_the_records_that_would_change_and_how(company: Company) -> None:
    run = draft(company, rule(company), translation(company))
    assert (run.state, run.counts) == ("done", {"records": 3, "altered": 2, "needs_attention": 0})
    assert told(run) == [
        ("1001", [("intempus", "department", "", "Tømrer")]),
        ("1002", [("intempus", "department", "", "200")]),
    ]


def test_the_effect_says_what_would_wait_for_a_person(company: Company) -> None:
    run = draft(company, rule(company, intempus_transform="lookup"), translation(company))
    assert run.counts == {"records": 3, "altered": 2, "needs_attention": 1}
    assert [effect["error_code"] for effect in run.result["effects"]] == ["", "value_untranslated"]


def test_a_rule_that_changes_nothing_alters_no_record(company: Company) -> None:
    assert draft(company, rule(company, uniconta_field="Dimension5")).counts["altered"] == 0
    assert draft(company, rule(company, is_off=True)).counts["altered"] == 0
    run = draft(company, rule(company, attribute="phone", uniconta_field="", intempus_field="", direction="both"))
    assert run.counts == {"records": 3, "altered": 0, "needs_attention": 0}


def test_what_the_brake_would_hold_is_said(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.domain.brake.FIRST_LOAD", -timedelta(days=1))
    monkeypatch.setattr("sync.domain.brake.kinds_of", lambda _entity, item: ["blank"] if item.plan.writes else [])
    for limit, held in ((1, [{"kind": "blank", "count": 2, "limit": 1}]), (2, [])):
        monkeypatch.setattr("sync.domain.draft.limit_for", lambda *_, limit=limit: limit)
        assert draft(company, rule(company)).result["held"] == held
