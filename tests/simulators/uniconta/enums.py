"""Enumerations: stored as member name, shown as a label in the language of the user who asks."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Member:
    name: str
    en: str
    da: str
    number: int | None = None


@dataclass(frozen=True)
class Enum:
    members: tuple[Member, ...]
    localised: bool = True  # a true C# enum (Country) shows its member name in every language
    labels: dict[tuple[str, str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labels = {(m.name, "en"): m.en for m in self.members} | {(m.name, "da"): m.da for m in self.members}
        object.__setattr__(self, "labels", labels)

    def label(self, name: str, language: str) -> str:
        if not self.localised:
            return name
        return self.labels.get((name, language), name)

    def parse(self, value: object, language: str, *, any_language: bool) -> str | None:
        """The member a client means, or None; numbers and member names always work."""
        if isinstance(value, int) and not isinstance(value, bool):
            return next((m.name for m in self.members if m.number == value), None)
        text = str(value).strip().casefold()
        for member in self.members:
            labels = {member.name, member.da if language == "da" else member.en}
            if any_language:
                labels |= {member.en, member.da}
            if text in {label.casefold() for label in labels}:
                return member.name
        return None


def enum(*members: tuple[str, str, str], localised: bool = True) -> Enum:
    return Enum(tuple(Member(n, en, da, i) for i, (n, en, da) in enumerate(members)), localised)


VAT_ZONE = enum(
    ("Domestic", "Domestic", "Indland"),
    ("EU", "EU Member States", "EU-medlemslande"),
    ("Abroad", "Abroad", "Udland"),
    ("NoVATRegistration", "No VAT Registration", "Ikke momsregistreret"),
    ("Exempt", "Exempt", "Momsfritaget"),
)
ITEM_TYPE = enum(
    ("Item", "Item", "Vare"),
    ("Service", "Service", "Ydelse"),
    ("BOM", "BOM", "Stykliste"),
    ("ProductionBOM", "Production BOM", "Produktionsstykliste"),
)
# Three are known from the API page (3.2); the others are assumed. An item without a unit shows the first.
UNIT = enum(
    ("None", "None", "Ingen"),
    ("Pcs", "Pcs", "Stk"),
    ("Hours", "Hours", "Timer"),
    ("km", "km", "km"),
    ("Days", "Days", "Dage"),
)
# Six are known from the API page (section 3 and 3.2), some Danish words and the seventh are assumed.
PHASE = enum(
    ("Created", "Created", "Oprettet"),
    ("Accepted", "Approved", "Godkendt"),
    ("InProgress", "In progress", "Igangværende"),
    ("Paused", "Paused", "Pause"),
    ("ReportedAsFinished", "Reported as finished", "Færdigmeldt"),
    ("Completed", "Completed", "Gennemført"),
    ("Offer", "Offer", "Tilbud"),
)
# Names and order are assumed; nothing reads them.
INVOICING_METHOD = enum(("Standard", "Standard", "Standard"), ("FixedPrice", "Fixed price", "Fast pris"))
CATEGORY_TYPE = enum(
    ("Labour", "Labour", "Arbejdsløn"),
    ("ExternalWork", "External work", "Fremmed arbejde"),
    ("Materials", "Materials", "Materialer"),
    ("Expenses", "Expenses", "Udgifter"),
    ("Miscellaneous", "Miscellaneous", "Diverse"),
    ("Other", "Other", "Andet"),
    ("Adjustment", "Adjustment", "Regulering"),
    ("Revenue", "Revenue", "Omsætning"),
    ("OnAccountInvoicing", "On account invoicing", "Ratefakturering"),
    ("Header", "Header", "Overskrift"),
    ("Sum", "Sum", "Sum"),
)
INTERNAL_TYPE = enum(
    ("None", "None", "Ingen"),
    ("OverTime", "Overtime", "Overtid"),
    ("FlexTime", "Flex time", "Flextid"),
    ("Vacation", "Vacation", "Ferie"),
    ("OtherVacation", "Other vacation", "Feriefri"),
    ("Sickness", "Sickness", "Sygdom"),
    ("OtherAbsence", "Other absence", "Andet fravær"),
    ("Mileage", "Mileage", "Kørsel"),
    ("Break", "Break", "Pause"),
)
PAYROLL_TYPE = enum(("Hours", "Hours", "Timer"), ("Amount", "Amount", "Beløb"))  # assumed; nothing reads it
USER_LANGUAGE = enum(
    ("Default", "Default", "Standard"),
    ("English", "English", "Engelsk"),
    ("Danish", "Danish", "Dansk"),
    ("German", "German", "Tysk"),
    ("Swedish", "Swedish", "Svensk"),
    ("Norwegian", "Norwegian", "Norsk"),
)
CURRENCY = Enum(tuple(Member(code, code, code) for code in ("DKK", "EUR", "SEK", "NOK", "USD", "GBP", "ISK")), False)

# Only 0 and 57 are known numbers; the other members can be written by name only.
_COUNTRIES = (
    ("Austria", "Østrig"),
    ("Belgium", "Belgien"),
    ("FaroeIslands", "Færøerne"),
    ("Finland", "Finland"),
    ("France", "Frankrig"),
    ("Germany", "Tyskland"),
    ("Greenland", "Grønland"),
    ("Iceland", "Island"),
    ("Ireland", "Irland"),
    ("Italy", "Italien"),
    ("Netherlands", "Holland"),
    ("Norway", "Norge"),
    ("Poland", "Polen"),
    ("Spain", "Spanien"),
    ("Sweden", "Sverige"),
    ("Switzerland", "Schweiz"),
    ("UnitedKingdom", "Storbritannien"),
    ("UnitedStates", "USA"),
)
COUNTRY = Enum(
    (
        Member("Unknown", "Unknown", "Ukendt", 0),
        Member("Denmark", "Denmark", "Danmark", 57),
        *tuple(Member(name, name, danish) for name, danish in _COUNTRIES),
    ),
    localised=False,
)
USER_FIELD_TYPE = Enum(
    tuple(Member(n, n, n) for n in ("String", "Boolean", "Integer", "Double", "Date", "DateTime")), False
)
