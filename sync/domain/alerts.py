"""Tell people: one message per channel for all that is new or over, each trouble once and its end once.

What was told is stored before the message goes out (`batch`), and confirmed afterwards. A message that was begun and never
confirmed, because its process was killed, counts as told: nothing is told twice. See decision 0038.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext

from sync.connectors import chat
from sync.domain.alert_text import compose
from sync.domain.causes import Kind as CauseKind
from sync.domain.causes import causes_of, forget_healed
from sync.domain.hours.bank_days import is_bank_day
from sync.domain.troubles import Trouble, find_troubles
from sync.models import Alert, AlertChannel
from tenants.models import Membership, Tenant
from tenants.scoping import ALL, tenant_scope
from tenants.secrets import SecretError

log = structlog.get_logger()

#: A message takes seconds; one that was begun so long ago was cut off.
CUT_OFF_AFTER = timedelta(minutes=10)
#: What is behind may catch up by itself, after an outage for instance; told when it has been so for this long.
PATIENCE = timedelta(minutes=10)
LONGEST_BACK_OFF = timedelta(hours=1)
#: A mail server or chat may answer anything; this much of it is kept.
FAILURE_CHARACTERS = 300


def tell(now: datetime | None = None) -> int:
    """Compare every channel with how things stand, and send what is due; returns how many messages went out."""
    now = now or timezone.now()
    with tenant_scope(ALL):
        channels = list(AlertChannel.objects.filter(is_active=True).order_by("pk"))
        causes = causes_of(ALL)
        forget_healed(causes)
        troubles = find_troubles(causes) if channels else []
        for channel in channels:
            _note(channel, troubles)
    return sum(_send(channel.pk, now) for channel in channels)


def companies_of(channel: AlertChannel) -> str | list[int]:
    """ALL or the ids of the companies a channel is about."""
    if channel.tenant_id:
        return [channel.tenant_id]
    if channel.group_id is None:
        return ALL
    people = get_user_model().objects.filter(groups=channel.group_id, is_active=True)
    if people.filter(is_superuser=True).exists():
        return ALL
    return list(Membership.objects.filter(user__in=people).values_list("tenant_id", flat=True).distinct())


def recipients_of(channel: AlertChannel) -> list[str]:
    """The addresses of a mail channel: its own, else those of the staff group's members."""
    own = channel.recipients.replace(",", " ").replace(";", " ").split()
    if own or channel.group_id is None:
        return own
    people = get_user_model().objects.filter(groups=channel.group_id, is_active=True).exclude(email="")
    return list(people.order_by("pk").values_list("email", flat=True))


# ------------------------------------------------------------------------------------------------ what is known


def _wanted(channel: AlertChannel, troubles: Iterable[Trouble]) -> dict[Any, Trouble]:
    companies = companies_of(channel)
    mine = [
        each
        for each in troubles
        if each.kind in channel.kinds
        and (each.tenant_id is None or companies == ALL or each.tenant_id in companies)
        and (each.tenant_id is not None or channel.tenant_id is None)
    ]
    counts: dict[int | None, int] = {}
    for each in mine:
        if each.kind == AlertChannel.Kind.FAILING and each.about != CauseKind.QUESTION:
            counts[each.tenant_id] = counts.get(each.tenant_id, 0) + each.count
    return {each.key: each for each in mine if _is_enough(channel, each, counts)}


def _is_enough(channel: AlertChannel, each: Trouble, counts: dict[int | None, int]) -> bool:
    if each.kind != AlertChannel.Kind.FAILING or each.about == CauseKind.QUESTION:
        return True
    return counts[each.tenant_id] > channel.attention_above


def _note(channel: AlertChannel, troubles: Iterable[Trouble]) -> None:
    """Bring what a channel knows up to date: what is new, what goes on, what is over. Call inside a scope of ALL."""
    if not AlertChannel.objects.select_for_update().filter(pk=channel.pk):
        return  # deleted a moment ago
    wanted = _wanted(channel, troubles)
    # A system that is down explains why its companies are late; what was told before stays told.
    are_cut_off = {each.tenant_id for each in wanted.values() if each.kind == AlertChannel.Kind.HOST}
    known = {
        (alert.tenant_id, alert.kind, alert.code, alert.about): alert
        for alert in Alert.objects.filter(channel=channel).order_by("pk")
    }
    Alert.objects.bulk_create(
        Alert(
            channel=channel,
            tenant_id=each.tenant_id,
            kind=each.kind,
            code=each.code,
            about=each.about,
            count=each.count,
            since_at=each.since or timezone.now(),
        )
        for key, each in wanted.items()
        if key not in known and not (each.kind == AlertChannel.Kind.STALE and each.tenant_id in are_cut_off)
    )
    gone = [alert.pk for key, alert in known.items() if key not in wanted]
    # Nobody heard of it: nobody needs to hear that it is over.
    Alert.objects.filter(pk__in=gone, told_at=None, batch=None).delete()
    Alert.objects.filter(pk__in=gone, ended_at=None).update(ended_at=Now())
    back = [alert.pk for key, alert in known.items() if key in wanted and alert.ended_at]
    Alert.objects.filter(pk__in=back).update(ended_at=None)
    changed = [alert for key, alert in known.items() if key in wanted and alert.count != wanted[key].count]
    for alert in changed:
        alert.count = wanted[(alert.tenant_id, alert.kind, alert.code, alert.about)].count
    Alert.objects.bulk_update(changed, ["count"], batch_size=500)


# ----------------------------------------------------------------------------------------------------- sending


