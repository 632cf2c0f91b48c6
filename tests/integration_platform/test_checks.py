"""Wrong settings are refused: each check by itself, and the doors through which a server starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks

from integration_platform import development
from integration_platform.checks import check_database

ROOT = Path(__file__).parents[2]
GOOD_SECRET = "only-for-tests-" + "0123456789abcdef" * 4


def found(*, deploy=False):
    return {
        message.id for message in run_checks(include_deployment_checks=deploy) if message.id.startswith("platform.")
    }


def test_the_settings_of_this_run_are_fine():
    assert found() == set()


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("DEBUG", True, {"platform.E001"}),
        ("SECRET_KEY", "", {"platform.E002"}),
        ("SECRET_KEY", "short", {"platform.E002"}),
        ("SECRET_KEY", "x" * 80, {"platform.E002"}),
        ("CREDENTIAL_KEYS", [], {"platform.E003"}),
        ("CREDENTIAL_KEYS", ["not a key"], {"platform.E004"}),
        ("CPR_KEY", "", set()),  # nobody is recognised by CPR number, then; doctor says so
        ("CPR_KEY", "short", {"platform.E013"}),
        ("CPR_KEY", GOOD_SECRET, {"platform.E013"}),
        ("CREDENTIAL_KEYS", [Fernet.generate_key().decode(), GOOD_SECRET], {"platform.E004", "platform.E005"}),
        ("ALLOWED_HOSTS", [], {"platform.E008"}),
        ("ALLOWED_HOSTS", ["example.com", "*"], {"platform.E008"}),
        ("PUBLIC_URL", "", {"platform.E009"}),
    ],
)
def test_an_error_is_found_everywhere(settings, name, value, ids):
    settings.SECRET_KEY = GOOD_SECRET
    setattr(settings, name, value)
    assert found() == ids


@pytest.mark.parametrize(
    ("name", "value", "id_"),
    [("ENGINE", "django.db.backends.sqlite3", "platform.E006"), ("OPTIONS", {"pool": True}, "platform.E007")],
)
def test_a_database_that_would_lose_work_is_refused(settings, monkeypatch, name, value, id_):
    monkeypatch.setitem(settings.DATABASES["default"], name, value)
    assert {message.id for message in check_database()} == {id_}


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("PUBLIC_URL", "http://integration.example.com", {"platform.W010"}),
        ("SESSION_COOKIE_SECURE", False, {"platform.W011"}),
        ("CSRF_COOKIE_SECURE", False, {"platform.W011"}),
        ("ALLOW_PRIVATE_TARGETS", True, {"platform.W012"}),
    ],
)
def test_a_warning_is_found_before_deployment(settings, name, value, ids):
    settings.PUBLIC_URL = "https://integration.example.com"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.ALLOW_PRIVATE_TARGETS = False
    setattr(settings, name, value)
    assert found() == set()
    assert found(deploy=True) == ids


def test_debug_is_allowed_in_development(settings):
    settings.DEBUG = settings.DEVELOPMENT = True
    assert found() == set()


def test_no_message_shows_a_key(settings):
    settings.SECRET_KEY = "geheim"
    settings.CREDENTIAL_KEYS = ["geheim", "also geheim"]
    assert "geheim" not in "".join(map(str, run_checks()))


def start(*command, **changes):
    """Run a command as a server would be started, with the given settings changed (None: not set)."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "integration_platform.settings"} | changes
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )


WEB = ("-c", "import integration_platform.wsgi")
COMMAND = ("manage.py", "migrate", "--plan")


@pytest.mark.parametrize("command", [WEB, COMMAND], ids=["web", "manage.py"])
def test_a_server_with_debug_on_does_not_start(command):
    result = start(*command, DEBUG="1")
    assert result.returncode != 0
    assert "platform.E001" in result.stderr


@pytest.mark.parametrize("command", [WEB, COMMAND], ids=["web", "manage.py"])
def test_a_server_without_credential_keys_does_not_start(command):
    result = start(*command, CREDENTIAL_KEYS="")
    assert result.returncode != 0
    assert "platform.E003" in result.stderr


def test_a_rightly_set_up_server_starts():
    result = start(*WEB)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_server_ignores_the_development_keys_lying_around():
    """SECRET_KEY in the environment makes it a server: a missing CREDENTIAL_KEYS is then not filled in."""
    code = "from django.conf import settings; print(settings.DEVELOPMENT, settings.CREDENTIAL_KEYS)"
    assert start("-c", code, CREDENTIAL_KEYS=None).stdout.strip() == "False []"


def test_development_keys_are_random_private_and_kept(tmp_path):
    file = tmp_path / "var" / "dev.env"
    assert development.write_keys(file)
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert not development.write_keys(file)
    assert file.read_text() == text
    values = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    assert len(values["SECRET_KEY"]) >= 50
    Fernet(values["CREDENTIAL_KEYS"])
    file.write_text("".join(line + "\n" for line in text.splitlines() if not line.startswith("CPR_KEY")))
    assert development.write_keys(file)  # from before there was such a key: it is added, the others stay
    added = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert added.keys() == values.keys()
    assert (added["SECRET_KEY"], added["CREDENTIAL_KEYS"]) == (values["SECRET_KEY"], values["CREDENTIAL_KEYS"])
    assert len(added["CPR_KEY"]) >= 50


def test_a_page_of_the_console_may_evaluate_and_no_other_may(admin_client):
    policies = {path: admin_client.get(path)["Content-Security-Policy"] for path in ("/admin/", "/healthz")}
    assert {path: "'unsafe-eval'" in policy for path, policy in policies.items()} == {
        "/admin/": True,
        "/healthz": False,
    }
    assert all("default-src 'none'" in policy and "http" not in policy for policy in policies.values())
