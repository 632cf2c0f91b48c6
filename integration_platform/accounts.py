"""How people get in: a password with a second factor, or the firm's own log-in (OIDC). Pages and flows are django-allauth's.

Nobody registers themselves: an administrator makes users, and a log-in from outside finds its user by e-mail address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tenants.roles import Right, has_right
from tenants.secrets import seal, unseal

ROW = "second_factor"
SET_UP = "set_up_second_factor"  # in the session that did
#: The pages that ask for a code.
ASKING = ("/authenticate/", "/reauthenticate/")
#: What those who may configure reach only with a second factor.
GUARDED = ("/admin/", "/api/")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Nobody ties another log-in to a user who is signed in: it would count as a second factor from then on."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            raise PermissionDenied


class LogInForm(LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""  # no link to a reset: an administrator gives a new password


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps are sealed like every other secret."""

    def encrypt(self, text: str) -> str:
        return seal(text, ROW)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, ROW)


class SecondFactorMiddleware:
    """Whoever may configure a company sets up a second factor before anything else (setting REQUIRE_SECOND_FACTOR).

    At log-in allauth asks those who have one. A session from before they had it enters a code here: for the console, and
    for the pages that show or remove second factors, where allauth alone would be content with the password.
    Behind TenantScopeMiddleware, which knows the roles.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            owners = request.path_info.startswith(reverse("mfa_index")) and not request.path_info.endswith(ASKING)
            guarded = settings.REQUIRE_SECOND_FACTOR and _is_guarded(request)
            if (owners and not _passed(request, "mfa")) or (guarded and not _passed(request, "mfa", "socialaccount")):
                if Authenticator.objects.filter(user_id=request.user.pk, type=Authenticator.Type.TOTP).exists():
                    return redirect_to_login(request.get_full_path(), reverse("mfa_reauthenticate"))
                if guarded:
                    return HttpResponseRedirect(reverse("mfa_activate_totp"))
        return self.get_response(request)


def _is_guarded(request: HttpRequest) -> bool:
    if not request.path_info.startswith(GUARDED) or request.path_info == reverse("admin:logout"):
        return False
    return has_right(request.user, Right.CONFIGURE)


def _passed(request: HttpRequest, *methods: str) -> bool:
    """Whether this session showed one of them, or set its second factor up itself."""
    shown = request.session.get("account_authentication_methods", [])
    return bool(request.session.get(SET_UP)) or any(each.get("method") in methods for each in shown)


@receiver(authenticator_added)
def _has_set_up(request: HttpRequest, **_: Any) -> None:
    request.session[SET_UP] = True


def second_factor_is_required(_: HttpRequest) -> dict[str, bool]:
    """For the log-in page, which says so when it is not."""
    return {"second_factor_is_required": settings.REQUIRE_SECOND_FACTOR}
