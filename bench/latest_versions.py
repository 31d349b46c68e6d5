"""The latest 50 of 100,000 versions by every filter, embedded and over gRPC."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

BAR = 20.0
PAGE = 50
READS = 20
"""Each list is read so often in a round; the first time its statement is prepared."""
SELDOM = 997
"""One version of so many has what is seldom looked for."""
FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
STEP = timedelta(seconds=1)


def measure(effort: Effort) -> list[Result]:
    """Make one store of so many versions, and ask it for the latest ones by each filter."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch, "store")
        ask("bench.latest_versions", "seed", env=environment(store))
        _fill(next(store.glob("*.db")), effort.versions)
        count = str(effort.versions)
        embedded = [ask("bench.latest_versions", count, env=environment(store)) for _ in range(effort.rounds)]
        with serving(store) as server:
            reach = environment(Path(scratch, "client"), server.url)
            remote = [ask("bench.latest_versions", count, env=reach) for _ in range(effort.rounds)]
    return [
        Result(f"latest {PAGE} of {effort.versions:,}, {wanted}, {where}", [one[wanted] for one in rounds], "ms", BAR)
        for where, rounds in (("embedded", embedded), ("gRPC", remote))
        for wanted in rounds[0]
    ]


def _fill(database: Path, count: int) -> None:
    """Copy the two versions of the seed until there are ``count``; through the service it would take minutes."""
    from argosy_server.domain.json_value import value_digest

    # Closed explicitly: the block of a connection of sqlite3 only commits.
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    facts = [("often", value_digest("1")), ("seldom", value_digest("1"))]
    with connection:
        often, made = (dict(row) for row in connection.execute("SELECT * FROM versions ORDER BY pipeline_name"))
        columns = ", ".join(often)
        insert = f"INSERT INTO versions ({columns}) VALUES ({', '.join(f':{name}' for name in often)})"
        rows = list(_rows(often, made, count))
        connection.executemany(insert, rows)
        for kind in ("often", "seldom"):
            having = [row for row in rows if kind in row["tags"]]
            connection.executemany(
                f"INSERT INTO version_tags (project, tag, version_seq) VALUES (:project, '{kind}', :seq)", having
            )
        for key, digest in facts:
            having = [{**row, "digest": digest} for row in rows if key in row["tags"]]
            connection.executemany(
                "INSERT INTO version_facts (project, key, value_digest, version_seq) "
                f"VALUES (:project, '{key}', :digest, :seq)",
                having,
            )
    connection.close()


def _rows(often: dict[str, Any], made: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        is_seldom = number % SELDOM == SELDOM // 2
        kinds = ["often", "seldom"] if is_seldom else ["often"]
        yield {
            **(made if is_seldom else often),
            "seq": 1000 + number,
            "id": f"00000000-0000-4000-8000-{number:012x}",
            "label": str(1000 + number),
            "ordinal": 1000 + number,
            "tags": json.dumps(kinds),
            "metadata": json.dumps(dict.fromkeys(kinds, "1")),
            "created_at": int((FIRST + number * STEP).timestamp()) * 1_000_000,
        }


def main(count: int) -> None:
    """Read the first page of each list."""
    import argosy

    client = argosy.Client()
    end = FIRST + count * STEP
    lists: dict[str, dict[str, Any]] = {
        "all": {},
        "one name": {"name": "often"},
        "a tag all have": {"tag": "often"},
        "a tag few have": {"tag": "seldom"},
        "a fact all have": {"metadata": {"often": 1}},
        "a fact few have": {"metadata": {"seldom": 1}},
        "a fact and a tag": {"metadata": {"often": 1}, "tag": "seldom"},
        "a pipeline of few": {"pipeline": "seldom"},
        "the last hour": {"created_after": end - timedelta(hours=1)},
        "before the first hour": {"created_before": FIRST + timedelta(hours=1)},
    }
    print(json.dumps({wanted: _milliseconds(client, how) for wanted, how in lists.items()}))


def _milliseconds(client: Any, how: dict[str, Any]) -> float:
    taken: list[float] = []
    for _ in range(READS):
        started = time.perf_counter()
        found = list(islice(client.list_artifact_versions(**how), PAGE))
        taken.append((time.perf_counter() - started) * 1000)
        if not found:
            raise SystemExit(f"nothing was found by {how}")
    return sorted(taken)[READS // 2]


def seed() -> None:
    """Save one version by hand, and let a pipeline make one."""
    import argosy

    @argosy.step
    def make() -> int:
        return 1

    @argosy.pipeline
    def seldom() -> None:
        make()

    argosy.save_artifact(1, "often")
    seldom()
    print("{}")


if __name__ == "__main__":
    import sys

    seed() if sys.argv[1] == "seed" else main(int(sys.argv[1]))
