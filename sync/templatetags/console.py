"""How the console writes instants, ages, values and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from mappings.labels import entity_label
from sync.domain.catalogue import explain_code
from tenants.labels import action_label, age, label, moment, person_name, shown, since

register = template.Library()


register.filter("moment", moment)
register.filter("age", age)
register.filter("since", since)
register.filter("shown", shown)
register.filter("action_name", action_label)


@register.filter
def entity_name(name: str) -> str:
    return entity_label(name)


@register.filter
def system_name(system: str) -> str:
    return {"uniconta": "Uniconta", "intempus": "Intempus"}.get(system, system)


@register.filter
def sentence(code: str) -> str:
    return explain_code(code).text


@register.simple_tag(takes_context=True)
def person(context: dict[str, Any], user: AbstractUser | None) -> str:
    """Somebody's name, with a link for those who may open the account."""
    if user is None or not context["request"].user.is_superuser:
        return person_name(user)
    return format_html('<a href="{}">{}</a>', reverse("admin:auth_user_change", args=[user.pk]), person_name(user))


@register.simple_tag
def tone(text: Any, colour: str, title: str = "") -> SafeString:
    return label(text, colour, title)


@register.simple_tag
def sparkline(values: Sequence[int], width: int = 120, height: int = 28) -> SafeString:
    """Bars per hour as SVG made here: no script, prints well, follows the text's colour."""
    if not values or not any(values):
        return mark_safe('<span class="c-muted">–</span>')
    top, step = max(values), width / len(values)
    bars = "".join(
        f"M{index * step:.0f} {height}v-{max(1, round(value / top * height))}h{step - 1:.0f}V{height}z"
        for index, value in enumerate(values)
    )
    text = _("%(sum)s changes in 24 hours, at most %(top)s in an hour") % {"sum": sum(values), "top": top}
    return format_html(
        '<svg class="c-spark" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" '
        'preserveAspectRatio="none">'
        '<title>{}</title><path d="{}"/></svg>',
        text,
        width,
        height,
        width,
        height,
        text,
        bars,
    )


@register.simple_tag
def freshness(reads: Sequence[int], every: timedelta, now: datetime, width: int = 96, height: int = 22) -> SafeString:
    """Fetches per hour against how many are promised, as bars; an hour with less than half of them stands out.

    `reads`: of 24 hours, the last of which is not over at `now`.
    """
    if not reads:
        return mark_safe('<span class="c-muted">–</span>')
    per_hour = timedelta(hours=1) / every
    promised = [per_hour] * (len(reads) - 1) + [per_hour * timezone.localtime(now).minute / 60]
    late = [index for index, count in enumerate(reads) if count + 1 <= promised[index] / 2]
    step = width / len(reads)

    def bars(indexes: Sequence[int]) -> str:
        shares = ((index, min(1.0, reads[index] / per_hour)) for index in indexes)
        return "".join(
            f"M{index * step:.0f} {height}v-{max(2, round(share * height))}h{step - 1:.0f}V{height}z"
            for index, share in shares
        )

    text = _("Fetched %(sum)s times in 24 hours, promised every %(minutes)s min; %(late)s hours behind") % {
        "sum": sum(reads),
        "minutes": round(every.total_seconds() / 60),
        "late": len(late),
    }
    return format_html(
        '<svg class="c-spark" role="img" aria-label="{0}" width="{1}" height="{2}" viewBox="0 0 {1} {2}" '
        'preserveAspectRatio="none"><title>{0}</title><path d="{3}"/><path class="c-spark-late" d="{4}"/></svg>',
        text,
        width,
        height,
        bars([index for index in range(len(reads)) if index not in late]),
        bars(late),
    )


@register.filter
def week_name(monday: date) -> str:
    """The week as people say it: "week 9, 2027"."""
    year, week, _day = monday.isocalendar()
    return _("week %(week)s, %(year)s") % {"week": week, "year": year}


#: The chart's picture, in its own units: a bar per figure, the three figures of a week side by side.
CHART_WIDTH, CHART_HEIGHT, CHART_FOOT, LABELS_AT_MOST = 960, 200, 20, 20


@register.simple_tag
def week_chart(weeks: Sequence[tuple[date, Any]], unit: str) -> SafeString:
    """Ready, transferred and posted of every week from the first to the last; each week says its figures."""
    if not weeks:
        return mark_safe("")
    by_week = dict(weeks)
    first, last = min(by_week), max(by_week)
    mondays = [first + timedelta(days=days) for days in range(0, (last - first).days + 1, 7)]
    names = ("ready", "transferred", "posted")
    top = max(float(abs(getattr(sums, name))) for sums in by_week.values() for name in names) or 1.0
    step, every = CHART_WIDTH / len(mondays), -(-len(mondays) // LABELS_AT_MOST)
    width = min(step / 4, 40.0)
    parts = []
    for index, monday in enumerate(mondays):
        left = index * step + (step - 3 * width) / 2
        if sums := by_week.get(monday):
            figures = [number_format(getattr(sums, name), 2) for name in names]
            text = _("%(week)s: %(ready)s ready, %(transferred)s transferred, %(posted)s posted") % {
                "week": week_name(monday),
                **dict(zip(names, figures, strict=True)),
            }
            bars = [
                (name, left + place * width, width - 1, max(0.0, float(getattr(sums, name))) / top * CHART_HEIGHT)
                for place, name in enumerate(names)
            ]
            rects = format_html_join(
                "",
                '<rect class="c-bar-{}" x="{}" y="{}" width="{}" height="{}"/>',
                (
                    (name, f"{x:.1f}", f"{CHART_HEIGHT - height:.1f}", f"{w:.1f}", f"{height:.1f}")
                    for name, x, w, height in bars
                ),
            )
            parts.append(format_html("<g><title>{}</title>{}</g>", text, rects))
        if index % every == 0:
            middle, number = f"{index * step + step / 2:.1f}", monday.isocalendar().week
            parts.append(
                format_html('<text x="{}" y="{}" text-anchor="middle">{}</text>', middle, CHART_HEIGHT + 15, number)
            )
    return format_html(
        '<svg class="c-chart" role="img" aria-label="{}" viewBox="0 0 {} {}"><line x1="0" x2="{}" y1="{}" y2="{}"/>{}</svg>',
        _("Ready, transferred and posted by week: %(unit)s") % {"unit": unit},
        CHART_WIDTH,
        CHART_HEIGHT + CHART_FOOT,
        CHART_WIDTH,
        CHART_HEIGHT,
        CHART_HEIGHT,
        format_html_join("", "{}", ((part,) for part in parts)),
    )
