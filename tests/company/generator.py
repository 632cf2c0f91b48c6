"""A company that has kept its books in Uniconta and its hours in Intempus for years, each by itself.

`found_company(seed)` makes every record of it with what is to become of it. Nothing of the platform is imported: what it shall
do is known here from the rules alone (`comparison.py` says how each value is spelled on the other side).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]

#: What a record is when both systems are laid side by side, and what a person then says.
CERTAIN = "certain"  # in both, under a key of its own
PROBABLE = "probable"  # in both, alike by name only: a person says yes
AMBIGUOUS = (
    "ambiguous"  # two in Uniconta and one in Intempus bear one name: a person links the first, creates the second
)
NEW = "new"  # in Uniconta only
BORN = "born"  # in Intempus only
EXCLUDED = "excluded"  # never ticked
REFUSED = "refused"  # cannot be sent as it is

WORDS = (
    "Ægir", "Ørsted", "Åhøj", "Bøgelund", "Kærgård", "Smørum", "Tømrer", "Rådhus", "Sæby", "Hjørring", "Blåvand", "Næstved",
    "Jens & Søn", "O'Neill", "Café Ærø", "“Den Gyldne”", "Müller", "Łódź", "Straße", "50 % Byg", "<Glas>", "A/S Æble", "Ny\tLinje",
)  # fmt: skip
STREETS = ("Østergade", "Åboulevarden", "Nørrevænget", "C. F. Møllers Allé", "Søndre Ringvej")
CITIES = (("5000", "Odense C"), ("8000", "Aarhus C"), ("5970", "Ærøskøbing"), ("3700", "Rønne"), ("0999", "København"))
#: How Intempus spells what Uniconta says; the platform has tables of its own.
COUNTRY_CODES = {"Denmark": "DK", "Sweden": "SE", "Germany": "DE", "FaroeIslands": "FO"}
UNIT_TEXTS = {"Pcs": "Styk", "Hours": "Timer", "km": "Kilometer", "Days": "Dage", "None": ""}
PRICES = (0.0, 0.01, 12.5, 99.95, 1234567.89, 0.125, -25.0, 1e-9, 100000.0)
#: Synchronise by default, and do not.
PHASES_IN, PHASES_OUT = ("Created", "Accepted", "InProgress"), ("Paused", "ReportedAsFinished", "Completed")
TABLES = {"customer": "Debtor", "product": "InvItem", "employee": "Employee", "project": "Project"}
RESOURCES = {"customer": "customer", "product": "product", "employee": "employee", "project": "case"}


@dataclass
class Record:
    """`here` is the row in Uniconta, `there` the one in Intempus, None where there is none. References are numbers in
    Uniconta; relations of `there` are ids, kept by number in `relations`.
    """

    entity: str
    fate: str
    number: str = ""
    here: Values | None = None
    there: Values | None = None
    relations: dict[str, str] = field(default_factory=dict)  # relation in Intempus → number here of the record it is

    @property
    def row_id(self) -> int:
        assert self.here is not None
        return int(self.here["RowId"])

    @property
    def id(self) -> int:
        assert self.there is not None
        return int(self.there["id"])


@dataclass
class Groups:
    """Number → name; some stand in Intempus already, nobody uses the last one."""

    table: str
    resource: str
    key: str
    names: dict[str, str]
    there: dict[str, int]  # number → id


@dataclass
class Existing:
    """The company: its records by entity, and its groups by the entity that uses them."""

    records: dict[str, list[Record]]
    groups: dict[str, Groups]

    def of(self, entity: str, *fates: str) -> list[Record]:
        return [record for record in self.records[entity] if record.fate in fates]

    def seeds(self, company: int, intempus_company: int) -> Values:
        """A seed document for both simulators (format: `tests/simulators/seeds.py`)."""
        here, there = [], []
        for entity, records in self.records.items():
            groups = self.groups[entity]
            names = [{groups.key: number, "Name": name} for number, name in groups.names.items()]
            here.append({"company": company, "table": groups.table, "rows": names})
            old = [{"id": own, "number": number, "name": f"Før {number}"} for number, own in groups.there.items()]
            there.append({"company": intempus_company, "resource": groups.resource, "rows": old})
            rows = [record.here for record in records if record.here is not None]
            here.append({"company": company, "table": TABLES[entity], "rows": rows})
            rows = [
                record.there | {name: self.id_of(name, number) for name, number in record.relations.items()}
                for record in records
                if record.there is not None
            ]
            there.append({"company": intempus_company, "resource": RESOURCES[entity], "rows": rows})
        return {"uniconta": {"rows": here}, "intempus": {"rows": there}}

    def id_of(self, entity: str, number: str) -> int:
        [record] = [record for record in self.records[entity] if record.number == number]
        return record.id


class Maker:
    def __init__(self, seed: int, part: int) -> None:
        self.random = random.Random(seed)
        self.part = part
        self.last_id = 7_000_000
        self.count = 0
        self.records: dict[str, list[Record]] = {name: [] for name in ("customer", "product", "employee", "project")}
        self.groups = {
            "customer": self.make_groups("DebtorGroup", "customer_group", "Group", 8),
            "product": self.make_groups("InvGroup", "product_group", "Group", 12),
            "employee": self.make_groups("EmployeeGroup", "employee_group", "Number", 5),
            "project": self.make_groups("ProjectGroup", "case_group", "Group", 6),
        }

    # ------------------------------------------------------------------------------------------------ small things

    def times(self, count: int) -> range:
        return range(max(1, count // self.part))

    def next_id(self) -> int:
        self.last_id += self.random.randint(1, 9)
        return self.last_id

    def pick(self, options: Any) -> Any:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def name(self) -> str:
        """Nobody else's, whatever it looks like."""
        self.count += 1
        return f"{self.pick(WORDS)} {self.pick(WORDS)} {self.count}"

    def address(self) -> Values:
        zip_code, city = self.pick(CITIES)
        return {"address": f"{self.pick(STREETS)} {self.random.randint(1, 200)}, 2. tv.", "zip": zip_code, "city": city}

    def make_groups(self, table: str, resource: str, key: str, count: int) -> Groups:
        names = {f"{10 * n}": f"{self.pick(WORDS)} gruppe {n}" for n in range(1, count + 1)}
        there = {number: self.next_id() for number in list(names)[: count // 3]}
        return Groups(table, resource, key, names, there)

    def group(self, entity: str) -> str:
        return self.pick(list(self.groups[entity].names)[:-1])

    def cvr(self) -> str:
        """Eight digits whose weighted sum is divisible by 11, each given once."""
        weights = (2, 7, 6, 5, 4, 3, 2)
        while True:
            self.count += 1
            digits = [int(digit) for digit in f"{1_000_000 + self.count * 7}"]
            check = -sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
            if check < 10:
                return "".join(map(str, digits)) + str(check)

    def drift(self, values: Values, both_ways: dict[str, str]) -> Values:
        """What Intempus says where Uniconta says `values`: some fields differ, some are blank on one of the sides."""
        there = dict(values)
        for name in both_ways:
            lot = self.random.random()
            if lot < 0.1:
                there[name] = ""
            elif lot < 0.25:
                there[name] = f"Før {self.count} {name}"
        return there

    def add(self, record: Record) -> Record:
        self.records[record.entity].append(record)
        if record.here is not None:
            record.here["RowId"] = len(self.records[record.entity])
        return record

    # ------------------------------------------------------------------------------------------------ entities

    def customer(self, fate: str, key: str = "", **values: Any) -> Record:
        """`key`: by what a certain one is found."""
        place = self.address()
        n = len(self.records["customer"]) + 1
        here = {
            "Account": f"{1000 + n}" if n % 7 else f"Ø-{n} / {n:03d}",
            "Name": self.name(),
            "Address1": place["address"],
            "ZipCode": place["zip"],
            "City": place["city"],
            "Country": self.pick(list(COUNTRY_CODES)),
            "Phone": f"+45 {20000000 + n}" if self.chance(0.8) else "",
            "ContactEmail": f"kontakt{n}@eksempel.dk" if self.chance(0.6) else "",
            "ContactPerson": self.pick(WORDS),
            "CompanyRegNo": self.cvr() if key.startswith("cvr") or self.chance(0.5) else "",
            "Group": self.group("customer"),
            "Blocked": False,
            "xIntempus": fate != EXCLUDED,
        } | values
        record = Record("customer", fate, here["Account"], here)
        if fate in (CERTAIN, PROBABLE, EXCLUDED) and key:
            there = self.drift(
                {
                    "name": here["Name"],
                    "street_address": here["Address1"],
                    "zip_code": here["ZipCode"],
                    "city": here["City"],
                    "country": COUNTRY_CODES[here["Country"]],
                    "phone": here["Phone"],
                    "email": here["ContactEmail"],
                    "contact": here["ContactPerson"],
                },
                {} if key == "name" else {"street_address": "", "city": "", "phone": "", "email": "", "contact": ""},
            )
            vat = {"cvr": f"DK {here['CompanyRegNo']}", "cvr as number": ""}.get(key, "")
            number = {"cvr as number": here["CompanyRegNo"], "number": here["Account"]}.get(key, f"gl-{n}")
            there |= {"id": self.next_id(), "number": number, "vat_registration_number": vat}
            there["active"] = self.chance(0.9)
            if self.chance(0.3):  # a value that only Intempus has
                here["City"], there["city"] = "", "Kun i Intempus"
            record.there = there
        return self.add(record)

    def product(self, fate: str, key: str = "", **values: Any) -> Record:
        n = len(self.records["product"]) + 1
        here = {
            "Item": f"V{n:05d}" if n % 11 else f"æ{n}-" + "9" * (18 - len(str(n))),
            "Name": self.name(),
            "Group": self.group("product"),
            "Unit": self.pick(list(UNIT_TEXTS)),
            "SalesPrice1": self.pick(PRICES),
            "CostPrice": 7.25,
            "EAN": f"57{n:011d}" if self.chance(0.7) else "",
            "Blocked": False,
            "xIntempus": fate != EXCLUDED,
        } | values
        record = Record("product", fate, here["Item"], here)
        if key:
            record.there = {
                "id": self.next_id(),
                "name": here["Name"] if key == "name" or self.chance(0.8) else self.name(),
                "number": here["Item"] if key == "number" else "",
                "unit": UNIT_TEXTS[here["Unit"]],
                "sales_price": "1.00",
                "bar_code": here["EAN"],
                "accessible": True,
            }
        return self.add(record)

    def employee(self, fate: str, key: str = "", **values: Any) -> Record:
        place = self.address()
        n = len(self.records["employee"]) + 1
        here = {
            "Number": str(n),
            "Name": self.name(),
            "Email": f"medarbejder{n}@eksempel.dk",
            "Mobil": f"+45 {50000000 + n}",
            "Address1": place["address"],
            "ZipCode": place["zip"],
            "City": place["city"],
            "Group": self.group("employee"),
            "PersonalId": f"{n:06d}-1234",
        } | values
        record = Record("employee", fate, here["Number"], here)
        if key:
            record.there = {
                "id": self.next_id(),
                "name": here["Name"],
                "number": str(900_000 + n),
                "email": here["Email"] if key == "email" else f"gammel{n}@eksempel.dk",
                "phone": f"{50000000 + n}" if key == "mobile" else "",
                "street_address": here["Address1"],
                "zip_code": here["ZipCode"],
                "city": here["City"],
                "username": f"medarbejder{n}",
                "may_add_work_reports_to_all_cases": True,
                "may_CUD_customers_and_cases": True,
            }
        return self.add(record)

    def project(self, fate: str, customer: Record, parent: Record | None, key: str = "", **values: Any) -> Record:
        place = self.address()
        n = len(self.records["project"]) + 1
        start = f"2027-{self.random.randint(1, 12):02d}-{self.random.randint(1, 28):02d}" if self.chance(0.6) else ""
        here = {
            "Number": f"P{n:04d}" if n % 9 else f"Sø {n}/27",
            "Name": self.name(),
            "Account": customer.number,
            "Group": self.group("project"),
            "MasterProject": parent.number if parent else "",
            "Phase": self.pick(PHASES_IN) if self.chance(0.9) else self.pick(PHASES_OUT),
            "PersonInCharge": self.pick(self.records["employee"]).number if self.chance(0.5) else "",
            "StartDate": start,
            "EndDate": "2028-02-29" if start and self.chance(0.5) else "",
            "Description": self.pick(("", "To linjer\nmed “citat”", "Nøgle hos naboen; ring på <3>")),
            "WorkAddress1": place["address"],
            "ZipCode": place["zip"],
            "City": place["city"],
            "WorkCountry": "Denmark",
            "Blocked": False,
            "xIntempus": fate != EXCLUDED,
        } | values
        record = Record("project", fate, here["Number"], here)
        if key:
            record.there = {
                "id": self.next_id(),
                "name": here["Name"] if key == "name" else self.name(),
                "number": here["Number"] if key == "number" else f"gl-{n}",
                "notes": here["Description"],
                "street_address": here["WorkAddress1"],
                "zip_code": here["ZipCode"],
                "city": here["City"],
                "country": "DK",
                "active": self.chance(0.9),
            }
            record.relations = {"customer": customer.number}
        return self.add(record)


def found_company(seed: int, part: int = 1) -> Existing:
    """The whole company, or every `part`-th of it, for a quick look."""
    make = Maker(seed, part)
    _customers(make)
    _products(make)
    _employees(make)
    _projects(make)
    return Existing(make.records, make.groups)


def _customers(make: Maker) -> None:
    """500 in Uniconta, of which 200 are in Intempus as well."""
    for key, count in (("cvr as number", 60), ("cvr", 50), ("number", 50)):
        for _ in make.times(count):
            make.customer(CERTAIN, key)
    for _ in make.times(20):
        make.customer(PROBABLE, "name")
    for _ in make.times(10):
        first = make.customer(AMBIGUOUS, CompanyRegNo="")
        make.customer(AMBIGUOUS, CompanyRegNo="", Name=first.here["Name"])
        first.there = {"id": make.next_id(), "name": first.here["Name"], "number": "", "active": True}
    for n in make.times(30):
        make.customer(EXCLUDED, "number" if n % 3 == 0 else "")
    for _ in make.times(10):
        make.customer(NEW, Blocked=True)
    for _ in make.times(3):
        make.customer(REFUSED, Name="Å" * 256)
    make.customer(NEW, Name="Å" * 255)
    while len(make.records["customer"]) < len(make.times(500)):
        make.customer(NEW)
    for n in make.times(12):
        there = {"id": make.next_id(), "name": make.name(), "number": f"ny {n}", "city": "Ebeltoft", "country": "DK"}
        make.add(Record("customer", BORN, there=there | {"active": True}))


def _products(make: Maker) -> None:
    """3,000 in Uniconta, of which 1,200 are in Intempus as well."""
    for _ in make.times(1150):
        make.product(CERTAIN, "number", Blocked=make.chance(0.05))
    for _ in make.times(40):
        make.product(PROBABLE, "name")
    for n in make.times(30):
        make.product(EXCLUDED, "number" if n % 3 == 0 else "")
    for _ in make.times(20):
        make.product(NEW, Blocked=True)
    for _ in make.times(2):
        make.product(REFUSED, Name="Ø" * 256)
    while len(make.records["product"]) < len(make.times(3000)):
        make.product(NEW)
    for _ in make.times(20):
        there = {"id": make.next_id(), "name": make.name(), "unit": "Styk", "sales_price": "12.00", "accessible": True}
        make.add(Record("product", BORN, there=there))


def _employees(make: Maker) -> None:
    """120 in Uniconta, of which 48 are in Intempus as well."""
    for _ in make.times(30):
        make.employee(CERTAIN, "mobile")
    for _ in make.times(14):
        make.employee(CERTAIN, "email")
    for _ in make.times(4):
        make.employee(CERTAIN, "email", Terminated="2024-01-31T00:00:00")
    for n in make.times(3):
        make.employee(REFUSED, Number=f"MÆ{n}")
    for _ in make.times(3):
        make.employee(REFUSED, Email="")
    for _ in make.times(5):
        make.employee(NEW, Terminated="2024-01-31T00:00:00")
    while len(make.records["employee"]) < len(make.times(120)):
        make.employee(NEW)
    for n in make.times(3):
        there = {"id": make.next_id(), "name": make.name(), "number": f"{800_000 + n}", "username": f"ny{n}"}
        make.add(Record("employee", BORN, there=there | {"email": f"ny{n}@eksempel.dk"}))


def _projects(make: Maker) -> None:
    """1,500 in Uniconta, in trees of six; 600 are in Intempus as well."""
    customers = make.records["customer"]
    known = [customer for customer in customers if customer.there and customer.fate in (CERTAIN, PROBABLE)]
    others = [customer for customer in customers if customer.here and customer not in known]
    for tree in make.times(250):
        is_known = tree % 5 < 2
        customer = make.pick(known if is_known else others)
        members: list[Record] = []
        for n, above in enumerate((None, 0, 0, 0, 1, 4)):
            values: Values = {"Blocked": make.chance(0.05)}
            fate = CERTAIN if is_known else NEW
            if n == 5 and tree % 8 == 0:
                fate = EXCLUDED
            elif n == 3 and is_known and tree % 10 < 2:
                fate = PROBABLE
            elif n == 3 and tree in (2, 3, 4):
                fate, values = REFUSED, {"StartDate": "", "EndDate": "2028-02-29"}
            key = {CERTAIN: "number", PROBABLE: "name", EXCLUDED: "number" if is_known else ""}.get(fate, "")
            parent = members[above] if above is not None else None
            members.append(make.project(fate, customer, parent, key, **values))
    for n in make.times(10):
        there = {"id": make.next_id(), "name": make.name(), "number": f"S-{n}", "active": True, "country": "DK"}
        record = make.add(Record("project", BORN, there=there))
        record.relations = {"customer": make.pick(known).number}
