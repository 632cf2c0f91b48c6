"""The embedded server, with clusters of its own in temporary folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from integration_platform import postgres
from integration_platform.postgres import EmbeddedPostgres, PostgresError

ROOT = Path(__file__).parents[2]
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the account")


FAST = {"fsync": "off"}  # the machine itself is not killed here, so nothing depends on it


def kill_hard(pid):
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def query(server, sql):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone() if cursor.description else None


def in_another_process(folder, statement):
    code = f"from integration_platform.postgres import EmbeddedPostgres; s = EmbeddedPostgres({str(folder)!r}); {statement}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def new_server(tmp_path):
    """Nothing is there yet: making a cluster takes a second, so only who is about that asks for it."""
    server = EmbeddedPostgres(tmp_path / "cluster", FAST)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "cluster", FAST)
    yield server
    server.remove()


@pytest.fixture
def server(cluster):
    """One that runs, whatever the test before did to it."""
    cluster.ensure_running()
    return cluster


@pytest.fixture
def open_folder():
    """A folder whose parents everybody may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_starts_from_nothing_and_knows_danish_letters(new_server):
    assert new_server.pid() is None
    assert new_server.ensure_running() == new_server.url()
    assert query(new_server, "SELECT upper('æøå'), current_setting('listen_addresses')") == ("ÆØÅ", "")


def test_it_is_durable_unless_told_otherwise(tmp_path):
    server = EmbeddedPostgres(tmp_path / "cluster")
    try:
        server.ensure_running()
        settings = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        assert query(server, settings) == ("on", "on")
    finally:
        server.remove()


def test_a_second_call_and_a_second_process_use_the_running_server(server):
    pid = server.pid()
    server.ensure_running()
    assert in_another_process(server.folder, "s.ensure_running(); print(s.pid(), s.is_owner)") == f"{pid} False"


def test_many_processes_starting_at_once_get_one_server(new_server):
    code = f"from integration_platform.postgres import *; s = EmbeddedPostgres({str(new_server.folder)!r}); print(s.ensure_running())"
    children = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert {child.communicate()[0].strip() for child in children} == {new_server.url()}
    assert query(new_server, "SELECT 1") == (1,)


def test_only_the_process_that_started_it_stops_it(server):
    assert in_another_process(server.folder, "s.ensure_running(); print(s.stop(), s.pid() is not None)") == "False True"
    assert server.stop()
    assert server.pid() is None
    assert not server.stop()


