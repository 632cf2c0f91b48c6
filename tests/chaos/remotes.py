"""R6, R7, R12: remote systems that fail in every way a server and a network can."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from tests.chaos.bench import Bench, faults
from tests.chaos.oracle import judge
from tests.chaos.programme import Outcome, People, Trial, row, since

#: Of all calls; each kind with the same probability.
SHARE = 0.20
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "status", "status": 429, "retry_after": 1, "retry_after_as": "http_date"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 500, "effect": True},  # done, and nevertheless said to have failed
    {"kind": "status", "status": 504, "effect": True},
    {"kind": "status", "status": 302, "body": "", "content_type": "text/html"},
    {"kind": "hang", "seconds": 0.2},
    {"kind": "hang", "seconds": 0.2, "effect": True},
    {"kind": "reset"},
    {"kind": "drop"},
    {"kind": "truncate"},
    {"kind": "cut"},
    {"kind": "drip", "seconds": 0.3},
    {"kind": "html"},
    {"kind": "text"},
    {"kind": "empty"},
    {"kind": "no_content"},
    {"kind": "huge", "bytes": 2_000_000},
    {"kind": "delay", "seconds": 0.1},
)
CREATES = {"intempus": r"/web/v1/customer(_group)?/$", "uniconta": r"/api/Entities/Insert/"}
#: Among so few calls as there are with little time, chance may spare every create.
SURELY = {"intempus": [{"kind": "drop", "method": "POST", "path": r"/web/v1/customer/$", "times": 2}]}


def calls(place: Bench, since: dict[str, int]) -> int:
    return sum(len(place.control(name, f"ledger?since={seq}&origin=api")["entries"]) for name, seq in since.items())


@row(
    "R6",
    "a fifth of all calls goes wrong, in 21 ways",
    "nothing_is_looked_up_before_a_create",
    "what_arrived_unheard_counts_as_a_persons_edit",
    kind=Bench,
)
def every_kind_of_fault(trial: Trial) -> Outcome:
    """A first load, then people in both systems; afterwards they do as much again without faults, to compare the calls."""
    place = trial.place
    assert isinstance(place, Bench)
    place.start_engine(trial.defect)
    place.load_companies(trial.size(200, least=12))
    place.use_profile("ALL_ADVERSE")
    people = People(place, trial.random)
    kinds = trial.random.sample(KINDS, len(KINDS))  # a simulator draws for its first rule, its second … always the same
    bursts = [trial.random.randrange(1, 10) for _ in range(trial.size(40, least=4))]

    def edit() -> int:
        """Returns the calls it took."""
        before = place.now()
        for burst in bursts:
            people.edit(burst)
            for tenant_id in place.tenants.values():
                place.pull(tenant_id)
            place.step()
        place.work(rounds=400)
        return calls(place, before)

    before = place.now()
    place.onboard()
    with ExitStack() as trouble:
        for system in ("uniconta", "intempus"):
            rules = ({**kind, "probability": 1 - (1 - SHARE) ** (1 / len(KINDS))} for kind in kinds)
            trouble.enter_context(faults(place, system, *SURELY.get(system, ()), *rules))
        place.work(rounds=400)
        with_faults = edit()
        fired = sum(rule["fired"] for name in ("uniconta", "intempus") for rule in place.control(name, "faults"))
    ended, count = time.monotonic(), calls(place, before)
    place.catch_up()
    recovered = since(ended)
    ratio = round(with_faults / edit(), 2)
    place.catch_up()
    verdict = judge(place, seconds=60)
    verdict.lost += people.forgotten()
    return Outcome(f"{fired} of {count} calls", verdict, recovered, ratio)


@row(
    "R7",
    "no create is ever answered",
    "nothing_is_looked_up_before_a_create",
    "numbers_are_not_looked_up_before_a_create",
    kind=Bench,
)
def creates_without_answers(trial: Trial) -> Outcome:
    """Every create takes effect, and its connection breaks off. So each record may be asked for exactly once."""
    place = trial.place
    assert isinstance(place, Bench)
    place.start_engine(trial.defect)
    size = trial.size(100, least=4)
    place.load_companies(size)
    place.control("intempus", "switches", creation_id_honoured=False)
    place.control("uniconta", "switches", webhook_api_writes_fire=False)  # nor does a hint tell of what was created
    with ExitStack() as trouble:
        for system, path in CREATES.items():
            trouble.enter_context(faults(place, system, {"kind": "drop", "method": "POST", "path": path}))
        place.onboard()
        place.work(rounds=40 + 4 * size)
        place.control("intempus", "switches", creation_id_honoured=True)
        for slug, (company, intempus_company) in place.companies.items():
            for number in range(size):
                plain = {"Name": f"Ny {number} {slug}", "City": "Odense", "Country": "Denmark"}
                place.create("uniconta", company, "Debtor", Account=str(30001 + number), Group="2", **plain)
                name = f"Født i Intempus {number} {slug}"
                place.create("intempus", intempus_company, "customer", name=name, city="Nyborg", active=True)
        place.debtors += 2 * size
        place.catch_up()
        place.work(rounds=40 + 8 * size)
    place.catch_up()
    verdict = judge(place, seconds=60)
    creates = [
        call
        for name in CREATES
        for call in place.control(name, "ledger?since=0&origin=api")["entries"]
        if call["method"] == "POST" and call["effects"]
    ]
    wanted = len(place.companies) * (3 * size + 2)  # each company's records, and its two groups
    if len(creates) != wanted:
        verdict.duplicated.append(f"{len(creates)} creates instead of {wanted}")
    return Outcome(f"{len(creates)} creates", verdict)
