"""A world for journeys: two companies on two simulated systems over real HTTP, webhooks into the real views.

No worker runs: `company.settle()` does what the worker does, in the test's own time. Every test that asks for `world`
also proves the promises that hold always, see `check_promises`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy, RecordLink
from mappings.spec import System
from sync.domain.connections import check_connection_now as check_connection
from sync.domain.drain import drain
from sync.domain.pull import pull
from sync.domain.sweep import sweep
from sync.models import ChangeEvent, Cursor, Exchange, Run, SyncLogEntry
from tenants.models import Connection, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_event, make_policy, make_tenant
from tests.simulators import intempus, uniconta
from tests.simulators.core import serve

PROFILES = ("default", "adverse")
CVR = ("25313763", "32842809", "19263301", "30714024")


@dataclass
class Company:
    """One tenant and its two companies; helpers speak as that company's own people."""

    tenant: Tenant
    number: int
    intempus_number: int
    uniconta: Any
    intempus: Any
    groups: dict[str, int] = field(default_factory=dict)
    uniconta_fields: set[str] = field(default_factory=set)

    # what people do
    def has_tick_field(self) -> None:
        """A consultant added the user-defined field to this company's debtors."""
        self.uniconta.add_user_field(self.number, "Debtor", "xIntempus")
        self.uniconta_fields = {"xIntempus"}

    def debtor(self, account: str, **values: Any) -> int:
        defaults = {"Name": f"Kunde {account}", "Group": "1", "Country": "Denmark", "xIntempus": True}
        if not any(name == "xIntempus" for name in self.uniconta_fields):
            defaults.pop("xIntempus")
        return int(self.uniconta.person_creates(self.number, "Debtor", Account=account, **(defaults | values)))

    def edit(self, row_id: int, **values: Any) -> None:
        self.uniconta.person_edits(self.number, "Debtor", row_id, **values)

    def customer(self, **values: Any) -> int:
        return int(self.intempus.person_creates(self.intempus_number, "customer", **({"active": True} | values)))

    def edit_customer(self, record_id: int, **values: Any) -> None:
        self.intempus.person_edits(self.intempus_number, "customer", record_id, **values)

    # what stands on the two sides
    def debtors(self) -> dict[str, dict[str, Any]]:
        return {row["Account"]: row for row in self.uniconta.rows(self.number, "Debtor")}

    def has_records(self) -> bool:
        """Whether either side has a record of its own; groups alone are none."""
        entities = [entity for entity in ENTITIES.values() if not entity.is_on_demand]
        return any(
            self.uniconta.rows(self.number, entity.uniconta.resource)
            or self.intempus.rows(self.intempus_number, entity.intempus.resource)
            for entity in entities
        )

    def customers(self) -> list[dict[str, Any]]:
        return sorted(self.intempus.rows(self.intempus_number, "customer"), key=lambda row: row["id"])

    def customer_by_number(self, number: str) -> dict[str, Any]:
        [row] = [row for row in self.customers() if row["number"] == number]
        return row

    def groups_in_intempus(self) -> list[tuple[str, str]]:
        rows = self.intempus.rows(self.intempus_number, "customer_group")
        return sorted((row["number"], row["name"]) for row in rows)

    # what we know
    def group_link(self, key: str) -> RecordLink:
        return self.link(entity="customer_group", uniconta_key=key)

    def link(self, **where: Any) -> RecordLink:
        with tenant_scope(self.tenant.pk):
            return RecordLink.objects.get(tenant=self.tenant, **({"entity": "customer"} | where))

    def links(self) -> list[RecordLink]:
        with tenant_scope(self.tenant.pk):
            return list(RecordLink.objects.filter(tenant=self.tenant, entity="customer").order_by("uniconta_key", "pk"))

    def entries(self, **where: Any) -> list[SyncLogEntry]:
        with tenant_scope(self.tenant.pk):
            return list(SyncLogEntry.objects.filter(tenant=self.tenant, **where).order_by("id"))

    def overwritten(self) -> list[tuple[str, Any, Any]]:
        """Field, lost value and the value written over it, in the order of the log."""
        entries = self.entries(has_overwritten=True)
        changes = [change for entry in entries for change in entry.plan.get("overwritten", [])]
        return [(change["field"], change["old"], change["new"]) for change in changes]

    def not_taken_over(self) -> list[tuple[str, Any, Any]]:
        changes = [change for entry in self.entries() for change in entry.plan.get("not_taken_over", [])]
        return [(change["field"], change["old"], change["new"]) for change in changes]

    def notes(self, link: RecordLink) -> list[str]:
        return [note for entry in self.log(link) for note in entry.plan.get("notes", [])]

    def log(self, link: RecordLink) -> list[SyncLogEntry]:
        with tenant_scope(self.tenant.pk):
            return list(SyncLogEntry.objects.filter(link_id=link.pk).order_by("id"))

    def events(self, **where: Any) -> list[ChangeEvent]:
        with tenant_scope(self.tenant.pk):
            return list(ChangeEvent.objects.filter(tenant=self.tenant, **where).order_by("id"))

    def update(self, **values: Any) -> None:
        with tenant_scope(ALL):
            Tenant.objects.filter(pk=self.tenant.pk).update(**values)

    def policy(self, **values: Any) -> None:
        with tenant_scope(self.tenant.pk):
            policy = self.tenant.policies.get(entity="customer")
            for name, value in values.items():
                setattr(policy, name, value)
            policy.save()

    def entity_policy(self) -> EntityPolicy:
        with tenant_scope(self.tenant.pk):
            return EntityPolicy.objects.get(tenant=self.tenant, entity="customer")

    def connection(self, system: str) -> Connection:
        with tenant_scope(self.tenant.pk):
            return Connection.objects.get(tenant=self.tenant, system=system)

    def press(self, action: Callable[..., Any], *arguments: Any) -> None:
        """What a person presses in the console, as nobody in particular."""
        with tenant_scope(self.tenant.pk):
            action(*arguments, None)

    def hint(self, row_id: int, times: int = 1) -> None:
        """Webhooks that repeat or come late: stored without any change behind them."""
        for _ in range(times):
            make_event(self.tenant, remote_id=str(row_id), table="Debtor")

    def heal(self) -> None:
        """As if the waits after trouble were over: they are not the subject."""
        with tenant_scope(self.tenant.pk):
            Connection.objects.filter(tenant=self.tenant).update(open_until=None)

    # what the worker does
    def settle(self) -> None:
        """Drain until nothing is due. Retries set for later become due at once: their waits are not the subject."""
        self.uniconta.wait_for_webhooks()
        for attempt in range(40):
            with tenant_scope(self.tenant.pk):
                pending = ChangeEvent.objects.filter(tenant=self.tenant, state=ChangeEvent.State.PENDING)
                if attempt:  # what waits for the first load is looked at once each time
                    pending = pending.exclude(error_code="first_load")
                if not pending.exists():
                    self.uniconta.wait_for_webhooks()
                    if not pending.exists():
                        return
                pending.update(due_at=timezone.now())
                Connection.objects.filter(tenant=self.tenant).update(open_until=None)
            drain(self.tenant.pk)
        with tenant_scope(self.tenant.pk):
            left = [(e.pk, e.origin, e.error_code, e.error_detail) for e in pending]
        raise AssertionError(f"does not settle: {left}")

    def pull(self, **options: Any) -> Run:
        run = pull(self.tenant.pk, **options)
        assert run is not None
        self.settle()
        return run

    def sweep(self) -> Run:
        run = sweep(self.tenant.pk)
        assert run is not None
        self.settle()
        return run

    def forget_the_overlap(self) -> None:
        """As if the last pull were long ago: the next one restarts where the cursor stands, not minutes before."""
        with tenant_scope(self.tenant.pk):
            for cursor in Cursor.objects.filter(tenant=self.tenant):
                Cursor.objects.filter(pk=cursor.pk).update(trail=[[0, cursor.value]])

    def both(self) -> None:
        """A pull and a sweep, as after a quarter of an hour."""
        self.pull()
        self.sweep()

    def writes(self, since: tuple[int, int] = (0, 0)) -> list[tuple[str, str, int]]:
        """What our calls did to the data of this company, by the simulators' own ledgers."""
        ledgers = (
            (self.uniconta.ledger, self.number, since[0]),
            (self.intempus.ledger, self.intempus_number, since[1]),
        )
        return [
            (effect.action, effect.resource, effect.id)
            for ledger, company, after in ledgers
            for effect in ledger.effects(since=after)
            if effect.company == company
        ]

    def now(self) -> tuple[int, int]:
        return self.uniconta.ledger.last_seq, self.intempus.ledger.last_seq


