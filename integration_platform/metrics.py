"""/metrics for Prometheus, read from our own tables at each scrape: right for any number of processes.

No label carries customer data; a tenant is named by its slug.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from integration_platform.health import read_state
from mappings.models import RecordLink
from sync.domain.budgets import calls_by_cause
from sync.models import ChangeEvent, Run
from tenants.models import Connection
from tenants.scoping import ALL, tenant_scope


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For this machine, or for whoever sends METRICS_TOKEN as bearer token; everybody else gets 404."""
    if not may_read(request):
        return HttpResponse(status=404)
    registry = CollectorRegistry()
    registry.register(PlatformCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}")
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # behind a proxy on this machine every visitor seems to come from loopback
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class PlatformCollector(Collector):
    """Reads everything in one short transaction."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = read_state()
        with tenant_scope(ALL):
            yield from _ages(state)
            upkeep = GaugeMetricFamily("platform_upkeep_failures", "Kinds of upkeep that fail on a live worker")
            upkeep.add_metric([], state["upkeep_failures"])
            yield upkeep
            yield _counted(
                "platform_open_change_events",
                "Change events that are not finished",
                ChangeEvent.objects.filter(state__in=[*ChangeEvent.OPEN, *STUCK]),
                ("tenant__slug", "state"),
            )
            yield _counted(
                "platform_record_links", "Record links", RecordLink.objects.all(), ("tenant__slug", "entity", "state")
            )
            yield _counted(
                "platform_connections", "Connections", Connection.objects.all(), ("tenant__slug", "system", "state")
            )
            yield _calls()
            yield _last_runs()


STUCK = (ChangeEvent.State.NEEDS_ATTENTION, ChangeEvent.State.QUARANTINED)


def _ages(state: dict[str, Any]) -> Iterator[GaugeMetricFamily]:
    """An age is left out when there is nothing to measure: alert on its absence, too."""
    for name, text, age in (
        ("platform_worker_beat_age_seconds", "Time since a worker last executed its beat", state["worker_beat_age"]),
        ("platform_oldest_due_event_seconds", "How late the oldest due change event is", state["oldest_due_age"] or 0),
    ):
        family = GaugeMetricFamily(name, text)
        if age is not None:
            family.add_metric([], age)
        yield family


def _counted(name: str, text: str, rows: Any, fields: tuple[str, ...]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[field.split("__")[0] for field in fields])
    for row in rows.order_by().values(*fields).annotate(number=Count("pk")):
        family.add_metric([str(row[field]) for field in fields], row["number"])
    return family


def _calls() -> GaugeMetricFamily:
    family = GaugeMetricFamily("platform_calls_today", "Calls to the remote systems today", labels=["system", "cause"])
    for system, cause, count in calls_by_cause():
        family.add_metric([system, cause], count)
    return family


def _last_runs() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "platform_last_successful_run_age_seconds", "Time since a run last succeeded", labels=["tenant", "kind"]
    )
    now = timezone.now()
    done = Run.objects.filter(state=Run.State.DONE, finished_at__isnull=False).order_by()
    for row in done.values("tenant__slug", "kind").annotate(at=Max("finished_at")):
        family.add_metric([row["tenant__slug"], row["kind"]], (now - row["at"]).total_seconds())
    return family
