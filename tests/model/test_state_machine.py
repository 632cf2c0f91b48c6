"""Whatever people and networks do, in any order: after quiet pulls and checks both systems stand as the rules say.

Two people edit both simulated systems at random; hints get lost, doubled and late; either system is out for a while;
answers to writes get lost. `rules.py` says what must stand there in the end. `make model RUNS=2000` runs more of them, always the same ones;
`ARGS=--model-seed` others each time, `ARGS=--model-shrink` looks for the shortest way to a failure.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sync.domain.drain import drain
from sync.domain.pull import pull
from sync.domain.sweep import sweep
from tenants.models import RemoteHost
from tenants.scoping import ALL, tenant_scope
from tests.journeys.conftest import Company, World
from tests.model.rules import Customer

STEPS = 32
AT_MOST = 4  # customers in one run
SYSTEMS = st.sampled_from(["uniconta", "intempus"])
IS_HEARD = st.booleans()


class Machine(RuleBasedStateMachine):
    """One run, with companies of its own in the two systems."""

    world: World
    merges_fields: bool
    run_count = 0
    step_count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).run_count += 1
        number = 5000 + self.run_count
        self.company: Company = self.world.found_company(f"run{number}", number, 70000 + number, cvr="25313763")
        self.company.has_tick_field()
        self.company.update(conflict_policy="merge_fields" if self.merges_fields else "uniconta_wins")
        self.customers: list[Customer] = []
        self.row_ids: dict[int, int] = {}  # position → RowId in Uniconta
        self.record_ids: dict[int, int] = {}  # position → id in Intempus
        self.accounts: dict[int, str] = {}
        #: What the platform has been told of: positions that the next look takes up, and edits it will meet on the way.
        self.told: set[int] = set()
        self.edited_in_intempus: set[int] = set()
        self.edited_in_uniconta: set[int] = set()
        self.out: str | None = None
        self.text_count = 0
        self.both()  # the first load, of nothing

    # ---------------------------------------------------------------- helpers

    def text(self, word: str) -> str:
        """Never the same twice, so that no two edits can be mistaken for each other."""
        self.text_count += 1
        return f"{word} {self.text_count}"

    def pick(self, choice: int, side: str) -> int | None:
        """A customer that stands on this side."""
        there = [n for n, customer in enumerate(self.customers) if getattr(customer, side) is not None]
        return there[choice % len(there)] if there else None

    def save(self, position: int, is_heard: bool, act: Any) -> None:
        """Somebody saves in Uniconta; the hint arrives or is lost for ever."""
        self.world.uniconta.switches.webhook_drop_probability = 0.0 if is_heard else 1.0
        act()
        self.world.uniconta.wait_for_webhooks()
        self.world.uniconta.switches.webhook_drop_probability = 0.0
        self.edited_in_uniconta.add(position)
        if is_heard:
            self.told.add(position)

    def edit_uniconta(self, position: int, is_heard: bool, remote: dict[str, Any], values: dict[str, Any]) -> None:
        self.save(position, is_heard, lambda: self.company.edit(self.row_ids[position], **remote))
        uniconta = self.customers[position].uniconta
        assert uniconta is not None
        uniconta |= values

    def edit_intempus(self, position: int, values: dict[str, Any]) -> None:
        self.company.edit_customer(self.record_ids[position], **values)
        intempus = self.customers[position].intempus
        assert intempus is not None
        intempus |= values
        self.edited_in_intempus.add(position)

    def look(self) -> None:
        """The rules' part of a drain: what was told, and what was edited in Intempus meanwhile."""
        if not self.told:
            return
        self.told |= self.edited_in_intempus
        for position in sorted(self.told):
            self.customers[position].look(merges_fields=self.merges_fields)
        self.edited_in_uniconta -= self.told
        self.edited_in_intempus = set()
        self.told = set()
        self.find_new_records()

    def find_new_records(self) -> None:
        """Which records are the ones the rules say were made: by number here, by number there."""
        debtors = {row["Account"]: row["RowId"] for row in self.company.debtors().values()}
        customers = {row["number"]: row["id"] for row in self.company.customers()}
        for position, customer in enumerate(self.customers):
            if position not in self.accounts and customer.uniconta is not None:
                self.accounts[position] = f"I{self.record_ids[position]}"
            account = self.accounts.get(position, "")
            if position not in self.row_ids and customer.uniconta is not None:
                assert account in debtors, f"{account} was not made in Uniconta"
                self.row_ids[position] = debtors[account]
            if position not in self.record_ids and customer.intempus is not None:
                assert account in customers, f"{account} was not made in Intempus"
                self.record_ids[position] = customers[account]

    # ---------------------------------------------------------------- people in Uniconta

    @precondition(lambda self: len(self.customers) < AT_MOST)
    @rule(is_ticked=st.booleans(), is_blocked=st.booleans(), is_heard=IS_HEARD)
    def new_debtor(self, is_ticked: bool, is_blocked: bool, is_heard: bool) -> None:
        position, name = len(self.customers), self.text("Kunde")
        account = str(1000 + position)
        values = {"name": name, "city": "", "phone": "", "group": "1", "blocked": is_blocked, "ticked": is_ticked}
        self.customers.append(Customer(uniconta=values))
        self.accounts[position] = account

        def act() -> None:
            self.row_ids[position] = self.company.debtor(account, Name=name, Blocked=is_blocked, xIntempus=is_ticked)

        self.save(position, is_heard, act)

    @rule(choice=st.integers(0, 3), field=st.sampled_from(["Name", "City", "Phone"]), is_heard=IS_HEARD)
    def edit_debtor(self, choice: int, field: str, is_heard: bool) -> None:
        if (position := self.pick(choice, "uniconta")) is not None:
            text = self.text(field)
            self.edit_uniconta(position, is_heard, {field: text}, {field.lower(): text})

    @rule(choice=st.integers(0, 3), is_heard=IS_HEARD)
    def tick_or_untick(self, choice: int, is_heard: bool) -> None:
        if (position := self.pick(choice, "uniconta")) is not None:
            ticked = not self.customers[position].uniconta["ticked"]  # type: ignore[index]
            self.edit_uniconta(position, is_heard, {"xIntempus": ticked}, {"ticked": ticked})

    @rule(choice=st.integers(0, 3), is_heard=IS_HEARD)
    def block_or_unblock(self, choice: int, is_heard: bool) -> None:
        if (position := self.pick(choice, "uniconta")) is not None:
            blocked = not self.customers[position].uniconta["blocked"]  # type: ignore[index]
            self.edit_uniconta(position, is_heard, {"Blocked": blocked}, {"blocked": blocked})

    @rule(choice=st.integers(0, 3), group=st.sampled_from(["1", "2"]), is_heard=IS_HEARD)
    def regroup(self, choice: int, group: str, is_heard: bool) -> None:
        if (position := self.pick(choice, "uniconta")) is not None:
            self.edit_uniconta(position, is_heard, {"Group": group}, {"group": group})

    @rule(group=st.sampled_from(["1", "2"]))
    def rename_group(self, group: str) -> None:
        [row] = [row for row in self.world.uniconta.rows(self.company.number, "DebtorGroup") if row["Group"] == group]
        self.world.uniconta.person_edits(self.company.number, "DebtorGroup", row["RowId"], Name=self.text("Gruppe"))
        self.world.uniconta.wait_for_webhooks()

    @rule(choice=st.integers(0, 3), is_heard=IS_HEARD)
    def delete_debtor(self, choice: int, is_heard: bool) -> None:
        if choice == 0 and (position := self.pick(choice, "uniconta")) is not None:
            row_id = self.row_ids[position]
            self.save(
                position, is_heard, lambda: self.world.uniconta.person_deletes(self.company.number, "Debtor", row_id)
            )
            self.customers[position].uniconta = None

    # ---------------------------------------------------------------- people in Intempus

    @precondition(lambda self: len(self.customers) < AT_MOST)
    @rule()
    def new_customer(self) -> None:
        position, name = len(self.customers), self.text("Kunde")
        self.record_ids[position] = self.company.customer(name=name)
        self.customers.append(Customer(intempus={"name": name, "city": "", "phone": "", "group": "", "active": True}))
        self.edited_in_intempus.add(position)

    @rule(choice=st.integers(0, 3), field=st.sampled_from(["name", "city", "phone"]))
    def edit_customer(self, choice: int, field: str) -> None:
        if (position := self.pick(choice, "intempus")) is not None:
            self.edit_intempus(position, {field: self.text(field)})

    @rule(choice=st.integers(0, 3))
    def switch_customer(self, choice: int) -> None:
        if (position := self.pick(choice, "intempus")) is not None:
            self.edit_intempus(position, {"active": not self.customers[position].intempus["active"]})  # type: ignore[index]

    @rule(choice=st.integers(0, 3))
    def delete_customer(self, choice: int) -> None:
        if choice == 0 and (position := self.pick(choice, "intempus")) is not None:
            self.world.intempus.person_deletes(self.company.intempus_number, "customer", self.record_ids[position])
            self.customers[position].intempus = None
            self.edited_in_intempus.discard(position)

    # ---------------------------------------------------------------- networks

    @rule(choice=st.integers(0, 3), times=st.integers(1, 3))
    def stale_hint(self, choice: int, times: int) -> None:
        """A hint that comes again, or late, whatever became of the record."""
        if known := [n for n in range(len(self.customers)) if n in self.row_ids]:
            position = known[choice % len(known)]
            self.company.hint(self.row_ids[position], times)
            self.told.add(position)

    @precondition(lambda self: self.out is None)
    @rule(system=SYSTEMS)
    def outage_begins(self, system: str) -> None:
        self.out = system
        getattr(self.world, system).faults.add("status", status=503)

    @precondition(lambda self: self.out is not None)
    @rule()
    def outage_ends(self) -> None:
        getattr(self.world, str(self.out)).faults.clear()
        self.out = None

    @precondition(lambda self: self.out is None)
    @rule(system=SYSTEMS)
    def an_answer_gets_lost(self, system: str) -> None:
        """The next write there takes effect, but nobody hears of it."""
        method = "P(OST|UT|ATCH)"
        getattr(self.world, system).faults.add("drop", method=method, times=1)

    # ---------------------------------------------------------------- the platform

    @rule()
    def settle(self) -> None:
        if self.out is not None:
            drain(self.company.tenant.pk)  # and gets nowhere
            return
        self.close_breakers()
        self.company.settle()
        self.look()

    @rule()
    def fetch(self) -> None:
        """A pull, and what follows from it."""
        self.close_breakers()
        pull(self.company.tenant.pk)
        if self.out != "intempus":
            self.told |= self.edited_in_intempus
            self.edited_in_intempus = set()
        self.settle()

    @rule()
    def check(self) -> None:
        """A sweep, and what follows from it."""
        self.close_breakers()
        sweep(self.company.tenant.pk)
        if self.out != "uniconta":
            self.told |= self.edited_in_uniconta
        self.settle()

    def both(self) -> None:
        self.fetch()
        self.check()

    def close_breakers(self) -> None:
        """Time passes: a breaker is not the subject."""
        with tenant_scope(ALL):
            RemoteHost.objects.update(failure_count=0, open_until=None)
            self.company.tenant.connections.update(failure_count=0, open_until=None)

    # ---------------------------------------------------------------- the end

    def teardown(self) -> None:
        self.outage_ends_for_good()
        for _ in range(AT_MOST):
            before = self.company.now()
            self.both()
            if not self.company.writes(before):
                break
        assert self.in_uniconta() == {
            self.accounts[n]: customer.uniconta
            for n, customer in enumerate(self.customers)
            if customer.uniconta is not None
        }
        assert self.in_intempus() == {
            self.record_ids[n]: customer.intempus
            for n, customer in enumerate(self.customers)
            if customer.intempus is not None
        }
        names = {row["Group"]: row["Name"] for row in self.world.uniconta.rows(self.company.number, "DebtorGroup")}
        groups = self.company.groups_in_intempus()
        assert groups == [(number, names[number]) for number, _ in groups]
        assert len(groups) == len({number for number, _ in groups})
        assert self.company.writes(before) == [], "never quiet"

    def outage_ends_for_good(self) -> None:
        for system in ("uniconta", "intempus"):
            getattr(self.world, system).faults.clear()
        self.out = None

    def in_uniconta(self) -> dict[str, dict[str, Any]]:
        return {
            account: {
                "name": row["Name"],
                "city": row["City"] or "",
                "phone": row["Phone"] or "",
                "group": row["Group"],
                "blocked": row["Blocked"],
                "ticked": row["xIntempus"],
            }
            for account, row in self.company.debtors().items()
        }

    def in_intempus(self) -> dict[int, dict[str, Any]]:
        groups = {
            row["id"]: row["number"] for row in self.world.intempus.rows(self.company.intempus_number, "customer_group")
        }
        return {
            row["id"]: {
                "name": row["name"],
                "city": row["city"] or "",
                "phone": row["phone"] or "",
                "group": groups.get(row["customer_group"], ""),
                "active": row["active"],
            }
            for row in self.company.customers()
        }


@pytest.mark.slow
@pytest.mark.parametrize("conflict_policy", ["uniconta_wins", "merge_fields"])
def test_it_ends_as_the_rules_say(
    world: World, conflict_policy: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A quarter of the runs for each profile and policy; a second company beside them stays as it is."""
    monkeypatch.setattr(
        "sync.domain.drain.break_loops", lambda *_: None
    )  # its own subject; people may change their minds
    monkeypatch.setattr("sync.domain.drain.READ_AGAIN_AFTER", timedelta(0))  # a look is a look at what stands there now
    runs = int(request.config.getoption("--model-runs")) // 4
    world.havnen.debtor("1000")
    world.havnen.settle()
    beside = world.havnen.now(), world.havnen.customers(), world.havnen.debtors()
    machine = type("Machine", (Machine,), {"world": world, "merges_fields": conflict_policy == "merge_fields"})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not request.config.getoption("--model-seed"),
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=[Phase.generate, *([Phase.shrink] if request.config.getoption("--model-shrink") else [])],
        ),
    )
    assert (world.havnen.customers(), world.havnen.debtors()) == beside[1:]
    assert world.havnen.writes(beside[0]) == []
