"""The way out of a company, step by step, from the command line. Without an option it only says where the company stands."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.domain.actions import RefusedError, audit
from sync.domain.export import as_json, as_xlsx
from sync.domain.going_live import sentence
from sync.domain.off_boarding import DAYS_KEPT, begin_leaving, close, steps_of, undo_leaving
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope


class Command(BaseCommand):
    help = "Shows how far a company's off-boarding is; the options carry it on, in this order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--begin", action="store_true", help="stop synchronisation")
        parser.add_argument("--undo", action="store_true", help="the customer stays; possible until it is closed")
        parser.add_argument("--export", type=Path, metavar="FOLDER", help="write SLUG.json and SLUG.xlsx there")
        parser.add_argument("--close", action="store_true", help="erase passwords, keys and change URLs now")
        parser.add_argument(
            "--days",
            type=int,
            default=DAYS_KEPT,
            help="with --close: days until personal data is erased (default: %(default)s)",
        )

    def handle(self, *_args: Any, slug: str, **options: Any) -> None:
        with tenant_scope(ALL):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant '{slug}'.")
        try:
            with tenant_scope(tenant.pk):
                self.carry_on(tenant, options)
        except RefusedError as error:
            raise CommandError(sentence(error.code)) from None
        with tenant_scope(tenant.pk):
            tenant.refresh_from_db()
            self.stdout.write(f"{tenant.name} ({tenant.slug}): {Tenant.State(tenant.state).label}")
            for step in steps_of(tenant):
                self.stdout.write(f"  {'✓' if step.is_done else '·'} {step.title}: {step.what}")

    def carry_on(self, tenant: Tenant, options: dict[str, Any]) -> None:
        if options["undo"]:
            undo_leaving(tenant.pk, None)
        if options["begin"]:
            begin_leaving(tenant.pk, None)
        if folder := options["export"]:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{tenant.slug}.json").write_text(as_json(tenant), encoding="utf-8")
            (folder / f"{tenant.slug}.xlsx").write_bytes(as_xlsx(tenant))
            audit(tenant.pk, None, "export_taken", "json, xlsx")
            self.stdout.write(f"Written to {folder}")
        if options["close"]:
            close(tenant.pk, None, options["days"])
