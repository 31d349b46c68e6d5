"""Waiting until a transaction of another thread waits for one of ours."""

from __future__ import annotations

import time

from tests.backends.postgres import connect

PATIENCE = 30.0
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def wait_for_a_lock(url: str) -> None:
    """Return once a session of a database waits for a lock; at once on SQLite, where writers cannot even begin."""
    if url.startswith("sqlite:"):
        return
    deadline = time.monotonic() + PATIENCE
    with connect(url) as onlooker:
        while onlooker.execute(WAITING).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody ever waited"
            time.sleep(0.01)
