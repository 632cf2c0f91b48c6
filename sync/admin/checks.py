"""What the doctor found, as pages show it: on the run of a check-up, and in the steps of the onboarding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from sync.domain.said import in_my_language


def checks_shown(tenant_id: int, checks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Checks as a check-up keeps them, in the reader's language, with the page to go on to."""
    return [
        {name: in_my_language(text) for name, text in check.items()} | _page_of(tenant_id, check.get("page", ""))
        for check in checks
    ]


def _page_of(tenant_id: int, page: str) -> dict[str, str]:
    """Where a check says to go on: {"url", "press"}; {} where it names no page."""
    records = f"{reverse('admin:mappings_recordlink_changelist')}?state=needs_attention&tenant={tenant_id}"
    changes = f"{reverse('admin:sync_changeevent_changelist')}?state=quarantined&tenant={tenant_id}"
    pages = {
        "records": (records, gettext("To the records")),
        "changes": (changes, gettext("To the changes")),
        "webhooks": (reverse("admin:tenants_tenant_webhooks", args=[tenant_id]), gettext("To Webhooks")),
        "company": (reverse("admin:tenants_tenant_change", args=[tenant_id]), gettext("To the company")),
    }
    return dict(zip(("url", "press"), pages[page], strict=True)) if page in pages else {}
