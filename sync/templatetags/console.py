"""How the console writes instants, ages, values and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from mappings.labels import entity_label
from sync.domain.catalogue import explain_code
from tenants.labels import action_label, age, label, moment, person_name, shown

register = template.Library()


register.filter("moment", moment)
register.filter("age", age)
register.filter("shown", shown)
register.filter("action_name", action_label)


@register.filter
def entity_name(name: str) -> str:
    return entity_label(name)


@register.filter
def system_name(system: str) -> str:
    return {"uniconta": "Uniconta", "intempus": "Intempus"}.get(system, system)


@register.filter
def sentence(code: str) -> str:
    return explain_code(code).text


@register.simple_tag(takes_context=True)
def person(context: dict[str, Any], user: AbstractUser | None) -> str:
    """Somebody's name, with a link for those who may open the account."""
    if user is None or not context["request"].user.is_superuser:
        return person_name(user)
    return format_html('<a href="{}">{}</a>', reverse("admin:auth_user_change", args=[user.pk]), person_name(user))


@register.simple_tag
def tone(text: Any, colour: str, title: str = "") -> SafeString:
    return label(text, colour, title)


@register.simple_tag
def sparkline(values: Sequence[int], width: int = 120, height: int = 28) -> SafeString:
    """Bars per hour as SVG made here: no script, prints well, follows the text's colour."""
    if not values or not any(values):
        return mark_safe('<span class="c-muted">–</span>')
    top, step = max(values), width / len(values)
    bars = "".join(
        f"M{index * step:.0f} {height}v-{max(1, round(value / top * height))}h{step - 1:.0f}V{height}z"
        for index, value in enumerate(values)
    )
    text = _("%(sum)s changes in 24 hours, at most %(top)s in an hour") % {"sum": sum(values), "top": top}
    return format_html(
        '<svg class="c-spark" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" '
        'preserveAspectRatio="none">'
        '<title>{}</title><path d="{}"/></svg>',
        text,
        width,
        height,
        width,
        height,
        text,
        bars,
    )
