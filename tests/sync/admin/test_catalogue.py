"""Every stable code used anywhere has its sentence, in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.utils import translation

from sync.admin.record_link import LINK_REASONS
from sync.connectors.codes import CODES
from sync.domain.catalogue import SENTENCES, explain_code
from sync.domain.catalogue_text import SECTIONS, document
from sync.management.commands.write_catalogue import FILES

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [ROOT / "mappings" / "engine.py", *(ROOT / "sync").rglob("*.py")]
ERRORS = {"RetryLater", "Unclear", "NeedsAttention", "ConnectionBroken", "Gone", "NotReadyError", "RemoteError"}
CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def used_codes() -> dict[str, str]:
    """Codes by the place they stand at: arguments of errors and of `fail_run`, and reasons of plans and changes."""
    found: dict[str, str] = {}
    for path in SOURCES:
        if {"admin", "migrations"} & set(path.parts) or path.name == "catalogue.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for code in _codes_of(node):
                found[code] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def _codes_of(node: ast.AST) -> list[str]:
    texts: list[ast.expr] = []
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in ERRORS and node.args:
            texts.append(node.args[0])
        elif name == "fail_run" and len(node.args) > 1:
            texts.append(node.args[1])
        elif name in {"Plan", "FieldChange", "Rule"}:
            position = {"Plan": 1, "FieldChange": 3, "Rule": 2}[name]
            texts += node.args[position : position + 1]
        texts += [
            keyword.value for keyword in node.keywords if keyword.arg in {"reason", "error_code", "hold_code", "code"}
        ]
        texts += [
            element
            for keyword in node.keywords
            if keyword.arg == "notes" and isinstance(keyword.value, ast.Tuple)
            for element in keyword.value.elts
        ]
    elif isinstance(node, ast.Assign) and any(
        getattr(target, "id", getattr(target, "attr", "")) in {"reason", "code", "error_code", "hold_code", "question"}
        for target in node.targets
    ):
        texts.append(node.value)
    return [
        value
        for text in texts
        for part in ([text.body, text.orelse] if isinstance(text, ast.IfExp) else [text])
        if isinstance(part, ast.Constant) and isinstance(value := part.value, str) and CODE.fullmatch(value)
    ]


def test_every_code_used_has_a_sentence():
    used = used_codes()
    assert len(used) > 40, "the search itself is broken"
    missing = {code: place for code, place in used.items() if code not in SENTENCES}
    assert missing == {}


def test_every_code_of_the_connectors_has_a_sentence():
    assert set(CODES) - set(SENTENCES) == set()


def test_the_filter_by_reason_offers_known_codes_only():
    assert LINK_REASONS - set(SENTENCES) == set()


def test_states_of_a_connection_have_sentences():
    from tenants.models import Connection

    assert {f"connection_{state}" for state in Connection.State.values} <= set(SENTENCES)


@pytest.mark.parametrize("code", SENTENCES)
def test_both_languages_are_complete(code):
    english, english_fix, danish, danish_fix = SENTENCES[code]
    assert english.endswith(".") and danish.endswith(".")
    assert bool(english_fix) == bool(danish_fix)
    assert english != danish
    assert not re.search(r"\b(tenant|drain|cursor|echo)\b", f"{english} {english_fix}", re.IGNORECASE)


def test_the_active_language_decides():
    with translation.override("da"):
        assert explain_code("never_ticked").text == "Ikke markeret til synkronisering i Uniconta."
    with translation.override("en"):
        assert explain_code("never_ticked").text == "Not ticked for synchronisation in Uniconta."


def test_an_unknown_code_shows_itself_and_what_was_said():
    assert explain_code("new_code").text == "new_code"
    assert explain_code("new_code", "said").text == "said"


def test_notes_of_a_preview_name_the_group():
    with translation.override("en"):
        assert explain_code("creates_customer_group").text == "Customer group is created in Intempus first."


def test_the_documents_are_those_of_the_catalogue():
    for name, in_danish in FILES.items():
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == document(in_danish=in_danish), "manage.py write_catalogue puts this right"
    assert set(SECTIONS) <= set(SENTENCES)
