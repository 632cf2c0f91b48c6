from __future__ import annotations

import secrets as random
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant
from tenants.models.webhook_token import hash_token

#: A token's last use is noted this often at most.
NOTED_EVERY = timedelta(minutes=1)


class ApiToken(models.Model):
    """A person's key to the API for some companies. It allows what its scopes name and that person may do today."""

    class Scope(models.TextChoices):
        READ = "read", _("Read")
        EXPLAIN = "explain", _("Explain a record")
        RETRY = "retry", _("Try again")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    # Row security shows it to whoever sees all of these.
    tenant_ids = ArrayField(models.BigIntegerField())
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope), verbose_name=_("allows"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(_("note"), max_length=100, help_text=_("What it is used for."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(tenant_ids__len__gt=0), name="a_token_names_its_companies")
        ]

    def __str__(self) -> str:
        return self.note

    @classmethod
    def issue(
        cls,
        user: AbstractBaseUser,
        tenants: Iterable[Tenant],
        scopes: Iterable[str],
        expires_at: datetime,
        note: str = "",
    ) -> tuple[ApiToken, str]:
        """Store a fresh token; returns its row and the token itself, which is known at this moment only."""
        token = random.token_urlsafe(32)
        row = cls.objects.create(
            user_id=user.pk,
            tenant_ids=sorted(tenant.pk for tenant in tenants),
            scopes=list(scopes),
            token_hash=hash_token(token),
            expires_at=expires_at,
            note=note,
        )
        return row, token

    @classmethod
    def find(cls, token: str) -> ApiToken | None:
        """The row of a token that is valid now, and note that it was used. Call inside a scope of ALL."""
        now = timezone.now()
        valid = cls.objects.filter(token_hash=hash_token(token), revoked_at__isnull=True, expires_at__gt=now)
        row = valid.select_related("user").first()
        if row is not None and (row.used_at is None or now - row.used_at > NOTED_EVERY):
            cls.objects.filter(pk=row.pk).update(used_at=now)
        return row
