"""Where gunicorn finds the application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration_platform.settings")
application = get_wsgi_application()

from integration_platform.checks import refuse_unsafe_start  # noqa: E402 - the application must be loaded first

refuse_unsafe_start()
