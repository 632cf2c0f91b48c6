"""The way out of a company: stop, prove, hand over, shut, and forget. Call inside a scope, unless it says otherwise.

Like the onboarding, what is done follows from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from django.apps import apps
from django.db import connection
from django.utils import timezone

from mappings.models import HoursPolicy
from sync.domain.actions import RefusedError, audit, repair_schedules_on_commit
from sync.domain.doorbell import release, take_lease
from sync.domain.hooks import last_look
from sync.domain.said import Said, say
from sync.models import ChangeEvent, Run, SignOff
from tenants.models import AuditEntry, Connection, SecretLink, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope

log = structlog.get_logger()

State = Tenant.State
#: What a person did on the way out; these entries stay when everything else is forgotten.
ACTIONS = ("leaving_begun", "leaving_undone", "export_taken", "company_closed", "personal_data_erased")
DAYS_KEPT, LONGEST_KEPT = 30, 365
#: The tables that stay when a company is forgotten: what was done, by whom and when, without names of records.
STAY = ("tenants.AuditEntry",)
APPS = ("tenants", "mappings", "sync")


class Name(StrEnum):
    STOPPED = "stopped"
    HOURS = "hours"
    HOOKS = "hooks"
    EXPORT = "export"
    CLOSED = "closed"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class Step:
    """`is_needed`: closing waits for it."""

    name: Name
    title: Said
    is_done: bool
    what: Said
    is_needed: bool = False


# ------------------------------------------------------------------------------------------------- the steps


def steps_of(tenant: Tenant) -> list[Step]:
    return [
        Step(
            Name.STOPPED,
            say("Synchronisation stopped"),
            tenant.is_leaving,
            say("No schedule runs any more, and nothing is written to either system.")
            if tenant.is_leaving
            else say("Fetches, checks and transfers end; what stands in the two systems stays."),
            is_needed=True,
        ),
        _hours(tenant),
        _hooks(tenant),
        _export(tenant),
        _closed(tenant),
        _forgotten(tenant),
    ]


def _hours(tenant: Tenant) -> Step:
    title = say("Last hours check, signed off")
    if tenant.state == State.CLOSED:
        return Step(Name.HOURS, title, is_done=True, what=say("See the certificate."))
    if not HoursPolicy.objects.filter(tenant=tenant, enabled=True).exists():
        return Step(Name.HOURS, title, is_done=True, what=say("No hours are transferred for this company."))
    signed = SignOff.objects.filter(tenant=tenant, at__gte=tenant.leaving_at or timezone.now()).order_by("-at").first()
    if signed is None:
        return Step(
            Name.HOURS,
            title,
            is_done=False,
            what=say("Sign off the last period, so that both sides agree on what arrived."),
        )
    return Step(
        Name.HOURS,
        title,
        is_done=True,
        what=say("Signed off by {person}: {period}", person=signed.signed_by, period=signed),
    )


def _hooks(tenant: Tenant) -> Step:
    title = say("Our change URLs removed in Uniconta")
    if tenant.state == State.CLOSED:
        return Step(Name.HOOKS, title, is_done=True, what=say("Whatever still calls is answered 404 and kept nowhere."))
    look = last_look(tenant.pk)
    if look is None or (tenant.leaving_at and look.created_at < tenant.leaving_at):
        return Step(
            Name.HOOKS, title, is_done=False, what=say("Press “Check in Uniconta” to see which rows are still there.")
        )
    tables = [row["table"] or "*" for row in look.result.get("hooks", ())]
    if tables:
        found = say("Delete these rows under Company / Maintenance / Change URL: {tables}", tables=", ".join(tables))
        return Step(Name.HOOKS, title, is_done=False, what=found)
    return Step(Name.HOOKS, title, is_done=True, what=say("Uniconta calls us no more."))


def _export(tenant: Tenant) -> Step:
    title = say("Everything we know handed over")
    taken = _last(tenant, "export_taken")
    if taken is None:
        what = say("Pairs, rules, transfers, corrections and sign-offs as XLSX and JSON.")
        return Step(Name.EXPORT, title, is_done=False, what=what, is_needed=True)
    what = say("Taken {at}", at=_at(taken.at))
    return Step(Name.EXPORT, title, is_done=True, what=what, is_needed=True)


def _closed(tenant: Tenant) -> Step:
    title = say("Closed")
    if tenant.closed_at:
        what = say("Passwords, keys and change URLs were erased {at}.", at=_at(tenant.closed_at))
        return Step(Name.CLOSED, title, is_done=True, what=what)
    what = say("Erases passwords, keys and change URLs at once. That cannot be undone.")
    return Step(Name.CLOSED, title, is_done=False, what=what)


def _forgotten(tenant: Tenant) -> Step:
    title = say("Personal data erased")
    if tenant.forgotten_at:
        return Step(Name.FORGOTTEN, title, is_done=True, what=say("Erased {at}.", at=_at(tenant.forgotten_at)))
    if tenant.forget_on:
        what = say(
            "Happens by itself on {date}; until then the records can still be looked up.",
            date=f"{tenant.forget_on:%d-%m-%Y}",
        )
    else:
        what = say("A number of days after closing, chosen then.")
    return Step(Name.FORGOTTEN, title, is_done=False, what=what)


def _last(tenant: Tenant, action: str) -> AuditEntry | None:
    entries = AuditEntry.objects.filter(tenant=tenant, action=action)
    if tenant.leaving_at:
        entries = entries.filter(at__gte=tenant.leaving_at)
    return entries.select_related("user").order_by("-at").first()


def _at(at: datetime) -> str:
    return f"{timezone.localtime(at):%d-%m-%Y %H:%M}"


# ------------------------------------------------------------------------------------------------- what is pressed


def begin_leaving(tenant_id: int, user_id: int | None) -> None:
    """Stop everything. Can be undone until the company is closed. Raises RefusedError."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.is_leaving:
        raise RefusedError("company_leaves")
    tenant.leaving_at = timezone.now()
    _move(tenant, State.LEAVING, user_id, "leaving_begun", tenant.get_state_display())


