"""System checks: a wrong setting stops the start with a sentence, not an incident with a traceback.

Errors refuse web and worker (`refuse_unsafe_start`); deployment checks add what only counts outside development.
"""

import sys
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured

MIN_SECRET_LENGTH = 50
MIN_CPR_KEY_LENGTH = 32
HOW_TO_MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
MAKE_CREDENTIAL_KEY = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'; "
    "keep a copy outside the server: without the key, stored passwords cannot be read"
)


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's answer to an empty one
        return ""


@register(Tags.security)
def check_debug(**_: Any) -> list[CheckMessage]:
    if settings.DEBUG and not settings.DEVELOPMENT:
        return [
            Error(
                "DEBUG is on outside development: error pages would show settings and data.",
                hint="Remove DEBUG from the environment.",
                id="platform.E001",
            )
        ]
    return []


@register(Tags.security)
def check_secret_key(**_: Any) -> list[CheckMessage]:
    key = _secret_key()
    if len(key) >= MIN_SECRET_LENGTH and len(set(key)) > 5:
        return []
    problem = "is too short or too simple" if key else "is missing"
    return [
        Error(
            f"SECRET_KEY {problem}.",
            hint=f"Set it to {MIN_SECRET_LENGTH} or more random characters ({HOW_TO_MAKE_ONE}); "
            "for development, make setup does.",
            id="platform.E002",
        )
    ]


@register(Tags.security)
def check_credential_keys(**_: Any) -> list[CheckMessage]:
    """The key ring that seals the remote systems' passwords; the messages never show a key."""
    keys: list[str] = settings.CREDENTIAL_KEYS
    if not keys:
        return [Error("CREDENTIAL_KEYS is missing.", hint=f"Make one: {MAKE_CREDENTIAL_KEY}.", id="platform.E003")]
    messages: list[CheckMessage] = []
    invalid = [number for number, key in enumerate(keys, start=1) if not _is_fernet_key(key)]
    if invalid:
        messages.append(
            Error(
                f"CREDENTIAL_KEYS: number {', '.join(map(str, invalid))} is not a Fernet key.",
                hint=f"Separate keys by commas, newest first. Make one: {MAKE_CREDENTIAL_KEY}.",
                id="platform.E004",
            )
        )
    if _secret_key() in keys:
        messages.append(
            Error(
                "SECRET_KEY is used as a credential key.",
                hint="Sessions and stored passwords must not share a key: "
                "changing one would lose the other. Make one: " + MAKE_CREDENTIAL_KEY + ".",
                id="platform.E005",
            )
        )
    return messages


@register(Tags.security)
def check_cpr_key(**_: Any) -> list[CheckMessage]:
    """Without one nobody is recognised by CPR number, which `doctor` says where employees are synchronised."""
    key: str = settings.CPR_KEY
    if not key:
        return []
    if len(key) < MIN_CPR_KEY_LENGTH or len(set(key)) <= 5:
        problem = "is too short or too simple: CPR numbers could be found by trying"
    elif key == _secret_key() or key in settings.CREDENTIAL_KEYS:
        problem = "is used for something else as well"
    else:
        return []
    return [Error(f"CPR_KEY {problem}.", hint=f"Give it a key of its own ({HOW_TO_MAKE_ONE}).", id="platform.E013")]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key.encode())
    except ValueError:
        return False
    return True


@register(Tags.database)
def check_database(**_: Any) -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    messages: list[CheckMessage] = []
    if database["ENGINE"] != "django.db.backends.postgresql":
        messages.append(
            Error(
                "The database is not PostgreSQL: row security, leases and partitions need it.",
                hint="Set DATABASE_URL=postgresql://… or leave it out for the embedded server.",
                id="platform.E006",
            )
        )
    if database.get("OPTIONS", {}).get("pool"):
        messages.append(
            Error(
                "psycopg's connection pool is on: worker processes would share its sockets and read each other's rows.",
                hint="Remove pool from DATABASE_URL; connections are kept open anyway. Use PgBouncer if you need more.",
                id="platform.E007",
            )
        )
    return messages


@register(Tags.security)
def check_allowed_hosts(**_: Any) -> list[CheckMessage]:
    if settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Error(
            "ALLOWED_HOSTS is empty." if not settings.ALLOWED_HOSTS else "ALLOWED_HOSTS allows every host name.",
            hint="Set it to the host name in PUBLIC_URL, e.g. ALLOWED_HOSTS=integration.example.com.",
            id="platform.E008",
        )
    ]


@register(Tags.security)
def check_public_url(**_: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL:
        return []
    return [
        Error(
            "PUBLIC_URL is missing: webhook addresses could not be shown.",
            hint="Set it to the address people and Uniconta reach this server by: https://integration.example.com.",
            id="platform.E009",
        )
    ]


@register(Tags.security, deploy=True)
def check_https(**_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if settings.PUBLIC_URL and not settings.PUBLIC_URL.startswith("https://"):
        messages.append(
            checks.Warning(
                "PUBLIC_URL is not https: passwords and webhook secrets would travel in clear.",
                hint="Put a proxy with a certificate in front and set PUBLIC_URL=https://….",
                id="platform.W010",
            )
        )
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        messages.append(
            checks.Warning(
                "Cookies may travel over plain HTTP.",
                hint="They are secure as soon as PUBLIC_URL is a public address and DEBUG is off.",
                id="platform.W011",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def check_private_targets(**_: Any) -> list[CheckMessage]:
    if not settings.ALLOW_PRIVATE_TARGETS:
        return []
    return [
        checks.Warning(
            "ALLOW_PRIVATE_TARGETS is on: a connection's address may point into your own network.",
            hint="It is for the demo and for tests; remove it from the environment.",
            id="platform.W012",
        )
    ]


def refuse_unsafe_start() -> None:
    """Leave with exit code 1 when a check finds an error. For the web server; manage.py commands check by themselves."""
    errors = [message for message in run_checks() if message.is_serious() and not message.is_silenced()]
    if errors:
        sys.stderr.write("Refusing to start:\n" + "".join(f"  {message}\n" for message in errors))
        raise SystemExit(1)
