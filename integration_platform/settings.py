"""All settings, one file. What differs between installations comes from the environment, listed in `Environment`.

Development needs no environment: `make` writes var/dev.env (random keys, readable by its owner only), which fills in
what is not set. Without either, the system checks in checks.py refuse to start anything.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ

from integration_platform import postgres
from integration_platform.content_security import STRICT_POLICY
from integration_platform.logging_settings import configure_structlog, logging_settings
from integration_platform.unfold_settings import UNFOLD as UNFOLD  # noqa: PLC0414 - a setting that lives in its own file

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
DEVELOPMENT_ENVIRONMENT = VAR_DIR / "dev.env"


class Environment(environ.Env):  # type: ignore[misc] # environ ships no types
    """A copy of the process environment: what dev.env adds is for us and is not handed on to child processes."""

    ENVIRON = dict(os.environ)


env = Environment()

# Development means: the keys come from var/dev.env. A server sets its own, whatever files lie around.
DEVELOPMENT = "SECRET_KEY" not in os.environ and DEVELOPMENT_ENVIRONMENT.exists()
if DEVELOPMENT:
    Environment.read_env(DEVELOPMENT_ENVIRONMENT)

# -------------------------------------------------------------------------------------------- from the environment

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
CREDENTIAL_KEYS: list[str] = env.list("CREDENTIAL_KEYS", default=[])  # Fernet keys, newest first
CPR_KEY = env.str("CPR_KEY", default="")  # recognises employees by CPR number; without it nobody is
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000" if DEVELOPMENT else "").rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEVELOPMENT else [])
ALLOW_PRIVATE_TARGETS = env.bool("ALLOW_PRIVATE_TARGETS", default=False)  # demo and tests: simulators on loopback
WORKERS = env.int("WORKERS", default=8)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=60)
RUN_SILENT_SECONDS = env.int("RUN_SILENT_SECONDS", default=90)
UNCLEAR_WAIT_SECONDS = env.int("UNCLEAR_WAIT_SECONDS", default=120)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many stand in front and write X-Forwarded-For
OIDC: dict[str, str] = env.dict("OIDC", default={})  # name=…,url=…,client_id=…,secret=…: the firm's own log-in
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # without it /metrics answers to this machine only
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="integration@localhost")
vars().update(env.email("EMAIL_URL", default="consolemail://"))

# Plain HTTP is for this machine only (demo, development); everything else is served over HTTPS.
SECURE = not (DEBUG or urlsplit(PUBLIC_URL).hostname in {"127.0.0.1", "localhost"})

# Whoever may configure needs a second factor, except where only this machine can reach the console.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=SECURE)

# -------------------------------------------------------------------------------------------- database

# Without DATABASE_URL the embedded server is started right here, so that manage.py, gunicorn, workers, tests and shells
# all just work; it costs a few milliseconds when it runs already. Commands that need no database do not start it.
NEEDS_NO_DATABASE = {"check", "collectstatic", "compilemessages", "help", "makemessages", "spectacular", "version"}


def _database_url() -> str:
    if "DATABASE_URL" in os.environ:
        return os.environ["DATABASE_URL"]
    server = postgres.default()
    is_manage_py = Path(sys.argv[0]).name == "manage.py"
    if is_manage_py and (len(sys.argv) < 2 or sys.argv[1] in NEEDS_NO_DATABASE):
        return server.url()
    return server.ensure_running()


DATABASES = {"default": Environment.db_url_config(_database_url())}
DATABASES["default"] |= {
    "ATOMIC_REQUESTS": False,
    "CONN_MAX_AGE": 60,  # django-q2 closes old connections around every task: without this each task opens a new one
    "CONN_HEALTH_CHECKS": True,
    "TEST": {"NAME": os.environ.get("TEST_DATABASE_NAME")},  # None: Django's default, test_<name>
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -------------------------------------------------------------------------------------------- applications

INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # allauth's list of sessions
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "simple_history",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "django_structlog",
    "integration_platform",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "tenants",
    "mappings",
    "sync",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "sync.api.first.WebhooksFirst",  # webhooks need none of what follows
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # the console's pages shrink to a twentieth; its padding answers BREACH
    "integration_platform.content_security.ContentSecurityMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenants.scoping.TenantScopeMiddleware",
    "integration_platform.accounts.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "integration_platform.urls"
WSGI_APPLICATION = "integration_platform.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "integration_platform.accounts.second_factor_is_required",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "integration_platform.accounts.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are typed in by administrators
ACCOUNT_FORMS = {"login": "integration_platform.accounts.LogInForm"}
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = None
# By address and not by user name: whoever guesses cannot lock the real person out elsewhere.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,50/h/ip"}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_ADAPTER = "integration_platform.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Uniconta - Intempus"
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ADAPTER = "integration_platform.accounts.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True  # of verified addresses
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "firm",
                "name": OIDC.get("name", "OpenID Connect"),
                "client_id": OIDC["client_id"],
                "secret": OIDC["secret"],
                "settings": {"server_url": OIDC["url"]},
            }
        ]
        if OIDC
        else []
    }
}

# -------------------------------------------------------------------------------------------- language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("da", "Dansk"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "integration_platform" / "locale"]
TIME_ZONE = "Europe/Copenhagen"
USE_TZ = True

# -------------------------------------------------------------------------------------------- static files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is missing

# -------------------------------------------------------------------------------------------- security

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
# Behind a proxy that ends TLS, gunicorn reads X-Forwarded-Proto from the proxies in FORWARDED_ALLOW_IPS (default: this
# machine), so Django needs no header setting that anybody could forge.
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked by load balancers and monitoring directly
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": dict(STRICT_POLICY)}
if OIDC:  # the log-in button is a form that browsers follow to there
    there = urlsplit(OIDC["url"])
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"] = [
        *STRICT_POLICY["form-action"],
        f"{there.scheme}://{there.netloc}",
    ]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# -------------------------------------------------------------------------------------------- queue: only the doorbell

Q_CLUSTER = {
    "name": "sync",
    "label": "Task queue (internal)",
    "orm": "default",
    "broker_class": "sync.queue.Broker",
    "workers": WORKERS,
    "queue_limit": 2,  # what is taken in advance waits here while another machine may be idle
    "bulk": 1,
    "poll": 0.5,
    "timeout": 300,
    "retry": 900,  # > timeout, or a slow task would be started twice
    "ack_failures": True,  # failures are recorded and retried on our own rows
    "max_attempts": 1,
    "save_limit": -1,  # anything else un-pickles all saved results per task
    "catch_up": False,
    "recycle": 300,
    "max_rss": 400_000,  # kB
}

# -------------------------------------------------------------------------------------------- history, API, logging

SIMPLE_HISTORY_DATE_INDEX = "Composite"
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_REVERT_DISABLED = True  # going back must pass validation and permissions: edit the record instead

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sync.api.access.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "sync.api.access.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["sync.api.access.Throttle"],
    "DEFAULT_THROTTLE_RATES": {"api": "120/min"},  # for each token, in each web process
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Uniconta ↔ Intempus",
    "DESCRIPTION": "Status of the integration: tenants, record links, change events, runs.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {  # all of them are called "state"
        "TenantState": "tenants.models.Tenant.State",
        "ConnectionState": "tenants.models.Connection.State",
        "RunState": "sync.models.Run.State",
        "RecordState": "mappings.models.RecordLink.State",
        "LogState": "sync.models.SyncLogEntry.State",
    },
}

LOGGING = logging_settings(readable=DEVELOPMENT or DEBUG)
LOGGING_CONFIG = "logging.config.dictConfig"
configure_structlog()
