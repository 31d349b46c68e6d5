"""Ten thousand and a million versions, on SQLite and PostgreSQL: how long single questions take over gRPC.

How to run it:

    python -m bench.scale.many_versions --calls 200
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from bench.running_server import serving
from bench.scale import load_postgresql, load_sqlite
from tests.backends.postgres import Cluster

COUNTS = (10_000, 1_000_000)
GET, LISTED, WATCHED = "get", "list", "watch"
BARS = {GET: 5.0, LISTED: 20.0, WATCHED: 50.0}
"""Milliseconds in which 99 of 100 calls answer."""
PAGE = 50


def main() -> None:
    """Load, ask and print; the exit code is 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.many_versions", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200, help="how often each question is asked")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="how many versions")
    given = parser.parse_args()
    kept = True
    for count in given.counts:
        for name, store in (("SQLite", _on_sqlite), ("PostgreSQL", _on_postgresql)):
            with (
                tempfile.TemporaryDirectory() as scratch,
                store(Path(scratch), count) as options,
                serving(Path(scratch, "data"), *options, "--sweep-interval=0") as server,
            ):
                answers = _ask(server.url, count, given.calls)
            for question, (kind, taken) in answers.items():
                p99 = statistics.quantiles(taken, n=100)[98]
                kept = kept and p99 <= BARS[kind]
                print(
                    f"{name:10} {count:>9,} {question:32} median {statistics.median(taken):7.2f} ms   "
                    f"p99 {p99:7.2f} ms   bar {BARS[kind]:g} ms   ratio {p99 / BARS[kind]:.2f}",
                    flush=True,
                )
    sys.exit(0 if kept else 1)


@contextmanager
def _on_sqlite(scratch: Path, count: int) -> Iterator[list[str]]:
    with serving(scratch / "data", "--sweep-interval=0"):
        pass  # makes the tables
    load_sqlite.load(scratch / "data/metadata.db", count)
    yield []


@contextmanager
def _on_postgresql(scratch: Path, count: int) -> Iterator[list[str]]:
    with Cluster(shared_buffers="512MB") as cluster:
        database = cluster.new_database()
        with serving(scratch / "data", f"--database={database}", "--sweep-interval=0"):
            pass
        load_postgresql.load(database, count)
        yield [f"--database={database}"]


def _ask(url: str, count: int, calls: int) -> Mapping[str, tuple[str, list[float]]]:
    """Ask each question so often, of another artifact each time, over one connection that is warm."""
    import argosy

    client = argosy.Client(url)
    names = load_postgresql.name_count(count)

    def name(number: int) -> str:
        return f"artifact-{number * 7919 % (names - 1):06d}"

    def first_page(**how: Any) -> int:
        return len(list(islice(client.list_artifact_versions(**how), PAGE)))

    with client.watch_artifacts() as watch:
        owner, xid, _ = base64.urlsafe_b64decode(watch.cursor).decode().split(".")

    def first_event(number: int) -> object:
        # The events are of the last ten days, and evenly spread.
        day_ago = base64.urlsafe_b64encode(f"{owner}.{xid}.{count * 9 // 10 + number}".encode()).decode()
        with client.watch_artifacts(cursor=day_ago) as watch:
            return next(iter(watch))

    questions: dict[str, tuple[str, int, Callable[[int], object]]] = {
        "by name and version": (
            GET,
            calls,
            lambda number: client.get_artifact_version(name(number), version=number % 90 + 1),
        ),
        "latest of a name": (GET, calls, lambda number: client.get_artifact_version(name(number))),
        "latest of a name of a tenth of all": (GET, calls, lambda _: client.get_artifact_version(load_postgresql.HOT)),
        "by alias": (GET, calls, lambda number: client.get_artifact_version(name(number), alias="prod")),
        "latest 50": (LISTED, calls, lambda _: first_page()),
        "latest 50 of a name": (LISTED, calls, lambda number: first_page(name=name(number))),
        "latest 50 with a tag": (LISTED, calls, lambda number: first_page(tag="gold")),
        "latest 50 with a fact": (LISTED, calls, lambda number: first_page(metadata={"epochs": number % 100})),
        "first event after a day-old cursor": (WATCHED, min(calls, 100), first_event),
    }
    return {what: (kind, _taken(times, call)) for what, (kind, times, call) in questions.items()}


def _taken(calls: int, call: Callable[[int], object]) -> list[float]:
    """Return the milliseconds of each call but the first few, for which statements are prepared."""
    taken = []
    for number in range(calls + 5):
        began = time.perf_counter()
        if not call(number):
            raise SystemExit("nothing was found")
        taken.append((time.perf_counter() - began) * 1000)
    return taken[5:]


if __name__ == "__main__":
    main()
