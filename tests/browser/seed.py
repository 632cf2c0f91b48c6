"""Three companies as a partner firm has them, for looking at the console: one well, one in trouble, one not live yet."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from mappings.models import RecordLink
from sync.domain.first_matching import list_rows
from sync.domain.match_decisions import looking_context
from sync.models import ChangeEvent, Exchange, Run, SyncLogEntry, WorkerBeat
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_connections,
    make_held_set,
    make_link,
    make_policy,
    make_tenant,
    make_token,
    set_working,
)

NAMES = ["Aalborg Maskinfabrik A/S", "Bygma Nord ApS", "Christensen & Sønner", "Dansk Tagteknik", "El-Gården I/S"]
REASONS = ["key_taken", "ambiguous_match", "group_unknown", "deleted_in_uniconta", "mapping_error"]


def customer(number: str, name: str, **values: object) -> dict[str, object]:
    return {
        "number": number,
        "name": name,
        "address": "Havnegade 12",
        "zip_code": "9000",
        "city": "Aalborg",
        "country": "DK",
        "phone": "98 12 34 56",
        "email": "kontor@example.dk",
        "contact_person": "",
        "cvr": "12345678",
        "group": "1",
        "active": True,
        **values,
    }


def seed() -> dict[str, object]:
    """Returns what the tests and screenshots look up by name."""
    now = timezone.now()
    nordbyg = make_tenant("nordbyg", name="Nordbyg ApS", contact_email="bogholder@nordbyg.dk")
    sydvvs = make_tenant("sydvvs", name="Syd VVS A/S")
    vest = make_tenant("vest-el", name="Vest-El ApS", state=Tenant.State.PREPARING)
    for number, tenant in enumerate((nordbyg, sydvvs, vest)):
        uniconta, intempus = make_connections(tenant)
        if tenant is not vest:
            set_working(uniconta, str(4242 + number), tenant.name, "12345678")
            set_working(intempus, str(88 + number), tenant.name)
        make_policy(tenant, "customer")
        make_token(tenant, note="Uniconta")
    with tenant_scope(ALL):
        Connection.objects.filter(tenant__in=[nordbyg, sydvvs]).update(tested_at=now - timedelta(days=1))
        Connection.objects.filter(tenant=sydvvs, system="intempus").update(
            state=Connection.State.BROKEN,
            state_code="bad_credentials",
            state_detail="401 Unauthorized: Invalid API key",
        )
        WorkerBeat.objects.create(name="sync", beat_at=now)
    main = _links(nordbyg, 150)
    _links(sydvvs, 50, trouble=True)
    _history(main, now)
    _runs(nordbyg, sydvvs, now)
    for number in range(30):
        name = f"Husstand {number}"
        make_link(nordbyg, name=name, uniconta_key=str(30000 + number), state="waiting", reason="held_deactivate")
    held = make_held_set(nordbyg, count=30, limit=25, cause="many_blocked", examples=["30000 Husstand 0"])
    _matching(vest)
    return {"preparing": vest, "tenant": nordbyg, "link": main, "other": sydvvs, "held": held}


def _matching(tenant: Tenant) -> None:
    """What both systems of a company hold that is not live yet."""
    for number, name in enumerate(NAMES):
        cvr = f"2531376{number % 4}"  # the last one shares its number with the first
        here = customer(str(1001 + number), name, cvr=cvr)
        make_link(
            tenant, name=name, state="new", uniconta_key=str(1001 + number), intempus_id="", intempus_key="",
            uniconta_seen=here, uniconta_match_keys=[f"1:{cvr}"],
        )  # fmt: skip
        there = customer("", name.upper(), cvr=cvr, city="Vejle", phone="" if number % 2 else "75 12 34 56")
        make_link(
            tenant, name=name.upper(), state="new", intempus_key="", uniconta_id="", uniconta_key="",
            intempus_seen=there, intempus_match_keys=[f"1:{cvr}"],
        )  # fmt: skip
    with tenant_scope(tenant.pk):
        context = looking_context(tenant.pk)
        list_rows(context, context.entities["customer"])


def _links(tenant: Tenant, count: int, *, trouble: bool = False) -> RecordLink:
    group = make_link(tenant, "customer_group", name="Erhvervskunder", uniconta_key="1", intempus_key="1")
    first = None
    for number in range(count):
        name = f"{NAMES[number % len(NAMES)]}" + (f" {number}" if number >= len(NAMES) else "")
        key = str(10000 + number)
        base = customer(key, name)
        values: dict[str, object] = {"uniconta_base": base, "intempus_base": {**base, "group": group.intempus_id}}
        if number % (4 if trouble else 15) == 3:
            values |= {"state": "needs_attention", "reason": REASONS[number % len(REASONS)], "detail": "Account 10003"}
        elif number % 11 == 5:
            values |= {"state": "excluded", "reason": "never_ticked", "is_ticked": False, "intempus_id": ""}
        elif number % 17 == 8:
            values |= {"state": "waiting", "reason": "reference_waits"}
        elif number % 13 == 7:
            values |= {"inactive_reason": "blocked"}
        if number == 0:
            values |= {"differing": ["phone"], "is_ticked": True, "was_sent": True}
            values["intempus_base"] = {**base, "phone": "98 00 00 00", "group": group.intempus_id}
        link = make_link(tenant, name=name, uniconta_key=key, intempus_key=key, **values)
        first = first or link
    assert first is not None
    return first


def _history(link: RecordLink, now: object) -> None:
    assert hasattr(now, "isoformat")
    with tenant_scope(link.tenant_id):
        for number in reversed(range(60)):  # oldest first, as they happen
            at = now - timedelta(minutes=25 * number + 3)
            ChangeEvent.objects.create(
                tenant_id=link.tenant_id,
                entity="customer",
                system="uniconta" if number % 2 else "intempus",
                remote_id=link.uniconta_id,
                origin="webhook" if number % 2 else "pull",
                operation="Update" if number % 2 else "",
                link=link,
                state="done",
                received_at=at - timedelta(seconds=8),
                finished_at=at,
            )
            entry = SyncLogEntry.objects.create(
                tenant_id=link.tenant_id,
                link_id=link.pk,
                entity="customer",
                at=at,
                finished_at=at + timedelta(seconds=1),
                target="intempus" if number % 2 else "uniconta",
                action="create" if number == 59 else "update",
                origin="webhook",
                **_outcome(number),
            )
            Exchange.objects.create(
                tenant_id=link.tenant_id,
                at=at,
                entry_id=entry.pk,
                system="intempus" if number % 2 else "uniconta",
                method="PATCH" if number % 2 else "PUT",
                url="https://intempus.dk/web/v1/customer/500001/" if number % 2 else "https://odata.uniconta.com/…",
                status=400 if entry.state == "needs_attention" else 202,
                duration_ms=180 + number,
                request_body='{"phone": "98 12 34 56", "email": "kontor@example.dk"}',
                response_body='{"id": 500001, "phone": "98 12 34 56", "logical_timestamp": 8841}',
            )


def _outcome(number: int) -> dict[str, object]:
    change = {"field": "phone", "old": "98 00 00 00", "new": "98 12 34 56", "reason": "changed_in_uniconta"}
    lost = {"field": "email", "old": "hans@example.dk", "new": "kontor@example.dk", "reason": "overwritten"}
    if number == 1:
        return {
            "state": "done",
            "plan": {"changes": [change, lost], "overwritten": [lost]},
            "has_overwritten": True,
        }
    if number == 2:
        return {
            "state": "needs_attention",
            "plan": {"changes": [change]},
            "error_code": "key_taken",
            "error_detail": "400 {'number': ['customer with this number already exists.']}",
        }
    if number == 3:
        return {"state": "retry", "plan": {}, "error_code": "server_error", "error_detail": "503 Service Unavailable"}
    return {"state": "done", "plan": {"changes": [change], "notes": ["group_unknown"] if number == 4 else []}}


def _runs(nordbyg: Tenant, sydvvs: Tenant, now: object) -> None:
    assert hasattr(now, "isoformat")
    with tenant_scope(ALL):
        for tenant, late in ((nordbyg, 4), (sydvvs, 95)):
            for kind in (Run.Kind.PULL, Run.Kind.SWEEP):
                at = now - timedelta(minutes=late)
                Run.objects.create(
                    tenant=tenant,
                    kind=kind,
                    state=Run.State.DONE,
                    started_at=at - timedelta(seconds=4),
                    finished_at=at,
                    total=151,
                    done=151,
                    counts={"read": 151, "changed": 3, "new": 1},
                )
        Run.objects.create(
            tenant=sydvvs,
            kind=Run.Kind.TEST,
            system="intempus",
            state=Run.State.FAILED,
            started_at=now,
            finished_at=now,
            error_code="bad_credentials",
            error_detail="401 Unauthorized: Invalid API key",
        )
        for number in range(12):
            ChangeEvent.objects.create(
                tenant=sydvvs,
                entity="customer",
                system="uniconta",
                remote_id=str(number),
                key=str(10000 + number),
                origin="webhook",
                due_at=now - timedelta(minutes=20),
                received_at=now - timedelta(minutes=21),
            )
