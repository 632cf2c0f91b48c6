"""The sidebar: by task, not by table; everybody sees what they have a right to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from tenants.roles import Right, has_right

EVERYBODY = Right.VIEW
#: States with an entry of their own; a list filtered by one of them is not "all".
FILTERED_STATES = ("needs_attention", "open", "in_sync", "excluded", "waiting", "changed")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's SIDEBAR navigation."""

    def may(right: Right) -> Callable[[HttpRequest], bool]:
        return lambda request: has_right(request.user, right)

    def administrator(request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def item(title: str, icon: str, url_name: str, permission: Any, query: str = "") -> dict[str, Any]:
        url = reverse(f"admin:{url_name}")
        return {
            "title": title,
            "icon": icon,
            "link": f"{url}?{query}" if query else url,
            "permission": permission,
            "active": _is_active(request, url, query),
        }

    return [
        {
            "items": [
                item(gettext("Overview"), "dashboard", "index", may(EVERYBODY)),
                item(gettext("Companies"), "domain", "tenants_tenant_changelist", may(EVERYBODY)),
            ]
        },
        {
            "title": gettext("Records"),
            "items": [
                item(gettext("All pairs"), "link", "mappings_recordlink_changelist", may(EVERYBODY)),
                *(
                    item(title, icon, "mappings_recordlink_changelist", may(EVERYBODY), query)
                    for title, icon, query in (
                        (gettext("In sync"), "check_circle", "state=in_sync"),
                        (gettext("Excluded"), "filter_alt_off", "state=excluded"),
                        (gettext("Waiting records"), "hourglass_empty", "state=waiting"),
                        (gettext("Records that need attention"), "error", "state=needs_attention"),
                        (gettext("Differs"), "difference", "differs=yes"),
                    )
                ),
            ],
        },
        {
            "title": gettext("Hours"),
            "items": [
                item(gettext("Work reports"), "schedule", "sync_workreport_changelist", may(EVERYBODY)),
                *(
                    item(title, icon, "sync_workreport_changelist", may(EVERYBODY), query)
                    for title, icon, query in (
                        (gettext("Hours that need attention"), "error", "state=needs_attention"),
                        (gettext("Changed after transfer"), "published_with_changes", "state=changed"),
                        (gettext("Waits for approval"), "hourglass_empty", "state=waiting"),
                    )
                ),
            ],
        },
        {
            "title": gettext("Work to do"),
            "items": [
                item(gettext("Needs attention"), "error", "sync_causenote_changelist", may(EVERYBODY)),
                item(
                    gettext("Waiting changes"), "schedule", "sync_changeevent_changelist", may(EVERYBODY), "state=open"
                ),
                item(gettext("Held sets"), "front_hand", "sync_heldset_changelist", may(EVERYBODY), "state=open"),
                item(gettext("Overwritten changes"), "history_edu", "sync_synclogentry_overwritten", may(EVERYBODY)),
            ],
        },
        {
            "title": gettext("What happened"),
            "items": [
                item(gettext("Runs"), "play_circle", "sync_run_changelist", may(EVERYBODY)),
                item(gettext("Sync log"), "list_alt", "sync_synclogentry_changelist", may(EVERYBODY)),
                item(gettext("All change events"), "inbox", "sync_changeevent_changelist", may(EVERYBODY)),
                item(gettext("Audit log"), "policy", "tenants_auditentry_changelist", may(Right.AUDIT)),
                item(gettext("API tokens"), "key", "tenants_apitoken_changelist", may(EVERYBODY)),
            ],
        },
        {
            "title": gettext("Setup"),
            "items": [
                item(gettext("Connections"), "cable", "tenants_connection_changelist", may(Right.CONFIGURE)),
                item(gettext("Entity policies"), "tune", "mappings_entitypolicy_changelist", may(Right.CONFIGURE)),
                item(gettext("Policy templates"), "content_copy", "mappings_template_changelist", may(Right.CONFIGURE)),
                item(gettext("Field rules"), "rule", "mappings_fieldrule_changelist", may(Right.CONFIGURE)),
                item(gettext("Value translations"), "translate", "mappings_valuemap_changelist", may(Right.CONFIGURE)),
                item(gettext("Pay calendars"), "calendar_month", "sync_paycalendar_changelist", may(Right.CONFIGURE)),
                item(gettext("Alerts"), "notifications", "sync_alertchannel_changelist", may(Right.CONFIGURE)),
            ],
        },
        {
            "title": gettext("Administration"),
            "items": [
                item(gettext("Usage of last month"), "request_quote", "tenants_tenant_usage", may(Right.CONFIGURE)),
                item(gettext("Users"), "person", "auth_user_changelist", administrator),
                item(gettext("Groups"), "groups", "auth_group_changelist", administrator),
                item(gettext("Memberships"), "badge", "tenants_membership_changelist", administrator),
                item(gettext("Task queue"), "memory", "django_q_ormq_changelist", administrator),
            ],
        },
    ]


def _is_active(request: HttpRequest, url: str, query: str) -> bool:
    """Two entries may lead to the same list; the one with the matching filter is where we are."""
    if url == reverse("admin:index"):
        return request.path == url
    own_pages = {
        "/admin/sync/synclogentry/": request.path.startswith("/admin/sync/synclogentry/overwritten/"),
    }
    if not request.path.startswith(url) or own_pages.get(url, False):
        return False
    if query:
        return request.path == url and query in request.GET.urlencode()
    filtered = {f"state={state}" for state in FILTERED_STATES} | {"differs=yes"}
    is_elsewhere = request.path == url and any(part in filtered for part in request.GET.urlencode().split("&"))
    return not is_elsewhere
