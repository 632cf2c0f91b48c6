"""Sentences that are made where something is found and read by somebody else, perhaps in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise, lazystr
from django.utils.text import format_lazy
from django.utils.translation import get_language, gettext_lazy

from mappings.labels import entity_label
from sync.domain.catalogue import explain_code

#: Looks like a text, and becomes one when it is shown.
Said: TypeAlias = str | Promise


def say(text: str, /, **values: object) -> Said:
    """In the language of whoever shows it. `text`: the English words, by which the others are found; `{name}` is a value."""
    return format_lazy(gettext_lazy(text), **values)


class _Later:
    """A text that is looked up when it is shown."""

    def __init__(self, look_up: Any) -> None:
        self.look_up = look_up

    def __str__(self) -> str:
        return str(self.look_up())


def entity_said(name: str) -> Said:
    return lazystr(_Later(lambda: entity_label(name)))


def entities_said(names: Iterable[str]) -> Said:
    kept = tuple(names)
    return lazystr(_Later(lambda: ", ".join(entity_label(name) for name in kept)))


def text_of(code: str, detail: str = "") -> Said:
    return lazystr(_Later(lambda: explain_code(code, detail).text))


def fix_of(code: str) -> Said:
    return lazystr(_Later(lambda: explain_code(code).fix))


def in_all_languages(text: Said) -> dict[str, str]:
    """For keeping: {"da": …, "en": …}."""
    kept = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            kept[language] = str(text)
    return kept


def in_my_language(kept: Mapping[str, str] | str) -> str:
    """What `in_all_languages` kept; a text that was kept before there were several is as it is."""
    if isinstance(kept, str):
        return kept
    language = (get_language() or settings.LANGUAGE_CODE)[:2]
    return kept.get(language) or kept.get(settings.LANGUAGE_CODE, "")
