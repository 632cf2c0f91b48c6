"""A fortnight of work reports for the two demo companies, and what reports need: people, contracts, work types, cases.

`hours_seed` gives a document in the format of `seeds`, to be added to `demo_seed`. It brings its own employees, projects
and items, on both sides and with matching keys, so it needs nothing of the demo's story. The reports are of the ten
working days up to the given one, the oldest locked, then approved, half approved and waiting. Those in `WITHDRAWN`
are approved at first; somebody withdraws them later (`IntempusSimulator.person_withdraws`, or over the control channel).

Not everything is in order, on purpose: the work type `Diamantskæring` has no pay type of its name, and one employee is
not in Uniconta.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from .seeds import HAVNENS_EL, HAVNENS_EL_INTEMPUS, NORDBYG, NORDBYG_INTEMPUS, Seed

Rows = list[dict[str, Any]]

#: Company in Intempus → reports to withdraw some time after they were seen approved.
WITHDRAWN = {NORDBYG_INTEMPUS: [6_690_108], HAVNENS_EL_INTEMPUS: [6_695_108]}
JOURNAL = "Intempus"
#: Number, name, unit, treatment as a pay type; the work types below have the same names, but for the last of them.
_PAY_TYPES = (
    ("100", "Normaltid", "Hours", "None", 214.0),
    ("200", "Overtid 50 %", "Hours", "OverTime", 321.0),
    ("300", "Kørsel egen bil", "km", "Mileage", 3.79),
    ("400", "Sygdom", "Hours", "Sickness", 214.0),
)
#: Offset of the id, name, category, unit, start and end time needed
_WORK_TYPES = (
    (31, "Normaltid", 21, "Timer", True),
    (32, "Overtid 50 %", 22, "Overtimer", False),
    (33, "Kørsel egen bil", 23, "Kilometer", False),
    (34, "Udlæg", 24, "Kr.", False),
    (35, "Diæt, døgn", 25, "Dage", False),
    (36, "Sygdom", 26, "Timer", False),
    (37, "Diamantskæring", 21, "Timer", True),
)
#: Offset, name, type, supplement, needs a case
_CATEGORIES = (
    (21, "Projekttid", None, False, True),
    (22, "Overarbejde", None, True, True),
    (23, "Kørsel", "mileage", False, True),
    (24, "Udlæg", "expenses", False, True),
    (25, "Diæter", "per_diem", False, True),
    (26, "Fravær", "absence", False, False),
)
_LEVELS = (("second_approver", "Anden godkender"), ("final_approver", "Endelig godkender"))


def hours_seed(last_day: date) -> Seed:
    """Both companies, ten working days up to `last_day`."""
    days = _working_days(last_day, 10)
    nordbyg = _Company(
        NORDBYG,
        NORDBYG_INTEMPUS,
        6_690_000,
        people=(("21", "Rune Bech", "rune@nordbyg.example"), ("22", "Sanne Østergaard", "sanne@nordbyg.example")),
        projects=(("6001", "Facaderenovering, blok C", "1002"), ("6002", "Ny indgang", "1002")),
        customer=6_661_377,  # Ørsted Boligforening, who is in the demo's seed
    )
    havnens = _Company(
        HAVNENS_EL,
        HAVNENS_EL_INTEMPUS,
        6_695_000,
        people=(("21", "Bjarke Holm", "bjarke@havnensel.example"), ("22", "Aya Søndergaard", "aya@havnensel.example")),
        projects=(("6001", "Ny hovedtavle", "1001"), ("6002", "Nødbelysning", "1001")),
        customer=0,
    )
    parts = [nordbyg, havnens]
    return {
        "uniconta": {"rows": [each for part in parts for each in part.in_uniconta()]},
        "intempus": {"rows": [each for part in parts for each in part.in_intempus(days)]},
    }


def _working_days(last: date, count: int) -> list[date]:
    days: list[date] = []
    while len(days) < count:
        if last.weekday() < 5:
            days.insert(0, last)
        last -= timedelta(days=1)
    return days


@dataclass(frozen=True)
class _Company:
    """One company's part. Ids in Intempus are `first` plus an offset: below 100 what is referred to, above it reports."""

    uniconta: int
    intempus: int
    first: int
    people: tuple[tuple[str, str, str], ...]  # number, name, e-mail; the second one approves
    projects: tuple[tuple[str, str, str], ...]  # number, name, account
    customer: int  # the projects' customer in Intempus; 0: one that is added here

    # -- Uniconta ----------------------------------------------------------------------------------------------------

    def in_uniconta(self) -> list[dict[str, Any]]:
        tables: list[tuple[str, Rows]] = [
            ("InvGroup", [{"Group": "TIM", "Name": "Timer"}]),
            ("InvItem", [
                {"Item": "6100", "Name": "Montørtime", "Group": "TIM", "ItemType": "Service", "Unit": "Hours", "SalesPrice1": 545},
                {"Item": "6200", "Name": "Fugemasse", "Group": "TIM", "Unit": "Pcs", "SalesPrice1": 89, "CostPrice": 41},
            ]),
            ("PrCategory", [{"Number": "LØN", "Name": "Løn", "CatType": "Labour", "Unit": "Hours"},
                            {"Number": "MAT", "Name": "Materialer", "CatType": "Materials"}]),
            ("EmpPayrollCategory", [
                {"Number": number, "Name": name, "Unit": unit, "InternalType": kind, "Rate": rate, "PrCategory": "LØN"}
                for number, name, unit, kind, rate in _PAY_TYPES
            ]),
            ("EmployeeGroup", [{"Number": "1", "Name": "Montører"}]),
            ("Employee", [
                {"Number": number, "Name": name, "Email": email, "Group": "1", "Hired": "2024-01-01"}
                for number, name, email in self.people
            ]),
            ("ProjectGroup", [{"Group": "TIMER", "Name": "Medgået tid", "Invoiceable": True}]),
            ("Project", [
                {"Number": number, "Name": name, "Account": account, "Group": "TIMER", "Phase": "InProgress"}
                for number, name, account in self.projects
            ]),
            ("ProjectJournal", [{"Journal": JOURNAL, "Name": "Timer fra Intempus"}]),
        ]  # fmt: skip
        return [{"company": self.uniconta, "table": table, "rows": rows} for table, rows in tables]

    # -- Intempus ----------------------------------------------------------------------------------------------------

    def in_intempus(self, days: list[date]) -> list[dict[str, Any]]:
        resources: list[tuple[str, Rows]] = [
            ("employee", self._employees()),
            ("work_model", [{"id": self.first + 1, "name": "Timelønnede"}, {"id": self.first + 2, "name": "Funktionærer"}]),
            ("work_category", self._categories()),
            ("work_type", self._work_types()),
            ("contract", [
                {"employee": self.first + offset, "work_model": self.first + 1, "start_date": "2024-01-01"}
                for offset in (11, 12, 13)
            ]),
            ("responsible", [{"employee": self.first + 12, "level": level} for level, _ in _LEVELS]),
            ("customer", self._customers()),
            ("case", [
                {"id": self.first + 51 + n, "number": number, "name": name, "customer": self.customer or self.first + 50}
                for n, (number, name, _) in enumerate(self.projects)
            ]),
            ("product", [{"id": self.first + 61, "number": "6200", "name": "Fugemasse", "unit": "stk"}]),
            ("work_report", self._reports(days)),
        ]  # fmt: skip
        return [{"company": self.intempus, "resource": resource, "rows": rows} for resource, rows in resources]

    def _employees(self) -> Rows:
        """Those of Uniconta, and a temporary worker whom nobody entered there."""
        people = [*self.people, ("23", "Vikar Mads Toft", f"vikar@{self.people[0][2].partition('@')[2]}")]
        return [
            {
                "id": self.first + 11 + n,
                "number": number,
                "name": name,
                "email": email,
                "username": email,
                "password_generation": 2,
            }
            for n, (number, name, email) in enumerate(people)
        ]

    def _categories(self) -> Rows:
        """The salaried have a category of the same name: a name is no key."""
        same_name = {"id": self.first + 29, "name": "Projekttid", "work_model": self.first + 2}
        return [same_name] + [
            {
                "id": self.first + offset,
                "name": name,
                "type": kind,
                "supplement": supplement,
                "case_related": needs_case,
                "work_model": self.first + 1,
            }
            for offset, name, kind, supplement, needs_case in _CATEGORIES
        ]

    def _work_types(self) -> Rows:
        return [
            {
                "id": self.first + offset,
                "name": name,
                "work_category": self.first + category,
                "work_model": self.first + 1,
                "unit": unit,
                "report_interval": interval,
            }
            for offset, name, category, unit, interval in _WORK_TYPES
        ]

    def _customers(self) -> Rows:
        account = {"id": self.first + 50, "number": "1001", "name": "Havnens Fiskeauktion A/S", "city": "Esbjerg"}
        return [] if self.customer else [account]

    def _reports(self, days: list[date]) -> Rows:
        """Two people's ordinary days, the oldest signed furthest; then one of each other kind."""
        rows: Rows = []
        for n, day in enumerate(days):
            # Two locked days, then five approved ones, two half approved and one that waits.
            signed = (2, True) if n < 2 else (2, False) if n < 7 else (1, False) if n < 9 else (0, False)
            for person in (11, 12):
                amount = "7.53333333" if n % 4 == 3 else "7.4"
                rows.append(self._report(100 + len(rows), person, day, 31, amount, signed, "07:00", "15:00"))
        whole, half, none = (2, False), (1, False), (0, False)
        rows += [
            self._report(160, 11, days[2], 32, "1.5", whole, origin="intempus:overtime"),
            self._report(161, 12, days[8], 32, "0.13333333", half, origin="intempus:overtime"),
            self._report(162, 11, days[3], 33, "84", whole, remarks="Lager og retur"),
            self._report(163, 12, days[3], 34, "249.95", whole, remarks="Parkering"),
            self._report(164, 11, days[4], 35, "1", whole),
            self._report(165, 11, days[5], 36, "14.8", whole, case=None, until=days[6]),
            self._report(166, 12, days[4], None, "6", whole, product=self.first + 61, remarks="Fugemasse til facaden"),
            self._report(167, 11, days[9], None, "2", none, product=self.first + 61),
            self._report(168, 12, days[5], 37, "3.33333333", whole, "12:00", "15:20", remarks="Hul i væg"),
            self._report(169, 13, days[6], 31, "8", whole, "22:00", "06:00", remarks="Nattevagt"),
        ]
        return rows

    def _report(
        self,
        offset: int,
        person: int,
        day: date,
        work_type: int | None,
        amount: str,
        signed: tuple[int, bool],
        start: str | None = None,
        end: str | None = None,
        *,
        case: int | None = 51,
        until: date | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        """`signed`: at how many levels it is approved, and whether it is locked."""
        levels, locked = signed
        return {
            "id": self.first + offset,
            "employee": self.first + person,
            "worktype": None if work_type is None else self.first + work_type,
            "case": None if case is None else self.first + case,
            "start_date": day.isoformat(),
            "end_date": (until or day).isoformat(),
            "start_time": start,
            "end_time": end,
            "amount": amount,
            "approved": levels == len(_LEVELS),
            "approved_by": [self._signature(n, day if n < levels else None) for n in range(len(_LEVELS))],
            "isimmutable": locked,
            "origin": "intempus:mobile",
            "creation_datetime": f"{day.isoformat()}T16:05:00",
        } | values

    def _signature(self, level: int, day: date | None) -> dict[str, Any]:
        code, label = _LEVELS[level]
        entry = {"level": code, "label": label} | dict.fromkeys(("date", "time", "name", "number", "username"))
        if day is None:
            return entry
        number, name, email = self.people[1]
        return entry | {
            "date": day.isoformat(), "time": f"17:0{level}:00", "name": name, "number": number, "username": email
        }  # fmt: skip
