"""A store to break: a server that comes back on the same port, a proxy before it, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from argosy import Client
from argosy_server.cli.application import app
from tests.api.conftest import Service, service_on
from tests.api.server_process import ServerProcess
from tests.backends.free_port import free_port
from tests.backends.object_store import ObjectStore
from tests.backends.postgres import connect
from tests.faults.proxy import Proxy
from tests.standstill import go_on, stand_still
from tests.waiting import PATIENCE
from tests.warm import process as warm

MEBIBYTE = 1 << 20
MARK_BYTES = 16 * MEBIBYTE
"""What the contract allows to be lost with a server."""
SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
T = TypeVar("T")
on_each_database = pytest.mark.parametrize("stand", ["sqlite", "postgresql"], indirect=True)
"""Marks tests whose ``stand`` shall be on either database."""


class Stand:
    """A data folder, the server on it, and a proxy to that."""

    def __init__(self, data: Path, *options: str, database: str = "") -> None:
        """Start.

        Args:
            data: folder of everything that has no place of its own.
            options: of ``argosy-server serve``.
            database: URL of a PostgreSQL database, empty for SQLite in the folder.
        """
        self.data = data
        self.database = database
        self._options = options
        self._port = free_port()
        self.server: ServerProcess
        self.start()
        self.proxy = Proxy(self._port)

    def start(self) -> None:
        """Start the server, on the data and the port it always has."""
        self.server = ServerProcess(self.data, f"--listen=127.0.0.1:{self._port}", *self._kept_in(), *self._options)

    def kill(self) -> None:
        """Let the server die at once."""
        self.server.__exit__(None, None, None)

    def stop(self) -> None:
        """Stop the server as an operator does."""
        self.server.terminate()
        assert self.server.wait(PATIENCE) == 0, self.server.log()
        self.server.stdout.close()

    def restart_with(self, *options: str) -> None:
        """Start the server anew with other options."""
        self.kill()
        self._options = options
        self.start()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the database, or change it, past everything else."""
        return rows(self.data, statement, self.database)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``argosy-server`` on the store as an operator does."""
        return run_command(*arguments, f"--data={self.data}", *self._kept_in())

    def _kept_in(self) -> list[str]:
        return [f"--database={self.database}"] if self.database else []

    def pause(self) -> None:
        """Let the server stand still, as one that swaps does."""
        stand_still(self.server.process.pid)

    def resume(self) -> None:
        """Let it move again."""
        go_on(self.server.process.pid)

    def close(self) -> None:
        """End everything."""
        self.proxy.__exit__(None, None, None)
        self.kill()

    def client(self) -> Client:
        """Return an SDK whose way leads through the proxy."""
        return Client(self.proxy.address)

    @property
    def direct_address(self) -> str:
        """The address of the server itself, as ``ARGOSY_SERVER`` takes it."""
        return f"grpc://127.0.0.1:{self._port}"

    def direct_channel(self) -> grpc.Channel:
        """Return a way to the server that nothing happens on."""
        return grpc.insecure_channel(f"127.0.0.1:{self._port}")

    def stubs(self, channel: grpc.Channel) -> Service:
        """Return raw stubs."""
        return service_on("server", self.data, channel)


def in_background(work: Callable[[], T]) -> Future[T]:
    """Start work in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def array_of(size: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return bytes that nothing compresses and no other seed gives."""
    return np.frombuffer(np.random.default_rng(seed).bytes(size), np.uint8)


def rows(data: Path, statement: str, database: str = "") -> list[tuple[Any, ...]]:
    """Look into the database of a store, or change it, past everything else.

    Args:
        data: its folder.
        statement: one, in words that both kinds of database know.
        database: URL of a PostgreSQL database, empty for SQLite in the folder.
    """
    if database:
        with connect(database) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []
    with closing(sqlite3.connect(data / "metadata.db", timeout=30)) as file, file:
        return file.execute(statement).fetchall()


def kept_bytes(data: Path) -> int:
    """Return how much of the one open upload the server would go on with."""
    return max((size for (size,) in rows(data, "SELECT size FROM uploads WHERE state = 'open'")), default=0)


def files_of(data: Path, bucket: ObjectStore | None = None) -> dict[str, int]:
    """Return location and size of everything in the folder of the bytes, or in the bucket that is used instead."""
    if bucket is not None:
        return {key: size for key, size in bucket.objects().items() if key != "store-id"}
    folder, found = data / "blobs", {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a server that runs removes it just now
            if path.is_file() and path.name[0] != ".":
                found[path.relative_to(folder).as_posix()] = path.stat().st_size
    return found


def run_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``argosy-server`` as an operator does."""
    command = [sys.executable, "-m", "argosy_server", *arguments]
    settings = {**SETTINGS, **environment}
    return warm.run(command, env=settings, timeout=PATIENCE)


def assert_clean(
    data: Path, *, database: str = "", bucket: ObjectStore | None = None, damage: str = "", code: int = 0
) -> None:
    """Let all leases run out, sweep, and hold the store to what must always be true.

    Args:
        data: its folder.
        database: URL of its PostgreSQL database, empty for SQLite in the folder.
        bucket: where its bytes are, ``None`` for the folder.
        damage: the one kind of damage that was done to one blob, if any.
        code: what ``verify`` ends with then.
    """
    rows(data, "UPDATE uploads SET expires_at = 0", database)
    rows(data, "UPDATE blobs SET lease_expires_at = 0", database)
    place = [f"--data={data}", f"--database={database}", f"--blobs={bucket.url if bucket else ''}", "-o", "json"]
    # In this process: most tests end so, and those of the commands start them as an operator does.
    runner = CliRunner(env=bucket.environment if bucket else {})
    swept = runner.invoke(app, ["gc", "--execute", "--grace=0s", *place])
    assert (swept.exit_code, swept.stderr) == (0, "")
    verified = runner.invoke(app, ["verify", *place])
    found = json.loads(verified.stdout)
    assert (verified.exit_code, found["damage_counts"]) == (code, {damage: 1} if damage else {}), verified.stdout
    assert (found["uploads_under_way"], found["orphans"]["count"]) == (0, 0)
    recorded = dict(rows(data, "SELECT location, size FROM blobs WHERE location <> ''", database))
    stored = files_of(data, bucket)
    assert damage or stored == recorded
    assert stored.keys() <= recorded.keys()
    assert bucket is None or bucket.unfinished() == []
    referenced = {digest for (digest,) in rows(data, "SELECT DISTINCT digest FROM version_files", database)}
    assert {digest for (digest,) in rows(data, "SELECT digest FROM blobs", database)} == referenced
    labels: dict[tuple[str, str, int], list[str]] = {}
    for project, name, last, label in rows(
        data,
        "SELECT artifacts.project, name, last_number, label FROM artifacts "
        "JOIN versions ON versions.artifact_seq = artifacts.seq",
        database,
    ):
        labels.setdefault((project, name, last), []).append(label)
    for (_, _, last), given in labels.items():
        numbers = sorted(int(label) for label in given if label.isdigit())
        assert numbers == list(range(1, last + 1)), "versions are numbered without a gap"
