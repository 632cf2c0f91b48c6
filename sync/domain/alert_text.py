"""The words of an alert, in the active language: one line per cause, whatever number of companies has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from sync.domain.catalogue import explain_code
from sync.models import Alert, AlertChannel
from tenants.labels import since

NAMES_SHOWN = 10


def compose(news: Sequence[Alert], names: Mapping[int | None, str], going_on: int) -> tuple[str, str]:
    """Title and text. `names`: of the companies; `going_on`: how many told earlier still last."""
    begun = _by_cause([alert for alert in news if alert.ended_at is None or alert.told_at is None])
    over = _by_cause([alert for alert in news if alert.ended_at is not None and alert.told_at is not None])
    parts: list[str] = []
    for alerts in begun:
        why = explain_code(alerts[0].code)
        parts += [_line(alerts, names), *([f"{gettext('What to do:')} {why.fix}"] if why.fix else []), ""]
    if over:
        parts += [gettext("Over:"), *(_line(alerts, names) for alerts in over), ""]
    if going_on:
        text = ngettext("%(count)s told earlier goes on.", "%(count)s told earlier go on.", going_on)
        parts += [text % {"count": going_on}, ""]
    parts.append(settings.PUBLIC_URL + reverse("admin:sync_causenote_changelist"))
    return _title(begun, over, names), "\n".join(parts)


def _by_cause(alerts: Sequence[Alert]) -> list[list[Alert]]:
    found: dict[tuple[str, str, str], list[Alert]] = {}
    for alert in alerts:
        found.setdefault((alert.kind, alert.code, alert.about), []).append(alert)
    order = list(AlertChannel.Kind)
    return sorted(found.values(), key=lambda rows: (order.index(AlertChannel.Kind(rows[0].kind)), -len(rows)))


def _title(begun: Sequence[Sequence[Alert]], over: Sequence[Sequence[Alert]], names: Mapping[int | None, str]) -> str:
    first = (begun or over)[0]
    text = _heading(first[0])
    who = names.get(first[0].tenant_id, "") if len(first) == 1 else _companies(len(first))
    title = f"{text} {who}".strip() if begun else gettext("Over: %(what)s") % {"what": f"{text} {who}".strip()}
    more = len(begun) + len(over) - 1
    return f"{title} (+{more})" if more else title


def _companies(count: int) -> str:
    return ngettext("%(count)s company", "%(count)s companies", count) % {"count": count}


def _heading(alert: Alert) -> str:
    if alert.kind == AlertChannel.Kind.HOST:
        return gettext("%(system)s down since %(time)s.") % {"system": alert.about, "time": since(alert.since_at)}
    about = alert.about if alert.kind in (AlertChannel.Kind.BROKEN, AlertChannel.Kind.PAYROLL) else ""
    text = explain_code(alert.code).text
    return f"{about}: {text}" if about else text


def _line(alerts: Sequence[Alert], names: Mapping[int | None, str]) -> str:
    text = _heading(alerts[0])
    companies = [
        f"{names[alert.tenant_id]} ({alert.count})" if alert.count else names[alert.tenant_id]
        for alert in alerts
        if alert.tenant_id in names
    ]
    if not companies:
        return text
    shown, more = companies[:NAMES_SHOWN], len(companies) - NAMES_SHOWN
    said = ", ".join(shown) + (gettext(" and %(count)s more") % {"count": more} if more > 0 else "")
    return f"{text} {said}"
