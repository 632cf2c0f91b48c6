"""Tenants, their connections, tokens and people."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from tenants.models import Connection, Membership, Tenant, WebhookToken
from tenants.scoping import ALL
from tests.factories.scope import scope_of

UNICONTA_PASSWORD = "planted-uniconta-password"
INTEMPUS_KEY = "planted-intempus-key"

_numbers = count(1)


def make_tenant(slug: str = "", *, state: str = Tenant.State.LIVE, **values: Any) -> Tenant:
    """A live tenant; its slug is made up when the test does not care."""
    slug = slug or f"tenant-{next(_numbers)}"
    values.setdefault("name", f"{slug.title()} ApS")
    with scope_of(ALL):
        return Tenant.objects.create(slug=slug, state=state, **values)


def make_connection(
    tenant: Tenant, system: str, base_url: str, username: str, secret: str, company_id: str = "", **values: Any
) -> Connection:
    connection = Connection(
        tenant=tenant, system=system, base_url=base_url, username=username, company_id=company_id, **values
    )
    connection.set_secret(secret)
    with scope_of(tenant.pk):
        connection.save()
    return connection


def make_connections(
    tenant: Tenant,
    uniconta_url: str = "http://127.0.0.1:1",
    intempus_url: str = "http://127.0.0.1:1",
    *,
    company_id: str | int = "4242",
    uniconta_username: str = "sync",
    uniconta_password: str = UNICONTA_PASSWORD,
    intempus_username: str = "api@example.dk",
    intempus_key: str = INTEMPUS_KEY,
    **values: Any,
) -> tuple[Connection, Connection]:
    """Both connections, untested as after typing them in. Without addresses they point at a port nobody answers."""
    return (
        make_connection(
            tenant, "uniconta", uniconta_url, uniconta_username, uniconta_password, str(company_id), **values
        ),
        make_connection(tenant, "intempus", intempus_url, intempus_username, intempus_key, **values),
    )


def set_working(connection: Connection, company_id: str, name: str = "", number: str = "") -> Connection:
    """As after a successful test that found this company."""
    connection.state = Connection.State.WORKING
    connection.pinned_company_id = company_id
    connection.pinned_company_name = name or f"Company {company_id}"
    connection.pinned_company_number = number
    with scope_of(connection.tenant_id):
        connection.save()
    return connection


def make_token(tenant: Tenant, token: str = "", note: str = "") -> WebhookToken:
    with scope_of(tenant.pk):
        return WebhookToken.issue(tenant, token, note)


def make_user(name: str = "", role: str = "", *tenants: Tenant, is_superuser: bool = False, **values: Any) -> User:
    """A person, with `role` in each of `tenants`. Staff, because every person here works in the console.

    Hashing a password takes half a second, so there is none unless asked for: use `client.force_login(user)`.
    """
    name = name or f"person-{next(_numbers)}"
    make = get_user_model().objects.create_superuser if is_superuser else get_user_model().objects.create_user
    user = make(name, f"{name}@example.dk", values.pop("password", None), is_staff=True, **values)
    with scope_of(ALL):
        Membership.objects.bulk_create(Membership(user=user, tenant=tenant, role=role) for tenant in tenants)
    return user
