"""`manage.py write_catalogue`: docs/errors.md and docs/fejl.md anew from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from sync.domain.catalogue_text import document

#: File → whether it is the Danish one.
FILES = {"errors.md": False, "fejl.md": True}


class Command(BaseCommand):
    help = "Writes the error catalogue into docs/, in English and Danish. A test says when it is out of date."

    def handle(self, *_: Any, **_options: Any) -> None:
        for name, in_danish in FILES.items():
            (Path(settings.BASE_DIR) / "docs" / name).write_text(document(in_danish=in_danish), encoding="utf-8")
            self.stdout.write(f"docs/{name}")
