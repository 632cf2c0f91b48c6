"""The one door to the network: every request of every connector goes through `HttpDoor.call`.

It keeps the promises no connector should have to think about: one total deadline, size limits counted after
decompression, no redirects, no proxies or .netrc from the environment, no cookies, only public https targets, and
one masked `Exchange` per call.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import IntEnum
from http.cookiejar import DefaultCookiePolicy
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from sync.connectors import wire
from sync.connectors.base import ConnectionSettings, Exchange, OnExchange
from sync.connectors.classify import Rule, classify
from sync.connectors.errors import ConnectionBroken, RemoteError, RetryLater, Unclear
from sync.connectors.masking import kept_bytes, mask_body, mask_text, mask_url
from sync.connectors.reply import DETAIL_CHARACTERS, Reply, Wanted

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 30.0
_IN_MEMORY_BYTES = 1024 * 1024
_PIECE_BYTES = 64 * 1024
# A write goes out on a fresh connection when the old one has been idle for so long that the other end may have
# closed it unseen: a broken pipe then would look like a lost answer and cost a person's time.
_IDLE_SECONDS = 5.0


class Limit(IntEnum):
    """Largest body per kind of call, in bytes after decompression (design, section 5.8)."""

    RECORD = 1024 * 1024
    PAGE = 32 * 1024 * 1024
    TABLE = 512 * 1024 * 1024


class _TooLargeError(Exception):
    pass


@dataclass
class _Kept:
    """One thread's session and when it was last used."""

    session: requests.Session
    used_at: float = 0.0


class HttpDoor:
    """Calls one system as one user. Safe for several threads: each gets its own session."""

    def __init__(
        self,
        settings: ConnectionSettings,
        on_exchange: OnExchange,
        *,
        headers: Mapping[str, str | bytes],
        secrets: Sequence[str],
        rules: Sequence[Rule],
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._settings = settings
        self._on_exchange = on_exchange
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._rules = rules
        self._deadline = deadline
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._request_count = 0

    @property
    def request_count(self) -> int:
        return self._request_count

    def call(
        self,
        method: str,
        path: str,
        *,
        wanted: Wanted,
        limit: Limit = Limit.RECORD,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """One call to `path` below the base address. The reply is what was asked for; anything else is raised."""
        return self.call_url(method, self.url(path), wanted=wanted, limit=limit, params=params, body=body)

    def call_url(
        self,
        method: str,
        url: str,
        *,
        wanted: Wanted,
        limit: Limit = Limit.RECORD,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        prepared = self._prepare(method, url, params, body)
        sent_url = prepared.url or url
        started = time.monotonic()
        reply: Reply | None = None
        failure: RemoteError | None = None
        try:
            wire.start_call(self._deadline)
            reply = self._exchange(prepared, sent_url, wanted, limit)
            failure = classify(reply, self._rules)
        except RemoteError as error:
            failure = error
        finally:
            with self._lock:
                self._request_count += wire.call.request_count
        if failure is not None:
            failure.detail = mask_text(failure.detail, self._secrets)
            failure.args = (f"{failure.code}: {failure.detail}" if failure.detail else failure.code,)
        self._report(prepared, reply, failure, round((time.monotonic() - started) * 1000))
        if failure is not None:
            if reply is not None:
                reply.close()
            raise failure
        assert reply is not None
        return reply

    def url(self, path: str) -> str:
        base = urlsplit(self._settings.base_url.strip())
        return f"{base.scheme}://{base.netloc}{base.path.rstrip('/')}/{path.lstrip('/')}"

    def follow(self, current: str, link: str) -> str:
        """The address of the next page. Refuses to leave the origin: the credentials go wherever we go."""
        target = urljoin(current, link)
        if _origin(target) != _origin(current):
            raise ConnectionBroken("foreign_next_page", mask_url(target, self._secrets))
        return target

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    # --- one call ---

    def _prepare(self, method: str, url: str, params: Mapping[str, str] | None, body: Any) -> requests.PreparedRequest:
        parts = urlsplit(url)
        try:
            has_place = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            has_place = False
        if parts.username is not None or parts.password is not None or not has_place:
            raise ConnectionBroken("target_refused", "the address is not a plain host name or has a log-in in it")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._settings.allow_private_targets):
            raise ConnectionBroken("target_refused", f"{parts.scheme or 'no scheme'} instead of https")
        request = requests.Request(method, url, params=dict(params or {}), json=body, headers=self._headers)
        try:
            return self._session().session.prepare_request(request)
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise ConnectionBroken("bad_credentials", "user name or secret contains characters no header may") from None
        except (requests.RequestException, HTTPError) as error:
            raise ConnectionBroken("target_refused", mask_text(str(error), self._secrets)) from None

    def _exchange(self, prepared: requests.PreparedRequest, url: str, wanted: Wanted, limit: Limit) -> Reply:
        kept = self._session()
        is_read = prepared.method == "GET"
        if not is_read and time.monotonic() - kept.used_at > _IDLE_SECONDS:
            kept.session.close()
        spool = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))  # noqa: SIM115 - the reply owns it
        try:
            response = kept.session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                verify=True,
                timeout=(min(wire.CONNECT_SECONDS, self._deadline), self._deadline),
            )
            broken_by = _fill(spool, response, limit)
        except (wire.TargetRefusedError, _TooLargeError, requests.RequestException, HTTPError, OSError) as error:
            spool.close()
            raise _transport_error(error, is_read=is_read, limit=limit) from None
        finally:
            kept.used_at = time.monotonic()
        return Reply(
            method=str(prepared.method),
            url=url,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            spool=spool,
            wanted=wanted,
            broken_by=broken_by,
        )

    def _report(
        self, prepared: requests.PreparedRequest, reply: Reply | None, failure: RemoteError | None, duration_ms: int
    ) -> None:
        request_body = prepared.body or b""
        response_body = b""
        if reply is not None:
            reply.spool.seek(0)
            response_body = reply.spool.read(kept_bytes())
            reply.spool.seek(0)
        exchange = Exchange(
            system=self._settings.system,
            method=str(prepared.method),
            url=mask_url(str(prepared.url), self._secrets),
            status=reply.status if reply is not None else 0,
            duration_ms=duration_ms,
            request_body=mask_body(
                request_body if isinstance(request_body, bytes) else str(request_body).encode(), self._secrets
            ),
            response_body=mask_body(response_body, self._secrets),
            error_code=failure.code if failure is not None else "",
            said_at=_date_of(reply) if reply is not None else None,
        )
        try:
            self._on_exchange(exchange)
        except Exception:
            # The remote has already acted; losing the note of it must not look like losing the act.
            logger.exception("an exchange could not be recorded")

    def _session(self) -> _Kept:
        kept: _Kept | None = getattr(self._local, "kept", None)
        if kept is None:
            session = requests.Session()
            session.trust_env = False  # no proxies, and no .netrc overwriting our Authorization header
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers.update({"User-Agent": "uniconta-intempus", "Accept-Encoding": "gzip, deflate"})
            adapter = wire.WireAdapter(allow_private_targets=self._settings.allow_private_targets)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            kept = self._local.kept = _Kept(session)
            with self._lock:
                self._sessions.add(session)
        return kept