@dataclass
class World:
    uniconta: Any
    intempus: Any
    urls: dict[str, str]
    is_adverse: bool
    nordbyg: Company = field(init=False)
    havnen: Company = field(init=False)
    #: A journey may end in the middle of trouble; then what holds afterwards is its own subject.
    ends_well: bool = True

    def found_company(self, slug: str, number: int, intempus_number: int, *, cvr: str) -> Company:
        """A live tenant with a company in each system, tested connections and a change URL."""
        erp, times = self.uniconta, self.intempus
        erp.add_company(number, f"{slug.title()} ApS", cvr=cvr)
        times.add_company(intempus_number, slug.title())
        erp.add_user(f"{slug}-sync", "pw", companies=[number])
        times.add_user(f"api@{slug}.dk", "key", intempus_number)
        for group, name in (("1", "Danske"), ("2", "Udland")):
            erp.bulk(number, "DebtorGroup", 1, Group=group, Name=name)
        with tenant_scope(ALL):
            tenant = make_tenant(slug)
            make_policy(tenant, number_prefix="I", default_group="1")
            make_connections(
                tenant,
                self.urls["uniconta"],
                self.urls["intempus"],
                company_id=number,
                uniconta_username=f"{slug}-sync",
                uniconta_password="pw",
                intempus_username=f"api@{slug}.dk",
                intempus_key="key",
            )
            connections = list(Connection.objects.filter(tenant=tenant))
            token = WebhookToken.issue(tenant)
        for connection in connections:
            check_connection(connection)
        erp.add_change_url(number, token.url(System.UNICONTA.value), use_post=True)
        return Company(tenant, number, intempus_number, erp, times)

    @property
    def companies(self) -> tuple[Company, Company]:
        return self.nordbyg, self.havnen


