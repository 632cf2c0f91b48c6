"""A whole installation as real processes: PostgreSQL, both simulators, web server and worker, each killable by itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import requests
from cryptography.fernet import Fernet

from integration_platform.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
    "CPR_KEY": "only-for-tests-too-" + "0123456789abcdef" * 2,
    "PUBLIC_URL": "http://localhost",
    "ALLOWED_HOSTS": "127.0.0.1",
}
COMPANIES = {"nordbyg": (4242, 61001), "havnen": (4343, 61002)}
TENANT = """
[[tenant]]
slug = "{slug}"
name = "{slug}"
live = {live}
webhook_token_env = "HOOK_{slug}"
pull_minutes = 15
sweep_minutes = 15
[tenant.uniconta]
base_url = "{uniconta}"
company_id = {company}
username = "{slug}-sync"
password_env = "UNICONTA_PASSWORD"
[tenant.intempus]
base_url = "{intempus}"
username = "api@{slug}.dk"
api_key_env = "INTEMPUS_KEY"
[tenant.entities.customer]
enabled = true
number_prefix = "I"
default_group = "1"
"""


WORKERS = 3
UNLIMITED: dict[str, dict[str, Any]] = {
    "uniconta": {"slow_seconds": 0},
    "intempus": {"calls_per_minute": 1_000_000, "calls_per_day": 10_000_000},
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float, why: str | Callable[[], str]) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not within {seconds} s: {why() if callable(why) else why}"
        time.sleep(0.1)
    return found


def migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | SETTINGS | {"DATABASE_URL": url}, check=True)


class Server:
    """One PostgreSQL server for all installations of a session; each gets a copy of a migrated database."""

    def __init__(self, folder: Path, fill: Callable[[str], None] | None = None) -> None:
        self.postgres = EmbeddedPostgres(folder)
        self.url = self.postgres.ensure_running()
        self.template = urlsplit(self.url).path.lstrip("/")
        self.number = 0
        (fill or migrate)(self.url)

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url.replace(f"/{self.template}?", "/postgres?"), autocommit=True) as session:
            session.execute(statement)

    def new_database(self) -> str:
        self.number += 1
        name = f"installation_{self.number}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        return name

    def remove(self) -> None:
        self.postgres.remove()


class Installation:
    """Everything that runs for some tenants: slug → (company in Uniconta, company in Intempus)."""

    def __init__(self, folder: Path, server: Server, companies: dict[str, tuple[int, int]] = COMPANIES) -> None:
        self.folder = folder
        self.companies = companies
        self.server = server
        self.postgres = server.postgres
        self.database = server.new_database()
        self.database_url = server.url.replace(f"/{server.template}?", f"/{self.database}?")
        self.ports = {name: free_port() for name in ("web", "uniconta", "intempus")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **os.environ,
            **SETTINGS,
            "DATABASE_URL": self.database_url,
            "PUBLIC_URL": f"http://127.0.0.1:{self.ports['web']}",
            "ALLOW_PRIVATE_TARGETS": "1",
            "WORKERS": str(WORKERS),
            "LEASE_SECONDS": "4",
            "RUN_SILENT_SECONDS": "12",
            "UNCLEAR_WAIT_SECONDS": "2",
            "UNICONTA_PASSWORD": "pw",
            "INTEMPUS_KEY": "key",
            **{f"HOOK_{slug}": f"token-of-{slug}-0123456789abcdef0123456789abcdef" for slug in self.companies},
        }

    # ------------------------------------------------------------------ processes

    def start(self, name: str, command: list[str], **extra: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment | extra,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_simulators(self) -> None:
        ports = [f"--{name}-port={self.ports[name]}" for name in ("uniconta", "intempus")]
        empty = self.folder / "seed.json"
        empty.write_text('{"uniconta": {}, "intempus": {}}')
        self.start("simulators", [sys.executable, "-m", "tests.simulators", *ports, f"--seed={empty}"])
        for name in ("uniconta", "intempus"):
            wait_for(lambda name=name: self.answers(f"{self.url(name)}/_control/health"), 20, f"the {name} simulator")

    def start_web(self, **extra: str) -> None:
        command = ["-m", "gunicorn", "integration_platform.wsgi", "--bind", f"127.0.0.1:{self.ports['web']}"]
        options = ["--worker-class", "gthread", "--threads", "8", "--workers", "2", "--preload", "--no-control-socket"]
        self.start("web", [sys.executable, *command, *options], **extra)
        wait_for(lambda: self.answers(f"{self.url('web')}/healthz"), 30, "the web server")

    def start_worker(self, **extra: str) -> None:
        limit = extra.pop("BEAT_LIMIT", "6")
        self.start("worker", [sys.executable, "manage.py", "run_worker", "--beat-limit", limit], **extra)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @staticmethod
    def answers(url: str) -> bool:
        try:
            return requests.get(url, timeout=2).status_code < 500
        except requests.RequestException:
            return False

    def family(self, name: str) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.processes[name].pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str) -> None:
        """SIGKILL for the process and everything below it, as an out-of-memory killer or a power cut would."""
        for process in self.family(name):
            process.kill()
        self.processes.pop(name).wait()

    def kill_postgres(self) -> None:
        pid = self.postgres.pid()
        assert pid is not None
        server = psutil.Process(pid)
        children = server.children(recursive=True)
        server.kill()
        psutil.wait_procs([server, *children], timeout=10)

    def end(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.postgres.ensure_running()
        self.server.run(f"DROP DATABASE {self.database} WITH (FORCE)")

    # ------------------------------------------------------------------ the two remote systems

    def control(self, system: str, what: str, **body: Any) -> Any:
        url = f"{self.url(system)}/_control/{what}"
        reply = requests.post(url, json=body, timeout=60) if body else requests.get(url, timeout=60)
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    def rows(self, system: str, slug: str, resource: str) -> list[dict[str, Any]]:
        company = self.companies[slug][system == "intempus"]
        return list(self.control(system, f"rows/{company}/{resource}"))

    def use_profile(self, name: str) -> None:
        """How both systems behave; only their limits are out of the way of a test that does in minutes what takes days."""
        for system, switches in UNLIMITED.items():
            self.control(system, "switches", profile=name, **switches)

    def load_companies(self, debtors: int) -> None:
        """Two companies with overlapping row ids and accounts, each with this many debtors in two groups."""
        seed: dict[str, Any] = {
            "uniconta": {
                "companies": [{"company": c, "name": slug, "cvr": str(c)} for slug, (c, _) in self.companies.items()],
                "users": [
                    {"name": f"{slug}-sync", "password": "pw", "companies": [c]}
                    for slug, (c, _) in self.companies.items()
                ],
                "rows": [
                    {
                        "company": c,
                        "table": "DebtorGroup",
                        "rows": [{"Group": "1", "Name": "Danske"}, {"Group": "2", "Name": "Udland"}],
                    }
                    for c, _ in self.companies.values()
                ],
            },
            "intempus": {
                "companies": [{"company": i, "name": slug} for slug, (_, i) in self.companies.items()],
                "users": [
                    {"username": f"api@{slug}.dk", "api_key": "key", "company": i}
                    for slug, (_, i) in self.companies.items()
                ],
            },
        }
        for system in ("uniconta", "intempus"):
            self.control(system, "seed", **seed)
        self.use_profile("DEFAULT")
        self.debtors = debtors
        for slug, (company, _) in self.companies.items():
            if debtors:
                values = {"Account": "{n}", "Name": f"Kunde {{n}} {slug}", "Group": "1", "City": "Odense"}
                self.control(
                    "uniconta",
                    "bulk",
                    company=company,
                    resource="Debtor",
                    count=debtors,
                    start=10001,
                    values={**values, "Country": "Denmark"},
                )
            self.control(
                "uniconta",
                "change_urls",
                company=company,
                url=self.hook(slug, "uniconta"),
                table="",
                use_post=True,
            )

    def create(self, system: str, company: int, resource: str, **values: Any) -> int:
        """A person makes a record in Uniconta or Intempus; returns its id."""
        return int(self.control(system, "person/create", company=company, resource=resource, values=values)["id"])

    def edit(self, system: str, company: int, resource: str, number: int, **values: Any) -> None:
        """A person saves a record in Uniconta or Intempus."""
        self.control(system, "person/edit", company=company, resource=resource, id=number, values=values)

    def hook(self, slug: str, system: str) -> str:
        return f"{self.url('web')}/hooks/{slug}/{self.environment[f'HOOK_{slug}']}/{system}/"

    def catch_up(self) -> None:
        """What the schedules do by themselves every quarter of an hour."""
        self.control("uniconta", "wait_for_webhooks", timeout=30)
        for slug in self.companies:
            self.manage("sync", slug)

    def onboard(self, *, live: bool = True) -> None:
        file = self.folder / "tenants.toml"
        file.write_text(
            "".join(
                TENANT.format(
                    slug=slug,
                    live=str(live).lower(),
                    uniconta=self.url("uniconta"),
                    intempus=self.url("intempus"),
                    company=company,
                )
                for slug, (company, _) in self.companies.items()
            )
        )
        self.manage("onboard", str(file))

    # ------------------------------------------------------------------ looking

    def query(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as session:
            cursor = session.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def open_events(self) -> int:
        try:
            states = "'pending', 'claimed', 'waiting'"
            events = f"SELECT count(*) FROM sync_changeevent WHERE state IN ({states})"
            runs = "SELECT count(*) FROM sync_run WHERE state IN ('queued', 'running')"
            return int(self.query(f"SELECT ({events}) + ({runs})")[0][0])
        except psycopg.Error:
            return -1

    def problems(self, seconds: float) -> list[str]:
        """What is wrong once all is quiet, or that it never got quiet."""
        try:
            self.wait_until_quiet(seconds)
        except AssertionError as error:
            return [f"not finished: {error}"]
        return self.differences()

    def wait_until_quiet(self, seconds: float) -> None:
        """Until no event and no run is open, twice in a row."""
        self.control("uniconta", "wait_for_webhooks", timeout=30)
        wait_for(
            lambda: self.open_events() == 0 and time.sleep(0.5) is None and self.open_events() == 0,
            seconds,
            self.state,
        )

    def state(self) -> str:
        try:
            counts = self.query("SELECT state, error_code, count(*) FROM sync_changeevent GROUP BY 1, 2")
        except psycopg.Error as error:
            return str(error)
        connections = self.query("SELECT system, state, failure_count, state_detail FROM tenants_connection")
        runs = self.query("SELECT kind, state, error_code, counts FROM sync_run ORDER BY id DESC LIMIT 8")
        return f"{counts}\n{connections}\n{runs}\n{self.end_of_log('worker')}"

    def end_of_log(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else ""

    def differences(self) -> list[str]:
        """The oracle: both sides compared field by field, by the rules of the design and none of the engine's code."""
        found: list[str] = []
        for slug in self.companies:
            groups = {row["id"]: row["number"] for row in self.rows("intempus", slug, "customer_group")}
            customers: dict[str, list[dict[str, Any]]] = {}
            for row in self.rows("intempus", slug, "customer"):
                customers.setdefault(row["number"], []).append(row)
            debtors = {row["Account"]: row for row in self.rows("uniconta", slug, "Debtor")}
            if len(debtors) != self.debtors:
                found.append(f"{slug}: {len(debtors)} debtors instead of {self.debtors}")
            found += [f"{slug}: customer {number} has no debtor" for number in customers.keys() - debtors.keys()]
            if len(groups) != len(set(groups.values())):
                found.append(f"{slug}: a group stands twice")
            for account, debtor in debtors.items():
                twins = customers.get(account, [])
                if len(twins) != 1:
                    found.append(f"{slug}: {len(twins)} customers for debtor {account}")
                    continue
                pairs = {
                    "name": debtor["Name"],
                    "city": debtor.get("City") or "",
                    "phone": debtor.get("Phone") or "",
                    "active": not debtor["Blocked"],
                }
                customer = {**twins[0], "group": groups.get(twins[0]["customer_group"])}
                pairs["group"] = debtor["Group"]
                found += [
                    f"{slug}: debtor {account} {name}: {customer[name]!r} instead of {wanted!r}"
                    for name, wanted in pairs.items()
                    if customer[name] != wanted
                ]
        return found
