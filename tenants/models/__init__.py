from tenants.models.api_token import ApiToken
from tenants.models.audit import AuditEntry
from tenants.models.connection import Connection, RemoteHost
from tenants.models.membership import Membership
from tenants.models.secret_link import SecretLink
from tenants.models.tenant import Tenant
from tenants.models.webhook_token import WebhookToken

__all__ = ["ApiToken", "AuditEntry", "Connection", "Membership", "RemoteHost", "SecretLink", "Tenant", "WebhookToken"]
