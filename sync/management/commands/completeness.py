"""The hours check on the command line: for scripts before payroll, and for support staff."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext
from rich.table import Table

from sync.domain.catalogue import explain_code
from sync.domain.hours.completeness import Check, Difference, check_hours, differences, whole_span
from sync.management.commands.sync import as_text
from sync.models import WorkReport
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope

DIFFERENCES_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compares the ready hours of one tenant with what stands in Uniconta, from what was last read of both. "
        "Exit code 1 on a difference. Writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day worked: YYYY-MM-DD")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day worked; today if not given")

    def handle(self, *_args: Any, slug: str, first: date | None, last: date | None, **_options: Any) -> None:
        with tenant_scope(ALL):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant '{slug}'.")
        with tenant_scope(tenant.pk), translation.override(tenant.language):
            span = whole_span(tenant.pk, first, last)
            if span.first > span.last:
                raise CommandError(gettext("The first day is after the last one."))
            check = check_hours(span)
            found = list(islice(differences(span), DIFFERENCES_SHOWN))
            days = f"{date_format(span.first, 'd-m-Y')} – {date_format(span.last, 'd-m-Y')}"
            self.stdout.write(as_text(_sums(check, f"{tenant.name}: {gettext('Hours check')} {days}")))
            self.stdout.write(as_text(_groups(check)))
            if found:
                self.stdout.write(as_text(_differences(found)))
            if not check.is_complete:
                text = ngettext("%(count)s report differs.", "%(count)s reports differ.", check.open_count)
                raise CommandError(text % {"count": check.open_count})
            self.stdout.write(gettext("Everything that is ready stands in Uniconta."))


def _table(title: str, texts: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for name in texts:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _number(amount: Decimal) -> str:
    return number_format(amount, 2)


def _sums(check: Check, title: str) -> Table:
    numbers = [
        gettext("Ready"),
        gettext("Transferred"),
        gettext("Posted"),
        gettext("Answered"),
        gettext("Difference"),
    ]
    table = _table(title, [gettext("Employee"), gettext("Unit")], numbers)
    rows = [(f"{who.number} {who.name}".strip(), unit, amount) for (who, unit), amount in check.by_employee.items()]
    rows += [(gettext("All"), unit, amount) for unit, amount in check.by_unit.items()]
    for name, unit, amount in rows:
        columns = (amount.ready, amount.transferred, amount.posted, amount.answered, amount.difference)
        table.add_row(name, unit, *map(_number, columns))
    return table


def _groups(check: Check) -> Table:
    table = _table("", [gettext("Reports")], [gettext("Number")])
    for standing, group in check.groups.items():
        if group.count:
            table.add_row(explain_code(f"hours_{standing}").text, str(group.count))
    for state, group in (
        (WorkReport.State.NEEDS_ATTENTION, check.needs_attention),
        (WorkReport.State.CHANGED, check.changed),
    ):
        if group.count:
            table.add_row(gettext("of these: %(state)s") % {"state": state.label}, str(group.count))
    return table


def _differences(found: Sequence[Difference]) -> Table:
    texts = [gettext("Day"), gettext("Report"), gettext("Employee"), gettext("Why"), gettext("Unit")]
    table = _table(gettext("Differences"), texts, [gettext("Ready"), gettext("Transferred")])
    for each in found:
        why = explain_code(each.code, each.about)
        table.add_row(
            date_format(each.starts_on, "d-m-Y"),
            each.intempus_id,
            f"{each.employee.number} {each.employee.name}".strip(),
            f"{why.text} {each.about}".strip(),
            each.unit,
            _number(each.ready),
            _number(each.transferred),
        )
    return table
