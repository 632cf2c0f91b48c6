from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from mappings.labels import entity_label
from mappings.models.entity_policy import PolicySettings
from tenants.models import Tenant


class Template(models.Model):
    """A named set of policies used for many tenants. It belongs to the installation and names no tenant."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    description = models.TextField(_("for whom it is"), blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("policy template")
        verbose_name_plural = _("policy templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplatePolicy(PolicySettings):
    """What a template says about one entity. A blank text leaves the matter to each tenant."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="policies", verbose_name=_("policy template"))

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("policy of the template")
        verbose_name_plural = _("policies of the template")
        constraints = [models.UniqueConstraint(fields=["template", "entity"], name="one_template_policy_per_entity")]

    def __str__(self) -> str:
        return f"{self.template}: {entity_label(self.entity)}"


class TemplateUse(models.Model):
    """Which template a tenant follows, and what it was given last: what differs from that since is the tenant's own choice."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="template_use", verbose_name=_("company"))
    template = models.ForeignKey(Template, models.PROTECT, related_name="uses", verbose_name=_("policy template"))
    given = models.JSONField(default=dict)  # {entity: {field: value}}
    given_at = models.DateTimeField(_("given"), auto_now=True)

    class Meta:
        verbose_name = _("use of a template")
        verbose_name_plural = _("uses of templates")

    def __str__(self) -> str:
        return f"{self.tenant}: {self.template}"
