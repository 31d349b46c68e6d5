"""Stores of every shape that move, what is in them, and what clients see of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import lineage_pb2, pipeline_service_pb2, step_logs_pb2
from argosy_server.embedded import open_channel
from tests.api.calls import (
    LARGE,
    Stubs,
    complete_step,
    create,
    create_request,
    download,
    finish_run,
    get_run,
    new_request_id,
    open_upload,
    start_run,
    start_step,
    upload_parts,
    write_parts,
)
from tests.api.conftest import Service, service_on
from tests.api.log_triggers import append_logs
from tests.api.run_calls import cache_entries, failed_run
from tests.api.server_process import ServerProcess
from tests.api.store_commands import files_of
from tests.api.watching import Watch
from tests.backends.object_store import Kind, new_bucket
from tests.backends.postgres import drop_database, new_database
from tests.warm import process as warm

PROJECT = "p"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}


@dataclass(frozen=True)
class Place:
    """Where a store is, or shall be."""

    data: Path
    database: str = ""
    blobs: str = ""
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    def options(self, prefix: str = "--") -> list[str]:
        """Name it to a command."""
        folder = "--data" if prefix == "--" else prefix
        named = [f"{folder}={self.data}"]
        separator = "" if prefix == "--" else "-"
        named += [f"{prefix}{separator}database={self.database}"] if self.database else []
        return named + ([f"{prefix}{separator}blobs={self.blobs}"] if self.blobs else [])

    @contextmanager
    def serve(self) -> Iterator[Service]:
        """Run a server on it."""
        options = [option for option in self.options() if not option.startswith("--data=")]
        with ServerProcess(self.data, *options, **self.environment) as server, server.channel() as channel:
            yield service_on("server", self.data, channel)
            server.terminate()
            server.wait()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    """What makes places of a shape, of which each is another one."""
    databases: list[str] = []
    count = iter(range(100))

    def make(shape: str) -> Place:
        database, _, blobs = shape.partition("+")
        data = tmp_path / f"place{next(count)}"
        url = ""
        if database == "postgresql":
            databases.append(url := new_database())
        if blobs in ("moto", "versitygw"):
            kind: Kind = "moto" if blobs == "moto" else "versitygw"
            bucket = new_bucket(kind)
            return Place(data, url, bucket.url, bucket.environment)
        return Place(data, url)

    yield make
    for database in databases:
        with suppress(Exception):
            drop_database(database)


@pytest.fixture
def source(place: Callable[[str], Place]) -> Place:
    """An embedded store with a version in a file, one in the database and some in between."""
    made = place("sqlite+files")
    fill_embedded(made.data)
    return made


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``argosy-server`` and wait."""
    words = [sys.executable, "-m", "argosy_server", *arguments]
    return warm.run(words, env={**ENVIRONMENT, **environment}, timeout=120)


def migrate(source: Place, target: Place, *options: str) -> subprocess.CompletedProcess[str]:
    """Move a store."""
    words = ["migrate", *source.options("--from"), *target.options("--to"), *options]
    return command(*words, **source.environment, **target.environment)


@dataclass
class Filled:
    """What a client remembers of the store it filled."""

    cursor: str
    request: artifacts.CreateArtifactVersionRequest
    reply: bytes
    upload_id: str
    running: str


