"""Both kinds of client on both kinds of store keep the same promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

import argosy
from tests.api.server_process import ServerProcess
from tests.contracts.client_contract import ClientContract, Place, store
from tests.contracts.client_kinds import kind
from tests.contracts.client_watch import ClientWatchContract
from tests.faults.stand import wait_until

__all__ = ["kind", "store"]


@argosy.step
def double(number: int) -> int:
    return 2 * number


@argosy.pipeline
def doubling() -> None:
    double(21)


@pytest.fixture(params=["embedded", "server", "two replicas"])
def place(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Iterator[Place]:
    """Each kind of store in turn."""
    if request.param == "embedded":
        yield Place(f"embedded://{home}", home)
        return
    count = 2 if request.param == "two replicas" else 1
    with ExitStack() as running:
        start = partial(ServerProcess, tmp_path / "data", "--durability=process")
        servers = [running.enter_context(start()) for _ in range(count)]
        yield Place("grpc://" + ",".join(server.address for server in servers), servers[0].data)


@pytest.fixture
def recorded_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run in the store."""
    monkeypatch.setenv("ARGOSY_SERVER", place.address)
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    return doubling().id


@pytest.fixture(autouse=True)
def _no_threads_stay() -> Iterator[None]:
    """What asyncio clients started has ended with them."""
    yield
    wait_until(lambda: not any(thread.name.startswith("argosy-aio") for thread in threading.enumerate()), "threads end")


class TestClients(ClientContract):
    pass


class TestWatchingClients(ClientWatchContract):
    pass
