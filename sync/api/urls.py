"""Included at the root: webhooks, the file Intempus asks for, and the status API."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from sync.api.actions import ExplainView, RetryView
from sync.api.records import HealthView, LogView, NeedsAttentionView, RecordsView, TenantsView
from sync.api.secret_form import secret_view
from sync.api.status import StatusView
from sync.api.webhooks import IntempusWebhook, UnicontaWebhook, authorized_senders, unknown_webhook

app_name = "sync_api"

urlpatterns = [
    # With or without the last slash: a redirect would turn a POST into a GET and lose nothing but time, or everything.
    re_path(r"^hooks/(?P<slug>[^/]+)/(?P<token>[^/]+)/uniconta/?$", UnicontaWebhook.as_view(), name="uniconta-webhook"),
    re_path(r"^hooks/(?P<slug>[^/]+)/(?P<token>[^/]+)/intempus/?$", IntempusWebhook.as_view(), name="intempus-webhook"),
    re_path(r"^hooks/", unknown_webhook),
    path("secret/<str:token>/", secret_view, name="secret"),
    path(".well-known/webhook-authorized-senders.json", authorized_senders, name="authorized-senders"),
    path("api/status/", StatusView.as_view(), name="status"),
    path("api/tenants/", TenantsView.as_view(), name="tenants"),
    path("api/health/", HealthView.as_view(), name="health"),
    path("api/records/", RecordsView.as_view(), name="records"),
    path("api/log/", LogView.as_view(), name="log"),
    path("api/needs-attention/", NeedsAttentionView.as_view(), name="needs-attention"),
    path("api/explain/", ExplainView.as_view(), name="explain"),
    path("api/retry/", RetryView.as_view(), name="retry"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
