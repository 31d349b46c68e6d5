"""Lineage of depth 10 over 10,000 edges, embedded and over gRPC: of a wide graph, and of many thin chains."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

LEVELS = 10
EDGES = 10_000
CALLS = 5
SHAPES = {"wide": (100, 10), "thin": (500, 1)}
"""Name -> (steps of a level, versions each of them is given). Both have about 10,000 edges and depth 10, but the first
1,900 versions and steps, the other 9,500: there the nodes take most of the time."""
BARS = {"wide": 50, "thin": None}
PROJECT, NOW = "default", 1_700_000_000_000_000


def measure(effort: Effort) -> list[Result]:
    """Ask for the lineage of the last version again and again; the embedded store, then a server on the same data."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        roots = {name: fill(data, name, *shape) for name, shape in SHAPES.items()}
        results = []
        embedded = [_ask(roots, environment(data)) for _ in range(effort.rounds)]
        with serving(data) as server:
            remote = [_ask(roots, environment(Path(scratch, "client"), server.url)) for _ in range(effort.rounds)]
        for name in SHAPES:
            title = f"lineage of depth {LEVELS}, {EDGES:,} edges, {name}"
            results.append(Result(f"{title}, embedded", [sample[name] for sample in embedded], "ms", BARS[name]))
            results.append(Result(f"{title}, gRPC", [sample[name] for sample in remote], "ms", BARS[name]))
    return results


def _ask(roots: dict[str, str], env: dict[str, str]) -> dict[str, float]:
    samples: dict[str, float] = ask("bench.lineage", *(f"{name}={root}" for name, root in roots.items()), env=env)
    return samples


@dataclass
class _Rows:
    """What will be inserted."""

    run: str
    artifact: int
    versions: list[tuple[object, ...]] = field(default_factory=list)
    steps: list[tuple[object, ...]] = field(default_factory=list)
    inputs: list[tuple[object, ...]] = field(default_factory=list)
    links: list[tuple[object, ...]] = field(default_factory=list)

    def version(self) -> str:
        version_id, ordinal = str(uuid.uuid4()), len(self.versions) + 1
        self.versions.append((version_id, PROJECT, self.artifact, str(ordinal), ordinal, NOW))
        return version_id

    def step(self, given: list[str], returned: str) -> None:
        step_id, number = str(uuid.uuid4()), len(self.steps)
        self.steps.append((step_id, PROJECT, self.run, f"step_{number}", NOW))
        self.inputs.append((PROJECT, step_id))
        self.links += [(PROJECT, step_id, "input", "x", version_id) for version_id in given]
        self.links.append((PROJECT, step_id, "output", "output", returned))


def fill(data: Path, name: str, width: int, inputs: int) -> str:
    """Write a run whose steps are levels of a graph, as fast as the database takes it; return its last version."""
    from argosy_server.bootstrap import build
    from argosy_server.config import StoreConfig

    build(StoreConfig(data)).close()
    with sqlite3.connect(data / "metadata.db") as database:
        run = str(uuid.uuid4())
        database.execute(
            "INSERT INTO runs (id, project, pipeline_name, name, state, parameters, created_at, ended_at,"
            " lease_expires_at, cancel_requested) VALUES (?, ?, 'p', ?, 'completed', '{}', ?, ?, ?, 0)",
            (run, PROJECT, name, NOW, NOW, NOW),
        )
        cursor = database.execute(
            "INSERT INTO artifacts (project, name, folded_name, last_number, last_ordinal) VALUES (?, ?, ?, 0, 0)",
            (PROJECT, name, name),
        )
        assert cursor.lastrowid is not None
        rows = _Rows(run, cursor.lastrowid)
        level = [rows.version() for _ in range(width)]
        for _ in range(LEVELS - 1):
            below = level
            level = [rows.version() for _ in range(width)]
            for position, version_id in enumerate(level):
                rows.step([below[(position + offset) % width] for offset in range(inputs)], version_id)
        # The last step is given what fills the graph up to the number of edges.
        root = rows.version()
        rows.step(level[: EDGES - len(rows.links) - 1], root)
        _insert(database, rows)
    return root


def _insert(database: sqlite3.Connection, rows: _Rows) -> None:
    database.executemany(
        "INSERT INTO step_runs (id, project, run_id, pipeline_name, invocation, step_name, state, attempt_token,"
        " parameters, cache_key, cache_key_parts, cached_from, cache_miss, started_at)"
        " VALUES (?, ?, ?, 'p', ?, 'step', 'completed', '', '{}', '', '{}', '', '[]', ?)",
        rows.steps,
    )
    database.executemany(
        "INSERT INTO versions (id, project, artifact_seq, label, ordinal, data_type, format, materializer, kind, named,"
        " metadata, tags, file_count, size, content_digest, created_at, revision, output_name) VALUES (?, ?, ?, ?, ?,"
        f" 'builtins:int', 'json', '', 'step_output', 1, '{{}}', '[]', 0, 0, 'blake3:{'0' * 64}', ?, 1, 'output')",
        rows.versions,
    )
    database.executemany(
        "INSERT INTO step_inputs (project, step_run_id, position, name, kind, is_list)"
        " VALUES (?, ?, 0, 'x', 'step_output', 1)",
        rows.inputs,
    )
    database.executemany(
        "INSERT INTO step_versions (project, step_run_id, role, position, name, version_id) VALUES (?, ?, ?, 0, ?, ?)",
        rows.links,
    )


def main() -> None:
    """Ask for each lineage once to be warm, and then some times; the median counts."""
    import statistics

    import argosy
    from argosy.v1.artifact_pb2 import VersionSelector
    from argosy.v1.lineage_pb2 import LineageDirection

    artifacts = argosy.Client().connection.artifacts
    samples = {}
    for name, root in (argument.split("=") for argument in sys.argv[1:]):
        seconds = []
        for _ in range(CALLS + 1):
            started = time.perf_counter()
            reply = artifacts.get_lineage(
                VersionSelector(id=root), LineageDirection.LINEAGE_DIRECTION_UPSTREAM, depth=LEVELS
            )
            seconds.append(time.perf_counter() - started)
            if len(reply.edges) < EDGES * 0.9 or reply.truncated:
                raise SystemExit(f"{len(reply.edges)} edges came, truncated is {reply.truncated}")
        samples[name] = statistics.median(seconds[1:]) * 1000
    print(json.dumps(samples))


if __name__ == "__main__":
    main()
