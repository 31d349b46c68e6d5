from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argosy.transport.connection import disconnect_all
from tests.api.server_process import ServerProcess
from tests.clients.languages import LANGUAGES, Program, build
from tests.faults.stand import Stand

Programs = Callable[[str], Program]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test here the time to compile a client, which the first one of each language does."""
    for item in items:
        if "tests/clients" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the person who runs the tests takes part, and no connection outlives its test."""
    for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    yield
    disconnect_all()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Programs:
    """Gives the conformance program of a language, compiled once whatever the number of workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "clients"
    folder.mkdir(exist_ok=True)
    return lambda name: build(LANGUAGES[name], folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that every test of a worker shares and that must end cleanly."""
    with ServerProcess(tmp_path_factory.mktemp("server") / "data", "--durability=process") as process:
        yield f"grpc://{process.address}"
        process.terminate()
        assert process.wait() == 0, process.log()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A server of this test alone, to break, with a proxy before it."""
    stand = Stand(tmp_path / "data", "--durability=process")
    yield stand
    disconnect_all()
    stand.close()
