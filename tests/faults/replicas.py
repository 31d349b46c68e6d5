"""Two servers of one store, a proxy before each of them, and clients that are told of both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argosy import Client
from argosy.transport.connection import disconnect_all
from tests.api.server_process import ServerProcess
from tests.backends.postgres import drop_database, new_database
from tests.faults.stand import Stand
from tests.waiting import PATIENCE, wait_until

BREATH_SECONDS = 0.02
"""Between two calls of one caller: the slowest of all is waited for, and the others leave it the processor."""


class Replica(Stand):
    """One of the servers; all have the same data."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self._environment = environment
        super().__init__(data, *options)

    def start(self) -> None:
        """Start the server, on the data and the port it always has."""
        self.server = ServerProcess(self.data, f"--listen=127.0.0.1:{self._port}", *self._options, **self._environment)

    @property
    def host(self) -> str:
        """Host and port of its proxy."""
        return self.proxy.address.removeprefix("grpc://")

    def beside_the_proxy(self) -> Client:
        """Return an SDK that speaks to this server alone, on a way that nothing happens on."""
        return Client(f"grpc://127.0.0.1:{self._port}")


class Replicas(list[Replica]):
    """All servers of a store."""

    @property
    def address(self) -> str:
        """As ``ARGOSY_SERVER`` takes it."""
        return "grpc://" + ",".join(replica.host for replica in self)

    def client(self) -> Client:
        """Return an SDK that is told of all of them."""
        return Client(self.address)

    def other(self, than: Replica) -> Replica:
        """Return the second of two."""
        (other,) = (replica for replica in self if replica is not than)
        return other

    def slow_down(self, seconds: float) -> None:
        """Let every proxy pause after each part, in both directions."""
        for replica in self:
            replica.proxy.up.pause_between_parts = replica.proxy.down.pause_between_parts = seconds

    def first_to(self, holds: Callable[[Replica], bool], what: str) -> Replica:
        """Return the first server of which something holds, once there is one."""
        wait_until(lambda: any(holds(replica) for replica in self), what)
        return next(replica for replica in self if holds(replica))

    def close(self) -> None:
        """End everything."""
        for replica in self:
            replica.close()


@contextmanager
def two_replicas(data: Path, *options: str) -> Iterator[Replicas]:
    """Run two servers over one folder, with the same options."""
    servers = Replicas()
    try:
        for _ in range(2):
            servers.append(Replica(data, "--durability=process", *options))
        yield servers
    finally:
        disconnect_all()
        servers.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    """Two servers over one folder, and one database in it or a real one."""
    if request.param == "sqlite":
        with two_replicas(tmp_path / "data") as servers:
            yield servers
        return
    database = new_database()
    with two_replicas(tmp_path / "data", f"--database={database}") as servers:
        yield servers
    drop_database(database)


each_kind_on_a_database = pytest.mark.parametrize(
    ("kind", "replicas"), [("blocking", "postgresql"), ("asyncio", "sqlite")], indirect=True
)
"""Marks tests for each kind of client and each kind of database, once: neither knows of the other."""


class Callers:
    """Threads that do the same again and again until they are stopped, and must never fail."""

    def __init__(self, *work: Callable[[int], object]) -> None:
        self.done = [0] * len(work)
        self.errors: list[BaseException] = []
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(number, what), daemon=True) for number, what in enumerate(work)
        ]
        for thread in self._threads:
            thread.start()

    def go_on_for(self, rounds: int) -> None:
        """Return once each of them did its work so many times more, or one failed."""
        goals = [done + rounds for done in self.done]
        wait_until(
            lambda: self.errors or all(done >= goal for done, goal in zip(self.done, goals, strict=True)),
            f"{rounds} rounds of all callers",
        )
        assert self.errors == []

    def stop(self) -> None:
        """Return once all of them have ended; none may have failed."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert self.errors == []

    def _repeat(self, number: int, what: Callable[[int], object]) -> None:
        try:
            while not self._stopped.is_set():
                what(self.done[number])
                self.done[number] += 1
                self._stopped.wait(BREATH_SECONDS)
        except BaseException as error:
            self.errors.append(error)
