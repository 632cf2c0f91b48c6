"""The console's pages about what corresponds to what, as far as a company has its own rows."""

from mappings.admin import entity_policy  # noqa: F401 - registers the pages
