"""Both kinds of client on both kinds of store keep the same promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

import argosy
from tests.api.server_process import ServerProcess
from tests.backends.object_store import new_bucket
from tests.backends.postgres import drop_database, new_database
from tests.contracts.client_contract import ClientContract, Place, store
from tests.contracts.client_kinds import kind
from tests.contracts.client_watch import ClientWatchContract
from tests.waiting import wait_until

__all__ = ["kind", "store"]


@argosy.step
def double(number: int) -> int:
    return 2 * number


@argosy.pipeline
def doubling() -> None:
    double(21)


@pytest.fixture(scope="module", params=["embedded", "server", "two replicas"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place | None]:
    """Each kind of store in turn, the second on SQLite and files, the third on PostgreSQL and S3."""
    if request.param == "embedded":
        yield None
        return
    folder = tmp_path_factory.mktemp("served")
    if request.param == "server":
        with ServerProcess(folder / "data", "--durability=process") as server:
            yield Place(f"grpc://{server.address}", server.data, "")
        return
    database, bucket = new_database(), new_bucket("versitygw")
    options = (f"--database={database}", f"--blobs={bucket.url}")
    with ExitStack() as running:
        replicas = [
            running.enter_context(ServerProcess(folder / f"replica{number}", *options, **bucket.environment))
            for number in range(2)
        ]
        address = "grpc://" + ",".join(replica.address for replica in replicas)
        yield Place(address, replicas[0].data, "", database, bucket)
    drop_database(database)


@pytest.fixture
def place(served: Place | None, home: Path) -> Place:
    """A new project, in a new embedded store or in one that other tests have used."""
    return replace(served or Place(f"embedded://{home}", home, ""), project=f"p-{uuid4()}")


@pytest.fixture
def recorded_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run in the store."""
    monkeypatch.setenv("ARGOSY_SERVER", place.address)
    monkeypatch.setenv("ARGOSY_PROJECT", place.project)
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
