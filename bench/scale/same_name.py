"""Sixteen clients that save under one name over PostgreSQL, against bare SQL that writes the same rows.

Every transaction waits for its turn at the counter of the name, so this is as slow as saves get; those that wait in
one server share a transaction, which bare SQL cannot. The database syncs to its disk as it does by default; how long
the disk takes is told, since it bounds both.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import psycopg

from argosy.v1.artifact_pb2 import ArtifactSpec
from argosy.v1.artifact_service_pb2 import CreateArtifactVersionRequest
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from bench.child import environment
from bench.running_server import serving
from bench.scale.backends import new_cluster
from bench.scale.setting import Setting
from bench.transfer.line import Line, at_least
from bench.transfer.processes import READY, Client
from tests.backends.postgres import Cluster

PROCESSES, THREADS = 4, 4
CONTENT = bytes(1024)
NAME = "contended"
CONNECTING_SECONDS = 60.0
SYNCS = 200
BAR_A_SECOND, BAR_OF_SQL = 600, 0.6


@dataclass(frozen=True)
class Round:
    """Saves a second end to end, and transactions a second of bare SQL."""

    saves: float
    sql: float


def measure(setting: Setting) -> list[Line]:
    """Measure both in turn."""
    with new_cluster(fsync="on", shared_buffers="128MB") as cluster, tempfile.TemporaryDirectory() as scratch:
        database = cluster.new_database()
        sync = _sync_milliseconds(cluster.data)
        with serving(Path(scratch, "data"), f"--database={database}", "--workers=2", "--sweep-interval=0") as server:
            measured = []
            for number in range(setting.rounds):
                project = f"round-{number}"
                saves = _driven(["grpc", server.url, project], setting.seconds)
                _check_exact(cluster, database, project, saves)
                sql = _driven(["sql", database, f"{project}-sql"], setting.seconds)
                measured.append(Round(saves / setting.seconds, sql / setting.seconds))
    return lines_of(sync, measured)


def lines_of(sync: float, rounds: Sequence[Round]) -> list[Line]:
    """Hold saves against what is promised: so many a second, or a share of bare SQL.

    Args:
        sync: the milliseconds one takes.
        rounds: what was measured.
    """
    saves, sql = [one.saves for one in rounds], [one.sql for one in rounds]
    what = f"saves of {PROCESSES * THREADS} clients, one name, PostgreSQL; a sync takes {sync:.2f} ms"
    of_sql = Line(what, "bare SQL", saves, sql, "/s", at_least(BAR_OF_SQL), is_rate=True)
    a_second = Line(what, "a number", saves, [BAR_A_SECOND], "/s", at_least(1), is_rate=True)
    # One of the two is enough.
    if of_sql.kept:
        return [of_sql, replace(a_second, bar=None)]
    return [replace(of_sql, bar=None), a_second] if a_second.kept else [of_sql, a_second]


def _driven(what: list[str], seconds: float) -> int:
    """Return how often all clients together did it in so many seconds, once all of them were connected."""
    command = [sys.executable, "-m", "bench.scale.same_name", *what, str(seconds)]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        clients = [stack.enter_context(Client(command, environment(Path(scratch)))) for _ in range(PROCESSES)]
        for client in clients:
            client.until_ready()
        for client in clients:
            client.go()
        return sum(int(client.answer()["count"]) for client in clients)


def _check_exact(cluster: Cluster, database: str, project: str, saves: int) -> None:
    """Make sure that the versions are 1, 2, … and as many as were acknowledged."""
    with cluster.connect(database.rpartition("/")[2]) as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT label), max(label::int), max(last_number) FROM versions JOIN artifacts"
            " ON artifacts.seq = artifact_seq WHERE artifacts.project = %s",
            (project,),
        ).fetchone()
    if found != (saves, saves, saves, saves):
        raise RuntimeError(f"{saves} saves were acknowledged, the database has {found}")


def _sync_milliseconds(folder: Path) -> float:
    """Return how long the disk of the database takes to write one page for good."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            os.pwrite(file.fileno(), bytes(8192), 0)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _repeat_in_threads(make: Callable[[], Callable[[], None]], seconds: float) -> None:
    """Make a call ready in each of the threads, say so, and when told repeat it for so long; print how often."""
    counts: list[int] = []
    # One more than there are clients: who says when they shall begin.
    connected, begin = threading.Barrier(THREADS + 1), threading.Barrier(THREADS + 1)

    def work() -> None:
        call = make()
        connected.wait()
        begin.wait()
        began, count = time.monotonic(), 0
        while time.monotonic() < began + seconds:
            call()
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    connected.wait(timeout=CONNECTING_SECONDS)
    print(READY, flush=True)
    input()
    begin.wait()
    for thread in threads:
        thread.join()
    if len(counts) != THREADS:
        raise SystemExit("a client failed")
    print(json.dumps({"count": sum(counts)}))


