"""What both simulators are made of: the path of one call from the socket to the ledger.

    faults before the effect → latency → (lock: effect + ledger entry) → render outside the lock → faults after it

Nothing that waits happens under the lock; rendering works on rows that are never changed in place.
"""

import json
import random
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from .clock import Clock
from .faults import Faults, Rule
from .ledger import Effect, Ledger
from .server import Handler
from .store import Store

JSON = "application/json"
HTML_ERROR = """<!DOCTYPE html>
<html><head><title>{status}</title></head>
<body><h1>{status} - Server Error</h1><p>The server is temporarily unable to service your request.</p></body></html>
"""


@dataclass
class Call:
    """One call as the simulator sees it; `effects` fills while it is answered."""

    method: str
    path: str
    query: MultiDict[str, str]
    query_string: str
    headers: Any
    data: bytes
    host_url: str
    user: str | None = None
    company: int | None = None
    language: str = "en"
    effects: list[Effect] = field(default_factory=list)

    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Reply:
    status: int = 200
    body: bytes | Callable[[], bytes] = b""
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def render(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else self.body()


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": ")).encode()


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json_bytes(value), headers={k.replace("_", "-"): v for k, v in headers.items()})


class RefusedError(Exception):
    """Raised anywhere while answering; carries the whole answer. Effects recorded so far were undone by the raiser."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Simulator:
    """State and plumbing. The two systems add `identify`, `answer`, `latency`, `fault_reply` and their page."""

    title = "Simulator"
    api_prefixes: tuple[str, ...] = ()

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lock = threading.RLock()
        self.clock = Clock()
        self.ledger = Ledger()
        self.faults = Faults(seed)
        self.store = Store()
        self.random = random.Random(seed)
        self.stopping = threading.Event()

    # -- what a system adds ------------------------------------------------------------------------------------------

    def identify(self, call: Call) -> None:
        """Set user, company and language of the call, or raise RefusedError."""
        raise NotImplementedError

    def answer(self, call: Call) -> Reply:
        raise NotImplementedError

    def latency(self, call: Call) -> float:
        return 0.0

    def retry_after_as(self) -> str:
        return "seconds"

    def server_error(self) -> Reply:
        return json_reply("Exception", 500)

    def page(self, request: Request) -> Response:
        raise NotImplementedError

    def control(self, request: Request) -> Response:
        raise NotImplementedError

    def finish_reply(self, call: Call, reply: Reply) -> None:
        """Last look at the reply under the lock, e.g. to add headers."""

    # -- life cycle --------------------------------------------------------------------------------------------------

    def started(self) -> None:
        self.stopping.clear()

    def stopped(self) -> None:
        self.stopping.set()

    # -- one call ----------------------------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        data = request.get_data(cache=True)
        if request.path.startswith(self.api_prefixes):
            return self._answer_api(request, data, environ, start_response)
        if request.path.startswith("/_control/"):
            return self.control(request)(environ, start_response)
        return self.page(request)(environ, start_response)

    def _answer_api(
        self, request: Request, data: bytes, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        query_string = request.query_string.decode("utf-8", "replace")
        call = Call(
            method=request.method,
            path=request.path,
            query=request.args,
            query_string=query_string,
            headers=request.headers,
            data=data,
            host_url=request.host_url,
        )
        rules = self.faults.take(call.method, f"{call.path}?{query_string}" if query_string else call.path)
        for slow in [each for each in rules if each.kind == "delay"]:
            self.stopping.wait(slow.seconds)
        rule = next((each for each in rules if each.kind != "delay"), None)
        refusal = self._identify(call)
        wait = self.latency(call)
        if wait:
            self.stopping.wait(wait)
        handler: Handler | None = environ.get("simulator.handler")
        if rule is not None and not rule.effect:
            return self._fail_before(call, rule, handler, start_response)
        with self.lock:
            if refusal is None:
                try:
                    reply = self.answer(call)
                except RefusedError as refused:
                    reply = refused.reply
                except Exception:  # noqa: BLE001 - as a real server: the caller gets a 500, the owner a traceback
                    traceback.print_exc()
                    reply = self.server_error()
            else:
                reply = refusal
            self.finish_reply(call, reply)
            if rule is not None and rule.kind in ("empty", "no_content") and reply.status >= 400:
                rule = None  # no fault turns a refusal into a yes
            spoiled = "sent" if rule is None else "lost" if rule.kind in ("drop", "reset", "hang") else "spoiled"
            status: int | None = reply.status
            if rule is not None:
                status = _status_seen(rule, reply.status)
            self._enter(call, status=status, reply=spoiled, fault=rule)
            self.after_commit(call)
        if rule is None:
            return _send(reply.status, reply.render(), reply, start_response)
        return self._spoil(rule, reply, handler, start_response)

    def after_commit(self, call: Call) -> None:
        """Called under the lock, after the entry was written."""

    def _identify(self, call: Call) -> Reply | None:
        with self.lock:
            try:
                self.identify(call)
            except RefusedError as refused:
                return refused.reply
        return None

    def _enter(self, call: Call, *, status: int | None, reply: str, fault: Rule | None) -> None:
        self.ledger.append(
            at=self.clock.now().isoformat(),
            origin="api",
            method=call.method,
            path=call.path,
            query=call.query_string,
            user=call.user,
            company=call.company,
            body=_body_for_ledger(call),
            status=status,
            reply=reply,
            fault=None if fault is None else fault.kind,
            effects=call.effects,
        )

    def enter_person(self, path: str, company: int, body: Any, effects: list[Effect]) -> None:
        self.ledger.append(
            at=self.clock.now().isoformat(),
            origin="person",
            method="PERSON",
            path=path,
            query="",
            user="person",
            company=company,
            body=body,
            status=None,
            reply="sent",
            fault=None,
            effects=effects,
        )

    # -- faults ------------------------------------------------------------------------------------------------------

    def _fail_before(self, call: Call, rule: Rule, handler: Handler | None, start_response: Any) -> Iterable[bytes]:
        lost = rule.kind in ("reset", "hang", "drop")
        reply = Reply() if lost else self._reply_of_rule(rule)
        self._enter(call, status=None if lost else reply.status, reply="lost" if lost else "sent", fault=rule)
        if lost:
            return self._break(rule, handler)
        return _send(reply.status, reply.render(), reply, start_response)

    def _reply_of_rule(self, rule: Rule) -> Reply:
        if rule.kind == "html":
            return Reply(200, HTML_ERROR.format(status=200).encode(), "text/html; charset=utf-8")
        if rule.kind == "text":
            return Reply(200, (rule.body or "ArgumentMissing").encode(), "text/plain; charset=utf-8")
        if rule.kind == "no_content":
            return Reply(204, b"", None)
        if rule.kind != "status":
            return Reply(200, b"", JSON)
        headers = self._retry_after(rule)
        if rule.body is not None:
            return Reply(rule.status, rule.body.encode(), rule.content_type or JSON, headers)
        if rule.status in (502, 503, 504):
            page = HTML_ERROR.format(status=rule.status).encode()
            return Reply(rule.status, page, "text/html; charset=utf-8", headers)
        if rule.status == 500:
            reply = self.server_error()
            reply.headers.update(headers)
            return reply
        return Reply(rule.status, b"", None, headers)

    def _retry_after(self, rule: Rule) -> dict[str, str]:
        return {} if rule.retry_after is None else self.retry_after_header(rule.retry_after, rule.retry_after_as)

    def retry_after_header(self, seconds: float, form: str | None = None) -> dict[str, str]:
        if (form or self.retry_after_as()) == "http_date":
            instant = self.clock.now().replace(microsecond=0)
            return {"Retry-After": format_datetime(instant + timedelta(seconds=seconds), usegmt=True)}
        return {"Retry-After": str(max(0, round(seconds)))}

    def _spoil(self, rule: Rule, reply: Reply, handler: Handler | None, start_response: Any) -> Iterable[bytes]:
        body = reply.render()
        if rule.kind in ("drop", "reset", "hang"):
            return self._break(rule, handler)
        if rule.kind == "truncate":
            return _send(reply.status, body[: len(body) // 2], reply, start_response)
        if rule.kind == "cut":
            return self._cut(reply, body, handler, start_response)
        if rule.kind == "drip":
            return self._drip(rule, reply, body, handler, start_response)
        if rule.kind == "huge":
            return _huge(rule, reply, body, start_response)
        spoiled = self._reply_of_rule(rule)
        return _send(spoiled.status, spoiled.render(), spoiled, start_response)

    def _break(self, rule: Rule, handler: Handler | None) -> Iterable[bytes]:
        if rule.kind == "hang":
            self.stopping.wait(rule.seconds)
        if handler is None:
            raise ConnectionAbortedError("broken on purpose")
        handler.break_connection(reset=rule.kind == "reset")
        return []

    def _cut(self, reply: Reply, body: bytes, handler: Handler | None, start_response: Any) -> Iterator[bytes]:
        start_response(_status_line(reply.status), _headers(reply, len(body)))
        yield body[: len(body) // 2]
        if handler is not None:
            handler.flush_now()
            handler.break_connection(reset=False)

    def _drip(
        self, rule: Rule, reply: Reply, body: bytes, handler: Handler | None, start_response: Any
    ) -> Iterator[bytes]:
        start_response(_status_line(reply.status), _headers(reply, len(body)))
        pieces = max(2, int(rule.seconds * 10))
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            if self.stopping.wait(rule.seconds / pieces):
                return
            yield body[start : start + size]
            if handler is not None:
                handler.flush_now()


def _status_seen(rule: Rule, status: int) -> int | None:
    if rule.kind in ("drop", "reset", "hang"):
        return None
    return {"status": rule.status, "html": 200, "text": 200, "empty": 200, "no_content": 204}.get(rule.kind, status)


def _body_for_ledger(call: Call) -> Any:
    if not call.data:
        return None
    try:
        return json.loads(call.data)
    except ValueError:
        return call.data.decode("utf-8", "replace")


def _status_line(status: int) -> str:

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _headers(reply: Reply, length: int) -> list[tuple[str, str]]:
    headers = list(reply.headers.items())
    if reply.content_type is not None:
        headers.append(("Content-Type", reply.content_type))
    if reply.status != 204:
        headers.append(("Content-Length", str(length)))
    return headers


def _send(status: int, body: bytes, reply: Reply, start_response: Any) -> Iterable[bytes]:
    start_response(_status_line(status), _headers(reply, len(body)))
    return [body]


def _huge(rule: Rule, reply: Reply, body: bytes, start_response: Any) -> Iterator[bytes]:
    """A valid but enormous answer: the real body followed by blanks."""
    start_response(_status_line(reply.status), _headers(reply, len(body) + rule.bytes))
    yield body
    blank = b" " * 65536
    left = rule.bytes
    while left > 0:
        yield blank[:left]
        left -= len(blank)
