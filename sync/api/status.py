"""/api/status/: how things stand for each tenant the caller may see."""

from __future__ import annotations

from typing import Any

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sync.api.access import tenants_of
from sync.models import Run
from tenants.models import Connection, Tenant
from tenants.scoping import tenant_scope

#: Counting stops here, so that a huge backlog does not make its own status slow.
MOST = 10_000

COUNTS = f"""
SELECT t.id,
    (SELECT count(*) FROM (
        SELECT FROM sync_changeevent e WHERE e.tenant_id = t.id AND e.state = 'pending' AND e.due_at <= statement_timestamp() LIMIT {MOST}
    ) due) AS due_events,
    (SELECT min(e.due_at) FROM sync_changeevent e
        WHERE e.tenant_id = t.id AND e.state = 'pending' AND e.due_at <= statement_timestamp()) AS oldest_due_at,
    (SELECT count(*) FROM mappings_recordlink r
        WHERE r.tenant_id = t.id AND r.state = 'needs_attention') AS needs_attention
FROM tenants_tenant t WHERE t.id = ANY(%s)
"""  # noqa: S608 - a constant of this module


class ConnectionStatus(serializers.Serializer[Any]):
    system = serializers.ChoiceField(choices=Connection.System.choices)
    state = serializers.ChoiceField(choices=Connection.State.choices)
    state_code = serializers.CharField(allow_blank=True, help_text="Why it is paused or broken.")
    cut_off_until = serializers.DateTimeField(
        source="open_until", allow_null=True, help_text="After repeated outages nothing is called before this time."
    )
    tested_at = serializers.DateTimeField(allow_null=True)


class RunStatus(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Run.State.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)


class TenantStatus(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Tenant.State.choices)
    connections = ConnectionStatus(many=True)
    due_events = serializers.IntegerField(help_text=f"Changes that wait to be processed now, counted up to {MOST}.")
    oldest_due_at = serializers.DateTimeField(allow_null=True, help_text="Since when the oldest of them is due.")
    needs_attention = serializers.IntegerField(help_text="Records that only a person can help.")
    last_pull = RunStatus(allow_null=True)
    last_sweep = RunStatus(allow_null=True)


def read_status(tenants: str | list[int]) -> list[dict[str, Any]]:
    """One dict per tenant as TenantStatus takes it; `tenants` as `tenants_of` names them."""
    with tenant_scope(tenants):
        rows = Tenant.objects.prefetch_related("connections").order_by("slug")
        if not isinstance(tenants, str):
            rows = rows.filter(pk__in=tenants)
        found = list(rows)
        last = {
            kind: {
                run.tenant_id: run
                for run in Run.objects.filter(kind=kind, tenant__in=found)
                .order_by("tenant_id", "-created_at")
                .distinct("tenant_id")
            }
            for kind in (Run.Kind.PULL, Run.Kind.SWEEP)
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNTS, [[tenant.pk for tenant in found]])
            counts = {row[0]: row[1:] for row in cursor.fetchall()}
    return [
        {
            "slug": tenant.slug,
            "name": tenant.name,
            "state": tenant.state,
            "connections": sorted(tenant.connections.all(), key=lambda one: one.system, reverse=True),
            "due_events": counts[tenant.pk][0],
            "oldest_due_at": counts[tenant.pk][1],
            "needs_attention": counts[tenant.pk][2],
            "last_pull": last[Run.Kind.PULL].get(tenant.pk),
            "last_sweep": last[Run.Kind.SWEEP].get(tenant.pk),
        }
        for tenant in found
    ]


class StatusView(APIView):
    """How things stand for each company you may see."""

    @extend_schema(operation_id="status", responses=TenantStatus(many=True))
    def get(self, request: Request) -> Response:
        return Response(TenantStatus(read_status(tenants_of(request)), many=True).data)
