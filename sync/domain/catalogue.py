"""Every stable code a person may meet, with a sentence and what to do, in English and Danish.

One place, so that the words are the same on the record, in the log, on the command line and in mails.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language


@dataclass(frozen=True)
class Explanation:
    """`text`: what happened; `fix`: where to press or what to change ("" when nothing is asked of anybody)."""

    code: str
    text: str
    fix: str = ""
    detail: str = ""


#: code → (English text, English fix, Danish text, Danish fix)
SENTENCES: dict[str, tuple[str, str, str, str]] = {
    "never_ticked": (
        "Not ticked for synchronisation in Uniconta.",
        "Tick the field on the record in Uniconta if it should go to Intempus.",
        "Ikke markeret til synkronisering i Uniconta.",
        "Sæt flueben i feltet på posten i Uniconta, hvis den skal til Intempus.",
    ),
}


def explain_code(code: str, detail: str = "") -> Explanation:
    """The sentence for a code in the active language; an unknown code shows itself and what the remote said."""
    if code not in SENTENCES:
        return Explanation(code, detail or code, detail=detail)
    english_text, english_fix, danish_text, danish_fix = SENTENCES[code]
    if (get_language() or "en").startswith("da"):
        return Explanation(code, danish_text, danish_fix, detail)
    return Explanation(code, english_text, english_fix, detail)
