"""One line per check, and an exit code for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.domain.catalogue import explain_code
from sync.domain.check import Check, Grade
from sync.domain.connections import NotReadyError
from sync.domain.doctor import check_installation, check_tenant
from sync.domain.probe import announce, check_may_probe, probe
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

MARKS = {Grade.OK: "✓", Grade.WARNING: "!", Grade.FAILED: "✗"}


class Command(BaseCommand):
    help = (
        "Checks the installation and one tenant, or all of them; exit code 1 if anything fails. Looks only, unless "
        "--probe names a test company: then it makes records there to find out what the systems can do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", metavar="SLUG", help="one tenant; all when left out")

        parser.add_argument(
            "--probe",
            metavar="COMPANY_ID",
            help="measure what the systems can do, on the test company with this Uniconta id; makes records",
        )

    def handle(self, *_args: Any, slug: str | None, probe: str | None, **_options: Any) -> None:
        if probe is not None and not slug:
            raise CommandError("--probe needs the short name of the test company as well.")
        with tenant_scope(ALL):
            tenants = list(Tenant.objects.exclude(state=Tenant.State.CLOSED).order_by("slug"))
        if slug:
            tenants = [tenant for tenant in tenants if tenant.slug == slug]
            if not tenants:
                raise CommandError(f"There is no tenant '{slug}'.")
        if probe is not None:
            self.probe(tenants[0], probe)
            return
        failures = self.show("Installation", check_installation())
        for tenant in tenants:
            failures += self.show(f"{tenant.name} ({tenant.slug})", check_tenant(tenant.pk))
        self.finish(failures)

    def probe(self, tenant: Tenant, company_id: str) -> None:
        try:
            connections = check_may_probe(tenant.pk, company_id)
            for sentence in announce(connections):
                self.stdout.write(str(sentence))
            self.stdout.flush()
            failures = self.show(f"Probe of {tenant.name} ({tenant.slug})", probe(tenant.pk, company_id))
        except NotReadyError as error:
            explanation = explain_code(error.code)
            raise CommandError(f"{explanation.text} {explanation.fix}".strip()) from None
        self.finish(failures)

    def finish(self, failures: int) -> None:
        if failures:
            raise CommandError(f"{failures} {'check' if failures == 1 else 'checks'} failed.")

    def show(self, title: str, checks: Iterable[Check]) -> int:
        """Print each check as soon as it is done; how many failed."""
        styles = {Grade.OK: self.style.SUCCESS, Grade.WARNING: self.style.WARNING, Grade.FAILED: self.style.ERROR}
        self.stdout.write(title)
        failures = 0
        for check in checks:
            fix = " → " + "; ".join(str(text) for text in (check.fix, check.command) if text) if check.fix else ""
            self.stdout.write(f"  {styles[check.grade](MARKS[check.grade])} {check.name}: {check.found}{fix}")
            self.stdout.flush()
            failures += check.grade is Grade.FAILED
        return failures
