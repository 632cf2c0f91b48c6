"""What happens below HTTP: which addresses may be called, when time is up, and whether anything was sent.

The address is resolved once, judged, and connected to as judged: asking twice would let a name server answer
differently the second time (DNS rebinding). Sockets look at the deadline of the call their thread is making before
every wait, because a timeout per read never strikes when one byte arrives every second.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from typing import Any, ClassVar, cast

from requests import PreparedRequest, Response
from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter
from urllib3 import PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

CONNECT_SECONDS = 10.0

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# What getaddrinfo returns; the socket address is an opaque tuple handed back to connect().
ResolvedAddress = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class TargetRefusedError(Exception):
    """The address must not be called from here. Deliberately no OSError: nobody may retry or rewrap it."""


class DeadlineError(TimeoutError):
    """The total time of the call is used up."""


class _Call(threading.local):
    """The call this thread is making: until when, whether a byte was handed to the network, how many requests."""

    until: float = float("inf")
    is_sent: bool = False
    request_count: int = 0


call = _Call()


def start_call(seconds: float) -> None:
    call.until = time.monotonic() + seconds
    call.is_sent = False
    call.request_count = 0


def remaining() -> float:
    left = call.until - time.monotonic()
    if left <= 0:
        raise DeadlineError("total deadline passed")
    return left


def is_forbidden(address: IpAddress) -> bool:
    """Everything that is not plainly public: private, loopback, link-local, CGNAT, NAT64, 6to4 and mapped forms."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _NAT64) or address.ipv4_mapped or address.sixtofour or address.teredo:
            return True
        if address.is_site_local:
            return True
    return not address.is_global or address.is_multicast


def resolve(host: str, port: int) -> list[ResolvedAddress]:
    """getaddrinfo under the deadline: the C resolver itself may wait far longer than any call here is allowed to."""
    answers: queue.SimpleQueue[list[ResolvedAddress] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(cast("list[ResolvedAddress]", socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:  # noqa: BLE001 - handed to the waiting thread, whatever it is
            answers.put(error)

    threading.Thread(target=ask, name=f"resolve-{host}", daemon=True).start()
    try:
        answer = answers.get(timeout=remaining())
    except queue.Empty:
        raise DeadlineError(f"looking up {host} took too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _TimedSocket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(remaining())
        super().sendall(*args, **kwargs)


class _TimedTlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining())
        return super().send(*args, **kwargs)


def _connect(connection: HTTPConnection, *, is_guarded: bool) -> socket.socket:
    host = connection._dns_host.strip("[]")  # noqa: SLF001 - urllib3's own name for the host to resolve
    try:
        resolved = resolve(host, connection.port)
    except (socket.gaierror, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(host, connection, reason) from error
    if is_guarded:
        for *_, address in resolved:
            if is_forbidden(ipaddress.ip_address(str(address[0]).partition("%")[0])):
                raise TargetRefusedError(f"{host} leads to {address[0]}, which is not a public address")
    problem: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in resolved:
        opened = _TimedSocket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                opened.setsockopt(*option)
            opened.settimeout(min(CONNECT_SECONDS, remaining()))
            opened.connect(address)
        except OSError as error:
            opened.close()
            problem = error
        else:
            opened.settimeout(remaining())
            return opened
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host} did not answer the connection attempt") from problem
    raise NewConnectionError(connection, str(problem)) from problem


class _Connection(HTTPConnection):
    is_guarded: ClassVar[bool] = True

    def _new_conn(self) -> socket.socket:
        return _connect(self, is_guarded=self.is_guarded)

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        call.request_count += 1
        super().putrequest(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        call.is_sent = True
        super().send(data)


class _TlsConnection(HTTPSConnection):
    is_guarded: ClassVar[bool] = True

    def _new_conn(self) -> socket.socket:
        return _connect(self, is_guarded=self.is_guarded)

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        call.request_count += 1
        super().putrequest(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        call.is_sent = True
        super().send(data)


class _OpenConnection(_Connection):
    is_guarded = False


class _OpenTlsConnection(_TlsConnection):
    is_guarded = False


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _OpenPool(HTTPConnectionPool):
    ConnectionCls = _OpenConnection


class _OpenTlsPool(HTTPSConnectionPool):
    ConnectionCls = _OpenTlsConnection


def tls_context() -> ssl.SSLContext:
    """Certificates and host names are always checked; only the socket class differs from requests' own context."""
    context = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.sslsocket_class = _TimedTlsSocket
    return context


#: Quick second chances, for reads only.
RETRY = Retry(
    total=2,
    redirect=0,
    other=0,
    allowed_methods=frozenset({"GET"}),
    status_forcelist=frozenset({502, 503}),
    backoff_factor=0.1,
    raise_on_status=False,
    respect_retry_after_header=False,
)
#: A write is never repeated from here, not even when the connection was refused: the caller decides.
NO_RETRY = Retry(total=0, read=False, redirect=0, raise_on_status=False, respect_retry_after_header=False)


class WireAdapter(HTTPAdapter):
    """requests' way onto this module's connections."""

    def __init__(self, *, allow_private_targets: bool) -> None:
        self._allow_private_targets = allow_private_targets
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=RETRY)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        self.max_retries = RETRY if request.method == "GET" else NO_RETRY
        return super().send(request, *args, **kwargs)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = DEFAULT_POOLBLOCK,
        **pool_kwargs: Any,
    ) -> None:
        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, ssl_context=tls_context(), **pool_kwargs
        )
        if self._allow_private_targets:
            self.poolmanager.pool_classes_by_scheme = {"http": _OpenPool, "https": _OpenTlsPool}
        else:
            self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
