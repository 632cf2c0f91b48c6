"""Change URLs: after every commit on a master table each matching row's address is called once.

One attempt, ten seconds, no signature, no order. A small pool of threads sends, so a slow receiver holds back
other deliveries only when it fills the pool. What went out, and what came back, is kept in `deliveries`.
"""

import heapq
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

THREADS = 8


@dataclass
class Delivery:
    """One call of a Change URL, planned at commit and finished by a sender thread."""

    seq: int
    company: int
    hook_id: int
    method: str
    url: str
    body: bytes | None
    timeout: float
    status: int | None = None
    error: str = ""
    dropped: bool = False

    def as_json(self) -> dict[str, Any]:
        values = dict(self.__dict__)
        values["body"] = None if self.body is None else json.loads(self.body)
        return values


def call_url(url: str, parameters: dict[str, Any], argument: str, *, stray: bool, argument_style: str) -> str:
    """The address with the parameters; with `stray` the documented slip: `?` between all pairs."""
    separator = "?" if stray else "&"
    pairs = [f"{name}={quote(str(value), safe='')}" for name, value in parameters.items()]
    if argument:
        named = argument_style == "named"
        pairs.append(f"Argument={quote(argument, safe='')}" if named else quote(argument, safe="=&"))
    start = "&" if "?" in url and not stray else "?"
    return url + start + separator.join(pairs)


def send(delivery: Delivery) -> None:
    """One attempt; fills status and error."""
    parts = urlsplit(delivery.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    # Everything after the host is sent literally: urlsplit would be right about `?` but not about stray ones.
    target = delivery.url.split("://", 1)[1].partition("/")[2]
    headers = {"User-Agent": "Uniconta", "Connection": "close"}
    if delivery.body is not None:
        headers["Content-Type"] = "application/json"
    connection = kind(parts.hostname or "", parts.port, timeout=delivery.timeout)
    try:
        connection.request(delivery.method, "/" + target, body=delivery.body, headers=headers)
        response = connection.getresponse()
        response.read(65536)
        delivery.status = response.status
        if not 200 <= response.status < 300:
            delivery.error = f"{response.status} {response.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        delivery.error = str(error) or type(error).__name__
    finally:
        connection.close()


class Sender:
    """Due deliveries in a heap, taken by a few threads that start with the first delivery."""

    def __init__(self, finished: Callable[[Delivery], None]) -> None:
        self._finished = finished
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Delivery]] = []
        self._busy = 0
        self._threads = 0
        self._stopping = False

    def put(self, delivery: Delivery, delay: float = 0.0) -> None:
        with self._condition:
            self._stopping = False
            heapq.heappush(self._heap, (time.monotonic() + delay, delivery.seq, delivery))
            if self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="change-url", daemon=True).start()
            self._condition.notify()

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._heap.clear()
            self._condition.notify_all()

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """True when nothing is waiting or under way any more."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._heap and not self._busy, timeout)

    @property
    def waiting(self) -> int:
        return len(self._heap) + self._busy

    def _work(self) -> None:
        while True:
            delivery = self._next()
            if delivery is None:
                return
            try:
                send(delivery)
                self._finished(delivery)
            finally:
                with self._condition:
                    self._busy -= 1
                    self._condition.notify_all()

    def _next(self) -> Delivery | None:
        with self._condition:
            while not self._stopping:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    self._busy += 1
                    return heapq.heappop(self._heap)[2]
                # Idle threads leave after a while, so a test run does not collect them.
                if not self._condition.wait(wait if wait is not None else 5.0) and wait is None:
                    break
            self._threads -= 1
            return None
