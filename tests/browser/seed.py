"""Three companies as a partner firm has them, for looking at the console: one well, one in trouble, one not live yet."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from mappings.models import RecordLink, WorkTypeRule
from sync.domain.first_matching import list_rows
from sync.domain.match_decisions import looking_context
from sync.models import ChangeEvent, Exchange, ReportCursor, ReportEntry, Run, SyncLogEntry, WorkerBeat, WorkReport
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import (
    make_connections,
    make_held_set,
    make_hours_policy,
    make_journal_line,
    make_link,
    make_policy,
    make_reference,
    make_run,
    make_tenant,
    make_token,
    make_user,
    make_work_report,
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
    with tenant_scope(ALL):  # one for all rows
        return _seed()


def _seed() -> dict[str, object]:
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
    report = _hours(nordbyg)
    return {"preparing": vest, "report": report, "tenant": nordbyg, "link": main, "other": sydvvs, "held": held}


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


#: Work types with their category and unit, and the item of their rule.
WORK_TYPES = {
    "51": ("Normaltid", "Timelønnet arbejde", "Timer", "TIME"),
    "52": ("Overtid 50 %", "Timelønnet arbejde", "Timer", "OVER50"),
    "53": ("Skurpenge", "Tillæg", "Dage", ""),
    "54": ("Kørsel i egen bil", "Kørsel", "Kilometer", ""),
    "55": ("Ferie", "Fravær", "Dage", ""),
}
PEOPLE = [("7", "Bo Ødegård"), ("12", "Lærke Holm"), ("15", "Jens Peter Kjær-Andersen")]
CASES = [
    ("41", "P1", "Tagrenovering, Havnegade 12"),
    ("42", "P2", "Kælder og fundament"),
    ("43", "P3", "Servicesag Vejle"),
]


def _hours(tenant: Tenant) -> WorkReport:
    """A fortnight of reports in every state; returns one that changed after its transfer."""
    today = timezone.localdate()
    make_hours_policy(tenant, transfer_from=today - timedelta(days=60))
    make_reference(tenant, "journal", "Intempus", "Timer fra Intempus")
    for number, name in PEOPLE:
        make_reference(tenant, "employee", number, name)
        make_link(tenant, "employee", name=name, uniconta_key=number, intempus_id=f"3{number}", intempus_key=number)
    for case, number, name in CASES:
        make_reference(tenant, "project", number, name, Phase="InProgress")
        make_link(tenant, "project", name=name, uniconta_key=number, intempus_id=case, intempus_key=number)
    for number, name in (("TIME", "Arbejdstime"), ("OVER50", "Overtid 50 %"), ("SKUR", "Skurpenge"), ("KM", "Kørsel")):
        make_reference(tenant, "item", number, name)
    make_reference(tenant, "pay_type", "L1", "Normaltid")
    make_reference(tenant, "category", "ARB", "Arbejde")
    kinds = {"Timelønnet arbejde": "", "Tillæg": "", "Kørsel": "mileage", "Fravær": "absence"}
    for number, (name, kind) in enumerate(kinds.items()):
        make_reference(tenant, "work_category", f"6{number}", name, type=kind)
    for work_type, (name, category, _unit, item) in WORK_TYPES.items():
        make_reference(tenant, "work_type", work_type, name, work_category=f"6{list(kinds).index(category)}")
        if item:
            before = "Overarbejde" if work_type == "52" else name
            with tenant_scope(tenant.pk):
                WorkTypeRule.objects.create(
                    tenant=tenant, work_type_id=work_type, work_type_name=before, item=item, category="ARB"
                )
    states = {
        "transferred": "", "waiting": "awaits_approved", "ready": "", "needs_attention": "project_phase",
        "changed": "changed_after_transfer", "skipped": "skipped_mileage", "by_hand": "answer_by_hand",
    }  # fmt: skip
    found = None
    for number in range(42):
        state, reason = list(states.items())[(0, 1, 0, 2, 0, 3, 0, 4, 0, 1, 5, 6)[number % 12]]
        work_type = "53" if number % 13 == 5 else "52" if number % 5 == 4 else "51"
        if state == "skipped":
            work_type = "54"
        if work_type == "53" and state == "needs_attention":
            reason = "rule_missing"
        name, category, unit, item = WORK_TYPES[work_type]
        (employee_number, employee), (case, key, title) = PEOPLE[number % 3], CASES[number % 3]
        day = today - timedelta(days=number // 3)
        values = {"Date": day.isoformat(), "Project": key, "Employee": employee_number, "Item": item or "SKUR"}
        values |= {"Journal": "Intempus", "Qty": "7.53", "Unit": "Hours", "Text": "Spær og lægter, 1. sal"}
        report = make_work_report(
            tenant, starts_on=day, state=state, reason=reason, employee_number=employee_number, employee_name=employee,
            employee_id=f"3{employee_number}", case_id=case, case_name=title, work_type_id=work_type,
            work_type_name=name, category_name=category, unit=unit, remarks="Spær og lægter, 1. sal",
            amount=Decimal("7.5333333333") if state != "changed" else Decimal(8),
            kind="mileage" if work_type == "54" else "work",
            problems=[[reason, key if reason == "project_phase" else name]] if state == "needs_attention" else [],
            warnings=["pay_type_not_found"] if work_type == "52" else [], line=values if state == "ready" else {},
            is_approved=state != "waiting", transferred_hash="x" if state in ("transferred", "changed") else "",
            approvals=[
                {"level": "1", "label": "Formand", "date": day.isoformat(), "name": "Karen Lund"},
                {"level": "2", "label": "Kontor", "date": "" if state == "waiting" else day.isoformat(), "name": ""},
            ],
        )  # fmt: skip
        if state in ("transferred", "changed", "by_hand"):
            seen = {**values, "SalesPrice": "495", "CostPrice": "245"}
            make_journal_line(report, values=values, seen=seen, quantity=Decimal("7.53"))
        if state == "changed":
            found = found or report
    assert found is not None
    _story(found)
    with tenant_scope(tenant.pk):
        now = timezone.now()
        ReportCursor.objects.create(
            tenant=tenant, lists_read_at=now, window_read_at=now, everything_read_at=now - timedelta(days=3)
        )
    return found


def _story(report: WorkReport) -> None:
    """What happened to the report that changed."""
    at = timezone.now() - timedelta(days=1)
    run = make_run(report.tenant, Run.Kind.HOURS, state=Run.State.DONE, started_at=at, finished_at=at)
    karen = make_user("karen", "bookkeeper", report.tenant, first_name="Karen", last_name="Lund")
    events = [
        ("report_approved", [["is_approved", False, True]], None),
        ("report_ready", [], None),
        ("line_sent", [], None),
        ("report_changed", [["amount", "7.5333333333", "8"]], None),
        ("changed_after_transfer", [], None),
        ("line_edited", [], karen),
    ]
    with tenant_scope(report.tenant_id):
        for number, (code, changes, user) in enumerate(events):
            ReportEntry.objects.create(
                tenant_id=report.tenant_id, report=report, code=code, changes=changes, run_id=run.pk, user=user,
                line=report.lines.first() if code.startswith("line") else None, at=at + timedelta(hours=number),
            )  # fmt: skip
