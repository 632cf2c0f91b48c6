"""Getting in: one door, a second factor for those who may configure, and nothing that tells who has an account."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "long enough and odd 17"
LOGIN = "/account/login/"
CONSOLE = "/admin/"
#: What allauth would offer besides.
CLOSED = [
    f"/account/{path}/"
    for path in (
        "signup", "email", "confirm-email", "confirm-email/key", "password/set", "password/reset", "password/reset/done",
        "password/reset/key/1-made-up", "login/code/confirm", "reauthenticate/code", "reauthenticate/code/confirm",
        "3rdparty", "3rdparty/signup", "social/signup", "social/connections",
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


def person(role: str, name: str = "") -> User:
    return make_user(name or role, role, make_tenant(), password=PASSWORD)


def log_in(client: Client, name: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(LOGIN, {"login": name, "password": password}, **extra)


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def test_there_is_one_door(client: Client) -> None:
    person("customer")
    assert client.get("/admin/login/").url.startswith(LOGIN)
    assert client.post("/admin/login/", {"username": "customer", "password": PASSWORD}).url.startswith(LOGIN)
    assert client.get(CONSOLE).status_code == 302
    assert log_in(client, "customer").url == "/"
    assert client.get(CONSOLE).status_code == 200
    for closed in CLOSED:
        assert client.get(closed).status_code == 404


def test_nobody_learns_who_has_an_account(client: Client) -> None:
    person("customer")
    wrong, unknown = log_in(client, "customer", "wrong"), log_in(client, "nobody-here", "wrong")
    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert wrong.context["form"].errors != {}


def test_guessing_is_stopped_and_locks_nobody_else_out(client: Client) -> None:
    person("customer")
    for _ in range(10):
        log_in(client, "customer", "wrong", REMOTE_ADDR="192.0.2.1")
    assert log_in(client, "customer", REMOTE_ADDR="192.0.2.1").status_code != 302
    assert log_in(Client(), "customer", REMOTE_ADDR="192.0.2.2").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_who_may_configure_sets_up_a_second_factor(client: Client, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    setup = reverse("mfa_activate_totp")
    for role, status in (("customer", 200), ("auditor", 200), ("consultant", 302)):
        person(role)
        visitor = Client()
        log_in(visitor, role)
        assert visitor.get(CONSOLE).status_code == status, role
    for each in (client, older := Client()):
        log_in(each, "consultant")
    assert client.get(CONSOLE).url == client.get("/api/status/").url == setup
    assert client.get(setup).status_code == 302  # the password once more, before anything about second factors
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    secret = client.get(setup).context["form"].secret
    assert client.post(setup, {"code": "000000"}).status_code == 200
    assert client.post(setup, {"code": code_of(secret)}).status_code == 302
    assert client.get(CONSOLE).status_code == 200
    assert secret not in str(list(Authenticator.objects.values()))

    # A session from before: the password alone neither opens the console nor removes the second factor.
    deactivate, code = reverse("mfa_deactivate_totp"), reverse("mfa_reauthenticate")
    older.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    for path in (CONSOLE, deactivate, reverse("mfa_view_recovery_codes"), reverse("mfa_generate_recovery_codes")):
        assert older.get(path).url.startswith(code), path
        assert older.post(path).url.startswith(code), path
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert client.get(deactivate).status_code == 200

    again = Client()
    assert log_in(again, "consultant").url.startswith(reverse("mfa_authenticate"))
    assert again.get(CONSOLE).status_code == 302
    again.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert again.get(CONSOLE).status_code == 302
    recovery = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert again.post(reverse("mfa_authenticate"), {"code": recovery[0]}).status_code == 302
    assert again.get(CONSOLE).status_code == 200


def test_a_session_is_ended_from_another(client: Client) -> None:
    person("customer")
    other = Client()
    for each in (client, other):
        log_in(each, "customer")
    stranger = Client()
    person("support")
    log_in(stranger, "support")
    page = client.get(reverse("usersessions_list"))
    assert len(page.context["sessions"]) == 2
    client.post(reverse("usersessions_list"))
    assert other.get(CONSOLE).status_code == 302
    assert (client.get(CONSOLE).status_code, stranger.get(CONSOLE).status_code) == (200, 200)


def test_the_page_says_when_no_second_factor_is_asked(client: Client, settings: Any) -> None:
    for required, says in ((False, True), (True, False)):
        settings.REQUIRE_SECOND_FACTOR = required
        assert ("no second factor" in client.get(LOGIN).content.decode()) is says
