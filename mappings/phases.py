"""Phases of a project: an enumeration of Uniconta, shown in the language of the user who asks and served by no table.

Source: Uniconta API page section 3 (the six members) and 3.2 (labels; what Paused is called in Danish is assumed).
"""

from __future__ import annotations

#: Member in Uniconta, its label in English, its label in Danish.
PHASES: tuple[tuple[str, str, str], ...] = (
    ("Created", "Created", "Oprettet"),
    ("Accepted", "Approved", "Godkendt"),
    ("InProgress", "In progress", "Igangværende"),
    ("Paused", "Paused", "Pause"),
    ("ReportedAsFinished", "Reported as finished", "Færdigmeldt"),
    ("Completed", "Completed", "Gennemført"),
)

MEMBER_OF_LABEL: dict[str, str] = {label.casefold(): phase[0] for phase in PHASES for label in phase}
