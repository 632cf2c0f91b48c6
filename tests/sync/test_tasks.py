"""Every task that is queued by its path exists: a path that leads nowhere fails only in the worker."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from sync.domain.runs import TASKS

SOURCES = [path for folder in ("sync", "tenants", "mappings") for path in Path(settings.BASE_DIR, folder).rglob("*.py")]
QUEUED = {name for path in SOURCES for name in re.findall(r"sync\.tasks\.([a-z_]+)", path.read_text())}


@pytest.mark.parametrize("name", sorted(QUEUED | set(TASKS.values())))
def test_a_queued_task_exists(name: str) -> None:
    assert callable(getattr(import_module("sync.tasks"), name))


def test_some_were_found() -> None:
    assert {"drain", "beat"} <= QUEUED
