"""Creates or updates tenants from a file. The work is done in `sync.domain`; this speaks with the person."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sync.domain.going_live import check_connections, export_tenant, newest_token, reveal_urls, settle_state
from sync.domain.onboarding import Onboarded, onboard
from sync.domain.tenant_file import TenantFileError, read_tenant_file
from tenants.models import Tenant

PASTE = """\
    In Uniconta: Company / Maintenance / Change URL. One row with no table means all tables; otherwise one row each for
    Debtor, DebtorGroup and the other tables in use. Leave Post off: what the call carries is not read anyway.
    Who knows this address can report changes: keep it secret."""


class Command(BaseCommand):
    help = "Creates or updates tenants from a TOML file; nothing is stored if anything in it is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE.toml", help="the tenant file; - reads standard input")
        parser.add_argument(
            "--export", metavar="SLUG", help="write the file of a stored tenant instead, without secrets"
        )
        parser.add_argument("--no-test", action="store_true", help="store only; call nobody and leave the state alone")
        parser.add_argument("--pause", action="store_true", help="let live = false pause a live tenant")
        parser.add_argument("--resume", action="store_true", help="let live = true resume a tenant a person paused")
        parser.add_argument("--show-urls", action="store_true", help="print the webhook URLs again (audited)")

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["export"]):
            raise CommandError("Give either a FILE.toml or --export SLUG.")
        if options["export"]:
            self.export(options["export"])
            return
        name = options["file"]
        try:
            done = onboard(read_tenant_file(_read(name)), os.environ)
        except TenantFileError as error:
            count = len(error.errors)
            raise CommandError(
                f"{name}: {count} {'mistake' if count == 1 else 'mistakes'}; nothing was stored.\n"
                + "\n".join(f"  - {each}" for each in error.errors)
            ) from None
        problems = [each.slug for each in done if not self.finish(each, options)]
        if problems:
            raise CommandError(f"Stored, but not as the file wants it: {', '.join(problems)} (see above).")

    def export(self, slug: str) -> None:
        try:
            self.stdout.write(export_tenant(slug), ending="")
        except Tenant.DoesNotExist:
            raise CommandError(f"There is no tenant '{slug}'.") from None

    def finish(self, done: Onboarded, options: dict[str, Any]) -> bool:
        """Test, settle the state and report; whether the tenant stands as the file wants it."""
        self.stdout.write(f"{done.slug}: {'created' if done.is_new else 'changed' if done.changes else 'unchanged'}")
        for change in done.changes if not done.is_new else ():
            self.stdout.write(f"  {change}")
        for name in done.left_alone:
            self.stdout.write(f"  {name}: not in the file; left as it is")
        problem = ""
        if not options["no_test"]:
            tests = []
            for test in check_connections(done):
                tests.append(test)
                what = test.problem or (
                    f"works, company {test.company}" + ("" if test.is_fresh else " (tested before)")
                )
                self.stdout.write(f"  {test.label}: {what}")
            settled = settle_state(done, tests, may_pause=options["pause"], may_resume=options["resume"])
            self.stdout.write(f"  State: {Tenant.State(settled.state).label}. {settled.note}{settled.problem}".rstrip())
            problem = settled.problem
        self.show_urls(done, show_all=options["show_urls"])
        self.stdout.flush()
        return not problem

    def show_urls(self, done: Onboarded, *, show_all: bool) -> None:
        """A token made here is shown once, because nobody else knows it; any other one only when asked for."""
        token_id = done.made_token_id
        if token_id is None and show_all:
            token_id = done.given_token_id or newest_token(done.tenant_id)
        if token_id is None:
            self.stdout.write(f"  Webhook: {settings.PUBLIC_URL}/hooks/{done.slug}/…/ (--show-urls prints it in full)")
            return
        why = "onboard: made" if token_id == done.made_token_id else "onboard --show-urls"
        urls = reveal_urls(done.tenant_id, token_id, why)
        self.stdout.write("  Webhook URLs" + (" (made now and printed this once)" if done.made_token_id else "") + ":")
        for system, url in urls.items():
            self.stdout.write(f"    {system:<9} {url}")
        self.stdout.write(PASTE)


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{name}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{name}: is not UTF-8 text; save it as UTF-8.") from None
