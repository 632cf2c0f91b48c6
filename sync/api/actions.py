"""/api/explain/ and /api/retry/: why a record stands where it does, and try again what was mended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mappings.entities import ENTITIES
from mappings.models import RecordLink
from sync.api.access import TokenAuthentication, tenant_named
from sync.connectors.errors import RemoteError
from sync.domain import actions
from sync.domain.explain import explain, sentence
from sync.domain.retry_many import can_retry_all, queue_retry
from tenants.models import ApiToken
from tenants.roles import Right
from tenants.scoping import tenant_scope


class ExplainQuery(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    entity = serializers.ChoiceField(choices=sorted(ENTITIES))
    key = serializers.CharField(help_text="Number or id, in either system.")


class FieldAnswer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment] # a field of that name, as every field has a label
    uniconta = serializers.CharField(allow_blank=True)
    intempus = serializers.CharField(allow_blank=True)
    differs = serializers.BooleanField()


class Sentences(serializers.ListField):
    child = serializers.CharField()


class Answer(serializers.Serializer[Any]):
    title = serializers.CharField()
    standing = Sentences()
    fields = FieldAnswer(many=True)  # type: ignore[assignment] # shadows the serializer's own; see `Explained`
    rules = Sentences()
    plan = Sentences()
    history = Sentences()
    users = Sentences()


class RetryQuery(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    record = serializers.IntegerField(required=False, help_text="One record, by the id that /api/records/ gives.")
    reason = serializers.CharField(required=False, help_text="Or all that need attention for this reason.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("record" in attrs) == ("reason" in attrs):
            raise serializers.ValidationError("Name either a record or a reason.")
        return attrs


class Retried(serializers.Serializer[Any]):
    records = serializers.IntegerField(help_text="How many are tried again.")
    run = serializers.IntegerField(allow_null=True, help_text="The run that does it, when a reason was named.")


class ExplainView(APIView):
    """The sentences that *Why?* says in the console, in the language of Accept-Language.

    With a token only: a record never seen is looked up in both systems, and the transaction of a console's page must
    not stay open meanwhile.
    """

    scope = ApiToken.Scope.EXPLAIN
    authentication_classes = [TokenAuthentication]

    @extend_schema(operation_id="explain", parameters=[ExplainQuery], responses=Answer(many=True))
    def get(self, request: Request) -> Response:
        asked = ExplainQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        tenant = tenant_named(request, asked.validated_data["tenant"])
        try:
            found = explain(tenant.pk, asked.validated_data["entity"], asked.validated_data["key"])
        except RemoteError as error:
            return Response({"detail": sentence(error.code, error.detail)}, status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response([asdict(each) for each in found])


class RetryView(APIView):
    """Try again a record that was mended, or all that need attention for one reason."""

    scope = ApiToken.Scope.RETRY

    @extend_schema(operation_id="retry", request=RetryQuery, responses={202: Retried})
    def post(self, request: Request) -> Response:
        read = RetryQuery(data=request.data)
        read.is_valid(raise_exception=True)
        asked = read.validated_data
        tenant = tenant_named(request, asked["tenant"], Right.RETRY)
        with tenant_scope(tenant.pk):
            answer: dict[str, int | None]
            if "record" in asked:
                wanted = RecordLink.objects.filter(tenant=tenant, pk=asked["record"]).values_list("pk", flat=True)
                answer = {"records": actions.retry(wanted, request.user.pk), "run": None}
            elif not can_retry_all(asked["reason"]):
                raise serializers.ValidationError({"reason": [sentence("answered_one_by_one")]})
            else:
                criteria = {"state": RecordLink.State.NEEDS_ATTENTION.value, "reason": asked["reason"]}
                run = queue_retry(tenant.pk, {"filter": criteria}, request.user.pk)
                answer = {"records": run.total or 0, "run": run.pk} if run else {"records": 0, "run": None}
        return Response(answer, status.HTTP_202_ACCEPTED)
