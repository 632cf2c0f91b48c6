"""pytest plugin (``-p tests.plugin_database``): a throw-away PostgreSQL server for the session, before settings load.

Each session has its own server, so that several may run at once; xdist workers share their session's. Sessions that were
killed leave a server behind: the next one removes it. With DATABASE_URL in the environment that server is used instead.
"""

import atexit
import os
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from integration_platform.postgres import EmbeddedPostgres

SERVERS = Path(__file__).resolve().parent.parent / "var" / "test-servers"
# Nothing outlives the session, so nothing needs to reach the disk.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "max_connections": "300",
}


def _prepare_environment() -> None:
    """Set what the settings read, and start the session's server, which is removed at its end."""
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
    os.environ.setdefault("CREDENTIAL_KEYS", Fernet.generate_key().decode())
    os.environ.setdefault("CPR_KEY", "only-for-tests-too-" + "0123456789abcdef" * 2)
    os.environ.setdefault("PUBLIC_URL", "http://localhost")
    os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
    os.environ.setdefault("ALLOW_PRIVATE_TARGETS", "1")
    if "DATABASE_URL" in os.environ:  # a server of the caller's choice, or we are an xdist worker
        return
    _remove_abandoned_servers()
    server = EmbeddedPostgres(SERVERS / str(os.getpid()), OPTIONS)
    atexit.register(_remove_own_server, server, os.getpid())  # also when pytest itself fails early
    os.environ["DATABASE_URL"] = server.ensure_running()


def _remove_own_server(server: EmbeddedPostgres, session: int) -> None:
    if os.getpid() == session:  # not in a forked child
        server.remove()


def _remove_abandoned_servers() -> None:
    for folder in SERVERS.glob("*"):
        if folder.name.isdigit() and not psutil.pid_exists(int(folder.name)):
            EmbeddedPostgres(folder).remove()


# On import, because pytest-django loads the settings in the first hook there is.
_prepare_environment()


def pytest_configure() -> None:
    """What tests do without: collected static files, and password hashes that are slow on purpose."""
    from django.conf import settings

    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain_files}
    settings.STATIC_ROOT = None  # a demo that another test starts collects files there while we would look at them
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
