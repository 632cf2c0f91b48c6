"""Resource URIs: how Intempus names a record in relations (intempus-api.md 1.5)."""

from __future__ import annotations

from typing import Any


def uri(resource: str, record_id: str) -> str | None:
    """What to write into a relation; None empties it."""
    return f"/web/v1/{resource}/{record_id}/" if record_id else None


def id_of(value: Any) -> str:
    """The id in a relation as read: a URI in lists, sometimes the embedded object in details, or nothing."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("resource_uri")
    if value is None or isinstance(value, bool):
        return ""
    parts = [part for part in str(value).split("/") if part]
    return parts[-1] if parts else ""
