"""Webhooks before everything that only people need: sessions, languages, CSRF, policies for browsers.

Two thirds of a webhook's time went there. Put it in MIDDLEWARE right behind SecurityMiddleware, which sees to HTTPS.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve

PREFIX = "/hooks/"


class WebhooksFirst:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        view, args, kwargs = resolve(request.path_info, "sync.api.urls")
        answer: HttpResponseBase = view(request, *args, **kwargs)
        return answer
