"""When a database that is opened begins a new epoch of its events, and when not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.event import BEGINNING, Position
from argosy_server.usecases.ports import MetadataStore
from tests.backends.postgres import PASSWORD, Cluster, connect, drop_database, new_database, postgresql_url
from tests.contracts.metadata_events import append, kinds_after

__all__ = ["postgresql_url"]
FAR_AHEAD = 1 << 60


def opened(url: str) -> MetadataStore:
    store = open_metadata(url, durability="full")
    store.close()
    return store


def epoch(store: MetadataStore) -> str:
    with store.read() as tx:
        found = tx.events.epoch()
    store.close()
    return found


@pytest.fixture
def copy(postgresql_url: str) -> Iterator[str]:
    """A copy of a database with three events, as a dump restored in the same cluster gives."""
    store = opened(postgresql_url)
    append(store, "one", "two")
    append(store, "three")
    store.close()
    copy = new_database(like=postgresql_url)
    yield copy
    drop_database(copy)


def test_opened_again_where_it_was_it_goes_on(postgresql_url: str) -> None:
    first = epoch(opened(postgresql_url))
    assert [epoch(opened(postgresql_url)) for _ in range(2)] == [first, first]


def test_a_copy_is_another_epoch_with_the_same_events_in_the_same_order(postgresql_url: str, copy: str) -> None:
    store = opened(copy)
    assert epoch(store) != epoch(opened(postgresql_url))
    assert epoch(opened(copy)) == epoch(store), "but only once"
    append(store, "four")
    assert kinds_after(store, BEGINNING) == ["one", "two", "three", "four"]
    store.close()


def test_events_from_a_cluster_that_was_ahead_are_told_before_new_ones(postgresql_url: str, copy: str) -> None:
    with connect(copy) as operator:
        # As an older version of ours would have left it, which did not note where it was; the order is not that of seq.
        operator.execute("UPDATE store SET events_origin = ''")
        operator.execute("UPDATE events SET xid = %s - seq", [FAR_AHEAD])
    store = opened(copy)
    append(store, "four")
    assert kinds_after(store, BEGINNING) == ["three", "two", "one", "four"]
    assert epoch(store) != store.store_id
    store.close()


def test_a_place_up_to_which_events_were_forgotten_elsewhere_hides_no_new_ones(postgresql_url: str) -> None:
    store = opened(postgresql_url)
    with connect(postgresql_url) as operator:
        operator.execute("UPDATE store SET events_origin = '', events_removed_xid = %s", [FAR_AHEAD])
    store = opened(postgresql_url)
    append(store, "one")
    assert kinds_after(store, BEGINNING) == ["one"]
    with store.read() as tx:
        assert BEGINNING < tx.events.newest() < Position(FAR_AHEAD, 0)
    store.close()


def test_a_database_from_before_where_it_was_noted_keeps_its_epoch(postgresql_url: str) -> None:
    store = opened(postgresql_url)
    append(store, "one")
    store.close()
    with connect(postgresql_url) as operator:
        operator.execute("UPDATE store SET events_origin = ''")
    assert epoch(opened(postgresql_url)) == store.store_id
    with connect(postgresql_url) as operator:
        assert operator.execute("SELECT events_origin <> '' FROM store").fetchone() == (True,)


def test_a_user_who_may_not_ask_which_cluster_it_is_can_use_it_all_the_same() -> None:
    with Cluster() as cluster:
        url = make_url(cluster.new_database())
        with cluster.connect(url.database or "") as operator:
            operator.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
            operator.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
            operator.execute(f'ALTER DATABASE "{url.database}" OWNER TO guest')
        guest = url.set(username="guest").render_as_string(hide_password=False)
        first = epoch(opened(guest))
        assert epoch(opened(guest)) == first
