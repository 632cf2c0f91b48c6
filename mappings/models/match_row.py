from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from mappings.models.record_link import RecordLink
from tenants.models import Tenant


class MatchRow(models.Model):
    """One row of the first matching: a record, what it was found to be, and what a person decided about it.

    `link` is the record: the Uniconta half of a pair, else the half there is. The row stays after both became one link,
    as the answer to "who said so?".
    """

    class Category(models.TextChoices):
        CERTAIN = "certain", _("Certain")
        PROBABLE = "probable", _("Probable")
        AMBIGUOUS = "ambiguous", _("Ambiguous")
        ONLY_IN_UNICONTA = "only_in_uniconta", _("Only in Uniconta")
        ONLY_IN_INTEMPUS = "only_in_intempus", _("Only in Intempus")

    class Decision(models.TextChoices):
        LINK = "link", _("Link")
        EXCLUDE = "exclude", _("Exclude")
        CREATE = "create", _("Create")

    #: What waits for a person, whatever else happens.
    ASKED = (Category.PROBABLE, Category.AMBIGUOUS)

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="match_rows", db_index=False, verbose_name=_("company")
    )
    entity = models.CharField(_("entity"), max_length=40)
    category = models.CharField(_("category"), max_length=20, choices=Category)
    link = models.OneToOneField(RecordLink, models.CASCADE, related_name="match_row", verbose_name=_("record"))
    other = models.ForeignKey(RecordLink, models.SET_NULL, related_name="+", null=True, verbose_name=_("candidate"))
    key = models.CharField(_("matched by"), max_length=300, blank=True)
    candidates = ArrayField(models.BigIntegerField(), default=list)  # of an ambiguous row: links of the other system
    writes = ArrayField(models.CharField(max_length=30), default=list)  # ["create intempus", …], as decided so far
    reason = models.CharField(max_length=60, blank=True)  # why nothing is written, or why not yet
    decision = models.CharField(_("decision"), max_length=10, choices=Decision, blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        verbose_name = _("match row")
        verbose_name_plural = _("match rows")
        indexes = [
            models.Index(fields=["tenant", "entity", "category", "id"], name="match_rows_by_category"),
            models.Index(fields=["other"], condition=models.Q(other__isnull=False), name="match_rows_by_other"),
        ]

    def __str__(self) -> str:
        return f"{self.get_category_display()}: {self.link_id}"

    @property
    def is_asked(self) -> bool:
        """Whether it waits for a person: neither linked nor created by itself."""
        return not self.decision and self.category in self.ASKED
