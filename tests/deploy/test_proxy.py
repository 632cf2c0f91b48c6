"""The shipped nginx configuration, in a real nginx before a server that records what reaches it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tests.processes.installation import free_port, wait_for

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
SECRET = "a-secret-token-0123456789abcdef"
HOOK = f"/hooks/nordbyg/{SECRET}/uniconta/"

pytestmark = pytest.mark.skipif(not Path(NGINX).exists(), reason="needs nginx (apt install nginx)")


@dataclass
class Behind:
    """The web server behind the proxy: what reached it."""

    seen: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        behind = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.take()

            def do_GET(self) -> None:
                self.take()

            def take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                behind.seen.append((self.path, dict(self.headers.items()), len(body)))
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Proxy:
    folder: Path
    port: int
    behind: Behind

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def logs(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("*.log"))

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        return requests.request(method, self.url + path, verify=str(self.folder / "cert.pem"), timeout=10, **options)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    behind, plain, secure = Behind(), free_port(), free_port()
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *files]
    subprocess.run(make, check=True, capture_output=True)
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in (
        ("/etc/ssl/certs/integration.pem", str(folder / "cert.pem")),
        ("/etc/ssl/private/integration.key", str(folder / "key.pem")),
        ("/var/log/nginx/", f"{folder}/"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{behind.port};"),
        ("integration.example.com", "127.0.0.1"),
        ("client_body_timeout   10s", "client_body_timeout   1s"),
        ("client_header_timeout 10s", "client_header_timeout 1s"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    text = re.sub(r"listen \[::\].*\n", "", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace(
        "listen 443 ssl http2;", f"listen 127.0.0.1:{secure} ssl http2;"
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # its folder is ours alone
    main = (
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/main.log; events {{}} http {{ {temporary} {text} }}"
    )
    (folder / "nginx.conf").write_text(main, encoding="utf-8")
    server = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_open(secure), 10, "nginx listens")
        yield Proxy(folder, secure, behind)
    finally:
        server.terminate()
        server.wait(10)
        behind.stop()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connect(proxy: Proxy) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(proxy.folder / "cert.pem"))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port), 10), server_hostname="127.0.0.1")


def test_no_log_knows_the_secret_of_an_address_even_when_the_web_server_is_away(proxy):
    assert proxy.ask("POST", f"{HOOK}?Table=Debtor").status_code == 204
    for path in (f"/secret/{SECRET}/", f"/status/{SECRET}/", f"/{HOOK}", HOOK.replace("hooks", "%68ooks")):
        assert proxy.ask("GET", path).status_code == 204
    proxy.behind.stop()
    assert proxy.ask("POST", HOOK).status_code == 502
    assert proxy.ask("GET", f"/secret/{SECRET}/").status_code == 502
    proxy.behind.__post_init__()
    wait_for(lambda: "/hooks/nordbyg/***" in proxy.logs(), 5, "the line of the log")
    assert SECRET not in proxy.logs()


def test_what_a_visitor_claims_about_himself_is_replaced(proxy):
    claims = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "http", "Forwarded": "for=10.0.0.1"}
    proxy.ask("GET", "/claims", headers=claims)
    path, headers, _ = proxy.behind.seen[-1]
    assert path == "/claims"
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"], headers.get("Forwarded")) == (
        "127.0.0.1",
        "https",
        None,
    )


def test_large_bodies_end_at_the_proxy(proxy):
    before = len(proxy.behind.seen)
    assert proxy.ask("POST", HOOK, data=b"x" * 300_000).status_code == 413
    assert proxy.ask("POST", "/admin/", data=b"x" * 4_000_000).status_code == 413
    assert len(proxy.behind.seen) == before
    assert proxy.ask("POST", HOOK, data=b"x" * 200_000).status_code == 204


@pytest.mark.parametrize(
    "begin", ["GET / HTTP/1.1\r\nHost: ", f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nxx"]
)
def test_who_dawdles_never_reaches_the_web_server(proxy, begin):
    before, started = len(proxy.behind.seen), time.monotonic()
    with connect(proxy) as slow:
        slow.sendall(begin.encode())
        slow.settimeout(10)
        answer = slow.recv(100)
    assert answer == b"" or b" 408 " in answer
    assert time.monotonic() - started < 8
    assert len(proxy.behind.seen) == before


def test_log_ins_are_slowed_down_and_webhooks_are_not(proxy):
    login = [proxy.ask("POST", "/account/login/").status_code for _ in range(25)]
    assert login[:10] == [204] * 10 and login[-1] == 429
    with requests.Session() as session:
        trusted = str(proxy.folder / "cert.pem")
        hooks = [session.post(proxy.url + HOOK, verify=trusted, timeout=10).status_code for _ in range(200)]
    assert hooks == [204] * 200


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_monitoring_reads_stays_in_the_house(proxy, path):
    assert proxy.ask("GET", path).status_code == 404
