from __future__ import annotations

import secrets as random

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models.connection import Connection
from tenants.models.tenant import Tenant
from tenants.models.webhook_token import hash_token


class SecretLink(models.Model):
    """A link on which a customer enters one password or key, once and without a log-in. Only the token's hash is kept."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="secret_links", verbose_name=_("company"))
    system = models.CharField(_("system"), max_length=10, choices=Connection.System)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    used_at = models.DateTimeField(_("used"), null=True)
    revoked_at = models.DateTimeField(_("withdrawn"), null=True)

    class Meta:
        verbose_name = _("link for a secret")
        verbose_name_plural = _("links for secrets")
        indexes = [models.Index(fields=["tenant", "system"], name="secret_links_by_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_system_display()}"

    @staticmethod
    def new_token() -> tuple[str, str]:
        """A fresh token, and its hash for keeping."""
        token = random.token_urlsafe(32)
        return token, hash_token(token)

    @staticmethod
    def is_open() -> Q:
        return Q(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
