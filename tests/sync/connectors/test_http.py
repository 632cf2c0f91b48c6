"""The one door: deadlines, sizes, redirects, retries and what each kind of trouble is called."""

import _socket
import gzip
import itertools
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sync.connectors import wire
from sync.connectors.base import Exchange
from sync.connectors.errors import ConnectionBroken, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.http import HttpDoor, Limit
from sync.connectors.reply import Wanted
from tests.sync.connectors.conftest import MakeDoor
from tests.sync.connectors.scripted import Scripted, answer, scripted_server


def read(door: HttpDoor, path: str = "things", **more: Any) -> Any:
    with closing(door.call("GET", path, wanted=Wanted.ROWS, **more)) as reply:
        return reply.json()


def write(door: HttpDoor, method: str = "POST", **more: Any) -> Any:
    with closing(door.call(method, "things", wanted=Wanted.RECORD_OR_NOTHING, body={"Name": "x"}, **more)) as reply:
        return reply.json() if reply.head else None


def failure(act: Callable[[], Any]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        act()
    return caught.value


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection: socket.socket) -> None:
    time.sleep(3)


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
    for _ in range(60):
        connection.sendall(b" ")
        time.sleep(0.05)


def drip_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(60):
        connection.sendall(b"1\r\n \r\n")
        time.sleep(0.05)


