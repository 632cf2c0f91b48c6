"""The demo's log-ins: an administrator and one person per role, members of every company there is."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from tenants.models import Membership, Tenant
from tenants.scoping import ALL, tenant_scope


class Command(BaseCommand):
    help = "Creates or updates the demo's log-ins. FILE is var/demo/secrets.json, written by manage.py demo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        secrets: dict[str, str] = json.loads(file.read_text())
        with tenant_scope(ALL):
            tenants = list(Tenant.objects.order_by("pk"))
            for name, password in secrets.items():
                if name.startswith("password "):
                    _person(name.removeprefix("password "), password, tenants)


def _person(name: str, password: str, tenants: list[Tenant]) -> None:
    """A customer sees its own company only; the partner's people see all."""
    is_admin = name == "admin"
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff, user.is_superuser, user.email = True, is_admin, f"{name}@example.com"
    user.set_password(password)
    user.save()
    if is_admin:
        return
    for tenant in tenants[:1] if name == "customer" else tenants:
        Membership.objects.update_or_create(user=user, tenant=tenant, defaults={"role": name})
