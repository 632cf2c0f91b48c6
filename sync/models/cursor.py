from __future__ import annotations

from django.db import models

from tenants.models import Tenant


class Cursor(models.Model):
    """Reading position of a pull in Intempus' global change counter.

    `trail` holds [[seconds since 1970, value], …]: where the counter stood a while ago. Reading restarts a few minutes
    back, because a transaction may commit with a lower stamp than one we already saw.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    entity = models.CharField(max_length=40)
    value = models.BigIntegerField(default=0)
    trail = models.JSONField(default=list)
    read_at = models.DateTimeField(null=True)
    # The same for Uniconta, which has no cursor: when it was last heard of this entity there …
    uniconta_read_at = models.DateTimeField(null=True)
    # … and when its table was last read whole.
    swept_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "entity"], name="one_cursor_per_entity")]

    def __str__(self) -> str:
        return f"{self.entity}: {self.value}"
