from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy_server.embedded import open_channel
from tests.api.alternating import AlternatingChannel
from tests.api.server_process import ServerProcess
from tests.backends.object_store import ObjectStore, new_bucket
from tests.backends.postgres import new_database


@dataclass
class Service:
    """Raw stubs of one service.

    Attributes:
        kind: ``server`` or ``embedded``.
        home: its folder; holds ``metadata.db`` and ``blobs/`` unless they are elsewhere.
        artifacts: stubs of the first service.
        blobs: stubs of the second.
        pipelines: stubs of the third.
        database: URL of its PostgreSQL database; empty for ``metadata.db``.
        bucket: where its bytes are; ``None`` for ``blobs/``.
    """

    kind: str
    home: Path
    artifacts: ArtifactServiceStub
    blobs: BlobServiceStub
    pipelines: PipelineServiceStub
    database: str = field(default="", kw_only=True)
    bucket: ObjectStore | None = field(default=None, kw_only=True)


def service_on(
    kind: str, home: Path, channel: grpc.Channel, database: str = "", bucket: ObjectStore | None = None
) -> Service:
    stubs = ArtifactServiceStub(channel), BlobServiceStub(channel), PipelineServiceStub(channel)
    return Service(kind, home, *stubs, database=database, bucket=bucket)


POSTGRESQL, S3 = "postgresql", "postgresql+s3"


@pytest.fixture(scope="session", params=["server", "embedded", POSTGRESQL, S3])
def stubs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same service: a real server process; in this process; three servers that share out the calls."""
    home = tmp_path_factory.mktemp("api") / request.param
    if request.param == "embedded":
        with open_channel(home) as channel:
            yield service_on("embedded", home, channel)
        return
    options, environment, count = ["--durability=process", "--direct-access"], {}, 1
    database, bucket = "", None
    if request.param in {POSTGRESQL, S3}:
        database, count = new_database(), 3
        options.append(f"--database={database}")
    if request.param == S3:
        bucket = new_bucket("versitygw")
        options.append(f"--blobs={bucket.url}")
        environment = bucket.environment
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(home, *options, **environment)) for _ in range(count)]
        channels = [server.channel() for server in servers]
        taken_in_turn = AlternatingChannel(channels) if count > 1 else channels[0]
        yield service_on("server", home, stack.enter_context(taken_in_turn), database, bucket)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Ask a bucket only where bytes are moved: all else happens in the database, which is tested without one.

    And ask fewer kinds where a test names those that count.
    """
    needless = {item for item in items if _is_needless(item)}
    if needless:
        config.hook.pytest_deselected(items=list(needless))
        items[:] = [item for item in items if item not in needless]


def _is_needless(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    named = item.get_closest_marker("kinds")
    if named and "stubs" in item.callspec.params and item.callspec.params["stubs"] not in named.args:
        return True
    moves_bytes = getattr(item.module, "MOVES_BYTES", False) and not item.get_closest_marker("every_byte_is_kept")
    return item.callspec.params.get("stubs") == S3 and not moves_bytes


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """URL of a new database, empty for SQLite in the folder of the store."""
    return new_database() if request.param == "postgresql" else ""


@pytest.fixture
def project() -> str:
    """A project nobody else uses, so that all tests can share one service."""
    return f"p-{uuid.uuid4()}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", str(path)], check=True)
