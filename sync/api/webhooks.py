"""The addresses that Uniconta and Intempus call. They answer in milliseconds and tell strangers nothing."""

from __future__ import annotations

from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from sync.domain.receive import Outcome, receive_intempus, receive_uniconta

MAX_BODY = 256 * 1024
CHUNK = 64 * 1024

STATUS = {
    Outcome.STORED: 200,
    Outcome.IGNORED: 202,
    Outcome.UNKNOWN: 404,
    Outcome.WRONG_COMPANY: 403,
    Outcome.PULLING: 202,
    Outcome.ENOUGH: 202,
}

# Intempus delivers only to hosts that name it here.
AUTHORIZED_SENDERS = {"authorized-senders": ["intempus.dk"]}


def answer(status: int) -> HttpResponse:
    """Nothing but a status: the same bytes whatever was wrong."""
    return HttpResponse(b"{}", status=status, content_type="application/json")


class BodyTooLargeError(Exception):
    pass


def _announced_size(request: HttpRequest) -> int | None:
    """Content-Length; None for a body sent in chunks."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isascii() and length.isdigit() else 0


def discard_body(request: HttpRequest) -> int:
    """Read the body to nowhere and return its size. A body that breaks off counts as far as it came.

    Raises BodyTooLargeError after at most 256 KiB and a bit. Django takes a body in chunks for an empty one, so those
    are read from the server's own stream, which ends where the body ends.
    """
    size = _announced_size(request)
    if size is not None and size > MAX_BODY:
        raise BodyTooLargeError
    stream: Any = request
    if size is None:
        if not request.META.get("wsgi.input_terminated"):
            return 0
        stream = request.META["wsgi.input"]
    counted = 0
    try:
        while chunk := stream.read(CHUNK):
            counted += len(chunk)
            if counted > MAX_BODY:
                raise BodyTooLargeError
    except OSError:
        pass  # the sender went away; what the address says is known already
    return counted


@extend_schema(exclude=True)
class Webhook(APIView):
    """DRF without what a call with its secret in the address has no use for: log-ins, parsers, negotiation."""

    http_method_names = ["get", "post"]  # HEAD and OPTIONS are no hints
    authentication_classes = []
    permission_classes = []
    throttle_classes = []  # a call turned away would be a change lost
    parser_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing to negotiate, nobody to authenticate."""

    def http_method_not_allowed(self, *_: Any, **__: Any) -> HttpResponse:  # type: ignore[override]
        return answer(405)

    def receive(self, slug: str, token: str, query: bytes, size: int) -> Outcome:
        raise NotImplementedError

    def get(self, request: Request, slug: str, token: str) -> HttpResponse:
        bare = request._request  # noqa: SLF001 - DRF's own attribute; its wrapper would parse the body
        query = bare.META.get("QUERY_STRING", "").encode("latin-1", "replace")
        try:
            return answer(STATUS[self.receive(slug, token, query, discard_body(bare))])
        except BodyTooLargeError:
            return answer(413)
        except (OperationalError, InterfaceError, InternalError):  # the last: a database that is read-only
            return answer(503)

    post = get


class UnicontaWebhook(Webhook):
    def receive(self, slug: str, token: str, query: bytes, size: int) -> Outcome:
        return receive_uniconta(slug, token, query, size)


class IntempusWebhook(Webhook):
    def receive(self, slug: str, token: str, *_: object) -> Outcome:
        """Whatever is said is only "pull now"."""
        return receive_intempus(slug, token)


@csrf_exempt
def unknown_webhook(_request: HttpRequest, **_: str) -> HttpResponse:
    """Everything else below /hooks/ answers like an unknown token."""
    return answer(404)


@cache_control(max_age=3600)
def authorized_senders(_request: HttpRequest) -> HttpResponse:
    return JsonResponse(AUTHORIZED_SENDERS)
