"""Tenant access happens inside `tenant_scope(...)` and nowhere else.

The scope is a database transaction in which row security knows the tenants it may show. Keep it short: never hold one
open across a remote call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

#: Every tenant: for work that serves all of them (supervisor, migrations of data, administrators).
ALL: Final = "*"

_named: ContextVar[str | None] = ContextVar("app_tenants", default=None)


def _spell(tenants: str | int | Iterable[int]) -> str:
    if isinstance(tenants, str):
        if tenants != ALL:
            raise ValueError("tenant_scope takes ids or ALL")
        return ALL
    if isinstance(tenants, int):
        return str(tenants)
    return ",".join(str(tenant_id) for tenant_id in tenants)


def _name(tenants: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenants', %s, true)", [tenants])


@contextmanager
def tenant_scope(tenants: str | int | Iterable[int]) -> Iterator[None]:
    """One transaction that sees the rows of `tenants` (an id, several ids or `ALL`) and commits at its end."""
    spelled = _spell(tenants)
    outer = _named.get()
    with transaction.atomic():
        is_outermost = not connection.savepoint_ids  # then what we set ends with the transaction
        is_same = not is_outermost and spelled == outer
        if not is_same:
            _name(spelled)
        token = _named.set(spelled)
        try:
            yield
        finally:
            _named.reset(token)
        if not (is_outermost or is_same or connection.needs_rollback):
            _name(outer or "")


def _narrow(tenants: str | Iterable[int]) -> None:
    """Inside a scope: it is over these tenants from here on."""
    spelled = _spell(tenants)
    _name(spelled)
    _named.set(spelled)


def is_scoped() -> bool:
    return _named.get() is not None


class TenantScopeMiddleware:
    """Each request of a signed-in person is one scope over the tenants that person may see."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from tenants.roles import read_roles, visible_tenants

        user: AbstractBaseUser | AnonymousUser | None = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return self.get_response(request)
        with tenant_scope(ALL):
            # One transaction for whose tenants these are and for the rest: every page begins with it.
            read_roles(user)
            _narrow(visible_tenants(user))
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            return response