def fill(stubs: Service) -> Filled:
    """Save, tag, alias, delete, run, cache, fail, log, begin an upload and leave a run under way."""
    with Watch(stubs, PROJECT) as watch:
        cursor = watch.cursor
    create(stubs, PROJECT, "weights", b"first", tags=["raw"], metadata={"rows": "1"})
    stubs.artifacts.UploadArtifact(upload_parts(PROJECT, "large", LARGE))
    create(stubs, PROJECT, "middle", bytes(range(256)) * 200)
    request = create_request(PROJECT, "weights", b"second", version="7", description="seven")
    reply = stubs.artifacts.CreateArtifactVersion(request).SerializeToString()
    gone = create(stubs, PROJECT, "weights", b"x" * 40_000)
    stubs.artifacts.DeleteArtifactVersion(
        artifacts.DeleteArtifactVersionRequest(project=PROJECT, request_id=new_request_id(), id=gone.id)
    )
    stubs.artifacts.SetAlias(
        artifacts.SetAliasRequest(
            project=PROJECT,
            request_id=new_request_id(),
            alias="prod",
            selector=nouns.VersionSelector(name="weights", version="7"),
        )
    )
    run = start_run(stubs, PROJECT, name="monday")
    complete_step(stubs, PROJECT, start_step(stubs, run, cache_key="a key"), model=b"trained")
    finish_run(stubs, run)
    failed_run(stubs, PROJECT, "tuesday")
    append_logs(stubs, PROJECT, size=5_000)
    under_way = start_run(stubs, PROJECT, name="wednesday")
    start_step(stubs, under_way, cache_key="another key")
    create(stubs, "another", "elsewhere", b"of another project")
    upload = open_upload(stubs, PROJECT)
    stubs.blobs.WriteUpload(write_parts(PROJECT, upload.id, LARGE))
    return Filled(cursor, request, reply, upload.id, under_way.id)


def what_clients_see(stubs: Stubs) -> dict[str, Any]:
    """Everything that calls which change nothing answer, runs that read as abandoned left out."""
    listed = stubs.artifacts.ListArtifacts(artifacts.ListArtifactsRequest(project=PROJECT, include_unnamed=True))
    names = [row.name for row in listed.artifacts]
    seen: dict[str, Any] = {"artifacts": listed.SerializeToString(deterministic=True)}
    for name in names:
        page = stubs.artifacts.ListArtifactVersions(artifacts.ListArtifactVersionsRequest(project=PROJECT, name=name))
        for version in page.artifact_versions:
            full = stubs.artifacts.GetArtifactVersion(
                artifacts.GetArtifactVersionRequest(project=PROJECT, selector=nouns.VersionSelector(id=version.id))
            )
            seen[f"{name} {version.version}"] = full.SerializeToString(deterministic=True)
            seen[f"{name} {version.version} bytes"] = download(stubs, PROJECT, id=version.id)
            lineage = lineage_pb2.GetLineageRequest(project=PROJECT, selector=nouns.VersionSelector(id=version.id))
            seen[f"{name} {version.version} lineage"] = stubs.artifacts.GetLineage(lineage).SerializeToString(
                deterministic=True
            )
    prod = nouns.VersionSelector(name="weights", alias="prod")
    request = artifacts.GetArtifactVersionRequest(project=PROJECT, selector=prod)
    seen["prod"] = stubs.artifacts.GetArtifactVersion(request).artifact_version.id
    for name in ("monday", "tuesday"):
        seen[f"run {name}"] = get_run(stubs, PROJECT, name).SerializeToString(deterministic=True)
    runs = stubs.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(project=PROJECT)).runs
    seen["runs"] = [run.name for run in runs]
    steps = [step for run in runs for step in get_run(stubs, PROJECT, run.id).steps]
    seen["logs"] = [log_of(stubs, step.id) for step in steps]
    seen["cache"] = cache_entries(stubs, PROJECT).SerializeToString(deterministic=True)
    return seen


def log_of(stubs: Stubs, step_run_id: str) -> list[str]:
    """What a step printed."""
    request = step_logs_pb2.GetStepLogsRequest(project=PROJECT, step_run_id=step_run_id)
    batches = stubs.pipelines.GetStepLogs(request).batches
    return [entry.text for batch in batches for entry in batch.entries]


def fill_embedded(home: Path, files: int = 1) -> None:
    with open_channel(home) as channel:
        service = service_on("embedded", home, channel)
        service.artifacts.UploadArtifact(upload_parts(PROJECT, "large", LARGE))
        create(service, PROJECT, "small", b"small")
        for number in range(files):
            create(service, PROJECT, "middle", number.to_bytes(4, "big") * 10_000)


def bytes_of(place: Place) -> dict[str, bytes]:
    root = place.data / "blobs"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files_of(place.data)}


def url_of(place: Place) -> str:
    return place.database or f"sqlite:///{place.data}/metadata.db"


def refusal(*arguments: str, **environment: str) -> str:
    done = command("migrate", *arguments, **environment)
    assert (done.returncode, done.stdout) in {(1, ""), (2, "")}
    return " ".join(done.stderr.split())
