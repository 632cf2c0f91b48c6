"""`make demo`: two companies, both remote systems simulated, worker and console, in one terminal."""

import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.panel import Panel

from integration_platform import postgres
from integration_platform.demo_story import Simulated, end_a_fortnight, live_a_day, move_in, wait_for_first_load
from integration_platform.processes import ProcessError, Processes, environment_without

DATABASE = "platform_demo"
TENANT_FILE = settings.BASE_DIR / "docs" / "demo.toml"
SYSTEM_PORTS = {"uniconta": 8101, "intempus": 8102}  # as written in the tenant file
COMPANIES = {"nordbyg": 4242, "havnens-el": 4343}  # tenant: company in the Uniconta simulator
USERS = ("admin", "consultant", "support", "customer")
FOLDER: Path = settings.VAR_DIR / "demo"
LOG_FOLDER: Path = settings.VAR_DIR / "log"


class Stopped(BaseException):
    """Somebody pressed Ctrl-C. Not an Exception, so that nothing on the way mistakes it for an error."""


class Command(BaseCommand):
    """The simulators forget everything at their end, so each demo starts with an empty database of its own."""

    help = "Starts the demo; Ctrl-C stops it."
    requires_system_checks: list[str] = []  # each child checks for itself

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the console; the next free one is taken")

    def handle(self, *_args: Any, port: int, **_options: Any) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, _stop)  # explicitly: in the background, shells start us with SIGINT ignored
        for folder in (FOLDER, LOG_FOLDER):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (FOLDER / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("A demo runs in this folder already.") from None
        demo = Demo(port)
        try:
            demo.start()
            demo.watch()
        except Stopped:
            print("\nStopping ...")
        except (ProcessError, postgres.PostgresError) as error:
            raise CommandError(str(error)) from None
        finally:
            for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(name, signal.SIG_IGN)
            demo.stop()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


class Demo:
    """Everything that runs, and the order in which it starts and stops."""

    def __init__(self, port: int) -> None:
        self.secrets = kept_secrets(FOLDER / "secrets.json")
        self.ports = {"web": free_port(port)}
        for system, first in SYSTEM_PORTS.items():
            self.ports[system] = free_port(first, taken=self.ports.values())
        self.url = f"http://127.0.0.1:{self.ports['web']}"
        self.server = postgres.default()
        self.processes = Processes(self.environment(), settings.BASE_DIR, LOG_FOLDER)

    def environment(self) -> dict[str, str]:
        """For the children: this installation's development keys, whatever this shell has set."""
        given = environment_without("SECRET_KEY", "CREDENTIAL_KEYS", "CPR_KEY", "DEBUG", "EMAIL_URL")
        return given | {
            "DATABASE_URL": self.server.url().replace(f"@/{postgres.DATABASE}?", f"@/{DATABASE}?"),
            "PUBLIC_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "ALLOW_PRIVATE_TARGETS": "1",  # the simulators are on this machine
            "WORKERS": os.environ.get("WORKERS", "4"),
            "PYTHONUNBUFFERED": "1",
            "DEMO_UNICONTA_PASSWORD": "demo-uniconta",
            "DEMO_NORDBYG_INTEMPUS_KEY": "demo-nordbyg-key",
            "DEMO_HAVNENS_INTEMPUS_KEY": "demo-havnens-key",
            **{f"DEMO_{_shouted(tenant)}_HOOK": self.secrets[f"hook {tenant}"] for tenant in COMPANIES},
        }

    def start(self) -> None:
        say("Starting the database ...")
        self.server.ensure_running()
        recreate_database(self.server)
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--no-input", "--verbosity", "0")

        say("Starting the simulators of Uniconta and Intempus ...")
        ports = [f"--{system}-port={self.ports[system]}" for system in SYSTEM_PORTS]
        self.processes.start("simulators", [sys.executable, "-m", "tests.simulators", "--hours", *ports])
        for system in SYSTEM_PORTS:
            self.processes.wait_until(partial(answers, self.system_url(system)), f"The {system} simulator", 30)

        simulated = [Simulated(self.system_url(system)) for system in SYSTEM_PORTS]
        move_in(*simulated)

        say("Setting up two companies and four people ...")
        self.manage("onboard", str(self.tenant_file()))
        self.manage("demo_users", str(FOLDER / "secrets.json"))
        self.register_webhooks(simulated[0])

        say("Starting worker and console ...")
        self.processes.start("worker", [sys.executable, "manage.py", "run_worker"])
        self.processes.start("web", self.gunicorn())
        self.processes.wait_until(partial(answers, f"{self.url}/admin/login/"), "The console", 60)
        self.processes.wait_until(partial(worker_is_up, f"{self.url}/readyz"), "The worker", 60)
        self.write_shell_file()
        say("Letting both companies live through a day ...")
        if wait_for_first_load(*simulated):
            live_a_day(*simulated)
            self.transfer_hours()
            end_a_fortnight(*simulated)
            self.transfer_hours()
        else:
            say("The first load takes longer than usual, so the day is left out; the console shows how far it is.")
        self.show()

    def transfer_hours(self) -> None:
        """The schedule would do it within a minute."""
        for company in COMPANIES:
            self.manage("sync", company, "--entity", "work_report")

    def watch(self) -> None:
        """Until Ctrl-C, or until a child ends: then ProcessError says which and why."""
        self.processes.wait_until(lambda: False, "Nothing", float("inf"))

    def stop(self) -> None:
        self.processes.stop("web", 3)
        self.processes.stop("worker", 8)
        self.processes.stop_all(3)
        self.server.stop()  # only if this process started it

    def manage(self, *arguments: str) -> None:
        self.processes.run(arguments[0], [sys.executable, "manage.py", *arguments])

    def gunicorn(self) -> list[str]:
        return [
            *(
                sys.executable,
                "-m",
                "gunicorn",
                "integration_platform.wsgi",
                "--bind",
                f"127.0.0.1:{self.ports['web']}",
            ),
            *("--worker-class", "gthread", "--threads", "8", "--no-control-socket", "--graceful-timeout", "2"),
        ]

    def system_url(self, system: str) -> str:
        return f"http://127.0.0.1:{self.ports[system]}"

    def tenant_file(self) -> Path:
        """The tenant file with the ports that were free."""
        text = TENANT_FILE.read_text(encoding="utf-8")
        for system, port in SYSTEM_PORTS.items():
            text = text.replace(f"http://127.0.0.1:{port}", self.system_url(system))
        file = FOLDER / TENANT_FILE.name
        file.write_text(text, encoding="utf-8")
        return file

    def register_webhooks(self, uniconta: Simulated) -> None:
        """What a consultant does in Uniconta: enter each company's webhook address."""
        for tenant, company in COMPANIES.items():
            address = f"{self.url}/hooks/{tenant}/{self.secrets[f'hook {tenant}']}/uniconta/"
            uniconta.ask("change_urls", {"company": company, "url": address, "table": "", "use_post": True})

    def write_shell_file(self) -> None:
        """For a second terminal: `. var/demo/env` makes manage.py work on the demo."""
        names = ("DATABASE_URL", "PUBLIC_URL", "ALLOW_PRIVATE_TARGETS")
        file = FOLDER / "env"
        file.touch(mode=0o600)
        file.write_text("".join(f"export {name}='{self.processes.environment[name]}'\n" for name in names))

    def show(self) -> None:
        people = "\n".join(f"  {user:<12} {self.secrets[f'password {user}']}" for user in USERS)
        text = (
            f"Console    {self.url}/admin/ \n"
            f"Uniconta   {self.system_url('uniconta')}/ (simulated)\n"
            f"Intempus   {self.system_url('intempus')}/ (simulated)\n\n"
            f"Log in as, with password\n{people}\n\n"
            "Try first: open both simulators and the console side by side, change a customer's address in\n"
            "Uniconta and look at it in Intempus; then find the customer in the console and read why.\n\n"
            "manage.py in a second terminal:  . var/demo/env && .venv/bin/python manage.py doctor\n"
            "Logs: var/log/    Ctrl-C stops everything; the next demo starts afresh."
        )
        Console(width=110, highlight=False, markup=False).print(Panel(text, title="The demo runs", expand=False))


def say(text: str) -> None:
    print(text, flush=True)


def _shouted(tenant: str) -> str:
    return tenant.upper().replace("-", "_")


def kept_secrets(file: Path) -> dict[str, str]:
    """Passwords and webhook tokens of this installation: made once, readable by the owner only."""
    wanted = [f"password {user}" for user in USERS] + [f"hook {tenant}" for tenant in COMPANIES]
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    kept = {name: known.get(name) or secrets.token_urlsafe(24 if name.startswith("hook") else 9) for name in wanted}
    if kept != known:
        file.touch(mode=0o600)
        file.write_text(json.dumps(kept, indent=2))
    return kept


def free_port(first: int, taken: Any = ()) -> int:
    for port in range(first, first + 100):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in taken and attempt.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise CommandError(f"No free port from {first} on.")


def recreate_database(server: postgres.EmbeddedPostgres) -> None:
    """An empty database beside the development one, which is not touched."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def worker_is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(json.load(response)["worker"]["ok"])
    except (OSError, ValueError):
        return False
