"""Messages to a team's chat, through apprise: which addresses are taken, and one message to one of them.

Only the addresses of known chat services are taken, so that no address leads into a private network; redirects are not
followed. Source of what a service's address looks like: apprise's own plugins.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import apprise

#: apprise's plugins. Their hosts are the services' own whatever an address says, except Teams', which the address names.
SERVICES = {
    "NotifySlack": "Slack",
    "NotifyWorkflows": "Teams",
    "NotifyDiscord": "Discord",
    "NotifyGoogleChat": "Google Chat",
}
#: Where private targets are allowed (demo, tests): JSON to any address.
OPEN_SERVICES = {"NotifyJSON": "JSON"}
TEAMS, TEAMS_HOSTS = "NotifyWorkflows", (".logic.azure.com", ".api.powerplatform.com")
NOT_FOLLOWED = "redirect=no"


class ChatError(Exception):
    """The message did not arrive, as far as we know. Carries no part of the address: that is a secret."""


def service_of(url: str, *, allow_private_targets: bool = False) -> str:
    """The name of the service an address belongs to; "" when it is none of those taken."""
    return _open(url, allow_private_targets)[1]


def say(url: str, title: str, text: str, *, allow_private_targets: bool = False) -> None:
    """Post one message. Raises ChatError; then it may be tried again."""
    plugin, service = _open(url, allow_private_targets)
    if plugin is None:
        raise ChatError("not the address of a chat")
    if not plugin.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
        raise ChatError(f"{service} did not take the message")


def _open(url: str, allow_private_targets: bool) -> tuple[apprise.NotifyBase | None, str]:
    taken = SERVICES | OPEN_SERVICES if allow_private_targets else SERVICES
    address = urlsplit(url)
    if address.scheme != "https" and not allow_private_targets:
        return None, ""
    try:
        plugin = apprise.Apprise.instantiate(f"{url}{'&' if address.query else '?'}{NOT_FOLLOWED}")
    except Exception:  # noqa: BLE001 - plugins raise what they like at an address that is none
        return None, ""
    name = type(plugin).__name__
    if name not in taken or not isinstance(plugin, apprise.NotifyBase):
        return None, ""
    if name == TEAMS and not plugin.host.lower().endswith(TEAMS_HOSTS):
        return None, ""
    return plugin, taken[name]
