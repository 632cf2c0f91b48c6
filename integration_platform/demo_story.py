"""What people do in the two simulated systems at the start of the demo, so that no list of the console is empty.

Told over the simulators' control channel, because that is how somebody outside the platform would act: the platform
learns of it as it learns of everything, by webhooks and by reading.
"""

import json
import time
import urllib.request
from typing import Any

NORDBYG, HAVNENS_EL = 4242, 4343  # companies in the Uniconta simulator
NORDBYG_INTEMPUS, HAVNENS_EL_INTEMPUS = 61001, 61002
#: Households that Havnens El supplies; blocking them all at once is what the brake is for.
HOUSEHOLDS = 30
#: What Nordbyg puts on its reports: number, name, item group, unit, sales price
ITEMS = (
    ("2001", "Gipsplade 13 mm", "MAT", "Pcs", "118.50"),
    ("2002", "Konstruktionstræ 45 x 95", "MAT", "Pcs", "24.75"),
    ("2003", "Vådrumssilikone", "MAT", "Pcs", "64.00"),
    ("2004", "Leje af lift", "UDL", "Days", "1450.00"),
)
#: What Nordbyg works on: number, name, customer, master project, phase. Debtor 1004 is not ticked.
PROJECTS = (
    ("5001", "Nyt tag på Munkebjergvej", "1002", "", "InProgress"),
    ("5002", "Stillads", "1002", "5001", "Accepted"),
    ("5003", "Ombygning af køkken", "1004", "", "Created"),
    ("5004", "Carport", "1003", "", "Completed"),
)
#: The project journal of both companies, as the simulators' fortnight of work reports has it.
JOURNAL = "Intempus"
FIRST_LOAD_SECONDS = 60


class Simulated:
    """One simulated system, seen by a person who uses it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/_control/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def rows(self, company: int, resource: str) -> list[dict[str, Any]]:
        return list(self.ask(f"rows/{company}/{resource}"))

    def person(self, act: str, company: int, resource: str, **rest: Any) -> None:
        self.ask(f"person/{act}", {"company": company, "resource": resource, **rest})


def move_in(uniconta: Simulated, intempus: Simulated) -> None:
    """What both companies have before they are connected, beside the few records that the simulators bring."""
    household = {"Account": "3{n}", "Name": "Husstand {n}", "Group": "3", "City": "Esbjerg", "Country": "Denmark"}
    uniconta.ask(
        "bulk",
        {"company": HAVNENS_EL, "resource": "Debtor", "count": HOUSEHOLDS, "start": 101, "values": household},
    )
    for number, name in (("MAT", "Materialer"), ("UDL", "Udlejning"), ("UDG", "Udgået")):
        uniconta.person("create", NORDBYG, "InvGroup", values={"Group": number, "Name": name})
    for number, name, group, unit, price in ITEMS:
        item = {"Item": number, "Name": name, "Group": group, "Unit": unit, "SalesPrice1": price}
        uniconta.person("create", NORDBYG, "InvItem", values=item)
    uniconta.person("create", NORDBYG, "ProjectGroup", values={"Group": "TAG", "Name": "Tag og facade"})
    for number, name, account, above, phase in PROJECTS:
        project = {"Number": number, "Name": name, "Account": account, "Group": "TAG", "MasterProject": above}
        uniconta.person("create", NORDBYG, "Project", values={**project, "Phase": phase})
    # The same name without number or CVR number on both sides: nobody but a person can know whether it is the same.
    lookalike = {"name": "Middelfart Sparefond", "number": "", "city": "Middelfart", "active": True}
    intempus.person("create", NORDBYG_INTEMPUS, "customer", values=lookalike)


def wait_for_first_load(uniconta: Simulated, intempus: Simulated) -> bool:
    """Whether both companies' records arrived in time; without them the story would be another one."""
    debtors = len(uniconta.rows(HAVNENS_EL, "Debtor"))
    deadline = time.monotonic() + FIRST_LOAD_SECONDS
    while time.monotonic() < deadline:
        numbers = {row["number"] for row in intempus.rows(NORDBYG_INTEMPUS, "customer")}
        products = {row["number"] for row in intempus.rows(NORDBYG_INTEMPUS, "product")}
        cases = {row["number"] for row in intempus.rows(NORDBYG_INTEMPUS, "case")}
        customers = len(intempus.rows(HAVNENS_EL_INTEMPUS, "customer"))
        is_sold = {number for number, *_ in ITEMS} <= products and {"5001", "5002"} <= cases
        if customers >= debtors and is_sold and {"1003", "1010", "1011"} <= numbers:
            return True
        time.sleep(0.2)
    return False


