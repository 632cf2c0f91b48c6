"""Links on which a customer enters a password or key without a log-in: each for one system, once, and for a week at most."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from sync.domain.actions import RefusedError, audit
from sync.domain.runs import queue_run
from sync.models import Run
from tenants.models import Connection, SecretLink, Tenant
from tenants.models.webhook_token import hash_token
from tenants.scoping import ALL, tenant_scope

VALID_FOR = timedelta(days=7)
#: Longer ones are no password and no key.
LONGEST_SECRET = 500


def open_links(tenant_id: int) -> QuerySet[SecretLink]:
    """Call inside a scope."""
    return SecretLink.objects.filter(SecretLink.is_open(), tenant_id=tenant_id)


def make_link(tenant_id: int, system: str, user_id: int | None) -> str:
    """The address to send to the customer, which nobody can look up again; an earlier one ends. Call inside a scope.

    Raises RefusedError while there is no log-in that the secret could belong to.
    """
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.is_leaving:
        raise RefusedError("company_leaves")
    if not Connection.objects.filter(tenant=tenant, system=system).exclude(username="").exists():
        raise RefusedError("secret_needs_log_in")
    open_links(tenant_id).filter(system=system).update(revoked_at=timezone.now())
    token, hashed = SecretLink.new_token()
    link = SecretLink.objects.create(
        tenant=tenant, system=system, token_hash=hashed, made_by_id=user_id, expires_at=timezone.now() + VALID_FOR
    )
    audit(tenant_id, user_id, "secret_link_made", f"{system}: link {link.pk}")
    return f"{settings.PUBLIC_URL.rstrip('/')}/secret/{token}/"


def withdraw_links(tenant_id: int, system: str, user_id: int | None) -> None:
    """Call inside a scope."""
    if open_links(tenant_id).filter(system=system).update(revoked_at=timezone.now()):
        audit(tenant_id, user_id, "secret_link_withdrawn", system)


def find_link(token: str) -> SecretLink | None:
    """The link as long as it can be used, with its tenant. Opens its own scope: nobody is signed in."""
    with tenant_scope(ALL):
        links = SecretLink.objects.filter(SecretLink.is_open()).select_related("tenant")
        return links.filter(token_hash=hash_token(token)).first()


def language_of(token: str) -> str | None:
    """In which the customer reads, also when the link has ended; None: there never was such a link. Opens its own scope."""
    with tenant_scope(ALL):
        links = SecretLink.objects.filter(token_hash=hash_token(token))
        return links.values_list("tenant__language", flat=True).first()


def enter_secret(token: str, secret: str) -> bool:
    """Keep the secret and try the connection; False when the link is used up. Opens its own scope."""
    link = find_link(token)
    if link is None:
        return False
    with tenant_scope(link.tenant_id):
        # Of two that are sent at the same instant one counts.
        used = SecretLink.objects.filter(SecretLink.is_open(), pk=link.pk).update(used_at=timezone.now())
        connection = Connection.objects.select_for_update().filter(tenant_id=link.tenant_id, system=link.system).first()
        if not used or connection is None:
            return False
        connection.set_secret(secret)
        connection.state, connection.state_code, connection.state_detail = Connection.State.UNTESTED, "", ""
        connection._change_reason = "secret_entered"  # type: ignore[attr-defined]  # noqa: SLF001 - how simple_history takes its reason
        connection.save()
        audit(link.tenant_id, None, "secret_entered", f"{link.system}: link {link.pk}")
        queue_run(Run(tenant_id=link.tenant_id, kind=Run.Kind.STEP, result={"area": link.system}))
    return True
