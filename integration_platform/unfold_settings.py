"""How the console looks (django-unfold). Navigation and dashboard callbacks are dotted paths, resolved when used."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext_lazy


def _stylesheet(_: HttpRequest) -> str:
    return static("console/console.css")


def _favicon(_: HttpRequest) -> str:
    return static("console/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Uniconta ↔ Intempus",
    "SITE_HEADER": "Uniconta ↔ Intempus",
    "SITE_SUBHEADER": gettext_lazy("Integration console"),
    "SITE_SYMBOL": "sync_alt",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _favicon}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [_stylesheet],
    "DASHBOARD_CALLBACK": "sync.admin.dashboard.dashboard",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "sync.admin.navigation.navigation"},
    # A calm blue for what can be pressed; red, amber and green are kept for states.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .188 259.8)",
            "600": "oklch(52.6% .205 262.9)",
            "700": "oklch(45.8% .19 264.4)",
            "800": "oklch(39.4% .16 265.6)",
            "900": "oklch(34.9% .125 265.5)",
            "950": "oklch(26.2% .08 267.9)",
        },
    },
}
