"""The catalogue as people read it, section by section: for the console's page and for docs/errors.md and docs/fejl.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.domain.catalogue import SENTENCES, Explanation

#: The code each section begins with → its title, English and Danish.
SECTIONS: dict[str, tuple[str, str]] = {
    "never_ticked": (
        "Why a record does not go to the other system",
        "Hvorfor en post ikke kommer til det andet system",
    ),
    "held_deactivate": (
        "The brake: what is held, and what probably happened",
        "Bremsen: hvad der holdes tilbage, og hvad der nok er sket",
    ),
    "changed_in_uniconta": ("Why a field was written, or was not", "Hvorfor et felt blev skrevet eller ikke"),
    "reference_waits": ("What a record waits for", "Hvad en post venter på"),
    "ambiguous_match": ("What only a person can solve", "Hvad kun et menneske kan løse"),
    "not_live": ("Why a whole company or system stands still", "Hvorfor en hel virksomhed eller et system står stille"),
    "host_not_found": ("The way to the other system", "Vejen til det andet system"),
    "rate_limited": ("The other system as a whole", "Det andet system som helhed"),
    "answer_lost": ("Writes of which nobody knows yet whether they took effect", "Skrivninger med endnu ukendt udfald"),
    "secret_unreadable": ("The connection", "Forbindelsen"),
    "refused": ("One record refused by the other system", "Én post afvist af det andet system"),
    "hours_complete": ("The hours check", "Timeafstemningen"),
    "open_hours": ("Hours", "Timer"),
    "no_worker": ("What is told by mail or chat", "Hvad der gives besked om"),
}
INTRODUCTIONS = (
    (
        "# Error catalogue\n\nEvery reason and error by its stable code, with what to do. The same words stand on the record, in the log, in"
        " mails and on\nthe command line. Generated from `sync/domain/catalogue.py` by `manage.py write_catalogue`. [På dansk](fejl.md).\n"
    ),
    (
        "# Fejlkatalog\n\nAlle årsager og fejl efter deres faste kode, med hvad der skal gøres. De samme ord står på posten, i loggen, i mails"
        " og på\nkommandolinjen. Lavet ud fra `sync/domain/catalogue.py` af `manage.py write_catalogue`. [In English](errors.md).\n"
    ),
)


@dataclass
class Section:
    title: str
    codes: list[Explanation] = field(default_factory=list)


def sections(*, in_danish: bool) -> list[Section]:
    """In the order of the catalogue."""
    found: list[Section] = []
    for code, words in SENTENCES.items():
        if code in SECTIONS:
            found.append(Section(SECTIONS[code][in_danish]))
        text, fix = words[2:] if in_danish else words[:2]
        found[-1].codes.append(Explanation(code, text, fix))
    return found


def document(*, in_danish: bool) -> str:
    """The whole catalogue in Markdown."""
    return "\n".join(_lines(in_danish))


def _lines(in_danish: bool) -> Iterator[str]:
    heads = (
        ("Kode", "Hvad der er sket", "Hvad der skal gøres") if in_danish else ("Code", "What happened", "What to do")
    )
    yield INTRODUCTIONS[in_danish]
    for section in sections(in_danish=in_danish):
        yield f"## {section.title}\n"
        yield f"| {' | '.join(heads)} |\n|---|---|---|"
        for each in section.codes:
            yield f"| `{each.code}` | {_cell(each.text)} | {_cell(each.fix) or '–'} |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
