"""What a read leaves behind: state and events, never a decision, and never an older value over a newer one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mappings.models import EntityPolicy, RecordLink
from mappings.spec import System
from sync.connectors.errors import ConnectionBroken
from sync.domain.connections import Recorder
from sync.domain.context import Context, load_context
from sync.domain.field_watch import watch_flag
from sync.domain.observe import observe
from sync.models import ChangeEvent
from tenants.scoping import tenant_scope
from tests.factories import make_connections, make_event, make_policy, make_tenant, set_working

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


@pytest.fixture
def context() -> Context:
    other = make_tenant()
    make_policy(other)
    tenant = make_tenant()
    make_policy(tenant)
    uniconta, intempus = make_connections(tenant)
    set_working(uniconta, "4242")
    set_working(intempus, "61001")
    with tenant_scope(tenant.pk):
        return load_context(tenant.pk, {}, Recorder(tenant.pk))


def debtor(row_id: int = 1, **values: Any) -> dict[str, Any]:
    return {"RowId": row_id, "CompanyId": 4242, "Account": f"{1000 + row_id}", "Name": f"Kunde {row_id}", **values}


def customer(record_id: int | str = 9, **values: Any) -> dict[str, Any]:
    company = "/web/v1/company/61001/"
    return {"id": record_id, "company": company, "name": "Kunde", "active": True, "logical_timestamp": 100, **values}


def read(context: Context, system: System, *rows: dict[str, Any], at: datetime = NOW, **options: Any) -> dict[str, int]:
    origin = ChangeEvent.Origin.SWEEP if system is System.UNICONTA else ChangeEvent.Origin.PULL
    entity = context.entities["customer"]
    return observe(context, entity, system, rows, at, **({"origin": origin} | options)).counts()


def links(context: Context) -> list[RecordLink]:
    with tenant_scope(context.tenant_id):
        return list(RecordLink.objects.filter(tenant=context.tenant, entity="customer").order_by("pk"))


def events(context: Context) -> list[tuple[str, str, str]]:
    with tenant_scope(context.tenant_id):
        found = ChangeEvent.objects.filter(tenant=context.tenant).order_by("pk")
        return [(event.system, event.remote_id, event.operation) for event in found]


def settle(context: Context) -> None:
    """As if everything seen had been processed."""
    with tenant_scope(context.tenant_id):
        for link in RecordLink.objects.filter(tenant=context.tenant):
            for side in System:
                setattr(link, f"{side}_base", link.current(side) or {})
                setattr(link, f"{side}_seen", None)
            link.state = RecordLink.State.IN_SYNC
            link.save()
        ChangeEvent.objects.all().delete()


def test_first_sight_makes_a_row_and_an_event(context: Context) -> None:
    assert read(context, System.UNICONTA, debtor(1), debtor(2)) == {"read": 2, "new": 2, "changed": 2}
    assert [(link.uniconta_id, link.uniconta_key, link.name, link.state) for link in links(context)] == [
        ("1", "1001", "Kunde 1", "new"),
        ("2", "1002", "Kunde 2", "new"),
    ]
    assert events(context) == [("uniconta", "1", ""), ("uniconta", "2", "")]
    read(context, System.UNICONTA, debtor(1), at=LATER)
    assert len(events(context)) == 2  # a pending event says the same already


def test_a_counter_that_no_column_holds_is_that_records_own_trouble(context: Context) -> None:
    for stamp in (2**63, "9" * 5000, "new"):
        read(context, System.INTEMPUS, customer(8, logical_timestamp=stamp), customer(9), at=NOW)
    strange, good = links(context)
    assert (strange.intempus_id, strange.state, strange.reason) == ("8", "needs_attention", "mapping_error")
    assert strange.detail.startswith("intempus.logical_timestamp: ")
    assert (good.state, good.intempus_timestamp) == ("new", 100)
    read(context, System.INTEMPUS, customer(8, logical_timestamp=2**63 - 1), at=LATER)
    assert (links(context)[0].state, links(context)[0].intempus_timestamp) == ("new", 2**63 - 1)


def test_a_row_that_no_link_can_name_is_left_out_and_counted(context: Context) -> None:
    counts = read(context, System.INTEMPUS, customer(10**40), customer("8\0"), customer(9))
    assert counts == {"read": 3, "new": 1, "changed": 1, "unreadable": 2}
    assert [link.intempus_id for link in links(context)] == ["9"]


def test_what_is_known_leaves_nothing(context: Context) -> None:
    read(context, System.UNICONTA, debtor())
    settle(context)
    assert read(context, System.UNICONTA, debtor(), at=LATER) == {"read": 1, "new": 0, "changed": 0}
    assert events(context) == []


def test_an_older_read_never_replaces_a_newer_one(context: Context) -> None:
    read(context, System.UNICONTA, debtor(City="ny"))
    read(context, System.UNICONTA, debtor(City="gammel"), at=EARLIER)
    [link] = links(context)
    assert link.uniconta_seen is not None
    assert link.uniconta_seen["city"] == "ny"


def test_what_an_older_read_shows_differently_is_looked_up(context: Context) -> None:
    """The cursor moves past it, so it may be an edit made right after our own write."""
    read(context, System.INTEMPUS, customer())
    settle(context)
    read(context, System.INTEMPUS, customer(), at=EARLIER)
    assert events(context) == []
    read(context, System.INTEMPUS, customer(city="ny", logical_timestamp=101), at=EARLIER)
    assert events(context) == [("intempus", "9", "missing")]
    assert links(context)[0].intempus_seen is None


def test_a_value_nobody_understands_is_that_records_and_that_sides_problem(context: Context) -> None:
    read(context, System.UNICONTA, debtor(Name={"odd": 1}), debtor(2))
    with tenant_scope(context.tenant_id):
        RecordLink.objects.filter(uniconta_id="1").update(intempus_id="9", intempus_base={"name": "Kunde"})
    first, second = links(context)
    assert (first.state, first.reason, second.state) == ("needs_attention", "mapping_error", "new")
    assert first.detail.startswith("uniconta.name: ")
    read(context, System.INTEMPUS, customer(city="x"))  # the other side being fine mends nothing
    assert links(context)[0].reason == "mapping_error"
    read(context, System.UNICONTA, debtor(), at=LATER)
    assert (links(context)[0].state, links(context)[0].reason) == ("new", "")


def test_mended_to_what_it_was_before_is_mended(context: Context) -> None:
    read(context, System.UNICONTA, debtor())
    settle(context)
    read(context, System.UNICONTA, debtor(Name={"odd": 1}), at=LATER)
    assert links(context)[0].reason == "mapping_error"
    read(context, System.UNICONTA, debtor(), at=LATER + timedelta(minutes=1))
    assert links(context)[0].reason == ""


def test_rows_of_another_company_stop_the_read(context: Context) -> None:
    with pytest.raises(ConnectionBroken, match="wrong_company"):
        read(context, System.UNICONTA, debtor(), debtor(2, CompanyId=4343))
    with pytest.raises(ConnectionBroken, match="wrong_company"):
        read(context, System.INTEMPUS, customer(company={"id": 61002}))
    assert links(context) == []
    read(context, System.INTEMPUS, customer(company={"id": 61001, "resource_uri": "/web/v1/company/61001/"}))
    assert len(links(context)) == 1


def test_missing_from_a_complete_read_is_a_hint_only(context: Context) -> None:
    read(context, System.UNICONTA, debtor(1), debtor(2))
    settle(context)
    read(context, System.UNICONTA, debtor(1), at=LATER)
    assert events(context) == []
    read(context, System.UNICONTA, debtor(1), at=LATER, is_complete=True)
    assert events(context) == [("uniconta", "2", "missing")]
    assert [link.is_gone_in_uniconta for link in links(context)] == [False, False]


def test_a_persons_answer_stays_on_the_record(context: Context) -> None:
    read(context, System.UNICONTA, debtor())
    with tenant_scope(context.tenant_id):
        RecordLink.objects.update(uniconta_match_keys=["p:1:2", "0:old"])
    read(context, System.UNICONTA, debtor(CompanyRegNo="25313763"), at=LATER)
    keys = links(context)[0].uniconta_match_keys
    assert keys[0] == "p:1:2"
    assert "0:old" not in keys
    assert "0:25313763" in keys


# ------------------------------------------------------------------------------------------------ field watch


def flag(context: Context, present: bool) -> bool:
    return watch_flag(context, context.entities["customer"], present)


def policy(context: Context) -> EntityPolicy:
    with tenant_scope(context.tenant_id):
        return EntityPolicy.objects.get(tenant=context.tenant, entity="customer")


def test_the_first_look_is_believed_and_a_change_is_not(context: Context) -> None:
    assert flag(context, True) is True
    assert (policy(context).has_flag, policy(context).hold_code) == (True, "")
    assert flag(context, False) is False
    assert (policy(context).has_flag, policy(context).hold_code) == (True, "flag_disappeared")
    make_event(context.tenant, state="waiting", waits_for="flag_disappeared")
    assert flag(context, True) is True  # it was away for a moment
    assert policy(context).hold_code == ""
    with tenant_scope(context.tenant_id):
        assert ChangeEvent.objects.get().state == "pending"


def test_ticks_stand_while_the_field_is_in_doubt(context: Context) -> None:
    flag(context, True)
    read(context, System.UNICONTA, debtor(1, xIntempus=True), debtor(2, xIntempus=False))
    flag(context, False)
    read(context, System.UNICONTA, debtor(1, City="A"), debtor(2, City="A"), debtor(3), at=LATER)
    assert [link.is_ticked for link in links(context)] == [True, False, None]


def test_a_row_without_the_field_in_a_table_that_has_it_is_not_ticked(context: Context) -> None:
    flag(context, True)
    read(context, System.UNICONTA, debtor(1))
    assert [link.is_ticked for link in links(context)] == [False]
