"""The console's pages about hours: work reports, the board of work types, the settings, and how a company's hours are."""

from sync.admin.hours import pay_calendar, policy, work_report  # noqa: F401 - registers the pages
