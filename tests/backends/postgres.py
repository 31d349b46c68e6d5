"""Real PostgreSQL for tests: a private cluster for each pytest process, or the server ``ARGOSY_TEST_POSTGRES`` names.

Tests import the fixture ``postgresql_url``, or call :func:`new_database` themselves. Those that stop the server, or
look at what only their own transactions hold, make a :class:`Cluster` of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.backends.free_port import free_port
from tests.backends.missing import missing

# Read before a test takes the settings of the person who runs it away.
GIVEN = os.environ.get("ARGOSY_TEST_POSTGRES", "")
PASSWORD = "not-a-secret"
PATIENCE_SECONDS = 60.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    # Its transactions would let events wait that tests look for.
    "autovacuum": "off",
    # In the data folder, so that nothing is left in memory however the server ends.
    "dynamic_shared_memory_type": "mmap",
}
NEEDED = ("initdb", "postgres")
# Ends the server and removes the folder once the process of the tests is gone, however it went.
GUARD = """
cat > /dev/null
if pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null); then
    kill -s QUIT "$pid"
    while kill -s 0 "$pid" 2> /dev/null; do sleep 0.05; done
fi
rm -rf "$1"
"""
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}


class Cluster:
    """A server with a folder of its own, which runs until it is closed or the process of the tests ends."""

    def __init__(self, **settings: str) -> None:
        """Make and start it.

        Args:
            settings: of ``postgresql.conf``, beside or instead of those all of them have.
        """
        self._binaries = _binaries()
        self._user = _user_to_run_as()
        self._settings = {**SETTINGS, **settings}
        # The path of a Unix socket may have hardly more than a hundred bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="argosy-pg-", dir="/tmp"))
        self.port = free_port()
        self.data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        # In a session of its own, so that what ends the tests with all their processes does not end it.
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        self._owner = os.getpid()
        atexit.register(self.close)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
            shutil.chown(password, self._user)
        self._run(
            "initdb", "--no-sync", f"--pgdata={self.data}", "--username=argosy", f"--pwfile={password}",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-locale",
        )  # fmt: skip
        self.start()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Of the server that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server on the port it always has, and wait until it takes connections."""
        with self._log.open("ab") as log:
            options = [f"-c{name}={text}" for name, text in self._settings.items()]
            self._process = subprocess.Popen(
                [*self._command("postgres"), "-D", self.data, "-p", str(self.port), "-k", self.folder, *options],
                stdout=log, stderr=log, cwd="/", start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)
            else:
                return

    def stop(self, mode: Literal["smart", "fast", "immediate", "kill"] = "fast") -> None:
        """Stop the server as ``pg_ctl stop -m`` does, or as a machine that is switched off, and wait until it ended."""
        if self._process is not None:
            # A machine that is switched off takes those that serve with it; they would serve on until they see it.
            served_by = _children_of(self._process.pid) if mode == "kill" else []
            self._process.send_signal(_SIGNALS[mode])
            for child in served_by:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if self._owner != os.getpid() or self._guard.stdin is None or self._guard.stdin.closed:
            return
        self.stop("immediate")
        self._guard.stdin.close()
        self._guard.wait(PATIENCE_SECONDS)
        atexit.unregister(self.close)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, by TCP and with the password."""
        return f"postgresql+psycopg://argosy:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection that commits each statement."""
        return connect(self.url(database))

    def new_database(self, like: str = "") -> str:
        """Return the URL of a new database; see the function of this name."""
        return _new_database(self.url(), like)

    def binary(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs."""
        return str(self._binaries / name)

    def log(self) -> str:
        """Return what the server logged."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run([*self._command(name), *arguments], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr

    def _command(self, name: str) -> list[str]:
        if self._user is None:
            return [self.binary(name)]
        # Not Popen(user=), which forks: what gRPC does in the copy of a process that makes calls may be its end.
        return ["setpriv", f"--reuid={self._user}", "--init-groups", "--", self.binary(name)]


@cache
def shared_cluster() -> Cluster:
    """Return the one cluster of this process; it starts with the first test that needs it."""
    return Cluster()


def new_database(like: str = "") -> str:
    """Return the URL of a new database, which stays until :func:`drop_database` or the end of the cluster.

    Args:
        like: URL of a database nobody is connected to, which it is a copy of; empty otherwise.
    """
    return _new_database(GIVEN or shared_cluster().url(), like)


def drop_database(url: str) -> None:
    """Remove a database, whoever is connected to it."""
    name = sql.Identifier(make_url(url).database or "")
    with connect(url, database="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def connect(url: str, database: str = "") -> psycopg.Connection[Any]:
    """Return a connection that commits each statement."""
    parsed = make_url(url).set(drivername="postgresql")
    parsed = parsed.set(database=database) if database else parsed
    return psycopg.connect(parsed.render_as_string(hide_password=False), autocommit=True, connect_timeout=10)


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty database, removed after the test."""
    url = new_database()
    yield url
    drop_database(url)


def _new_database(server: str, like: str) -> str:
    url: URL = make_url(server).set(drivername="postgresql+psycopg")
    name = f"argosy_test_{os.getpid()}_{time.monotonic_ns()}"
    template = sql.Identifier((make_url(like).database if like else "") or "template1")
    with connect(server) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
    return url.set(database=name).render_as_string(hide_password=False)


def _children_of(process: int) -> list[int]:
    shown = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in shown.stdout.split()]


def _binaries() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    if asked := shutil.which("pg_config"):
        told = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=False).stdout
        folders.append(Path(told.strip()))
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(installed, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in folders:
        if all((folder / name).is_file() for name in NEEDED):
            return folder
    return missing(
        "postgres",
        "PostgreSQL is not installed: install the package postgresql (its initdb is found by PATH or pg_config), "
        "or set ARGOSY_TEST_POSTGRES to the URL of a server where databases may be created",
    )


def _user_to_run_as() -> str | None:
    """Return who runs the server, which refuses to be root; ``None`` for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
