"""What a row of the fault programme is, and the people at work while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import requests

from tests.chaos.oracle import Verdict
from tests.processes.installation import COMPANIES, Installation


@dataclass
class Trial:
    """One run of a row: on an installation of its own, as the product is or with a defect built in."""

    place: Installation
    random: Random
    scale: float
    defect: str = ""

    def size(self, full: int, least: int = 1) -> int:
        """A load of the full programme, scaled to the time there is."""
        return max(least, round(full * self.scale))

    @property
    def defective(self) -> dict[str, str]:
        """The environment for the processes that shall have the defect."""
        settings = "tests.chaos.defective_settings"
        return {"DJANGO_SETTINGS_MODULE": settings, "DEFECT": self.defect} if self.defect else {}


@dataclass
class Outcome:
    injected: str
    verdict: Verdict
    recovered_s: float | None = None
    calls_ratio: float | None = None


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    run: Callable[[Trial], Outcome]
    #: Each must turn the row red.
    defects: tuple[str, ...]
    companies: dict[str, tuple[int, int]]
    #: With real processes, or with the engine in this one.
    kind: type[Installation] = Installation


ROWS: list[Row] = []


def row(
    name: str,
    title: str,
    *defects: str,
    companies: dict[str, tuple[int, int]] = COMPANIES,
    kind: type[Installation] = Installation,
) -> Callable[[Callable[[Trial], Outcome]], Callable[[Trial], Outcome]]:
    def register(run: Callable[[Trial], Outcome]) -> Callable[[Trial], Outcome]:
        ROWS.append(Row(name, title, run, defects, companies, kind))
        return run

    return register


@contextmanager
def hooks_without_end(place: Installation) -> Iterator[list[str]]:
    """Someone saves in Uniconta all the time; yields the keys of the calls that were answered with success."""
    answered: list[str] = []
    stop = threading.Event()
    url = f"{place.hook('nordbyg', 'uniconta')}?CompanyId=4242&Table=Debtor&RowId=1&Action=update&Key="

    def post(sender: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{sender}-{number}"
            try:
                if requests.post(url + key, timeout=5).status_code == 200:
                    answered.append(key)
                stop.wait(0.02)
            except requests.RequestException:
                stop.wait(0.05)

    senders = [threading.Thread(target=post, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    try:
        yield answered
    finally:
        stop.set()
        for sender in senders:
            sender.join()


@dataclass
class People:
    """Edits in both systems. Uniconta's people have the even debtors, those of Intempus the odd ones: so nobody
    overwrites anybody, and what each wrote last must stand on both sides in the end.
    """

    place: Installation
    random: Random
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def edit(self, count: int) -> set[tuple[str, str]]:
        """So many edits, in both companies and both systems; returns whose, by slug and number."""
        edited = set()
        for number in range(count):
            with self._one_by_one:
                edited.add(self._edit_one(number))
        return edited

    def _edit_one(self, number: int) -> tuple[str, str]:
        place = self.place
        slug = self.random.choice(list(place.companies))
        company, intempus_company = place.companies[slug]
        city = f"By {number} {self.random.randrange(10**6)}"
        debtors = place.rows("uniconta", slug, "Debtor")
        if self.random.random() < 0.5:
            debtor = self.random.choice([row for row in debtors if is_even(row["Account"])])
            place.edit("uniconta", company, "Debtor", debtor["RowId"], City=city)
            self.last[slug, debtor["Account"]] = city
            return slug, debtor["Account"]
        odd = [row["Account"] for row in debtors if not is_even(row["Account"])]
        # What a row made on purpose may have anything for a number.
        customers = [row for row in place.rows("intempus", slug, "customer") if row["number"] in odd]
        if not customers:
            return slug, ""
        customer = self.random.choice(customers)
        place.edit("intempus", intempus_company, "customer", customer["id"], city=city)
        self.last[slug, customer["number"]] = city
        return slug, customer["number"]

    def save_again(self, intempus_id: int) -> bool:
        """Whoever has the debtor of this customer saves it once more, at this very moment; whether there is somebody."""
        place = self.place
        for slug, (company, _) in place.companies.items():
            numbers = {row["id"]: row["number"] for row in place.rows("intempus", slug, "customer")}
            account = numbers.get(intempus_id, "")
            if (slug, account) not in self.last or not is_even(account):
                continue
            [debtor] = [row for row in place.rows("uniconta", slug, "Debtor") if row["Account"] == account]
            with self._one_by_one:
                self.last[slug, account] = city = f"Igen {self.random.randrange(10**6)}"
                place.edit("uniconta", company, "Debtor", debtor["RowId"], City=city)
            return True
        return False

    def forgotten(self) -> list[str]:
        """What they wrote last and is not there any more, on either side."""
        found = []
        for slug in self.place.companies:
            cities = {row["Account"]: row["City"] for row in self.place.rows("uniconta", slug, "Debtor")}
            found += [
                f"{slug}: debtor {account} is in {cities.get(account)!r}, not in {city!r}"
                for (owner, account), city in self.last.items()
                if owner == slug and cities.get(account) != city
            ]
        return found


def is_even(number: str) -> bool:
    return number[-1:] in "02468"


def since(instant: float) -> float:
    return round(time.monotonic() - instant, 1)
