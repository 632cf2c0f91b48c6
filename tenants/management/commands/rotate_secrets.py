"""Moves every sealed text under the newest credential key, so that an old key can be taken out of the ring."""

# ruff: noqa: SLF001 - `_meta` and `_default_manager` are Django's public names for what works with any model

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError, reseal

#: Every text column with this beginning holds a sealed text; nothing else has to be told about a new one.
PREFIX = "sealed_"
#: What django-allauth keeps sealed within its own column (see integration_platform.accounts).
SECOND_FACTORS = ("secret", "seed")


class Command(BaseCommand):
    help = (
        "Seals every stored secret again under the newest of CREDENTIAL_KEYS. Changes nothing if one cannot be opened."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows per transaction")

    def handle(self, *_args: Any, batch: int, **_options: Any) -> None:
        columns = sealed_columns()
        # Everything is opened once before anything is written. What is sealed meanwhile has the newest key already.
        broken = [each for model, name in columns for each in unreadable(model, name, batch)]
        broken += unreadable_second_factors()
        if broken:
            raise CommandError(
                f"{len(broken)} sealed texts cannot be opened with the present keys; nothing was changed.\n"
                + "\n".join(f"  - {each}" for each in broken[:20])
                + "\nPut the key they were sealed with back into CREDENTIAL_KEYS, or set these secrets anew."
            )
        for model, name in columns:
            count = sum(reseal_batch(model, name, ids) for ids in batches(model, name, batch))
            self.stdout.write(f"{model._meta.label}.{name}: {count} sealed again")
        self.stdout.write(f"Second factors: {reseal_second_factors()} sealed again")
        self.stdout.write(
            "Everything is sealed with the newest key; the older ones may be removed from CREDENTIAL_KEYS."
        )


def sealed_columns() -> list[tuple[type[models.Model], str]]:
    return [
        (model, column.name)
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if column.name.startswith(PREFIX)
    ]


def batches(model: type[models.Model], name: str, size: int) -> Iterator[list[int]]:
    """Primary keys of the rows that hold something, in order, each batch read in a short transaction of its own."""
    last = 0
    while True:
        with tenant_scope(ALL):
            rows = model._default_manager.filter(pk__gt=last).exclude(**{name: ""}).order_by("pk")
            ids = list(rows.values_list("pk", flat=True)[:size])
        if not ids:
            return
        yield ids
        last = ids[-1]


def unreadable(model: type[models.Model], name: str, size: int) -> Iterator[str]:
    for ids in batches(model, name, size):
        with tenant_scope(ALL):
            sealed = list(model._default_manager.filter(pk__in=ids).values_list("pk", name))
        for pk, text in sealed:
            try:
                reseal(text)
            except SecretError:
                yield f"{model._meta.label} {pk}, {name}"


def reseal_batch(model: type[models.Model], name: str, ids: list[int]) -> int:
    """One transaction. `update` writes neither history nor anything but the sealed text."""
    with tenant_scope(ALL):
        rows = model._default_manager.select_for_update().filter(pk__in=ids).exclude(**{name: ""})
        sealed = list(rows.values_list("pk", name))
        for pk, text in sealed:
            model._default_manager.filter(pk=pk).update(**{name: reseal(text)})
    return len(sealed)


def unreadable_second_factors() -> list[str]:
    found = []
    for factor in Authenticator.objects.order_by("pk"):
        try:
            _resealed(factor)
        except SecretError:
            found.append(f"second factor {factor.pk}")
    return found


def reseal_second_factors() -> int:
    with transaction.atomic():
        rows = list(Authenticator.objects.select_for_update().order_by("pk"))
        for factor in rows:
            Authenticator.objects.filter(pk=factor.pk).update(data=_resealed(factor))
    return len(rows)


def _resealed(factor: Any) -> dict[str, Any]:
    return {
        name: reseal(value) if name in SECOND_FACTORS and isinstance(value, str) else value
        for name, value in factor.data.items()
    }
