"""Units of items: Uniconta shows an enumeration in the language of the user who asks, Intempus keeps a text.

Sources: Uniconta API page 3.2 (Pcs/Stk, Hours/Timer, km) and 8.16 (labels of both languages and member names are read),
Intempus API page 3.6 (Timer, Kilometer/km, Dage, Styk were seen). The canonical value is Uniconta's member name, which
it takes in every language. A unit not listed here is kept as text.
"""

from __future__ import annotations

#: Member in Uniconta, text in Intempus, other spellings of either.
UNITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Pcs", "Styk", ("Stk", "Stk.", "Pieces", "Piece")),
    ("Hours", "Timer", ("Time", "Hour")),
    ("km", "Kilometer", ()),
    ("Days", "Dage", ("Day", "Dag")),
)

#: What Uniconta shows for an item without a unit.
NO_UNIT = frozenset({"", "none", "ingen"})

MEMBER_OF_SPELLING: dict[str, str] = {
    spelling.casefold(): member for member, text, others in UNITS for spelling in (member, text, *others)
}
TEXT_OF_MEMBER: dict[str, str] = {member: text for member, text, _ in UNITS}