def cut_short(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[1, 2")


# --- the good case ---


def test_it_reads_and_writes(script: Scripted, door: HttpDoor, exchanges: list[Exchange]) -> None:
    script.say(answer(200, [1]), answer(201, {"id": 5}))
    assert read(door, params={"limit": "3"}) == [1]
    assert write(door) == {"id": 5}
    assert [heard.line for heard in script.heard] == ["GET /things?limit=3 HTTP/1.1", "POST /things HTTP/1.1"]
    assert script.heard[0].headers["authorization"] == "Basic hemmeligt"
    assert script.heard[1].json() == {"Name": "x"}
    assert script.connection_count == 1
    assert door.request_count == 2
    assert [(e.method, e.status, e.response_body, e.error_code) for e in exchanges] == [
        ("GET", 200, "[1]", ""),
        ("POST", 201, '{"id": 5}', ""),
    ]
    assert exchanges[1].request_body == '{"Name": "x"}'


def test_a_base_address_may_have_a_path(script: Scripted, make_door: MakeDoor) -> None:
    script.say(answer(200, []))
    read(make_door(f"{script.url}/proxy/"), "/things")
    assert script.heard[0].line == "GET /proxy/things HTTP/1.1"


def test_the_environment_is_not_asked(
    script: Scripted, door: HttpDoor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login stranger password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    script.say(answer(200, []))
    read(door)
    assert script.heard[0].headers["authorization"] == "Basic hemmeligt"


def test_cookies_are_not_kept(script: Scripted, door: HttpDoor) -> None:
    script.say(answer(200, [], Set_Cookie="session=1; Path=/"))
    read(door)
    read(door)
    assert "cookie" not in script.heard[1].headers


def test_threads_do_not_share_a_connection(script: Scripted, door: HttpDoor, exchanges: list[Exchange]) -> None:
    script.say(answer(200, [1]))
    threads = [threading.Thread(target=lambda: [read(door) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert script.connection_count == 4
    assert door.request_count == len(exchanges) == 40


def test_a_failing_recorder_does_not_undo_a_write(script: Scripted, make_door: MakeDoor) -> None:
    door = make_door(script.url)
    door._on_exchange = lambda exchange: 1 / 0  # type: ignore[assignment,return-value]
    script.say(answer(201, {"id": 5}))
    assert write(door) == {"id": 5}


# --- trouble on the way ---


@pytest.mark.parametrize("act", [read, write])
def test_nobody_listens(make_door: MakeDoor, exchanges: list[Exchange], act: Callable[[HttpDoor], Any]) -> None:
    with scripted_server() as gone:
        url = gone.url
    error = failure(lambda: act(make_door(url)))
    assert (type(error), error.code) == (RetryLater, "no_connection")
    assert (exchanges[0].status, exchanges[0].error_code) == (0, "no_connection")


@pytest.mark.parametrize("act", [read, write])
def test_the_name_is_unknown(
    make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch, act: Callable[[HttpDoor], Any]
) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(lambda: act(make_door("https://odata.example.test")))
    assert (type(error), error.code) == (RetryLater, "host_not_found")


def test_a_slow_name_server_does_not_outlast_the_deadline(make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(2))
    started = time.monotonic()
    error = failure(lambda: write(make_door("https://odata.example.test", deadline=0.2)))
    assert (type(error), error.code) == (RetryLater, "no_connection")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("trouble", [silence, drip_headers, drip_body, drip_chunks])
@pytest.mark.parametrize(("act", "kind", "code"), [(read, RetryLater, "timeout"), (write, Unclear, "answer_lost")])
def test_the_deadline_is_against_the_clock(
    script: Scripted, make_door: MakeDoor, trouble: Any, act: Any, kind: type[RemoteError], code: str
) -> None:
    script.say(trouble)
    started = time.monotonic()
    error = failure(lambda: act(make_door(script.url, deadline=0.4)))
    assert (type(error), error.code) == (kind, code)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("trouble", [reset, cut_short])
def test_a_broken_answer(script: Scripted, door: HttpDoor, trouble: Any, exchanges: list[Exchange]) -> None:
    script.say(trouble)
    error = failure(lambda: read(door))
    assert (type(error), error.code) == (RetryLater, "connection_lost")
    assert len(exchanges) == 1
    assert door.request_count == (3 if trouble is reset else 1)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        before = len(script.heard)
        error = failure(lambda method=method: write(door, method))  # type: ignore[misc]
        assert (type(error), error.code) == (Unclear, "answer_lost")
        assert len(script.heard) == before + 1


def test_a_refusal_is_clear_even_when_its_text_breaks_off(script: Scripted, door: HttpDoor) -> None:
    script.say(lambda c: c.sendall(b'HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{"error": "nej'))
    error = failure(lambda: write(door))
    assert (type(error), error.code) == (NeedsAttention, "refused")


def test_reads_get_two_quick_second_chances(script: Scripted, door: HttpDoor) -> None:
    script.say(answer(503, "later"), answer(502, "later"), answer(200, [1]))
    assert read(door) == [1]
    assert door.request_count == 3
    script.say(answer(503, "later"))
    assert failure(lambda: read(door)).code == "server_error"
    assert door.request_count == 6


@pytest.mark.parametrize("status", [500, 504])
def test_other_failures_are_not_repeated(script: Scripted, door: HttpDoor, status: int) -> None:
    script.say(answer(status, "no"))
    failure(lambda: read(door))
    assert len(script.heard) == 1


def test_an_idle_connection_is_not_trusted_with_a_write(
    script: Scripted, door: HttpDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.connectors.http._IDLE_SECONDS", -1.0)
    script.say(answer(200, []))
    read(door)
    write(door)
    assert script.connection_count == 2


# --- what may come back ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(script: Scripted, door: HttpDoor, status: int) -> None:
    script.say(answer(status, "", Location=f"{script.url}/elsewhere"))
    error = failure(lambda: read(door))
    assert (type(error), error.code) == (RetryLater, "redirected")
    error = failure(lambda: write(door))
    assert (type(error), error.code) == (Unclear, "redirected")
    assert len(script.heard) == 2


@pytest.mark.parametrize("act", [read, write])
def test_429_in_all_its_forms(script: Scripted, door: HttpDoor, act: Any) -> None:
    def wait(**headers: str) -> float | None:
        script.say(answer(429, "", **headers))
        error = failure(lambda: act(door))
        assert type(error) is RetryLater
        assert error.code == "rate_limited"
        return error.after

    assert wait(Retry_After="17") == 17
    in_a_minute = wait(Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 57 <= in_a_minute <= 60
    assert wait(Retry_After=format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)) == 0
    assert wait() == 5
    assert wait(Retry_After="soon") == 5
    assert len(script.heard) == 5


@pytest.mark.parametrize("body", ["", "plain", '"NoCompanyId"', "<html>Down</html>", "null", "7"])
def test_success_with_something_else(script: Scripted, door: HttpDoor, body: str) -> None:
    script.say(answer(200, body))
    error = failure(lambda: read(door))
    assert (type(error), error.code) == (RetryLater, "unreadable_answer")
    if body:
        error = failure(lambda: write(door))
        assert (type(error), error.code) == (Unclear, "unreadable_answer")


def test_too_large_answers_are_dropped_on_the_way(script: Scripted, door: HttpDoor) -> None:
    sent = itertools.count()

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            connection.sendall(b" " * 65536)
            next(sent)

    script.say(endless)
    error = failure(lambda: read(door, limit=Limit.RECORD))
    assert (type(error), error.code, error.detail) == (RetryLater, "answer_too_large", "more than 1 MB")
    assert next(sent) < 300
    error = failure(lambda: write(door))
    assert (type(error), error.code) == (Unclear, "answer_too_large")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_bombs_are_counted_unpacked(script: Scripted, door: HttpDoor, coding: str) -> None:
    body = b"[" + b" " * (50 * 1024 * 1024) + b"]"
    for each in coding.split(", "):
        body = gzip.compress(body) if each == "gzip" else zlib.compress(body)
    assert len(body) < 100_000
    script.say(answer(200, body, Content_Encoding=coding))
    assert failure(lambda: read(door, limit=Limit.PAGE)).code == "answer_too_large"


def test_packed_answers_are_read(script: Scripted, door: HttpDoor) -> None:
    script.say(answer(200, gzip.compress(b"[1]"), Content_Encoding="gzip"))
    assert read(door) == [1]
    script.say(answer(200, b"not gzip", Content_Encoding="gzip"))
    assert failure(lambda: read(door)).code == "connection_lost"


def test_a_table_is_spooled_to_disk(script: Scripted, door: HttpDoor) -> None:
    script.say(answer(200, b"[" + b" " * 3_000_000 + b"1]"))
    reply = door.call("GET", "table", wanted=Wanted.ROWS, limit=Limit.TABLE)
    assert reply.spool._rolled  # type: ignore[attr-defined]
    assert reply.json() == [1]
    reply.close()


# --- where to ---


@pytest.mark.parametrize(
    "url",
    [
        "http://odata.uniconta.com",
        "ftp://odata.uniconta.com",
        "odata.uniconta.com",
        "file:///etc/passwd",
        "https://user:pw@odata.uniconta.com",
        "https://",
        "https://host:99999",
    ],
)
def test_addresses_that_are_refused_unseen(make_door: MakeDoor, url: str) -> None:
    error = failure(lambda: read(make_door(url, allow_private_targets=False)))
    assert (type(error), error.code) == (ConnectionBroken, "target_refused")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_this_machine_is_called(
    make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch, exchanges: list[Exchange], host: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _socket.getaddrinfo)
    error = failure(lambda: read(make_door(f"https://{host}", allow_private_targets=False)))
    assert (type(error), error.code) == (ConnectionBroken, "target_refused")
    assert exchanges[0].status == 0


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "::",
        "::ffff:8.8.8.8",
    ],
)
def test_a_public_name_leading_inside_is_refused(
    make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
        (family, socket.SOCK_STREAM, 6, "", (address, 443)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    error = failure(lambda: write(make_door("https://odata.example.test", allow_private_targets=False)))
    assert (type(error), error.code) == (ConnectionBroken, "target_refused")
    assert address in error.detail


def test_the_name_is_looked_up_once(script: Scripted, make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that changes between judging and connecting must not matter."""
    lookups: list[Any] = []
    real = socket.getaddrinfo

    def once(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        lookups.append(host)
        return real("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    script.say(answer(200, []))
    read(make_door(script.url.replace("127.0.0.1", "odata.example.test")))
    assert lookups == ["odata.example.test"]


def test_public_addresses_are_not_forbidden() -> None:
    from ipaddress import ip_address

    assert not any(wire.is_forbidden(ip_address(each)) for each in ("8.8.8.8", "20.50.2.1", "2606:4700::1111"))


def test_the_next_page_stays_at_home(door: HttpDoor, script: Scripted) -> None:
    here = f"{script.url}/web/v1/case/?limit=5"
    assert door.follow(here, "/web/v1/case/?after=5") == f"{script.url}/web/v1/case/?after=5"
    assert door.follow(here, f"{script.url}/x") == f"{script.url}/x"
    for foreign in (
        "https://evil.test/x",
        "//evil.test/x",
        script.url.replace("http", "https"),
        "http://127.0.0.1:1/x",
    ):
        error = failure(lambda foreign=foreign: door.follow(here, foreign))  # type: ignore[misc]
        assert (type(error), error.code) == (ConnectionBroken, "foreign_next_page")


@pytest.mark.parametrize("secret", ["line\r\nX-Evil: 1", "line\n"])
def test_credentials_cannot_smuggle_headers(script: Scripted, make_door: MakeDoor, secret: str) -> None:
    door = make_door(script.url, headers={"Authorization": f"ApiKey {secret}".encode()})
    assert failure(lambda: read(door)).code == "bad_credentials"
    assert script.heard == []


# --- TLS ---


def test_a_certificate_nobody_vouches_for_is_refused(make_door: MakeDoor, tmp_path: Path) -> None:
    with _tls_server(tmp_path) as (server, _):
        for act in (read, write):
            error = failure(lambda act=act: act(make_door(server.url)))  # type: ignore[misc]
            assert (type(error), error.code) == (RetryLater, "certificate_invalid")
        assert server.heard == []


def test_tls_is_under_the_deadline_too(make_door: MakeDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _tls_server(tmp_path) as (server, certificate):
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))
        server.say(answer(200, [1]))
        url = server.url.replace("127.0.0.1", "localhost")
        assert read(make_door(url)) == [1]
        server.say(drip_headers)
        started = time.monotonic()
        assert failure(lambda: write(make_door(url, deadline=0.4))).code == "answer_lost"
        assert time.monotonic() - started < 1.5


def _tls_server(folder: Path) -> Any:
    from contextlib import contextmanager

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    @contextmanager
    def serving() -> Any:
        with scripted_server(wrap=lambda plain: context.wrap_socket(plain, server_side=True)) as server:
            yield server, pem

    return serving()
