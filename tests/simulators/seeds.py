"""Seed documents: what the simulators know at the start, as one JSON-like dictionary.

    {"uniconta": {
        "companies":   [{"company": 4242, "name": "…", "cvr": "…", any property of CompanyClient}],
        "users":       [{"name": "sync", "password": "…", "language": "en" | "da", "companies": [4242]}],
        "user_fields": [{"company": 4242, "table": "Debtor", "name": "xIntempus", "kind": "bool"}],
        "rows":        [{"company": 4242, "table": "Debtor", "rows": [{"RowId"?: 1, "Account": "1001", …}]}],
        "change_urls": [{"company": 4242, "url": "http://…", "table"?: "Debtor", "use_post"?: true, "argument"?: ""}]},
     "intempus": {
        "companies":   [{"company": 61001, "name": "…", any field of company}],
        "users":       [{"username": "api@…", "api_key": "…", "company": 61001}],
        "rows":        [{"company": 61001, "resource": "customer", "rows": [{"id"?: …, "name": …,
                         "customer_group"?: id, "creation_id"?: …, "logical_timestamp"?: …}]}]}}

Tables and resources are filled in the order given, so groups stand before what refers to them. Without RowId or id
the simulator numbers on. Seeding fires no webhook and leaves no ledger entry.
"""

from typing import Any

NORDBYG = 4242
HAVNENS_EL = 4343
NORDBYG_INTEMPUS = 61001
HAVNENS_EL_INTEMPUS = 61002

Seed = dict[str, Any]


def cvr(first_seven: int) -> str:
    """A number of valid form: the eighth digit makes the weighted sum divisible by 11."""
    weights = (2, 7, 6, 5, 4, 3, 2)
    for start in range(first_seven, first_seven + 50):
        digits = [int(digit) for digit in f"{start:07d}"]
        check = -sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if check < 10:
            return f"{start:07d}{check}"
    raise ValueError(first_seven)


