"""How the console looks (django-unfold). Navigation and dashboard callbacks are dotted paths, resolved when used."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Uniconta ↔ Intempus",
    "SITE_HEADER": "Uniconta ↔ Intempus",
    "SITE_SYMBOL": "sync_alt",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
}
