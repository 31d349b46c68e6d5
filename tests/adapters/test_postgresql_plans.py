"""However many versions there are, PostgreSQL reads few pages to find one, to list some, or to tell what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.unit_of_work import SqlMetadataStore
from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.event import Position
from argosy_server.domain.paging import PageRequest
from argosy_server.usecases.ports import Transaction
from bench.scale.load_postgresql import HOT, PROJECT, TAGS, load
from tests.backends.postgres import connect, drop_database, new_database

VERSIONS = 30_000
"""A tenth of them of one name: its rows fill several times as many pages as any of these questions may touch."""
PAGES = 1500
PAGE = PageRequest(size=50)
COLD = "artifact-000007"
A_DAY = {
    "created_from": datetime.now(timezone.utc) - timedelta(days=6),
    "created_until": datetime.now(timezone.utc) - timedelta(days=5),
}
"""In the middle of the ten over which they are spread."""


@pytest.fixture(scope="module")
def store() -> Iterator[SqlMetadataStore]:
    url = new_database()
    open_metadata(url, durability="full").close()
    load(url, VERSIONS)
    store = SqlMetadataStore.open(url, "full")
    yield store
    store.close()
    drop_database(url)


def pages_of(store: SqlMetadataStore, question: Callable[[Transaction], Any]) -> int:
    """Return how many pages the statements of a question touch, by the plans PostgreSQL makes for them."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        statements.append((statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    with store.read() as tx:
        assert question(tx)
    event.remove(store._engine, "before_cursor_execute", note)
    url = store._engine.url.render_as_string(hide_password=False)
    with connect(url) as connection:
        plans = [
            connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters).fetchall()[0][0][0]
            for statement, parameters in statements
            if statement.lstrip().startswith("SELECT")
        ]
    assert plans
    return sum(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] for plan in plans)


@pytest.mark.parametrize(
    "selector",
    [
        pytest.param(VersionSelector(name=HOT), id="latest of many"),
        pytest.param(VersionSelector(name=COLD), id="latest of few"),
        pytest.param(VersionSelector(name=HOT, version="1000"), id="by version"),
        pytest.param(VersionSelector(name=HOT, alias="prod"), id="by alias"),
    ],
)
def test_one_version_is_found(store: SqlMetadataStore, selector: VersionSelector) -> None:
    assert pages_of(store, lambda tx: tx.artifacts.get(PROJECT, selector)) < 50


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param({}, id="all"),
        pytest.param({"name": HOT}, id="of a name that has many"),
        pytest.param({"name": HOT, "oldest_first": True}, id="oldest of a name"),
        pytest.param({"name": COLD}, id="of a name that has few"),
        pytest.param({"tag": TAGS[0]}, id="tag"),
        pytest.param({"name": HOT, "tag": TAGS[0]}, id="name and tag"),
        pytest.param({"metadata": {"epochs": "10"}}, id="fact"),
        pytest.param({"pipeline_name": "training"}, id="pipeline"),
        pytest.param({"tag": TAGS[0], "metadata": {"epochs": "10"}}, id="tag and fact"),
        pytest.param({"tag": TAGS[0], **A_DAY}, id="day and tag"),
        pytest.param({"name": HOT, **A_DAY}, id="day and name that has many"),
        pytest.param({"pipeline_name": "training", **A_DAY}, id="day and pipeline"),
    ],
)
def test_a_page_of_versions_is_listed(store: SqlMetadataStore, filters: dict[str, Any]) -> None:
    assert pages_of(store, lambda tx: tx.artifacts.list_versions(PROJECT, PAGE, **filters).rows) < PAGES


@pytest.mark.parametrize("project", [PROJECT, ""])
def test_a_watch_goes_on_from_a_cursor_of_yesterday(store: SqlMetadataStore, project: str) -> None:
    with store.read() as tx:
        newest = tx.events.newest()
    yesterday = Position(newest.xid, newest.seq * 9 // 10)
    assert pages_of(store, lambda tx: tx.events.after(yesterday, 100, project)) < 50
