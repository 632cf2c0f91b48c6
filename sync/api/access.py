"""Who calls the API: a person with a token, or one signed in to the console. Both may do what `tenants.roles` says."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tenants.models import ApiToken, Tenant
from tenants.roles import Right, has_right, read_roles, tenants_with
from tenants.scoping import ALL, tenant_scope


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        kind, _, token = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        with tenant_scope(ALL):
            found = ApiToken.find(token.decode("latin-1").strip())
            if found is None or not found.user.is_active:
                raise AuthenticationFailed("This token is unknown, has expired or was revoked.")
            read_roles(found.user)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class HasScope(BasePermission):
    """A token allows only what its scopes name; a view names the one it needs in `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        return getattr(view, "scope", ApiToken.Scope.READ) in request.auth.scopes


class Throttle(SimpleRateThrottle):
    """So many calls a minute for each token, or for each person without one."""

    scope = "api"

    def get_cache_key(self, request: Request, view: Any) -> str:
        who = f"token-{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"user-{request.user.pk}"
        return f"api-{who}"


def tenants_of(request: Request, right: Right = Right.VIEW) -> str | list[int]:
    """The companies a call may be about: those of its token for which the person has the right today."""
    if isinstance(request.auth, ApiToken):
        return [pk for pk in request.auth.tenant_ids if has_right(request.user, right, pk)]
    return tenants_with(request.user, right)


def tenant_named(request: Request, slug: str, right: Right = Right.VIEW) -> Tenant:
    """One company. Raises Http404 for one the call cannot see, PermissionDenied for one it may only look at."""
    seen = tenants_of(request)
    with tenant_scope(seen):
        tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None or (seen != ALL and tenant.pk not in seen):
        raise Http404
    if not has_right(request.user, right, tenant.pk):
        raise PermissionDenied
    return tenant
