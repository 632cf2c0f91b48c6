"""Every address the platform answers."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path

from integration_platform.health import healthz, readyz
from integration_platform.metrics import metrics
from sync.admin.customer import home, status_link_view
from sync.admin.find import explain_view, find_view
from sync.admin.front_page import pin_view, views_view


def not_here(_: HttpRequest) -> HttpResponse:
    raise Http404


# One door: the console's own log-in would ask for no second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("status/<str:token>/", status_link_view, name="status-link"),
    path("admin/find/", admin.site.admin_view(find_view), name="find"),
    path("admin/find/explain/", admin.site.admin_view(explain_view), name="find_explain"),
    path("admin/views/", admin.site.admin_view(views_view), name="views"),
    path("admin/pin/", admin.site.admin_view(pin_view), name="pin"),
    path("admin/", admin.site.urls),
    # An administrator makes users, types their addresses and gives new passwords; nobody ties another log-in to theirs.
    re_path(r"^account/(?:signup|email|confirm-email|password/reset|password/set)/", not_here),
    re_path(r"^account/(?:login/code|reauthenticate/code|social|3rdparty/$|3rdparty/signup)", not_here),
    path("account/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # /hooks/…, /.well-known/… and /api/
    path("", include("sync.api.urls")),
]
