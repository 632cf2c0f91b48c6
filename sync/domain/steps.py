"""The steps from a new customer to a live one, as far as they are done. Derived from what is stored and kept nowhere, so that
onboarding can be left at any point, gone on with by anybody, and never says more than is true. Call inside a scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils import timezone

from mappings.models import EntityPolicy
from mappings.spec import System
from sync.domain.catalogue import explain_code
from sync.domain.first_matching import are_matched
from sync.domain.hooks import hooks_shown, last_look
from sync.domain.said import Said, entities_said, entity_said, say, text_of
from sync.domain.secret_links import open_links
from sync.models import Run
from tenants.models import Connection, SecretLink, Tenant, WebhookToken

#: Runs that a step may have going, and whose checks it shows.
CHECKING = (Run.Kind.STEP, Run.Kind.CHECK_UP)
BUSY = (*CHECKING, Run.Kind.TEST, Run.Kind.HOOKS, Run.Kind.MATCHING)
#: Of those that ended the newest are enough: each step was looked at in one of them, or is looked at again.
RUNS_READ = 30


class Name(StrEnum):
    CUSTOMER = "customer"
    UNICONTA = "uniconta"
    INTEMPUS = "intempus"
    WEBHOOKS = "webhooks"
    POLICIES = "policies"
    MATCHING = "matching"
    LIVE = "live"


class Standing(StrEnum):
    DONE = "done"
    NEXT = "next"  # can be done now
    WAITS = "waits"  # for another step


@dataclass(frozen=True)
class Step:
    """`what`: what stands there, and what is asked of a person or waited for. `connection`: of the two systems' steps."""

    name: Name
    standing: Standing
    what: Said
    connection: Connection | None = None
    link: SecretLink | None = None  # that the customer can enter the secret on
    run: Run | None = None  # at work for this step now
    checks: Sequence[dict[str, Any]] = ()  # as a check-up keeps them
    checked: Run | None = None  # which found these


def steps_of(tenant: Tenant, policies: Mapping[str, EntityPolicy]) -> list[Step]:
    """In the order in which they are best done. `policies`: all of the tenant, by entity."""
    connections = {row.system: row for row in Connection.objects.filter(tenant=tenant)}
    enabled = [policy for policy in policies.values() if policy.enabled]
    runs = list(
        Run.objects.filter(tenant=tenant, kind__in=BUSY)
        .select_related("requested_by")
        .order_by("-created_at")[:RUNS_READ]
    )
    links = {link.system: link for link in open_links(tenant.pk)}
    done: dict[Name, bool] = {}
    steps = []
    for name in Name:
        is_done, what = {
            Name.CUSTOMER: lambda: _customer(tenant),
            Name.UNICONTA: lambda: _connection(connections.get(System.UNICONTA.value), links),
            Name.INTEMPUS: lambda: _connection(connections.get(System.INTEMPUS.value), links),
            Name.WEBHOOKS: lambda: _webhooks(tenant),
            Name.POLICIES: lambda: _policies(enabled),
            Name.MATCHING: lambda: _matching(enabled),
            Name.LIVE: lambda: _live(tenant),
        }[name]()
        done[name] = is_done
        standing, what = (Standing.DONE, what) if is_done else _waits(name, done, what)
        checked = next((run for run in runs if run.finished_at and _checks(run, name)), None)
        steps.append(
            Step(
                name,
                standing,
                what,
                link=links.get(name.value),
                connection=connections.get(name.value),
                run=next((run for run in runs if not run.finished_at and name in _works_for(run)), None),
                checks=_checks(checked, name) if checked else (),
                checked=checked,
            )
        )
    return steps


#: What must be done before a step can be.
NEEDS: dict[Name, tuple[Name, ...]] = {
    Name.WEBHOOKS: (Name.UNICONTA,),
    Name.MATCHING: (Name.UNICONTA, Name.INTEMPUS, Name.POLICIES),
    Name.LIVE: (Name.UNICONTA, Name.INTEMPUS, Name.POLICIES, Name.MATCHING),
}


def _waits(name: Name, done: dict[Name, bool], what: Said) -> tuple[Standing, Said]:
    first = next((needed for needed in NEEDS.get(name, ()) if not done[needed]), None)
    return (Standing.NEXT, what) if first is None else (Standing.WAITS, say("Waits for: {step}", step=title_of(first)))


