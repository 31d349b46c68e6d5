from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy_server.embedded import open_channel
from tests.api.alternating import AlternatingChannel
from tests.api.server_process import ServerProcess


@dataclass
class Service:
    """Raw stubs of one service; ``home`` is the folder that holds ``metadata.db`` and ``blobs/``."""

    kind: str
    home: Path
    artifacts: ArtifactServiceStub
    blobs: BlobServiceStub
    pipelines: PipelineServiceStub


def service_on(kind: str, home: Path, channel: grpc.Channel) -> Service:
    return Service(kind, home, ArtifactServiceStub(channel), BlobServiceStub(channel), PipelineServiceStub(channel))


@pytest.fixture(scope="session", params=["server", "servers", "embedded"])
def stubs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same service: a real server process, three of them that share out the calls, and in this process."""
    home = tmp_path_factory.mktemp("api") / request.param
    if request.param == "embedded":
        with open_channel(home) as channel:
            yield service_on("embedded", home, channel)
        return
    with ExitStack() as stack:
        count = 1 if request.param == "server" else 3
        options = ("--durability=process", "--direct-access")
        channels = [stack.enter_context(ServerProcess(home, *options)).channel() for _ in range(count)]
        taken_in_turn = AlternatingChannel(channels) if count > 1 else channels[0]
        yield service_on("server", home, stack.enter_context(taken_in_turn))


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
