from __future__ import annotations

import hashlib
import secrets as random

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant
from tenants.secrets import seal, unseal


def hash_token(token: str) -> str:
    """Tokens carry 256 random bits, so one round of SHA-256 is enough to keep them out of the database."""
    return hashlib.sha256(token.encode()).hexdigest()


class WebhookToken(models.Model):
    """The secret part of a tenant's webhook URLs. Several may be valid at once, so that URLs can be changed calmly."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="webhook_tokens", verbose_name=_("company"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    sealed_token = models.TextField(editable=False)
    note = models.CharField(_("note"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook token")
        verbose_name_plural = _("webhook tokens")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.note or self.pk}"

    @property
    def _row(self) -> str:
        return f"webhook_token:{self.tenant_id}:{self.token_hash}"

    @classmethod
    def issue(cls, tenant: Tenant, token: str = "", note: str = "") -> WebhookToken:
        """Store a token (a fresh one when none is given) and return its row."""
        token = token or random.token_urlsafe(32)
        row = cls(tenant=tenant, token_hash=hash_token(token), note=note)
        row.sealed_token = seal(token, row._row)
        row.save()
        return row

    @property
    def token(self) -> str:
        return unseal(self.sealed_token, self._row)

    def url(self, system: str) -> str:
        """The URL to paste in `system`. It is a secret: show it only to those who may, and audit it."""
        return f"{settings.PUBLIC_URL.rstrip('/')}/hooks/{self.tenant.slug}/{self.token}/{system}/"
