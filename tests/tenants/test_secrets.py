"""Sealing: bound to its row, closed on any doubt, and never seen where it does not belong."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from tenants.models import Connection, WebhookToken
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError, reseal, seal, unseal
from tests.factories import INTEMPUS_KEY, UNICONTA_PASSWORD, make_connections, make_tenant, make_token


@pytest.fixture
def old_key(settings):
    """The ring holds one key, which is about to become the old one."""
    settings.CREDENTIAL_KEYS = [key := Fernet.generate_key().decode()]
    return key


def test_what_was_sealed_comes_back():
    assert unseal(seal("hemmelig æøå", "connection:1:uniconta"), "connection:1:uniconta") == "hemmelig æøå"


def test_the_sealed_text_does_not_show_the_value():
    assert "hemmelig" not in seal("hemmelig", "connection:1:uniconta")


def test_a_text_of_another_row_is_refused():
    with pytest.raises(SecretError, match="belongs to another row"):
        unseal(seal("hemmelig", "connection:1:uniconta"), "connection:2:uniconta")


def test_a_damaged_text_is_refused():
    sealed = seal("hemmelig", "row")
    with pytest.raises(SecretError):
        unseal(sealed[:-4] + "AAAA", "row")


def test_a_wrong_key_fails_closed_and_the_error_shows_nothing(settings, old_key):
    sealed = seal("hemmelig", "row")
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(SecretError) as caught:
        unseal(sealed, "row")
    assert "hemmelig" not in str(caught.value)
    assert old_key not in str(caught.value)
    assert caught.value.__suppress_context__  # nor does a traceback


@pytest.mark.parametrize("call", [lambda: seal("value", "row"), lambda: unseal("text", "row"), lambda: reseal("text")])
def test_without_keys_nothing_is_sealed_or_opened(settings, call):
    settings.CREDENTIAL_KEYS = []
    with pytest.raises(ImproperlyConfigured):
        call()


def test_resealing_moves_a_text_to_the_newest_key(settings, old_key):
    sealed = seal("hemmelig", "row")
    new_key = Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new_key, old_key]
    resealed = reseal(sealed)
    settings.CREDENTIAL_KEYS = [new_key]
    assert unseal(resealed, "row") == "hemmelig"
    with pytest.raises(SecretError):
        unseal(sealed, "row")


def test_resealing_keeps_the_binding_to_the_row():
    with pytest.raises(SecretError, match="belongs to another row"):
        unseal(reseal(seal("hemmelig", "one row")), "another row")


@pytest.mark.django_db
def test_a_sealed_secret_copied_to_another_tenant_is_refused():
    """Whoever can write to the database cannot make one tenant's connection log in with another's password."""
    mine, theirs = (make_connections(make_tenant(), company_id=number)[0] for number in (1, 2))
    with tenant_scope([mine.tenant_id, theirs.tenant_id]):
        Connection.objects.filter(pk=mine.pk).update(sealed_secret=theirs.sealed_secret)
        mine.refresh_from_db()
        with pytest.raises(SecretError, match="belongs to another row"):
            _ = mine.secret


@pytest.mark.django_db
def test_a_secret_swapped_between_the_two_systems_of_a_tenant_is_refused():
    uniconta, intempus = make_connections(make_tenant())
    uniconta.sealed_secret = intempus.sealed_secret
    with pytest.raises(SecretError, match="belongs to another row"):
        _ = uniconta.secret


@pytest.mark.django_db
def test_a_sealed_webhook_token_copied_to_another_row_is_refused():
    mine, theirs = make_token(make_tenant()), make_token(make_tenant())
    mine.sealed_token = theirs.sealed_token
    with pytest.raises(SecretError, match="belongs to another row"):
        _ = mine.token


@pytest.mark.django_db
def test_the_token_is_in_the_database_only_as_hash_and_sealed():
    row = make_token(make_tenant(), "planted-webhook-token")
    with tenant_scope(row.tenant_id):
        stored = str(WebhookToken.objects.filter(pk=row.pk).values().get())
    assert "planted-webhook-token" not in stored
    assert row.token == "planted-webhook-token"


@pytest.mark.django_db
def test_no_planted_secret_stands_in_any_column_history_included(every_row):
    tenant = make_tenant()
    uniconta, intempus = make_connections(tenant)
    make_token(tenant, "planted-webhook-token")
    uniconta.set_secret("planted-second-password")
    with tenant_scope(tenant.pk):
        uniconta.save()
        assert Connection.history.filter(id=uniconta.pk).count() == 2
        assert not hasattr(Connection.history.first(), "sealed_secret")
    text = every_row()
    assert intempus.base_url in text, "the search looks at the right tables"
    assert "planted" not in text


@pytest.mark.django_db
def test_repr_and_str_show_no_secret():
    uniconta, intempus = make_connections(make_tenant())
    token = make_token(make_tenant(), "planted-webhook-token")
    for row in (uniconta, intempus, token):
        for shown in (repr(row), str(row)):
            assert UNICONTA_PASSWORD not in shown
            assert INTEMPUS_KEY not in shown
            assert "planted" not in shown


@pytest.mark.django_db
def test_connection_settings_hide_the_secret_in_repr():
    from sync.connectors.base import ConnectionSettings

    uniconta, _ = make_connections(make_tenant())
    settings = ConnectionSettings("uniconta", uniconta.base_url, uniconta.username, uniconta.secret)
    assert settings.secret == UNICONTA_PASSWORD
    assert UNICONTA_PASSWORD not in repr(settings)