def undo_leaving(tenant_id: int, user_id: int | None) -> None:
    """The customer stays: paused if it ever was live, so that a person resumes it. Raises RefusedError."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.state != State.LEAVING:
        raise RefusedError("not_leaving")
    was_live = AuditEntry.objects.filter(tenant=tenant, action="went_live").exists()
    tenant.leaving_at = None
    _move(tenant, State.PAUSED if was_live else State.PREPARING, user_id, "leaving_undone")


def close(tenant_id: int, user_id: int | None, days_kept: int = DAYS_KEPT) -> None:
    """Erase what opens doors, at once, and set the day on which the rest is forgotten.

    Raises RefusedError while a needed step is missing or something is at work.
    """
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)  # no run begins from here on
    if tenant.state != State.LEAVING:
        raise RefusedError("not_leaving")
    if any(step.is_needed and not step.is_done for step in steps_of(tenant)):
        raise RefusedError("leaving_not_ready")
    lease = take_lease(tenant_id)
    if lease is None or Run.objects.filter(tenant_id=tenant_id, state=Run.State.RUNNING).exists():
        raise RefusedError("leaving_busy")
    for row in Connection.objects.select_for_update().filter(tenant=tenant):
        row.sealed_secret, row.secret_set_at = "", None
        row.state, row.state_code, row.state_detail = Connection.State.PAUSED, "", ""
        row.save()
    tokens = WebhookToken.objects.filter(tenant=tenant).delete()[0]
    SecretLink.objects.filter(tenant=tenant).delete()
    ChangeEvent.objects.filter(tenant=tenant, state__in=ChangeEvent.OPEN).update(
        state=ChangeEvent.State.IGNORED, error_code="company_leaves", claim=None, finished_at=timezone.now()
    )
    Run.objects.filter(tenant=tenant, state=Run.State.QUEUED).update(
        state=Run.State.FAILED, error_code="company_leaves", finished_at=timezone.now()
    )
    tenant.closed_at = timezone.now()
    tenant.forget_on = timezone.localdate() + timedelta(days=max(0, min(days_kept, LONGEST_KEPT)))
    _move(tenant, State.CLOSED, user_id, "company_closed", f"{tokens} change URLs, erased on {tenant.forget_on}")
    release(lease)


def _move(tenant: Tenant, state: str, user_id: int | None, action: str, detail: str = "") -> None:
    tenant.state = state
    tenant._change_reason = action  # type: ignore[attr-defined]  # noqa: SLF001 - how simple_history takes its reason
    tenant.save()
    audit(tenant.pk, user_id, action, detail)
    repair_schedules_on_commit()


# ------------------------------------------------------------------------------------------------- forgetting


def forget_closed(today: date | None = None) -> int:
    """Erase the rows of closed companies whose day has come; returns how many companies. Opens its own scopes."""
    today = today or timezone.localdate()
    with tenant_scope(ALL):
        due = Tenant.objects.filter(state=State.CLOSED, forgotten_at=None, forget_on__lte=today)
        tenant_ids = list(due.values_list("pk", flat=True))
    for tenant_id in tenant_ids:
        with tenant_scope(tenant_id):
            _forget(tenant_id)
    return len(tenant_ids)


def _forget(tenant_id: int) -> None:
    """Everything that carries the company, whichever table it is in, but the notes of who did what and when."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    erased: dict[str, int] = {}
    with connection.cursor() as cursor:
        # References between these rows are looked at when all of them are gone, at the end of the transaction.
        for table, column in _tables():
            cursor.execute(f'DELETE FROM "{table}" WHERE "{column}" = %s', [tenant_id])  # noqa: S608 - names of our own models
            if cursor.rowcount:
                erased[table] = cursor.rowcount
    AuditEntry.objects.filter(tenant=tenant).exclude(action__in=ACTIONS).update(detail="")
    tenant.contact_email = ""
    tenant.forgotten_at = timezone.now()
    tenant.save()
    audit(tenant_id, None, "personal_data_erased", f"{sum(erased.values())} rows of {len(erased)} tables")
    log.info("company_forgotten", tenant=tenant_id, rows=sum(erased.values()))


def _tables() -> list[tuple[str, str]]:
    """Every table of ours with a company in it, and the column. Histories first: they hold what the rows held."""
    found = []
    for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
        meta = model._meta  # noqa: SLF001 - Django's public way to a model's fields
        column = next((field.column for field in meta.concrete_fields if field.related_model is Tenant), "")
        if column and model is not Tenant and meta.label not in STAY:
            found.append((meta.db_table, column))
    return [("tenants_historicaltenant", "id"), *found]


# ------------------------------------------------------------------------------------------------- the certificate


def certificate(tenant: Tenant) -> dict[str, Any]:
    """What may be told the customer once the company is closed: dates, persons, and what was erased."""
    entries = AuditEntry.objects.filter(tenant=tenant, action__in=ACTIONS).select_related("user").order_by("at")
    if tenant.leaving_at:
        entries = entries.filter(at__gte=tenant.leaving_at - timedelta(minutes=1))
    return {"tenant": tenant, "entries": list(entries)}
