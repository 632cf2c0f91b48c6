"""Why a record is, or is not, on the other side: for support staff on the telephone."""

from __future__ import annotations

import shutil
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from mappings.entities import ENTITIES
from mappings.labels import is_danish
from mappings.models import EntityPolicy
from sync.connectors.errors import RemoteError
from sync.domain.catalogue import explain_code
from sync.domain.explain import Explained, FieldLine, explain
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError

#: English and Danish headings, in the order in which the parts are shown.
HEADINGS = {
    "standing": ("Where it stands", "Status"),
    "fields": ("Values", "Værdier"),
    "rules": ("Today's rules", "Gældende regler"),
    "plan": ("What would happen now", "Hvad der vil ske nu"),
    "users": ("Used by", "Bruges af"),
    "history": ("Latest first", "Seneste først"),
}


class Command(BaseCommand):
    help = "Explains one record: where it stands and why, both sides' values, what would happen and what did."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("entity", metavar="ENTITY", choices=list(ENTITIES), help=f"one of {', '.join(ENTITIES)}")
        parser.add_argument("key", metavar="KEY", help="number or id, in Uniconta or in Intempus")
        parser.add_argument("--language", choices=["da", "en"], default="en")

    def handle(self, *_args: Any, slug: str, entity: str, key: str, language: str, **_options: Any) -> None:
        with tenant_scope(ALL):
            tenant = Tenant.objects.filter(slug=slug).first()
            if tenant is None:
                raise CommandError(f"There is no tenant '{slug}'.")
            has_policy = EntityPolicy.objects.filter(tenant=tenant, entity=entity).exists()
        if not has_policy and not ENTITIES[entity].is_on_demand:
            raise CommandError(f"{slug} does not synchronise {entity}; add [tenant.entities.{entity}] to its file.")
        with translation.override(language):
            try:
                answers = explain(tenant.pk, entity, key)
            except RemoteError as error:
                raise CommandError(explain_code(error.code, error.detail).text) from None
            except SecretError as error:
                raise CommandError(f"{error}. Onboard again with the secret.") from None
            self.stdout.write("\n\n".join(as_text(answer) for answer in answers))


def as_text(answer: Explained) -> str:
    width = min(max(shutil.get_terminal_size().columns, 60), 120)
    lines = [answer.title, "=" * len(answer.title)]
    for name, (english, danish) in HEADINGS.items():
        part = getattr(answer, name)
        if part:
            lines += ["", danish if is_danish() else english]
            lines += field_lines(part) if name == "fields" else [each for text in part for each in wrap(text, width)]
    return "\n".join(lines)


def wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="      ", break_long_words=False)


def field_lines(fields: tuple[FieldLine, ...]) -> list[str]:
    """A table; a field that differs carries a mark, and nothing is cut off."""
    names = max(len(line.label) for line in fields)
    values = max([len("Uniconta"), *(len(line.uniconta) for line in fields)])
    rows = [f"    {'':<{names}}  {'Uniconta':<{values}}  Intempus"]
    rows += [
        f"  {'≠' if line.differs else ' '} {line.label:<{names}}  {line.uniconta:<{values}}  {line.intempus}"
        for line in fields
    ]
    return [row.rstrip() for row in rows]