def is_quiet(channel: AlertChannel, now: datetime) -> bool:
    """Whether a channel keeps silent now: by the hour, or because it is no bank day."""
    local = timezone.localtime(now)
    if channel.is_bank_days_only and not is_bank_day(local.date()):
        return True
    begin, end = channel.quiet_from, channel.quiet_until
    if begin is None or end is None or begin == end:
        return False
    time = local.time()
    return begin <= time < end if begin < end else time >= begin or time < end


def _send(channel_id: int, now: datetime) -> int:
    """Claim what is due, send it, confirm it: three steps, so that no transaction waits for a mail server."""
    message = _claim(channel_id, now)
    if message is None:
        return 0
    channel, batch, title, text, to = message
    failure = deliver(channel, title, text, to)
    with tenant_scope(ALL):
        _confirm(channel_id, batch, now, failure)
    return 0 if failure else 1


def _claim(channel_id: int, now: datetime) -> tuple[AlertChannel, uuid.UUID, str, str, list[str]] | None:
    with tenant_scope(ALL):
        channel = AlertChannel.objects.select_for_update().filter(pk=channel_id).first()
        if channel is None:
            return None
        if channel.batch is not None:
            if channel.batch_at and now - channel.batch_at < CUT_OFF_AFTER:
                return None  # another process is at it
            log.warning("alert_unconfirmed", channel=channel.pk)
            _settle(channel.batch, now)
            channel.unconfirmed_at, channel.batch = now, None
            _keep(channel, "unconfirmed_at", "batch")
        if now < channel.due_at:
            return None
        news = _news(channel, now)
        if not news:
            return None
        batch = uuid.uuid4()
        Alert.objects.filter(pk__in=[alert.pk for alert in news]).update(batch=batch)
        channel.batch, channel.batch_at = batch, now
        _keep(channel, "batch", "batch_at")
        going_on = Alert.objects.filter(channel=channel, told_at__isnull=False, ended_at=None, batch=None)
        names: dict[int | None, str] = dict(
            Tenant.objects.filter(pk__in={alert.tenant_id for alert in news}).values_list("pk", "name")
        )
        with translation.override(channel.language):
            title, text = compose(news, names, going_on.count())
        return channel, batch, title, text, recipients_of(channel)


def _news(channel: AlertChannel, now: datetime) -> Sequence[Alert]:
    """What is to be told now: new and lasting, or told and over."""
    is_news = Q(told_at=None, ended_at=None) | Q(told_at__isnull=False, ended_at__isnull=False)
    news = Alert.objects.filter(is_news, channel=channel, batch=None).order_by("since_at", "pk")
    is_early = Q(kind=AlertChannel.Kind.STALE, noted_at__gt=now - PATIENCE, told_at=None)
    news = news.exclude(is_early)
    is_too_soon = channel.sent_at is not None and now - channel.sent_at < timedelta(minutes=channel.every_minutes)
    if not is_quiet(channel, now) and not is_too_soon:
        return list(news)
    return list(news.filter(kind__in=AlertChannel.URGENT)) if channel.is_urgent_at_once else []


def deliver(channel: AlertChannel, title: str, text: str, to: Sequence[str]) -> str:
    """Send one message; returns what went wrong, without any secret, or "". Call outside a scope."""
    try:
        if channel.medium == AlertChannel.Medium.CHAT:
            chat.say(channel.chat_url, title, text, allow_private_targets=settings.ALLOW_PRIVATE_TARGETS)
        elif to:
            send_mail(title, text, None, list(to))
        else:
            with translation.override(channel.language):
                return gettext("There is no e-mail address.")
    except (chat.ChatError, SecretError, OSError) as error:  # SMTPException is an OSError
        return (str(error) or type(error).__name__)[:FAILURE_CHARACTERS]
    return ""


def _confirm(channel_id: int, batch: uuid.UUID, now: datetime, failure: str) -> None:
    channel = AlertChannel.objects.select_for_update().filter(pk=channel_id).first()
    if channel is None or channel.batch != batch:
        return  # deleted, or taken for cut off meanwhile
    channel.batch, channel.failure = None, failure
    if failure:
        Alert.objects.filter(batch=batch).update(batch=None)
        channel.failure_count += 1
        channel.due_at = now + min(timedelta(minutes=2 ** min(channel.failure_count, 10)), LONGEST_BACK_OFF)
    else:
        _settle(batch, now)
        channel.failure_count, channel.sent_at = 0, now
    _keep(channel, "batch", "failure", "failure_count", "due_at", "sent_at")


def _keep(channel: AlertChannel, *columns: str) -> None:
    """Without a history: it is no setting."""
    AlertChannel.objects.filter(pk=channel.pk).update(**{name: getattr(channel, name) for name in columns})


def _settle(batch: uuid.UUID, now: datetime) -> None:
    """What a message said has been told: the end of a trouble ends its row."""
    Alert.objects.filter(batch=batch, told_at__isnull=False).delete()
    Alert.objects.filter(batch=batch).update(told_at=now, batch=None)


def send_test(channel_id: int) -> str:
    """One message that says it is a test; returns what went wrong, or ""."""
    with tenant_scope(ALL):
        channel = AlertChannel.objects.get(pk=channel_id)
        to = recipients_of(channel)
    with translation.override(channel.language):
        title = gettext("Test: %(channel)s") % {"channel": channel.name}
        text = gettext("This is a test. Alerts of the integration between Uniconta and Intempus arrive here.")
    failure = deliver(channel, title, text, to)
    with tenant_scope(ALL):
        channel = AlertChannel.objects.select_for_update().get(pk=channel_id)
        channel.tested_at, channel.test_failure = timezone.now(), failure
        _keep(channel, "tested_at", "test_failure")
    return failure
