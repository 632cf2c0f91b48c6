"""/api/tenants/, /api/health/, /api/records/, /api/log/ and /api/needs-attention/: what the console's lists say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mappings.entities import ENTITIES
from mappings.models import RecordLink
from sync.api.access import tenant_named, tenants_of
from sync.domain.catalogue import explain_code
from sync.domain.causes import Kind, causes_of
from sync.domain.health import health, with_readings
from sync.models import SyncLogEntry
from tenants.models import Tenant
from tenants.scoping import ALL, tenant_scope


class TenantLine(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Tenant.State.choices)


class HealthLine(serializers.Serializer[Any]):
    tenant = serializers.CharField(help_text="The company's short name.")
    verdict = serializers.ChoiceField(choices=["good", "warning", "bad", "neutral"], help_text="neutral: not live.")
    pulled_at = serializers.DateTimeField(allow_null=True, help_text="When Intempus was last read whole.")
    swept_at = serializers.DateTimeField(allow_null=True, help_text="When Uniconta was last read whole.")
    waiting = serializers.IntegerField(help_text="Records with changes on the way.")
    held = serializers.IntegerField(help_text="Records whose changes wait for a person's answer.")
    needs_attention = serializers.IntegerField(help_text="Records that only a person can help.")


class RecordQuery(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    entity = serializers.ChoiceField(choices=sorted(ENTITIES), required=False)
    state = serializers.ChoiceField(choices=RecordLink.State.choices, required=False)
    reason = serializers.CharField(required=False)
    number = serializers.CharField(required=False, help_text="The number in either system.")
    changed_since = serializers.DateTimeField(required=False)


class RecordLine(serializers.ModelSerializer[RecordLink]):
    class Meta:
        model = RecordLink
        fields = [
            "id",
            "entity",
            "name",
            "uniconta_key",
            "uniconta_id",
            "intempus_key",
            "intempus_id",
            "state",
            "reason",
            "detail",
            "inactive_reason",
            "differing",
            "changed_at",
        ]


class LogQuery(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    record = serializers.IntegerField(required=False)
    since = serializers.DateTimeField(required=False)


class Change(serializers.Serializer[Any]):
    field = serializers.CharField()
    old = serializers.JSONField()
    new = serializers.JSONField()


class LogLine(serializers.ModelSerializer[SyncLogEntry]):
    record = serializers.IntegerField(source="link_id")
    changes = serializers.SerializerMethodField()

    class Meta:
        model = SyncLogEntry
        fields = ["id", "at", "record", "entity", "origin", "target", "action", "state", "changes", "error_code"]

    @extend_schema(responses=Change(many=True))
    def get_changes(self, entry: SyncLogEntry) -> list[dict[str, Any]]:
        changes = entry.plan.get("changes", [])
        return [{name: change.get(name) for name in ("field", "old", "new")} for change in changes]


class CauseLine(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    code = serializers.CharField()
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    can_retry = serializers.BooleanField()
    text = serializers.CharField(help_text="In the language of Accept-Language: da or en.")
    fix = serializers.CharField()


class Pages(CursorPagination):
    """Pages that stay right while rows are added: follow `next` until it is null."""

    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"


class NewestFirst(Pages):
    ordering = ("-at", "-id")


class ByNumber(Pages):
    ordering = ("id",)


def _tenants(seen: str | list[int]) -> Any:
    rows = Tenant.objects.order_by("slug")
    return rows if seen == ALL else rows.filter(pk__in=seen)


class TenantsView(APIView):
    """The companies you may see."""

    @extend_schema(operation_id="tenants", responses=TenantLine(many=True))
    def get(self, request: Request) -> Response:
        seen = tenants_of(request)
        with tenant_scope(seen):
            return Response(TenantLine(_tenants(seen), many=True).data)


class HealthView(APIView):
    """How each company is doing, as the console's front page judges it."""

    @extend_schema(operation_id="health", responses=HealthLine(many=True))
    def get(self, request: Request) -> Response:
        seen = tenants_of(request)
        with tenant_scope(seen):
            rows = list(with_readings(_tenants(seen)))
            found = health(rows)
        lines = [
            {
                "tenant": row.slug,
                "verdict": each.verdict(found.at),
                "pulled_at": each.pulled.at,
                "swept_at": each.swept.at,
                "waiting": each.waiting,
                "held": each.held_records,
                "needs_attention": each.needs_attention,
            }
            for row, each in zip(rows, found.tenants, strict=True)
        ]
        return Response(HealthLine(lines, many=True).data)


class PagedView(APIView):
    """A list of one company's rows, page by page."""

    pages: type[Pages]

    def page(self, request: Request, tenant: Tenant, rows: Any, serializer: Any) -> Response:
        paginator = self.pages()
        with tenant_scope(tenant.pk):
            found: Any = paginator.paginate_queryset(rows, request, view=self)
            return paginator.get_paginated_response(serializer(found, many=True).data)


def _asked(query: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    read = query(data=request.query_params)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


class RecordsView(PagedView):
    """Where the records of one company stand."""

    pages = ByNumber

    @extend_schema(operation_id="records", parameters=[RecordQuery], responses=RecordLine(many=True))
    def get(self, request: Request) -> Response:
        asked = _asked(RecordQuery, request)
        tenant = tenant_named(request, asked.pop("tenant"))
        rows = RecordLink.objects.filter(tenant=tenant)
        if number := asked.pop("number", ""):
            rows = rows.filter(uniconta_key=number) | rows.filter(intempus_key=number)
        if since := asked.pop("changed_since", None):
            rows = rows.filter(changed_at__gte=since)
        return self.page(request, tenant, rows.filter(**asked), RecordLine)


class LogView(PagedView):
    """What was done with the records of one company, newest first."""

    pages = NewestFirst

    @extend_schema(operation_id="log", parameters=[LogQuery], responses=LogLine(many=True))
    def get(self, request: Request) -> Response:
        asked = _asked(LogQuery, request)
        tenant = tenant_named(request, asked["tenant"])
        rows = SyncLogEntry.objects.filter(tenant=tenant)
        if "record" in asked:
            rows = rows.filter(link_id=asked["record"])
        if "since" in asked:
            rows = rows.filter(at__gte=asked["since"])
        return self.page(request, tenant, rows, LogLine)


class NeedsAttentionView(APIView):
    """What only a person can solve, by company and cause, with what to do about it."""

    @extend_schema(operation_id="needs_attention", responses=CauseLine(many=True))
    def get(self, request: Request) -> Response:
        seen = tenants_of(request)
        with tenant_scope(seen):
            slugs = dict(_tenants(seen).values_list("pk", "slug"))
            causes = causes_of(sorted(slugs))
        lines = [
            {
                "tenant": slugs[part.tenant_id],
                "kind": cause.kind.value,
                "code": cause.code,
                "count": part.count,
                "first_at": part.first_at,
                "last_at": part.last_at,
                "can_retry": cause.can_retry,
                "text": explain_code(cause.code).text,
                "fix": explain_code(cause.code).fix,
            }
            for cause in causes
            for part in cause.parts
        ]
        return Response(CauseLine(lines, many=True).data)
