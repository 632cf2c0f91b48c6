"""The addresses Uniconta and Intempus call: what is answered, what is stored, and that nothing breaks them."""

import io
import random
from typing import Any
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sync.api import webhooks
from sync.domain import receive
from sync.models import Bell, ChangeEvent, Run
from sync.queue import queue_depth
from tenants.models import AuditEntry, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_run, make_tenant, make_token

pytestmark = pytest.mark.django_db

SHORT_PATH = "sync.api.first.WebhooksFirst"
GOOD = "CompanyId=4242&Table=Debtor&RowId=77&Key=1000&Action=update"


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant("nordbyg")
    make_connections(tenant, company_id="4242")
    make_token(tenant, "token-of-nordbyg")
    return tenant


def call(
    client: Client, query: str = GOOD, *, slug: str = "nordbyg", token: str = "token-of-nordbyg", **extra: Any
) -> Any:
    return client.get(f"/hooks/{slug}/{token}/uniconta/?{query}", **extra)


def events() -> list[ChangeEvent]:
    with tenant_scope(ALL):
        return list(ChangeEvent.objects.order_by("id"))


def the_event() -> ChangeEvent:
    (event,) = events()
    return event


# ------------------------------------------------------------------------------------------------ Uniconta


def test_a_hint_is_stored_and_the_bell_rings(client, tenant):
    response = call(client)
    assert (response.status_code, response.content) == (200, b"{}")
    event = the_event()
    assert (event.entity, event.system, event.remote_id, event.key) == ("customer", "uniconta", "77", "1000")
    assert (event.table, event.operation, event.origin, event.state) == ("Debtor", "update", "webhook", "pending")
    assert event.tenant_id == tenant.pk
    with tenant_scope(ALL):
        assert Bell.objects.get().tenant_id == tenant.pk


@pytest.mark.parametrize(
    "query",
    [
        "companyid=4242&TABLE=debtor&rowID=77&KEY=1000&operation=Update",
        "CompanyId=4242?Table=Debtor?RowId=77?Key=1000?Operation=UPDATE",  # as in Uniconta's own example
        "x=1?CompanyId=0004242&Table=DebtorClient&RowId=0077&Key=1000&Action=update",
        "Action=update&Operation=&Key=1000&RowId=77&Table=DEBTORCLIENTUSER&CompanyId=4242",
        "CompanyId=4242&Table=Debtor&RowId=77&Key=1000&Action=update&Argument=abc&&=&=5&InvoiceId",
    ],
)
def test_every_known_spelling_is_understood(client, tenant, query):
    assert call(client, query).status_code == 200
    event = the_event()
    assert (event.entity, event.remote_id, event.key, event.operation) == ("customer", "77", "1000", "update")


@pytest.mark.parametrize(
    ("said", "stored"),
    [("add", "create"), ("Insert", "create"), ("CREATE", "create"), ("Delete", "delete"), ("Frob", "frob"), ("", "")],
)
def test_operations(client, tenant, said, stored):
    call(client, GOOD.replace("update", said))
    assert the_event().operation == stored


def test_a_question_mark_or_plus_in_a_key_stays(client, tenant):
    call(client, "CompanyId=4242&Table=Debtor&RowId=1&Key=Why?+%2B%26?Operation=update")
    assert (the_event().key, the_event().operation) == ("Why? +&", "update")


@pytest.mark.parametrize("raw", ["%C6bler", "%C3%86bler"])
def test_danish_letters_in_either_encoding(client, tenant, raw):
    call(client, f"CompanyId=4242&Table=Debtor&RowId=1&Key={raw}")
    assert the_event().key == "Æbler"


@pytest.mark.parametrize("row", ["", "abc", "-1", "0", "9" * 30, "1.5", "%00", "²", "9223372036854775808"])
def test_an_unreadable_row_id_is_a_hint_for_the_whole_table(client, tenant, row):
    assert call(client, f"CompanyId=4242&Table=Debtor&RowId={row}&Action=update").status_code == 200
    event = the_event()
    assert (event.entity, event.remote_id, event.state) == ("customer", "", "pending")


