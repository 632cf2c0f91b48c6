"""The page on which a customer enters a password or key. No log-in: who has the link may enter, once; nothing is shown back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.throttling import SimpleRateThrottle

from sync.domain.secret_links import LONGEST_SECRET, enter_secret, find_link, language_of
from tenants.models import Connection, SecretLink
from tenants.scoping import tenant_scope


class SecretThrottle(SimpleRateThrottle):
    """Per address and process. A token cannot be guessed anyway; this keeps the noise of trying small."""

    scope = "secret"
    rate = "20/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"secret:{self.get_ident(request)}"


class SecretForm(forms.Form):
    secret = forms.CharField(
        label=_("Password or API key"),
        strip=False,
        max_length=LONGEST_SECRET,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=False),
    )


@never_cache
@sensitive_post_parameters("secret")
def secret_view(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the form and uses nothing up: mail programs look at links, too. POST stores, once."""
    if not SecretThrottle().allow_request(request, None):  # type: ignore[arg-type]  # it only asks for the address
        return _page(request, "wait", 429)
    with translation.override(language_of(token) or translation.get_language()):
        link = find_link(token)
        if link is None:
            return _page(request, "gone", 404)
        form = SecretForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            is_kept = enter_secret(token, form.cleaned_data["secret"])
            return _page(request, "thanks" if is_kept else "gone", 200 if is_kept else 404)
        return _page(request, "form", form=form, **_about(link))


def _about(link: SecretLink) -> dict[str, Any]:
    with tenant_scope(link.tenant_id):
        username = Connection.objects.filter(tenant_id=link.tenant_id, system=link.system).values_list(
            "username", flat=True
        )
        return {"company": link.tenant.name, "system": link.get_system_display(), "username": username.first() or ""}


def _page(request: HttpRequest, what: str, status: int = 200, **context: Any) -> HttpResponse:
    # The address itself is the key: same-origin, as everywhere, keeps it here. No referrer at all would cost the form its
    # origin, and with that its proof that it was posted from this page.
    return render(request, "public/secret.html", {"what": what, **context}, status=status)
