"""A server that answers exactly what a test wrote down, on a real socket."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Answer = bytes | Callable[[socket.socket], None]


def answer(status: int = 200, body: Any = "", **headers: str) -> bytes:
    """One complete HTTP answer; anything but bytes and str becomes JSON."""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


@dataclass
class Heard:
    line: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """`answers` are used up one per request; the last one stays."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    connection_count: int = 0

    def say(self, *answers: Answer) -> None:
        self.answers[:] = answers


@contextmanager
def scripted_server(
    host: str = "127.0.0.1", wrap: Callable[[socket.socket], socket.socket] | None = None
) -> Iterator[Scripted]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    shown = f"[{host}]" if ":" in host else host
    script = Scripted(url=f"{'https' if wrap else 'http'}://{shown}:{listener.getsockname()[1]}")
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            script.connection_count += 1
            connections.append(connection)
            threading.Thread(target=_talk, args=(connection, script, wrap), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        thread.join(timeout=2)


def _talk(connection: socket.socket, script: Scripted, wrap: Callable[[socket.socket], socket.socket] | None) -> None:
    try:
        with wrap(connection) if wrap else connection as talking, talking.makefile("rb") as lines:
            while True:
                first = lines.readline().decode("latin-1").strip()
                if not first:
                    return
                headers = {}
                while line := lines.readline().decode("latin-1").strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = lines.read(int(headers.get("content-length", 0)))
                script.heard.append(Heard(first, headers, body))
                reply = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if callable(reply):
                    reply(talking)
                    return
                talking.sendall(reply)
    except OSError:
        return
