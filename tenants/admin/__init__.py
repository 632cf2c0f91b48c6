"""The console's pages about companies and people. `sync.admin` adds what starts runs to the company's page."""

from tenants.admin import api_token, audit, connection, membership, people, webhook_token  # noqa: F401 - registers the pages