@pytest.mark.parametrize("table", ["Table=InvItemStorage&", "Table=&", ""])
def test_an_unknown_table_is_kept_as_ignored(client, tenant, table):
    assert call(client, f"CompanyId=4242&{table}RowId=1").status_code == 202
    assert (the_event().state, the_event().error_code) == ("ignored", "unknown_table")
    with tenant_scope(ALL):
        assert not Bell.objects.exists()


def test_the_wrong_company_is_refused_and_noted(client, tenant):
    for company in ("9999", "", "42420", "4242x"):
        assert call(client, GOOD.replace("4242", company)).status_code == 403
    assert events() == []
    with tenant_scope(ALL):
        assert AuditEntry.objects.filter(tenant=tenant, action="webhook_wrong_company").count() == 4


def test_strangers_all_get_the_same_answer(client, tenant):
    other = make_tenant("other")
    make_token(other, "token-of-other")
    with tenant_scope(ALL):
        revoked = WebhookToken.issue(tenant, "revoked")
        WebhookToken.objects.filter(pk=revoked.pk).update(revoked_at="2020-01-01T00:00Z")
    answers = [
        call(client, token="token-of-other"),
        call(client, slug="other"),
        call(client, slug="nobody"),
        call(client, token="revoked"),
        call(client, token="%00"),
        call(client, token="x" * 5000),
        call(client, token="%ED%A0%80"),
        call(client, slug="%00", token="%FF"),
        client.get("/hooks/"),
        client.get("/hooks/nordbyg/token-of-nordbyg/elsewhere/"),
        client.post("/hooks/nordbyg/wrong/intempus/"),
    ]
    assert {(answer.status_code, answer.content, answer["Content-Type"]) for answer in answers} == {
        (404, b"{}", "application/json")
    }
    assert events() == []


def test_a_token_opens_its_own_tenant_only(client, tenant):
    other = make_tenant("other")
    make_connections(other, company_id="7")
    make_token(other, "token-of-other")
    assert call(client, GOOD.replace("4242", "7"), slug="other", token="token-of-other").status_code == 200
    assert call(client, GOOD, slug="other", token="token-of-other").status_code == 403
    assert the_event().tenant_id == other.pk


def test_two_tokens_may_be_valid_at_once(client, tenant):
    make_token(tenant, "the-new-one")
    assert call(client, token="the-new-one").status_code == call(client).status_code == 200


def test_a_post_is_the_same_and_its_body_is_counted_but_not_kept(client, tenant):
    body = b'{"Account": "1000", "PersonalId": "010203-1234"'
    kind = "application/json; charset=nonsense"
    response = client.generic("POST", f"/hooks/nordbyg/token-of-nordbyg/uniconta?{GOOD}", body, kind)
    assert response.status_code == 200
    event = the_event()
    assert event.size == len(body)
    assert "010203" not in repr(vars(event))


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "", "\x00"])
def test_no_body_is_parsed(client, tenant, kind):
    response = client.generic("POST", f"/hooks/nordbyg/token-of-nordbyg/uniconta/?{GOOD}", b"\xff\x00{[", kind)
    assert response.status_code == 200


def test_a_large_body_is_refused(client, tenant):
    url = f"/hooks/nordbyg/token-of-nordbyg/uniconta/?{GOOD}"
    assert client.post(url, b"x" * webhooks.MAX_BODY, content_type="text/plain").status_code == 200
    assert client.post(url, b"x" * (webhooks.MAX_BODY + 1), content_type="text/plain").status_code == 413
    assert len(events()) == 1


class Endless(io.RawIOBase):
    """A body in chunks that never ends, and counts what is taken of it."""

    def __init__(self, length: float, error: Exception | None = None) -> None:
        self.length = length
        self.error = error
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "somebody reads without limit"
        if self.error and self.taken:
            raise self.error
        size = int(min(size, self.length - self.taken))
        self.taken += size
        return b"x" * size


def chunked(stream: Endless) -> int:
    """A POST in chunks without Content-Length, as gunicorn hands it over."""
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/hooks/nordbyg/token-of-nordbyg/uniconta/",
        "QUERY_STRING": GOOD,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost",
        "HTTP_TRANSFER_ENCODING": "Chunked",
    }
    handler = WSGIHandler()
    handler(environ, lambda line, _headers: status.append(line))
    return int(status[0].split()[0])


