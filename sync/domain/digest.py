"""The daily mail to the tenant's contact: what was overwritten since the last one (rule M4), and what is not through before
a cut-off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from mappings.labels import attribute_label
from mappings.models import RecordLink
from sync.domain.context import database_now
from sync.domain.hours.payroll_warnings import payroll_warnings, with_calendars
from sync.domain.timeline import entity_of
from sync.models import SyncLogEntry
from tenants.models import Tenant
from tenants.scoping import tenant_scope

#: An entry's transaction may commit a moment after the instant it carries; younger ones wait for the next mail.
SETTLED = timedelta(minutes=1)
#: The list in the console has the rest.
CHANGES_SHOWN = 100


@dataclass(frozen=True)
class Line:
    record: str
    field: str
    lost: Any
    stands: Any
    at: datetime


def send_digest(tenant_id: int) -> int:
    """Mail what was overwritten since the last mail, and as long as it is so what is not through before a cut-off; returns how
    many changes were overwritten. No news, no mail.

    The mark moves after the mail is handed over: a crash in between sends it twice, never not at all. Raises OSError or
    smtplib.SMTPException when the mail server refuses; then the next try mails everything.
    """
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        until = database_now() - SETTLED
        since = tenant.digest_until or tenant.created_at
        with translation.override(tenant.language):
            lines = _lines(tenant, since, until)
            payroll = payroll_warnings(with_calendars(Tenant.objects.filter(pk=tenant_id))).get(tenant_id, [])
    if (lines or payroll) and tenant.contact_email:
        with translation.override(tenant.language):
            subject = gettext("Overwritten changes: %(company)s") if lines else gettext("Hours: %(company)s")
            subject %= {"company": tenant.name}
            path = reverse("admin:sync_synclogentry_overwritten")
            context = {
                "tenant": tenant,
                "lines": lines[:CHANGES_SHOWN],
                "more": max(0, len(lines) - CHANGES_SHOWN),
                "url": f"{settings.PUBLIC_URL}{path}?tenant={tenant.pk}",
                "payroll": payroll,
                "check_url": settings.PUBLIC_URL + reverse("admin:tenants_tenant_hours_check", args=[tenant.pk]),
            }
            body = render_to_string("console/overwritten_mail.txt", context)
        send_mail(subject, body, None, [tenant.contact_email])
    with tenant_scope(tenant_id):
        Tenant.objects.filter(pk=tenant_id).update(digest_until=until)
    return len(lines)


def _lines(tenant: Tenant, since: datetime, until: datetime) -> list[Line]:
    entries = list(
        SyncLogEntry.objects.filter(
            tenant=tenant,
            has_overwritten=True,
            state=SyncLogEntry.State.DONE,
            finished_at__gt=since,
            finished_at__lte=until,
            at__gte=since - timedelta(days=1),  # names the partitions; a write takes seconds
        ).order_by("finished_at", "id")
    )
    names = RecordLink.objects.in_bulk([entry.link_id for entry in entries])
    return [
        Line(
            record=str(names.get(entry.link_id, f"#{entry.link_id}")),
            field=attribute_label(entity_of(tenant.pk, entry.entity), change["field"]),
            lost=change["old"],
            stands=change["new"],
            at=entry.finished_at or entry.at,
        )
        for entry in entries
        for change in entry.plan.get("overwritten", ())
    ]
