from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant


class Membership(models.Model):
    """What a person may do for one tenant. Administrators (superusers) need none: they see all."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        BOOKKEEPER = "bookkeeper", _("Bookkeeper")
        AUDITOR = "auditor", _("Auditor")
        SUPPORT = "support", _("Support")
        CONSULTANT = "consultant", _("Consultant")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships", verbose_name=_("company"))
    role = models.CharField(_("role"), max_length=10, choices=Role)

    until = models.DateField(
        _("until"),
        null=True,
        blank=True,
        help_text=_("The last day on which this holds; blank: until it is taken away."),
    )

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_company")]

    def __str__(self) -> str:
        return f"{self.user} – {self.tenant}: {self.get_role_display()}"
