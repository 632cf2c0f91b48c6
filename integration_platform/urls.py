"""Every address the platform answers."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from integration_platform.health import healthz, readyz
from integration_platform.metrics import metrics
from sync.admin.find import explain_view, find_view
from sync.admin.front_page import pin_view, views_view

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/find/", admin.site.admin_view(find_view), name="find"),
    path("admin/find/explain/", admin.site.admin_view(explain_view), name="find_explain"),
    path("admin/views/", admin.site.admin_view(views_view), name="views"),
    path("admin/pin/", admin.site.admin_view(pin_view), name="pin"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # /hooks/…, /.well-known/… and /api/
    path("", include("sync.api.urls")),
]
