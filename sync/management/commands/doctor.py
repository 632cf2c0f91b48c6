"""One line per check, and an exit code for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.domain.doctor import Check, Grade, check_installation, check_tenant
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

MARKS = {Grade.OK: "✓", Grade.WARNING: "!", Grade.FAILED: "✗"}


class Command(BaseCommand):
    help = "Checks the installation and one tenant, or all of them. Looks only; exit code 1 if anything fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", metavar="SLUG", help="one tenant; all when left out")

    def handle(self, *_args: Any, slug: str | None, **_options: Any) -> None:
        with tenant_scope(ALL):
            tenants = list(Tenant.objects.order_by("slug"))
        if slug:
            tenants = [tenant for tenant in tenants if tenant.slug == slug]
            if not tenants:
                raise CommandError(f"There is no tenant '{slug}'.")
        failures = self.show("Installation", check_installation())
        for tenant in tenants:
            failures += self.show(f"{tenant.name} ({tenant.slug})", check_tenant(tenant.pk))
        if failures:
            raise CommandError(f"{failures} {'check' if failures == 1 else 'checks'} failed.")

    def show(self, title: str, checks: Iterable[Check]) -> int:
        """Print each check as soon as it is done; how many failed."""
        styles = {Grade.OK: self.style.SUCCESS, Grade.WARNING: self.style.WARNING, Grade.FAILED: self.style.ERROR}
        self.stdout.write(title)
        failures = 0
        for check in checks:
            fix = f" → {check.fix}" if check.fix else ""
            self.stdout.write(f"  {styles[check.grade](MARKS[check.grade])} {check.name}: {check.found}{fix}")
            self.stdout.flush()
            failures += check.grade is Grade.FAILED
        return failures
