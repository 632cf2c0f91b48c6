"""Coloured labels and instants as the console writes them. Knows no unfold: template tags use this module while unfold
itself is being imported.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _


def label(text: object, tone: str = "neutral", title: object = "") -> SafeString:
    """Tones: good, bad, warning, busy, neutral. The text says it all; colour only helps."""
    if not title:
        return format_html('<span class="c-label c-{}">{}</span>', tone, text)
    return format_html('<span class="c-label c-{}" title="{}">{}</span>', tone, title, text)


def moment(at: datetime | None) -> str:
    """An instant in local time, to the second."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    is_danish = (get_language() or "en").startswith("da")
    return f"{local:%d-%m-%Y %H:%M:%S}" if is_danish else date_format(local, "j M Y H:i:s")


def age(at: datetime | None) -> str:
    """How long ago, in one unit; the exact instant belongs in the title."""
    if at is None:
        return _("never")
    seconds = (timezone.now() - at).total_seconds()
    if seconds < 60:
        return _("just now")
    minutes = int(seconds // 60)
    if minutes < 60:
        return _("%(count)s min ago") % {"count": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    days = hours // 24
    return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