def title_of(name: Name) -> Said:
    return {
        Name.CUSTOMER: say("The customer"),
        Name.UNICONTA: say("Connection to Uniconta"),
        Name.INTEMPUS: say("Connection to Intempus"),
        Name.WEBHOOKS: say("Change URLs (webhooks)"),
        Name.POLICIES: say("What synchronises"),
        Name.MATCHING: say("First matching"),
        Name.LIVE: say("Go live"),
    }[name]


def _customer(tenant: Tenant) -> tuple[bool, Said]:
    if not tenant.contact_email:
        return False, say("Nobody at the customer gets mails about it yet: give a contact e-mail.")
    return True, say("{name}, contact {email}", name=tenant.name, email=tenant.contact_email)


def _connection(row: Connection | None, links: Mapping[str, SecretLink]) -> tuple[bool, Said]:
    if row is None:
        return False, say("Enter the log-in, or send the customer a link to enter the secret part of it.")
    if not row.sealed_secret and row.system in links:
        until = timezone.localtime(links[row.system].expires_at)
        return False, say("Waits for the customer, who has a link until {date}.", date=f"{until:%d-%m-%Y %H:%M}")
    if not row.sealed_secret:
        return False, say("The password or key is missing: enter it, or send the customer a link.")
    if row.state == Connection.State.UNTESTED:
        return False, say("Press “Test and check”: nothing is written.")
    if row.state != Connection.State.WORKING:
        return False, text_of(row.state_code) if row.state_code else say("The connection is paused.")
    if not row.is_confirmed:
        return False, say("The log-in works. Look at the company it leads to, and say whether that is the customer.")
    return True, say("Works, and leads to {company}", company=row.pinned_company_name)


def _webhooks(tenant: Tenant) -> tuple[bool, Said]:
    if not WebhookToken.objects.filter(tenant=tenant, revoked_at=None).exists():
        return False, say("The customer has no change URL yet: make one.")
    look = last_look(tenant.pk)
    if look is None:
        return False, say(
            "Nobody has looked yet whether Uniconta calls us. Paste the change URL there, or have it created."
        )
    hooks = hooks_shown(tenant.pk, look)
    if not hooks:
        return False, say("Which tables need one follows from what synchronises.")
    wrong = [hook for hook in hooks if hook.code]
    if not wrong:
        return True, say("Uniconta calls us for every table in use.")
    return False, say("{entity}: {why}", entity=entity_said(wrong[0].entity), why=text_of(wrong[0].code))


def _policies(enabled: Sequence[EntityPolicy]) -> tuple[bool, Said]:
    if not enabled:
        return False, say("Nothing is switched on. Begin with a template, or with the kinds of records one by one.")
    if held := next((policy for policy in enabled if policy.hold_code), None):
        return True, text_of(held.hold_code, held.hold_detail)
    return True, say("Switched on: {names}", names=entities_said(policy.entity for policy in enabled))


def _matching(enabled: Sequence[EntityPolicy]) -> tuple[bool, Said]:
    if enabled and are_matched(enabled):
        return True, say("Both systems were laid side by side.")
    return False, say("Have both systems read and laid side by side. Nothing is written; what is doubtful you decide.")


def _live(tenant: Tenant) -> tuple[bool, Said]:
    if tenant.state == Tenant.State.PREPARING:
        return False, say("From then on both systems are written to.")
    return True, say("State: {state}", state=tenant.get_state_display())


def _works_for(run: Run) -> tuple[str, ...]:
    """The steps on whose behalf an unfinished run is at work."""
    return {
        Run.Kind.STEP: (run.result.get("area", ""),),
        Run.Kind.TEST: (run.system,),
        Run.Kind.HOOKS: (Name.WEBHOOKS,),
        Run.Kind.MATCHING: (Name.MATCHING,),
        Run.Kind.CHECK_UP: (),
    }[Run.Kind(run.kind)]


def _checks(run: Run, name: Name) -> list[dict[str, Any]]:
    return [check for check in run.result.get("checks", ()) if check.get("area") == name]


def why_failed(run: Run) -> str:
    """What the run came to grief by, in the reader's language."""
    return explain_code(run.error_code, run.error_detail).text
