"""One tenant now, in the foreground: for the first load under a consultant's eyes, and for looking before leaping."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mappings.entities import ENTITIES
from mappings.entities.work_report import NAME as WORK_REPORT
from mappings.labels import entity_label
from mappings.models import EntityPolicy
from mappings.spec import System
from sync.connectors.errors import RemoteError
from sync.domain.catalogue import explain_code
from sync.domain.connections import NotReadyError
from sync.domain.context import database_now
from sync.domain.foreground import (
    Group,
    StuckError,
    Summary,
    drain_all,
    open_count,
    preview_groups,
    read_side,
    read_total,
    reports_by_state,
    summarise,
    transfer_hours,
)
from sync.domain.preview import Preview, preview_entity
from sync.models import Run
from tenants.models import Connection, Tenant
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError

CATEGORIES = {
    "certain": "certain",
    "probable": "probable",
    "ambiguous": "ambiguous",
    "only_in_uniconta": "only in Uniconta",
    "only_in_intempus": "only in Intempus",
}
VERBS = {"create": "create", "update": "update", "activate": "activate", "deactivate": "set inactive"}


class Command(BaseCommand):
    help = "Synchronises one tenant now and shows what happened; --dry-run shows what would, and writes nothing at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        names = [*ENTITIES, WORK_REPORT]
        parser.add_argument("--entity", metavar="E", choices=names, help=f"one of {', '.join(names)}")
        parser.add_argument(
            "--from", dest="source", choices=[str(system) for system in System], help="read this system only"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would happen; write nothing anywhere")

    def handle(self, *_args: Any, slug: str, entity: str | None, source: str | None, **options: Any) -> None:
        with tenant_scope(ALL):
            tenant = Tenant.objects.filter(slug=slug).first()
            if tenant is None:
                raise CommandError(f"There is no tenant '{slug}'.")
            policies = EntityPolicy.objects.filter(tenant=tenant, enabled=True)
            enabled = [name for name in ENTITIES if name in set(policies.values_list("entity", flat=True))]
        if entity == WORK_REPORT:
            self.transfer(tenant, is_dry=options["dry_run"], is_alone=True)
            return
        if entity and entity not in enabled and not ENTITIES[entity].is_on_demand:
            raise CommandError(
                f"{slug}: {entity} is not switched on; see [tenant.entities.{entity}] in the tenant file."
            )
        systems = [System(source)] if source else list(System)
        if options["dry_run"]:
            self.preview(tenant, [entity] if entity else enabled, System(source) if source else None)
        else:
            self.synchronise(tenant, systems, entity or "")
            if not entity and not source:
                self.transfer(tenant, is_dry=False, is_alone=False)

    # ----------------------------------------------------------------------------------------- for real

    def synchronise(self, tenant: Tenant, systems: list[System], entity: str) -> None:
        if not tenant.is_live:
            raise CommandError(
                f"{tenant.slug} is not live, so nothing may be written. Use --dry-run, or onboard it with live = true."
            )
        started = database_now()
        runs = [self.read(tenant, system, entity) for system in systems]
        try:
            self.drain(tenant.pk)
        except StuckError:
            raise CommandError(f"Changes are due but nothing moves; look at: manage.py doctor {tenant.slug}") from None
        summary = summarise(tenant.pk, started, read_total([run for run in runs if run]), entity)
        self.stdout.write(as_text(summary_table(tenant, summary)))
        failed = [run for run in runs if run is not None and run.state == Run.State.FAILED]
        if failed:
            raise CommandError("\n".join(f"{run.get_kind_display()}: {sentence(run)}" for run in failed))

    def transfer(self, tenant: Tenant, *, is_dry: bool, is_alone: bool) -> None:
        if is_dry:
            raise CommandError(
                "Work reports need no dry run: the console says of each what would become of it, and why."
            )
        if is_alone and not tenant.is_live:
            raise CommandError(f"{tenant.slug} is not live, so nothing may be written.")
        run = transfer_hours(tenant.pk)
        if run is None:
            if is_alone:
                raise CommandError(f"{tenant.slug} transfers no work reports.")
            return
        table = Table(title=f"{tenant.name}: {entity_label(WORK_REPORT)}", show_header=False, title_justify="left")
        table.add_column()
        table.add_column(justify="right")
        for label, count in (*reports_by_state(tenant.pk), ("Lines sent", run.counts.get("transferred", 0))):
            table.add_row(label, str(count))
        self.stdout.write(as_text(table))
        if run.state == Run.State.FAILED:
            raise CommandError(f"{run.get_kind_display()}: {sentence(run)}")

    def read(self, tenant: Tenant, system: System, entity: str) -> Run | None:
        label = Connection.System(system.value).label
        self.stdout.write(f"Reading {label} ...")
        self.stdout.flush()
        try:
            run = read_side(tenant.pk, system, entity)
        except SecretError as error:
            raise CommandError(f"{label}: {error}. Onboard again with the secret.") from None
        if run is None:
            self.stdout.write(f"  a worker is reading {label} right now; its changes are counted below")
        return run

    def drain(self, tenant_id: int) -> None:
        """With a bar on a terminal, with plain lines elsewhere."""
        total = open_count(tenant_id)
        if not self.stdout.isatty():
            self.stdout.write(f"Processing {total} changes ...")
            for left in drain_all(tenant_id):
                total = max(total, left)
                self.stdout.write(f"  {total - left} of {total}")
                self.stdout.flush()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns) as progress:
            task = progress.add_task("Processing", total=total)
            for left in drain_all(tenant_id):
                total = max(total, left)  # reading before a write may find more
                progress.update(task, total=total, completed=total - left)

    # ----------------------------------------------------------------------------------------- dry run

    def preview(self, tenant: Tenant, entities: list[str], source: System | None) -> None:
        for name in entities:
            self.stdout.write(f"{entity_label(name)}: reading both systems ...")
            self.stdout.flush()
            try:
                preview = preview_entity(tenant.pk, name)
            except RemoteError as error:
                raise CommandError(f"{name}: {explain_code(error.code, error.detail).text}") from None
            except NotReadyError as error:
                raise CommandError(f"{name}: {explain_code(error.code).text}") from None
            except (SecretError, Connection.DoesNotExist) as error:
                raise CommandError(f"{name}: {error}") from None
            self.stdout.write(f"  first matching: {matching(preview)}")
            for group in preview_groups(preview, source):
                self.show(group)
            if not preview.records:
                self.stdout.write("  no records")
        self.stdout.write("This was a dry run: nothing was written.")

    def show(self, group: Group) -> None:
        self.stdout.write(f"  {group.count} × {title(group)}")
        for previewed in group.examples:
            self.stdout.write(f"      {previewed.label}")
            for write in previewed.plan.writes:
                if (write.target, write.action) in group.writes:
                    for change in write.changes if write.action != "create" else ():
                        lost = "  (overwrites a change)" if change.loses else ""
                        self.stdout.write(f"          {change.field}: {change.old!r} → {change.new!r}{lost}")
        if group.count > len(group.examples):
            self.stdout.write(f"      … and {group.count - len(group.examples)} more")


def matching(preview: Preview) -> str:
    """How many records, or pairs, the page First matching would list in each category."""
    return ", ".join(f"{preview.matches.get(value, 0)} {text}" for value, text in CATEGORIES.items())


def title(group: Group) -> str:
    parts = [f"{VERBS[action]} in {Connection.System(target.value).label}" for target, action in group.writes]
    if group.code:
        parts.append(explain_code(group.code).text)
    return ", ".join(parts) or "nothing to do"


def sentence(run: Run) -> str:
    explanation = explain_code(run.error_code, run.error_detail)
    return " ".join(part for part in dict.fromkeys([explanation.text, explanation.detail, explanation.fix]) if part)


def as_text(table: Table) -> str:
    """Whole lines, however narrow the terminal: a table that is cut off helps nobody."""
    text = io.StringIO()
    Console(file=text, width=160, highlight=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def summary_table(tenant: Tenant, summary: Summary) -> Table:
    table = Table(title=tenant.name, show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    for label, count in (
        ("Records read", summary.read),
        ("Created", summary.created),
        ("Updated", summary.updated),
        ("Linked", summary.linked),
        ("Unchanged", summary.unchanged),
        *((f"Excluded: {explain_code(reason).text if reason else '?'}", n) for reason, n in summary.excluded.items()),
        ("Waiting", summary.waiting),
        ("Will be tried again", summary.tried_again),
        ("Needs attention", summary.needs_attention),
        ("Calls made", summary.calls),
    ):
        table.add_row(label, str(count))
    return table
