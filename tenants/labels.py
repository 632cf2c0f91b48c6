"""Coloured labels and instants as the console writes them. Knows no unfold: template tags use this module while unfold
itself is being imported.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

#: What a person did, by the stable word stored for it.
ACTIONS = {
    "alert_channel_changed": gettext_lazy("Changed who is told of alerts"),
    "alert_tested": gettext_lazy("Sent a test alert"),
    "answer_accepted": gettext_lazy("Accepted hours as they are"),
    "answer_by_hand": gettext_lazy("Said that hours were done by hand"),
    "answer_change": gettext_lazy("Had a journal line changed"),
    "answer_reverse": gettext_lazy("Had a journal line reversed and booked anew"),
    "answer_send_anyway": gettext_lazy("Had hours sent that looked transferred earlier"),
    "earlier_confirmed": gettext_lazy("Confirmed that hours were transferred earlier"),
    "answer_send_again": gettext_lazy("Had a journal line sent again"),
    "api_token_made": gettext_lazy("Made an API token"),
    "api_token_revoked": gettext_lazy("Revoked an API token"),
    "auditor_pack_exported": gettext_lazy("Took out an auditor pack"),
    "status_link_made": gettext_lazy("Made a link to the status"),
    "second_factor_removed": gettext_lazy("Removed a second factor"),
    "company_confirmed": gettext_lazy("Confirmed a company"),
    "run_step": gettext_lazy("Had a step of the onboarding checked"),
    "run_pre_sale": gettext_lazy("Asked for a pre-sale check"),
    "leaving_begun": gettext_lazy("Began the off-boarding"),
    "leaving_undone": gettext_lazy("Ended the off-boarding: the customer stays"),
    "export_taken": gettext_lazy("Took the export"),
    "company_closed": gettext_lazy("Closed the company"),
    "personal_data_erased": gettext_lazy("Personal data was erased"),
    "secret_entered": gettext_lazy("The customer entered a password or key"),
    "secret_link_made": gettext_lazy("Made a link for a password or key"),
    "secret_link_withdrawn": gettext_lazy("Withdrew a link for a password or key"),
    "template_given": gettext_lazy("Gave the company a policy template"),
    "run_template": gettext_lazy("Rolled a template out"),
    "company_moved": gettext_lazy("Moved to another company"),
    "connection_changed": gettext_lazy("Changed a connection"),
    "connection_paused": gettext_lazy("Paused a connection"),
    "connection_resumed": gettext_lazy("Resumed a connection"),
    "created_again": gettext_lazy("Had a record created again"),
    "deletion_leave": gettext_lazy("Left the other side of a deleted record as it is"),
    "entity_begun": gettext_lazy("Began with a kind of record"),
    "deletion_merged": gettext_lazy("Said which record a deleted one was merged into"),
    "deletion_switch_off": gettext_lazy("Set the other side of a deleted record inactive"),
    "flag_accepted": gettext_lazy("Accepted that fields of a table appeared or went"),
    "held_released": gettext_lazy("Released a held set"),
    "hours_held": gettext_lazy("Held new journal lines back while posting"),
    "hours_let_go": gettext_lazy("Let new journal lines go on after posting"),
    "match_chosen": gettext_lazy("Chose a match"),
    "match_decided": gettext_lazy("Decided in the first matching"),
    "match_list_exported": gettext_lazy("Took out a match list"),
    "hours_check_exported": gettext_lazy("Took out an hours check"),
    "period_signed_off": gettext_lazy("Signed off a period"),
    "match_rejected": gettext_lazy("Said that none of the matches is right"),
    "own_fields_restored": gettext_lazy("Went back to a version of own fields"),
    "paused": gettext_lazy("Paused synchronisation"),
    "resumed": gettext_lazy("Resumed synchronisation"),
    "put_back": gettext_lazy("Put a value back"),
    "retry_many": gettext_lazy("Retried many records"),
    "run_check_up": gettext_lazy("Asked for a check-up"),
    "run_decide": gettext_lazy("Decided on many rows of the first matching"),
    "run_effect": gettext_lazy("Previewed the effect of own fields"),
    "run_hours": gettext_lazy("Fetched hours"),
    "run_hooks": gettext_lazy("Checked or created change URLs in Uniconta"),
    "run_matching": gettext_lazy("Read both systems for the first matching"),
    "run_preview": gettext_lazy("Asked for a preview"),
    "run_pull": gettext_lazy("Fetched from Intempus"),
    "run_reconcile": gettext_lazy("Asked for a full comparison"),
    "run_sweep": gettext_lazy("Checked Uniconta"),
    "run_test": gettext_lazy("Tested a connection"),
    "run_try_out": gettext_lazy("Tried own fields on a record"),
    "run_undo": gettext_lazy("Undid a run"),
    "sync_now": gettext_lazy("Pressed Sync now or Retry"),
    "taken_in_again": gettext_lazy("Took in again what was left out"),
    "unlinked": gettext_lazy("Took a pair apart"),
    "webhook_token_made": gettext_lazy("Made a change URL"),
    "webhook_token_revoked": gettext_lazy("Revoked a change URL"),
    "webhook_url_shown": gettext_lazy("Looked at a change URL"),
    "webhook_wrong_company": gettext_lazy("A change URL was called for another company"),
    "went_live": gettext_lazy("Went live"),
    "went_on": gettext_lazy("Went on after the first ten"),
    "winners_chosen": gettext_lazy("Chose whose values stand in the first matching"),
    "work_types_saved": gettext_lazy("Saved the board of work types"),
}


def action_label(action: str) -> str:
    return str(ACTIONS.get(action, action))


def shown(value: Any) -> SafeString | str:
    """A value as people write it."""
    if value is None or value == "":
        return format_html('<span class="c-muted">{}</span>', _("blank"))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return moment(value) if isinstance(value, datetime) else str(value)


def person_name(user: AbstractUser | None) -> str:
    """A dash where it was nobody in particular, such as the platform itself."""
    return user.get_full_name() or user.get_username() if user else "–"


def label(text: object, tone: str = "neutral", title: object = "") -> SafeString:
    """Tones: good, bad, warning, busy, neutral. The text says it all; colour only helps."""
    if not title:
        return format_html('<span class="c-label c-{}">{}</span>', tone, text)
    return format_html('<span class="c-label c-{}" title="{}">{}</span>', tone, title, text)


def moment(at: datetime | None) -> str:
    """An instant in local time, to the second."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    is_danish = (get_language() or "en").startswith("da")
    return f"{local:%d-%m-%Y %H:%M:%S}" if is_danish else date_format(local, "j M Y H:i:s")


def since(at: datetime) -> str:
    """Since when: the hour if it was today, else the day too."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return f"{local:%H:%M}" if is_today else f"{local:%d-%m-%Y %H:%M}"


def age(at: datetime | None) -> str:
    """How long ago, in one unit; the exact instant belongs in the title."""
    if at is None:
        return _("never")
    seconds = (timezone.now() - at).total_seconds()
    if seconds < 60:
        return _("just now")
    minutes = int(seconds // 60)
    if minutes < 60:
        return _("%(count)s min ago") % {"count": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    days = hours // 24
    return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
