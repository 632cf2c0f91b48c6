"""Every address of the installation, by everybody, with another company's numbers in it.

The addresses come from the URL resolver and the console's registry, so a page that is added is crawled, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from mappings.models import FieldRule, RecordLink, ValueMap
from tenants.models import ApiToken, AuditEntry, Membership, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_user
from tests.sync.admin.conftest import Company, sign_in

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
OWN_MODELS = [model for label in ("tenants", "mappings", "sync") for model in apps.get_app_config(label).get_models()]


def patterns(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every address with its parameters still named, and its view."""
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield address, pattern.callback
        else:
            yield from patterns(pattern, address)


def rows_of(company: Company) -> dict[str, Any]:
    """One row of everything: "app/model" → primary key. What the company of the fixture lacks is made here."""
    with tenant_scope(ALL):
        tenant = company.tenant
        more: list[Model] = [
            FieldRule.objects.create(
                tenant=tenant, entity="customer", attribute="web", uniconta_field=company.mark, intempus_field="web"
            ),
            ValueMap.objects.create(
                tenant=tenant, entity="customer", attribute="country", uniconta_value=company.mark, intempus_value="x"
            ),
            AuditEntry.objects.create(tenant=tenant, action="paused", detail=company.mark),
            make_user(f"{company.mark}-employee", Membership.Role.CUSTOMER, tenant),
        ]
        more.append(Membership.objects.get(user=more[-1]))
        days = timezone.now() + timedelta(days=1)
        more.append(ApiToken.issue(more[-2], [tenant], ["read"], days, company.mark)[0])  # type: ignore[arg-type]
        made = [getattr(company, each.name) for each in fields(company) if each.name != "mark"] + more
    return {row._meta.label_lower.replace(".", "/"): row.pk for row in made}


def values_for(name: str, address: str, company: Company, rows: dict[str, Any]) -> list[Any]:
    """What may stand in a parameter of an address. A name that is not here fails: say what stands there."""
    model = "/".join(address.split("/")[1:3]) if address.startswith("admin/") else ""
    if name in ("object_id", "id"):
        return [rows.get(model, 1)]
    if name == "verb" and "/draft/" in address:
        return ["try", "effect"]
    if name == "verb" and "/versions/" in address:
        return ["effect"]
    if name == "verb":
        model_admin = admin.site._registry[apps.get_model(model.replace("/", "."))]
        return [press.verb for press in model_admin.presses] or ["none"]
    if name == "version_id":
        return _versions(model, rows)
    return {
        "other_id": [rows["mappings/recordlink"]],
        "link_id": [rows["mappings/recordlink"]],
        "policy_id": [rows["mappings/entitypolicy"]],
        "entry_id": [rows["sync/synclogentry"]],
        "run_id": [rows["sync/run"]],
        "tenant_id": [rows["tenants/tenant"]],
        "system": ["uniconta", "intempus"],
        "area": ["uniconta", "webhooks"],
        "template_id": [1],
        "entity": ["customer"],
        "category": ["certain"],
        "form": ["csv", "xlsx"],
        "field": ["name"],
        "slug": [company.tenant.slug],
        "token": ["made-up"],
        "key": ["made-up"],
        "uidb36": ["1"],
        "provider_id": ["firm"],
        "content_type_id": [ContentType.objects.get_for_model(each).pk for each in (Tenant, RecordLink)],
        "app_label": ["tenants", "mappings", "sync"],
        "url": ["no/such/page"],
    }[name]


def _versions(model: str, rows: dict[str, Any]) -> list[int]:
    with tenant_scope(ALL):
        history = apps.get_model(model.replace("/", ".")).history.filter(id=rows[model])
        return list(history.values_list("pk", flat=True)[:1]) or [1]


