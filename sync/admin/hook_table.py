"""Uniconta's Change URL rows as a run saw them, in words, for the company's page and the run's."""

from __future__ import annotations

from typing import Any

from mappings.labels import entity_label
from sync.domain.catalogue import explain_code
from sync.domain.hooks import hooks_shown
from sync.models import Run


def hook_table(tenant_id: int, run: Run) -> list[dict[str, Any]]:
    """[{"carries": "Customers", "hook": Hook, "why": Explanation or None}, …]. Two queries."""
    return [
        {
            "carries": entity_label(hook.entity),
            "hook": hook,
            "why": explain_code(hook.code, hook.row.error if hook.row else "") if hook.code else None,
        }
        for hook in hooks_shown(tenant_id, run)
    ]