@pytest.mark.django_db(transaction=True)
def test_a_body_in_chunks_is_counted_and_never_read_further_than_the_limit(tenant):
    assert chunked(Endless(1000)) == 200
    assert the_event().size == 1000
    endless = Endless(100 * webhooks.MAX_BODY)
    assert chunked(endless) == 413
    assert endless.taken <= webhooks.MAX_BODY + webhooks.CHUNK
    assert len(events()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_body_that_breaks_off_does_not_lose_the_hint(tenant):
    assert chunked(Endless(1e9, ConnectionResetError("gone"))) == 200
    assert the_event().remote_id == "77"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_no_hints(client, tenant, method):
    assert client.generic(method, f"/hooks/nordbyg/token-of-nordbyg/uniconta/?{GOOD}").status_code == 405
    assert events() == []


def test_nothing_is_asked_but_the_one_statement(client, tenant, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:
        call(client)
    assert "receive_hint" in queries.captured_queries[0]["sql"]


@pytest.mark.django_db(transaction=True)
def test_the_hint_is_committed_when_the_answer_is_given(client, tenant):
    assert call(client).status_code == 200
    assert not connection.in_atomic_block
    connection.close()
    assert the_event().remote_id == "77"


@pytest.mark.django_db(transaction=True)
def test_a_short_outage_of_the_database_is_bridged(client, tenant, monkeypatch):
    """The connection that the request starts with is dead, as after a restart of the server."""
    monkeypatch.setattr(receive, "TRIES_AFTER", (0.01, 0.01))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.connection.close()
    assert call(client).status_code == 200
    assert the_event().remote_id == "77"


@pytest.mark.django_db(transaction=True)
def test_a_long_outage_is_said_to_be_one(client, tenant, monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(receive, "TRIES_AFTER", (0.01,))
    monkeypatch.setattr(receive, "hash_token", lambda token: token)
    monkeypatch.setattr(connection, "cursor", away)
    assert call(client).status_code == 503


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_read_only_is_an_outage(client, tenant, monkeypatch):
    monkeypatch.setattr(receive, "TRIES_AFTER", ())  # another try is another session
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    try:
        assert call(client).status_code == 503
    finally:
        connection.close()
    assert call(client).status_code == 200


@pytest.mark.parametrize("is_first", [True, False])
def test_the_short_path_answers_alike(client, tenant, settings, is_first):
    others = [name for name in settings.MIDDLEWARE if name != SHORT_PATH]
    settings.MIDDLEWARE = [SHORT_PATH, *others] if is_first else others
    url = "/hooks/nordbyg/token-of-nordbyg/uniconta"
    assert [
        client.get(f"{url}/?{GOOD}").status_code,
        Client(enforce_csrf_checks=True).post(f"{url}?{GOOD}", b"{}", content_type="application/json").status_code,
        client.get(f"{url}/?CompanyId=1").status_code,
        client.get("/hooks/nordbyg/x/uniconta/").status_code,
        client.get("/hooks/nordbyg/").status_code,
        client.put(f"{url}/?{GOOD}").status_code,
        ping(client),
        client.get("/api/status/").status_code,
        client.get("/.well-known/webhook-authorized-senders.json").status_code,
    ] == [200, 200, 403, 404, 404, 405, 202, 401, 200]
    assert len(events()) == 2


# ------------------------------------------------------------------------------------------------ hostile input

NASTY = [
    "\0", "%00", "%ED%A0%80", "%FF%FE", "%", "%%", "%u0041", "'; DROP TABLE sync_bell;--", "\u202e", "9" * 400, "-0", "1e9",
    "NaN", "A" * 8192, "%C3%86" * 2000, "&" * 3000, "?" * 3000, "=" * 3000, "?Table=", "&RowId=&RowId=5", "{}", "${x}",
    "%s", "%(x)s", "<script>", "\r\nX: y", ";", "#", "+", " ", "\x7f", "\x80", "😀", "\\", '"', "٣", "0x10",
]  # fmt: skip


def test_no_input_is_an_error_of_ours(client, tenant):
    """Every parameter takes every nasty value, alone and at random together; the real answer is never a 5xx."""
    chance = random.Random(1)
    names = ["CompanyId", "Table", "RowId", "Key", "Action", "Operation", "Argument", "", "\0"]
    queries = [GOOD + f"&{name}={value}" for name in names for value in NASTY]
    queries += [f"{name}={value}&{GOOD}" for name in names for value in NASTY]
    queries += [
        "".join(chance.choice(["&", "?", "="]) + chance.choice(names + NASTY) for _ in range(chance.randrange(1, 12)))
        for _ in range(300)
    ]
    seen = {call(client, query).status_code for query in queries}
    assert seen <= {200, 202, 403}
    assert 200 in seen
    assert 403 in seen
    for event in events():
        assert len(event.remote_id) <= 19
        assert len(event.key) <= 100


@examples(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.binary(max_size=400), rows=st.binary(max_size=60))
def test_no_bytes_are_an_error_of_ours(client, tenant, query, rows):
    """Raw bytes as they may arrive on the wire, behind a good beginning and alone."""
    for raw in (query, b"CompanyId=4242&Table=Debtor&RowId=" + rows + b"&Key=" + query):
        response = client.generic(
            "GET", "/hooks/nordbyg/token-of-nordbyg/uniconta/", QUERY_STRING=raw.decode("latin-1")
        )
        assert response.status_code in {200, 202, 403}


@examples(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slug=st.text(min_size=1, max_size=80), token=st.text(min_size=1, max_size=80))
def test_no_address_is_an_error_of_ours(client, tenant, slug, token):
    for system in ("uniconta", "intempus"):
        url = f"/hooks/{quote(slug, safe='', errors='replace')}/{quote(token, safe='', errors='replace')}/{system}/"
        assert client.post(url).status_code == 404


# ------------------------------------------------------------------------------------------------ Intempus


def ping(client: Client, token: str = "token-of-nordbyg") -> int:
    return int(
        client.post(f"/hooks/nordbyg/{token}/intempus/", b"{whatever", content_type="application/json").status_code
    )


def pulls() -> list[Run]:
    with tenant_scope(ALL):
        return list(Run.objects.filter(kind="pull").order_by("id"))


def test_intempus_calls_queue_one_pull(client, tenant):
    assert [ping(client) for _ in range(5)] == [202] * 5
    assert len(pulls()) == 1
    assert queue_depth() == 1
    assert pulls()[0].state == Run.State.QUEUED
    assert events() == []


def test_a_call_while_a_pull_runs_moves_another_to_the_end_of_the_thirty_seconds(client, tenant):
    ping(client)
    with tenant_scope(ALL):
        Run.objects.update(state=Run.State.DONE)
    assert [ping(client), ping(client)] == [202, 202]
    assert len(pulls()) == 2
    assert queue_depth() == 1  # the second may not start yet
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(lock) - statement_timestamp() FROM django_q_ormq")
        assert 25 < cursor.fetchone()[0].total_seconds() <= 30


def test_a_pull_that_never_started_does_not_block_for_ever(client, tenant):
    run = make_run(tenant)
    with tenant_scope(ALL), connection.cursor() as cursor:
        cursor.execute("UPDATE sync_run SET created_at = created_at - interval '2 minutes' WHERE id = %s", [run.pk])
    ping(client)
    assert len(pulls()) == 2


def test_a_tenant_that_is_not_live_is_not_pulled(client, tenant):
    with tenant_scope(ALL):
        Tenant.objects.update(state=Tenant.State.PAUSED)
    assert ping(client) == 202
    assert pulls() == []


def test_intempus_calls_need_the_tenants_own_valid_token(client, tenant):
    make_token(make_tenant("other"), "token-of-other")
    with tenant_scope(ALL):
        revoked = WebhookToken.issue(tenant, "revoked")
        WebhookToken.objects.filter(pk=revoked.pk).update(revoked_at="2020-01-01T00:00Z")
    assert [ping(client, token) for token in ("wrong", "token-of-other", "revoked", "%00")] == [404] * 4
    assert pulls() == []


def test_intempus_finds_itself_named(client):
    response = client.get("/.well-known/webhook-authorized-senders.json")
    assert response.status_code == 200
    assert response.json() == {"authorized-senders": ["intempus.dk"]}
    assert response["Content-Type"] == "application/json"