def addresses(ours: Company, theirs: Company, our_rows: dict[str, Any], their_rows: dict[str, Any]) -> list[str]:
    """Each address with each of its parameters ours or theirs; never all of them ours."""
    found: dict[str, None] = {}
    for pattern, _ in patterns():
        names = [first or second for first, second in PARAMETER.findall(pattern)]
        for owners in product((True, False), repeat=len(names)):
            if names and not any(owners):
                continue
            choices = [
                values_for(name, pattern, *((theirs, their_rows) if is_theirs else (ours, our_rows)))
                for name, is_theirs in zip(names, owners, strict=True)
            ]
            for values in product(*choices):
                left = iter(values)
                address = PARAMETER.sub(lambda _, left=left: str(next(left)), pattern)
                found["/" + re.sub(r"[\^$]|/\?(?=\$|$)", "", address)] = None
    found.pop("/admin/logout/")
    found.pop("/account/logout/")
    found.pop("/metrics")  # of the whole installation, for its own machine: names every company by its slug
    return list(found)


def standing(company: Company) -> dict[str, list[Any]]:
    """Everything that is stored of a company."""
    stored = {}
    with tenant_scope(ALL):
        for model in OWN_MODELS:
            names = {field.name for field in model._meta.get_fields()}
            if model is Tenant:
                rows = model.objects.filter(pk=company.tenant.pk)
            elif "tenant" in names:
                rows = model.objects.filter(tenant_id=company.tenant.pk)
            else:
                continue
            stored[model._meta.label] = sorted(map(str, rows.values()))
    return stored


@pytest.fixture
def crawl(ours: Company, theirs: Company) -> Any:
    """Visit everything by GET and POST; returns which addresses showed something of the other company."""
    our_rows, their_rows = rows_of(ours), rows_of(theirs)
    everywhere = addresses(ours, theirs, our_rows, their_rows)
    query = {
        "tenant": their_rows["tenants/tenant"],
        "tenants": [their_rows["tenants/tenant"]],
        "scopes": ["read"],
        "note": "made up",
        "days": "30",
        "tenant__id__exact": their_rows["tenants/tenant"],
        "entity": "customer",
        "run": their_rows["sync/run"],
        "link": their_rows["mappings/recordlink"],
        "q": "theirmar",
        "key": "theirmar",
    }
    actions = {
        f"/admin/{model._meta.label_lower.replace('.', '/')}": sorted(
            {*map(str, page.actions or ()), "delete_selected"}
        )
        for model, page in admin.site._registry.items()
    }

    def visit(client: Client) -> list[str]:
        shown = []
        for address in everywhere:
            model = "/".join(address.split("/")[2:4])
            posted = query | {
                "_selected_action": [str(their_rows.get(model, 1))],
                "slug": theirs.tenant.slug,
                "attribute": "mobile",
                "uniconta_field": "Mobil",
                "intempus_field": "mobile",
                "direction": "to_intempus",
                "code": "flag_appeared",
                "reason": "server_error",
                "confirm": "1",
            }
            answers = [client.get(address, query), client.post(address, posted)]
            answers += [
                client.post(address, posted | {"action": action})
                for action in actions.get(address.removesuffix("/"), ())
            ]
            for answer in answers:
                assert answer.status_code < 500, address
                text = b"".join(answer.streaming_content) if answer.streaming else answer.content
                if b"theirmark" in text or "theirmark" in str(answer.headers):
                    shown.append(address)
        return shown

    return visit


@pytest.mark.parametrize("role", [*Membership.Role.values, "", "anonymous"])
def test_nobody_reaches_another_company(ours: Company, theirs: Company, crawl: Any, as_role: Any, role: str) -> None:
    client = Client() if role == "anonymous" else as_role(role) if role else sign_in(make_user("nobody"))
    before = standing(theirs)
    shown = [address for address in crawl(client) if "theirmark" not in address]
    assert shown == []
    assert standing(theirs) == before


def test_the_crawl_would_see_it(ours: Company, theirs: Company, crawl: Any, as_boss: Client) -> None:
    """An administrator is shown, and can change, what nobody else may."""
    before = standing(theirs)
    shown = set(crawl(as_boss))
    for name in ("mappings/recordlink", "sync/run", "tenants/tenant", "tenants/connection"):
        assert any(address.startswith(f"/admin/{name}/") for address in shown), name
    assert standing(theirs) != before
