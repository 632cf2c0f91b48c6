"""Coloured labels for the console. Knows no unfold: template tags use it while unfold itself is being imported."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def label(text: object, tone: str = "neutral", title: object = "") -> SafeString:
    """Tones: good, bad, warning, busy, neutral. The text says it all; colour only helps."""
    if not title:
        return format_html('<span class="c-label c-{}">{}</span>', tone, text)
    return format_html('<span class="c-label c-{}" title="{}">{}</span>', tone, title, text)
