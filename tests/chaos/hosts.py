"""R12: the whole of Uniconta hangs, for all companies but those on another host."""

from __future__ import annotations

import time
from contextlib import suppress
from statistics import median

from tests.chaos.bench import faults
from tests.chaos.kills import QUIET_SECONDS, finish
from tests.chaos.oracle import Verdict
from tests.chaos.programme import Outcome, People, Trial, is_even, row, since
from tests.processes.installation import Installation, wait_for

#: More companies that hang than there are workers, and one whose Uniconta is another host.
COMPANIES = {f"firm{number}": (5000 + number, 65000 + number) for number in range(6)}
*HUNG, OTHER = COMPANIES
HANGS = {"kind": "hang", "path": f"/({'|'.join(str(COMPANIES[slug][0]) for slug in HUNG)})/", "seconds": 10}
#: A call hangs for ten seconds, and the host's breaker wants nine failures, from three workers.
OPEN_WITHIN_SECONDS = 60
#: An edit on the other host may meet three workers that try once more. Most edits must not.
WAIT_SECONDS, MOSTLY_SECONDS, SAVES = 60, 3, 7


@row("R12", "the whole Uniconta host hangs", "a_breaker_never_opens", companies=COMPANIES)
def hang_the_host(trial: Trial) -> Outcome:
    """People of all that hang save in Uniconta meanwhile; the other host's company is served, and nothing is lost.

    Nobody saves in Intempus: calls that write name no company in their path, so they would not hang.
    """
    place, people = trial.place, People(trial.place, trial.random)
    place.load_companies(4)
    place.start_web()
    place.start_worker(LEASE_SECONDS="60", **trial.defective)
    place.onboard()
    place.wait_until_quiet(QUIET_SECONDS)
    move_to_another_host(place, OTHER)
    edits = trial.size(400, least=40)
    verdict = Verdict()
    with faults(place, "uniconta", HANGS):
        for number in range(edits):
            save_in_uniconta(people, trial.random.choice(HUNG), f"By {number}")
        try:
            wait_for(
                lambda: place.query("SELECT 1 FROM tenants_remotehost WHERE open_until > clock_timestamp()"),
                OPEN_WITHIN_SECONDS,
                "the breaker opens",
            )
        except AssertionError as error:
            verdict.wrong.append(str(error))
        waits = sorted(seconds_to_arrive(place, f"Havn {number}") for number in range(SAVES))
    if median(waits) > MOSTLY_SECONDS or waits[-1] > WAIT_SECONDS:
        verdict.wrong.append(f"{OTHER}: edits took {waits} s while others hung")
    ended = time.monotonic()
    if trial.defect:
        return Outcome(f"{edits} edits", verdict)
    place.query("UPDATE tenants_connection SET open_until = NULL")
    place.query("UPDATE tenants_remotehost SET open_until = NULL")
    place.wait_until_quiet(QUIET_SECONDS)
    recovered = since(ended)
    last = finish(place, people)
    last.wrong += verdict.wrong
    return Outcome(f"{edits} edits, {median(waits)} s mostly, {waits[-1]} s at most on the other host", last, recovered)


def move_to_another_host(place: Installation, slug: str) -> None:
    """The same simulator by another name: for the platform that is another host."""
    place.query(
        "UPDATE tenants_connection SET base_url = replace(base_url, '127.0.0.1', 'localhost') WHERE system = 'uniconta'"
        " AND tenant_id = (SELECT id FROM tenants_tenant WHERE slug = %s)",
        slug,
    )


def save_in_uniconta(people: People, slug: str, city: str) -> None:
    place = people.place
    debtor = people.random.choice([row for row in place.rows("uniconta", slug, "Debtor") if is_even(row["Account"])])
    place.edit("uniconta", place.companies[slug][0], "Debtor", debtor["RowId"], City=city)
    people.last[slug, debtor["Account"]] = city


def seconds_to_arrive(place: Installation, city: str) -> float:
    """From a save in Uniconta to the same in Intempus; WAIT_SECONDS and more where it did not come."""
    debtor = place.rows("uniconta", OTHER, "Debtor")[0]
    place.edit("uniconta", place.companies[OTHER][0], "Debtor", debtor["RowId"], City=city)
    saved = time.monotonic()
    with suppress(AssertionError):
        wait_for(
            lambda: city in {each["city"] for each in place.rows("intempus", OTHER, "customer")}, WAIT_SECONDS, city
        )
    return since(saved)