def test_a_forked_child_does_not_count_as_the_owner(server):
    child = os.fork()
    if child == 0:
        os._exit(1 if server.stop() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert server.pid() is not None


def test_committed_rows_survive_a_killed_postmaster(server):
    query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill_hard(server.pid())
    assert server.pid() is None
    server.ensure_running()
    assert query(server, "SELECT answer FROM kept") == (42,)


def test_orphaned_backends_do_not_block_the_start(server):
    """A backend inside a long statement does not notice that its postmaster is gone."""
    statement = "SELECT count(*) FROM generate_series(1, 100000000000)"
    client = subprocess.Popen(
        [sys.executable, "-c", f"import psycopg; psycopg.connect({server.url()!r}).execute({statement!r})"],
        stderr=subprocess.DEVNULL,
    )
    backend = None
    while backend is None:
        backend = query(server, f"SELECT pid FROM pg_stat_activity WHERE query = '{statement}' AND state = 'active'")
    kill_hard(server.pid())
    assert psutil.pid_exists(backend[0])
    server.ensure_running()
    assert query(server, "SELECT 1") == (1,)
    assert client.wait(10) != 0


@pytest.mark.parametrize("whose", ["a stranger", "nobody"])
def test_a_stale_pid_file_does_not_block_the_start(server, whose):
    """After a reboot the number may belong to anybody."""
    pid = os.getpid() if whose == "a stranger" else 999_999_999
    pid_file = server.home / "data" / "postmaster.pid"
    text = pid_file.read_text().split("\n", 1)[1]
    kill_hard(server.pid())
    pid_file.write_text(f"{pid}\n{text}")
    (server.home / "socket" / ".s.PGSQL.5432.lock").write_text(f"{pid}\n{text}")
    assert server.pid() is None
    server.ensure_running()
    assert query(server, "SELECT 1") == (1,)


def test_an_interrupted_creation_is_repeated(new_server):
    (new_server.home / "data.unfinished").mkdir()
    (new_server.home / "data.unfinished" / "PG_VERSION").write_text("18")
    new_server.ensure_running()
    assert query(new_server, "SELECT 1") == (1,)


def test_a_path_too_long_for_a_socket_is_no_obstacle(open_folder):
    server = EmbeddedPostgres(open_folder / ("long-" * 12) / ("name-" * 12), FAST)
    server.home.parent.chmod(0o755)
    try:
        server.ensure_running()
        assert query(server, "SELECT 1") == (1,)
    finally:
        server.remove()
    assert not list(Path(tempfile.gettempdir()).glob(f"integration-platform-socket-*-{postgres._hash(server.home)}"))


def test_nobody_gets_in_without_the_password(server):
    without = server.url().replace(server._password(), "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(without)


def test_its_secrets_are_private(server):
    modes = {name: (server.home / name).stat().st_mode & 0o777 for name in ("password", "log", "data", "socket")}
    assert modes == {"password": 0o600, "log": 0o600, "data": 0o700, "socket": 0o700}


def test_a_failed_start_tells_the_servers_own_words(new_server):
    new_server.options = {"shared_buffers": "nonsense"}
    with pytest.raises(PostgresError, match="shared_buffers"):
        new_server.ensure_running()


@as_root_only
def test_as_root_it_runs_under_an_unprivileged_account(open_folder):
    inside = EmbeddedPostgres(open_folder / "cluster", FAST)
    try:
        inside.ensure_running()
        assert psutil.Process(inside.pid()).username() == postgres.ACCOUNT
        assert inside.home == inside.folder
    finally:
        inside.remove()


@as_root_only
def test_as_root_a_closed_parent_folder_moves_it_outside_and_stays_closed(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "cluster", FAST)
    try:
        server.ensure_running()
        assert server.home.parent == postgres.OUTSIDE
        assert psutil.Process(server.pid()).username() == postgres.ACCOUNT
        assert closed.stat().st_mode & 0o777 == 0o700
        assert EmbeddedPostgres(closed / "cluster").home == server.home
    finally:
        server.remove()
    assert not server.home.exists()


@as_root_only
def test_programs_that_the_account_cannot_reach_are_copied_once(new_server, tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    closed = tmp_path / "site-packages"
    wheel = postgres._wheel_folder()
    for name in (wheel.name, f"{wheel.name}.libs"):
        if wheel.with_name(name).is_dir():
            shutil.copytree(wheel.with_name(name), closed / name)
    monkeypatch.setattr(postgres, "_wheel_folder", lambda: closed / wheel.name)
    try:
        new_server.ensure_running()
        program = Path(psutil.Process(new_server.pid()).exe())
        assert program.is_relative_to(postgres.OUTSIDE)
        assert program.stat().st_uid == 0
        assert query(new_server, "SELECT 1") == (1,)
    finally:
        new_server.remove()
    copy = postgres.OUTSIDE / f"integration-platform-programs-{postgres._hash(closed / wheel.name)}"
    assert copy.exists()
    postgres._remove_useless_copies()
    assert copy.exists()
    shutil.rmtree(closed)
    postgres._remove_useless_copies()
    assert not copy.exists()


@as_root_only
@pytest.mark.parametrize("trap", ["symlink", "writable", "foreign"])
def test_a_prepared_folder_outside_is_refused(tmp_path, trap):
    tmp_path.chmod(0o700)
    folder = tmp_path / "cluster"
    outside = postgres.OUTSIDE / f"integration-platform-{postgres._hash(folder)}"
    if trap == "symlink":
        outside.symlink_to(tmp_path)
    else:
        outside.mkdir()
        outside.chmod(0o777 if trap == "writable" else 0o755)
        if trap == "foreign":
            os.chown(outside, 65534, 65534)
    try:
        with pytest.raises(PostgresError, match="must be a folder that belongs to us"):
            EmbeddedPostgres(folder)
    finally:
        outside.unlink() if trap == "symlink" else outside.rmdir()
