"""How a person likes the front page."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class Pin(models.Model):
    """A company that stands first on one person's front page."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="pins")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="one_pin_per_company")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.tenant_id}"


class SavedView(models.Model):
    """Search, filter and order of the front page under a name, for one person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_saved_view_per_name")]

    def __str__(self) -> str:
        return self.name
