from __future__ import annotations

from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from tenants.models.tenant import Tenant
from tenants.secrets import seal, unseal


class Breaker(models.Model):
    """Circuit breaker columns: after repeated outages nothing is called until `open_until`."""

    failure_count = models.PositiveIntegerField(default=0, editable=False)
    open_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class RemoteHost(Breaker):
    """A remote system's address, shared by all tenants that call it: one outage of it is one breaker."""

    base_url = models.CharField(primary_key=True, max_length=200)
    # Since when it has not answered anybody; None while it answers.
    down_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.base_url


class Connection(Breaker):
    """A tenant's address, credentials and limits for one system."""

    class System(models.TextChoices):
        UNICONTA = "uniconta", "Uniconta"
        INTEMPUS = "intempus", "Intempus"

    class State(models.TextChoices):
        UNTESTED = "untested", _("Not tested")
        WORKING = "working", _("Working")
        PAUSED = "paused", _("Paused")
        BROKEN = "broken", _("Broken")

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="connections", verbose_name=_("company"))
    system = models.CharField(_("system"), max_length=10, choices=System)
    base_url = models.CharField(_("address"), max_length=200, validators=[URLValidator(schemes=["https", "http"])])
    username = models.CharField(_("user name"), max_length=200)
    sealed_secret = models.TextField(editable=False, blank=True)
    secret_set_at = models.DateTimeField(_("password or key set"), null=True, blank=True, editable=False)
    company_id = models.CharField(_("company id"), max_length=40, blank=True)
    # What the first successful test found; a mismatch afterwards pauses the connection (rule M13).
    pinned_company_id = models.CharField(_("pinned company id"), max_length=40, blank=True, editable=False)
    pinned_company_name = models.CharField(_("pinned company"), max_length=200, blank=True, editable=False)
    pinned_company_number = models.CharField(_("pinned CVR number"), max_length=40, blank=True, editable=False)
    # The pinned company that a person said is the customer’s; another one pinned since is not confirmed.
    confirmed_company_id = models.CharField(max_length=40, blank=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UNTESTED, editable=False)
    state_code = models.CharField(max_length=60, blank=True, editable=False)
    state_detail = models.TextField(_("what the system said"), blank=True, editable=False)
    tested_at = models.DateTimeField(_("last tested"), null=True, blank=True, editable=False)
    #: What `doctor --probe` measured: {name: {"value": bool, "at": ISO time}}. Missing: the safest assumption holds.
    capabilities = models.JSONField(default=dict, blank=True, editable=False)
    calls_per_day = models.PositiveIntegerField(
        _("calls a day"),
        null=True,
        blank=True,
        help_text=_("Only where the company has another limit than usual. What is not urgent waits from 80 % on."),
    )

    history = HistoricalRecords(
        excluded_fields=[
            "sealed_secret",
            "failure_count",
            "open_until",
            "capabilities",
            "tested_at",
        ]
    )

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "system"], name="one_connection_per_system"),
            # Rule M13: one company never belongs to two tenants.
            models.UniqueConstraint(
                fields=["system", "base_url", "pinned_company_id"],
                condition=~models.Q(pinned_company_id=""),
                name="one_tenant_per_company",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_system_display()}"

    @property
    def _row(self) -> str:
        return f"connection:{self.tenant_id}:{self.system}"

    @property
    def secret(self) -> str:
        """The password or API key in clear. Raises SecretError."""
        return unseal(self.sealed_secret, self._row) if self.sealed_secret else ""

    def set_secret(self, value: str) -> None:
        from django.utils import timezone

        self.sealed_secret = seal(value, self._row)
        self.secret_set_at = timezone.now()

    @property
    def is_confirmed(self) -> bool:
        """Whether a person looked at the company that the test found, and said that it is the right one."""
        return bool(self.pinned_company_id) and self.confirmed_company_id == self.pinned_company_id

    @property
    def is_usable(self) -> bool:
        return self.state in (self.State.WORKING, self.State.UNTESTED) and bool(self.sealed_secret)
