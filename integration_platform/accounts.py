"""How people get in: a password with a second factor, or the firm's own log-in (OIDC). Pages and flows are django-allauth's.

Nobody registers themselves: an administrator makes users, and a log-in from outside finds its user by e-mail address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tenants.roles import Right, has_right
from tenants.secrets import seal, unseal

ROW = "second_factor"
CHECKED = "has_second_factor"  # in the session: asked once per log-in
#: What those who may configure reach only with a second factor.
GUARDED = ("/admin/", "/api/")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps are sealed like every other secret."""

    def encrypt(self, text: str) -> str:
        return seal(text, ROW)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, ROW)


class SecondFactorMiddleware:
    """Whoever may configure a company sets up a second factor before anything else (setting REQUIRE_SECOND_FACTOR).

    At log-in allauth asks for it; this is for those who have none yet. Behind TenantScopeMiddleware, which knows the roles.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.REQUIRE_SECOND_FACTOR and _is_guarded(request) and not _has_second_factor(request):
            return HttpResponseRedirect(reverse("mfa_activate_totp"))
        return self.get_response(request)


def _is_guarded(request: HttpRequest) -> bool:
    if not request.path_info.startswith(GUARDED) or request.path_info == reverse("admin:logout"):
        return False
    return request.user.is_authenticated and has_right(request.user, Right.CONFIGURE)


def _has_second_factor(request: HttpRequest) -> bool:
    """Their own, or whatever the firm's log-in asked of them."""
    if request.session.get(CHECKED):
        return True
    methods = request.session.get("account_authentication_methods", [])
    from_outside = any(each.get("method") == "socialaccount" for each in methods)
    if from_outside or Authenticator.objects.filter(user_id=request.user.pk, type=Authenticator.Type.TOTP).exists():
        request.session[CHECKED] = True
    return bool(request.session.get(CHECKED))


def second_factor_is_required(_: HttpRequest) -> dict[str, bool]:
    """For the log-in page, which says so when it is not."""
    return {"second_factor_is_required": settings.REQUIRE_SECOND_FACTOR}
