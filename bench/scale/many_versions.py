"""Ten thousand and a million versions, on SQLite and PostgreSQL: how long single questions take over gRPC.

One client asks, one question after the other. PostgreSQL was vacuumed and analyzed after its versions were loaded, as
autovacuum does in a while.

How to run it:

    python -m bench.scale.many_versions --calls 1000 --counts 10000 1000000
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from bench.running_server import serving
from bench.scale import load_postgresql, load_sqlite
from bench.scale.backends import new_cluster
from bench.scale.setting import FULL, Setting
from bench.transfer.line import Line, at_most
from bench.transfer.table import are_kept, tell

GET, LISTED, WATCHED = 5.0, 20.0, 50.0
"""Milliseconds in which 99 of 100 calls answer."""
PAGE = 50
FIRST_CALLS = 10
"""Not counted: statements are prepared, threads and connections start."""


def measure(setting: Setting) -> list[Line]:
    """Load stores of each size, and ask each of them every question."""
    stores: Mapping[str, Callable[[Path, int], AbstractContextManager[list[str]]]] = {
        "SQLite": _on_sqlite,
        "PostgreSQL": _on_postgresql,
    }
    lines: list[Line] = []
    medians: dict[tuple[str, str], list[float]] = {}
    for count in setting.counts:
        for name, store in stores.items():
            for question, (bar, taken) in _answers(store, count, setting.calls).items():
                p99 = statistics.quantiles(taken, n=100)[98]
                what = f"p99 of {count:,}, {name}: {question}"
                lines.append(Line(what, "a number", [p99], [bar], "ms", at_most(1)))
                medians.setdefault((question, name), []).append(statistics.median(taken))
    if len(setting.counts) == 1:
        return lines
    few, many = f"of {setting.counts[0]:,}", f"{setting.counts[-1]:,}"
    for (question, name), taken in medians.items():
        lines.append(Line(f"median of {many}, {name}: {question}", few, [taken[-1]], [taken[0]], "ms"))
    return lines


def _answers(
    store: Callable[[Path, int], AbstractContextManager[list[str]]], count: int, calls: int
) -> Mapping[str, tuple[float, list[float]]]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        store(Path(scratch), count) as options,
        serving(Path(scratch, "data"), *options, "--sweep-interval=0") as server,
    ):
        return _ask(server.url, count, calls)


@contextmanager
def _on_sqlite(scratch: Path, count: int) -> Iterator[list[str]]:
    with serving(scratch / "data", "--sweep-interval=0"):
        pass  # makes the tables
    _report("SQLite", count, load_sqlite.load(scratch / "data/metadata.db", count))
    yield []


@contextmanager
def _on_postgresql(scratch: Path, count: int) -> Iterator[list[str]]:
    with new_cluster(shared_buffers="512MB") as cluster:
        database = cluster.new_database()
        with serving(scratch / "data", f"--database={database}", "--sweep-interval=0"):
            pass
        _report("PostgreSQL", count, load_postgresql.load(database, count))
        yield [f"--database={database}"]


def _report(name: str, count: int, seconds: float) -> None:
    print(f"  {name}: {count:,} versions loaded in {seconds:.0f} s", file=sys.stderr, flush=True)


def _ask(url: str, count: int, calls: int) -> Mapping[str, tuple[float, list[float]]]:
    """Ask each question so often, of another artifact each time, over one connection that is warm."""
    import argosy

    client = argosy.Client(url)
    names = load_postgresql.name_count(count)

    def name(number: int) -> str:
        return f"artifact-{number * 7919 % (names - 1):06d}"

    def first_page(**how: Any) -> int:
        return len(list(islice(client.list_artifact_versions(**how), PAGE)))

    def day(number: int) -> dict[str, datetime]:
        """Return one of the eight whole days of the ten that versions were made in."""
        after = datetime.now(timezone.utc) - timedelta(days=9 - number % 8)
        return {"created_after": after, "created_before": after + timedelta(days=1)}

    with client.watch_artifacts() as watch:
        owner, xid, _ = base64.urlsafe_b64decode(watch.cursor).decode().split(".")

    def first_event(number: int) -> object:
        # The events are of the last ten days, and evenly spread.
        day_ago = base64.urlsafe_b64encode(f"{owner}.{xid}.{count * 9 // 10 + number}".encode()).decode()
        with client.watch_artifacts(cursor=day_ago) as watch:
            return next(iter(watch))

    questions: dict[str, tuple[float, Callable[[int], object]]] = {
        "by name and version": (GET, lambda number: client.get_artifact_version(name(number), version=number % 90 + 1)),
        "latest of a name": (GET, lambda number: client.get_artifact_version(name(number))),
        "latest of a name with a tenth": (GET, lambda _: client.get_artifact_version(load_postgresql.HOT)),
        "by alias": (GET, lambda number: client.get_artifact_version(name(number), alias="prod")),
        "latest 50": (LISTED, lambda _: first_page()),
        "latest 50 of a name": (LISTED, lambda number: first_page(name=name(number))),
        "latest 50 with a tag": (LISTED, lambda number: first_page(tag="gold")),
        "latest 50 with a fact": (LISTED, lambda number: first_page(metadata={"epochs": number % 100})),
        "latest 50 of a day with a tag": (LISTED, lambda number: first_page(tag="gold", **day(number))),
        "first event after a day-old cursor": (WATCHED, first_event),
    }
    # What may take longer is asked less often, so that all take about as long.
    return {
        what: (bar, _taken(calls if bar == GET else calls * 3 // 10, call)) for what, (bar, call) in questions.items()
    }


def _taken(calls: int, call: Callable[[int], object]) -> list[float]:
    """Return the milliseconds of each call but the first few.

    Raises:
        RuntimeError: a call found nothing.
    """
    taken = []
    for number in range(calls + FIRST_CALLS):
        began = time.perf_counter()
        if not call(number):
            raise RuntimeError("a question found nothing in a store that has the answer")
        taken.append((time.perf_counter() - began) * 1000)
    return taken[FIRST_CALLS:]


def main() -> None:
    """Load, ask and print; the exit code is 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.many_versions", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--calls", type=int, default=FULL.calls, help="how often each question for one version is asked (%(default)s)"
    )
    parser.add_argument("--counts", type=int, nargs="+", default=list(FULL.counts), help="how many versions")
    given = parser.parse_args()
    lines = measure(replace(FULL, calls=given.calls, counts=tuple(given.counts)))
    tell(lines, 1, as_json=False)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()
