"""Who may do what. One table; everything that asks goes through `has_right` and `visible_tenants`."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q
from django.utils import timezone

from tenants.models import Membership
from tenants.scoping import ALL, tenant_scope

Role = Membership.Role


class Right(StrEnum):
    VIEW = "view"  # see records, runs and their history
    RETRY = "retry"  # have a record tried again that was mended
    OPERATE = "operate"  # press Sync now, Fetch, Check; take pairs apart
    FETCH_HOURS = "fetch_hours"  # have hours read, judged and transferred now
    ANSWER_HOURS = "answer_hours"  # answer for work reports and journal lines; hold new lines while posting
    CONFIGURE = "configure"  # change companies, connections, policies and rules
    REVEAL = "reveal"  # see webhook URLs in clear (audited)
    AUDIT = "audit"  # read who did what


RIGHTS: dict[str, frozenset[Right]] = {
    Role.CUSTOMER: frozenset({Right.VIEW, Right.RETRY, Right.ANSWER_HOURS}),
    Role.BOOKKEEPER: frozenset({Right.VIEW, Right.RETRY, Right.FETCH_HOURS, Right.ANSWER_HOURS}),
    Role.AUDITOR: frozenset({Right.VIEW, Right.AUDIT}),
    Role.SUPPORT: frozenset({Right.VIEW, Right.RETRY, Right.OPERATE, Right.FETCH_HOURS}),
    Role.CONSULTANT: frozenset(Right),
}


def _roles(user: AbstractBaseUser | AnonymousUser) -> dict[int, str]:
    """Role by tenant id. Read once per request; the user object is that of the request."""
    cached: dict[int, str] | None = getattr(user, "_roles", None)
    if cached is not None:
        return cached
    with tenant_scope(ALL):
        return read_roles(user)


def read_roles(user: AbstractBaseUser | AnonymousUser) -> dict[int, str]:
    """Read them now, for all that asks later in this request. Call inside a scope of ALL."""
    if getattr(user, "is_superuser", False):
        return {}
    holds = Q(until__isnull=True) | Q(until__gte=timezone.localdate())
    roles = dict(Membership.objects.filter(holds, user_id=user.pk or 0).values_list("tenant_id", "role"))
    user._roles = roles  # type: ignore[union-attr]  # noqa: SLF001 - kept as long as the request's user
    return roles


def visible_tenants(user: AbstractBaseUser | AnonymousUser) -> str | list[int]:
    """The tenants a person may see, as `tenant_scope` takes them."""
    if getattr(user, "is_superuser", False):
        return ALL
    return sorted(_roles(user)) if user.is_authenticated else []


def has_right(user: AbstractBaseUser | AnonymousUser, right: Right, tenant_id: int | None = None) -> bool:
    """Whether a person has a right for one tenant, or (None) for any tenant at all."""
    if not user.is_authenticated or not user.is_active:
        return False
    if getattr(user, "is_superuser", False):
        return True
    roles = _roles(user)
    if tenant_id is None:
        return any(right in RIGHTS[role] for role in roles.values())
    return tenant_id in roles and right in RIGHTS[roles[tenant_id]]


def tenants_with(user: AbstractBaseUser | AnonymousUser, right: Right) -> str | list[int]:
    """The tenants for which a person has a right: ALL or their ids."""
    visible = visible_tenants(user)
    if isinstance(visible, str):
        return visible
    return [tenant_id for tenant_id in visible if has_right(user, right, tenant_id)]
