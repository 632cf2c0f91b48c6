"""`manage.py rotate_secrets`: all or nothing, and the old key is really dispensable afterwards."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from sync.models import SyncLogEntry
from tenants.management.commands.rotate_secrets import sealed_columns
from tenants.models import Connection, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import seal, unseal
from tests.factories import (
    INTEMPUS_KEY,
    UNICONTA_PASSWORD,
    make_connections,
    make_link,
    make_log_entry,
    make_tenant,
    make_token,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings):
    """An old and a new key; the ring holds the old one until the test turns it."""
    settings.CREDENTIAL_KEYS = [old := Fernet.generate_key().decode()]
    return old, Fernet.generate_key().decode()


def rotate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_secrets", *arguments, stdout=out)
    return out.getvalue()


def test_every_sealed_column_is_found():
    assert {f"{model.__name__}.{name}" for model, name in sealed_columns()} == {
        "Connection.sealed_secret",
        "WebhookToken.sealed_token",
        "SyncLogEntry.sealed_pre_image",
        "AlertChannel.sealed_chat_url",
    }


def test_afterwards_the_old_key_is_not_needed_any_more(settings, keys):
    old, new = keys
    for company in range(3):
        tenant = make_tenant()
        make_connections(tenant, company_id=company)
        make_token(tenant, f"token-number-{company}")
    entry = make_log_entry(make_link(tenant), sealed_pre_image=seal("the whole record", "pre_image"))
    with tenant_scope(ALL):
        history = Connection.history.count()
    settings.CREDENTIAL_KEYS = [new, old]
    output = rotate("--batch", "2")
    assert "tenants.Connection.sealed_secret: 6 sealed again" in output
    assert "tenants.WebhookToken.sealed_token: 3 sealed again" in output
    assert "sync.SyncLogEntry.sealed_pre_image: 1 sealed again" in output
    assert "planted" not in output
    settings.CREDENTIAL_KEYS = [new]
    with tenant_scope(ALL):
        assert {row.secret for row in Connection.objects.all()} == {UNICONTA_PASSWORD, INTEMPUS_KEY}
        assert {row.token for row in WebhookToken.objects.all()} == {f"token-number-{n}" for n in range(3)}
        assert unseal(SyncLogEntry.objects.get(pk=entry.pk).sealed_pre_image, "pre_image") == "the whole record"
        assert Connection.history.count() == history, "a rotation is no change of the connection"


def test_one_text_that_cannot_be_opened_stops_everything(settings, keys):
    old, new = keys
    make_connections(make_tenant(), company_id=1)
    bad, _ = make_connections(make_tenant(), company_id=2)
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    bad.set_secret("sealed with a key nobody has")
    with tenant_scope(ALL):
        bad.save()
        before = list(Connection.objects.order_by("pk").values_list("sealed_secret", flat=True))
    settings.CREDENTIAL_KEYS = [new, old]
    with pytest.raises(CommandError, match=f"nothing was changed.\n  - tenants.Connection {bad.pk}, sealed_secret"):
        rotate()
    with tenant_scope(ALL):
        assert list(Connection.objects.order_by("pk").values_list("sealed_secret", flat=True)) == before


def test_connections_without_a_secret_are_passed_over(settings, keys):
    uniconta, _ = make_connections(make_tenant())
    with tenant_scope(ALL):
        Connection.objects.filter(pk=uniconta.pk).update(sealed_secret="")
    assert "sealed_secret: 1 sealed again" in rotate()
