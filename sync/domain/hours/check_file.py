"""The hours check as a spreadsheet: sums by employee and by week, every difference, and what waits. Call inside a scope."""

from __future__ import annotations

from django.utils.translation import gettext

from sync.domain.catalogue import explain_code
from sync.domain.hours.completeness import Amount, Check, awaited, differences
from sync.domain.spreadsheet import book, sheet


def as_xlsx(check: Check) -> bytes:
    """Amounts are numbers, days are dates, and no text can be a formula."""
    span = check.span
    amounts = [gettext(name) for name in ("Ready", "Transferred", "Posted", "Answered", "Difference")]
    person = [gettext("Number of employee"), gettext("Employee")]
    sheets = [
        sheet(
            gettext("By employee"),
            [*person, gettext("Unit"), *amounts],
            [[who.number, who.name, unit, *_columns(amount)] for (who, unit), amount in check.by_employee.items()],
        ),
        sheet(
            gettext("By week"),
            [gettext("Year"), gettext("Week"), gettext("Unit"), *amounts],
            [[*monday.isocalendar()[:2], unit, *_columns(amount)] for (monday, unit), amount in check.by_week.items()],
        ),
        sheet(
            gettext("Differences"),
            [
                gettext("Day"),
                gettext("Report"),
                *person,
                gettext("Case"),
                gettext("Work type"),
                gettext("Unit"),
                *amounts[:2],
                gettext("Difference"),
                gettext("Why"),
                gettext("About"),
            ],
            [
                [
                    each.starts_on,
                    each.intempus_id,
                    each.employee.number,
                    each.employee.name,
                    each.case,
                    each.work_type,
                    each.unit,
                    float(each.ready),
                    float(each.transferred),
                    float(each.difference),
                    explain_code(each.code, each.about).text,
                    each.about,
                ]
                for each in differences(span)
            ],
        ),
        sheet(
            gettext("Waits for approval"),
            [gettext("Approver"), gettext("Reports"), gettext("Unit"), gettext("Amount"), gettext("Oldest day")],
            [
                [each.approver, each.reports.count, unit, float(amount), each.oldest_on]
                for each in awaited(span)
                for unit, amount in each.reports.amounts.items()
            ],
        ),
    ]
    return book(sheets)


def _columns(amount: Amount) -> list[float]:
    return [
        float(each) for each in (amount.ready, amount.transferred, amount.posted, amount.answered, amount.difference)
    ]