def _saver(url: str, project: str) -> Callable[[], None]:
    channel = grpc.insecure_channel(url.removeprefix("grpc://"), options=[("grpc.use_local_subchannel_pool", 1)])
    grpc.channel_ready_future(channel).result(CONNECTING_SECONDS)
    stub = ArtifactServiceStub(channel)

    def save() -> None:
        request = CreateArtifactVersionRequest(
            project=project, request_id=str(uuid.uuid4()), spec=ArtifactSpec(name=NAME, format="bytes")
        )
        request.files.add(path="data.bin", inline_content=CONTENT)
        stub.CreateArtifactVersion(request)

    return save


def _writer(url: str, project: str) -> Callable[[], None]:
    """Return what writes the rows of a save, with no thought for anything else."""
    connection = psycopg.connect(url.replace("+psycopg", ""))
    with connection.transaction():
        connection.execute(
            "INSERT INTO artifacts (project, name, folded_name, last_number, last_ordinal) VALUES (%s, %s, %s, 0, 0)"
            " ON CONFLICT DO NOTHING",
            (project, NAME, NAME),
        )
        digest = f"blake3:{'0' * 64}"
        connection.execute(
            "INSERT INTO blobs (project, digest, size, location, pieces, state, lease_expires_at)"
            " VALUES (%s, %s, 1024, '', '', 'live', 0) ON CONFLICT DO NOTHING",
            (project, digest),
        )

    def write() -> None:
        with connection.transaction():
            _write_rows(connection, project, digest)

    return write


def _write_rows(connection: psycopg.Connection[Any], project: str, digest: str) -> None:
    now = time.time_ns() // 1000
    row = connection.execute(
        "UPDATE artifacts SET last_number = last_number + 1, last_ordinal = last_ordinal + 1"
        " WHERE project = %s AND name = %s RETURNING seq, last_number",
        (project, NAME),
    ).fetchone()
    assert row is not None
    version = connection.execute(
        "INSERT INTO versions (id, project, artifact_seq, label, ordinal, data_type, format, materializer, kind, named,"
        " metadata, tags, file_count, size, content_digest, created_at, revision, output_name) VALUES (%s, %s, %s, %s,"
        " %s, '', 'bytes', '', 'manual', true, '{}', '[]', 1, 1024, %s, %s, 1, '') RETURNING seq",
        (str(uuid.uuid4()), project, row[0], str(row[1]), row[1], digest, now),
    ).fetchone()
    assert version is not None
    connection.execute(
        "INSERT INTO version_files (version_seq, path, project, digest, size) VALUES (%s, 'data.bin', %s, %s, 1024)",
        (version[0], project, digest),
    )
    connection.execute(
        "INSERT INTO events (project, xid, kind, payload, created_at)"
        " VALUES (%s, pg_current_xact_id()::text::bigint, 'version_created', '{}', %s)",
        (project, now),
    )
    connection.execute(
        "INSERT INTO replies (project, request_id, fingerprint, reply, created_at) VALUES (%s, %s, %s, %s, %s)",
        (project, str(uuid.uuid4()), bytes(32), bytes(300), now),
    )


_CALLS: dict[str, Callable[[str, str], Callable[[], None]]] = {"grpc": _saver, "sql": _writer}


def main(way: str, where: str, project: str, seconds: str) -> None:
    """Be one of the clients."""
    _repeat_in_threads(lambda: _CALLS[way](where, project), float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
