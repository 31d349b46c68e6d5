"""One server's clock is a day off: nothing of the store hangs on it, for all servers use the clock of the database."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

import argosy
from argosy.transport.connection import Connection, disconnect_all
from argosy.transport.rpc.calls import new_request_id
from argosy.v1.artifact_pb2 import ArtifactSpec, NewArtifactFile
from argosy.v1.blob_pb2 import NewBlob
from argosy.v1.pipeline_pb2 import RunState
from tests.backends import postgres
from tests.backends.missing import missing
from tests.faults.replicas import Replica, Replicas
from tests.faults.stand import MEBIBYTE, array_of
from tests.waiting import wait_until

# Read before a fixture takes the settings of the person who runs the tests away.
DAY = dt.timedelta(days=1)
_DAYS_AGO = "(extract(epoch from clock_timestamp() - interval '6.5 days') * 1000000)::bigint"
CONTENT = array_of(3 * MEBIBYTE, seed=14).tobytes()
DIGEST = f"blake3:{blake3(CONTENT).hexdigest()}"


@dataclass
class Clocks:
    """Two servers over one database, and which of them goes wrong."""

    database: str
    wrong: Replica
    right: Replica

    @property
    def both(self) -> Replicas:
        """The two, as clients are told of them."""
        return Replicas([self.wrong, self.right])

    def change(self, statement: str) -> None:
        """Change the database past everything else."""
        with postgres.connect(self.database) as connection:
            connection.execute(statement.encode())

    def wait_for_a_sweep(self) -> None:
        """Return once the server whose clock is wrong has swept: it took what had run out in between."""
        swept = self.swept_uploads()
        doomed = connection_of(self.right).blobs.create_upload().id
        self.change(f"UPDATE uploads SET expires_at = 0 WHERE id = '{doomed}'")
        wait_until(lambda: self.swept_uploads() > swept, "it sweeps")

    def swept_uploads(self) -> int:
        """Return how many uploads the server whose clock is wrong has swept."""
        return sum(line.get("uploads", 0) for line in log_of(self.wrong) if line.get("event") == "swept")


@pytest.fixture(params=["+1d", "-1d"], ids=["a day ahead", "a day behind"])
def clocks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clocks]:
    """The server whose clock is wrong starts first: so it is the one that sweeps, all the time."""
    preload = str(library())
    database = postgres.new_database()
    options = ("--durability=process", f"--database={database}", f"--blobs={tmp_path / 'blobs'}")
    replicas = Replicas()
    try:
        replicas.append(
            Replica(
                tmp_path / "wrong",
                *options,
                "--sweep-interval=0.2",
                "--log-format=json",
                "--log-level=debug",
                LD_PRELOAD=preload,
                FAKETIME=request.param,
                FAKETIME_DONT_FAKE_MONOTONIC="1",
                DONT_FAKE_MONOTONIC="1",
            )
        )
        wait_until(lambda: any(line.get("event") == "swept" for line in log_of(replicas[0])), "it sweeps")
        replicas.append(Replica(tmp_path / "right", *options))
        off = dt.datetime.fromisoformat(log_of(replicas[0])[-1]["timestamp"]) - dt.datetime.now(dt.timezone.utc)
        assert abs(off - (DAY if request.param == "+1d" else -DAY)) < dt.timedelta(hours=1), "its clock is a day off"
        yield Clocks(database, *replicas)
    finally:
        shared = [file for replica in replicas for file in shared_memory_of(replica)]
        disconnect_all()
        replicas.close()
        for file in shared:
            file.unlink(missing_ok=True)
        postgres.drop_database(database)


def library() -> Path:
    """Return the library that shows a process another time."""
    found = next(iter(Path("/usr/lib").glob("**/faketime/libfaketime.so.1")), None)
    if found is not None:
        return found
    return missing("faketime", "libfaketime is not installed: install the package libfaketime")


def shared_memory_of(replica: Replica) -> set[Path]:
    """Return where the library keeps time for the processes of a server; it leaves that when they are killed."""
    process = Path(f"/proc/{replica.server.process.pid}")
    try:
        mapped = (process / "maps").read_text()
    except FileNotFoundError:
        return set()
    return {Path(path) for path in re.findall(r"/dev/shm/\S*faketime_\S+", mapped)}


def log_of(replica: Replica) -> list[dict[str, Any]]:
    """Return what a server logged."""
    lines = replica.server.log().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]


def connection_of(replica: Replica) -> Connection:
    """Return a way to one server alone."""
    return replica.beside_the_proxy().connection


def test_uploads_and_blobs_live_as_long_as_their_leases_say(clocks: Clocks) -> None:
    right, wrong = connection_of(clocks.right).blobs, connection_of(clocks.wrong).blobs
    begun = {blobs: blobs.create_upload() for blobs in (right, wrong)}
    half = len(CONTENT) // 2
    for blobs, upload in begun.items():
        blobs.write_upload(upload.id, [CONTENT[:half]], epoch=upload.epoch + 1)
    assert [status.code for status in right.batch_upload_blobs([NewBlob(digest=digest_of(b"x"), content=b"x")])] == [0]
    clocks.wait_for_a_sweep()
    for other, upload in zip((wrong, right), begun.values(), strict=True):
        found = other.get_upload(upload.id)
        other.write_upload(
            upload.id, [CONTENT[found.committed_size :]], offset=found.committed_size, epoch=found.epoch + 1
        )
        other.commit_upload(upload.id, DIGEST, len(CONTENT))
    clocks.wait_for_a_sweep()
    for connection in (connection_of(clocks.wrong), connection_of(clocks.right)):
        files = [NewArtifactFile(path="a", digest=DIGEST), NewArtifactFile(path="b", digest=digest_of(b"x"))]
        connection.artifacts.create_artifact_version(ArtifactSpec(name="value", format="directory"), files)
    assert [version.version for version in clocks.both.client().list_artifact_versions("value")] == ["2", "1"]


def test_runs_live_as_long_as_their_leases_say_whoever_is_asked(clocks: Clocks) -> None:
    ways = [connection_of(clocks.right).pipelines, connection_of(clocks.wrong).pipelines]
    for created_by in ways:
        created = created_by.create_run("training")
        for pipelines in ways:
            pipelines.renew_run(created.run.id, driver_token=created.driver_token)
        clocks.wait_for_a_sweep()
        assert {pipelines.get_run(created.run.id).state for pipelines in ways} == {RunState.RUN_STATE_RUNNING}
        clocks.change(f"UPDATE runs SET lease_expires_at = 1 WHERE id = '{created.run.id}'")
        assert {pipelines.get_run(created.run.id).state for pipelines in ways} == {RunState.RUN_STATE_ABANDONED}


def test_times_are_those_of_the_database_whoever_wrote_them(clocks: Clocks) -> None:
    for replica in clocks.both:
        saved = replica.beside_the_proxy().save_artifact(1, "value", alias="prod")
        run = connection_of(replica).pipelines.create_run("training").run
        for time in (saved.created, run.create_time.ToDatetime(dt.timezone.utc)):
            assert abs(time - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(hours=1)


def test_a_watch_goes_on_from_a_cursor_of_the_other_server(clocks: Clocks) -> None:
    watch = clocks.wrong.beside_the_proxy().watch_artifacts("value", timeout=60)
    for number, replica in enumerate([clocks.wrong, clocks.right] * 3):
        replica.beside_the_proxy().save_artifact(number, "value")
        clocks.wait_for_a_sweep()
        event = next(watch)
        assert (event.version, abs(event.time - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(hours=1)) == (
            str(number + 1),
            True,
        )
        watch.close()
        after = [clocks.right, clocks.wrong][number % 2].beside_the_proxy()
        watch = after.watch_artifacts("value", cursor=event.cursor, timeout=60)
    watch.close()


@argosy.step(enable_cache=True, max_age=3600)
def numbers() -> list[int]:
    return [1, 2, 3]


@argosy.pipeline
def counting() -> None:
    numbers()


def test_what_one_server_keeps_of_a_step_the_other_one_reuses_for_as_long_as_it_may(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_on(replica: Replica, project: str) -> str:
        monkeypatch.setenv("ARGOSY_SERVER", replica.beside_the_proxy().config.server)
        monkeypatch.setenv("ARGOSY_PROJECT", project)
        return counting().steps["numbers"].status

    for project, (first, second) in {
        "one": (clocks.wrong, clocks.right),
        "two": (clocks.right, clocks.wrong),
    }.items():
        assert [run_on(first, project), run_on(second, project), run_on(first, project)] == [
            "completed",
            "cached",
            "cached",
        ]
        clocks.change("UPDATE step_runs SET ended_at = ended_at - 7200000000")
        assert run_on(second, project) == "completed"


def test_a_request_is_known_again_by_the_other_server(clocks: Clocks) -> None:
    request_id = new_request_id()
    file = NewArtifactFile(path="data", inline_content=b"1", inline_digest=digest_of(b"1"))
    made = []
    for replica in [clocks.wrong, clocks.right, clocks.wrong]:
        artifacts = connection_of(replica).artifacts
        spec = ArtifactSpec(name="value", format="bytes")
        made.append(artifacts.create_artifact_version(spec, [file], request_id).id)
        # Half a day before the seven are over for which it is known.
        clocks.change(f"UPDATE replies SET created_at = {_DAYS_AGO} WHERE request_id = '{request_id}'")
        clocks.wait_for_a_sweep()
    assert len(set(made)) == 1


def digest_of(content: bytes) -> str:
    return f"blake3:{blake3(content).hexdigest()}"