# Account, name, address, zip, city, phone, contact person, e-mail, group, ticked, CVR start (0: a private person)
_NORDBYG_DEBTORS: list[tuple[str, str, str, str, str, str, str, str, str, bool, int]] = [
    (
        "1001",
        "Murermester Kjær A/S",
        "Industrivej 14",
        "5000",
        "Odense C",
        "66124478",
        "Birgit Kjær",
        "bk@kjaer-murer.dk",
        "1",
        True,
        2841773,
    ),
    (
        "1002",
        "Ørsted Boligforening",
        "Havnegade 3, 2.",
        "5000",
        "Odense C",
        "66110203",
        "Søren Ø. Bang",
        "drift@oerstedbolig.dk",
        "3",
        True,
        1956310,
    ),
    (
        "1003",
        "Café Ærø ApS",
        "Torvet 7",
        "5970",
        "Ærøskøbing",
        "62521190",
        "Åse Lund",
        "aase@cafe-aeroe.dk",
        "1",
        True,
        3310442,
    ),
    (
        "1004",
        "Tømrerfirmaet Bøgelund",
        "Skovvej 22",
        "5700",
        "Svendborg",
        "62213345",
        "Henrik Bøgelund",
        "hb@boegelund-toemrer.dk",
        "1",
        False,
        2677189,
    ),
    (
        "1005",
        "Nyborg Kommune, Ejendomme",
        "Torvet 1",
        "5800",
        "Nyborg",
        "63337000",
        "Lone Frandsen",
        "ejendomme@nyborg-eksempel.dk",
        "2",
        True,
        2918964,
    ),
    (
        "1006",
        "Restaurant Strandlyst",
        "Strandvejen 41",
        "5300",
        "Kerteminde",
        "65321415",
        "Mikkel Storm",
        "mikkel@strandlyst-eksempel.dk",
        "1",
        False,
        3582217,
    ),
    (
        "1007",
        "Familien Holm",
        "Solsikkevej 9",
        "5230",
        "Odense M",
        "22417788",
        "Pia Holm",
        "pia.holm@eksempel.dk",
        "4",
        True,
        0,
    ),
    (
        "1008",
        "Grønbech Ejendomme K/S",
        "Kanalvej 5",
        "5000",
        "Odense C",
        "66131819",
        "Jens Grønbech",
        "jens@groenbech-ejd.dk",
        "3",
        True,
        3067751,
    ),
    (
        "1009",
        "Middelfart Sparefond",
        "Algade 18",
        "5500",
        "Middelfart",
        "64411722",
        "Ulla Dam",
        "ud@sparefond-eksempel.dk",
        "1",
        False,
        1740026,
    ),
    (
        "1010",
        "Søndergaard Landbrug I/S",
        "Sønderskovvej 112",
        "5620",
        "Glamsbjerg",
        "64721331",
        "Poul Søndergaard",
        "poul@soendergaard-landbrug.dk",
        "1",
        True,
        2255908,
    ),
    (
        "1011",
        "Assens Sejlklub",
        "Næsvej 2",
        "5610",
        "Assens",
        "64712299",
        "Kim Abild",
        "kontor@assens-sejl.dk",
        "4",
        True,
        1849355,
    ),
    (
        "1012",
        "Faaborg Glas & Facade ApS",
        "Odensevej 77",
        "5600",
        "Faaborg",
        "62611840",
        "Anne-Mette Vig",
        "amv@faaborgglas.dk",
        "1",
        True,
        3721560,
    ),
]
_HAVNENS_DEBTORS: list[tuple[str, str, str, str, str, str, str, str, str, bool, int]] = [
    ("1001", "Havnens Fiskeauktion A/S", "Auktionskaj 2", "6700", "Esbjerg", "75121044", "Tove Krag", "tk@fiskeauktion-eksempel.dk", "1", False, 2530117),
    ("1002", "Vestkajens Kølehus", "Vestkajen 19", "6700", "Esbjerg", "75125566", "Bo Lauridsen", "bo@koelehus-eksempel.dk", "1", False, 3144908),
    ("1003", "Ribe Domkirkes Menighedsråd", "Torvet 15", "6760", "Ribe", "75420619", "Inger Friis", "kontor@ribemr-eksempel.dk", "2", False, 1688230),
    ("1004", "Fanø Færgefart ApS", "Langelinie 1", "6720", "Fanø", "75162010", "Niels Fisker", "nf@faergefart-eksempel.dk", "1", False, 2871945),
    ("1005", "Varde Maskinværksted", "Smedevej 6", "6800", "Varde", "75221819", "Ove Tang", "ove@vardemaskin.dk", "1", False, 1923376),
    ("1006", "Blåvand Sommerhusudlejning", "Blåvandvej 54", "6857", "Blåvand", "75279300", "Mette Skov", "mette@blaavand-eksempel.dk", "1", False, 3459021),
    ("1007", "Boligselskabet Klitten", "Klitvej 30", "6710", "Esbjerg V", "75150088", "Karl Ibsen", "ki@klitten-eksempel.dk", "2", False, 2066743),
    ("1008", "Bageriet på Broen", "Broen 8", "6700", "Esbjerg", "75131211", "Yrsa Møller", "yrsa@broen-eksempel.dk", "1", False, 3690152),
    ("1009", "Grimstrup Vindmøllelaug", "Grimstrupvej 101", "6818", "Årre", "75191666", "Åge Ørum", "laug@grimstrupvind.dk", "1", False, 2417736),
    ("1010", "Familien Thygesen", "Ribegade 44, 1. tv.", "6700", "Esbjerg", "28114455", "Lis Thygesen", "lis.thygesen@eksempel.dk", "3", False, 0),
    ("1011", "Oksbøl Hotel & Kro ApS", "Kirkegade 3", "6840", "Oksbøl", "75271000", "Finn Hede", "fh@oksboelkro.dk", "1", False, 3015584),
    ("1012", "Esbjerg Offshore Service A/S", "Doggerkaj 11", "6700", "Esbjerg", "75140400", "Gitte Rask", "gr@eos-eksempel.dk", "1", False, 2799613),
]  # fmt: skip
_NORDBYG_GROUPS = [
    ("1", "Erhverv", True),
    ("2", "Offentlige", False),
    ("3", "Boligforeninger", False),
    ("4", "Private", False),
]
_HAVNENS_GROUPS = [("1", "Erhverv", True), ("2", "Foreninger", False), ("3", "Private", False), ("9", "Udgået", False)]


