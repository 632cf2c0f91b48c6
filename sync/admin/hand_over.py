"""The hand-over document: what was agreed and switched on for a company, in its language, made for printing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy, HoursPolicy
from mappings.phases import PHASES
from mappings.spec import System
from sync.admin.onboarding import company_to_set_up, onboarding_url
from sync.domain.rhythm import hooks_of
from tenants.admin.audit import audit
from tenants.admin.webhook_token import masked_url
from tenants.labels import person_name
from tenants.models import Connection, Membership, Tenant, WebhookToken
from tenants.roles import Right, has_right

#: Who at the partner firm answers the customer.
CONTACTS = (Membership.Role.CONSULTANT, Membership.Role.SUPPORT)


def hand_over_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """GET masks the change URLs; POST shows them, to those who may, and writes that down."""
    tenant = company_to_set_up(model_admin, request, object_id)
    may_reveal = has_right(request.user, Right.REVEAL, tenant.pk)
    reveals = request.method == "POST" and may_reveal
    if reveals:
        audit(request, tenant.pk, "webhook_url_shown", "hand-over")
    with translation.override(tenant.language):
        content = _content(tenant, reveals=reveals)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": tenant,
        "title": f"{gettext('Hand-over document')}: {tenant}",
        "tenant": tenant,
        "today": timezone.localdate(),
        "back_url": onboarding_url(tenant.pk),
        "may_reveal": may_reveal and not reveals,
        **content,
    }
    response = TemplateResponse(request, "console/hand_over.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _content(tenant: Tenant, *, reveals: bool) -> dict[str, Any]:
    connections = {row.system: row for row in Connection.objects.filter(tenant=tenant)}
    token = WebhookToken.objects.filter(tenant=tenant, revoked_at=None).select_related("tenant").first()
    policies = EntityPolicy.objects.filter(tenant=tenant, enabled=True).order_by("pk")
    people = Membership.objects.filter(tenant=tenant, role__in=CONTACTS).select_related("user").order_by("role", "pk")
    hours = HoursPolicy.objects.filter(tenant=tenant, enabled=True).first()
    return {
        "companies": [
            (system.label, row.pinned_company_name, row.pinned_company_id, row.username)
            for system in Connection.System
            if (row := connections.get(system.value)) is not None
        ],
        "urls": [
            (system.label, token.url(system.value) if reveals else masked_url(tenant, system.value))
            for system in Connection.System
        ]
        if token
        else [],
        "kinds": [_kind(policy) for policy in policies if policy.entity in ENTITIES],
        "hours": hours,
        "hooks": hooks_of([tenant.pk])[tenant.pk],
        "people": [(person_name(row.user), row.get_role_display(), row.user.email) for row in people],
        "from_email": settings.DEFAULT_FROM_EMAIL,
    }


def _kind(policy: EntityPolicy) -> dict[str, Any]:
    labels = {member: danish if _is_danish() else english for member, english, danish in PHASES}
    return {
        "entity": policy.entity,
        "directions": [
            text
            for is_on, text in (
                (policy.to_intempus, "Uniconta → Intempus"),
                (policy.to_uniconta, "Intempus → Uniconta"),
            )
            if is_on
        ],
        "creates": [
            label
            for is_on, label in (
                (policy.create_in_intempus, Connection.System(System.INTEMPUS.value).label),
                (policy.create_in_uniconta, Connection.System(System.UNICONTA.value).label),
            )
            if is_on
        ],
        "phases": [labels.get(phase, phase) for phase in policy.phases],
        "number": policy.number_series or policy.number_prefix,
        "group": policy.default_group,
    }


def _is_danish() -> bool:
    return (translation.get_language() or "").startswith("da")