def check_promises(world: World) -> None:
    """What holds after every journey: nothing echoes, nothing was deleted, and the log is the ledgers' equal."""
    for company in world.companies:
        company.settle()
        if not company.has_records():
            assert company.writes() == [], "written for a company that has nothing"
            continue
        before = company.now()
        assert pull(company.tenant.pk) is not None
        assert sweep(company.tenant.pk) is not None
        company.settle()
        assert company.writes(before) == [], "an echo was written"
        assert [write for write in company.writes() if write[0] == "deleted"] == []
        # Moving a number series on is logged with the create that drew the number, not as a record's own write.
        written = [write for write in company.writes() if write[1] != "NumberSerie"]
        assert sorted(written) == sorted(logged_writes(company)), "the log and the ledgers disagree"
    for secret in ("pw", "key"):
        credentials = [f"{company.tenant.slug}-sync:{secret}" for company in world.companies]
        credentials += [base64.b64encode(text.encode()).decode() for text in credentials]
        credentials += [f"api@{company.tenant.slug}.dk:{secret}" for company in world.companies]
        with tenant_scope(ALL):
            for exchange in Exchange.objects.all():
                kept = f"{exchange.url} {exchange.request_body} {exchange.response_body}"
                assert not any(text in kept for text in (*credentials, "Authorization"))


def logged_writes(company: Company) -> list[tuple[str, str, int]]:
    """The remote writes the log claims, spelled as the ledgers spell them."""
    written = []
    with tenant_scope(company.tenant.pk):
        links = RecordLink.objects.in_bulk()
    for entry in company.entries(state=SyncLogEntry.State.DONE):
        if not entry.target:
            continue
        side = ENTITIES[entry.entity].side(System(entry.target))
        action = "created" if entry.action == SyncLogEntry.Action.CREATE else "updated"
        written.append((action, side.resource, int(links[entry.link_id].remote_id(entry.target))))
    return written


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Journeys whose subject is what we decide, not what the systems answer, run under the adverse profile alone."""
    if config.getoption("--both-profiles"):
        return
    doubles = [item for item in items if item.get_closest_marker("one_profile") and _profile_of(item) == "default"]
    config.hook.pytest_deselected(items=doubles)
    items[:] = [item for item in items if item not in set(doubles)]


def _profile_of(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("profile", "") if callspec else ""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    result = yield
    world = pyfuncitem.funcargs.get("world")
    if isinstance(world, World) and world.ends_well:
        check_promises(world)
    return result


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(
    profile: str, transactional_db: None, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Nordbyg has the tick field on its debtors, Havnens El has not. Row ids and accounts overlap on purpose."""
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.PUBLIC_URL = live_server.url
    settings.UNCLEAR_WAIT_SECONDS = 0
    monkeypatch.setattr("sync.domain.drain.GATHER_SECONDS", 0.0)
    erp = uniconta.UnicontaSimulator(seed=7)
    times = intempus.IntempusSimulator(seed=7)
    if profile == "adverse":
        erp.use_profile(uniconta.ALL_ADVERSE)
        times.use_profile(intempus.ALL_ADVERSE)
    with serve(erp) as erp_server, serve(times) as times_server:
        world = World(erp, times, {"uniconta": erp_server.url, "intempus": times_server.url}, profile == "adverse")
        world.nordbyg = world.found_company("nordbyg", 4242, 61001, cvr=CVR[0])
        world.havnen = world.found_company("havnen", 4343, 61002, cvr=CVR[1])
        world.nordbyg.has_tick_field()
        yield world