def demo_seed(
    *,
    uniconta_password: str = "demo-uniconta",
    nordbyg_api_key: str = "demo-nordbyg-key",
    havnens_api_key: str = "demo-havnens-key",
    uniconta_username: str = "sync",
    nordbyg_webhook_url: str = "",
    havnens_webhook_url: str = "",
    use_post: bool = True,
) -> Seed:
    """Two companies whose RowIds and Accounts overlap on purpose, so that a mix-up of tenants shows."""
    return {
        "uniconta": {
            "companies": [
                _company(NORDBYG, "Nordbyg ApS", 3456712, "Cortex Park 26", "5230", "Odense M"),
                _company(HAVNENS_EL, "Havnens El A/S", 2987410, "Dokvej 4", "6700", "Esbjerg"),
            ],
            "users": [
                {
                    "name": uniconta_username,
                    "password": uniconta_password,
                    "language": "en",
                    "companies": [NORDBYG, HAVNENS_EL],
                },
                {"name": "nordbyg", "password": uniconta_password, "language": "da", "companies": [NORDBYG]},
                {"name": "havnens", "password": uniconta_password, "language": "da", "companies": [HAVNENS_EL]},
            ],
            "user_fields": [{"company": NORDBYG, "table": "Debtor", "name": "xIntempus", "kind": "bool"}],
            "rows": [
                _rows(NORDBYG, "NumberSerie", [{"Serie": "Kunder", "Name": "Kundenumre", "Next": 1013}]),
                _rows(NORDBYG, "DebtorGroup", _groups(_NORDBYG_GROUPS)),
                _rows(NORDBYG, "Debtor", [_debtor(*each, flag=True) for each in _NORDBYG_DEBTORS]),
                _rows(HAVNENS_EL, "NumberSerie", [{"Serie": "Kunder", "Name": "Kundenumre", "Next": 1013}]),
                _rows(HAVNENS_EL, "DebtorGroup", _groups(_HAVNENS_GROUPS)),
                _rows(HAVNENS_EL, "Debtor", [_debtor(*each, flag=False) for each in _HAVNENS_DEBTORS]),
            ],
            "change_urls": [
                {"company": company, "url": url, "table": "", "use_post": use_post}
                for company, url in ((NORDBYG, nordbyg_webhook_url), (HAVNENS_EL, havnens_webhook_url))
                if url
            ],
        },
        "intempus": {
            "companies": [
                {"company": NORDBYG_INTEMPUS, "name": "Nordbyg ApS", "vat_registration_number": cvr(3456712)},
                {"company": HAVNENS_EL_INTEMPUS, "name": "Havnens El A/S", "vat_registration_number": cvr(2987410)},
            ],
            "users": [
                {"username": "api@nordbyg.dk", "api_key": nordbyg_api_key, "company": NORDBYG_INTEMPUS},
                {"username": "api@havnensel.dk", "api_key": havnens_api_key, "company": HAVNENS_EL_INTEMPUS},
            ],
            "rows": [
                {"company": NORDBYG_INTEMPUS, "resource": "customer", "rows": _customers_already_there()},
            ],
        },
    }


def _company(company: int, name: str, cvr_start: int, address: str, zip_code: str, city: str) -> dict[str, Any]:
    return {
        "company": company,
        "name": name,
        "cvr": cvr(cvr_start),
        "Address1": address,
        "Address2": f"{zip_code} {city}",
        "Country": "Denmark",
    }


def _rows(company: int, table: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"company": company, "table": table, "rows": rows}


def _groups(groups: list[tuple[str, str, bool]]) -> list[dict[str, Any]]:
    return [{"Group": key, "Name": name, "IsDefault": is_default} for key, name, is_default in groups]


def _debtor(
    account: str,
    name: str,
    address: str,
    zip_code: str,
    city: str,
    phone: str,
    contact: str,
    email: str,
    group: str,
    ticked: bool,
    cvr_start: int,
    *,
    flag: bool,
) -> dict[str, Any]:
    values = {
        "Account": account,
        "Name": name,
        "Address1": address,
        "ZipCode": zip_code,
        "City": city,
        "Phone": phone,
        "ContactPerson": contact,
        "ContactEmail": email,
        "InvoiceEmail": email,
        "Group": group,
        "CompanyRegNo": cvr(cvr_start) if cvr_start else None,
        "Country": "Denmark",
        "Created": "2024-03-01",
        "UpdatedAt": "2026-10-01T08:00:00",
    }
    return values | ({"xIntempus": ticked} if flag else {})


def _customers_already_there() -> list[dict[str, Any]]:
    """One that matches by CVR, one that matches by account number, one born in Intempus."""
    return [
        {
            "id": 6_661_340,
            "name": "Murermester Kjær",
            "number": cvr(2841773),
            "vat_registration_number": cvr(2841773),
            "street_address": "Industrivej 14",
            "zip_code": "5000",
            "city": "Odense C",
            "country": "DK",
            "phone": "66124478",
            "contact": "Birgit Kjær",
        },
        {"id": 6_661_377, "name": "Ørsted Boligforening", "number": "1002", "city": "Odense C", "country": "DK"},
        {
            "id": 6_662_015,
            "name": "Tagdækker Valdemar Lind",
            "number": "",
            "street_address": "Munkebjergvej 60",
            "zip_code": "5230",
            "city": "Odense M",
            "country": "DK",
            "phone": "40718822",
            "email": "valdemar@lind-tag.dk",
            "contact": "Valdemar Lind",
        },
    ]
