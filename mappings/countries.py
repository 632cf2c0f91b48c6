"""Countries: Uniconta stores the member name of its country enum (never localised), Intempus an ISO 3166 code.

Source: Uniconta API page 3.2 and 5.2 (member names such as `Denmark`, `UnitedKingdom`); a name not listed here is
kept as text.
"""

from __future__ import annotations

MEMBER_OF_CODE: dict[str, str] = {
    "DK": "Denmark", "FO": "FaroeIslands", "GL": "Greenland", "NO": "Norway", "SE": "Sweden", "FI": "Finland",
    "IS": "Iceland", "DE": "Germany", "NL": "Netherlands", "BE": "Belgium", "LU": "Luxembourg", "FR": "France",
    "GB": "UnitedKingdom", "IE": "Ireland", "ES": "Spain", "PT": "Portugal", "IT": "Italy", "CH": "Switzerland",
    "AT": "Austria", "PL": "Poland", "CZ": "CzechRepublic", "SK": "Slovakia", "HU": "Hungary", "SI": "Slovenia",
    "HR": "Croatia", "RO": "Romania", "BG": "Bulgaria", "GR": "Greece", "CY": "Cyprus", "MT": "Malta",
    "EE": "Estonia", "LV": "Latvia", "LT": "Lithuania", "UA": "Ukraine", "TR": "Turkey", "RS": "Serbia",
    "BA": "BosniaAndHerzegovina", "ME": "Montenegro", "AL": "Albania", "LI": "Liechtenstein", "MC": "Monaco",
    "AD": "Andorra", "US": "UnitedStates", "CA": "Canada", "MX": "Mexico", "BR": "Brazil", "AR": "Argentina",
    "AU": "Australia", "NZ": "NewZealand", "CN": "China", "HK": "HongKong", "JP": "Japan", "KR": "SouthKorea",
    "IN": "India", "SG": "Singapore", "TH": "Thailand", "VN": "Vietnam", "IL": "Israel", "ZA": "SouthAfrica",
    "AE": "UnitedArabEmirates",
}  # fmt: skip

CODE_OF_MEMBER: dict[str, str] = {member: code for code, member in MEMBER_OF_CODE.items()}

#: What Uniconta shows where no country was chosen.
NO_COUNTRY = "Unknown"