def live_a_day(uniconta: Simulated, intempus: Simulated) -> None:
    """A day in both companies, after the first load."""
    debtors = {row["Account"]: row["RowId"] for row in uniconta.rows(NORDBYG, "Debtor")}
    customers = {row["number"]: row["id"] for row in intempus.rows(NORDBYG_INTEMPUS, "customer")}

    def in_uniconta(account: str, **values: Any) -> None:
        uniconta.person("edit", NORDBYG, "Debtor", id=debtors[account], values=values)

    def in_intempus(number: str, **values: Any) -> None:
        intempus.person("edit", NORDBYG_INTEMPUS, "customer", id=customers[number], values=values)

    # Both sides change one customer before either hears of the other: Uniconta's counts, the other can be put back.
    in_intempus("1003", phone="62529999", contact="Åse og Karl Lund")
    in_uniconta("1003", City="Ærøskøbing Havn")
    # Somebody corrects a CVR number where it does not belong: the sides differ, nothing is taken over.
    in_intempus("1010", vat_registration_number="11223344")
    # Prices are Uniconta's: one goes up there, the other is typed over in Intempus and not taken over.
    items = {row["Item"]: row["RowId"] for row in uniconta.rows(NORDBYG, "InvItem")}
    products = {row["number"]: row["id"] for row in intempus.rows(NORDBYG_INTEMPUS, "product")}
    uniconta.person("edit", NORDBYG, "InvItem", id=items["2001"], values={"SalesPrice1": "124.95"})
    intempus.person("edit", NORDBYG_INTEMPUS, "product", id=products["2004"], values={"sales_price": "1200.00"})
    # The tick goes, and one customer is deleted: the first is set inactive, the second becomes a question.
    in_uniconta("1011", xIntempus=False)
    uniconta.person("delete", NORDBYG, "Debtor", id=debtors["1008"])
    # The same at Havnens El: one cause at two companies is one row on the front page.
    [gone] = [row["RowId"] for row in uniconta.rows(HAVNENS_EL, "Debtor") if row["Account"] == "1008"]
    uniconta.person("delete", HAVNENS_EL, "Debtor", id=gone)
    # One paste blocks every household of the other company: more than the brake lets through.
    for row in uniconta.rows(HAVNENS_EL, "Debtor"):
        if row["Account"].startswith("3"):
            uniconta.person("edit", HAVNENS_EL, "Debtor", id=row["RowId"], values={"Blocked": True})


def end_a_fortnight(uniconta: Simulated, intempus: Simulated) -> None:
    """After the first hours have arrived: one journal is posted, and in the other company people change their minds."""
    uniconta.ask("post_journal", {"company": HAVNENS_EL, "journal": JOURNAL})
    lines = {row["ReferenceNumber"]: row["RowId"] for row in uniconta.rows(NORDBYG, "ProjectJournalLine")}
    transferred = [row for row in intempus.rows(NORDBYG_INTEMPUS, "work_report") if f"I{row['id']}" in lines]
    if len(transferred) < 3:
        return  # the console shows how far it is
    longer, withdrawn, deleted = (row["id"] for row in sorted(transferred, key=lambda row: row["start_date"])[-3:])
    intempus.person("edit", NORDBYG_INTEMPUS, "work_report", id=longer, values={"amount": "8.5"})
    intempus.ask("work_report/approve", {"company": NORDBYG_INTEMPUS, "ids": [longer]})
    intempus.ask("work_report/withdraw", {"company": NORDBYG_INTEMPUS, "ids": [withdrawn]})
    # Somebody tidies up in the journal and takes a line too many.
    uniconta.person("delete", NORDBYG, "ProjectJournalLine", id=lines[f"I{deleted}"])
