"""Waiting until a transaction of another thread waits for one of ours."""

from __future__ import annotations

from tests.backends.postgres import connect
from tests.waiting import wait_until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def wait_for_a_lock(url: str) -> None:
    """Return once a session of a database waits for a lock; at once on SQLite, where writers cannot even begin."""
    if url.startswith("sqlite:"):
        return
    with connect(url) as onlooker:
        wait_until(lambda: onlooker.execute(WAITING).fetchone() != (0,), "somebody waits for a lock")