def _date_of(reply: Reply) -> datetime | None:
    """The server's own clock at its answer, to the second (RFC 9110 section 6.6.1); None where it does not say."""
    try:
        told = parsedate_to_datetime(reply.headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _fill(spool: BinaryIO, response: requests.Response, limit: int) -> str:
    """Take the body down to the spool. Returns the code of what broke it off, "" when it came whole."""
    size = 0
    try:
        for piece in response.raw.stream(_PIECE_BYTES, decode_content=True):
            size += len(piece)
            if size > limit:
                raise _TooLargeError
            spool.write(piece)
    except (ReadTimeoutError, TimeoutError):
        return "timeout"
    except (HTTPError, OSError):
        return "connection_lost"
    finally:
        response.close()
    return ""


def _transport_error(error: Exception, *, is_read: bool, limit: int) -> RemoteError:
    """No reply, or none we may keep: say whether the remote can have acted."""
    if isinstance(error, wire.TargetRefusedError):
        return ConnectionBroken("target_refused", str(error))
    if isinstance(error, _TooLargeError):
        kind = RetryLater if is_read else Unclear
        return kind("answer_too_large", f"more than {limit // (1024 * 1024)} MB", is_outage=is_read)
    cause = _innermost(error)
    detail = f"{type(cause).__name__}: {cause}"[:DETAIL_CHARACTERS]
    if not is_read and wire.call.is_sent:
        return Unclear("answer_lost", detail)
    return RetryLater(_code_of(cause), detail)


def _code_of(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "certificate_invalid"
    if isinstance(cause, NameResolutionError):
        return "host_not_found"
    if not wire.call.is_sent:
        return "no_connection"
    return "timeout" if isinstance(cause, (TimeoutError, urllib3.exceptions.TimeoutError)) else "connection_lost"


def _innermost(error: BaseException) -> BaseException:
    """requests wraps urllib3, which wraps the reason: the last exception inside says what happened."""
    while True:
        inside = [getattr(error, "reason", None), *reversed(error.args)]
        found = next((item for item in inside if isinstance(item, BaseException)), None)
        if found is None:
            return error
        error = found


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname or "", port or {"https": 443, "http": 80}.get(parts.scheme, 0)
