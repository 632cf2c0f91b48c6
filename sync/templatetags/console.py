"""How the console writes instants, ages, values and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mappings.labels import entity_label, is_danish
from sync.domain.catalogue import explain_code
from tenants.labels import label

register = template.Library()


@register.filter
def moment(at: datetime | None) -> str:
    """An instant in local time, to the second."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    return f"{local:%d-%m-%Y %H:%M:%S}" if is_danish() else date_format(local, "j M Y H:i:s")


@register.filter
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


@register.filter
def shown(value: Any) -> SafeString | str:
    """A canonical value as people write it."""
    if value is None or value == "":
        return format_html('<span class="c-muted">{}</span>', _("blank"))
    if value is True:
        return _("yes")
    if value is False:
        return _("no")
    return str(value)


@register.filter
def entity_name(name: str) -> str:
    return entity_label(name)


@register.filter
def system_name(system: str) -> str:
    return {"uniconta": "Uniconta", "intempus": "Intempus"}.get(system, system)


@register.filter
def sentence(code: str) -> str:
    return explain_code(code).text


@register.simple_tag
def tone(text: Any, colour: str, title: str = "") -> SafeString:
    return label(text, colour, title)


@register.simple_tag
def sparkline(values: Sequence[int], width: int = 120, height: int = 28) -> SafeString:
    """Bars per hour as SVG made here: no script, prints well, follows the text's colour."""
    if not values or not any(values):
        return mark_safe('<span class="c-muted">–</span>')  # noqa: S308 - a constant
    top, step = max(values), width / len(values)
    bars = "".join(
        f'<rect x="{index * step:.1f}" y="{height - max(1.5, value / top * height):.1f}" '
        f'width="{max(1.0, step - 1.5):.1f}" height="{max(1.5, value / top * height):.1f}" rx="1" '
        f'opacity="{"1" if value else ".25"}"/>'
        for index, value in enumerate(values)
    )
    text = _("%(sum)s changes in 24 hours, at most %(top)s in an hour") % {"sum": sum(values), "top": top}
    return format_html(
        '<svg class="c-spark" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">'
        "<title>{}</title>{}</svg>",
        text,
        width,
        height,
        width,
        height,
        text,
        mark_safe(bars),  # noqa: S308 - numbers only
    )
