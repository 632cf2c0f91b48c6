"""The real HTTP server in a thread: HTTP/1.1 with keep-alive, and connections that can be broken on purpose.

Werkzeug's own handler closes every connection after one answer and waits for stray input. Clients under test keep
connections open in production, so the handler below writes the answer itself; the application always reads the
whole request body first, which is what makes keep-alive safe.
"""

import io
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def setup(self) -> None:
        super().setup()
        open_sockets: set[socket.socket] = self.server.open_sockets  # type: ignore[attr-defined]
        open_sockets.add(self.connection)

    def finish(self) -> None:
        self.server.open_sockets.discard(self.connection)  # type: ignore[attr-defined]
        with suppress(OSError):  # the connection may have been broken on purpose
            super().finish()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass  # the ledger is the log

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        environ["simulator.handler"] = self
        try:
            self._answer(self.server.app(environ, self._start_response))
        except OSError:  # the caller went away, or the connection was broken on purpose
            self.close_connection = True

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.status_line, self.header_list = status, headers
        return None

    def _answer(self, body: Iterable[bytes]) -> None:
        pieces = iter(body)
        first = next(pieces, b"")  # a generator names the status only when it starts
        code, _, reason = self.status_line.partition(" ")
        self.send_response(int(code), reason)
        names = set()
        for name, value in self.header_list:
            self.send_header(name, value)
            names.add(name.lower())
        if "content-length" not in names and int(code) not in (204, 304):
            # Length unknown beforehand: end the answer by closing instead of chunking.
            self.send_header("Connection", "close")
        self.end_headers()
        for piece in chain((first,), pieces):
            self.wfile.write(piece)
            if len(piece) > self.wbufsize:
                self.wfile.flush()
        self.wfile.flush()

    def flush_now(self) -> None:
        self.wfile.flush()

    def break_connection(self, *, reset: bool) -> None:
        """Close without an answer: a plain end of stream, or a reset (RST) as from a dying proxy."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            # The buffered streams keep the descriptor alive until they are closed too.
            self.rfile.close()
            with suppress(OSError):
                self.wfile.close()
            self.rfile, self.wfile = io.BytesIO(), io.BytesIO()
        else:
            with suppress(OSError):  # the caller may have given up first
                self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("broken on purpose")


@dataclass
class Served:
    url: str
    host: str
    port: int
    app: Any


@contextmanager
def serve(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """Run `app` as a real server in a thread; port 0 takes a free one."""
    server: BaseWSGIServer = make_server(host, port, app, threaded=True, request_handler=Handler)
    open_sockets: set[socket.socket] = set()
    server.open_sockets = open_sockets  # type: ignore[attr-defined]
    started = getattr(app, "started", None)
    if started is not None:
        started()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"simulator-{server.port}", daemon=True
    )
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    try:
        yield Served(url=f"http://{shown}:{server.port}", host=host, port=server.port, app=app)
    finally:
        stopped = getattr(app, "stopped", None)
        if stopped is not None:
            stopped()  # releases hanging calls and the webhook senders
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        for connection in list(open_sockets):
            # A kept-alive connection would otherwise be served by its thread after "stop".
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
