"""One migrated PostgreSQL server for the session, and an installation of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation, Server
from tests.processes.migrated import fill


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), fill)
    yield server
    server.remove()


@pytest.fixture
def installation(tmp_path: Path, server: Server) -> Iterator[Installation]:
    place = Installation(tmp_path, server)
    try:
        place.start_simulators()
        yield place
    finally:
        place.end()
