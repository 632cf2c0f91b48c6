"""Which reply is which error: every row of every table, and that the tables are closed."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import sync.connectors
from sync.connectors.classify import Rule, classify
from sync.connectors.codes import CODES
from sync.connectors.errors import ConnectionBroken, Gone, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.intempus.replies import RULES as INTEMPUS
from sync.connectors.reply import Reply, Shape, Wanted
from sync.connectors.uniconta.replies import RULES as UNICONTA

TABLES = {"uniconta": UNICONTA, "intempus": INTEMPUS}
HTML = (
    "<!DOCTYPE html><html><head><title>x</title></head><body><h1>Fejl &amp; nedbrud</h1><p>Prøv igen</p></body></html>"
)


def reply(status: int, body: Any = "", method: str = "GET", path: str = "/web/v1/case/", **more: Any) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    wanted = Wanted.ROWS if method == "GET" else Wanted.RECORD_OR_NOTHING
    return Reply(
        method, f"https://host{path}", status, more.pop("headers", {}), io.BytesIO(text.encode()), wanted, **more
    )


def verdict(table: tuple[Rule, ...], one: Reply) -> tuple[type[RemoteError], str] | None:
    error = classify(one, table)
    return None if error is None else (type(error), error.code)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("body", ["", "text", '"text"', '{"error": "x"}', HTML, "[", "{", "7", "null", "\x00"])
def test_every_failure_has_a_row(table: tuple[Rule, ...], method: str, body: str) -> None:
    for status in range(200, 600):
        for broken_by in ("", "timeout", "connection_lost"):
            error = classify(reply(status, body, method, broken_by=broken_by), table)
            if error is None:
                assert status < 300
                assert not broken_by
                continue
            assert error.code in CODES
            if method == "GET" or status == 429:
                assert not isinstance(error, Unclear)
            elif status >= 500:
                assert isinstance(error, Unclear)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_rows_every_system_shares(table: tuple[Rule, ...]) -> None:
    assert verdict(table, reply(200, [])) is None
    assert verdict(table, reply(201, {"id": 1}, "POST")) is None
    assert verdict(table, reply(204, "", "PUT")) is None
    assert verdict(table, reply(204, "")) == (RetryLater, "unreadable_answer")
    for body in (HTML, "ArgumentMissing", '"ArgumentMissing"', "<?xml version='1.0'?><feed/>"):
        assert verdict(table, reply(200, body)) == (RetryLater, "unreadable_answer")
        assert verdict(table, reply(200, body, "POST")) == (Unclear, "unreadable_answer")
    assert verdict(table, reply(302)) == (RetryLater, "redirected")
    assert verdict(table, reply(302, "", "POST")) == (Unclear, "redirected")
    assert verdict(table, reply(408)) == (RetryLater, "timeout")
    assert verdict(table, reply(408, "", "POST")) == (RetryLater, "timeout")
    assert verdict(table, reply(429, "", "POST")) == (RetryLater, "rate_limited")
    assert verdict(table, reply(500, HTML)) == (RetryLater, "server_error")
    assert verdict(table, reply(503, HTML, "PUT")) == (Unclear, "server_error")
    assert verdict(table, reply(200, "[1", broken_by="timeout")) == (RetryLater, "timeout")
    assert verdict(table, reply(200, "[1", broken_by="connection_lost")) == (RetryLater, "connection_lost")
    assert verdict(table, reply(200, "{", "POST", broken_by="connection_lost")) == (Unclear, "answer_lost")
    assert verdict(table, reply(418, "?", "POST")) == (NeedsAttention, "refused")
    assert verdict(table, reply(405, "", "PATCH")) == (NeedsAttention, "not_allowed")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, "", (ConnectionBroken, "bad_credentials")),
        (401, '"Unauthorized"', (ConnectionBroken, "bad_credentials")),
        (403, "", (ConnectionBroken, "bad_credentials")),
        (403, '"Ingen rettighed"', (ConnectionBroken, "no_access")),
        (400, '"Forkert brugernavn og/eller kodeord"', (ConnectionBroken, "bad_credentials")),
        (400, '"NoSubscription"', (ConnectionBroken, "no_licence")),
        (200, '"NoCompanyId"', (ConnectionBroken, "no_access")),
        (200, "UserOrPasswordIsWrong", (ConnectionBroken, "bad_credentials")),
        (400, '"A key with the name already exists"', (NeedsAttention, "key_exists")),
        (400, '{"Message": "Nøglen findes allerede"}', (NeedsAttention, "key_exists")),
        (400, "<html><body><h2>Posten findes allerede</h2></body></html>", (NeedsAttention, "key_exists")),
        (400, "KeyIsEmpty", (NeedsAttention, "key_missing")),
        (400, '"Nøglen må ikke være tom"', (NeedsAttention, "key_missing")),
        (400, '"Nøglen er for lang: Account"', (NeedsAttention, "key_too_long")),
        (400, '"Der mangler en værdi i feltet: Name"', (NeedsAttention, "value_missing")),
        (400, '"CouldNotFind"', (Gone, "gone")),
        (400, "Posten findes ikke", (Gone, "gone")),
        (400, "CouldNotDeleteRecordThatIsReferred", (NeedsAttention, "in_use")),
        (400, '"Kontoen findes ikke"', (NeedsAttention, "wrong_reference")),
        (400, '"Ingen rettighed"', (NeedsAttention, "no_rights")),
        (404, "", (NeedsAttention, "unknown_resource")),
        (400, '"Noget helt andet"', (NeedsAttention, "refused")),
        (409, "", (NeedsAttention, "refused")),
    ],
)
def test_uniconta(status: int, body: str, expected: tuple[type[RemoteError], str]) -> None:
    assert verdict(UNICONTA, reply(status, body, "POST")) == expected


@pytest.mark.parametrize(
    ("status", "body", "method", "path", "expected"),
    [
        (401, "", "GET", "/web/v1/case/", (ConnectionBroken, "bad_credentials")),
        (401, '{"error": "Bulk er ikke slået til"}', "POST", "/web/v1/case/", (NeedsAttention, "refused_feature")),
        (403, "", "GET", "/web/v1/case/", (NeedsAttention, "no_rights")),
        (404, "", "GET", "/web/v1/case/5/", (Gone, "gone")),
        (404, "", "PATCH", "/web/v1/case/5/", (Gone, "gone")),
        (410, "", "GET", "/web/v1/case/5/", (Gone, "gone")),
        (404, "", "GET", "/web/v1/nothing/", (NeedsAttention, "unknown_resource")),
        (404, "", "POST", "/web/v1/case/", (NeedsAttention, "wrong_reference")),
        (404, "An incorrect URL was provided '/x/' for the 'CustomerResource' resource.", "PATCH", "/web/v1/case/5/",
         (NeedsAttention, "wrong_reference")),
        (400, '{"error": "Could not find the provided customer object via resource URI \'/web/v1/customer/1/\'"}', "POST",
         "/web/v1/case/", (NeedsAttention, "wrong_reference")),
        (400, '{"error": "The \'name\' field has no data and doesn\'t allow a default or null value."}', "POST",
         "/web/v1/case/", (NeedsAttention, "value_missing")),
        (400, '{"error": ["Slutdato kræver startdato"]}', "PATCH", "/web/v1/case/5/", (NeedsAttention, "refused")),
        (400, '{"case": {"number": ["Findes allerede"]}}', "POST", "/web/v1/case/", (NeedsAttention, "refused")),
        (405, "", "PATCH", "/web/v1/case/5/", (NeedsAttention, "not_allowed")),
        (409, '{"error": "Har brugerprofiler"}', "DELETE", "/web/v1/employee/5/", (NeedsAttention, "in_use")),
        (500, '{"error_message": "Sorry, incident 4711"}', "GET", "/web/v1/case/", (RetryLater, "server_error")),
    ],
)  # fmt: skip
def test_intempus(status: int, body: str, method: str, path: str, expected: tuple[type[RemoteError], str]) -> None:
    assert verdict(INTEMPUS, reply(status, body, method, path)) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", ""),
        ("  plain \n text ", "plain text"),
        ('"A key with the name already exists"', "A key with the name already exists"),
        ('{"error": "no"}', "no"),
        ('{"error": ["one", "two"]}', "one; two"),
        ('{"case": {"number": ["taken"], "name": ["long"]}}', "number: taken; name: long"),
        ('{"error_message": "Sorry"}', "Sorry"),
        ('{"Message": "Nej"}', "Nej"),
        ('{"error": {"number": "taken"}}', "number: taken"),
        (HTML, "Fejl & nedbrud Prøv igen"),
        ("<script>alert(1)</script><b>Hov</b>", "Hov"),
        ("x" * 900, "x" * 500),
        ("[" * 5000, "[" * 500),
    ],
)
def test_every_shape_of_error_becomes_a_sentence(body: str, message: str) -> None:
    assert reply(400, body).message == message


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("", "empty"),
        (" {", "object"),
        ("[", "array"),
        ('"a"', "json_text"),
        ('"a', "text"),
        ("<a>", "html"),
        ("7", "text"),
    ],
)
def test_shapes(body: str, shape: str) -> None:
    assert reply(200, body).shape == Shape(shape)


def test_server_errors_may_name_a_time() -> None:
    error = classify(reply(503, "", headers={"retry-after": "30"}), INTEMPUS)
    assert isinstance(error, RetryLater)
    assert error.after == 30
    plain = classify(reply(503), INTEMPUS)
    assert isinstance(plain, RetryLater)
    assert plain.after is None


def test_every_code_is_listed_and_every_listed_code_is_used() -> None:
    folder = Path(next(iter(sync.connectors.__path__)))
    sources = "\n".join(file.read_text() for file in folder.rglob("*.py") if file.name != "codes.py")
    raised = re.findall(
        r'\b(?:RetryLater|Unclear|NeedsAttention|ConnectionBroken|Gone|kind)\(\s*"(\w+)"', sources
    ) + re.findall(r'(?:RetryLater|Unclear|NeedsAttention|ConnectionBroken|Gone),\s*"(\w+)"', sources)
    assert set(raised) <= set(CODES)
    assert [code for code in CODES if f'"{code}"' not in sources] == []


@pytest.mark.parametrize("header", ["8640000", "9" * 15, "9" * 400, "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_no_header_stops_a_company_for_longer_than_an_hour(header: str) -> None:
    error = classify(reply(429, "", headers={"retry-after": header}), INTEMPUS)
    assert isinstance(error, RetryLater)
    assert error.after == 3600
