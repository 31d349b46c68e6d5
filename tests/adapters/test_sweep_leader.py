"""Who sweeps, of several processes over one store: the one that leads, and the next one when that is gone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.sweeping import SweepThread, sweep_if_leading
from tests.backends.postgres import connect
from tests.contracts.metadata_facts import PAST, put_blob
from tests.waiting import wait_until

INTERVAL = 0.01
PATIENCE = 30.0
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"


@pytest.fixture
def replicas(url: str, tmp_path: Path) -> Iterator[list[Application]]:
    """Two that share a database and a folder, as processes do."""
    config = StoreConfig(tmp_path / "home", database=url, blobs=str(tmp_path / "blobs"), durability="process")
    opened = [build(config) for _ in range(2)]
    yield opened
    for application in opened:
        application.close()


@contextmanager
def sweeping(application: Application) -> Iterator[None]:
    """Ask to lead, and sweep while it does, for the time of a block."""
    thread = SweepThread(application, INTERVAL)
    try:
        yield
    finally:
        thread.stop()


class Sweeps:
    """Counts who sweeps."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counts: Counter[int] = Counter()

    def sweep(self, application: Application) -> None:
        """Sweep, and count it if it goes well."""
        try:
            application.sweep()
        except StorageUnavailable:
            return
        with self._changed:
            self._counts[id(application)] += 1
            self._changed.notify_all()

    def of(self, application: Application) -> int:
        """Return how often one has swept."""
        with self._changed:
            return self._counts[id(application)]

    def wait(self, holds: Callable[[], bool]) -> None:
        """Return once a condition over the counts holds."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE)

    def wait_for_more(self, application: Application, count: int) -> None:
        """Return once one has swept so many times more."""
        wanted = self.of(application) + count
        self.wait(lambda: self._counts[id(application)] >= wanted)


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    sweeps = Sweeps()
    monkeypatch.setattr("argosy_server.sweeping.sweep_logged", sweeps.sweep)
    return sweeps


def test_of_several_one_sweeps_until_it_ends_and_then_another_does(replicas: list[Application], sweeps: Sweeps) -> None:
    leader, follower = replicas
    with ExitStack() as following:
        with sweeping(leader):
            sweeps.wait_for_more(leader, 1)
            following.enter_context(sweeping(follower))
            sweeps.wait_for_more(leader, 20)
            assert sweeps.of(follower) == 0
        sweeps.wait_for_more(follower, 2)


def test_an_occasional_sweep_is_left_to_the_process_that_leads(replicas: list[Application], sweeps: Sweeps) -> None:
    leader, occasional = replicas
    assert sweep_if_leading(occasional)
    with sweeping(leader):
        sweeps.wait_for_more(leader, 1)
        assert not sweep_if_leading(occasional)
    # PostgreSQL hears a moment later that the connection was closed.
    wait_until(lambda: sweep_if_leading(occasional), "nobody else leads")
    assert sweeps.of(occasional) == 2


def test_who_does_not_lead_may_sweep_all_the_same_when_an_operator_asks(replicas: list[Application]) -> None:
    leader, operator = replicas
    with leader.metadata.lead() as leads:
        assert leads
        with operator.metadata.write() as tx:
            put_blob(tx, b"garbage", lease=PAST)
        assert operator.sweep().blobs == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_sweeper_whose_connection_was_lost_goes_on(replicas: list[Application], url: str, sweeps: Sweeps) -> None:
    with sweeping(replicas[0]):
        sweeps.wait_for_more(replicas[0], 2)
        for _ in range(3):
            with connect(url, database="postgres") as operator:
                operator.execute(END_SESSIONS, [url.rpartition("/")[2]])
            sweeps.wait_for_more(replicas[0], 2)
