"""From a stored tenant to a live one: test both connections, set the state, start the first load; and export it again.

Tests call out, so nothing here holds a scope open around them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappings.models import HoursPolicy
from sync.connectors.errors import RemoteError
from sync.domain.actions import go_live, pause, resume
from sync.domain.catalogue import explain_code
from sync.domain.connections import check_connection_now
from sync.domain.onboarding import Onboarded
from sync.domain.tenant_file import SECRET_KEYS, write_tenant_file
from sync.models import PayCalendar
from tenants.models import AuditEntry, Connection, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError


@dataclass(frozen=True)
class Tested:
    """What a connection test found. `problem` is "" when it works; `is_fresh`: tested now, not remembered."""

    system: str
    label: str
    company: str
    problem: str
    is_fresh: bool


@dataclass(frozen=True)
class Settled:
    """Where a tenant stands after onboarding. `problem`: why it is not as the file wants it."""

    state: str
    note: str = ""
    problem: str = ""


def sentence(code: str, detail: str = "") -> str:
    """The catalogue's words for a code on one line, what the remote said included."""
    explanation = explain_code(code, detail)
    return " ".join(part for part in dict.fromkeys([explanation.text, explanation.detail, explanation.fix]) if part)


# --------------------------------------------------------------------------------------------- testing


def check_connections(done: Onboarded) -> Iterator[Tested]:
    """Test the tenant's connections, one after the other.

    What is live, unchanged and known to work is not tested again: a repeated onboard writes and calls nothing.
    """
    with tenant_scope(done.tenant_id):
        tenant = Tenant.objects.get(pk=done.tenant_id)
        rows = list(Connection.objects.filter(tenant=tenant).select_related("tenant").order_by("-system"))
    goes_live = bool(done.wants_live) and not tenant.is_live
    for row in rows:
        if row.state == Connection.State.WORKING and not goes_live:
            yield Tested(row.system, row.get_system_display(), _company(row), "", is_fresh=False)
        else:
            yield _check(row)


def _check(row: Connection) -> Tested:
    problem = ""
    try:
        check_connection_now(row)
    except RemoteError as error:
        problem = sentence(error.code, error.detail)
    except SecretError as error:
        problem = str(error)
    with tenant_scope(row.tenant_id):
        row = Connection.objects.get(pk=row.pk)
    if not problem and row.state != Connection.State.WORKING:
        problem = sentence(row.state_code, row.state_detail) or f"the connection is {row.get_state_display().lower()}"
    return Tested(row.system, row.get_system_display(), _company(row), problem, is_fresh=True)


def _company(row: Connection) -> str:
    number = f", CVR {row.pinned_company_number}" if row.pinned_company_number else ""
    return f"{row.pinned_company_name} ({row.pinned_company_id}{number})" if row.pinned_company_id else ""


# --------------------------------------------------------------------------------------------- going live


def settle_state(done: Onboarded, tests: Sequence[Tested], *, may_pause: bool, may_resume: bool) -> Settled:
    """Make the tenant's state what the file asks for, as far as that is allowed."""
    with tenant_scope(done.tenant_id):
        before = Tenant.objects.select_for_update().get(pk=done.tenant_id).state
        if done.wants_live:
            settled = _wanted_live(before, tests, may_resume=may_resume)
        else:
            settled = _wanted_quiet(before, wants_live=done.wants_live, may_pause=may_pause)
        if settled.state != before:
            change = {
                (Tenant.State.PREPARING, Tenant.State.LIVE): _go_live,  # starts the first load
                (Tenant.State.PAUSED, Tenant.State.LIVE): resume,
                (Tenant.State.LIVE, Tenant.State.PAUSED): pause,
            }[Tenant.State(before), Tenant.State(settled.state)]
            change(done.tenant_id, None)
    return settled


def _go_live(tenant_id: int, user_id: int | None) -> None:
    go_live(tenant_id, user_id, is_confirmed_by_file=True)


def _wanted_live(state: str, tests: Sequence[Tested], *, may_resume: bool) -> Settled:
    is_live = state == Tenant.State.LIVE
    if state == Tenant.State.PAUSED and not may_resume:
        return Settled(state, "a person paused it, so it stays paused; onboard with --resume makes it live again")
    if broken := " and ".join(test.label for test in tests if test.problem):
        return Settled(state, problem=f"{'live, but' if is_live else 'not live:'} {broken} did not pass the test")
    if is_live:
        return Settled(state)
    if len(tests) < len(SECRET_KEYS):
        return Settled(state, problem="not live: its connections were not tested")
    if state == Tenant.State.PREPARING:
        return Settled(Tenant.State.LIVE, "live now; the first load has been started")
    return Settled(Tenant.State.LIVE, "live again")


def _wanted_quiet(state: str, *, wants_live: bool | None, may_pause: bool) -> Settled:
    if wants_live is None or state != Tenant.State.LIVE:
        return Settled(state)
    if may_pause:
        return Settled(Tenant.State.PAUSED, "paused, because the file says live = false")
    return Settled(state, "live = false in the file does not stop a live tenant; onboard with --pause pauses it")


# --------------------------------------------------------------------------------------------- showing and exporting


def reveal_urls(tenant_id: int, token_id: int, why: str) -> dict[str, str]:
    """The webhook URLs of one token by system. They are secrets: that they were shown is audited."""
    with tenant_scope(tenant_id):
        token = WebhookToken.objects.select_related("tenant").get(pk=token_id)
        AuditEntry.objects.create(tenant_id=tenant_id, action="webhook_url_shown", detail=why)
        return {system: token.url(system) for system in SECRET_KEYS}


def newest_token(tenant_id: int) -> int | None:
    with tenant_scope(tenant_id):
        return WebhookToken.objects.filter(tenant_id=tenant_id, revoked_at=None).values_list("pk", flat=True).first()


def export_tenant(slug: str) -> str:
    """The tenant file of a stored tenant. Raises Tenant.DoesNotExist."""
    with tenant_scope(ALL):
        tenant = Tenant.objects.get(slug=slug)
        return write_tenant_file(
            tenant,
            tenant.connections.order_by("-system"),
            tenant.policies.order_by("pk"),
            tenant.field_rules.order_by("pk"),
            tenant.value_maps.order_by("pk"),
            HoursPolicy.objects.filter(tenant=tenant).first(),
            tenant.work_type_rules.order_by("pk"),
            PayCalendar.objects.filter(tenant=tenant).order_by("pk"),
        )
