"""Messages to a team's chat, through apprise: which addresses are taken, and one message to one of them.

Only the addresses of known chat services are taken, so that no address leads into a private network; redirects are not
followed. Source of what a service's address looks like: apprise's own plugins.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from apprise import NotifyFormat
from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.google_chat import NotifyGoogleChat
from apprise.plugins.slack import NotifySlack
from apprise.plugins.workflows import NotifyWorkflows

#: Their hosts are the services' own whatever an address says, except Teams', which the address names. Loaded one by one:
#: `apprise.Apprise` would load a hundred others.
SERVICES: dict[type[NotifyBase], str] = {
    NotifySlack: "Slack",
    NotifyWorkflows: "Teams",
    NotifyDiscord: "Discord",
    NotifyGoogleChat: "Google Chat",
}
TEAMS_HOSTS = (".logic.azure.com", ".api.powerplatform.com")
NOT_FOLLOWED = "redirect=no"
#: What it writes below a warning has the address in it.
logging.getLogger("apprise").setLevel(logging.WARNING)


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
    if not plugin.notify(body=text, title=title, body_format=NotifyFormat.TEXT):
        raise ChatError(f"{service} did not take the message")


def _open(url: str, allow_private_targets: bool) -> tuple[NotifyBase | None, str]:
    """`allow_private_targets` (demo, tests): also JSON to any address, written with json:// in front."""
    full = f"{url}{'&' if urlsplit(url).query else '?'}{NOT_FOLLOWED}"
    if allow_private_targets and url.startswith("json://"):
        return NotifyJSON(**NotifyJSON.parse_url(full)), "JSON"  # type: ignore[no-untyped-call]
    for plugin, service in SERVICES.items():
        try:
            found = plugin.parse_native_url(full) if url.startswith("https://") else None
            opened = plugin(**found) if found else None
        except TypeError:  # how a plugin refuses an address that looks almost right
            continue
        if opened and (plugin is not NotifyWorkflows or opened.host.lower().endswith(TEAMS_HOSTS)):
            return opened, service
    return None, ""
