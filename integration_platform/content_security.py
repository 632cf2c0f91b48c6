"""Content-Security-Policy: nothing but our own files anywhere, and the one concession that the console needs."""

from collections.abc import Mapping
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

STRICT_POLICY: Mapping[str, list[str]] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "manifest-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}

# unfold draws with Alpine.js, which evaluates the expressions in its attributes, and with styles on elements.
CONSOLE_ADDITIONS = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class ContentSecurityMiddleware(CSPMiddleware):
    """django-csp with an exception per path instead of a decorator on every admin view."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT002 - the library's signature
    ) -> PolicyParts:
        """The strict policy; below /admin/ with what the console's widgets need."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            update: dict[str, Any] = dict(parts.update or {})
            for directive, sources in CONSOLE_ADDITIONS.items():
                update[directive] = [*update.get(directive, []), *sources]
            parts.update = update
        return parts
