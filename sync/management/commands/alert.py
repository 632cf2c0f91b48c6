"""`manage.py alert`: tell what is wrong now. For a timer outside the worker, which cannot say that it is dead."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from sync.domain.alerts import tell


class Command(BaseCommand):
    help = "Sends the alerts that are due, as the worker does every minute. Run it from a timer of the server as well."

    def handle(self, *_: Any, **_options: Any) -> None:
        self.stdout.write(f"{tell()} messages sent.")
