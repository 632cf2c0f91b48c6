"""Hold both systems of one tenant against each other, completely. Writes to neither."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from mappings.labels import entity_label
from sync.domain.reconcile import reconcile
from sync.management.commands.sync import as_text, sentence
from sync.models import Run
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

LABELS = {
    "pairs": "Pairs",
    "equal": "  equal",
    "differing": "  differ",
    "only_in_uniconta": "Only in Uniconta",
    "only_in_intempus": "Only in Intempus",
    "excluded": "Excluded",
    "waiting": "Waiting",
    "needs_attention": "Needs attention",
    "events": "Changes found and queued",
}


class Command(BaseCommand):
    help = "Compares everything on both sides of one tenant; what is found is queued, nothing is written right away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *_args: Any, slug: str, **_options: Any) -> None:
        with tenant_scope(ALL):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant '{slug}'.")
        run = reconcile(tenant.pk, tell=self.tell)
        if run is None:
            raise CommandError("A full comparison of this tenant is running already; see Runs in the console.")
        table = Table(title=tenant.name, show_header=False, title_justify="left")
        table.add_column()
        table.add_column(justify="right")
        for name, text in LABELS.items():
            table.add_row(text, str(run.counts.get(name, 0)))
        for field, count in run.result.get("differing_fields", {}).items():
            table.add_row(f"  differ in {field}", str(count))
        self.stdout.write(as_text(table))
        if run.state == Run.State.FAILED:
            raise CommandError(sentence(run))

    def tell(self, entity: str) -> None:
        self.stdout.write(f"{entity_label(entity)}: reading both systems ...")
        self.stdout.flush()
