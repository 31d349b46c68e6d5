"""Who watches hears of what other processes write without looking: PostgreSQL's NOTIFY wakes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.connections.append_signal import AppendSignal
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.usecases.ports import MetadataStore
from tests.adapters.test_postgresql_database import SESSIONS
from tests.adapters.test_sqlite_database import FORKS, finish, start
from tests.api.served import served
from tests.api.watching import Watch
from tests.backends.postgres import Cluster, connect, postgresql_url
from tests.contracts.metadata_leadership import says_in_child
from tests.waiting import wait_until

__all__ = ["postgresql_url"]
APPEND = """
import sys
from argosy_server.adapters.metadata import open_metadata
store = open_metadata(sys.argv[1], durability="full")
with store.write() as tx:
    tx.events.append("p", "version_created", {})
store.close()
"""
SAVE = """
import sys
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.artifact import ArtifactSpec, NewVersion
from argosy_server.usecases.artifacts.artifact_events import record_created
store = open_metadata(sys.argv[1], durability="full")
with store.write() as tx:
    created = tx.artifacts.add_many("p", [NewVersion(ArtifactSpec(name="weights", format="json"), [])])
    record_created(tx, "p", created, {})
store.close()
"""
NAMES = {"notify-events", "listen-for-events"}


@pytest.fixture
def store(postgresql_url: str) -> Iterator[MetadataStore]:
    store = open_metadata(postgresql_url, durability="full")
    yield store
    store.close()


def settled(store: MetadataStore, url: str, listeners: int = 1) -> int:
    """Wait until so many listen, and nothing from before wakes any more; return the number to wait with."""
    seen = store.wait_for_events(-1, 0)
    with connect(url) as witness:
        question = f"SELECT count(*) {SESSIONS} AND query LIKE 'LISTEN%'"
        wait_until(lambda: witness.execute(question).fetchall() == [(listeners,)], "they listen")
    while (now := store.wait_for_events(seen, 0.3)) != seen:
        seen = now
    return seen


def is_woken(store: MetadataStore, seen: int) -> bool:
    """Wait, far longer than a notice takes and far shorter than anybody would look without one."""
    return store.wait_for_events(seen, 60) > seen


def append(store: MetadataStore) -> None:
    with store.write() as tx:
        tx.events.append("p", "version_created", {})


def test_what_another_process_writes_wakes_who_waits(store: MetadataStore, postgresql_url: str) -> None:
    seen = settled(store, postgresql_url)
    finish(start(APPEND, postgresql_url))
    assert is_woken(store, seen)


def test_a_watcher_hears_of_another_process_at_once_however_seldom_its_server_looks(
    tmp_path: Path, postgresql_url: str
) -> None:
    never = WatchSettings(poll_seconds=600)
    with served(tmp_path / "home", never, postgresql_url) as server, Watch(server.connect(), "p") as watch:
        for version in ("1", "2"):
            finish(start(SAVE, postgresql_url))
            assert watch.next().version == version


def test_notices_go_on_after_the_server_of_the_database_was_stopped() -> None:
    with Cluster() as cluster:
        url = cluster.new_database()
        store, other = (open_metadata(url, durability="full") for _ in range(2))
        append(other)
        seen = settled(store, url)
        for mode in ("immediate", "fast"):
            cluster.stop(mode)
            cluster.start()
            # Once it listens again it says so, for it may have missed some.
            assert is_woken(store, seen)
            seen = settled(store, url)
            append(other)
            assert is_woken(store, seen)
            seen = settled(store, url)
        store.close()
        other.close()


def test_a_server_that_is_away_holds_up_neither_who_waits_nor_who_closes() -> None:
    with Cluster() as cluster:
        url = cluster.new_database()
        store = open_metadata(url, durability="full")
        append(store)
        settled(store, url)
        cluster.stop("immediate")
        store.wait_for_events(store.wait_for_events(-1, 0), 0.05)
        store.close()
        assert not NAMES & {thread.name for thread in threading.enumerate()}


def test_a_closed_store_leaves_no_session_and_no_thread_whoever_still_waits(postgresql_url: str) -> None:
    store = open_metadata(postgresql_url, durability="full")
    append(store)
    settled(store, postgresql_url)
    assert {thread.name for thread in threading.enumerate()} >= NAMES
    store.close()
    # As the thread of a server's watches does that has not yet noticed.
    store.wait_for_events(-1, 0)
    append(store)
    assert not NAMES & {thread.name for thread in threading.enumerate()}
    store.close()
    with connect(postgresql_url) as witness:
        wait_until(lambda: witness.execute(f"SELECT pid {SESSIONS}").fetchall() == [], "nobody is connected")


def test_a_store_that_only_waits_holds_back_no_vacuum_and_no_event(store: MetadataStore, postgresql_url: str) -> None:
    append(store)
    settled(store, postgresql_url)
    with connect(postgresql_url) as witness:
        question = f"SELECT DISTINCT state, backend_xid, backend_xmin {SESSIONS} AND backend_type = 'client backend'"
        wait_until(lambda: witness.execute(question).fetchall() == [("idle", None, None)], "it is idle")


@pytest.mark.filterwarnings(FORKS)
def test_a_forked_child_sends_and_hears_notices_of_its_own(store: MetadataStore, postgresql_url: str) -> None:
    append(store)
    seen = settled(store, postgresql_url)

    def child_is_woken_and_wakes() -> bool:
        seen = settled(store, postgresql_url, listeners=2)
        finish(start(APPEND, postgresql_url))
        woken = is_woken(store, seen)
        append(store)
        store.close()
        return woken

    assert says_in_child(child_is_woken_and_wakes)
    assert is_woken(store, seen)
    seen = settled(store, postgresql_url)
    finish(start(APPEND, postgresql_url))
    assert is_woken(store, seen), "what the child closed was its own"


def test_a_signal_that_many_give_is_heard_by_all_who_wait() -> None:
    signal = AppendSignal()
    heard: list[int] = []
    waiting = [threading.Thread(target=lambda: heard.append(signal.wait(0, 60))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    signal.give()
    for thread in waiting:
        thread.join(60)
    assert heard == [1, 1, 1]
